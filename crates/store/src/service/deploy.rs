//! Deploying: a new release becomes what is to be served.

use jiff::Timestamp;
use miosa_domain::service::{ReasonCode, ReleaseReason, ReleaseState, RunSettings, SettingsPatch};
use miosa_domain::snapshot::Trigger;
use miosa_domain::spec::TakeRules;
use miosa_domain::{Refusal, ReleaseId, ServiceId, SnapshotId, TenantId, volume as volume_rules};
use uuid::Uuid;

use super::release::{self, ReleaseCause, ReleaseRecord, ReleaseRestore, ReleaseSnapshot, RestoreProgress};
use super::{ServiceDesired, ServiceRecord, ServiceSight, Source, replica, rollout, row, volumes};
use crate::error::StoreError;
use crate::host;
use crate::idempotency::{self, Idempotency, ObjectRef};
use crate::snapshot::{self as snapshots, Draft, POOL_LIMIT_PERCENT};
use crate::store::{Store, Tx};
use crate::{transact, verb};

/// What is to be deployed, and how.
#[derive(Debug, Clone, Default)]
pub struct DeployAsk {
    pub cause: ReleaseCause,
    pub of: Deploy,
    pub message: Option<String>,
    /// Take a snapshot of every volume that is written to, named by the release, before anything is replaced.
    pub snapshot_before: bool,
    /// Bring the volumes back to the snapshots that were taken when the release that is served again was left.
    pub restore_data: bool,
    /// A source that the service has from then on.
    pub source: Option<Source>,
    pub settings: SettingsPatch,
}

/// Whose settings the new release has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Deploy {
    /// The service's present ones.
    #[default]
    Settings,
    Release(ReleaseId),
    /// The release that is served.
    Active,
    /// The newest one that was good and is another than the one that is served.
    Previous,
}

impl Store {
    /// Makes a release and begins to roll it out. Answers it with its service.
    pub async fn deploy_service(
        &self,
        tenant_id: TenantId,
        id: ServiceId,
        ask: DeployAsk,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<(ServiceSight, ReleaseRecord), StoreError> {
        transact!(self, verb!("service.deploy", "write the intent to deploy a release"), |tx| {
            let ask = ask.clone();
            let mut service = row::load_present(tx, tenant_id, id).await?;
            if ask.cause == ReleaseCause::Start
                && service.desired == ServiceDesired::Running
                && service.target.is_some()
            {
                return Err(Refusal::ServiceState {
                    id,
                    problem: "is running already; restart it, or deploy to it",
                }
                .into());
            }
            let before = (service.source.clone(), service.settings.clone(), service.replicas);
            if let Some(source) = &ask.source {
                service.source = Some(source.clone());
            }
            ask.settings.apply(&mut service.settings);
            service.replicas = ask.settings.replicas.unwrap_or(service.replicas);
            let written = write(tx, &mut service, ask, now).await?;
            if (&service.source, &service.settings, service.replicas) != (&before.0, &before.1, before.2) {
                service.lock_version += 1;
                row::save(tx, &service).await?;
            }
            let object = ObjectRef::Release(written.id);
            idempotency::record(tx, idempotency, tenant_id, object, now).await?;
            let release = release::load(tx, written.id).await?.unwrap_or(written);
            let sight = row::sight(tx, service).await?;
            Ok((sight, release))
        })
    }

    /// Gives up a release that is not served yet; the last good one stays, or is served again.
    pub async fn cancel_release(
        &self,
        tenant_id: TenantId,
        id: ReleaseId,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<(ServiceSight, ReleaseRecord), StoreError> {
        transact!(self, verb!("write the intent to cancel a release"), |tx| {
            let release = release::load(tx, id).await?.filter(|release| release.tenant_id == tenant_id);
            let release = release.ok_or(Refusal::NotFound { what: "release" })?;
            let mut service = row::load_present(tx, tenant_id, release.service_id).await?;
            if release.state.is_settled() {
                let state = release.state;
                return Err(
                    Refusal::ReleaseState { id, state, problem: "there is nothing left to cancel" }.into()
                );
            }
            cancel_unsettled(tx, &service, ReasonCode::Stopped, "canceled by a call", now).await?;
            service.target = service.active;
            service.is_settled = false;
            row::save(tx, &service).await?;
            rollout::advance(tx, &mut service, now).await?;
            idempotency::record(tx, idempotency, tenant_id, ObjectRef::Release(id), now).await?;
            let release = release::load(tx, id).await?.unwrap_or(release);
            let sight = row::sight(tx, service).await?;
            Ok((sight, release))
        })
    }
}

/// Part of the transaction that deploys, for whatever reason.
pub(super) async fn write(
    tx: &mut Tx,
    service: &mut ServiceRecord,
    ask: DeployAsk,
    now: Timestamp,
) -> Result<ReleaseRecord, StoreError> {
    let base = base(tx, service, ask.of).await?;
    if let Some(base) = &base
        && ask.cause != ReleaseCause::Restart
    {
        // Else the next deployment would go back to what was left with this one.
        service.source.clone_from(&base.source);
        service.settings.clone_from(&base.settings);
    }
    let (source, settings) = match &base {
        Some(base) => (base.source.clone(), base.settings.clone()),
        None => (service.source.clone(), service.settings.clone()),
    };
    if source.is_none() {
        return Err(StoreError::Invalid {
            field: "source",
            message: "is missing; give the service one, such as {\"type\": \"template\", \"ref\": \"miosa-default\"}".into(),
        });
    }
    match volumes::check(tx, service, &settings, service.replicas).await {
        Err(StoreError::Invalid { message, .. }) if base.is_some() => {
            let number = base.map_or(0, |base| base.number);
            return Err(Refusal::ReleaseGone { number, reason: format!("it {message}") }.into());
        }
        outcome => outcome?,
    }
    cancel_unsettled(tx, service, ReasonCode::Superseded, "another release was deployed", now).await?;
    replica::destroy_retired(tx, service.id, now).await?;
    service.last_number += 1;
    let mut release = ReleaseRecord {
        id: ReleaseId::from_uuid(Uuid::now_v7()),
        service_id: service.id,
        tenant_id: service.tenant_id,
        number: service.last_number,
        cause: ask.cause,
        state: ReleaseState::Queued,
        reason: None,
        source,
        settings,
        message: ask.message,
        serves_again: base.as_ref().map(|base| base.number),
        snapshots: Vec::new(),
        restores: Vec::new(),
        handover_ms: None,
        deploying_at: None,
        settled_at: None,
        created_at: now,
        updated_at: now,
    };
    if ask.snapshot_before {
        release.snapshots = take_snapshots(tx, service, release.number, now).await?;
    }
    if ask.restore_data {
        let left = base.map_or(0, |base| base.number);
        release.restores = restores(tx, service, left).await?;
    }
    release::save(tx, &release).await?;
    service.desired = ServiceDesired::Running;
    service.target = Some(release.id);
    service.is_settled = false;
    service.updated_at = now;
    row::save(tx, service).await?;
    rollout::advance(tx, service, now).await?;
    Ok(release)
}

/// A release that differs from what is served in its volumes alone; other changed settings go on waiting.
pub(super) async fn write_volumes(
    tx: &mut Tx,
    service: &mut ServiceRecord,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(served) = (match service.target {
        Some(id) => release::load(tx, id).await?,
        None => None,
    }) else {
        return Ok(());
    };
    let pending = (service.source.clone(), service.settings.clone());
    let volumes = service.settings.volumes.clone();
    service.source = served.source;
    service.settings = RunSettings { volumes, ..served.settings };
    let ask = DeployAsk { cause: ReleaseCause::Volumes, ..DeployAsk::default() };
    write(tx, service, ask, now).await?;
    (service.source, service.settings) = pending;
    row::save(tx, service).await
}

async fn base(tx: &mut Tx, service: &ServiceRecord, of: Deploy) -> Result<Option<ReleaseRecord>, StoreError> {
    let nothing = |problem| StoreError::from(Refusal::ServiceState { id: service.id, problem });
    match of {
        Deploy::Settings => Ok(None),
        Deploy::Active => match service.active {
            Some(id) => release::load(tx, id).await,
            None => Err(nothing("has no release that was ever good; deploy to it")),
        },
        Deploy::Release(id) => {
            let release = release::load(tx, id).await?.filter(|release| release.service_id == service.id);
            let release = release.ok_or(Refusal::NotFound { what: "release" })?;
            match release.state {
                ReleaseState::Active | ReleaseState::Stopped => Ok(Some(release)),
                state => Err(Refusal::ReleaseState {
                    id,
                    state,
                    problem: "only one that was good can be served again",
                }
                .into()),
            }
        }
        Deploy::Previous => {
            let all = release::of_service(tx, service.id).await?;
            let target = all.iter().find(|release| Some(release.id) == service.target);
            if target.is_some_and(|target| !target.state.is_settled()) && service.active.is_some() {
                return Ok(all.into_iter().find(|release| Some(release.id) == service.active));
            }
            let active = all.iter().find(|release| Some(release.id) == service.active).cloned();
            let was_good = |release: &&ReleaseRecord| {
                release.state == ReleaseState::Stopped
                    && active.as_ref().is_none_or(|active| release.number < active.number)
            };
            // A restart has made the same once more; who goes back means what was before it.
            let is_other = |release: &&ReleaseRecord| {
                active.as_ref().is_none_or(|active| {
                    (&release.source, &release.settings) != (&active.source, &active.settings)
                })
            };
            let mut good = all.iter().filter(was_good);
            let previous = good.clone().find(is_other).or_else(|| good.next()).cloned();
            previous.map(Some).ok_or_else(|| nothing("has no earlier release that was good"))
        }
    }
}

/// Whatever is being deployed is no longer wanted.
pub(super) async fn cancel_unsettled(
    tx: &mut Tx,
    service: &ServiceRecord,
    code: ReasonCode,
    detail: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(id) = service.target else { return Ok(()) };
    if let Some(mut release) = release::load(tx, id).await?
        && !release.state.is_settled()
    {
        let reason = ReleaseReason { code, detail: detail.into() };
        release.settle(ReleaseState::Canceled, Some(reason), now);
        release::save(tx, &release).await?;
    }
    Ok(())
}

async fn take_snapshots(
    tx: &mut Tx,
    service: &ServiceRecord,
    number: u64,
    now: Timestamp,
) -> Result<Vec<ReleaseSnapshot>, StoreError> {
    let Some(active) = service.active else { return Ok(Vec::new()) };
    let Some(active) = release::load(tx, active).await? else { return Ok(Vec::new()) };
    host::refuse_if_near_full(tx, service.host_id, "a snapshot", POOL_LIMIT_PERCENT).await?;
    let mut taken = Vec::new();
    for volume in volumes::written(tx, service, &active.settings, service.replicas).await? {
        volume_rules::may_snapshot(&volume.as_domain(&|_| true))?;
        let draft = Draft {
            id: SnapshotId::from_uuid(Uuid::now_v7()),
            name: Some(format!("before-v{number}")),
            metadata: [("service_id".into(), service.id.to_string()), ("release".into(), number.to_string())]
                .into(),
            trigger: Trigger::Manual,
            protected: false,
            take: TakeRules { hooks: volume.hooks.clone(), ..TakeRules::default() },
            asked_expiry: None,
        };
        let snapshot = snapshots::write_new(tx, &volume, draft, now).await?;
        taken.push(ReleaseSnapshot { volume_id: volume.id, snapshot_id: snapshot.id });
    }
    Ok(taken)
}

/// The snapshots that were taken when release `left` was left: by the one that took its place. Of the release that is served,
/// those that the last attempt at another one took.
async fn restores(
    tx: &mut Tx,
    service: &ServiceRecord,
    left: u64,
) -> Result<Vec<ReleaseRestore>, StoreError> {
    let all = release::of_service(tx, service.id).await?;
    let mut later = all.iter().filter(|release| release.number > left);
    let was_served =
        |release: &&ReleaseRecord| matches!(release.state, ReleaseState::Active | ReleaseState::Stopped);
    // The newest come first.
    let successor = match later.clone().rfind(was_served) {
        Some(successor) => Some(successor).filter(|release| !release.snapshots.is_empty()),
        None => later.find(|release| !release.snapshots.is_empty()),
    };
    let first = successor.ok_or(Refusal::NoReleaseSnapshot { number: left })?;
    Ok(first
        .snapshots
        .iter()
        .map(|taken| ReleaseRestore {
            volume_id: taken.volume_id,
            snapshot_id: taken.snapshot_id,
            progress: RestoreProgress::Waiting,
        })
        .collect())
}
