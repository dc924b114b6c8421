use std::time::Instant;
use miosa_runtime::InstanceDriver;
use miosa_runtime::conformance::{new_id, spec};
use crate::host::Host;
use std::time::Duration;
fn show(name: &str, mut v: Vec<f64>) { v.sort_by(f64::total_cmp); eprintln!("{name}: p50 {:.2} min {:.2} max {:.2}", v[v.len()/2], v[0], v[v.len()-1]); }
#[tokio::test(flavor = "multi_thread")]
async fn measure() {
    let host = Host::new();
    let volume = host.volume("v");
    let _keep = host.running();
    let (mut c, mut s, mut p, mut u, mut o, mut e, mut st, mut r, mut ob0) = (vec![],vec![],vec![],vec![],vec![],vec![],vec![],vec![],vec![]);
    macro_rules! t { ($v:ident, $e:expr) => {{ let a = Instant::now(); let x = $e; $v.push(a.elapsed().as_secs_f64()*1e3); x }} }
    for i in 0..15 {
        let spec = spec(new_id(), i);
        t!(c, host.driver.create(&spec).unwrap());
        t!(ob0, host.driver.observe(spec.id).unwrap());
        if i == 0 { std::fs::copy(host.instance_folder(spec.id).join("config.json"), "/tmp/rt/mine.json").unwrap(); }
        t!(s, host.driver.start(spec.id).unwrap());
        for _ in 0..10 {
            t!(p, host.publish(spec.id, &volume, "/mnt/data").unwrap());
            t!(o, host.driver.observe(spec.id).unwrap());
            t!(u, host.driver.unpublish(spec.id, volume.device_number).unwrap());
        }
        for _ in 0..3 { t!(e, host.run(spec.id, "true").await); }
        t!(st, host.driver.stop(spec.id, Duration::from_secs(5)).unwrap());
        t!(r, host.driver.remove_container(spec.id).unwrap());
    }
    show("create", c); show("start", s); show("publish", p); show("observe", o); show("observe-created", ob0); show("unpublish", u); show("exec", e); show("stop", st); show("remove", r);
    eprintln!("processes {}", miosa_effects::process::all_pids().unwrap().len());
}
