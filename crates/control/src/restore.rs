//! The verbs that bring a snapshot back, in place or as a new volume; and forks, which are new volumes too.
//!
//! A new volume has an origin that its host clones; after that the two are independent. A restore in place is a sequence that
//! reports advance; here a caller only waits for its end.

use miosa_api::v1::volumes::Volume;
use miosa_domain::computer::ComputerStatus;
use miosa_domain::name::NAME_MAX_CHARS;
use miosa_domain::spec::Origin;
use miosa_domain::stall::StallRules;
use miosa_domain::volume::Lifecycle;
use miosa_domain::{ComputerId, HostId, ProjectId, Refusal, SnapshotId, TenantId, VolumeId, size, snapshot};
use miosa_store::event::EventKind;
use miosa_store::snapshot::SnapshotRecord;
use miosa_store::volume::VolumeRecord;
use uuid::Uuid;

use crate::volume::VolumeDraft;
use crate::{
    App, AppError, AskedSize, Caller, CopySource, Idempotency, ListRequest, NewCopy, NewVolume, SnapshotPath,
    now, to_the_end,
};

/// The reason of a restore that has just failed is among this many newest events.
const EVENTS_LOOKED_AT: u64 = 20;

/// The source of a copy.
struct Source {
    origin: Origin,
    host_id: HostId,
    project_id: ProjectId,
    volume_name: String,
    size_bytes: u64,
}

impl App {
    /// Returns the new volume once it is `available`, and as `creating` after the wait. `suffix` is appended to the source's
    /// name if the caller gave no name.
    pub async fn copy_volume(
        &self,
        caller: &Caller,
        source: CopySource,
        suffix: &'static str,
        copy: NewCopy,
        idempotency: Option<Idempotency>,
    ) -> Result<Volume, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            let source = app.source(tenant_id, source).await?;
            app.place(Some(source.host_id)).await?;
            let size_bytes = size_of_copy(source.size_bytes, copy.size)?;
            let name = copy.name.unwrap_or_else(|| name_of_copy(&source.volume_name, suffix));
            let new = NewVolume {
                name,
                size_bytes,
                project_id: Some(copy.project_id.unwrap_or(source.project_id)),
                workspace_id: copy.workspace_id,
                metadata: copy.metadata,
                ..NewVolume::default()
            };
            let draft = VolumeDraft {
                id: VolumeId::from_uuid(Uuid::now_v7()),
                tenant_id,
                host_id: source.host_id,
                origin: Some(source.origin),
                expires_at: copy.expires_at,
                new,
            };
            let verb = match source.origin {
                Origin::Volume { .. } => "fork",
                Origin::Snapshot { .. } => "restore",
            };
            app.make_volume(draft, idempotency, verb).await
        })
        .await
    }

    async fn source(&self, tenant_id: TenantId, source: CopySource) -> Result<Source, AppError> {
        match source {
            CopySource::Volume { id, whatever_the_wait } => {
                let volume = self.reachable_volume(tenant_id, id).await?;
                let stall = (!whatever_the_wait).then_some(StallRules::BY_HAND);
                Ok(Source {
                    origin: Origin::Volume { id, stall },
                    host_id: volume.host_id,
                    project_id: volume.project_id,
                    volume_name: volume.name,
                    size_bytes: volume.size_bytes,
                })
            }
            CopySource::Snapshot(path) => {
                let snapshot = self.find_snapshot(tenant_id, path).await?;
                snapshot::may_read(&as_domain(&snapshot))?;
                let facts = snapshot.reported.as_ref().and_then(|reported| reported.facts);
                Ok(Source {
                    origin: Origin::Snapshot { id: snapshot.id },
                    host_id: snapshot.host_id,
                    project_id: snapshot.project_id,
                    volume_name: snapshot.volume_name,
                    size_bytes: facts.map_or(snapshot.size_bytes, |facts| facts.size_bytes),
                })
            }
        }
    }

    /// Restores a volume in place from one of its own snapshots. Returns it when that is done, and as `restoring` after the
    /// wait. A failed restore leaves the volume as it was and is refused with its reason.
    pub async fn restore_in_place(
        &self,
        caller: &Caller,
        volume_id: VolumeId,
        snapshot_id: SnapshotId,
        force: bool,
        idempotency: Option<Idempotency>,
    ) -> Result<Volume, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            app.reachable_volume(tenant_id, volume_id).await?;
            app.find_snapshot(tenant_id, SnapshotPath { of: Some(volume_id), id: snapshot_id }).await?;
            let wait = app.wait_for(volume_id.uuid());
            let begun = app
                .store()
                .begin_restore(tenant_id, volume_id, snapshot_id, force, idempotency.as_ref(), now())
                .await?;
            let incarnation_before = begun.incarnation;
            let restarted =
                begun.restore.as_ref().map(|restore| restore.computers.clone()).unwrap_or_default();
            let volume = app.settled(begun, wait, "restore").await?;
            let is_restored = volume.incarnation > incarnation_before;
            if is_restored {
                app.await_running(tenant_id, restarted).await?;
            }
            if is_restored || volume.lifecycle == Lifecycle::Restoring {
                let volume = app.read_volume(tenant_id, volume_id).await?;
                return Ok(app.volume_view(volume));
            }
            let message = app.restore_failure(&volume).await?;
            Err(Refusal::HostRefused { code: "RESTORE_FAILED", message }.into())
        })
        .await
    }

    /// Waits until each of these computers runs or has failed, for at most one outcome wait in total.
    async fn await_running(&self, tenant_id: TenantId, computers: Vec<ComputerId>) -> Result<(), AppError> {
        let waits = computers.into_iter().map(|id| (id, self.wait_for(id.uuid())));
        for (id, mut wait) in waits.collect::<Vec<_>>() {
            // A computer that was destroyed in between is skipped.
            while let Some(computer) = self.store().computer(tenant_id, id).await? {
                let is_starting =
                    matches!(computer.status, ComputerStatus::Starting | ComputerStatus::Provisioning);
                if !is_starting || !wait.goes_on().await {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The reason in the volume's history.
    async fn restore_failure(&self, volume: &VolumeRecord) -> Result<String, AppError> {
        let newest = ListRequest { limit: EVENTS_LOOKED_AT, ..ListRequest::default() };
        let events = self.store().list_events(volume.tenant_id, volume.id, &newest).await?;
        let told = events.items.into_iter().find(|event| event.kind == EventKind::VolumeRestoreFailed);
        let untold = || format!("the restore of volume {} failed; its data is as it was before", volume.id);
        Ok(told.map_or_else(untold, |event| event.message))
    }

    /// The refusal of a restore that names no snapshot.
    pub async fn refuse_unnamed_snapshot(
        &self,
        caller: &Caller,
        volume_id: VolumeId,
    ) -> Result<(), AppError> {
        let volume = self.present_volume(caller.tenant_id, volume_id).await?;
        match volume.snapshots.ready {
            0 => Err(Refusal::NoSnapshotAvailable { volume_id }.into()),
            _ => Ok(()),
        }
    }
}

fn as_domain(snapshot: &SnapshotRecord) -> snapshot::Snapshot {
    // `in_use` matters to its deletion only.
    snapshot::Snapshot {
        id: snapshot.id,
        state: snapshot.state,
        protected: snapshot.protected,
        in_use: false,
    }
}

fn size_of_copy(source_bytes: u64, asked: Option<AskedSize>) -> Result<u64, AppError> {
    match asked {
        None => Ok(source_bytes),
        Some(asked) if asked.bytes >= source_bytes => Ok(asked.bytes),
        Some(asked) => Err(AppError::Invalid {
            field: asked.field,
            message: format!(
                "must not be less than {}, the size of what it is made from: a volume cannot shrink",
                size::human(source_bytes)
            ),
        }),
    }
}

fn name_of_copy(source: &str, suffix: &str) -> String {
    let kept: String = source.chars().take(NAME_MAX_CHARS - suffix.chars().count()).collect();
    format!("{}{suffix}", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_never_smaller_than_its_source() {
        let asked = |bytes| Some(AskedSize { bytes, field: "size_gb" });
        for (asked, size_bytes) in
            [(None, Some(100)), (asked(100), Some(100)), (asked(101), Some(101)), (asked(99), None)]
        {
            assert_eq!(size_of_copy(100, asked).ok(), size_bytes, "{asked:?}");
        }
    }

    #[test]
    fn names_of_copies_are_names() {
        assert_eq!(name_of_copy("data", "-fork"), "data-fork");
        let long = name_of_copy(&"\u{e9}".repeat(255), "-restored");
        assert_eq!((long.chars().count(), long.ends_with("\u{e9}-restored")), (255, true));
    }
}
