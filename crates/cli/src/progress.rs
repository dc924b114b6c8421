//! Long work, told on the terminal while it goes on: one line of standard error that is written over and taken away at the end.
//! Nobody else sees it: neither a program that reads the output nor a log.

use std::io::{self, Write};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::output::{Output, printable};

/// Between two looks at work that goes on at the server.
const PAUSE: Duration = Duration::from_millis(250);
/// A line that changes more often cannot be read, and writing it would hold the work up.
const SHOWN_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// A longer line would wrap, and a wrapped line cannot be written over.
const LINE_MAX_CHARS: usize = 79;

pub(crate) struct Progress {
    is_watched: bool,
    shown_at: Option<Instant>,
}

impl Progress {
    pub(crate) fn new(output: &Output) -> Self {
        Self { is_watched: output.is_watched(), shown_at: None }
    }

    /// Shows `text` in place of what is there. That it cannot be shown is no reason to end the work.
    pub(crate) fn show(&mut self, text: &str) {
        let is_due = self.shown_at.is_none_or(|at| at.elapsed() >= SHOWN_AGAIN_AFTER);
        if self.is_watched && is_due {
            let line: String = printable(text).chars().take(LINE_MAX_CHARS).collect();
            let _ = write!(io::stderr(), "\r{line}\u{1b}[K");
            self.shown_at = Some(Instant::now());
        }
    }

    /// Shows `text`, and waits until it is time to look again.
    pub(crate) async fn wait(&mut self, text: &str) {
        self.show(text);
        sleep(PAUSE).await;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown_at.is_some() {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}
