//! Starting a computer: `POST` until the timestamp of its first process's first line in the log.

use std::time::Duration;

use jiff::Timestamp;
use miosa_testkit::server::wait_until;
use serde_json::json;

use super::{Contender, Docker, Floors, Rounds, Samples, progress};
use crate::bench::since;
use crate::run::Failure;

const ROUNDS: usize = 30;

pub(super) fn measure(
    contenders: &[Contender],
    docker: Option<&Docker>,
    rounds: Rounds,
    floors: &mut Floors,
) -> Result<(), Failure> {
    progress("computers");
    let mut ours: Vec<Samples> = contenders.iter().map(|_| Samples::default()).collect();
    let mut theirs = Samples::default();
    for _ in 0..rounds.of(ROUNDS) {
        for (Contender { server, .. }, ours) in contenders.iter().zip(&mut ours) {
            let begun = Timestamp::now();
            let body = json!({"command": ["/bin/sh", "-c", "echo up; exec sleep 3600"]});
            let computer = server.run_computer(body);
            let path = format!("/api/v1/computers/{computer}/logs");
            let up = wait_until("the first line of the first process", || {
                let logs = server.http("GET", &path, None).ok();
                logs["lines"][0]["timestamp"].as_str().map(str::to_owned)
            });
            ours.push(since(begun, &up)?);
            server.delete_computer(&computer);
        }
        if let Some(docker) = docker {
            theirs.push(docker.run()?);
        }
    }
    for (Contender { subject, .. }, ours) in contenders.iter().zip(&ours) {
        let what = "computer: POST → its first process runs (busybox)";
        floors.time(subject, what, ours, Duration::from_millis(150));
    }
    if docker.is_some() {
        floors.beside("docker run -d", &theirs);
    }
    Ok(())
}
