//! Records as clients see them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use miosa_api::v1;
use miosa_api::v1::words::open::DeletedState;
use miosa_api::v1::words::{self, Backend, DataServiceType, Filesystem, OriginKind};
use miosa_api::word::Word;
use miosa_domain::computer::ComputerStatus;
use miosa_domain::schedule::Schedule;
use miosa_domain::size;
use miosa_domain::spec::Origin;
use miosa_domain::status::{CompactionState, InstanceState};
use miosa_domain::volume::VolumeState;
use miosa_store::attachment::AttachmentRecord;
use miosa_store::computer::ComputerRecord;
use miosa_store::schedule::ScheduleState;
use miosa_store::volume::VolumeRecord;

use crate::{App, now};

pub(crate) mod deployment;
pub(crate) mod service;
mod snapshot;

/// How many of a schedule's next times a volume shows.
const UPCOMING_SHOWN: usize = 3;

impl App {
    pub(crate) fn volume_view(&self, volume: VolumeRecord) -> v1::volumes::Volume {
        let state = volume.state(&|host_id| self.hosts().is_reachable(host_id));
        let error = match state {
            VolumeState::Error => volume.error.as_ref().map(|failure| failure.message.clone()),
            VolumeState::Unavailable => {
                Some("its host is not connected; it is available again when the host is back".into())
            }
            _ => None,
        };
        let snapshots = volume_snapshots(&volume, now());
        let (space, compaction) = (volume_space(&volume), compaction(&volume));
        v1::volumes::Volume {
            id: volume.id.to_string(),
            name: volume.name,
            tenant_id: volume.tenant_id.to_string(),
            workspace_id: volume.workspace_id,
            project_id: volume.project_id.to_string(),
            size_gb: size::ceil_gb(volume.size_bytes),
            size_bytes: volume.size_bytes,
            backend: Backend::Local.into(),
            filesystem: Filesystem::Ext4.into(),
            status: state.into(),
            state: state.into(),
            region: self.region().into(),
            host_id: volume.host_id.to_string(),
            attached_to: volume.attachments.first().map(|a| a.computer_id.to_string()),
            attachments: volume.attachments.iter().map(volume_attachment).collect(),
            kind: DataServiceType::Volume.into(),
            snapshot_schedule: volume.schedule.map(|schedule| schedule.text),
            snapshot_retention_days: volume.retention_days,
            snapshots,
            space,
            compaction,
            origin: volume.origin.map(volume_origin),
            expires_at: volume.expires_at.map(|at| at.to_string()),
            metadata: volume.metadata,
            used_bytes: volume.used_bytes,
            delete_protection: volume.delete_protection,
            error,
            created_at: volume.created_at.to_string(),
            updated_at: volume.updated_at.to_string(),
            deleted_at: volume.deleted_at.map(|at| at.to_string()),
            purge_after: volume.purge_after.map(|at| at.to_string()),
        }
    }

    pub(crate) fn computer_view(&self, computer: ComputerRecord) -> v1::computers::Computer {
        let resources = computer.size.resources();
        let failure = computer.reported.as_ref().and_then(|reported| match &reported.state {
            InstanceState::Failed(failure) => Some(failure.message.clone()),
            _ => None,
        });
        v1::computers::Computer {
            id: computer.id.to_string(),
            tenant_id: computer.tenant_id.to_string(),
            owner_user_id: None,
            slug: computer.slug(),
            template_type: computer.template_type,
            size: Some(computer.size.into()),
            vcpus: resources.vcpus,
            memory_mb: resources.memory_mb,
            status: computer.status.into(),
            state: computer.status.into(),
            vm_id: Some(computer.id.to_string()),
            host_id: computer.host_id.to_string(),
            region: self.region().into(),
            workspace_id: computer.workspace_id,
            project_id: computer.project_id.to_string(),
            ip_address: None,
            visibility: computer.visibility.as_deref().map(Word::of),
            sandbox_url: None,
            desktop_url: None,
            preview_domain: None,
            selected_apps: Vec::new(),
            settings: serde_json::Map::new(),
            metadata: computer.metadata,
            external_workspace_id: computer.external_workspace_id,
            external_user_id: computer.external_user_id,
            external_project_id: computer.external_project_id,
            network: computer.network.into(),
            command: computer.command,
            restart_count: computer.reported.as_ref().map_or(0, |reported| reported.restart_count),
            exit_code: computer.reported.as_ref().and_then(|reported| reported.exit_code),
            error: failure.filter(|_| computer.status == ComputerStatus::Error),
            attachments: computer.attachments.into_iter().map(attachment_view).collect(),
            created_at: computer.created_at.to_string(),
            updated_at: computer.updated_at.to_string(),
            name: computer.name,
        }
    }
}

pub(crate) fn attachment_view(attachment: AttachmentRecord) -> v1::attachments::Attachment {
    v1::attachments::Attachment {
        id: attachment.id.to_string(),
        volume_id: attachment.volume_id.to_string(),
        computer_id: attachment.computer_id.to_string(),
        mount_path: attachment.mount_path.to_string(),
        service_id: attachment.service_id.map(|id| id.to_string()),
        instance_id: attachment.service_id.map(|_| attachment.computer_id.to_string()),
        read_only: attachment.read_only,
        shared: attachment.shared,
        state: attachment.state.into(),
        status: attachment.state.into(),
        device: attachment.device,
        volume_name: attachment.volume_name,
        size_gb: size::ceil_gb(attachment.volume_size_bytes),
        host_id: attachment.host_id.to_string(),
        error: attachment.error.map(|failure| failure.message),
        created_at: attachment.created_at.to_string(),
        updated_at: attachment.updated_at.to_string(),
    }
}

fn volume_attachment(attachment: &AttachmentRecord) -> v1::volumes::VolumeAttachment {
    v1::volumes::VolumeAttachment {
        id: attachment.id.to_string(),
        computer_id: attachment.service_id.is_none().then(|| attachment.computer_id.to_string()),
        service_id: attachment.service_id.map(|id| id.to_string()),
        instance_id: Some(attachment.computer_id.to_string()),
        mount_path: attachment.mount_path.to_string(),
        read_only: attachment.read_only,
        state: attachment.state.into(),
    }
}

fn volume_snapshots(volume: &VolumeRecord, now: Timestamp) -> v1::volumes::VolumeSnapshots {
    let schedule = volume.schedule.as_ref();
    let (schedule_state, schedule_message) = match schedule.map(|schedule| &schedule.state) {
        None => (words::ScheduleState::Off, None),
        Some(ScheduleState::Ok) => (words::ScheduleState::Ok, None),
        Some(ScheduleState::Paused { percent }) => (
            words::ScheduleState::Paused,
            Some(format!("the pool is {percent}% full; it goes on when there is room again")),
        ),
        Some(ScheduleState::Failing(failure)) => {
            (words::ScheduleState::Failing, Some(failure.message.clone()))
        }
    };
    let plan = schedule.and_then(|schedule| schedule.plan);
    // The text was valid when it was accepted.
    let times = schedule.and_then(|schedule| Schedule::parse(&schedule.text).ok());
    let next = times.map(|times| times.upcoming(now, UPCOMING_SHOWN)).unwrap_or_default();
    v1::volumes::VolumeSnapshots {
        count: volume.snapshots.ready,
        last_taken_at: volume.snapshots.last_taken_at.map(|at| at.to_string()),
        schedule_state: schedule_state.into(),
        schedule_message,
        failures: plan.map_or(0, |plan| plan.failures),
        next: next.iter().map(Timestamp::to_string).collect(),
        next_run_at: plan.map(|plan| plan.run_at.to_string()),
        before_snapshot: volume.hooks.before.clone(),
        after_snapshot: volume.hooks.after.clone(),
        hook_timeout_seconds: volume.hooks.timeout_seconds,
    }
}

fn volume_space(volume: &VolumeRecord) -> Option<v1::volumes::VolumeSpace> {
    let space = volume.space?;
    Some(v1::volumes::VolumeSpace {
        measured_at: space.measured_at.to_string(),
        filesystem_used_bytes: space.filesystem_used_bytes,
        allocated_bytes: volume.used_bytes,
        held_by_snapshots_bytes: space.held_by_snapshots_bytes,
        extents: space.extents,
        predicted_stall_ms: space.predicted_stall_ms,
    })
}

/// The compaction requested last, or one that the host started by itself before a snapshot, whichever is newer.
fn compaction(volume: &VolumeRecord) -> Option<v1::volumes::Compaction> {
    let is_seen = volume.reported_generation >= volume.generation;
    let answers = |number| is_newer(number, volume.compaction, is_seen);
    let Some(reported) = volume.reported_compaction.as_ref().filter(|reported| answers(reported.number))
    else {
        let pending = v1::volumes::Compaction {
            state: words::CompactionState::Pending.into(),
            extents_before: None,
            extents_now: None,
            progress_percent: None,
            message: None,
        };
        return (volume.compaction > 0).then_some(pending);
    };
    let (state, progress_percent, message) = match &reported.state {
        CompactionState::Running => {
            (words::CompactionState::Running, percent(reported.done_bytes, reported.total_bytes), None)
        }
        CompactionState::Done => (words::CompactionState::Done, None, None),
        CompactionState::Stopped(failure) => {
            (words::CompactionState::Stopped, None, Some(failure.message.clone()))
        }
    };
    Some(v1::volumes::Compaction {
        state: state.into(),
        extents_before: Some(reported.extents_before),
        extents_now: Some(reported.extents_now),
        progress_percent,
        message,
    })
}

fn volume_origin(origin: Origin) -> v1::volumes::VolumeOrigin {
    let (kind, id) = match origin {
        Origin::Snapshot { id } => (OriginKind::Snapshot, id.to_string()),
        Origin::Volume { id, .. } => (OriginKind::Volume, id.to_string()),
    };
    v1::volumes::VolumeOrigin { kind: kind.into(), id }
}

/// Whether to show work that a host reports under `number` when the last request has number `asked`. Work that the host starts
/// on its own has number 0; it is shown once the host has seen the last request.
fn is_newer(number: u64, asked: u64, is_seen: bool) -> bool {
    number >= asked || (number == 0 && is_seen)
}

/// `None` while the total is unknown.
fn percent(done_bytes: u64, total_bytes: u64) -> Option<u32> {
    let percent = (u128::from(done_bytes) * 100).checked_div(u128::from(total_bytes))?;
    Some(percent.min(100) as u32)
}

pub(crate) fn deleted(id: impl ToString, status: DeletedState) -> v1::volumes::Deleted {
    v1::volumes::Deleted { id: id.to_string(), deleted: true, success: true, status }
}

/// A value as the only detail of an error.
pub(crate) fn detail(name: &str, value: impl serde::Serialize) -> serde_json::Map<String, serde_json::Value> {
    let value = serde_json::to_value(value).unwrap_or_default();
    BTreeMap::from([(name.to_owned(), value)]).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_outcome_does_not_answer_for_a_newer_one() {
        for (number, asked, is_seen, shown) in [
            (0, 0, false, true),
            (0, 1, false, false),
            (0, 1, true, true),
            (1, 1, false, true),
            (1, 2, false, false),
            (1, 2, true, false),
        ] {
            assert_eq!(is_newer(number, asked, is_seen), shown, "{number} for {asked}, seen: {is_seen}");
        }
    }

    #[test]
    fn percents_of_what_is_known() {
        for (done, total, shown) in [
            (0, 0, None),
            (0, 3, Some(0)),
            (1, 3, Some(33)),
            (4, 3, Some(100)),
            (u64::MAX, u64::MAX, Some(100)),
        ] {
            assert_eq!(percent(done, total), shown, "{done} of {total}");
        }
    }
}
