//! What is found out in the background: where the bytes are, and whether snapshots are still what they were.
//!
//! ```text
//!   measure   a volume's extents, the wait of its next clone, what its snapshots hold alone      soon after a change, each minute
//!   read      verifications that were asked for ─► checksums that are missing ─► the scrub       one snapshot at a time
//! ```
//!
//! **Crash story.** Nothing here is needed by anybody to go on. What was measured is measured again; a reading that was cut off
//! begins anew; the outcome of a verification is in the ledger, so it is not asked for twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use miosa_backend::{BackendError, ImageState, VolumeBackend, VolumeObservation};
use miosa_domain::kind::Snapshot;
use miosa_domain::spec::Presence;
use miosa_domain::status::{
    Checksum, ExclusiveBytes, Failure, SnapshotCondition, SnapshotStatus, Verification, VerificationOutcome,
    VolumeCondition, VolumeSpace,
};
use miosa_domain::{SnapshotId, VolumeId};
use tokio::sync::{Mutex as AsyncMutex, Notify};

use crate::failure::StepError;
use crate::kind::SnapshotRecord;
use crate::{Host, blocking};

const MEASURE_EVERY: Duration = Duration::from_secs(60);
/// Changes come in groups.
const SETTLE: Duration = Duration::from_millis(500);

/// Nobody waits for a first checksum; the scrub has a month for everything.
const CHECKSUM_BYTES_PER_SECOND: f64 = 100e6;
const SCRUB_BYTES_PER_SECOND: f64 = 20e6;
const SCRUB_EVERY: SignedDuration = SignedDuration::from_hours(30 * 24);
const LOOK_FOR_READING_EVERY: Duration = Duration::from_secs(600);
const REPORT_EVERY: Duration = Duration::from_millis(500);

#[derive(Default)]
pub(crate) struct Upkeep {
    changed: Mutex<BTreeSet<VolumeId>>,
    measure: Notify,
    read: Notify,
    /// Held while a snapshot is read.
    reading: Arc<AsyncMutex<()>>,
    /// A verification was asked for: what is read without haste gives way.
    is_urgent: AtomicBool,
    closing: AtomicBool,
}

impl Upkeep {
    pub(crate) fn measure_soon(&self, id: VolumeId) {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        self.measure.notify_one();
    }

    /// A snapshot is new, or its verification was asked for.
    pub(crate) fn read_soon(&self, record: &SnapshotRecord) {
        if wanted_verification(record).is_some() {
            self.is_urgent.store(true, Ordering::Relaxed);
        }
        self.read.notify_one();
    }

    /// Stops what is read at its next step, and lets nothing more begin.
    pub(crate) async fn finish(&self) {
        self.closing.store(true, Ordering::Relaxed);
        std::mem::forget(self.reading.clone().lock_owned().await);
    }

    fn take_changed(&self) -> BTreeSet<VolumeId> {
        std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

pub(crate) async fn for_ever(host: &Arc<Host>) {
    tokio::join!(measure_for_ever(host), read_for_ever(host));
}

/// The state that a volume was measured in.
#[derive(Debug, PartialEq, Eq)]
struct Fingerprint {
    /// `None`: the volume is in the trash or gone; only its snapshots are here.
    volume: Option<Seen>,
    snapshots: Vec<SnapshotId>,
}

#[derive(Debug, PartialEq, Eq)]
struct Seen {
    allocated_bytes: u64,
    written_at: Timestamp,
    is_staged: bool,
}

async fn measure_for_ever(host: &Arc<Host>) {
    let mut measured: BTreeMap<VolumeId, Fingerprint> = BTreeMap::new();
    let mut sweep = tokio::time::interval(MEASURE_EVERY);
    sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let all = tokio::select! {
            () = host.upkeep.measure.notified() => false,
            _ = sweep.tick() => true,
        };
        tokio::time::sleep(SETTLE).await;
        let mut changed = host.upkeep.take_changed();
        let mut snapshots = ready_snapshots(host);
        // One that changed is measured in any case: a compaction, for example, moves data without writing to it.
        measured.retain(|id, _| !changed.contains(id));
        if all {
            changed.extend(host.volumes.staged_ids());
            changed.extend(snapshots.keys());
            measured.retain(|id, _| changed.contains(id));
        }
        let work: Vec<_> = changed
            .into_iter()
            .map(|id| (id, measured.remove(&id), snapshots.remove(&id).unwrap_or_default()))
            .collect();
        let working = host.clone();
        measured.extend(blocking(move || measure_all(&working, work)).await);
    }
}

/// Returns what was measured, or was found as it was measured before.
fn measure_all(
    host: &Host,
    work: Vec<(VolumeId, Option<Fingerprint>, Vec<SnapshotId>)>,
) -> BTreeMap<VolumeId, Fingerprint> {
    let mut measured = BTreeMap::new();
    for (id, before, snapshots) in work {
        if host.upkeep.closing.load(Ordering::Relaxed) {
            break;
        }
        match measure(host, id, snapshots, before) {
            Ok(now) => drop(measured.insert(id, now)),
            // A volume that is being changed or that has failed reports that itself.
            Err(error) => tracing::debug!(volume = %id, %error, "measuring failed"),
        }
    }
    measured
}

/// Those that are there, by their volumes, of which some may be long gone.
fn ready_snapshots(host: &Host) -> BTreeMap<VolumeId, Vec<SnapshotId>> {
    let is_ready = |s: &SnapshotStatus| s.condition == SnapshotCondition::Ready;
    let ready =
        host.board.map::<Snapshot, _>(|status| is_ready(status).then_some((status.volume_id, status.id)));
    let mut snapshots: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (volume, id) in ready {
        snapshots.entry(volume).or_default().push(id);
    }
    snapshots
}

fn measure(
    host: &Host,
    id: VolumeId,
    snapshots: Vec<SnapshotId>,
    before: Option<Fingerprint>,
) -> Result<Fingerprint, BackendError> {
    let is_ready = host.board.get(id).is_some_and(|status| status.condition == VolumeCondition::Ready);
    let is_wanted = host.ledger.get(id).is_some_and(|r| r.spec.presence == Presence::Present);
    let backend = match snapshots.first() {
        Some(snapshot) if !is_wanted => host.backend_of_snapshot(*snapshot)?,
        _ => host.backend_of(id)?,
    };
    let volume = if is_ready && is_wanted { observe(&*backend, id)? } else { None };
    let now = Fingerprint { volume, snapshots };
    if before.as_ref() == Some(&now) || (now.volume.is_none() && now.snapshots.is_empty()) {
        return Ok(now);
    }
    let Some(engine) = backend.snapshots() else { return Ok(now) };
    let measured_at = Timestamp::now();
    let space = engine.space(now.volume.is_some().then_some(id), &now.snapshots)?;
    if let Some(Seen { allocated_bytes, .. }) = now.volume {
        let fragmentation = engine.fragmentation(id)?;
        let predicted_stall_ms = fragmentation.predicted_stall.as_millis();
        let measured = VolumeSpace {
            measured_at,
            filesystem_used_bytes: backend.filesystem_used_bytes(id)?,
            extents: fragmentation.extents,
            predicted_stall_ms: u32::try_from(predicted_stall_ms).unwrap_or(u32::MAX),
            held_by_snapshots_bytes: space.held_by_snapshots_bytes,
        };
        host.board.change(id, |status| {
            status.space = Some(measured);
            status.allocated_bytes = Some(allocated_bytes);
        });
    }
    put_exclusive(host, space.exclusive_bytes, measured_at);
    Ok(now)
}

fn observe(backend: &dyn VolumeBackend, id: VolumeId) -> Result<Option<Seen>, BackendError> {
    let VolumeObservation { image, staged } = backend.observe(id)?;
    Ok(match image {
        ImageState::Present { allocated_bytes, written_at, .. } => {
            Some(Seen { allocated_bytes, written_at, is_staged: staged.is_some() })
        }
        _ => None,
    })
}

fn put_exclusive(host: &Host, of: BTreeMap<SnapshotId, u64>, measured_at: Timestamp) {
    for (id, bytes) in of {
        host.board.change(id, |s| s.exclusive = Some(ExclusiveBytes { bytes, measured_at }));
    }
}

/// A reason to read a snapshot, the most urgent one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Verification { number: u64 },
    Checksum,
    Scrub,
}

impl Reading {
    fn rank(self) -> u8 {
        match self {
            Reading::Verification { .. } => 0,
            Reading::Checksum => 1,
            Reading::Scrub => 2,
        }
    }

    fn bytes_per_second(self) -> f64 {
        match self {
            Reading::Verification { .. } => f64::INFINITY,
            Reading::Checksum => CHECKSUM_BYTES_PER_SECOND,
            Reading::Scrub => SCRUB_BYTES_PER_SECOND,
        }
    }
}

async fn read_for_ever(host: &Arc<Host>) {
    loop {
        host.upkeep.is_urgent.store(false, Ordering::Relaxed);
        let looking = host.clone();
        let Some((id, reading)) = blocking(move || next_reading(&looking)).await else {
            tokio::select! {
                () = host.upkeep.read.notified() => {}
                () = tokio::time::sleep(LOOK_FOR_READING_EVERY) => {}
            }
            continue;
        };
        let (working, turn) = (host.clone(), host.upkeep.reading.clone().lock_owned().await);
        let outcome = blocking(move || {
            let _turn = turn;
            read(&working, id, reading)
        })
        .await;
        if let Err(error) = settle(host, id, reading, outcome).await {
            tracing::error!(snapshot = %id, "note what was read: {}", error.into_failure().message);
            tokio::time::sleep(MEASURE_EVERY).await;
        }
    }
}

fn wanted_verification(record: &SnapshotRecord) -> Option<u64> {
    let number = record.spec.verification;
    (record.is_kept() && number > record.verified).then_some(number)
}

/// The most urgent one. Blocks, as there may be many snapshots.
fn next_reading(host: &Host) -> Option<(SnapshotId, Reading)> {
    // Ready ones, and when their first checksum was computed.
    let ready: HashMap<_, _> = host
        .board
        .map::<Snapshot, _>(|status| {
            let computed_at = status.checksum.as_ref().map(|checksum| checksum.computed_at);
            (status.condition == SnapshotCondition::Ready).then_some((status.id, computed_at))
        })
        .into_iter()
        .collect();
    let now = Timestamp::now();
    let reason = |record: &SnapshotRecord| {
        let computed_at = ready.get(&record.spec.id).filter(|_| record.is_kept())?;
        if let Some(number) = wanted_verification(record) {
            return Some((Reading::Verification { number }, Timestamp::MIN));
        }
        // One whose first reading failed waits for the scrub.
        match record.verification.as_ref().map(|last| last.at).or(*computed_at) {
            None => Some((Reading::Checksum, Timestamp::MIN)),
            Some(at) => (now.duration_since(at) > SCRUB_EVERY).then_some((Reading::Scrub, at)),
        }
    };
    let reasons = host.ledger.map::<Snapshot, _>(|record| {
        let (reading, since) = reason(record)?;
        Some((reading.rank(), since, record.spec.id, reading))
    });
    let (_, _, id, reading) = reasons.into_iter().min_by_key(|(rank, since, id, _)| (*rank, *since, *id))?;
    Some((id, reading))
}

/// `None`: it was stopped, for something more urgent or because nobody needs it any more.
fn read(host: &Host, id: SnapshotId, reading: Reading) -> Result<Option<Checksum>, BackendError> {
    let begin = Instant::now();
    let mut told_at = Instant::now();
    host.backend_of_snapshot(id)?.need_snapshots()?.checksum(id, &mut |done_bytes, total_bytes| {
        if !host.ledger.get(id).is_some_and(|record| record.is_kept()) {
            return ControlFlow::Break(());
        }
        let is_overtaken = reading.rank() > 0 && host.upkeep.is_urgent.load(Ordering::Relaxed);
        if host.upkeep.closing.load(Ordering::Relaxed) || is_overtaken {
            return ControlFlow::Break(());
        }
        if let Reading::Verification { number } = reading
            && told_at.elapsed() >= REPORT_EVERY
        {
            told_at = Instant::now();
            let outcome = VerificationOutcome::Running { done_bytes, total_bytes };
            put(host, id, Verification { number, at: Timestamp::now(), outcome });
        }
        let due = Duration::from_secs_f64(done_bytes as f64 / reading.bytes_per_second());
        #[expect(clippy::disallowed_methods, reason = "the backend reads in a blocking task")]
        std::thread::sleep(due.saturating_sub(begin.elapsed()).min(REPORT_EVERY));
        ControlFlow::Continue(())
    })
}

/// Compares, notes and reports.
async fn settle(
    host: &Arc<Host>,
    id: SnapshotId,
    reading: Reading,
    outcome: Result<Option<Checksum>, BackendError>,
) -> Result<(), StepError> {
    if !host.ledger.get(id).is_some_and(|record| record.is_kept()) {
        return Ok(()); // removed while it was read
    }
    let known = host.board.get(id).and_then(|status| status.checksum);
    let outcome = match outcome {
        Ok(None) => return Ok(()),
        Ok(Some(found)) => match known {
            Some(known) if known.blake3 != found.blake3 => {
                tracing::error!(
                    snapshot = %id, expected = known.blake3, found = found.blake3,
                    "the snapshot's data is damaged; it is kept, and must not be trusted"
                );
                VerificationOutcome::Damaged { found_blake3: found.blake3 }
            }
            Some(_) => VerificationOutcome::Intact,
            None => {
                host.board.change(id, |status| status.checksum = Some(found));
                if reading == Reading::Checksum {
                    return Ok(());
                }
                VerificationOutcome::Intact
            }
        },
        Err(error) => {
            tracing::error!(snapshot = %id, "read the snapshot: {error}");
            let failure = Failure::new(error.failure_code(), error.to_string());
            VerificationOutcome::Unreadable(failure)
        }
    };
    let number = match reading {
        Reading::Verification { number } => number,
        Reading::Checksum | Reading::Scrub => 0,
    };
    let verification = Verification { number, at: Timestamp::now(), outcome };
    let (ledger_host, noted) = (host.clone(), verification.clone());
    blocking(move || {
        ledger_host.ledger.change(id, |record| {
            record.verified = record.verified.max(number);
            record.verification = Some(noted);
        })
    })
    .await?;
    put(host, id, verification);
    Ok(())
}

fn put(host: &Host, id: SnapshotId, verification: Verification) {
    host.board.change(id, |status| status.verification = Some(verification));
}
