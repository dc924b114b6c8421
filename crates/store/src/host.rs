//! Hosts: the machines with an agent, and the number of the last change of each one's specs.
//!
//! Every change of what a host should do takes `generation + 1` in its own transaction and stamps it on the object. So "what
//! changed since N" is one indexed query, and the numbers order the changes of different objects.

use jiff::Timestamp;
use miosa_domain::spec::{InstanceSpec, SnapshotSpec, VolumeSpec};
use miosa_domain::{Generation, HostId, Refusal};

use crate::computer;
use crate::error::StoreError;
use crate::sql::{self, Columns, Row, ToValue, Value, query};
use crate::store::{Store, Tx};
use crate::{snapshot, volume};
use crate::{transact, verb, view};

#[derive(Debug, Clone, PartialEq, Eq, Row)]
pub struct HostRecord {
    pub id: HostId,
    pub hostname: String,
    pub agent_version: String,
    /// Names of the templates that its computers can run.
    #[row(column = "templates_json")]
    pub templates: Vec<String>,
    pub generation: Generation,
    /// As last reported.
    #[row(columns("pool_capacity_bytes", "pool_used_bytes"))]
    pub pool: Option<PoolUsage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUsage {
    pub capacity_bytes: u64,
    pub used_bytes: u64,
}

impl PoolUsage {
    pub fn free_bytes(self) -> u64 {
        self.capacity_bytes.saturating_sub(self.used_bytes)
    }

    /// Rounded down. A pool without any room is full.
    pub fn used_percent(self) -> u64 {
        match self.capacity_bytes {
            0 => 100,
            capacity_bytes => {
                let percent = u128::from(self.used_bytes) * 100 / u128::from(capacity_bytes);
                u64::try_from(percent).unwrap_or(u64::MAX)
            }
        }
    }
}

/// What an agent says of its host when it connects.
#[derive(Debug, Clone)]
pub struct Introduction {
    pub id: HostId,
    pub hostname: String,
    pub agent_version: String,
    pub templates: Vec<String>,
    /// The highest generation in its ledger.
    pub highest_generation: Generation,
}

/// Specs with a generation above the one that was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedSpecs {
    /// Every change up to here is in.
    pub up_to: Generation,
    pub volumes: Vec<VolumeSpec>,
    pub instances: Vec<InstanceSpec>,
    pub snapshots: Vec<SnapshotSpec>,
}

impl Store {
    /// Makes or updates the host's row. A database that was restored from an older copy counts lower than the host's ledger
    /// holds; it counts on from there, since the host would take anything lower for stale.
    pub async fn register_host(&self, host: Introduction, now: Timestamp) -> Result<Generation, StoreError> {
        const DOING: &str = "register a host";
        transact!(self, verb!(DOING), |tx| {
            let host = host.clone();
            let generation = query(DOING, "INSERT INTO hosts (id, hostname, agent_version, templates_json, generation, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $6)
             ON CONFLICT (id) DO UPDATE SET hostname = $2, agent_version = $3, templates_json = $4, updated_at = $6,
                 generation = CASE WHEN hosts.generation < $5 THEN $5 ELSE hosts.generation END
             RETURNING generation").bind(host.id).bind(&host.hostname).bind(&host.agent_version).bind(&host.templates).bind(host.highest_generation).bind(now).one(tx).await?;
            Ok(generation)
        })
    }

    pub async fn host(&self, id: HostId) -> Result<Option<HostRecord>, StoreError> {
        const DOING: &str = "read a host";
        query(DOING, "SELECT * FROM hosts WHERE id = $1")
            .bind(id)
            .optional(&mut self.single(DOING).await?)
            .await
    }

    pub async fn hosts(&self) -> Result<Vec<HostRecord>, StoreError> {
        const DOING: &str = "list hosts";
        query(DOING, "SELECT * FROM hosts ORDER BY created_at, id").all(&mut self.single(DOING).await?).await
    }

    /// Everything that changed after `since`; everything there is when `since` is 0.
    pub async fn changed_specs(
        &self,
        host_id: HostId,
        since: Generation,
    ) -> Result<ChangedSpecs, StoreError> {
        const DOING: &str = "read changed specs";
        view!(self, DOING, |tx| {
            let up_to =
                query(DOING, "SELECT generation FROM hosts WHERE id = $1").bind(host_id).one(tx).await?;
            Ok(ChangedSpecs {
                up_to,
                volumes: volume::changed_specs(tx, host_id, since).await?,
                instances: computer::changed_specs(tx, host_id, since).await?,
                snapshots: snapshot::changed_specs(tx, host_id, since).await?,
            })
        })
    }
}

/// The number of a change that is being written in this transaction.
pub async fn next_generation(tx: &mut Tx, host_id: HostId) -> Result<Generation, StoreError> {
    const TEXT: &str = "UPDATE hosts SET generation = generation + 1 WHERE id = $1 RETURNING generation";
    let generation = query("take the host's next generation", TEXT).bind(host_id).one(tx).await?;
    tx.wake(host_id);
    Ok(generation)
}

/// As last reported.
pub async fn pool(tx: &mut Tx, host_id: HostId) -> Result<Option<PoolUsage>, StoreError> {
    const TEXT: &str = "SELECT * FROM hosts WHERE id = $1";
    let host: HostRecord = query("read a host's pool usage", TEXT).bind(host_id).one(tx).await?;
    Ok(host.pool)
}

/// `what` takes room, at once or bit by bit, and the pool has little left.
pub async fn refuse_if_near_full(
    tx: &mut Tx,
    host_id: HostId,
    what: &'static str,
    limit_percent: u64,
) -> Result<(), StoreError> {
    match pool(tx, host_id).await?.map(PoolUsage::used_percent) {
        Some(percent) if percent >= limit_percent => {
            Err(Refusal::PoolNearFull { what, percent, limit_percent }.into())
        }
        _ => Ok(()),
    }
}

pub async fn save_pool(tx: &mut Tx, host_id: HostId, pool: PoolUsage) -> Result<(), StoreError> {
    query(
        "write a host's pool usage",
        "UPDATE hosts SET pool_capacity_bytes = $2, pool_used_bytes = $3 WHERE id = $1",
    )
    .bind(host_id)
    .bind(pool.capacity_bytes)
    .bind(pool.used_bytes)
    .execute(tx)
    .await?;
    Ok(())
}

impl Columns<2> for Option<PoolUsage> {
    fn values(&self) -> [Value; 2] {
        [self.map(|pool| pool.capacity_bytes).to_value(), self.map(|pool| pool.used_bytes).to_value()]
    }

    fn read(row: &sql::Row, [capacity, used]: [&'static str; 2]) -> Result<Self, sqlx::Error> {
        let pool = row.get::<Option<u64>>(capacity)?.zip(row.get::<Option<u64>>(used)?);
        Ok(pool.map(|(capacity_bytes, used_bytes)| PoolUsage { capacity_bytes, used_bytes }))
    }
}
