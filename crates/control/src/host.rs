//! The verbs of a host's session: register the host, and read the specs that it should have. Its reports are in `report`.

use miosa_api::agent_v1::Hello;
use miosa_domain::kind::{Spec, Specs};
use miosa_domain::{Generation, HostId};
use miosa_store::host::Introduction;

use crate::{App, AppError, now};

/// Specs that a host does not have yet.
#[derive(Debug)]
pub struct ChangedSpecs {
    /// Every change up to here is included.
    pub up_to: Generation,
    /// Kind by kind: an object comes after those that it refers to.
    pub specs: Vec<Spec>,
}

impl App {
    /// Records a host that connected. Its generation becomes at least the highest one in the host's ledger, so that a database
    /// restored from an older copy issues generations that the host accepts.
    pub async fn register_host(&self, hello: Hello) -> Result<(), AppError> {
        let host = Introduction {
            id: hello.host_id,
            hostname: hello.hostname,
            agent_version: hello.version,
            templates: hello.templates,
            highest_generation: hello.highest_generation,
        };
        let (id, ledger) = (host.id, host.highest_generation);
        let before = self.store().host(id).await?.map(|host| host.generation);
        if before.is_some_and(|before| before < ledger) {
            tracing::warn!(
                host_id = %id,
                database = %before.unwrap_or_default(),
                %ledger,
                "the host's ledger is newer than the database, which was restored from an older copy; continuing from the ledger's generation"
            );
        }
        self.store().register_host(host, now()).await?;
        Ok(())
    }

    /// The host's specs whose generation is above `since`.
    pub async fn changed_specs(&self, host_id: HostId, since: Generation) -> Result<ChangedSpecs, AppError> {
        let changed = self.store().changed_specs(host_id, since).await?;
        let miosa_store::host::ChangedSpecs { up_to, volumes, instances, snapshots } = changed;
        Ok(ChangedSpecs { up_to, specs: Specs { volumes, instances, snapshots }.into_vec() })
    }
}
