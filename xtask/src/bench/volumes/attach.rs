//! Attach and detach, compared with the same steps by hand.

use super::{AttachTimes, ByHand, Contender, Docker, Floors, Rounds, Samples, progress};
use crate::run::Failure;

const ROUNDS: usize = 200;
const DOCKER_ROUNDS: usize = 30;

pub(super) fn measure(
    contenders: &[Contender],
    by_hand: &ByHand,
    docker: Option<&Docker>,
    rounds: Rounds,
    floors: &mut Floors,
) -> Result<(), Failure> {
    progress("attach and detach");
    let in_pool = by_hand.in_pool(&contenders[0].server)?;
    let mut ours: Vec<AttachTimes> = contenders.iter().map(|_| AttachTimes::default()).collect();
    let (mut hand, mut pool, mut fresh) =
        (AttachTimes::default(), AttachTimes::default(), Samples::default());
    by_hand.make()?;
    in_pool.make()?;
    for round in 0..rounds.of(ROUNDS) {
        for (contender, ours) in contenders.iter().zip(&mut ours) {
            contender.attach_and_detach(ours)?;
        }
        hand.by_hand(by_hand)?;
        pool.by_hand(&in_pool)?;
        if let Some(docker) = docker.filter(|_| round < DOCKER_ROUNDS) {
            fresh.push(docker.run_with_volume()?);
        }
    }
    by_hand.remove()?;
    in_pool.remove()?;
    for (Contender { subject, .. }, ours) in contenders.iter().zip(&ours) {
        let what = "attach to a running computer: POST → read at the path inside";
        floors.ratio(subject, what, &ours.attach, ("losetup + mount", &hand.attach), 0.8);
        let what = "detach from a running computer: DELETE → response";
        floors.ratio(subject, what, &ours.detach, ("umount + losetup -d", &hand.detach), 1.2);
    }
    floors.beside("losetup + mount, the image in the pool's filesystem", &pool.attach);
    floors.beside("umount + losetup -d, the image in the pool's filesystem", &pool.detach);
    if docker.is_some() {
        floors.beside("docker run -v, a fresh container", &fresh);
    }
    Ok(())
}
