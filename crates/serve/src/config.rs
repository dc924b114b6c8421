//! The configuration of `miosa serve`, merged from defaults, the file, the environment and flags; later sources override earlier
//! ones. Unknown keys are refused in every source.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use miosa_domain::limits::Limits;
use miosa_domain::size;
use serde::{Deserialize, Serialize};

/// Read without `--config`, if the file exists.
const DEFAULT_FILE: &str = "/etc/miosa/serve.toml";

/// `MIOSA_SERVE_LISTEN`, `MIOSA_SERVE_LIMITS__VOLUMES_PER_PROJECT`: two underscores for a dot.
const ENV_PREFIX: &str = "MIOSA_SERVE_";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServeConfig {
    pub(crate) data_dir: PathBuf,
    pub(crate) listen: SocketAddr,
    /// The directory of the pool; `<data_dir>/pool` when absent.
    #[serde(default)]
    pub(crate) pool: Option<PathBuf>,
    /// Size of the pool's image file, if the pool needs one, such as `100GB`; half of the free space when absent.
    #[serde(default)]
    pub(crate) pool_size: Option<String>,
    /// Allows plain HTTP on an address that other machines can reach.
    pub(crate) insecure_http: bool,
    pub(crate) limits: Limits,
    pub(crate) agent: AgentSection,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AgentSection {
    /// Name or path of the OCI runtime; the first of runc, crun and youki that is found when absent.
    pub(crate) runtime: Option<String>,
    /// Whether computers may use the host's network.
    pub(crate) allow_host_network: bool,
    /// Directories that may be used as templates, by name.
    pub(crate) templates: BTreeMap<String, PathBuf>,
}

impl Default for AgentSection {
    fn default() -> Self {
        Self { runtime: None, allow_host_network: true, templates: BTreeMap::new() }
    }
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            data_dir: "/var/lib/miosa".into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 7420)),
            pool: None,
            pool_size: None,
            insecure_http: false,
            limits: Limits::default(),
            agent: AgentSection::default(),
        }
    }
}

/// The values of flags. Absent flags do not override other sources.
#[derive(Debug, Default, Serialize)]
pub struct Flags {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool_size: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insecure_http: Option<bool>,
}

impl ServeConfig {
    /// Merges the sources and validates the result. Errors name the key and its source.
    pub(crate) fn load(file: Option<&Path>, flags: &Flags) -> Result<Self, String> {
        let mut sources = Figment::from(Serialized::defaults(Self::default()));
        match file {
            Some(file) if !file.is_file() => return Err(format!("no such file: {}", file.display())),
            Some(file) => sources = sources.merge(Toml::file_exact(file)),
            None if Path::new(DEFAULT_FILE).is_file() => {
                sources = sources.merge(Toml::file_exact(DEFAULT_FILE));
            }
            None => {}
        }
        sources = sources.merge(Env::prefixed(ENV_PREFIX).split("__")).merge(Serialized::defaults(flags));
        let config: Self = sources.extract().map_err(|error| error.to_string())?;
        config.check()
    }

    fn check(mut self) -> Result<Self, String> {
        let here = std::env::current_dir().map_err(|error| format!("no current directory: {error}"))?;
        self.data_dir = here.join(&self.data_dir);
        self.pool = self.pool.map(|pool| here.join(pool));
        if !self.listen.ip().is_loopback() && !self.insecure_http {
            return Err(format!(
                "{} can be reached from other machines, and this server uses plain HTTP: keys and data would cross the \
                 network unencrypted. Listen on 127.0.0.1 behind a proxy with TLS, or allow it with --insecure-http",
                self.listen
            ));
        }
        if let Some(text) = &self.pool_size {
            size::parse_human(text).map_err(|error| format!("pool_size: {error}"))?;
        }
        if let Some((name, dir)) = self.agent.templates.iter().find(|(_, dir)| !dir.is_absolute()) {
            return Err(format!("agent.templates.{name}: {} must be an absolute path", dir.display()));
        }
        Ok(self)
    }

    pub(crate) fn pool_dir(&self) -> PathBuf {
        self.pool.clone().unwrap_or_else(|| self.data_dir.join("pool"))
    }

    /// `None`: half of the free space.
    pub(crate) fn pool_size_bytes(&self) -> Option<u64> {
        self.pool_size.as_deref().and_then(|text| size::parse_human(text).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(toml: &str, flags: &Flags) -> Result<ServeConfig, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("serve.toml");
        std::fs::write(&file, toml).unwrap();
        ServeConfig::load(Some(&file), flags)
    }

    #[test]
    fn flags_win_over_the_file() {
        let flags = Flags { listen: Some("127.0.0.1:1".into()), ..Flags::default() };
        let config =
            load("listen = \"127.0.0.1:2\"\npool_size = \"2GB\"\n[limits]\nvolumes_per_project = 3", &flags);
        let config = config.unwrap();
        assert_eq!((config.listen.port(), config.limits.volumes_per_project), (1, 3));
        assert_eq!(config.limits.trash_retention_days, 7, "a part of a table leaves the rest of it alone");
        assert_eq!(config.pool_size_bytes(), Some(2 << 30));
        assert_eq!(config.pool_dir(), Path::new("/var/lib/miosa/pool"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (toml, named) in [
            ("colour = 1", "colour"),
            ("[limits]\nvolumes = 1", "volumes"),
            ("[agent]\nroot = 1", "root"),
            ("pool_size = \"many\"", "pool_size"),
            ("listen = \"0.0.0.0:7420\"", "--insecure-http"),
            ("[agent.templates]\nx = \"here\"", "agent.templates.x"),
        ] {
            let error = load(toml, &Flags::default()).unwrap_err();
            assert!(error.contains(named), "{toml:?} gave {error:?}");
        }
        assert!(load("listen = \"0.0.0.0:7420\"\ninsecure_http = true", &Flags::default()).is_ok());
    }
}
