//! Several writers at once, each with connections of its own: of every race exactly one wins, and followers miss nothing.

use jiff::Timestamp;
use miosa_domain::limits::Limits;
use miosa_domain::{AttachmentId, ComputerId, Refusal};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{World, key};
use crate::attachment::NewAttachment;
use crate::idempotency::ObjectRef;
use crate::outbox::{ChangeRecord, ObjectKind};
use crate::{Store, StoreError};

/// Callers in each race.
const CALLERS: usize = 8;

/// `stores` have the same database open.
pub async fn run(stores: &[Store]) {
    Box::pin(one_computer_gets_the_volume(stores)).await;
    Box::pin(the_last_place_is_taken_once(stores)).await;
    Box::pin(a_key_is_recorded_once(stores)).await;
    Box::pin(a_slug_is_taken_once(stores)).await;
    Box::pin(every_change_has_its_generation_and_followers_see_it_once(stores)).await;
}

/// Runs `call` by every caller at once.
async fn race<T: Send + 'static, F: Future<Output = Result<T, StoreError>> + Send + 'static>(
    stores: &[Store],
    call: impl Fn(Store, usize) -> F,
) -> Vec<Result<T, StoreError>> {
    let calls: JoinSet<_> =
        (0..CALLERS).map(|caller| call(stores[caller % stores.len()].clone(), caller)).collect();
    calls.join_all().await
}

/// The one that won, and the errors of the others.
fn winner<T: std::fmt::Debug>(outcomes: Vec<Result<T, StoreError>>) -> (T, Vec<StoreError>) {
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    let mut won: Vec<T> = won.into_iter().flatten().collect();
    assert_eq!(won.len(), 1, "{won:?}, {lost:?}");
    (won.remove(0), lost.into_iter().filter_map(Result::err).collect())
}

async fn one_computer_gets_the_volume(stores: &[Store]) {
    let world = World::new(&stores[0]).await;
    let volume = world.volume().await;
    let mut computers = Vec::new();
    for _ in 0..CALLERS {
        computers.push(world.computer().await.id);
    }
    let (tenant_id, now) = (world.tenant, world.now);
    let outcomes = race(stores, |store, caller| {
        let new = NewAttachment {
            id: AttachmentId::from_uuid(Uuid::now_v7()),
            tenant_id,
            computer_id: computers[caller],
            volume_id: volume.id,
            mount_path: None,
            read_only: false,
        };
        async move { store.attach(new, &|_| true, None, now).await }
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

async fn the_last_place_is_taken_once(stores: &[Store]) {
    let limit = Limits::default().volumes_per_project;
    let world = World::new(&stores[0]).await;
    for _ in 1..limit {
        stores[0].create_volume(world.new_volume(), None, world.now).await.unwrap();
    }
    let outcomes = race(stores, |store, _| {
        let (new, now) = (world.new_volume(), world.now);
        async move { store.create_volume(new, None, now).await }
    })
    .await;
    for error in winner(outcomes).1 {
        assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
    }
}

async fn a_key_is_recorded_once(stores: &[Store]) {
    let world = World::new(&stores[0]).await;
    let key = key("race");
    let outcomes = race(stores, |store, _| {
        let (new, now, key) = (world.new_volume(), world.now, key.clone());
        async move { store.create_volume(new, Some(&key), now).await }
    })
    .await;
    let (won, lost) = winner(outcomes);
    for error in lost {
        assert!(matches!(error, StoreError::IdempotencyKeyTaken), "{error:?}");
    }
    let stored = stores[0].idempotency_find(&key.scope, world.now).await.unwrap().expect("it was recorded");
    assert_eq!(stored.object, ObjectRef::Volume(won.id));
    let listed = stores[0].list_volumes(world.tenant, &super::lists::request(None), &|_| true).await.unwrap();
    assert_eq!(listed.total, 1, "a call that lost made a volume");
}

async fn a_slug_is_taken_once(stores: &[Store]) {
    let slug = format!("race-{}", Uuid::now_v7());
    let outcomes = race(stores, |store, _| {
        let slug = slug.clone();
        async move { store.create_tenant(&slug, "Race", Timestamp::UNIX_EPOCH).await }
    })
    .await;
    for error in winner(outcomes).1 {
        assert!(matches!(error, StoreError::Invalid { field: "slug", .. }), "{error:?}");
    }
}

/// Aim: generations order the changes of a host without a duplicate; a follower that reads on from the last number it read
/// gets every committed change once, while others commit beside it.
async fn every_change_has_its_generation_and_followers_see_it_once(stores: &[Store]) {
    const EACH: usize = 5;
    let world = World::new(&stores[0]).await;
    let begin = *stores[0].newest_change().borrow();
    let (done, mut is_done) = tokio::sync::watch::channel(false);
    let follower = tokio::spawn({
        let store = stores[0].clone();
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
    let outcomes = race(stores, |store, _| {
        let (new, now) = ([(); EACH].map(|()| world.new_computer()), world.now);
        async move {
            let mut created = Vec::new();
            for new in new {
                created.push(store.create_computer(new, None, now).await?);
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
    let host = stores[0].host(world.host).await.unwrap().expect("it is registered");
    assert_eq!(generations.last(), Some(&host.generation));

    let followed = follower.await.unwrap();
    assert_eq!(followed, stores[0].changes_since(begin, u32::MAX).await.unwrap());
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
