//! The volumes of a service's replicas: the one that was named, or one of the replica's own, made when it is first needed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use miosa_domain::service::{RunSettings, ServiceVolume, VolumeAccess};
use miosa_domain::spec::Presence;
use miosa_domain::volume::{self as rules, Lifecycle};
use miosa_domain::{ComputerId, Generation, MountPath, Refusal, ServiceId, VolumeId};
use uuid::Uuid;

use super::{ServiceRecord, release, row};
use crate::attachment::{self, AttachmentRecord};
use crate::error::StoreError;
use crate::host;
use crate::schedule::VolumeSchedule;
use crate::snapshot::POOL_LIMIT_PERCENT;
use crate::sql::query;
use crate::store::Tx;
use crate::volume::{self, SnapshotSums, VolumeRecord};

/// A volume as one replica, or all of them, mount it.
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeOfReplica {
    /// `None`: of all replicas.
    pub replica: Option<u32>,
    pub id: VolumeId,
    pub name: String,
    pub mount_path: MountPath,
}

/// What an empty volume takes of its pool: measured 4 to 9 MiB, by size.
const EMPTY_VOLUME_BYTES: u64 = 9 << 20;

const FIELD: &str = "volumes";

/// Whether `replicas` replicas can have the volumes of `settings`, all of them, before anything is changed.
pub(super) async fn check(
    tx: &mut Tx,
    service: &ServiceRecord,
    settings: &RunSettings,
    replicas: u32,
) -> Result<(), StoreError> {
    let mut to_be_made: u64 = 0;
    for wanted in &settings.volumes {
        let named = named(tx, service, wanted.volume_id).await?;
        may_use(service, wanted, &named)?;
        if wanted.access() != VolumeAccess::Own {
            continue;
        }
        for index in 1..replicas {
            match own(tx, named.id, index).await? {
                Some(own) => may_use(service, wanted, &own)?,
                None => to_be_made += 1,
            }
        }
    }
    if to_be_made == 0 {
        return Ok(());
    }
    host::refuse_if_near_full(tx, service.host_id, "a volume of a replica's own", POOL_LIMIT_PERCENT).await?;
    if let Some(pool) = host::pool(tx, service.host_id).await? {
        let limit_bytes = pool.capacity_bytes / 100 * POOL_LIMIT_PERCENT;
        if pool.used_bytes.saturating_add(to_be_made * EMPTY_VOLUME_BYTES) > limit_bytes {
            return Err(Refusal::InsufficientCapacity {
                message: format!(
                    "{replicas} replicas need {to_be_made} more volumes of their own, and the pool has no room for so many; \
                     nothing was changed. Scale to fewer, delete snapshots or volumes, or enlarge the pool"
                ),
                capacity_bytes: pool.capacity_bytes,
                used_bytes: pool.used_bytes,
            }
            .into());
        }
    }
    Ok(())
}

async fn named(tx: &mut Tx, service: &ServiceRecord, id: VolumeId) -> Result<VolumeRecord, StoreError> {
    match volume::load(tx, service.tenant_id, id).await?.filter(|volume| volume.deleted_at.is_none()) {
        Some(volume) => Ok(volume),
        None => Err(StoreError::Invalid {
            field: FIELD,
            message: format!("names volume {id}, which is not there; create it, or undelete it, first"),
        }),
    }
}

/// As if the service's own replicas were gone: they are replaced in order.
fn may_use(service: &ServiceRecord, wanted: &ServiceVolume, volume: &VolumeRecord) -> Result<(), StoreError> {
    let others: Vec<AttachmentRecord> = volume
        .attachments
        .iter()
        .filter(|attachment| attachment.service_id != Some(service.id))
        .cloned()
        .collect();
    let nobody = ComputerId::from_uuid(Uuid::nil());
    let attacher = rules::Attacher {
        computer_id: nobody,
        host_id: service.host_id,
        read_only: wanted.read_only,
        shared: wanted.shared,
    };
    let mut volume = volume.as_domain(&|_| true);
    // The host makes it before it mounts it.
    if volume.lifecycle == Lifecycle::Creating {
        volume.lifecycle = Lifecycle::Available;
    }
    rules::may_attach(&volume, &attachment::as_domain(&others), &attacher)
        .map_err(|refusal| attachment::told_of_replicas(refusal, &others).into())
}

/// The volume that replica `index` mounts where `wanted` says; one of its own is made if it has none yet.
pub(super) async fn ensure_of_replica(
    tx: &mut Tx,
    service: &ServiceRecord,
    wanted: &ServiceVolume,
    index: u32,
    now: Timestamp,
) -> Result<VolumeRecord, StoreError> {
    let named = named(tx, service, wanted.volume_id).await?;
    if index == 0 || wanted.access() != VolumeAccess::Own {
        return Ok(named);
    }
    match own(tx, named.id, index).await? {
        Some(own) => Ok(own),
        None => make(tx, &named, index, now).await,
    }
}

/// The volumes that `settings` name, and those of replicas' own that are there.
pub(super) async fn seen(
    tx: &mut Tx,
    service: &ServiceRecord,
    settings: &RunSettings,
) -> Result<Vec<VolumeOfReplica>, StoreError> {
    const DOING: &str = "read the volumes of a service";
    // The engines sort NULL differently.
    const TEXT: &str = "SELECT id, name, replica FROM volumes
         WHERE tenant_id = $1 AND deleted_at IS NULL AND (id = $2 OR ($3 AND replica_of = $2))
         ORDER BY COALESCE(replica, -1), id";
    let mut seen = Vec::new();
    for wanted in &settings.volumes {
        let has_own = wanted.access() == VolumeAccess::Own;
        let found = query(DOING, TEXT).bind(service.tenant_id).bind(wanted.volume_id).bind(has_own);
        for (id, name, index) in found.all::<(VolumeId, String, Option<u32>)>(tx).await? {
            seen.push(VolumeOfReplica {
                replica: has_own.then(|| index.unwrap_or(0)),
                id,
                name,
                mount_path: wanted.mount_path.clone(),
            });
        }
    }
    Ok(seen)
}

/// The volumes that `replicas` replicas write to and that are there, each once.
pub(super) async fn written(
    tx: &mut Tx,
    service: &ServiceRecord,
    settings: &RunSettings,
    replicas: u32,
) -> Result<Vec<VolumeRecord>, StoreError> {
    let mut volumes = Vec::new();
    for wanted in settings.volumes.iter().filter(|wanted| !wanted.read_only) {
        volumes.push(named(tx, service, wanted.volume_id).await?);
        if wanted.access() == VolumeAccess::Own {
            for index in 1..replicas {
                volumes.extend(own(tx, wanted.volume_id, index).await?);
            }
        }
    }
    let mut seen = BTreeSet::new();
    volumes.retain(|volume| seen.insert(volume.id));
    Ok(volumes)
}

async fn own(tx: &mut Tx, of: VolumeId, index: u32) -> Result<Option<VolumeRecord>, StoreError> {
    let id: Option<VolumeId> = query("look up a replica's own volume", "SELECT id FROM volumes WHERE replica_of = $1 AND replica = $2 AND deleted_at IS NULL ORDER BY created_at LIMIT 1").bind(of).bind(index).optional(tx).await?;
    match id {
        Some(id) => volume::load_any(tx, id).await,
        None => Ok(None),
    }
}

async fn make(
    tx: &mut Tx,
    of: &VolumeRecord,
    index: u32,
    now: Timestamp,
) -> Result<VolumeRecord, StoreError> {
    let id = VolumeId::from_uuid(Uuid::now_v7());
    let schedule = of.schedule.as_ref();
    let schedule = schedule.and_then(|s| miosa_domain::schedule::Schedule::parse(&s.text).ok());
    let mut metadata = of.metadata.clone();
    metadata.insert("replica_of".into(), of.id.to_string());
    metadata.insert("replica".into(), index.to_string());
    let record = VolumeRecord {
        id,
        name: format!("{}-replica-{index}", of.name),
        metadata,
        lifecycle: Lifecycle::Creating,
        presence: Presence::Present,
        was_ready: false,
        incarnation: 0,
        origin: None,
        compaction: 0,
        schedule: schedule.map(|schedule| VolumeSchedule::new(&schedule, id, now)),
        expires_at: None,
        restore: None,
        space: None,
        reported_compaction: None,
        generation: host::next_generation(tx, of.host_id).await?,
        reported_generation: Generation::default(),
        error: None,
        used_bytes: 0,
        deleted_at: None,
        purge_after: None,
        is_tombstone: false,
        created_at: now,
        updated_at: now,
        attachments: Vec::new(),
        snapshots: SnapshotSums::default(),
        replica: Some(volume::OwnOfReplica { of: of.id, index }),
        ..of.clone()
    };
    volume::save(tx, &record).await?;
    Ok(record)
}

/// A volume that a service mounts stays, also while the service is stopped.
pub async fn refuse_if_used(tx: &mut Tx, volume: &VolumeRecord) -> Result<(), StoreError> {
    match user_of(tx, volume).await? {
        None => Ok(()),
        Some((service_id, service_name)) => {
            Err(Refusal::VolumeUsedByService { volume_id: volume.id, service_id, service_name }.into())
        }
    }
}

async fn user_of(tx: &mut Tx, volume: &VolumeRecord) -> Result<Option<(ServiceId, String)>, StoreError> {
    for service in row::of_tenant(tx, volume.tenant_id).await? {
        if service.deleted_at.is_some() {
            continue;
        }
        let mut mounted = service.settings.volumes.clone();
        for id in service.active.into_iter().chain(service.target).collect::<BTreeSet<_>>() {
            mounted.extend(release::load(tx, id).await?.into_iter().flat_map(|r| r.settings.volumes));
        }
        let is_used = mounted.iter().any(|wanted| match volume.replica {
            // One of its own is in use as long as there is such a replica; scaled down, it may go.
            Some(own) => {
                wanted.volume_id == own.of
                    && wanted.access() == VolumeAccess::Own
                    && own.index < service.replicas
            }
            None => wanted.volume_id == volume.id,
        });
        if is_used {
            return Ok(Some((service.id, service.name)));
        }
    }
    Ok(None)
}
