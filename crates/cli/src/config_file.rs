//! `~/.miosa/config.toml` and `~/.miosa/config.json`: read both, the first wins; write the first.
//!
//! The files are shared with other command lines of the product: what we do not know is left as it is, comments too.
//!
//! Crash story: the file is replaced whole, by rename; after a power cut it is the old one or the new one.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::Deserialize;

const DIRECTORY: &str = ".miosa";

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is not valid: {problem}", .path.display())]
    Parse { path: PathBuf, problem: String },
    #[error("cannot write {}", .path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("there is no home directory to keep settings in; set HOME")]
    NoHome,
}

/// What either file may hold, under the names that any of the product's command lines uses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct FileConfig {
    pub(crate) endpoint: Option<String>,
    /// Another name of `endpoint`.
    pub(crate) api_url: Option<String>,
    pub(crate) api_key: Option<String>,
    pub(crate) tenant: Option<String>,
    /// Wins over `tenant`.
    pub(crate) organization: Option<String>,
    pub(crate) workspace: Option<String>,
    /// Another name of `workspace`.
    pub(crate) default_workspace: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) output: Option<String>,
    /// Set by `miosa computers use`.
    pub(crate) current_computer: Option<String>,
}

impl FileConfig {
    /// Both files; a missing one is empty.
    pub(crate) fn load(home: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(directory) = home.map(|home| home.join(DIRECTORY)) else { return Ok(Self::default()) };
        // The messages must not quote the file: it holds a key.
        let toml = read(&directory.join("config.toml"), |text| {
            toml::from_str(text).map_err(|error| error.message().to_owned())
        })?;
        let json = read(&directory.join("config.json"), |text| {
            serde_json::from_str(text).map_err(|error| format!("line {}, not readable", error.line()))
        })?;
        Ok(toml.over(json))
    }

    fn over(self, lower: Self) -> Self {
        Self {
            endpoint: self.endpoint.or(self.api_url).or(lower.endpoint).or(lower.api_url),
            api_url: None,
            api_key: self.api_key.or(lower.api_key),
            tenant: self.tenant.or(lower.tenant),
            organization: self.organization.or(lower.organization),
            workspace: self
                .workspace
                .or(self.default_workspace)
                .or(lower.workspace)
                .or(lower.default_workspace),
            default_workspace: None,
            region: self.region.or(lower.region),
            output: self.output.or(lower.output),
            current_computer: self.current_computer.or(lower.current_computer),
        }
    }
}

fn read(path: &Path, parse: impl Fn(&str) -> Result<FileConfig, String>) -> Result<FileConfig, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text).map_err(|problem| ConfigError::Parse { path: path.to_owned(), problem }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(FileConfig::default()),
        Err(source) => Err(ConfigError::Read { path: path.to_owned(), source }),
    }
}

/// Sets one key of `config.toml`, which is made if need be, readable by its owner only. Answers the file's path.
pub(crate) fn set(home: Option<&Path>, key: &str, value: &str) -> Result<PathBuf, ConfigError> {
    let directory = home.ok_or(ConfigError::NoHome)?.join(DIRECTORY);
    let named = directory.join("config.toml");
    // People link their settings to where they keep them: the link stays, its target is replaced.
    let path = std::fs::canonicalize(&named).unwrap_or_else(|_| named.clone());
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(ConfigError::Read { path, source }),
    };
    let mut document: toml_edit::DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        ConfigError::Parse { path: path.clone(), problem: error.message().to_owned() }
    })?;
    document[key] = toml_edit::value(value);
    let replaced = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&directory)
        .and_then(|()| replace(&path, document.to_string().as_bytes()));
    replaced.map_err(|source| ConfigError::Write { path, source })?;
    Ok(named)
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let mut file =
        tempfile::Builder::new().permissions(Permissions::from_mode(0o600)).tempfile_in(directory)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(DIRECTORY)).unwrap();
        for (name, text) in files {
            std::fs::write(home.path().join(DIRECTORY).join(name), text).unwrap();
        }
        home
    }

    #[test]
    fn toml_wins_over_json_and_unknown_keys_are_left_alone() {
        let home = home_with(&[
            ("config.toml", "api_url = 'http://toml'\ncurrent_sandbox = 'x'\ndefault_workspace = 'w'\n"),
            ("config.json", r#"{"endpoint": "http://json", "api_key": "k", "theme": {"a": 1}}"#),
        ]);
        let loaded = FileConfig::load(Some(home.path())).unwrap();
        assert_eq!(loaded.endpoint.as_deref(), Some("http://toml"));
        assert_eq!(loaded.workspace.as_deref(), Some("w"));
        assert_eq!(loaded.api_key.as_deref(), Some("k"));
    }

    #[test]
    fn missing_files_are_empty() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(FileConfig::load(Some(home.path())).unwrap(), FileConfig::default());
        assert_eq!(FileConfig::load(None).unwrap(), FileConfig::default());
    }

    #[test]
    fn a_broken_file_is_named_and_not_quoted() {
        for (name, text) in [
            ("config.toml", "api_key = msk_a_secret"),
            ("config.json", r#"{"api_key": ["msk_a_secret"]}"#),
            ("config.json", r#"{"tenant": {"api_key": "msk_a_secret"}}"#),
        ] {
            let home = home_with(&[(name, text)]);
            let message = FileConfig::load(Some(home.path())).unwrap_err().to_string();
            assert!(message.contains(name) && !message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn setting_a_key_keeps_the_rest() {
        let home = home_with(&[("config.toml", "# mine\napi_key = 'k' # secret\n\n[theme]\na = 1\n")]);
        set(Some(home.path()), "current_computer", "c1").unwrap();
        let path = set(Some(home.path()), "current_computer", "c2").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "# mine\napi_key = 'k' # secret\ncurrent_computer = \"c2\"\n\n[theme]\na = 1\n");
        let loaded = FileConfig::load(Some(home.path())).unwrap();
        assert_eq!(loaded.current_computer.as_deref(), Some("c2"));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_file_is_made_for_its_owner_only_and_a_link_stays_a_link() {
        let home = tempfile::tempdir().unwrap();
        let path = set(Some(home.path()), "current_computer", "c1").unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(path.parent().unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o700);

        let kept = home.path().join("kept.toml");
        std::fs::rename(&path, &kept).unwrap();
        std::os::unix::fs::symlink(&kept, &path).unwrap();
        set(Some(home.path()), "current_computer", "c2").unwrap();
        assert!(path.symlink_metadata().unwrap().is_symlink());
        assert!(std::fs::read_to_string(kept).unwrap().contains("c2"));
    }
}
