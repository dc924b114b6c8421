//! Volumes: what is wanted of them, and what their host last said.
//!
//! A purged volume leaves a tombstone, so that deleting it again is refused as already deleted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use miosa_domain::spec::{Hooks, Origin, Presence, VolumeSpec};
use miosa_domain::status::{CompactionStatus, Failure, VolumeSpace};
use miosa_domain::volume::{self, Lifecycle, VolumeState};
use miosa_domain::{Generation, HostId, ProjectId, Refusal, TenantId, VolumeId};

use crate::attachment::{self, AttachmentRecord};
use crate::error::StoreError;
use crate::page::{self, ListPage, ListRequest};
use crate::restore::RestoreInPlace;
use crate::schedule::{self, VolumeSchedule};
use crate::sql::{Row, query};
use crate::store::{Store, Tx};
use crate::view;

mod row;

pub(crate) use row::changed_specs;
pub use row::{count_present, due_for_purge, load, load_any, load_present, put_off_schedule, save};

/// Whether a host can be reached at the moment. Only the sessions know, so it is handed in.
pub type IsReachable<'a> = &'a (dyn Fn(HostId) -> bool + Sync);

#[derive(Debug, Clone, PartialEq, Row)]
#[row(table = "volumes", kind = Volume, computed(schedule_wake_at = "schedule_wake_at"))]
pub struct VolumeRecord {
    #[row(key)]
    pub id: VolumeId,
    #[row(fixed)]
    pub tenant_id: TenantId,
    #[row(fixed)]
    pub project_id: ProjectId,
    #[row(fixed)]
    pub workspace_id: Option<String>,
    #[row(fixed)]
    pub host_id: HostId,
    pub name: String,
    pub size_bytes: u64,
    #[row(column = "metadata_json")]
    pub metadata: BTreeMap<String, String>,
    pub delete_protection: bool,
    pub lifecycle: Lifecycle,
    pub presence: Presence,
    /// Reported ready once: from then on missing data is missing, and never made anew.
    pub was_ready: bool,
    pub incarnation: u64,
    #[row(column = "origin_json")]
    pub origin: Option<Origin>,
    /// Number of the compaction that was asked for last.
    pub compaction: u64,
    #[row(columns(
        "snapshot_schedule",
        "schedule_due",
        "schedule_run_at",
        "schedule_failures",
        "schedule_state_json"
    ))]
    pub schedule: Option<VolumeSchedule>,
    #[row(column = "snapshot_retention_days")]
    pub retention_days: u32,
    #[row(column = "hooks_json")]
    pub hooks: Hooks,
    /// When it goes to the trash by itself.
    pub expires_at: Option<Timestamp>,
    #[row(column = "restore_json")]
    pub restore: Option<RestoreInPlace>,
    #[row(column = "space_json")]
    pub space: Option<VolumeSpace>,
    #[row(column = "compaction_json")]
    pub reported_compaction: Option<CompactionStatus>,
    /// Of the last change of what is wanted.
    pub generation: Generation,
    /// Of the last report.
    pub reported_generation: Generation,
    /// Why the lifecycle is `error`.
    #[row(column = "error_json")]
    pub error: Option<Failure>,
    pub used_bytes: u64,
    pub deleted_at: Option<Timestamp>,
    pub purge_after: Option<Timestamp>,
    /// Nothing is left of it; only the time of its deletion is remembered.
    pub is_tombstone: bool,
    #[row(fixed)]
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Made for one replica of a service alone.
    #[row(fixed, columns("replica_of", "replica"))]
    pub replica: Option<OwnOfReplica>,
    /// Those that clients see, oldest first. Not part of the row.
    #[row(skip)]
    pub attachments: Vec<AttachmentRecord>,
    /// Of the snapshots that are ready. Not part of the row.
    #[row(joined, columns("snapshots_ready", "snapshots_last_taken_at"))]
    pub snapshots: SnapshotSums,
}

/// For which replica a volume was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnOfReplica {
    /// The volume that the service names, and that replica 0 has.
    pub of: VolumeId,
    pub index: u32,
}

/// A volume's snapshots in short.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SnapshotSums {
    pub ready: u64,
    pub last_taken_at: Option<Timestamp>,
}

impl VolumeRecord {
    fn schedule_wake_at(&self) -> Option<Timestamp> {
        schedule::wake_at(self)
    }

    /// As the rules of `domain` know it.
    pub fn as_domain(&self, is_reachable: IsReachable<'_>) -> volume::Volume {
        volume::Volume {
            id: self.id,
            host_id: self.host_id,
            lifecycle: self.lifecycle,
            host_reachable: is_reachable(self.host_id),
            delete_protection: self.delete_protection,
            error: self.error.as_ref().map(|failure| failure.message.clone()),
        }
    }

    /// The state that clients see.
    pub fn state(&self, is_reachable: IsReachable<'_>) -> VolumeState {
        volume::state(&self.as_domain(is_reachable), &attachment::as_domain(&self.attachments))
    }

    fn spec(&self) -> VolumeSpec {
        VolumeSpec {
            pool_id: None,
            id: self.id,
            generation: self.generation,
            size_bytes: self.size_bytes,
            presence: self.presence,
            must_exist: self.was_ready,
            incarnation: self.incarnation,
            origin: self.origin,
            compaction: self.compaction,
        }
    }

    pub fn move_to(&mut self, next: Lifecycle, now: Timestamp) {
        debug_assert!(self.lifecycle.may_become(next), "{:?} to {next:?}", self.lifecycle);
        self.lifecycle = next;
        self.updated_at = now;
    }
}

impl Store {
    /// The tenant's volume with this id, deleted ones and tombstones included.
    pub async fn volume(
        &self,
        tenant_id: TenantId,
        id: VolumeId,
    ) -> Result<Option<VolumeRecord>, StoreError> {
        view!(self, "read a volume", |tx| load(tx, tenant_id, id).await)
    }

    /// Volumes that are there; with the status `deleted` or `deleting`, those in the trash or on their way there.
    pub async fn list_volumes(
        &self,
        tenant_id: TenantId,
        request: &ListRequest,
        is_reachable: IsReachable<'_>,
    ) -> Result<ListPage<VolumeRecord>, StoreError> {
        const DOING: &str = "list volumes";
        macro_rules! matching {
            () => {
                " FROM volumes v
                 WHERE v.tenant_id = $1 AND v.presence <> 'purged' AND (v.deleted_at IS NOT NULL) = $2
                   AND ($3 IS NULL OR v.name = $3) AND ($4 IS NULL OR v.project_id = $4)
                   AND ($5 IS NULL OR v.workspace_id = $5)
                   AND ($6 IS NULL OR EXISTS (SELECT 1 FROM attachments a WHERE a.volume_id = v.id
                                              AND a.deleted_at IS NULL AND a.computer_id = $6))"
            };
        }
        const PAGE: &str = concat!(
            "SELECT ",
            row::columns!(),
            matching!(),
            " AND (v.created_at < $7 OR (v.created_at = $7 AND v.id < $8))
             ORDER BY v.created_at DESC, v.id DESC LIMIT $9 OFFSET $10"
        );
        const COUNT: &str = concat!("SELECT COUNT(*)", matching!());

        let filters = &request.filters;
        let trash = matches!(filters.status.as_deref(), Some("deleted" | "deleting"));
        // The other states follow from attachments and hosts, so they are compared here and not in the database.
        let derived = filters.status.as_deref().filter(|status| *status != "deleted");
        let window = if derived.is_some() { page::Window::everything() } else { page::Window::of(request) };
        let filtered = |text| {
            query(DOING, text)
                .bind(tenant_id)
                .bind(trash)
                .bind(filters.name.as_deref())
                .bind(filters.project_id)
                .bind(filters.workspace_id.as_deref())
                .bind(filters.attached_to)
        };

        view!(self, DOING, |tx| {
            let mut volumes: Vec<VolumeRecord> = window.bind(filtered(PAGE)).all(tx).await?;
            row::attach_attachments(tx, tenant_id, &mut volumes).await?;
            if let Some(status) = derived {
                volumes.retain(|volume| volume.state(is_reachable).as_str() == status);
                return Ok(page::cut(volumes, request, |volume| page::Cursor {
                    created_at_ms: volume.created_at.as_millisecond(),
                    id: volume.id.uuid(),
                }));
            }
            let total = filtered(COUNT).one(tx).await?;
            Ok(window.page(volumes, total, |volume| page::Cursor {
                created_at_ms: volume.created_at.as_millisecond(),
                id: volume.id.uuid(),
            }))
        })
    }

    /// Volumes whose lifetime is over and that are not in the trash.
    pub async fn expired_volumes(&self, now: Timestamp) -> Result<Vec<VolumeId>, StoreError> {
        const DOING: &str = "list expired volumes";
        const TEXT: &str = "SELECT id FROM volumes WHERE expires_at <= $1 AND deleted_at IS NULL";
        query(DOING, TEXT).bind(now).all(&mut self.single(DOING).await?).await
    }

    /// At most `limit` volumes whose `schedule_wake_at` has come, earliest first.
    pub async fn due_volumes(&self, now: Timestamp, limit: u32) -> Result<Vec<VolumeId>, StoreError> {
        const DOING: &str = "list volumes with a due schedule";
        const TEXT: &str =
            "SELECT id FROM volumes WHERE schedule_wake_at <= $1 ORDER BY schedule_wake_at LIMIT $2";
        query(DOING, TEXT).bind(now).bind(limit).all(&mut self.single(DOING).await?).await
    }

    /// Every volume with a planned run, without its attachments.
    pub async fn scheduled_volumes(&self) -> Result<Vec<VolumeRecord>, StoreError> {
        const DOING: &str = "list volumes with a schedule";
        row::scheduled(&mut self.single(DOING).await?).await
    }
}

/// The host's volumes that are being made, with what they are made from.
pub async fn being_made(tx: &mut Tx, host_id: HostId) -> Result<Vec<(VolumeId, Option<Origin>)>, StoreError> {
    const TEXT: &str = "SELECT id, origin_json FROM volumes WHERE host_id = $1 AND lifecycle = 'creating'";
    query("read the volumes that are being made", TEXT).bind(host_id).all(tx).await
}

/// Refuses a volume whose data is about to be replaced by a restore or cloned for a fork.
pub async fn refuse_if_in_motion(tx: &mut Tx, volume: &VolumeRecord) -> Result<(), StoreError> {
    let not_ready = |state, reason| Refusal::VolumeNotReady { volume_id: volume.id, state, reason };
    if volume.restore.is_some() {
        let reason = Some("it is being restored in place".into());
        return Err(not_ready(VolumeState::Restoring, reason).into());
    }
    let being_made = being_made(tx, volume.host_id).await?;
    let fork = being_made
        .iter()
        .find(|(_, origin)| matches!(origin, Some(Origin::Volume { id, .. }) if *id == volume.id));
    match fork {
        Some((fork, _)) => {
            let reason = Some(format!("its fork {fork} is being made"));
            Err(not_ready(volume.state(&|_| true), reason).into())
        }
        None => Ok(()),
    }
}
