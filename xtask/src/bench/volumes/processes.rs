//! Attach and detach on a host with thousands of unrelated processes.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use super::{AttachTimes, Contender, Floors, Rounds, progress};
use crate::run::Failure;

const PROCESSES: usize = 2000;
const BLOCKS: usize = 4;
const ROUNDS_PER_BLOCK: usize = 20;

pub(super) fn measure(contenders: &[Contender], rounds: Rounds, floors: &mut Floors) -> Result<(), Failure> {
    progress("2,000 idle processes");
    let times = || contenders.iter().map(|_| AttachTimes::default()).collect::<Vec<_>>();
    let (mut without, mut with) = (times(), times());
    let block = |times: &mut Vec<AttachTimes>| {
        for _ in 0..rounds.of(ROUNDS_PER_BLOCK) {
            for (contender, times) in contenders.iter().zip(times.iter_mut()) {
                contender.attach_and_detach(times)?;
            }
        }
        Ok::<_, Failure>(())
    };
    for _ in 0..BLOCKS {
        block(&mut without)?;
        let _idle = IdleProcesses::start(contenders)?;
        block(&mut with)?;
    }
    for ((Contender { subject, .. }, with), without) in contenders.iter().zip(&with).zip(&without) {
        let what = "attach with 2,000 idle processes on the host";
        floors.ratio(subject, what, &with.attach, ("with none", &without.attach), 1.2);
        let what = "detach with 2,000 idle processes on the host";
        floors.ratio(subject, what, &with.detach, ("with none", &without.detach), 1.2);
    }
    Ok(())
}

/// Sleeping processes, killed on drop. Their `argv[0]` is in the scratch folder, so that the cleanup after an interrupt finds them.
struct IdleProcesses(Vec<Child>);

impl IdleProcesses {
    fn start(contenders: &[Contender]) -> Result<Self, Failure> {
        let name = contenders[0].server.folder().join("idle");
        let mut idle = Self(Vec::new());
        for _ in 0..PROCESSES {
            let mut sleep = Command::new("sleep");
            sleep.arg0(&name).arg("3600").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let child = sleep.spawn().map_err(|source| Failure::Start { command: "sleep".into(), source })?;
            idle.0.push(child);
        }
        Ok(idle)
    }
}

impl Drop for IdleProcesses {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
        }
        for child in &mut self.0 {
            let _ = child.wait();
        }
    }
}
