//! A snapshot's record as clients see it.

use miosa_api::v1;
use miosa_api::v1::words::{self, SnapshotPhase, VerificationState};
use miosa_domain::size;
use miosa_domain::snapshot::SnapshotState;
use miosa_domain::status::{SnapshotCondition, VerificationOutcome};
use miosa_store::snapshot::SnapshotRecord;

use super::{is_newer, percent};
use crate::App;
use crate::snapshot::prune::{KeptReason, Prune};

impl App {
    pub(crate) fn snapshot_view(&self, snapshot: SnapshotRecord) -> v1::snapshots::Snapshot {
        let (phase, progress_percent) = phase(&snapshot);
        let verification = verification(&snapshot);
        let reported = snapshot.reported.as_ref();
        let facts = reported.and_then(|reported| reported.facts);
        let exclusive = reported.and_then(|reported| reported.exclusive);
        let checksum = reported.and_then(|reported| reported.checksum.as_ref());
        let size_bytes = facts.map_or(snapshot.size_bytes, |facts| facts.size_bytes);
        v1::snapshots::Snapshot {
            id: snapshot.id.to_string(),
            volume_id: snapshot.volume_id.to_string(),
            tenant_id: snapshot.tenant_id.to_string(),
            project_id: snapshot.project_id.to_string(),
            host_id: snapshot.host_id.to_string(),
            region: self.region().into(),
            status: snapshot.state.into(),
            state: snapshot.state.into(),
            trigger: snapshot.trigger.into(),
            phase: phase.map(Into::into),
            progress_percent,
            taken_at: facts.map(|facts| facts.taken_at.to_string()),
            protected: snapshot.protected,
            size_gb: size::ceil_gb(size_bytes),
            size_bytes,
            used_bytes: facts.map_or(0, |facts| facts.allocated_bytes),
            exclusive_bytes: exclusive.map(|exclusive| exclusive.bytes),
            exclusive_bytes_at: exclusive.map(|exclusive| exclusive.measured_at.to_string()),
            stall_ms: facts.map(|facts| facts.stall_us as f64 / 1000.0),
            extents: facts.map(|facts| facts.extents),
            compacted: facts.is_some_and(|facts| facts.compacted),
            checksum: checksum.map(|checksum| checksum.blake3.clone()),
            verification,
            expires_at: snapshot.expires_at.map(|at| at.to_string()),
            error: snapshot.error.map(|failure| failure.message),
            created_at: snapshot.created_at.to_string(),
            updated_at: snapshot.updated_at.to_string(),
            volume_name: snapshot.volume_name,
            name: snapshot.name,
            metadata: snapshot.metadata,
        }
    }

    pub(crate) fn prune_view(&self, prune: Prune, dry_run: bool) -> v1::snapshots::PrunePlan {
        let pruned: Vec<_> = prune.pruned.into_iter().map(|snapshot| self.snapshot_view(snapshot)).collect();
        let kept = prune.kept.into_iter().map(|kept| v1::snapshots::KeptSnapshot {
            id: kept.snapshot.id.to_string(),
            volume_id: kept.snapshot.volume_id.to_string(),
            reason: match kept.reason {
                KeptReason::Newest => words::KeptReason::Newest,
                KeptReason::Protected => words::KeptReason::Protected,
                KeptReason::InUse => words::KeptReason::InUse,
            }
            .into(),
        });
        v1::snapshots::PrunePlan {
            dry_run,
            kept: kept.collect(),
            freed_bytes: pruned.iter().filter_map(|snapshot| snapshot.exclusive_bytes).sum(),
            pruned,
        }
    }
}

/// The progress of a snapshot that is being taken; pending until its host has the spec.
fn phase(snapshot: &SnapshotRecord) -> (Option<SnapshotPhase>, Option<u32>) {
    if snapshot.state != SnapshotState::Creating {
        return (None, None);
    }
    match snapshot.reported.as_ref().map(|reported| &reported.condition) {
        Some(SnapshotCondition::Compacting { done_bytes, total_bytes }) => {
            (Some(SnapshotPhase::Compacting), percent(*done_bytes, *total_bytes))
        }
        Some(SnapshotCondition::Taking) => (Some(SnapshotPhase::Taking), None),
        _ => (Some(SnapshotPhase::Waiting), None),
    }
}

/// The verification requested last, or a background one, whichever is newer.
fn verification(snapshot: &SnapshotRecord) -> Option<v1::snapshots::SnapshotVerification> {
    let reported = snapshot.reported.as_ref();
    let is_seen = reported.is_some_and(|reported| reported.generation >= snapshot.generation);
    let answers = |number| is_newer(number, snapshot.verification, is_seen);
    let last = reported.and_then(|reported| reported.verification.as_ref());
    let Some(last) = last.filter(|last| answers(last.number)) else {
        let asked = v1::snapshots::SnapshotVerification {
            state: VerificationState::Running.into(),
            at: snapshot.updated_at.to_string(),
            progress_percent: None,
            message: None,
        };
        return (snapshot.verification > 0).then_some(asked);
    };
    let (state, progress_percent, message) = match &last.outcome {
        VerificationOutcome::Running { done_bytes, total_bytes } => {
            (VerificationState::Running, percent(*done_bytes, *total_bytes), None)
        }
        VerificationOutcome::Intact => (VerificationState::Intact, None, None),
        VerificationOutcome::Damaged { found_blake3 } => {
            let message = format!(
                "the data has the checksum {found_blake3}, not the one that it was taken with; do not restore from it"
            );
            (VerificationState::Damaged, None, Some(message))
        }
        VerificationOutcome::Unreadable(failure) => {
            (VerificationState::Unreadable, None, Some(failure.message.clone()))
        }
    };
    Some(v1::snapshots::SnapshotVerification {
        state: state.into(),
        at: last.at.to_string(),
        progress_percent,
        message,
    })
}
