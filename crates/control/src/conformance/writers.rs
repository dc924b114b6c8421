//! Several concurrent writers, each with its own connections: every race has exactly one winner, and followers miss nothing.

use jiff::Timestamp;
use miosa_domain::limits::Limits;
use miosa_domain::{AttachmentId, ComputerId, Refusal};
use miosa_store::StoreError;
use miosa_store::attachment::NewAttachment;
use miosa_store::idempotency::ObjectRef;
use miosa_store::outbox::{ChangeRecord, ObjectKind};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Suite, World, key};
use crate::App;

/// Callers in each race.
const CALLERS: usize = 8;

/// The `suites` share one database.
pub(super) async fn run(suites: &[Suite]) {
    Box::pin(one_computer_gets_the_volume(suites)).await;
    Box::pin(the_last_place_is_taken_once(suites)).await;
    Box::pin(a_key_is_recorded_once(suites)).await;
    Box::pin(a_slug_is_taken_once(suites)).await;
    Box::pin(every_change_has_its_generation_and_followers_see_it_once(suites)).await;
}

/// Runs `call` by every caller at once.
async fn race<T: Send + 'static, F: Future<Output = Result<T, StoreError>> + Send + 'static>(
    suites: &[Suite],
    call: impl Fn(App, usize) -> F,
) -> Vec<Result<T, StoreError>> {
    let calls: JoinSet<_> =
        (0..CALLERS).map(|caller| call(suites[caller % suites.len()].app.clone(), caller)).collect();
    calls.join_all().await
}

/// The one that won, and the errors of the others.
fn winner<T: std::fmt::Debug>(outcomes: Vec<Result<T, StoreError>>) -> (T, Vec<StoreError>) {
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    let mut won: Vec<T> = won.into_iter().flatten().collect();
    assert_eq!(won.len(), 1, "{won:?}, {lost:?}");
    (won.remove(0), lost.into_iter().filter_map(Result::err).collect())
}

async fn one_computer_gets_the_volume(suites: &[Suite]) {
    let world = World::new(&suites[0]).await;
    let volume = world.volume().await;
    let mut computers = Vec::new();
    for _ in 0..CALLERS {
        computers.push(world.computer().await.id);
    }
    let (tenant_id, now) = (world.tenant, world.now);
    let outcomes = race(suites, |app, caller| {
        let new = NewAttachment {
            id: AttachmentId::from_uuid(Uuid::now_v7()),
            tenant_id,
            computer_id: computers[caller],
            volume_id: volume.id,
            mount_path: None,
            read_only: false,
        };
        async move { app.store().attach(new, &|_| true, None, now).await }
    })
    .await;
    let (won, lost) = winner(outcomes);
    for error in lost {
        match error {
            StoreError::Refused(Refusal::VolumeAttached { attachment_id, .. }) => {
                assert_eq!(attachment_id, won.id)
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(world.read_volume(volume.id).await.attachments, [won]);
}

async fn the_last_place_is_taken_once(suites: &[Suite]) {
    let limit = Limits::default().volumes_per_project;
    let world = World::new(&suites[0]).await;
    for _ in 1..limit {
        world.create_volume(world.new_volume(), None, world.now).await.unwrap();
    }
    let outcomes = race(suites, |app, _| {
        let (new, now) = (world.new_volume(), world.now);
        async move { app.write_new_volume(&new, None, now).await }
    })
    .await;
    for error in winner(outcomes).1 {
        assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
    }
}

async fn a_key_is_recorded_once(suites: &[Suite]) {
    let world = World::new(&suites[0]).await;
    let key = key("race");
    let outcomes = race(suites, |app, _| {
        let (new, now, key) = (world.new_volume(), world.now, key.clone());
        async move { app.write_new_volume(&new, Some(&key), now).await }
    })
    .await;
    let (won, lost) = winner(outcomes);
    for error in lost {
        assert!(matches!(error, StoreError::IdempotencyKeyTaken), "{error:?}");
    }
    let stored = world.store.idempotency_find(&key.scope, world.now).await.unwrap().expect("it was recorded");
    assert_eq!(stored.object, ObjectRef::Volume(won.id));
    let listed =
        world.store.list_volumes(world.tenant, &super::lists::request(None), &|_| true).await.unwrap();
    assert_eq!(listed.total, 1, "a call that lost made a volume");
}

async fn a_slug_is_taken_once(suites: &[Suite]) {
    let slug = format!("race-{}", Uuid::now_v7());
    let outcomes = race(suites, |app, _| {
        let slug = slug.clone();
        async move { app.store().create_tenant(&slug, "Race", Timestamp::UNIX_EPOCH).await }
    })
    .await;
    for error in winner(outcomes).1 {
        assert!(matches!(error, StoreError::Invalid { field: "slug", .. }), "{error:?}");
    }
}

/// Aim: generations order the changes of a host without a duplicate; a follower that reads on from the last number it read
/// gets every committed change once, while others commit beside it.
async fn every_change_has_its_generation_and_followers_see_it_once(suites: &[Suite]) {
    const EACH: usize = 5;
    let world = World::new(&suites[0]).await;
    let begin = *world.store.newest_change().borrow();
    let (done, mut is_done) = tokio::sync::watch::channel(false);
    let follower = tokio::spawn({
        let store = world.store.clone();
        async move {
            let mut read: Vec<ChangeRecord> = Vec::new();
            loop {
                let is_last = *is_done.borrow_and_update();
                let since = read.last().map_or(begin, |change| change.seq);
                let more = store.changes_since(since, 7).await.unwrap();
                if more.is_empty() && is_last {
                    return read;
                }
                read.extend(more);
            }
        }
    });
    let outcomes = race(suites, |app, _| {
        let (new, now) = ([(); EACH].map(|()| world.new_computer()), world.now);
        async move {
            let mut created = Vec::new();
            for new in new {
                created.push(app.write_new_computer(&new, None, now).await?);
            }
            Ok(created)
        }
    })
    .await;
    done.send_replace(true);
    let created: Vec<_> = outcomes.into_iter().flat_map(Result::unwrap).collect();
    let mut generations: Vec<_> = created.iter().map(|computer| computer.generation).collect();
    generations.sort();
    generations.dedup();
    assert_eq!(generations.len(), CALLERS * EACH);
    let host = world.store.host(world.host).await.unwrap().expect("it is registered");
    assert_eq!(generations.last(), Some(&host.generation));

    let followed = follower.await.unwrap();
    assert_eq!(followed, world.store.changes_since(begin, u32::MAX).await.unwrap());
    let computers: Vec<ComputerId> = followed
        .iter()
        .filter(|change| change.kind == ObjectKind::Computer)
        .map(|change| ComputerId::from_uuid(change.object_id))
        .collect();
    // Commit order is the order of generations.
    let mut expected: Vec<_> = created.iter().map(|computer| (computer.generation, computer.id)).collect();
    expected.sort();
    assert_eq!(computers, expected.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
    let wakes = followed.iter().filter(|change| change.host_id == Some(world.host)).count();
    assert_eq!(wakes, CALLERS * EACH, "each new spec wakes its host");
}
