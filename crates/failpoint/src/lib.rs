//! Named places where a test can kill, fail or pause the process. The registry lists itself.
//!
//! `failpoint!("agent.ledger.volume.before-rename")?` does nothing unless `MIOSA_FAILPOINTS` names the point:
//!
//! ```text
//! MIOSA_FAILPOINTS="agent.ledger.volume.before-rename=kill;store.commit.before=pause:200"
//! ```
//!
//! Actions: `kill` (SIGKILL to this process, nothing is flushed), `error` (the macro answers `Err`), `pause:<ms>`. A count in
//! front, as in `2*kill`, lets the point pass that many times before it acts. A point acts once per process.
//! In release builds every point compiles to `Ok(())`.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// A place in the code, submitted by [`failpoint!`].
pub struct Point(pub &'static str);

inventory::collect!(Point);

#[doc(hidden)]
pub use inventory;

/// The error that an `error` action answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injected(pub &'static str);

impl std::fmt::Display for Injected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "injected error at {}", self.0)
    }
}

impl std::error::Error for Injected {}

impl From<Injected> for std::io::Error {
    fn from(injected: Injected) -> Self {
        std::io::Error::other(injected)
    }
}

/// Names a point. Answers `Result<(), Injected>`.
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {{
        #[cfg(debug_assertions)]
        {
            $crate::inventory::submit! { $crate::Point($name) }
            $crate::reached($name)
        }
        #[cfg(not(debug_assertions))]
        {
            Ok::<(), $crate::Injected>(())
        }
    }};
}

/// Registers a point whose name is put together, to be reached with [`at`].
#[macro_export]
macro_rules! declare {
    ($name:expr) => {
        #[cfg(debug_assertions)]
        $crate::inventory::submit! { $crate::Point($name) }
    };
}

/// Reaches a point that was registered with [`declare!`].
#[inline]
pub fn at(name: &'static str) -> Result<(), Injected> {
    if cfg!(debug_assertions) { reached(name) } else { Ok(()) }
}

/// Every point linked into this program, sorted, each once.
pub fn all() -> Vec<&'static str> {
    let mut names: Vec<_> = inventory::iter::<Point>.into_iter().map(|p| p.0).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Kill,
    Error,
    Pause(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Armed {
    passes_left: u32,
    action: Action,
}

#[doc(hidden)]
pub fn reached(name: &'static str) -> Result<(), Injected> {
    static ARMED: OnceLock<Option<Mutex<HashMap<String, Armed>>>> = OnceLock::new();
    let armed =
        ARMED.get_or_init(|| std::env::var("MIOSA_FAILPOINTS").ok().map(|spec| Mutex::new(parse(&spec))));
    let Some(armed) = armed else { return Ok(()) };
    let action = {
        let mut armed = armed.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match armed.get_mut(name) {
            None => return Ok(()),
            Some(point) if point.passes_left > 0 => {
                point.passes_left -= 1;
                return Ok(());
            }
            Some(point) => {
                let action = point.action;
                armed.remove(name);
                action
            }
        }
    };
    match action {
        Action::Error => Err(Injected(name)),
        Action::Pause(time) => {
            std::thread::sleep(time);
            Ok(())
        }
        Action::Kill => loop {
            let _ = std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
            std::thread::sleep(Duration::from_millis(10));
        },
    }
}

/// A typing error in a test's list must not make the test pass: what cannot be read panics.
fn parse(spec: &str) -> HashMap<String, Armed> {
    spec.split(';')
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let (name, action) =
                entry.split_once('=').unwrap_or_else(|| panic!("MIOSA_FAILPOINTS: {entry:?}"));
            let (passes_left, action) = match action.split_once('*') {
                Some((count, action)) => {
                    (count.parse().unwrap_or_else(|_| panic!("MIOSA_FAILPOINTS: {entry:?}")), action)
                }
                None => (0, action),
            };
            let action = match action.split_once(':') {
                None if action == "kill" => Action::Kill,
                None if action == "error" => Action::Error,
                Some(("pause", ms)) if ms.parse::<u64>().is_ok() => {
                    Action::Pause(Duration::from_millis(ms.parse().expect("checked")))
                }
                _ => panic!("MIOSA_FAILPOINTS: unknown action in {entry:?}"),
            };
            (name.to_owned(), Armed { passes_left, action })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read() {
        let armed = parse("a.b=kill;c=2*error;d=pause:50");
        assert_eq!(armed["a.b"], Armed { passes_left: 0, action: Action::Kill });
        assert_eq!(armed["c"], Armed { passes_left: 2, action: Action::Error });
        assert_eq!(armed["d"].action, Action::Pause(Duration::from_millis(50)));
    }

    #[test]
    #[should_panic(expected = "unknown action")]
    fn a_wrong_action_is_loud() {
        parse("a=explode");
    }

    #[test]
    fn points_list_themselves() {
        assert_eq!(failpoint!("test.point"), Ok(()));
        assert!(all().contains(&"test.point"));
    }
}
