//! Hosts: the machines with an agent, and the number of the last change of each one's specs.
//!
//! Every change of what a host should do takes `generation + 1` in its own transaction and stamps it on the object. So "what
//! changed since N" is one indexed query, and the numbers order the changes of different objects.

use jiff::Timestamp;
use miosa_domain::spec::{InstanceSpec, SnapshotSpec, VolumeSpec};
use miosa_domain::{Generation, HostId, Refusal};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::column;
use crate::computer;
use crate::error::{StoreError, While};
use crate::schema::{Store, Tx};
use crate::{snapshot, volume};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRecord {
    pub id: HostId,
    pub hostname: String,
    pub agent_version: String,
    /// Names of the templates that its computers can run.
    pub templates: Vec<String>,
    pub generation: Generation,
    /// As last reported.
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
        let mut tx = self.write(DOING).await?;
        let generation: i64 = sqlx::query_scalar(
            "INSERT INTO hosts (id, hostname, agent_version, templates_json, generation, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $6)
             ON CONFLICT (id) DO UPDATE SET hostname = $2, agent_version = $3, templates_json = $4, updated_at = $6,
                 generation = CASE WHEN hosts.generation < $5 THEN $5 ELSE hosts.generation END
             RETURNING generation",
        )
        .bind(host.id.to_string())
        .bind(&host.hostname)
        .bind(&host.agent_version)
        .bind(column::to_json(&host.templates))
        .bind(column::to_bigint(host.highest_generation.0))
        .bind(now.as_millisecond())
        .fetch_one(&mut *tx)
        .await
        .doing(DOING)?;
        tx.commit().await.doing(DOING)?;
        Ok(Generation(generation.unsigned_abs()))
    }

    pub async fn host(&self, id: HostId) -> Result<Option<HostRecord>, StoreError> {
        sqlx::query("SELECT * FROM hosts WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&self.readers)
            .await
            .and_then(|row| row.map(|row| from_row(&row)).transpose())
            .doing("read a host")
    }

    pub async fn hosts(&self) -> Result<Vec<HostRecord>, StoreError> {
        const DOING: &str = "list hosts";
        let rows = sqlx::query("SELECT * FROM hosts ORDER BY created_at, id")
            .fetch_all(&self.readers)
            .await
            .doing(DOING)?;
        rows.iter().map(from_row).collect::<Result<_, _>>().doing(DOING)
    }

    /// Everything that changed after `since`; everything there is when `since` is 0.
    pub async fn changed_specs(
        &self,
        host_id: HostId,
        since: Generation,
    ) -> Result<ChangedSpecs, StoreError> {
        const DOING: &str = "read changed specs";
        let mut tx = self.read(DOING).await?;
        let up_to: i64 = sqlx::query_scalar("SELECT generation FROM hosts WHERE id = $1")
            .bind(host_id.to_string())
            .fetch_one(&mut *tx)
            .await
            .doing(DOING)?;
        Ok(ChangedSpecs {
            up_to: Generation(up_to.unsigned_abs()),
            volumes: volume::changed_specs(&mut tx, host_id, since).await?,
            instances: computer::changed_specs(&mut tx, host_id, since).await?,
            snapshots: snapshot::changed_specs(&mut tx, host_id, since).await?,
        })
    }
}

/// The number of a change that is being written in this transaction.
pub(crate) async fn next_generation(tx: &mut Tx, host_id: HostId) -> Result<Generation, StoreError> {
    let next: i64 =
        sqlx::query_scalar("UPDATE hosts SET generation = generation + 1 WHERE id = $1 RETURNING generation")
            .bind(host_id.to_string())
            .fetch_one(&mut **tx)
            .await
            .doing("take the host's next generation")?;
    Ok(Generation(next.unsigned_abs()))
}

/// As last reported.
pub(crate) async fn pool(tx: &mut Tx, host_id: HostId) -> Result<Option<PoolUsage>, StoreError> {
    sqlx::query("SELECT pool_capacity_bytes, pool_used_bytes FROM hosts WHERE id = $1")
        .bind(host_id.to_string())
        .fetch_one(&mut **tx)
        .await
        .and_then(|row| pool_from_row(&row))
        .doing("read a host's pool usage")
}

/// `what` takes room, at once or bit by bit, and the pool has little left.
pub(crate) async fn refuse_if_near_full(
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

pub(crate) async fn save_pool(tx: &mut Tx, host_id: HostId, pool: PoolUsage) -> Result<(), StoreError> {
    sqlx::query("UPDATE hosts SET pool_capacity_bytes = $2, pool_used_bytes = $3 WHERE id = $1")
        .bind(host_id.to_string())
        .bind(column::to_bigint(pool.capacity_bytes))
        .bind(column::to_bigint(pool.used_bytes))
        .execute(&mut **tx)
        .await
        .doing("write a host's pool usage")?;
    Ok(())
}

fn from_row(row: &SqliteRow) -> Result<HostRecord, sqlx::Error> {
    Ok(HostRecord {
        id: column::id(row, "id")?,
        hostname: row.try_get("hostname")?,
        agent_version: row.try_get("agent_version")?,
        templates: column::json(row, "templates_json")?,
        generation: Generation(column::number(row, "generation")?),
        pool: pool_from_row(row)?,
    })
}

fn pool_from_row(row: &SqliteRow) -> Result<Option<PoolUsage>, sqlx::Error> {
    let capacity_bytes = column::optional_number(row, "pool_capacity_bytes")?;
    let used_bytes = column::optional_number(row, "pool_used_bytes")?;
    let pool = capacity_bytes.zip(used_bytes);
    Ok(pool.map(|(capacity_bytes, used_bytes)| PoolUsage { capacity_bytes, used_bytes }))
}
