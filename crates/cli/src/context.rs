//! What a client verb runs with: settings merged from flags, environment and files, a client, and the output.
//!
//! Flag over environment over file over default.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use miosa_client::{Client, ClientConfig, Endpoint};

use crate::args::{GlobalArgs, OutputFormat};
use crate::config_file::{ConfigError, FileConfig};
use crate::errors::CliError;
use crate::output::Output;

const ENDPOINT_DEFAULT: &str = "http://127.0.0.1:7420";
const DATA_DIR_DEFAULT: &str = "/var/lib/miosa";
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);

/// Looks a variable of the environment up; tests bring their own.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

pub(crate) fn process_environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// How to speak to the person or program at the other end. Needed before anything can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    pub(crate) color: bool,
    pub(crate) debug: bool,
    /// The locale can show more than ASCII.
    pub(crate) utf8: bool,
}

impl Manner {
    pub(crate) fn merge(flags: &GlobalArgs, environment: Environment<'_>, file: &FileConfig) -> Self {
        let json = match (flags.json, flags.output, environment("MIOSA_JSON")) {
            (true, _, _) => true,
            (false, Some(format), _) => format == OutputFormat::Json,
            (false, None, Some(word)) => is_true(&word),
            (false, None, None) => file.output.as_deref() == Some("json"),
        };
        let no_color =
            flags.no_color || says_yes(environment, "MIOSA_NO_COLOR") || environment("NO_COLOR").is_some();
        Self {
            json,
            quiet: flags.quiet || says_yes(environment, "MIOSA_QUIET"),
            color: !no_color,
            debug: flags.debug || says_yes(environment, "MIOSA_DEBUG"),
            utf8: is_utf8(environment),
        }
    }
}

/// As the C library decides it: the first that is set.
fn is_utf8(environment: Environment<'_>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(environment);
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Whether a variable is set, and to something else than a word for no.
pub(crate) fn says_yes(environment: Environment<'_>, name: &str) -> bool {
    environment(name).is_some_and(|word| is_true(&word))
}

fn is_true(word: &str) -> bool {
    !matches!(word.to_ascii_lowercase().as_str(), "" | "0" | "false" | "no" | "off")
}

/// Where to call, as whom, and the defaults of some flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) endpoint: Endpoint,
    pub(crate) api_key: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) workspace: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) current_computer: Option<String>,
    pub(crate) timeout: Duration,
}

impl Settings {
    pub(crate) fn merge(
        flags: &GlobalArgs,
        environment: Environment<'_>,
        file: FileConfig,
    ) -> Result<Self, CliError> {
        let endpoint = flags
            .api_url
            .clone()
            .or_else(|| environment("MIOSA_ENDPOINT"))
            .or_else(|| environment("MIOSA_BASE_URL"))
            .or(file.endpoint)
            .unwrap_or_else(|| ENDPOINT_DEFAULT.to_owned());
        let tenant = flags
            .tenant
            .clone()
            .or_else(|| environment("MIOSA_ORGANIZATION"))
            .or_else(|| environment("MIOSA_TENANT"))
            .or(file.organization)
            .or(file.tenant);
        Ok(Self {
            endpoint: endpoint.parse().map_err(miosa_client::ClientError::from)?,
            api_key: flags.api_key.clone().or_else(|| environment("MIOSA_API_KEY")).or(file.api_key),
            tenant,
            workspace: flags.workspace.clone().or_else(|| environment("MIOSA_WORKSPACE")).or(file.workspace),
            region: environment("MIOSA_REGION").or(file.region),
            current_computer: file.current_computer,
            timeout: flags.timeout.map_or(TIMEOUT_DEFAULT, Duration::from_secs),
        })
    }
}

/// The key that the server on this machine made at its first start. Never sent anywhere else.
fn local_admin_key(endpoint: &Endpoint, environment: Environment<'_>) -> Result<String, CliError> {
    if !endpoint.is_loopback() {
        return Err(CliError::NoKey { unreadable: None });
    }
    let data_dir =
        environment("MIOSA_DATA_DIR").map_or_else(|| PathBuf::from(DATA_DIR_DEFAULT), PathBuf::from);
    let path = data_dir.join("credentials/admin-key");
    match std::fs::read_to_string(&path) {
        Ok(key) => Ok(key.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(CliError::NoKey { unreadable: None }),
        Err(source) => Err(CliError::NoKey { unreadable: Some(ConfigError::Read { path, source }) }),
    }
}

pub(crate) struct Context {
    pub(crate) settings: Settings,
    /// The workspace asked for on this command line, by which lists are filtered.
    pub(crate) workspace_filter: Option<String>,
    /// As given on this command line.
    pub(crate) timeout_flag: Option<u64>,
    pub(crate) output: Output,
    pub(crate) client: Client,
}

impl Context {
    pub(crate) fn new(
        flags: &GlobalArgs,
        environment: Environment<'_>,
        file: FileConfig,
        output: Output,
    ) -> Result<Self, CliError> {
        let settings = Settings::merge(flags, environment, file)?;
        let api_key = match &settings.api_key {
            Some(key) => key.clone(),
            None => local_admin_key(&settings.endpoint, environment)?,
        };
        let client = Client::new(ClientConfig {
            tenant: settings.tenant.clone(),
            workspace: settings.workspace.clone(),
            timeout: settings.timeout,
            ..ClientConfig::new(settings.endpoint.clone(), api_key)
        })?;
        let (workspace_filter, timeout_flag) = (flags.workspace.clone(), flags.timeout);
        Ok(Self { settings, workspace_filter, timeout_flag, output, client })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(line: &str) -> GlobalArgs {
        use clap::Parser;
        crate::args::Cli::parse_from(std::iter::once("miosa").chain(line.split_whitespace())).global
    }

    fn merged(line: &str, environment: &[(&str, &str)], file: &FileConfig) -> Settings {
        Settings::merge(&flags(line), &lookup(environment), file.clone()).unwrap()
    }

    fn lookup(environment: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| environment.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
    }

    fn file() -> FileConfig {
        FileConfig {
            endpoint: Some("http://file".into()),
            api_key: Some("file-key".into()),
            tenant: Some("file-tenant".into()),
            workspace: Some("file-workspace".into()),
            ..FileConfig::default()
        }
    }

    #[test]
    fn flag_over_environment_over_file_over_default() {
        let environment = [("MIOSA_ENDPOINT", "http://env"), ("MIOSA_API_KEY", "env-key")];
        for (line, environment, file, endpoint, key) in [
            ("", &[][..], FileConfig::default(), "http://127.0.0.1:7420/api/v1", None),
            ("", &[][..], file(), "http://file/api/v1", Some("file-key")),
            ("", &environment[..], file(), "http://env/api/v1", Some("env-key")),
            (
                "--api-url http://flag/api/v1 --api-key flag-key",
                &environment[..],
                file(),
                "http://flag/api/v1",
                Some("flag-key"),
            ),
            (
                "",
                &[("MIOSA_BASE_URL", "http://base/api/v1")][..],
                file(),
                "http://base/api/v1",
                Some("file-key"),
            ),
            (
                "",
                &[("MIOSA_BASE_URL", "http://base"), ("MIOSA_ENDPOINT", "http://env")][..],
                file(),
                "http://env/api/v1",
                Some("file-key"),
            ),
        ] {
            let settings = merged(line, environment, &file);
            assert_eq!(settings.endpoint.to_string(), endpoint, "{line} {environment:?}");
            assert_eq!(settings.api_key.as_deref(), key, "{line} {environment:?}");
        }
    }

    #[test]
    fn the_organization_wins_over_the_tenant_of_its_own_level() {
        let both = [("MIOSA_TENANT", "t"), ("MIOSA_ORGANIZATION", "o")];
        assert_eq!(merged("", &both, &file()).tenant.as_deref(), Some("o"));
        assert_eq!(merged("--tenant f", &both, &file()).tenant.as_deref(), Some("f"));
        assert_eq!(merged("", &both[..1], &file()).tenant.as_deref(), Some("t"));
        let organized = FileConfig { organization: Some("file-org".into()), ..file() };
        assert_eq!(merged("", &[], &organized).tenant.as_deref(), Some("file-org"));
        assert_eq!(merged("", &[], &file()).tenant.as_deref(), Some("file-tenant"));
    }

    #[test]
    fn json_is_asked_for_in_many_ways() {
        let json_file = FileConfig { output: Some("json".into()), ..FileConfig::default() };
        for (line, environment, file, json) in [
            ("", &[][..], FileConfig::default(), false),
            ("--json", &[][..], FileConfig::default(), true),
            ("-o json", &[][..], FileConfig::default(), true),
            ("--output=json", &[][..], FileConfig::default(), true),
            ("", &[("MIOSA_JSON", "1")][..], FileConfig::default(), true),
            ("", &[("MIOSA_JSON", "off")][..], json_file.clone(), false),
            ("-o text", &[("MIOSA_JSON", "1")][..], json_file.clone(), false),
            ("", &[][..], json_file, true),
        ] {
            let manner = Manner::merge(&flags(line), &lookup(environment), &file);
            assert_eq!(manner.json, json, "{line} {environment:?}");
        }
    }

    #[test]
    fn words_for_no_are_no() {
        for (word, yes) in
            [("1", true), ("yes", true), ("0", false), ("False", false), ("no", false), ("OFF", false)]
        {
            let manner = Manner::merge(&flags(""), &lookup(&[("MIOSA_QUIET", word)]), &FileConfig::default());
            assert_eq!(manner.quiet, yes, "{word}");
        }
        let color = |environment: &[(&str, &str)]| {
            Manner::merge(&flags(""), &lookup(environment), &FileConfig::default()).color
        };
        assert!(color(&[("MIOSA_NO_COLOR", "false")]));
        assert!(!color(&[("MIOSA_NO_COLOR", "1")]));
        assert!(!color(&[("NO_COLOR", "0")]), "any value of NO_COLOR counts");
    }

    #[test]
    fn the_first_locale_that_is_set_decides() {
        for (environment, utf8) in [
            (&[][..], false),
            (&[("LANG", "C.UTF-8")][..], true),
            (&[("LANG", "de_DE.utf8")][..], true),
            (&[("LC_ALL", "C"), ("LANG", "C.UTF-8")][..], false),
            (&[("LC_CTYPE", "en_US.UTF-8"), ("LANG", "C")][..], true),
        ] {
            assert_eq!(is_utf8(&lookup(environment)), utf8, "{environment:?}");
        }
    }

    #[test]
    fn the_local_key_is_for_the_local_server_only() {
        let data_dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(data_dir.path().join("credentials")).unwrap();
        std::fs::write(data_dir.path().join("credentials/admin-key"), "msk_a_local\n").unwrap();
        let environment = [("MIOSA_DATA_DIR", data_dir.path().to_str().unwrap())];
        let key = |endpoint: &str| local_admin_key(&endpoint.parse().unwrap(), &lookup(&environment));
        assert_eq!(key("http://127.0.0.1:7420").unwrap(), "msk_a_local");
        assert!(matches!(key("http://10.0.0.1:7420"), Err(CliError::NoKey { .. })));
    }
}
