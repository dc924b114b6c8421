//! Creating a volume: `POST` until it is `available`.

use std::time::Instant;

use serde_json::json;

use super::{ByHand, Contender, Floors, Rounds, SIZE_BYTES, Samples, progress};
use crate::run::Failure;

const ROUNDS: usize = 200;

pub(super) fn measure(
    contenders: &[Contender],
    by_hand: &ByHand,
    rounds: Rounds,
    floors: &mut Floors,
) -> Result<(), Failure> {
    progress("create");
    let mut ours: Vec<Samples> = contenders.iter().map(|_| Samples::default()).collect();
    let mut theirs = Samples::default();
    for round in 0..rounds.of(ROUNDS) {
        for (contender, ours) in contenders.iter().zip(&mut ours) {
            let server = &contender.server;
            let body =
                json!({"name": format!("create-{round}"), "size_bytes": SIZE_BYTES, "backend": "local"});
            let begun = Instant::now();
            let volume = server.http("POST", "/api/v1/volumes", Some(body)).ok();
            ours.push(begun.elapsed());
            assert_eq!(volume["status"], "available", "the call returns when the volume is there");
            server.delete_volume(volume["id"].as_str().unwrap_or_default()).ok();
        }
        let begun = Instant::now();
        by_hand.make()?;
        let device = by_hand.attach()?;
        theirs.push(begun.elapsed());
        by_hand.detach(&device)?;
        by_hand.remove()?;
    }
    for (contender, ours) in contenders.iter().zip(&ours) {
        let peer = ("truncate + mkfs.ext4 + losetup + mount, not durable", &theirs);
        floors.ratio(&contender.subject, "create 50 GB, durable: POST → available", ours, peer, 0.2);
    }
    Ok(())
}
