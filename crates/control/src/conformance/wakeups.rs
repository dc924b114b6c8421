//! Wake-ups follow from commits.

use futures::FutureExt;
use miosa_domain::status::VolumeCondition;

use super::{Suite, World};

/// Aim: a verb cannot forget a wake-up. When it returns, its commit has woken the host whose spec it changed and the callers
/// that wait for the object; a report that changes no spec wakes the callers only.
pub(super) async fn a_commit_wakes_its_host_and_the_waiting_callers(suite: &Suite) {
    let world = World::new(suite).await;
    let draft = world.new_volume();
    let id = draft.id.uuid();
    let mut waiting = suite.app.wait_for(id);
    let mut of_another = suite.app.wait_for(world.new_volume().id.uuid());
    suite.hosts.take_woken();
    let volume = world.create_volume(draft, None, world.now).await.unwrap();
    assert_eq!(suite.hosts.take_woken(), [world.host]);
    assert_eq!(waiting.goes_on().now_or_never(), Some(true));

    let mut waiting = suite.app.wait_for(id);
    world.report_volume(&volume, VolumeCondition::Ready).await;
    assert_eq!(suite.hosts.take_woken(), []);
    assert_eq!(waiting.goes_on().now_or_never(), Some(true));
    assert_eq!(of_another.goes_on().now_or_never(), None, "another object's change woke it");
}
