//! `miosa.toml`: which volumes and services there should be. Read as a whole and checked as far as that is possible without a
//! server; what is wrong is told with its line.
//!
//! Of a service, what is left out has its default; only the number of replicas stays as it is. Of a volume, everything that is
//! left out stays as it is: a file must not end a schedule or a protection by silence.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::ops::Range;

use miosa_api::v1::services::ServiceHealthCheck;
use miosa_api::v1::words::{HealthCheckType, open};
use miosa_domain::computer::ComputerSize;
use miosa_domain::schedule::Schedule;
use miosa_domain::service::{REPLICAS_MAX, START_TIMEOUT_SECONDS_DEFAULT, STOP_GRACE_SECONDS_DEFAULT};
use miosa_domain::spec::{Network, RestartPolicy};
use miosa_domain::{MountPath, size};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::services::TEMPLATE_DEFAULT;

const VOLUME_DEFAULT_BYTES: u64 = 10 * size::GIB;
const HEALTH_INTERVAL_SECONDS_DEFAULT: i64 = 10;
const HEALTH_TIMEOUT_SECONDS_DEFAULT: i64 = 5;
const HEALTH_RETRIES_DEFAULT: i64 = 3;

/// What is wrong, and in which line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) line: Option<usize>,
    pub(super) text: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    /// The default project when absent.
    pub(super) project: Option<String>,
    pub(super) volumes: Vec<WantedVolume>,
    pub(super) services: Vec<WantedService>,
}

/// `None` leaves a setting of a volume that is there as it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WantedVolume {
    pub(super) name: String,
    pub(super) size_bytes: Option<u64>,
    /// `Some(None)` for off.
    pub(super) snapshot_schedule: Option<Option<String>>,
    pub(super) snapshot_retention_days: Option<i64>,
    pub(super) before_snapshot: Option<String>,
    pub(super) after_snapshot: Option<String>,
    pub(super) hook_timeout_seconds: Option<i64>,
    pub(super) delete_protection: Option<bool>,
    pub(super) metadata: Option<BTreeMap<String, String>>,
}

impl WantedVolume {
    /// Of a new one.
    pub(super) fn size_bytes_or_default(&self) -> u64 {
        self.size_bytes.unwrap_or(VOLUME_DEFAULT_BYTES)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct WantedService {
    pub(super) name: String,
    pub(super) template: String,
    pub(super) command: Option<String>,
    pub(super) env: BTreeMap<String, String>,
    /// `None` leaves them as many as there are.
    pub(super) replicas: Option<u32>,
    pub(super) size: open::ComputerSize,
    pub(super) network: open::Network,
    pub(super) port: Option<u16>,
    pub(super) restart_policy: open::RestartPolicy,
    pub(super) health: Option<ServiceHealthCheck>,
    pub(super) start_timeout_seconds: u32,
    pub(super) stop_grace_seconds: u32,
    pub(super) mounts: Vec<WantedMount>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct WantedMount {
    /// A name.
    pub(super) volume: String,
    pub(super) path: MountPath,
    pub(super) shared: bool,
    pub(super) read_only: bool,
    pub(super) line: usize,
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    project: Option<String>,
    #[serde(default)]
    volumes: BTreeMap<String, RawVolume>,
    #[serde(default)]
    services: BTreeMap<String, RawService>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVolume {
    size: Option<Size>,
    snapshot_schedule: Option<Cron>,
    snapshot_retention_days: Option<Within<1, 365>>,
    before_snapshot: Option<String>,
    after_snapshot: Option<String>,
    hook_timeout_seconds: Option<Within<1, 600>>,
    delete_protection: Option<bool>,
    metadata: Option<BTreeMap<String, Text>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawService {
    template: Option<String>,
    command: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, Text>,
    replicas: Option<Within<0, { REPLICAS_MAX as i64 }>>,
    size: Option<ComputerSize>,
    network: Option<Network>,
    port: Option<NonZeroU16>,
    restart_policy: Option<RestartPolicy>,
    health: Option<Spanned<RawHealth>>,
    start_timeout_seconds: Option<Within<1, 3600>>,
    stop_grace_seconds: Option<Within<0, 600>>,
    #[serde(default)]
    volumes: Vec<Spanned<RawMount>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHealth {
    command: Option<String>,
    path: Option<String>,
    port: Option<NonZeroU16>,
    interval_seconds: Option<Within<1, 3600>>,
    timeout_seconds: Option<Within<1, 300>>,
    retries: Option<Within<1, 100>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMount {
    volume: String,
    path: MountPath,
    #[serde(default)]
    shared: bool,
    #[serde(default)]
    read_only: bool,
}

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy)]
struct Within<const MIN: i64, const MAX: i64>(i64);

impl<'de, const MIN: i64, const MAX: i64> Deserialize<'de> for Within<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        match (MIN..=MAX).contains(&number) {
            true => Ok(Self(number)),
            false => Err(D::Error::custom(format!("{number} is not between {MIN} and {MAX}"))),
        }
    }
}

impl<const MIN: i64, const MAX: i64> Within<MIN, MAX> {
    /// Its bounds are those of a small positive number.
    fn as_u32(self) -> u32 {
        u32::try_from(self.0).unwrap_or_default()
    }
}

/// A string; a number and a truth value are taken as they are spelled.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl Visitor<'_> for Any {
            type Value = Text;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string, a whole number, true or false")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_bool<E: Error>(self, yes: bool) -> Result<Text, E> {
                Ok(Text(yes.to_string()))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// `"50GB"`, or 50 for the same.
struct Size(u64);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Text(text) = Text::deserialize(deserializer)?;
        let bytes = size::parse_human(&text).map_err(D::Error::custom)?;
        size::round_up_to_mib(bytes).map(Self).ok_or_else(|| D::Error::custom("the size is too large"))
    }
}

/// `"off"`, or a schedule.
struct Cron(Option<String>);

impl<'de> Deserialize<'de> for Cron {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.trim() {
            "" | "off" | "none" => Ok(Self(None)),
            cron => {
                let schedule = Schedule::parse(cron)
                    .map_err(|problem| D::Error::custom(format!("{cron:?} is no schedule: it {problem}")))?;
                Ok(Self(Some(schedule.as_str().to_owned())))
            }
        }
    }
}

/// Reads `text`.
pub(super) fn parse(text: &str) -> Result<Wanted, Problem> {
    let at = |span: Range<usize>| 1 + text[..span.start].matches('\n').count();
    let raw: RawFile = toml::from_str(text).map_err(|error| Problem {
        line: error.span().map(at),
        // The rest of a message of several lines repeats the file.
        text: error.message().lines().collect::<Vec<_>>().join("; "),
    })?;
    let volumes = raw.volumes.into_iter().map(|(name, raw)| volume(name, raw));
    let services = raw.services.into_iter().map(|(name, raw)| service(name, raw, &at));
    Ok(Wanted {
        project: raw.project,
        volumes: volumes.collect(),
        services: services.collect::<Result<_, _>>()?,
    })
}

fn volume(name: String, raw: RawVolume) -> WantedVolume {
    WantedVolume {
        name,
        size_bytes: raw.size.map(|Size(bytes)| bytes),
        snapshot_schedule: raw.snapshot_schedule.map(|Cron(cron)| cron),
        snapshot_retention_days: raw.snapshot_retention_days.map(|Within(days)| days),
        before_snapshot: raw.before_snapshot,
        after_snapshot: raw.after_snapshot,
        hook_timeout_seconds: raw.hook_timeout_seconds.map(|Within(seconds)| seconds),
        delete_protection: raw.delete_protection,
        metadata: raw.metadata.map(texts),
    }
}

fn texts(map: BTreeMap<String, Text>) -> BTreeMap<String, String> {
    map.into_iter().map(|(name, Text(text))| (name, text)).collect()
}

fn service(
    name: String,
    raw: RawService,
    at: &impl Fn(Range<usize>) -> usize,
) -> Result<WantedService, Problem> {
    let port = raw.port.map(NonZeroU16::get);
    let health = match raw.health {
        None => None,
        Some(spanned) => {
            let line = at(spanned.span());
            let checked = health(spanned.into_inner(), port);
            Some(checked.map_err(|problem| Problem {
                line: Some(line),
                text: format!("the health check of service {name} {problem}"),
            })?)
        }
    };
    let mut mounts: Vec<WantedMount> = Vec::new();
    for spanned in raw.volumes {
        let line = at(spanned.span());
        let RawMount { volume, path, shared, read_only } = spanned.into_inner();
        let problem = |text: String| Problem { line: Some(line), text: format!("service {name} {text}") };
        if let Some(other) = mounts.iter().find(|other| other.path.overlaps(&path)) {
            return Err(problem(format!(
                "mounts {volume} at {path}, where {} is at {}",
                other.volume, other.path
            )));
        }
        if mounts.iter().any(|other| other.volume == volume) {
            return Err(problem(format!("mounts {volume} twice")));
        }
        mounts.push(WantedMount { volume, path, shared, read_only, line });
    }
    Ok(WantedService {
        name,
        template: raw.template.unwrap_or_else(|| TEMPLATE_DEFAULT.into()),
        command: raw.command.filter(|line| !line.trim().is_empty()),
        env: texts(raw.env),
        replicas: raw.replicas.map(Within::as_u32),
        size: raw.size.unwrap_or(ComputerSize::Small).into(),
        network: raw.network.unwrap_or(Network::Isolated).into(),
        port,
        restart_policy: raw.restart_policy.unwrap_or_default().into(),
        health,
        start_timeout_seconds: raw
            .start_timeout_seconds
            .map_or(START_TIMEOUT_SECONDS_DEFAULT, Within::as_u32),
        stop_grace_seconds: raw.stop_grace_seconds.map_or(STOP_GRACE_SECONDS_DEFAULT, Within::as_u32),
        mounts,
    })
}

/// Asked at `port`, the service's, where it names none.
fn health(raw: RawHealth, port: Option<u16>) -> Result<ServiceHealthCheck, &'static str> {
    let RawHealth { command, path, port: own_port, interval_seconds, timeout_seconds, retries } = raw;
    let port = match (&command, &path) {
        (Some(_), None) => None,
        (None, Some(_)) => {
            let port = own_port.map(NonZeroU16::get).or(port);
            Some(port.ok_or("needs a port to ask at: its own, or the service's")?)
        }
        _ => return Err("must have either a command or a path"),
    };
    Ok(ServiceHealthCheck {
        check_type: if command.is_some() {
            HealthCheckType::Command.into()
        } else {
            HealthCheckType::Http.into()
        },
        command,
        path,
        port,
        interval_seconds: interval_seconds.unwrap_or(Within(HEALTH_INTERVAL_SECONDS_DEFAULT)).as_u32(),
        timeout_seconds: timeout_seconds.unwrap_or(Within(HEALTH_TIMEOUT_SECONDS_DEFAULT)).as_u32(),
        retries: retries.unwrap_or(Within(HEALTH_RETRIES_DEFAULT)).as_u32(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_of_a_service_has_its_default() {
        let wanted = parse("[services.web]\n").unwrap();
        let [service] = <[WantedService; 1]>::try_from(wanted.services).unwrap();
        assert_eq!((service.template.as_str(), service.size.as_str()), ("miosa-default", "small"));
        assert_eq!((service.network.as_str(), service.restart_policy.as_str()), ("isolated", "always"));
        assert_eq!((service.start_timeout_seconds, service.stop_grace_seconds), (60, 10));
        assert_eq!((service.replicas, service.port, service.health), (None, None, None));
    }

    #[test]
    fn values_are_read_as_people_write_them() {
        let text = r#"
            project = "shop"
            [volumes."model weights"]
            size = 50
            snapshot_schedule = "@daily"
            metadata = { team = "search", tier = 1 }
            [volumes.small]
            size = "500MB"
            snapshot_schedule = "off"
            [services.web]
            env = { PORT = 8080, DEBUG = true, NAME = "x" }
            port = 8080
            health = { path = "/ok" }
            restart_policy = "on-failure"
            [[services.web.volumes]]
            volume = "model weights"
            path = "/var//models/"
            read_only = true
        "#;
        let wanted = parse(text).unwrap();
        assert_eq!(wanted.project.as_deref(), Some("shop"));
        let [weights, small] = <[WantedVolume; 2]>::try_from(wanted.volumes).unwrap();
        assert_eq!((weights.name.as_str(), weights.size_bytes), ("model weights", Some(50 << 30)));
        assert_eq!(weights.snapshot_schedule, Some(Some("@daily".into())));
        assert_eq!(weights.metadata.unwrap()["tier"], "1");
        assert_eq!((small.size_bytes, small.snapshot_schedule), (Some(500 << 20), Some(None)));
        let service = &wanted.services[0];
        assert_eq!(service.env.values().collect::<Vec<_>>(), ["true", "x", "8080"]);
        let check = service.health.as_ref().unwrap();
        assert_eq!((check.port, check.interval_seconds, check.retries), (Some(8080), 10, 3));
        let mount = &service.mounts[0];
        assert_eq!((mount.path.as_str(), mount.line), ("/var/models", 15));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line, part) in [
            ("projekt = 'x'\n", 1, "unknown field `projekt`"),
            ("[volumes.a]\nsise = '1GB'\n", 2, "unknown field `sise`"),
            ("[services.web]\n\nreplcas = 2\n", 3, "unknown field `replcas`"),
            ("[services.web]\nreplicas = 51\n", 2, "51 is not between 0 and 50"),
            ("[services.web]\nreplicas = 'two'\n", 2, "invalid type"),
            ("[services.web]\nport = 0\n", 2, "invalid value"),
            ("[services.web]\nsize = 'huge'\n", 2, "unknown variant `huge`"),
            ("[services.web]\nenv = { A = [] }\n", 2, "a string, a whole number, true or false"),
            ("[volumes.a]\nsize = 'much'\n", 2, "is not a size"),
            ("[volumes.a]\nsnapshot_schedule = 'often'\n", 2, "is no schedule"),
            ("[volumes.a]\nsnapshot_retention_days = 0\n", 2, "0 is not between 1 and 365"),
            ("[services.web]\nhealth = {}\n", 2, "either a command or a path"),
            ("[services.web]\nhealth = { path = '/ok' }\n", 2, "needs a port"),
            ("[services.web]\nvolumes = [\n  { volume = 'a', path = 'b' },\n]\n", 3, "absolute path"),
            ("[services.web]\nvolumes = [\n  { volume = 'a' },\n]\n", 3, "missing field `path`"),
            (
                "[services.web]\nvolumes = [\n  { volume = 'a', path = '/a' },\n  { volume = 'b', path = '/a/b' },\n]\n",
                4,
                "mounts b at /a/b, where a is at /a",
            ),
            (
                "[services.web]\nvolumes = [\n  { volume = 'a', path = '/a' },\n  { volume = 'a', path = '/b' },\n]\n",
                4,
                "mounts a twice",
            ),
            ("[services.web\n", 1, "unclosed table"),
        ] {
            let problem = parse(text).unwrap_err();
            assert_eq!(problem.line, Some(line), "{text}: {problem:?}");
            assert!(problem.text.contains(part), "{text}: {problem:?}");
        }
    }
}
