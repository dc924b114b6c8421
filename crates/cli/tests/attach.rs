//! Aim: attach and detach do what they say, or say why not and leave everything as it was: races, paths, read-only, files in
//! use, hostile workloads, data that is missing or not ours, and a full pool.
//!
//! Method: each case has a server of its own; what the API says is compared with what the computer sees and what the host's
//! mount table holds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use miosa_testkit::server::remains::{self, Mount};
use miosa_testkit::server::{Answer, Process, Server, ServerOptions, wait_until};
use serde_json::{Value, json};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

fn server() -> Server {
    Server::start(ServerOptions::new(env!("CARGO_BIN_EXE_miosa")))
}

fn computer(server: &Server, name: &str) -> String {
    server.run_computer(json!({"name": name}))
}

fn id_of(answer: &Value) -> String {
    answer["id"].as_str().unwrap_or_else(|| panic!("no id in {answer}")).to_owned()
}

/// The lines of the computer's mount table that speak of `path`.
fn mounts_at(server: &Server, computer: &str, path: &str) -> String {
    server.exec(computer, &format!("grep ' {path} ' /proc/self/mountinfo")).stdout
}

/// Where the host has mounted the volume, and everything else that is a mount of the same device.
fn host_mounts(server: &Server, volume: &str) -> (PathBuf, Vec<Mount>) {
    let own = server.data_dir().join("pool/mounts").join(volume);
    let table = remains::mount_table(std::process::id());
    let device = table.iter().find(|m| m.path == own).map(|m| m.device.clone());
    (own, table.into_iter().filter(|m| Some(&m.device) == device.as_ref()).collect())
}

/// Where the pool keeps the volume's data.
fn image(server: &Server, volume: &str) -> PathBuf {
    server.data_dir().join("pool/fs/volumes").join(volume).join("disk.img")
}

/// Of two answers given at once: the one that succeeded and the other.
#[track_caller]
fn winner_and_loser(answers: [Answer; 2]) -> (Answer, Answer) {
    match answers {
        [a, b] if a.is_success() && !b.is_success() => (a, b),
        [a, b] if b.is_success() && !a.is_success() => (b, a),
        [a, b] => panic!("exactly one must succeed: {a} and {b}"),
    }
}

#[test]
fn of_two_attaches_at_once_one_wins() {
    let server = server();
    let (first, second) = (computer(&server, "first"), computer(&server, "second"));
    let attach = |computer: &str, volume: &str| server.try_attach(computer, volume, "/mnt/data");
    let at_once = |one: (&str, &str), two: (&str, &str)| {
        std::thread::scope(|scope| {
            let other = scope.spawn(|| attach(two.0, two.1));
            [attach(one.0, one.1), other.join().expect("the call answered")]
        })
    };
    for round in 0..5 {
        // One volume, two computers.
        let volume = server.create_volume("wanted", GIB);
        let (won, lost) = winner_and_loser(at_once((&first, &volume), (&second, &volume)));
        let refusal = lost.refused(409, "VOLUME_ATTACHED");
        assert_eq!(refusal["error"]["details"]["attachment"]["id"], won.body["id"], "{refusal}");
        assert_eq!(server.volume(&volume)["attachments"].as_array().map(Vec::len), Some(1), "round {round}");
        let holder = won.body["computer_id"].as_str().expect("an id");
        let other = if holder == first { &second } else { &first };
        assert_ne!(mounts_at(&server, holder, "/mnt/data"), "");
        assert_eq!(mounts_at(&server, other, "/mnt/data"), "");

        // One computer, one path, two volumes.
        let (a, b) = (server.create_volume("a", GIB), server.create_volume("b", GIB));
        let (one, lost) = winner_and_loser(at_once((other, &a), (other, &b)));
        lost.refused(409, "MOUNT_PATH_IN_USE");
        for (computer, attachment) in [(holder, &won), (other, &one)] {
            server.detach(computer, &id_of(&attachment.body)).ok();
        }
        for volume in [volume, a, b] {
            assert_eq!(server.volume(&volume)["status"], "available");
            server.delete_volume(&volume).ok();
        }
    }
    server.finish();
}

#[test]
fn paths_are_checked_and_chosen() {
    let server = server();
    let computer = computer(&server, "box");
    let volume = server.create_volume("Model Weights", GIB);
    let long = format!("/{}", "a".repeat(255));
    let bad = [
        "mnt",
        "/",
        "//",
        "/mnt/../etc",
        "/etc",
        "/etc/x",
        "/proc/1",
        "/sys",
        "/dev/shm",
        "/bin",
        "/sbin/x",
        "/lib64",
    ];
    for path in
        bad.into_iter().chain(["/usr/lib", "/boot", "/run/x", "/mnt/\u{0}", "/mnt/a\nb", long.as_str()])
    {
        let refusal = server.try_attach(&computer, &volume, path).refused(422, "VALIDATION_ERROR");
        assert!(refusal["errors"]["mount_path"].is_array(), "{path:?}: {refusal}");
    }
    assert!(server.attachments(&computer).is_empty());

    // A path is normalised; what overlaps it is refused by name; the same volume again is told where it is.
    let attachment = server.try_attach(&computer, &volume, "//mnt/./deep///er/").ok();
    assert_eq!(attachment["mount_path"], "/mnt/deep/er");
    let other = server.create_volume("other", GIB);
    for overlap in ["/mnt/deep/er", "/mnt/deep", "/mnt", "/mnt/deep/er/x"] {
        let refusal = server.try_attach(&computer, &other, overlap).refused(409, "MOUNT_PATH_IN_USE");
        assert!(refusal["message"].as_str().is_some_and(|m| m.contains("/mnt/deep/er")), "{refusal}");
    }
    let again = server.try_attach(&computer, &volume, "/mnt/deep/er").refused(409, "VOLUME_ATTACHED");
    assert_eq!(again["error"]["details"]["attachment"]["id"], attachment["id"]);

    // Without a path, and with an empty one: /mnt/data, then the volume's name.
    let volumes = format!("/api/v1/computers/{computer}/volumes");
    let chosen = server.http("POST", &volumes, Some(json!({"volume_id": other}))).ok();
    assert_eq!(chosen["mount_path"], "/mnt/data");
    let named = server.create_volume("Model Weights", GIB);
    let chosen = server.http("POST", &volumes, Some(json!({"volumeId": named, "mountPath": ""}))).ok();
    assert_eq!(chosen["mount_path"], "/mnt/model-weights");
    assert_ne!(mounts_at(&server, &computer, "/mnt/model-weights"), "");

    // A file where a folder is needed, and a link into a reserved folder: refused by the host, and withdrawn.
    let last = server.create_volume("last", GIB);
    server.sh(&computer, "echo x > /srv-file; ln -s /etc /srv-link");
    for path in ["/srv-file", "/srv-file/below", "/srv-link", "/srv-link/x"] {
        let refusal = server.try_attach(&computer, &last, path).refused(422, "VALIDATION_ERROR");
        assert!(refusal["errors"]["mount_path"].is_array(), "{path}: {refusal}");
        assert_eq!(server.volume(&last)["status"], "available", "after {path}");
        assert_eq!(server.attachments(&computer).len(), 3);
    }
    let attachment = server.attach(&computer, &last, "/srv/good");
    server.detach(&computer, &attachment).ok();
    server.finish();
}

#[test]
fn read_only_is_read_only_and_shared() {
    let server = server();
    let (one, two) = (computer(&server, "one"), computer(&server, "two"));
    let volume = server.create_volume("weights", GIB);
    let writing = server.attach(&one, &volume, "/mnt/data");
    server.sh(&one, "echo weights > /mnt/data/file");
    let read_only = json!({"volume_id": volume, "mount_path": "/mnt/data", "read_only": true});
    let attach = |computer: &str, body: &Value| {
        server.http("POST", &format!("/api/v1/computers/{computer}/volumes"), Some(body.clone()))
    };
    attach(&two, &read_only).refused(409, "VOLUME_ATTACHED");
    server.detach(&one, &writing).ok();

    let attachments = [&one, &two].map(|computer| {
        let attachment = attach(computer, &read_only).ok();
        assert_eq!((&attachment["read_only"], &attachment["state"]), (&json!(true), &json!("attached")));
        assert_eq!(server.sh(computer, "cat /mnt/data/file"), "weights");
        let write = server.exec(computer, "echo no > /mnt/data/file");
        assert!(write.exit_code != 0 && write.stderr.contains("Read-only"), "{write:?}");
        let remount =
            server.exec(computer, "mount -o remount,rw /mnt/data || mount -o remount,bind,rw /mnt/data");
        assert_ne!(remount.exit_code, 0, "the computer made its read-only volume writable");
        id_of(&attachment)
    });
    let third = computer(&server, "third");
    server.try_attach(&third, &volume, "/mnt/data").refused(409, "VOLUME_ATTACHED");
    server.detach(&one, &attachments[0]).ok();
    assert_eq!(
        server.sh(&two, "cat /mnt/data/file"),
        "weights",
        "one reader's detach took it from the other"
    );
    assert_eq!(server.volume(&volume)["status"], "attached");

    // It stays read-only over a restart.
    server.power(&two, "restart");
    assert_ne!(server.exec(&two, "echo no > /mnt/data/file").exit_code, 0);
    server.detach(&two, &attachments[1]).ok();
    server.attach(&third, &volume, "/mnt/data");
    server.sh(&third, "echo more >> /mnt/data/file");
    server.finish();
}

/// The holders that a refused detach names, looked up on the host.
#[track_caller]
fn holders(refusal: &Value) -> Vec<Process> {
    let holders =
        refusal["error"]["details"]["holders"].as_array().unwrap_or_else(|| panic!("no holders: {refusal}"));
    let process = |holder: &Value| {
        let pid = holder["pid"].as_u64().unwrap_or_else(|| panic!("no pid: {refusal}"));
        let process =
            Process::of(pid as u32).unwrap_or_else(|| panic!("there is no process {pid}: {refusal}"));
        assert_eq!(holder["command"], process.command.as_str(), "the full command line");
        assert!(refusal["message"].as_str().is_some_and(|m| m.contains(&process.command)), "{refusal}");
        process
    };
    holders.iter().map(process).collect()
}

#[test]
fn a_busy_detach_names_the_holders_and_changes_nothing() {
    let server = server();
    let computer = computer(&server, "box");
    let volume = server.create_volume("busy", GIB);
    let attachment = server.attach(&computer, &volume, "/mnt/data");
    let first = server.first_process(&computer);
    server.sh(
        &computer,
        "echo 1 > /mnt/data/file; cd /; setsid sleep 100001 < /mnt/data/file > /dev/null 2>&1 &",
    );
    server.sh(&computer, "cd /mnt/data; setsid sleep 100002 < /dev/null > /dev/null 2>&1 &");

    let refusal = server.detach(&computer, &attachment).refused(409, "VOLUME_IN_USE");
    let named = holders(&refusal);
    let mut commands: Vec<&str> = named.iter().map(|p| p.command.as_str()).collect();
    commands.sort_unstable();
    assert_eq!(commands, ["sleep 100001", "sleep 100002"]);

    // As it was: the same attachment, the same mount, written through as before.
    assert_eq!(server.attachments(&computer)[0]["id"], attachment.as_str());
    assert_eq!(server.attachments(&computer)[0]["state"], "attached");
    assert_eq!(server.volume(&volume)["status"], "attached");
    server.sh(&computer, "echo 2 >> /mnt/data/file && grep -c ' /mnt/data ' /proc/self/mountinfo");
    assert!(named.iter().all(Process::is_alive), "a refused detach ended a process");

    // By force: the holders end, the computer does not.
    server.detach_by_force(&computer, &attachment).ok();
    assert!(!named.iter().any(Process::is_alive));
    assert!(first.is_alive(), "the computer's first process held nothing");
    assert_eq!(server.volume(&volume)["status"], "available");
    assert_eq!(mounts_at(&server, &computer, "/mnt/data"), "");
    server.attach(&computer, &volume, "/mnt/data");
    assert_eq!(server.sh(&computer, "cat /mnt/data/file"), "1\n2");
    server.finish();
}

#[test]
fn force_against_the_first_process_restarts_the_computer_without_the_volume() {
    let server = server();
    let volume = server.create_volume("held", GIB);
    let command =
        "echo start >> /root/starts; exec 3>>/mnt/data/held; while :; do echo x >&3; sleep 0.1 3>&-; done";
    let body = json!({"name": "box", "auto_start": false, "command": command});
    let computer = id_of(&server.http("POST", "/api/v1/computers", Some(body)).ok());
    server.wait_computer(&computer, "stopped");
    let attachment = server.attach(&computer, &volume, "/mnt/data");
    server.power(&computer, "start");
    let first = server.first_process(&computer);
    let device = || host_mounts(&server, &volume).1.len();
    assert_eq!(device(), 1);

    let refusal = server.detach(&computer, &attachment).refused(409, "VOLUME_IN_USE");
    assert!(holders(&refusal).iter().any(|p| p.pid == first.pid), "{refusal}");
    assert!(first.is_alive());

    server.detach_by_force(&computer, &attachment).ok();
    assert!(!first.is_alive());
    assert_eq!(server.volume(&volume)["status"], "available");
    assert_eq!(device(), 0, "the host still has it mounted");
    server.wait_computer(&computer, "running");
    assert_eq!(mounts_at(&server, &computer, "/mnt/data"), "");
    assert_eq!(server.sh(&computer, "cat /root/starts"), "start\nstart");
    assert!(server.attachments(&computer).is_empty());
    server.finish();
}

/// A child of the test that ends with it.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process with a mount namespace of its own, copied from the computer's, keeps the volume's filesystem alive although it has
/// no file open. It is named, and what the refused detach had undone is done again.
#[test]
fn a_nested_mount_namespace_is_a_holder() {
    let server = server();
    let computer = computer(&server, "box");
    let volume = server.create_volume("nested", GIB);
    let attachment = server.attach(&computer, &volume, "/mnt/data");
    server.sh(&computer, "echo kept > /mnt/data/file");
    let first = server.first_process(&computer).pid.to_string();
    let nested =
        Command::new("nsenter").args(["-t", &first, "-m", "unshare", "-m", "sleep", "100003"]).spawn();
    let nested = Ended(nested.expect("nsenter is installed"));
    let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/mnt")).ok();
    wait_until("the nested process to sleep", || {
        let process = Process::of(nested.0.id())?;
        (process.command == "sleep 100003" && namespace(&process.pid.to_string()) != namespace(&first))
            .then_some(())
    });

    let refusal = server.detach(&computer, &attachment).refused(409, "VOLUME_IN_USE");
    assert_eq!(holders(&refusal).iter().map(|p| p.pid).collect::<Vec<_>>(), [nested.0.id()]);
    assert_eq!(server.attachments(&computer)[0]["state"], "attached");
    assert_eq!(server.sh(&computer, "cat /mnt/data/file && echo more >> /mnt/data/file"), "kept");
    assert_eq!(server.sh(&computer, "grep -c ' /mnt/data ' /proc/self/mountinfo"), "1");
    assert_eq!(host_mounts(&server, &volume).1.len(), 1);

    drop(nested);
    server.detach(&computer, &attachment).ok();
    assert_eq!(server.volume(&volume)["status"], "available");
    assert!(remains::loops_below(server.data_dir()).iter().all(|(_, file)| *file != image(&server, &volume)));
    server.finish();
}

/// The workload swaps folders for links to everywhere while volumes come and go: whatever the calls answer, no mount and no
/// folder appears on the host, and none in a reserved folder of the computer.
#[test]
fn no_link_leads_outside() {
    let server = server();
    let swap = r#"
mkdir -p /mnt/real /aside
while :; do
  for target in / /etc /proc /proc/1/root /proc/self/root/etc ../../../../../.. /dev /usr /mnt/real /proc/self/cwd; do
    rm -rf /mnt/x 2>/dev/null; ln -s $target /mnt/x 2>/dev/null
    rm -f /mnt/x 2>/dev/null; mkdir -p /mnt/x/miosa-escape 2>/dev/null
    mv /mnt/x/miosa-escape /aside/$$ 2>/dev/null; ln -s $target /mnt/x/miosa-escape 2>/dev/null
    rm -rf /aside/$$ 2>/dev/null
  done
done"#;
    let computer = server.run_computer(json!({"name": "hostile", "command": swap}));
    let volume = server.create_volume("bait", GIB);
    let mut attached = 0;
    for round in 0..60 {
        let answer = server.try_attach(&computer, &volume, "/mnt/x/miosa-escape/data");
        let (own, mounts) = host_mounts(&server, &volume);
        assert!(mounts.iter().all(|m| m.path == own), "round {round}: mounts on the host: {mounts:?}");
        for folder in
            ["/miosa-escape", "/etc/miosa-escape", "/usr/miosa-escape", "/etc/data", "/usr/data", "/data"]
        {
            assert!(!Path::new(folder).exists(), "round {round}: {folder} was made on the host");
        }
        if answer.is_success() {
            attached += 1;
            let device = &mounts.first().expect("an attached volume is mounted on the host").device;
            let inside = remains::mount_table(server.first_process(&computer).pid);
            let places: Vec<&Mount> = inside.iter().filter(|m| m.device == *device).collect();
            let reserved =
                ["/proc", "/sys", "/dev", "/etc", "/bin", "/sbin", "/lib", "/usr", "/boot", "/run"];
            let is_free = |m: &&Mount| !reserved.iter().any(|folder| m.path.starts_with(folder));
            // The workload may have removed the folder meanwhile; then the mount went with it.
            assert!(places.len() <= 1 && places.iter().all(is_free), "round {round}: {places:?}");
            server.detach_by_force(&computer, &id_of(&answer.body)).ok();
        } else {
            assert!(matches!(answer.status, 409 | 422), "round {round}: {answer}");
            assert!(
                server.attachments(&computer).is_empty(),
                "round {round}: a refused attach was not withdrawn"
            );
        }
        server.wait_volume(&volume, "available");
    }
    assert!(attached > 0, "no round attached: the test looked at nothing");
    server.finish();
}

#[test]
fn what_is_not_ours_is_reported_and_never_touched() {
    let mut server = server();
    let volume = server.create_volume("ours", 64 * MIB);
    server.delete_volume(&volume).ok();
    let pool = server.data_dir().join("pool/fs");
    // A file, a folder, an image under a name of ours but without our identity, and one in the trash.
    let stranger = "0192f0c1-7b1c-7cc0-8a51-2f3fd1a0b111";
    let foreign = [
        pool.join("volumes/holiday.jpg"),
        pool.join("volumes/photos/one.jpg"),
        pool.join("volumes").join(stranger).join("disk.img"),
        pool.join("trash/0192f0c1-7b1c-7cc0-8a51-2f3fd1a0b222/disk.img"),
    ];
    for file in &foreign {
        fs::create_dir_all(file.parent().expect("it has a folder")).expect("the pool can be written");
        fs::write(file, "somebody's only copy").expect("the pool can be written");
    }
    // A volume of ours that a foreign file has taken the place of: never overwritten, never mounted, never deleted.
    let displaced = server.create_volume("displaced", 64 * MIB);
    let replaced = image(&server, &displaced);
    fs::rename(&replaced, pool.join("aside.img")).expect("the image can be moved");
    fs::write(&replaced, "somebody's only copy").expect("the pool can be written");

    server.stop();
    server.start_again();
    let box_ = computer(&server, "box");
    let refusal = server.try_attach(&box_, &displaced, "/mnt/data");
    assert_eq!(refusal.status, 409, "{refusal}");
    assert!(server.attachments(&box_).is_empty());
    for _ in 0..2 {
        let volume = server.create_volume("more", 64 * MIB);
        server.delete_volume(&volume).ok();
    }
    server.delete_volume(&displaced);
    for file in foreign.iter().chain([&replaced]) {
        assert_eq!(
            fs::read_to_string(file).ok().as_deref(),
            Some("somebody's only copy"),
            "{}",
            file.display()
        );
    }
    let log = server.log();
    for name in ["holiday.jpg", "photos", stranger, "0192f0c1-7b1c-7cc0-8a51-2f3fd1a0b222"] {
        assert!(log.contains(name), "{name} is not reported\n{}", server.log_tail());
    }
    server.delete_computer(&box_);
    server.stop();
    server.assert_clean();
}

/// A pool file that is not ours stops the server before it touches anything.
#[test]
fn a_foreign_pool_is_refused() {
    let server = Server::prepare(ServerOptions::new(env!("CARGO_BIN_EXE_miosa")));
    let pool = server.data_dir().join("pool");
    fs::create_dir_all(&pool).expect("the folder can be made");
    let content = vec![7_u8; 4 << 20];
    fs::write(pool.join("pool.img"), &content).expect("the file can be written");
    let said = server.refused_start(server.serve_command());
    assert!(said.contains("pool.img"), "{said}");
    assert_eq!(fs::read(pool.join("pool.img")).expect("it is still there"), content);
    server.assert_clean();
}

/// A detached volume with data in it, its image, and where a test can put the image aside.
fn volume_with_data(server: &Server, computer: &str) -> (String, PathBuf, PathBuf) {
    let volume = server.create_volume("only-copy", GIB);
    let attachment = server.attach(computer, &volume, "/mnt/data");
    server.sh(computer, "echo precious > /mnt/data/file");
    server.detach(computer, &attachment).ok();
    let image = image(server, &volume);
    (volume, image, server.data_dir().join("pool/fs/aside.img"))
}

#[test]
fn a_missing_image_never_comes_up_as_new() {
    let server = server();
    let computer = computer(&server, "box");
    let (volume, image, aside) = volume_with_data(&server, &computer);
    fs::rename(&image, &aside).expect("the image can be moved");

    let refusal = server.try_attach(&computer, &volume, "/mnt/data");
    assert_eq!(refusal.status, 409, "{refusal}");
    assert!(refusal.body["message"].as_str().is_some_and(|m| m.contains(&volume)), "{refusal}");
    assert_eq!(mounts_at(&server, &computer, "/mnt/data"), "");
    assert!(server.attachments(&computer).is_empty());
    assert!(!image.exists(), "an empty image was made");
    let listed = server.wait_volume(&volume, "error");
    assert!(listed["error"].as_str().is_some_and(|e| e.contains(&volume)), "{listed}");

    // It is put back: the volume is what it was.
    fs::rename(&aside, &image).expect("the image can be moved back");
    server.wait_volume(&volume, "available");
    server.attach(&computer, &volume, "/mnt/data");
    assert_eq!(server.sh(&computer, "cat /mnt/data/file"), "precious");
    server.finish();
}

#[test]
fn a_computer_whose_image_is_missing_does_not_start() {
    let mut server = server();
    let computer = computer(&server, "box");
    let (volume, image, aside) = volume_with_data(&server, &computer);
    server.power(&computer, "stop");
    server.attach(&computer, &volume, "/mnt/data");
    fs::rename(&image, &aside).expect("the image can be moved");
    let assert_refused = |server: &Server| {
        let failed = server.wait_computer(&computer, "error");
        assert!(failed["error"].as_str().is_some_and(|e| e.contains(&volume)), "{failed}");
        assert!(remains::first_process(&computer).is_none(), "it runs without its volume");
        assert!(!image.exists(), "an empty image was made");
    };
    server.http("POST", &format!("/api/v1/computers/{computer}/start"), None);
    assert_refused(&server);
    // Nor after a reboot, when the whole host is made anew from the ledger.
    server.simulate_reboot();
    server.start_again();
    assert_refused(&server);

    fs::rename(&aside, &image).expect("the image can be moved back");
    server.power(&computer, "start");
    assert_eq!(server.sh(&computer, "cat /mnt/data/file"), "precious");
    server.finish();
}

#[test]
fn a_full_pool_refuses_new_volumes_and_keeps_the_old() {
    let options =
        ServerOptions { pool_size: "512MB".into(), ..ServerOptions::new(env!("CARGO_BIN_EXE_miosa")) };
    let server = Server::start(options);
    let box_ = computer(&server, "box");
    let volume = server.create_volume("thin", 2 * GIB);
    server.attach(&box_, &volume, "/mnt/data");
    server.sh(&box_, "echo kept > /mnt/data/file; sync");
    // Filled from inside until the pool is nine tenths full; what it really holds is asked of the host.
    let pool = server.data_dir().join("pool/fs");
    let free_percent = || {
        let stat =
            Command::new("stat").args(["-f", "-c", "%f %b"]).arg(&pool).output().expect("stat is installed");
        let numbers = String::from_utf8(stat.stdout).expect("numbers are text");
        let (free, all) = numbers.trim().split_once(' ').expect("two numbers");
        free.parse::<u64>().expect("a number") * 100 / all.parse::<u64>().expect("a number")
    };
    let mut files = 0;
    while free_percent() >= 9 {
        files += 1;
        server.sh(
            &box_,
            &format!("dd if=/dev/zero of=/mnt/data/ballast{files} bs=1M count=16 conv=fsync 2>/dev/null"),
        );
        assert!(files < 64, "the pool does not fill");
    }
    let body = json!({"name": "one-too-many", "size_bytes": GIB});
    let refusal =
        server.http("POST", "/api/v1/volumes", Some(body.clone())).refused(409, "INSUFFICIENT_CAPACITY");
    let details = &refusal["error"]["details"];
    let number = |field: &str| details[field].as_u64().unwrap_or_else(|| panic!("no {field}: {refusal}"));
    assert!((400 * MIB..=512 * MIB).contains(&number("capacity_bytes")), "{refusal}");
    assert!(number("used_bytes") * 10 >= number("capacity_bytes") * 8, "{refusal}");
    assert!(number("used_bytes") <= number("capacity_bytes"), "{refusal}");
    assert_eq!(server.list_all("/api/v1/volumes").len(), 1, "a refused volume is listed");
    assert_eq!(server.sh(&box_, "cat /mnt/data/file"), "kept");

    // Deleted files give their space back, and there is room again.
    server.sh(&box_, "rm /mnt/data/ballast*; sync");
    wait_until("the pool to have room", || (free_percent() > 20).then_some(()));
    let created = server.http("POST", "/api/v1/volumes", Some(body)).ok();
    server.wait_volume(&id_of(&created), "available");
    server.finish();
}

#[test]
fn detach_loses_nothing_that_was_written() {
    let server = server();
    let (one, two) = (computer(&server, "one"), computer(&server, "two"));
    let volume = server.create_volume("dirty", GIB);
    for round in 0..3 {
        let attachment = server.attach(&one, &volume, "/mnt/data");
        // No sync anywhere: what was written lies in the page cache when the detach comes.
        let written = "head -c 100000000 /dev/urandom > /mnt/data/big; sha256sum < /mnt/data/big";
        let sum = server
            .sh(&one, &format!("{written}; for i in $(seq 200); do echo {round} > /mnt/data/small$i; done"));
        server.detach(&one, &attachment).ok();
        let attachment = server.attach(&two, &volume, "/mnt/data");
        assert_eq!(server.sh(&two, "sha256sum < /mnt/data/big"), sum, "round {round}");
        assert_eq!(
            server.sh(&two, "cat /mnt/data/small* | sort | uniq -c | tr -s ' '"),
            format!("200 {round}")
        );
        server.detach(&two, &attachment).ok();
    }
    server.finish();
}
