//! The verbs of snapshots.

use miosa_api::v1::snapshots::{PrunePlan, Snapshot};
use miosa_api::v1::volumes::Deleted;
use miosa_api::v1::words::DeletedState;
use miosa_domain::snapshot::SnapshotState;
use miosa_domain::status::{Failure, FailureCode, VerificationOutcome};
use miosa_domain::{Refusal, SnapshotId, TenantId, VolumeId};
use miosa_store::snapshot::SnapshotRecord;
use uuid::Uuid;

use crate::{
    App, AppError, Caller, Idempotency, ListPage, ListRequest, NewSnapshot, SnapshotPath, now, to_the_end,
    view,
};

mod intent;
pub(crate) mod prune;

use prune::PruneScope;

pub use intent::{HooksChange, SnapshotChange};
pub(crate) use intent::{SnapshotDraft, write_deletion};

impl App {
    /// Returns the snapshot once it is `ready`, and as `creating` after the wait. A failed snapshot is refused with its reason
    /// and kept for inspection.
    pub async fn create_snapshot(
        &self,
        caller: &Caller,
        volume_id: VolumeId,
        new: NewSnapshot,
        idempotency: Option<Idempotency>,
    ) -> Result<Snapshot, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            app.reachable_volume(tenant_id, volume_id).await?;
            let id = SnapshotId::from_uuid(Uuid::now_v7());
            let mut wait = app.wait_for(id.uuid());
            let draft = SnapshotDraft { id, tenant_id, volume_id, new };
            let mut snapshot = app.write_new_snapshot(&draft, idempotency.as_ref(), now()).await?;
            while snapshot.state == SnapshotState::Creating {
                if !wait.goes_on().await {
                    return Ok(app.snapshot_view(snapshot));
                }
                snapshot = app.read_snapshot(tenant_id, id).await?;
            }
            wait.over("snapshot");
            app.taken(snapshot).await
        })
        .await
    }

    /// The result of a snapshot that is no longer being taken.
    async fn taken(&self, snapshot: SnapshotRecord) -> Result<Snapshot, AppError> {
        if snapshot.state != SnapshotState::Failed {
            return Ok(self.snapshot_view(snapshot));
        }
        let failure = snapshot.error.clone().unwrap_or_else(|| Failure {
            code: FailureCode::HostError,
            message: "the host could not take the snapshot".into(),
        });
        let refusal = self.failure_refusal(snapshot.host_id, failure, "SNAPSHOT_FAILED").await?;
        let details = view::detail("snapshot", self.snapshot_view(snapshot));
        Err(AppError::RefusedWith { refusal, details })
    }

    /// Of a volume that is not deleted.
    pub async fn list_volume_snapshots(
        &self,
        caller: &Caller,
        volume_id: VolumeId,
        request: ListRequest,
    ) -> Result<ListPage<Snapshot>, AppError> {
        self.present_volume(caller.tenant_id, volume_id).await?;
        self.list_snapshots(caller, Some(volume_id), request).await
    }

    /// Of one volume or of all, deleted ones included.
    pub async fn list_snapshots(
        &self,
        caller: &Caller,
        volume_id: Option<VolumeId>,
        request: ListRequest,
    ) -> Result<ListPage<Snapshot>, AppError> {
        if !self.has_region(request.filters.region.as_deref()) {
            return Ok(ListPage::empty());
        }
        let page = self.store().list_snapshots(caller.tenant_id, volume_id, &request).await?;
        Ok(page.map(|snapshot| self.snapshot_view(snapshot)))
    }

    pub async fn get_snapshot(&self, caller: &Caller, path: SnapshotPath) -> Result<Snapshot, AppError> {
        Ok(self.snapshot_view(self.find_snapshot(caller.tenant_id, path).await?))
    }

    pub async fn update_snapshot(
        &self,
        caller: &Caller,
        path: SnapshotPath,
        change: SnapshotChange,
        idempotency: Option<Idempotency>,
    ) -> Result<Snapshot, AppError> {
        let tenant_id = caller.tenant_id;
        self.find_snapshot(tenant_id, path).await?;
        let changed =
            self.write_snapshot_change(tenant_id, path.id, &change, idempotency.as_ref(), now()).await?;
        Ok(self.snapshot_view(changed))
    }

    /// Clients no longer see the snapshot after the commit; the response waits until its space has been freed.
    pub async fn delete_snapshot(
        &self,
        caller: &Caller,
        path: SnapshotPath,
        idempotency: Option<Idempotency>,
    ) -> Result<Deleted, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            app.find_snapshot(tenant_id, path).await?;
            let mut wait = app.wait_for(path.id.uuid());
            let mut snapshot =
                app.write_snapshot_deletion(tenant_id, path.id, idempotency.as_ref(), now()).await?;
            while !snapshot.is_tombstone {
                if !wait.goes_on().await {
                    return Ok(view::deleted(path.id, DeletedState::Deleting.into()));
                }
                snapshot = app.read_snapshot(tenant_id, path.id).await?;
            }
            wait.over("delete_snapshot");
            Ok(view::deleted(path.id, DeletedState::Deleted.into()))
        })
        .await
    }

    /// Returns the snapshot once its data has been compared with its checksum, and as `running` after the wait.
    pub async fn verify_snapshot(
        &self,
        caller: &Caller,
        path: SnapshotPath,
        idempotency: Option<Idempotency>,
    ) -> Result<Snapshot, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            app.find_snapshot(tenant_id, path).await?;
            let mut wait = app.wait_for(path.id.uuid());
            let mut snapshot =
                app.write_verification(tenant_id, path.id, idempotency.as_ref(), now()).await?;
            let number = snapshot.verification;
            while !is_verified(&snapshot, number) {
                if !wait.goes_on().await {
                    return Ok(app.snapshot_view(snapshot));
                }
                snapshot = app.read_snapshot(tenant_id, path.id).await?;
            }
            wait.over("verify");
            Ok(app.snapshot_view(snapshot))
        })
        .await
    }

    /// Removes the caller's expired snapshots, of one volume (which may be deleted) or of all; a dry run only lists them. The
    /// space is freed in the background.
    pub async fn prune_snapshots(
        &self,
        caller: &Caller,
        volume_id: Option<VolumeId>,
        dry_run: bool,
    ) -> Result<PrunePlan, AppError> {
        let (app, tenant_id) = (self.clone(), caller.tenant_id);
        to_the_end(async move {
            let scope = match volume_id {
                None => PruneScope::Tenant(tenant_id),
                Some(id) => PruneScope::Volume(tenant_id, app.read_volume(tenant_id, id).await?.id),
            };
            let recovered = app.hosts().recovered();
            let carry_out = (!dry_run).then_some(recovered.as_slice());
            let prune = app.write_prune(scope, carry_out, now()).await?;
            Ok(app.prune_view(prune, dry_run))
        })
        .await
    }

    /// The snapshot that a caller named. With a volume, a snapshot of another volume is not found, and a deleted volume is
    /// refused.
    pub(crate) async fn find_snapshot(
        &self,
        tenant_id: TenantId,
        path: SnapshotPath,
    ) -> Result<SnapshotRecord, AppError> {
        if let Some(volume_id) = path.of {
            self.present_volume(tenant_id, volume_id).await?;
        }
        let snapshot = self.read_snapshot(tenant_id, path.id).await?;
        if path.of.is_some_and(|volume_id| volume_id != snapshot.volume_id) {
            return Err(Refusal::NotFound { what: "snapshot" }.into());
        }
        match snapshot.deleted_at {
            None => Ok(snapshot),
            Some(at) => Err(Refusal::AlreadyDeleted { what: "snapshot", deleted_at: at.to_string() }.into()),
        }
    }

    async fn read_snapshot(&self, tenant_id: TenantId, id: SnapshotId) -> Result<SnapshotRecord, AppError> {
        let snapshot = self.store().snapshot(tenant_id, id).await?;
        Ok(snapshot.ok_or(Refusal::NotFound { what: "snapshot" })?)
    }
}

fn is_verified(snapshot: &SnapshotRecord, number: u64) -> bool {
    let reported = snapshot.reported.as_ref().and_then(|reported| reported.verification.as_ref());
    reported.is_some_and(|reported| {
        reported.number >= number && !matches!(reported.outcome, VerificationOutcome::Running { .. })
    })
}
