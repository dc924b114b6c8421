use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use miosa_testkit::server::*;
fn server() -> Server { Server::start(ServerOptions::new(env!("CARGO_BIN_EXE_miosa"))) }
fn red(what: &str, f: impl FnOnce()) { let r = catch_unwind(AssertUnwindSafe(f)); println!("PLANTED {what}: {}", if let Err(e) = r { format!("RED: {}", e.downcast_ref::<String>().cloned().unwrap_or_default().chars().take(160).collect::<String>()) } else { "GREEN!!".into() }); }
fn sh(c: &str) { let o=Command::new("sh").args(["-c", c]).output().unwrap(); assert!(o.status.success(), "{c}: {o:?}"); }
#[test]
fn planted() {
    let mut server = server();
    let w = Workload::start(&server);
    w.check(&server);
    server.power(&w.computer, "stop");
    server.power(&w.computer, "start");
    w.wait_progress(&server);
    w.check(&server);
    let mount = server.data_dir().join("pool/mounts").join(&w.volume);
    let m = mount.display();
    sh(&format!("cp {m}/records /var/tmp/records.bak; sed -i '30d' {m}/records"));
    red("a record removed in the middle", || { w.check(&server); });
    let first = server.first_process(&w.computer).pid;
    sh(&format!("echo absent >> /proc/{first}/root/root/starts"));
    red("a start without the volume", || { w.check(&server); });
    red("clean host with a running server", || {
        let left = server.remains(); assert!(left.is_empty(), "{left}");
    });
    server.stop();
    server.simulate_reboot();
    sh(&format!("cd {}; truncate -s 10M extra; mkfs.ext4 -q extra; mkdir -p mm; mount -o loop extra mm", server.data_dir().display()));
    let left = server.remains();
    println!("PLANTED mount and loop seen: {} {}", left.mounts.len(), left.loops.len());
    sh(&format!("umount {}/mm", server.data_dir().display()));
    // lose the tail of the records while all is down
    let pool = server.data_dir().join("pool");
    let p = pool.display();
    sh(&format!("mkdir -p /var/tmp/plant/{{a,b}} /var/tmp/plant/a /var/tmp/plant/b && mount -o loop {p}/pool.img /var/tmp/plant/a && mount -o loop /var/tmp/plant/a/volumes/{}/disk.img /var/tmp/plant/b && truncate -s -600 /var/tmp/plant/b/records && umount /var/tmp/plant/b && umount /var/tmp/plant/a; rm -rf /var/tmp/plant /var/tmp/records.bak", w.volume));
    server.start_again();
    w.wait_progress(&server);
    red("acknowledged tail lost over a reboot", || { w.check(&server); });
}
