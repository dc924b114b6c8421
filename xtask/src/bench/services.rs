//! What services cost: an exclusive volume's way from one release to the next, and scaling up.
//!
//! Beside ours stand the same containers by hand: `docker stop` and `docker run -v`, and ten times `docker run` at once.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use miosa_testkit::server::{Server, ServerOptions, wait_until};
use serde_json::{Value, json};

use super::docker::Docker;
use super::peers::ByHand;
use super::table::{Samples, Table};
use super::{Rounds, progress, since};
use crate::fixture;
use crate::run::Failure;

const HANDOVERS: usize = 30;
const SCALES: usize = 10;
const REPLICAS: usize = 10;
const OWN_SIZE_BYTES: u64 = 10 << 30;

/// Says that it is up, and ends as soon as it is asked to.
const UP: &str = "trap 'exit 0' TERM; echo up; while :; do sleep 1000 & wait $!; done";

pub(super) fn measure(miosa: PathBuf, rounds: Rounds, table: &mut Table) -> Result<String, Failure> {
    let server = Server::start(ServerOptions { pool_size: "8GB".into(), ..ServerOptions::new(miosa) });
    fixture::clean_up_on_interrupt(&server, Vec::new());
    let docker = Docker::start(server.folder())?;
    progress("hand-over");
    handover(&server, docker.as_ref(), rounds, table)?;
    progress("scaling");
    scale_shared(&server, docker.as_ref(), rounds, table)?;
    scale_own(&server, docker.as_ref(), rounds, table)?;
    let machine = super::machine(&server);
    drop(docker);
    server.finish();
    Ok(machine)
}

fn service(server: &Server, volumes: Value) -> String {
    let quick = json!({"command": "true", "interval_seconds": 1});
    let settings = json!({"start_command": UP, "health_check": quick});
    server.run_service(json!({"name": "bench", "settings": settings, "volumes": volumes}))
}

/// From the end of the old release's first process to the new one's first line, by the clock of whoever keeps the log.
fn handover(
    server: &Server,
    docker: Option<&Docker>,
    rounds: Rounds,
    table: &mut Table,
) -> Result<(), Failure> {
    let volume = server.create_volume("bench", 50 << 30);
    let service = service(server, json!([{"dataServiceId": volume, "mountPath": "/mnt/data"}]));
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    for round in 0..rounds.of(HANDOVERS) {
        let old = server.first_process(&server.replica(&service, 0));
        let gone = watch_end(old.pid);
        server.service_verb(&service, "redeploy", json!({}));
        server.wait_release(&service, round as u64 + 2, "active");
        let gone_at = gone.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let up = wait_until("the first line of the next release", || first_line(server, &service));
        ours.push(since(gone_at, &up)?);
        if let Some(docker) = docker {
            theirs.push(docker.hand_over()?);
        }
    }
    server.delete_service(&service);
    server.delete_volume(&volume).ok();
    table.row(
        "hand-over at a promotion: old process gone → new one's first line, volume mounted",
        "≤ 250 ms",
        ours,
    );
    table.beside_docker("docker stop + docker run -v", docker.map(|_| theirs));
    Ok(())
}

fn first_line(server: &Server, service: &str) -> Option<String> {
    let path = format!("/api/v1/services/{service}/logs");
    let logs = server.http("GET", &path, None).ok();
    logs["data"][0]["timestamp"].as_str().map(str::to_owned)
}

/// Answers when the process was gone, to a millisecond.
pub(super) fn watch_end(pid: u32) -> std::thread::JoinHandle<Timestamp> {
    let path = format!("/proc/{pid}/stat");
    std::thread::spawn(move || {
        let deadline = Instant::now() + Duration::from_secs(60);
        // Once it is a zombie, none of its instructions will ever run.
        let is_there = || {
            std::fs::read_to_string(&path)
                .is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z")))
        };
        while is_there() {
            assert!(Instant::now() < deadline, "process {path} does not end");
            std::thread::sleep(Duration::from_micros(500));
        }
        Timestamp::now()
    })
}

fn scale_shared(
    server: &Server,
    docker: Option<&Docker>,
    rounds: Rounds,
    table: &mut Table,
) -> Result<(), Failure> {
    let volume = server.create_volume("bench", 50 << 30);
    let volumes = json!([{"dataServiceId": volume, "mountPath": "/mnt/data", "shared": true}]);
    let service = service(server, volumes);
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    for _ in 0..rounds.of(SCALES) {
        ours.push(scale_up(server, &service)?);
        scale_down(server, &service);
        if let Some(docker) = docker {
            theirs.push(docker.run_many(REPLICAS - 1)?);
        }
    }
    server.delete_service(&service);
    server.delete_volume(&volume).ok();
    table.row("scale 1 → 10, a shared volume: POST → all at their first line", "≤ 2 s", ours);
    table.beside_docker("docker run -v, nine at once", docker.map(|_| theirs));
    Ok(())
}

/// Each round has replicas' own volumes made anew: that is what is measured.
fn scale_own(
    server: &Server,
    docker: Option<&Docker>,
    rounds: Rounds,
    table: &mut Table,
) -> Result<(), Failure> {
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    for round in 0..rounds.of(SCALES) {
        let volume = server.create_volume("bench", OWN_SIZE_BYTES);
        let service = service(server, json!([{"dataServiceId": volume, "mountPath": "/mnt/data"}]));
        ours.push(scale_up(server, &service)?);
        server.delete_service(&service);
        for volume in server.list_all("/api/v1/volumes") {
            server.delete_volume(volume["id"].as_str().unwrap_or_default()).ok();
        }
        if let Some(docker) = docker {
            let begun = Instant::now();
            let mut made = Vec::new();
            for replica in 1..REPLICAS {
                let folder = server.folder().join(format!("own-{round}-{replica}"));
                std::fs::create_dir(&folder).map_err(Failure::file("cannot make", &folder))?;
                let by_hand = ByHand::new(&folder, OWN_SIZE_BYTES)?;
                by_hand.make()?;
                let device = by_hand.attach()?;
                made.push((by_hand, device));
            }
            let volumes_made = begun.elapsed();
            theirs.push(volumes_made + docker.run_many(REPLICAS - 1)?);
            for (by_hand, device) in made {
                by_hand.detach(&device)?;
                by_hand.remove()?;
            }
        }
    }
    table.row(
        "scale 1 → 10, each replica its own 10 GB volume: POST → all at their first line",
        "≤ 2.5 s",
        ours,
    );
    table.beside_docker(
        "mkfs + losetup + mount, nine times, then docker run, nine at once",
        docker.map(|_| theirs),
    );
    Ok(())
}

fn scale_up(server: &Server, service: &str) -> Result<Duration, Failure> {
    let begun = Timestamp::now();
    server.service_verb(service, "scale", json!({"replicas": REPLICAS}));
    let path = format!("/api/v1/services/{service}/logs?lines=10000&since={}", begun.as_second());
    let up = wait_until("the first line of every replica", || {
        let logs = server.http("GET", &path, None).ok();
        let lines = logs["data"].as_array()?;
        // By time, so the last new line is the last replica's.
        let new: Vec<&Value> = lines.iter().filter(|line| line["replica"] != 0).collect();
        (new.len() == REPLICAS - 1)
            .then(|| new.last().and_then(|line| line["timestamp"].as_str().map(str::to_owned)))?
    });
    since(begun, &up)
}

fn scale_down(server: &Server, service: &str) {
    server.service_verb(service, "scale", json!({"replicas": 1}));
    let is_down = || {
        let instances = server.list_all(&format!("/api/v1/services/{service}/instances"));
        (instances.len() == 1 && server.service(service)["ready_replicas"] == 1).then_some(())
    };
    wait_until("nine replicas to be told to end", is_down);
    // Their ends are not part of the next round.
    std::thread::sleep(Duration::from_secs(2));
}
