//! Clones and removals in one pool: never at the same time, and a clone never waits long.
//!
//! Removing an image on XFS leaves work behind. A clone that starts before that is done waits for it, with all writers of its
//! volume: seconds instead of milliseconds. So images are removed one at a time and in small steps, each step needs a turn in which
//! nothing is cloned, and a clone that comes has the next turn.
//!
//! What clones really cost on this machine is learned here too, for predictions.

use std::time::Duration;

use miosa_domain::stall;
use parking_lot::{Condvar, Mutex, MutexGuard};

/// Clones of fewer extents say more about the machine's mood than about the price of an extent.
const TELLING_EXTENTS: u64 = 1000;

/// A measurement beyond these was disturbed by something else.
const MICROSECONDS_MIN: f64 = 1.0;
const MICROSECONDS_MAX: f64 = 40.0;

/// Weight of the newest clone.
const NEWEST: f64 = 0.3;

#[derive(Debug, Default)]
pub(crate) struct Turns {
    state: Mutex<State>,
    changed: Condvar,
    /// Held over all steps of one removal.
    removal: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Clones that run, or wait for a step to end.
    clones: usize,
    step: bool,
}

/// Held while an image is cloned.
pub(crate) struct CloneTurn<'a>(&'a Turns);

/// Held by the one removal in the pool.
pub(crate) struct Removal<'a> {
    turns: &'a Turns,
    _only: MutexGuard<'a, ()>,
}

/// Held for one step of a removal.
pub(crate) struct Step<'a>(&'a Turns);

impl Turns {
    /// Waits at most for one step of a removal. Clones do not wait for each other.
    pub(crate) fn clone_turn(&self) -> CloneTurn<'_> {
        let mut state = self.state.lock();
        state.clones += 1;
        self.changed.wait_while(&mut state, |state| state.step);
        CloneTurn(self)
    }

    /// Waits for other removals.
    pub(crate) fn removal(&self) -> Removal<'_> {
        Removal { turns: self, _only: self.removal.lock() }
    }
}

impl Removal<'_> {
    /// Waits until nothing is cloned.
    pub(crate) fn step(&self) -> Step<'_> {
        let mut state = self.turns.state.lock();
        self.turns.changed.wait_while(&mut state, |state| state.clones > 0);
        state.step = true;
        Step(self.turns)
    }
}

impl Drop for CloneTurn<'_> {
    fn drop(&mut self) {
        self.0.state.lock().clones -= 1;
        self.0.changed.notify_all();
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        self.0.state.lock().step = false;
        self.0.changed.notify_all();
    }
}

/// What an extent costs a clone: begins with what was measured elsewhere and follows the clones of this pool.
#[derive(Debug)]
pub(crate) struct Calibration {
    microseconds_per_extent: Mutex<f64>,
}

impl Default for Calibration {
    fn default() -> Self {
        Self { microseconds_per_extent: Mutex::new(stall::MICROSECONDS_PER_EXTENT) }
    }
}

impl Calibration {
    /// A clone of an image of so many extents took so long.
    pub(crate) fn learn(&self, extents: u64, took: Duration) {
        if extents <= TELLING_EXTENTS {
            return;
        }
        let newest = (took.as_secs_f64() * 1e6 / extents as f64).clamp(MICROSECONDS_MIN, MICROSECONDS_MAX);
        let mut known = self.microseconds_per_extent.lock();
        *known = *known * (1.0 - NEWEST) + newest * NEWEST;
    }

    pub(crate) fn microseconds_per_extent(&self) -> f64 {
        *self.microseconds_per_extent.lock()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    /// Many clones and removals at once: a step never runs beside a clone or another step.
    #[test]
    fn steps_are_alone() {
        let turns = Turns::default();
        let (cloning, stepping, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let _turn = turns.clone_turn();
                        cloning.fetch_add(1, Ordering::SeqCst);
                        assert_eq!(stepping.load(Ordering::SeqCst), 0);
                        thread::yield_now();
                        cloning.fetch_sub(1, Ordering::SeqCst);
                    }
                    done.store(true, Ordering::SeqCst);
                });
                scope.spawn(|| {
                    while !done.load(Ordering::SeqCst) {
                        let removal = turns.removal();
                        for _ in 0..5 {
                            let _step = removal.step();
                            assert_eq!(stepping.fetch_add(1, Ordering::SeqCst), 0);
                            assert_eq!(cloning.load(Ordering::SeqCst), 0);
                            thread::yield_now();
                            stepping.fetch_sub(1, Ordering::SeqCst);
                        }
                    }
                });
            }
        });
    }

    /// A clone that waits goes before the next step of the removal that it waits for.
    #[test]
    fn a_removal_gives_way() {
        let turns = Turns::default();
        let removal = turns.removal();
        let step = removal.step();
        thread::scope(|scope| {
            let clone = scope.spawn(|| turns.clone_turn());
            while turns.state.lock().clones == 0 {
                thread::yield_now();
            }
            drop(step);
            let turn = clone.join().unwrap();
            let next = scope.spawn(|| drop(removal.step()));
            assert!(!turns.state.lock().step, "a step beside a clone");
            drop(turn);
            next.join().unwrap();
        });
    }

    #[test]
    fn the_price_of_an_extent_is_learned() {
        let calibration = Calibration::default();
        calibration.learn(TELLING_EXTENTS, Duration::from_secs(100));
        assert_eq!(calibration.microseconds_per_extent(), stall::MICROSECONDS_PER_EXTENT);
        for _ in 0..50 {
            calibration.learn(100_000, Duration::from_millis(900));
        }
        assert!((calibration.microseconds_per_extent() - 9.0).abs() < 0.01);
        for (took, limit) in
            [(Duration::from_secs(1000), MICROSECONDS_MAX), (Duration::ZERO, MICROSECONDS_MIN)]
        {
            for _ in 0..50 {
                calibration.learn(10_000, took);
            }
            assert!((calibration.microseconds_per_extent() - limit).abs() < 0.01);
        }
    }
}
