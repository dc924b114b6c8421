//! Loops without an end. Each run finds by itself what is to do, so a run that failed is made up for by the next one.

use std::time::Duration;

use crate::app::App;

mod trash;

const EVERY: Duration = Duration::from_secs(60);

impl App {
    /// Runs for ever. Drop the future to stop it; every run is a transaction, so it stops anywhere.
    pub(crate) async fn reconcile(&self) {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if let Err(error) = trash::run(self).await {
                tracing::error!(error = &error as &dyn std::error::Error, "look after the trash");
            }
        }
    }
}
