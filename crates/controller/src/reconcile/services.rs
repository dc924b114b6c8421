//! Moves services on as time goes by: releases that are not healthy in time, and whatever no report follows.
//!
//! **Crash story.** What is to do is read from rows every time, so a run that is cut off is made up for by the next one.

use miosa_store::StoreError;

use crate::app::{App, now};

pub(super) async fn advance(app: &App) -> Result<(), StoreError> {
    for service in app.store().advance_services(now()).await? {
        app.links().nudge(service.host_id);
        app.news().publish(&[service.id.uuid()]);
    }
    Ok(())
}
