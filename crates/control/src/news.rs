//! Wakes the callers that wait for an object when a commit changes it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

/// A wait reads its object this often even if no commit of this process changes it: another process may have.
const POLLS: u32 = 3;

/// The waiting callers, by object.
#[derive(Clone, Default)]
pub(crate) struct News(Arc<Mutex<HashMap<Uuid, watch::Sender<()>>>>);

impl News {
    pub(crate) fn publish(&self, id: Uuid) {
        if let Some(sender) = self.locked().get(&id) {
            sender.send_replace(());
        }
    }

    /// Starts waiting, for at most `longest`. Call it before the intent is written, so that no change is missed.
    pub(crate) fn wait(&self, id: Uuid, longest: Duration) -> Wait {
        let changes = self.locked().entry(id).or_insert_with(|| watch::channel(()).0).subscribe();
        let started = Instant::now();
        Wait { news: self.clone(), id, changes, started, deadline: started + longest, poll: longest / POLLS }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Uuid, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One caller's wait for one object: read the object, and while [`Wait::goes_on`], read it again.
pub struct Wait {
    news: News,
    id: Uuid,
    changes: watch::Receiver<()>,
    started: Instant,
    deadline: Instant,
    poll: Duration,
}

impl Wait {
    /// Waits for a change, for the next poll, or for the deadline. Returns `false` if the deadline had passed before the call: the last read was
    /// final.
    pub async fn goes_on(&mut self) -> bool {
        if Instant::now() >= self.deadline {
            return false;
        }
        let until = self.deadline.min(Instant::now() + self.poll);
        // The sender lives as long as this wait, so the only error is the timeout.
        let _ = tokio::time::timeout_at(until, self.changes.changed()).await;
        true
    }

    /// Records how long the outcome took.
    pub(crate) fn over(&self, verb: &'static str) {
        metrics::histogram!("miosa_effect_seconds", "verb" => verb)
            .record(self.started.elapsed().as_secs_f64());
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut waiting = self.news.locked();
        // This wait's own receiver is still counted.
        if waiting.get(&self.id).is_some_and(|sender| sender.receiver_count() <= 1) {
            waiting.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    /// Aim: news between listening and waiting is not lost, other objects' news does not wake, and nothing is left behind.
    #[tokio::test]
    async fn news_is_not_missed_and_nothing_is_left_behind() {
        let news = News::default();
        let (one, other) = (Uuid::now_v7(), Uuid::now_v7());
        let mut wait = news.wait(one, Duration::from_secs(3600));
        let mut impatient = news.wait(one, Duration::ZERO);
        news.publish(one);
        assert_eq!(wait.goes_on().now_or_never(), Some(true), "news from before the wait did not wake it");
        news.publish(other);
        assert_eq!(wait.goes_on().now_or_never(), None, "somebody else's news woke it");
        assert!(!impatient.goes_on().await, "the time is over");
        drop(wait);
        assert_eq!(news.locked().len(), 1, "the second caller still waits");
        drop(impatient);
        assert!(news.locked().is_empty());
    }
}
