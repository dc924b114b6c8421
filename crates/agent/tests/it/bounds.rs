//! Messages stay small, whatever the host holds and whatever outsiders put there; a monstrous object fails alone.

use miosa_api::agent_v1::ControllerMessage;
use miosa_api::agent_v1::frame::{FRAME_BYTES, pack};
use miosa_backend::fake::Call;
use miosa_domain::VolumeId;
use miosa_domain::kind::{ObjectId, Spec};
use miosa_domain::status::FailureCode;
use uuid::Uuid;

use crate::world::{World, count, failed_with, instance, ready, volume};

/// Aim: a resync of 5,000 objects arrives in several messages and orphans none of them; after a restart the host reports all
/// of them, again in several messages of bounded size.
#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_objects_are_asked_for_and_reported_in_bounded_messages() {
    const COUNT: usize = 5000;
    let mut world = World::new().await;
    let specs: Vec<Spec> = (1..=COUNT as u128).map(|n| volume(n, 1).into()).collect();
    let frames = pack(specs).frames;
    assert!(frames.len() > 3, "{} frames", frames.len());
    let last = frames.len() - 1;
    for (n, specs) in frames.into_iter().enumerate() {
        world.say(ControllerMessage::Specs { resync: true, more: n < last, specs }).await;
    }
    let all_ready = |seen: &crate::world::Seen| seen.volumes.values().filter(|s| ready(s)).count() == COUNT;
    world.wait("all volumes", |seen| all_ready(seen).then_some(())).await;
    let pool = world.wait("the pool", |seen| seen.pool.clone()).await;
    assert!(pool.orphans.first.is_empty(), "a part of a resync was taken for the whole: {pool:?}");

    world.stop_agent().await;
    world.forget_what_was_told();
    let before = world.seen().reports;
    world.start_agent().await;
    let seen = world.seen();
    assert!(all_ready(&seen), "the agent said that it had recovered before it had reported everything");
    assert!(seen.reports - before > 3, "{} reports", seen.reports - before);
    assert!(seen.largest_report_bytes < 2 * FRAME_BYTES, "{} bytes", seen.largest_report_bytes);
    assert_eq!(count(&world, Call::Create), COUNT, "an existing volume was made again");
}

/// Aim: a pool full of foreign entries and unknown volumes makes a short report, which says how many entries it leaves out.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_a_hundred_thousand_strangers_is_short() {
    const COUNT: u64 = 100_000;
    let world = World::new().await;
    let long = "x".repeat(4000);
    for n in 0..COUNT {
        world.backend.add_foreign(format!("/pool/volumes/{n:06}-{long}"), "not ours");
        world.backend.displace(VolumeId::from_uuid(Uuid::from_u128(n.into())), "a file");
    }
    world.resync().await;
    let pool = world.wait("the pool", |seen| seen.pool.clone()).await;
    assert_eq!(pool.foreign.first.len() as u64 + pool.foreign.more, COUNT);
    assert_eq!(pool.orphans.first.len() as u64 + pool.orphans.more, COUNT);
    assert_eq!(pool.orphans.first[0], ObjectId::Volume(VolumeId::from_uuid(Uuid::from_u128(0))));
    assert!(world.seen().largest_report_bytes < 2 * FRAME_BYTES);
}

/// Aim: a spec that no ledger file could hold fails; its neighbour in the same message does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_monstrous_spec_fails_alone() {
    let world = World::new().await;
    let v = volume(1, 1);
    let mut i = instance(2, 1, vec![]);
    i.env.insert("MONSTER".into(), "x".repeat(8 << 20));
    world.ask([&v], [&i]).await;
    world.instance(&i, "the refusal", |s| failed_with(s, FailureCode::CannotRun)).await;
    world.volume(&v, "the neighbour", ready).await;
    assert!(!world.ledger_file("instances", i.id).exists());
    i.env.clear();
    world.ask([], [&i]).await;
    world.instance(&i, "running", crate::world::running).await;
    assert_eq!(world.seen().sessions, 1, "the session ended");
}
