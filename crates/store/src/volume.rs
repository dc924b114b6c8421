//! Volumes: what is wanted of them, and what their host last said.
//!
//! The stored [`Lifecycle`] moves to `creating`, `deleting` and `restoring` by the verbs here, and on from there by reports
//! (`report.rs`). A volume that is gone leaves a tombstone, so that deleting it again can be answered truthfully.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use miosa_domain::spec::{Presence, VolumeSpec};
use miosa_domain::status::Failure;
use miosa_domain::volume::{self, Lifecycle};
use miosa_domain::{Generation, HostId, ProjectId, Refusal, TenantId, VolumeId};
use miosa_failpoint::failpoint;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::attachment::{self, AttachmentRecord};
use crate::column;
use crate::error::{StoreError, While};
use crate::idempotency::{self, Idempotency, ObjectRef};
use crate::page::{self, ListPage, ListRequest};
use crate::schema::{Store, Tx};
use crate::{host, tenant};

/// Whether a host can be reached at the moment. Only the sessions know, so it is handed in.
pub type IsReachable<'a> = &'a (dyn Fn(HostId) -> bool + Sync);

#[derive(Debug, Clone, PartialEq)]
pub struct VolumeRecord {
    pub id: VolumeId,
    pub tenant_id: TenantId,
    pub project_id: ProjectId,
    pub workspace_id: Option<String>,
    pub host_id: HostId,
    pub name: String,
    pub size_bytes: u64,
    pub metadata: BTreeMap<String, String>,
    pub delete_protection: bool,
    pub lifecycle: Lifecycle,
    pub presence: Presence,
    /// Reported ready once: from then on missing data is missing, and never made anew.
    pub was_ready: bool,
    /// Of the last change of what is wanted.
    pub generation: Generation,
    /// Of the last report.
    pub reported_generation: Generation,
    /// Why the lifecycle is `error`.
    pub error: Option<Failure>,
    pub used_bytes: u64,
    pub deleted_at: Option<Timestamp>,
    pub purge_after: Option<Timestamp>,
    /// Nothing is left of it; only the time of its deletion is remembered.
    pub is_tombstone: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Those that clients see, oldest first. Not part of the row.
    pub attachments: Vec<AttachmentRecord>,
}

impl VolumeRecord {
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
    pub fn state(&self, is_reachable: IsReachable<'_>) -> volume::VolumeState {
        volume::state(&self.as_domain(is_reachable), &attachment::as_domain(&self.attachments))
    }

    fn spec(&self) -> VolumeSpec {
        VolumeSpec {
            id: self.id,
            generation: self.generation,
            size_bytes: self.size_bytes,
            presence: self.presence,
            must_exist: self.was_ready,
        }
    }

    pub(crate) fn move_to(&mut self, next: Lifecycle, now: Timestamp) {
        debug_assert!(self.lifecycle.may_become(next), "{:?} to {next:?}", self.lifecycle);
        self.lifecycle = next;
        self.updated_at = now;
    }
}

/// What a new volume is made from. The id is made by the caller, who waits for news of it.
#[derive(Debug, Clone)]
pub struct NewVolume {
    pub id: VolumeId,
    pub tenant_id: TenantId,
    /// The tenant's default project when `None`.
    pub project_id: Option<ProjectId>,
    pub workspace_id: Option<String>,
    pub host_id: HostId,
    pub name: String,
    pub size_bytes: u64,
    pub metadata: BTreeMap<String, String>,
    pub delete_protection: bool,
}

/// `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct VolumeChange {
    pub name: Option<String>,
    pub metadata: Option<BTreeMap<String, String>>,
    pub delete_protection: Option<bool>,
}

impl Store {
    /// Writes the intent `creating`, if the project may have one more volume.
    pub async fn create_volume(
        &self,
        new: NewVolume,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<VolumeRecord, StoreError> {
        const DOING: &str = "write the intent to create a volume";
        let mut tx = self.write(DOING).await?;
        let project_id = tenant::project(&mut tx, new.tenant_id, new.project_id).await?;
        self.limits.may_add_volume(count_present(&mut tx, project_id).await?)?;
        let generation = host::next_generation(&mut tx, new.host_id).await?;
        let record = VolumeRecord {
            id: new.id,
            tenant_id: new.tenant_id,
            project_id,
            workspace_id: new.workspace_id,
            host_id: new.host_id,
            name: new.name,
            size_bytes: new.size_bytes,
            metadata: new.metadata,
            delete_protection: new.delete_protection,
            lifecycle: Lifecycle::Creating,
            presence: Presence::Present,
            was_ready: false,
            generation,
            reported_generation: Generation::default(),
            error: None,
            used_bytes: 0,
            deleted_at: None,
            purge_after: None,
            is_tombstone: false,
            created_at: now,
            updated_at: now,
            attachments: Vec::new(),
        };
        save(&mut tx, &record).await?;
        idempotency::record(&mut tx, idempotency, record.tenant_id, ObjectRef::Volume(record.id), now)
            .await?;
        failpoint!("store.create.before-commit")?;
        tx.commit().await.doing(DOING)?;
        failpoint!("store.create.after-commit")?;
        Ok(record)
    }

    /// The tenant's volume with this id, deleted ones and tombstones included.
    pub async fn volume(
        &self,
        tenant_id: TenantId,
        id: VolumeId,
    ) -> Result<Option<VolumeRecord>, StoreError> {
        let mut tx = self.read("read a volume").await?;
        load(&mut tx, tenant_id, id).await
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
            "SELECT v.*",
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
        macro_rules! with_filters {
            ($query:expr) => {
                $query
                    .bind(tenant_id.to_string())
                    .bind(trash)
                    .bind(filters.name.as_deref())
                    .bind(filters.project_id.map(|id| id.to_string()))
                    .bind(filters.workspace_id.as_deref())
                    .bind(filters.attached_to.map(|id| id.to_string()))
            };
        }

        let mut tx = self.read(DOING).await?;
        let rows = with_filters!(sqlx::query(PAGE))
            .bind(window.before_ms)
            .bind(&window.before_id)
            .bind(window.limit)
            .bind(window.offset)
            .fetch_all(&mut *tx)
            .await
            .doing(DOING)?;
        let mut volumes = rows.iter().map(from_row).collect::<Result<Vec<_>, _>>().doing(DOING)?;
        attach_attachments(&mut tx, tenant_id, &mut volumes).await?;
        if let Some(status) = derived {
            volumes.retain(|volume| volume.state(is_reachable).as_str() == status);
            return Ok(page::cut(volumes, request, |volume| page::Cursor {
                created_at_ms: volume.created_at.as_millisecond(),
                id: volume.id.uuid(),
            }));
        }
        let total: i64 = with_filters!(sqlx::query_scalar(COUNT)).fetch_one(&mut *tx).await.doing(DOING)?;
        Ok(window.page(volumes, total, |volume| page::Cursor {
            created_at_ms: volume.created_at.as_millisecond(),
            id: volume.id.uuid(),
        }))
    }

    pub async fn update_volume(
        &self,
        tenant_id: TenantId,
        id: VolumeId,
        change: VolumeChange,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<VolumeRecord, StoreError> {
        const DOING: &str = "change a volume";
        let mut tx = self.write(DOING).await?;
        let mut volume = load_present(&mut tx, tenant_id, id).await?;
        volume.name = change.name.unwrap_or(volume.name);
        volume.metadata = change.metadata.unwrap_or(volume.metadata);
        volume.delete_protection = change.delete_protection.unwrap_or(volume.delete_protection);
        volume.updated_at = now;
        save(&mut tx, &volume).await?;
        idempotency::record(&mut tx, idempotency, tenant_id, ObjectRef::Volume(id), now).await?;
        tx.commit().await.doing(DOING)?;
        Ok(volume)
    }

    /// Writes the intent to move the volume to the trash.
    pub async fn delete_volume(
        &self,
        tenant_id: TenantId,
        id: VolumeId,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<VolumeRecord, StoreError> {
        const DOING: &str = "write the intent to delete a volume";
        let mut tx = self.write(DOING).await?;
        let mut volume = load_present(&mut tx, tenant_id, id).await?;
        volume::may_delete(&volume.as_domain(&|_| true), &attachment::as_domain(&volume.attachments))?;
        volume.move_to(Lifecycle::Deleting, now);
        volume.presence = Presence::Trashed;
        volume.deleted_at = Some(now);
        let retention = SignedDuration::from_hours(24 * i64::from(self.limits.trash_retention_days));
        volume.purge_after = Some(now.saturating_add(retention).unwrap_or(Timestamp::MAX));
        volume.generation = host::next_generation(&mut tx, volume.host_id).await?;
        save(&mut tx, &volume).await?;
        idempotency::record(&mut tx, idempotency, tenant_id, ObjectRef::Volume(id), now).await?;
        failpoint!("store.delete.before-commit")?;
        tx.commit().await.doing(DOING)?;
        failpoint!("store.delete.after-commit")?;
        Ok(volume)
    }

    /// Writes the intent to bring the volume back from the trash, if its project has room for it.
    pub async fn undelete_volume(
        &self,
        tenant_id: TenantId,
        id: VolumeId,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<VolumeRecord, StoreError> {
        const DOING: &str = "write the intent to undelete a volume";
        let mut tx = self.write(DOING).await?;
        let mut volume = load(&mut tx, tenant_id, id)
            .await?
            .filter(|volume| volume.presence != Presence::Purged)
            .ok_or(Refusal::NotFound { what: "deleted volume" })?;
        volume::may_undelete(&volume.as_domain(&|_| true))?;
        self.limits.may_add_volume(count_present(&mut tx, volume.project_id).await?)?;
        volume.move_to(Lifecycle::Restoring, now);
        volume.presence = Presence::Present;
        volume.deleted_at = None;
        volume.purge_after = None;
        volume.error = None;
        volume.generation = host::next_generation(&mut tx, volume.host_id).await?;
        save(&mut tx, &volume).await?;
        idempotency::record(&mut tx, idempotency, tenant_id, ObjectRef::Volume(id), now).await?;
        failpoint!("store.undelete.before-commit")?;
        tx.commit().await.doing(DOING)?;
        failpoint!("store.undelete.after-commit")?;
        Ok(volume)
    }

    /// Takes back a volume that its host could not make. Nothing of it is in the trash, and its host removes what there may
    /// be. `false` when it is no longer in `error`: then it stays.
    pub async fn withdraw_volume(
        &self,
        tenant_id: TenantId,
        id: VolumeId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const DOING: &str = "withdraw a volume that could not be made";
        let mut tx = self.write(DOING).await?;
        let mut volume = load_present(&mut tx, tenant_id, id).await?;
        if volume.lifecycle != Lifecycle::Error || !volume.attachments.is_empty() {
            return Ok(false);
        }
        volume.move_to(Lifecycle::Deleting, now);
        volume.presence = Presence::Purged;
        volume.deleted_at = Some(now);
        volume.generation = host::next_generation(&mut tx, volume.host_id).await?;
        save(&mut tx, &volume).await?;
        idempotency::forget_unanswered(&mut tx, id.uuid()).await?;
        tx.commit().await.doing(DOING)?;
        Ok(true)
    }

    /// Lets go of trashed volumes whose time has come, on hosts that have reported everything since they connected: before
    /// that, a database restored from an older copy could purge what was undeleted since. Answers the hosts that have new specs.
    pub async fn purge_due_volumes(
        &self,
        reported_hosts: &[HostId],
        now: Timestamp,
    ) -> Result<Vec<HostId>, StoreError> {
        const DOING: &str = "purge volumes whose time in the trash is over";
        let mut tx = self.write(DOING).await?;
        let due = sqlx::query(
            "SELECT v.* FROM volumes v
             WHERE v.purge_after <= $1 AND v.lifecycle = 'deleted' AND v.presence = 'trashed'",
        )
        .bind(now.as_millisecond())
        .fetch_all(&mut *tx)
        .await
        .doing(DOING)?;
        let mut hosts = Vec::new();
        for row in &due {
            let mut volume = from_row(row).doing(DOING)?;
            if !reported_hosts.contains(&volume.host_id) {
                continue;
            }
            volume.presence = Presence::Purged;
            volume.updated_at = now;
            volume.generation = host::next_generation(&mut tx, volume.host_id).await?;
            save(&mut tx, &volume).await?;
            hosts.push(volume.host_id);
        }
        tx.commit().await.doing(DOING)?;
        hosts.sort_unstable();
        hosts.dedup();
        Ok(hosts)
    }
}

/// Volumes that count against the project's limit: the trash does not.
async fn count_present(tx: &mut Tx, project_id: ProjectId) -> Result<u32, StoreError> {
    let count: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM volumes WHERE project_id = $1 AND deleted_at IS NULL")
            .bind(project_id.to_string())
            .fetch_one(&mut **tx)
            .await
            .doing("count a project's volumes")?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A volume that clients can see. One that was deleted is refused with the time when that was.
pub(crate) async fn load_present(
    tx: &mut Tx,
    tenant_id: TenantId,
    id: VolumeId,
) -> Result<VolumeRecord, StoreError> {
    let volume = load(tx, tenant_id, id).await?.ok_or(Refusal::NotFound { what: "volume" })?;
    match volume.deleted_at {
        None => Ok(volume),
        Some(at) => Err(Refusal::AlreadyDeleted { what: "volume", deleted_at: at.to_string() }.into()),
    }
}

async fn load(tx: &mut Tx, tenant_id: TenantId, id: VolumeId) -> Result<Option<VolumeRecord>, StoreError> {
    let volume = load_any(tx, id).await?;
    Ok(volume.filter(|volume| volume.tenant_id == tenant_id))
}

/// Of any tenant: for reports, which speak of volumes by id alone.
pub(crate) async fn load_any(tx: &mut Tx, id: VolumeId) -> Result<Option<VolumeRecord>, StoreError> {
    const DOING: &str = "read a volume";
    let row = sqlx::query("SELECT * FROM volumes WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(&mut **tx)
        .await
        .doing(DOING)?;
    let Some(row) = row else { return Ok(None) };
    let mut volume = from_row(&row).doing(DOING)?;
    volume.attachments = attachment::visible_of_volume(tx, id).await?;
    Ok(Some(volume))
}

async fn attach_attachments(
    tx: &mut Tx,
    tenant_id: TenantId,
    volumes: &mut [VolumeRecord],
) -> Result<(), StoreError> {
    if volumes.is_empty() {
        return Ok(());
    }
    let mut by_volume: BTreeMap<VolumeId, Vec<AttachmentRecord>> = BTreeMap::new();
    for attachment in attachment::visible_of_tenant(tx, tenant_id).await? {
        by_volume.entry(attachment.volume_id).or_default().push(attachment);
    }
    for volume in volumes {
        volume.attachments = by_volume.remove(&volume.id).unwrap_or_default();
    }
    Ok(())
}

/// Specs of the host's volumes with a generation above `since`.
pub(crate) async fn changed_specs(
    tx: &mut Tx,
    host_id: HostId,
    since: Generation,
) -> Result<Vec<VolumeSpec>, StoreError> {
    const DOING: &str = "read changed volumes";
    let rows =
        sqlx::query("SELECT * FROM volumes WHERE host_id = $1 AND generation > $2 AND NOT is_tombstone")
            .bind(host_id.to_string())
            .bind(column::to_bigint(since.0))
            .fetch_all(&mut **tx)
            .await
            .doing(DOING)?;
    let specs = rows.iter().map(|row| from_row(row).map(|volume| volume.spec()));
    specs.collect::<Result<_, _>>().doing(DOING)
}

/// Writes the whole row, new or not.
pub(crate) async fn save(tx: &mut Tx, volume: &VolumeRecord) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO volumes (id, tenant_id, project_id, workspace_id, host_id, name, size_bytes, metadata_json,
             delete_protection, lifecycle, presence, generation, reported_generation, error_json, used_bytes, deleted_at,
             purge_after, is_tombstone, created_at, updated_at, was_ready)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
         ON CONFLICT (id) DO UPDATE SET name = $6, size_bytes = $7, metadata_json = $8, delete_protection = $9,
             lifecycle = $10, presence = $11, generation = $12, reported_generation = $13, error_json = $14,
             used_bytes = $15, deleted_at = $16, purge_after = $17, is_tombstone = $18, updated_at = $20, was_ready = $21",
    )
    .bind(volume.id.to_string())
    .bind(volume.tenant_id.to_string())
    .bind(volume.project_id.to_string())
    .bind(&volume.workspace_id)
    .bind(volume.host_id.to_string())
    .bind(&volume.name)
    .bind(column::to_bigint(volume.size_bytes))
    .bind(column::to_json(&volume.metadata))
    .bind(volume.delete_protection)
    .bind(volume.lifecycle.as_str())
    .bind(column::to_word(&volume.presence))
    .bind(column::to_bigint(volume.generation.0))
    .bind(column::to_bigint(volume.reported_generation.0))
    .bind(volume.error.as_ref().map(column::to_json))
    .bind(column::to_bigint(volume.used_bytes))
    .bind(volume.deleted_at.map(Timestamp::as_millisecond))
    .bind(volume.purge_after.map(Timestamp::as_millisecond))
    .bind(volume.is_tombstone)
    .bind(volume.created_at.as_millisecond())
    .bind(volume.updated_at.as_millisecond())
    .bind(volume.was_ready)
    .execute(&mut **tx)
    .await
    .doing("write a volume")?;
    Ok(())
}

fn from_row(row: &SqliteRow) -> Result<VolumeRecord, sqlx::Error> {
    Ok(VolumeRecord {
        id: column::id(row, "id")?,
        tenant_id: column::id(row, "tenant_id")?,
        project_id: column::id(row, "project_id")?,
        workspace_id: row.try_get("workspace_id")?,
        host_id: column::id(row, "host_id")?,
        name: row.try_get("name")?,
        size_bytes: column::number(row, "size_bytes")?,
        metadata: column::json(row, "metadata_json")?,
        delete_protection: row.try_get("delete_protection")?,
        lifecycle: column::word(row, "lifecycle")?,
        presence: column::word(row, "presence")?,
        was_ready: row.try_get("was_ready")?,
        generation: Generation(column::number(row, "generation")?),
        reported_generation: Generation(column::number(row, "reported_generation")?),
        error: column::optional_json(row, "error_json")?,
        used_bytes: column::number(row, "used_bytes")?,
        deleted_at: column::optional_time(row, "deleted_at")?,
        purge_after: column::optional_time(row, "purge_after")?,
        is_tombstone: row.try_get("is_tombstone")?,
        created_at: column::time(row, "created_at")?,
        updated_at: column::time(row, "updated_at")?,
        attachments: Vec::new(),
    })
}
