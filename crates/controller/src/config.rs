//! What the controller is told when it starts.

use std::path::PathBuf;

use miosa_control::Settings;
use miosa_domain::limits::Limits;

#[derive(Debug, Clone)]
pub struct ControllerConfig {
    /// The SQLite file; created if it is missing.
    pub database: PathBuf,
    /// SHA-256 of the admin key, in hex.
    pub admin_key_hash: String,
    pub limits: Limits,
    /// Only a peer with this uid may speak as an agent on the unix socket.
    pub agent_uid: u32,
    /// The one region of this installation.
    pub region: String,
}

impl ControllerConfig {
    /// The part that the verbs need.
    pub(crate) fn control(&self) -> Settings {
        Settings {
            database: self.database.clone(),
            admin_key_hash: self.admin_key_hash.clone(),
            limits: self.limits.clone(),
            region: self.region.clone(),
        }
    }
}
