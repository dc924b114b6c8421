//! What a service runs, as a body names it: settings that are merged, each of which may be null for its default.

use std::collections::BTreeMap;

use miosa_api::v1::services::{NewServiceVolume, RunFields};
use miosa_api::word::{Word, Words};
use miosa_domain::computer::ComputerSize;
use miosa_domain::mount_path::MountPath;
use miosa_domain::service::{
    START_TIMEOUT_SECONDS_DEFAULT, STOP_GRACE_SECONDS_DEFAULT, ServiceVolume, SettingsPatch,
};
use miosa_domain::spec::{HealthCheck, Network, Probe, RestartPolicy};
use serde_json::{Map, Value};

use super::fields::{self, Problems};
use super::services::replica_count;

const COMMAND_MAX_BYTES: usize = 64 << 10;
const START_TIMEOUT_MAX_SECONDS: i64 = 3600;
const STOP_GRACE_MAX_SECONDS: i64 = 600;
const VOLUMES_MAX: usize = 32;

const INTERVAL_SECONDS_DEFAULT: u32 = 10;
const TIMEOUT_SECONDS_DEFAULT: u32 = 5;
const RETRIES_DEFAULT: u32 = 3;

/// The names of settings, camelCase spellings and older names of them included.
const SPELLINGS: [(&str, &str); 19] = [
    ("volumes", "volumes"),
    ("replicas", "replicas"),
    ("instances", "replicas"),
    ("start_command", "start_command"),
    ("startCommand", "start_command"),
    ("command", "start_command"),
    ("env", "env"),
    ("environment", "env"),
    ("size", "size"),
    ("network", "network"),
    ("port", "port"),
    ("restart_policy", "restart_policy"),
    ("restartPolicy", "restart_policy"),
    ("health_check", "health_check"),
    ("healthCheck", "health_check"),
    ("start_timeout_seconds", "start_timeout_seconds"),
    ("startTimeoutSeconds", "start_timeout_seconds"),
    ("stop_grace_seconds", "stop_grace_seconds"),
    ("stopGraceSeconds", "stop_grace_seconds"),
];

/// Settings from `settings` and from the top level of a body, which wins. Names that are not known are ignored.
pub(super) fn patch(
    problems: &mut Problems,
    settings: Option<Map<String, Value>>,
    top: RunFields,
) -> SettingsPatch {
    let mut given: BTreeMap<&str, Value> = BTreeMap::new();
    for (name, value) in settings.unwrap_or_default() {
        if let Some((_, setting)) = SPELLINGS.iter().find(|(spelling, _)| *spelling == name) {
            given.insert(setting, value);
        }
    }
    let top = [
        ("volumes", top.volumes),
        ("replicas", top.replicas),
        ("start_command", top.start_command),
        ("env", top.env),
        ("size", top.size),
        ("network", top.network),
        ("port", top.port),
        ("restart_policy", top.restart_policy),
        ("health_check", top.health_check),
        ("start_timeout_seconds", top.start_timeout_seconds),
        ("stop_grace_seconds", top.stop_grace_seconds),
    ];
    given.extend(top.into_iter().filter_map(|(name, value)| Some((name, value?))));

    let mut take = |name: &'static str| given.remove(name);
    SettingsPatch {
        volumes: problems.check("volumes", take("volumes"), volumes),
        replicas: problems.check("replicas", take("replicas"), |value| match value {
            Value::Null => Ok(1),
            value => whole(&value).and_then(replica_count),
        }),
        start_command: problems.check("start_command", take("start_command"), start_command),
        env: problems.check("env", take("env"), env),
        size: problems.check("size", take("size"), |value| word(&value, ComputerSize::Small)),
        network: problems.check("network", take("network"), |value| word(&value, Network::Isolated)),
        port: problems.check("port", take("port"), |value| match value {
            Value::Null => Ok(None),
            value => port(&value).map(Some),
        }),
        restart_policy: problems
            .check("restart_policy", take("restart_policy"), |value| word(&value, RestartPolicy::Always)),
        health_check: problems.check("health_check", take("health_check"), health_check),
        start_timeout_seconds: problems.check(
            "start_timeout_seconds",
            take("start_timeout_seconds"),
            |value| seconds(&value, START_TIMEOUT_SECONDS_DEFAULT, 1, START_TIMEOUT_MAX_SECONDS),
        ),
        stop_grace_seconds: problems.check("stop_grace_seconds", take("stop_grace_seconds"), |value| {
            seconds(&value, STOP_GRACE_SECONDS_DEFAULT, 0, STOP_GRACE_MAX_SECONDS)
        }),
        ..SettingsPatch::default()
    }
}

fn text(value: &Value) -> Result<Option<&str>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        _ => Err("must be a string".into()),
    }
}

fn word<T: Words>(value: &Value, default: T) -> Result<T, String> {
    text(value)?.map_or(Ok(default), |text| fields::word(Word::of(text)))
}

fn whole(value: &Value) -> Result<i64, String> {
    value.as_i64().ok_or_else(|| "must be a whole number".into())
}

fn port(value: &Value) -> Result<u16, String> {
    let port = whole(value).ok().and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    port.ok_or_else(|| "must be a whole number between 1 and 65535".into())
}

fn seconds(value: &Value, default: u32, min: i64, max: i64) -> Result<u32, String> {
    if value.is_null() {
        return Ok(default);
    }
    let seconds = whole(value).ok().filter(|seconds| (min..=max).contains(seconds));
    let seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok());
    seconds.ok_or_else(|| format!("must be a whole number of seconds between {min} and {max}"))
}

fn start_command(value: Value) -> Result<Option<String>, String> {
    let Some(line) = text(&value)? else { return Ok(None) };
    if line.contains('\0') {
        return Err("must not contain NUL characters".into());
    }
    if line.len() > COMMAND_MAX_BYTES {
        return Err(format!("must be at most {COMMAND_MAX_BYTES} bytes; put a longer one into a script"));
    }
    Ok(Some(line.to_owned()).filter(|line| !line.trim().is_empty()))
}

fn env(value: Value) -> Result<BTreeMap<String, String>, String> {
    match value {
        Value::Null => Ok(BTreeMap::new()),
        Value::Object(map) => {
            let texts = map.into_iter().map(|(name, value)| match value {
                Value::String(text) => Ok((name, text)),
                Value::Number(_) | Value::Bool(_) => Ok((name, value.to_string())),
                _ => Err(format!("at {name:?} must be a string")),
            });
            fields::env(texts.collect::<Result<_, String>>()?)
        }
        _ => Err("must be an object of names and values".into()),
    }
}

/// `{"command": "…"}`, or `{"path": "/healthz", "port": 8080}`; both may say how often and how patiently.
fn health_check(value: Value) -> Result<Option<HealthCheck>, String> {
    let map = match value {
        Value::Null => return Ok(None),
        Value::Object(map) if map.is_empty() => return Ok(None),
        Value::Object(map) => map,
        _ => return Err("must be an object with a command, or a path and a port".into()),
    };
    let field = |names: [&str; 2]| names.iter().find_map(|name| map.get(*name)).unwrap_or(&Value::Null);
    let at = |name: &'static str| move |problem: String| format!("at {name} {problem}");
    let command = start_command(field(["command", "cmd"]).clone()).map_err(at("command"))?;
    let path = text(field(["path", "http_path"])).map_err(at("path"))?;
    let probe = match (command, path) {
        (Some(command), None) => Probe::Command { command },
        (None, Some(path)) => {
            if !path.starts_with('/') || path.len() > 2048 || path.chars().any(|c| c.is_control() || c == ' ')
            {
                return Err("at path must begin with / and hold no spaces".into());
            }
            Probe::Http { port: port(field(["port", "port"])).map_err(at("port"))?, path: path.to_owned() }
        }
        _ => return Err("must have either a command, or a path and a port".into()),
    };
    let number =
        |names: [&'static str; 2], default, max| seconds(field(names), default, 1, max).map_err(at(names[0]));
    Ok(Some(HealthCheck {
        probe,
        interval_seconds: number(["interval_seconds", "intervalSeconds"], INTERVAL_SECONDS_DEFAULT, 3600)?,
        timeout_seconds: number(["timeout_seconds", "timeoutSeconds"], TIMEOUT_SECONDS_DEFAULT, 300)?,
        retries: number(["retries", "retries"], RETRIES_DEFAULT, 100)?,
    }))
}

/// The whole list. Two may not stand at, or below, one path, and none may be named twice.
fn volumes(value: Value) -> Result<Vec<ServiceVolume>, String> {
    let items = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(items) => items,
        _ => return Err("must be a list".into()),
    };
    if items.len() > VOLUMES_MAX {
        return Err(format!("must be at most {VOLUMES_MAX}"));
    }
    let mut volumes: Vec<ServiceVolume> = Vec::new();
    for (at, item) in items.into_iter().enumerate() {
        // Answers spell every field twice, and may come back as they were.
        let volume = volume(item).map_err(|problem| format!("at {at} {problem}"))?;
        if volumes.iter().any(|other| other.mount_path.overlaps(&volume.mount_path)) {
            return Err(format!("at {at} has a mount_path that overlaps another one: {}", volume.mount_path));
        }
        if volumes.iter().any(|other| other.volume_id == volume.volume_id) {
            return Err(format!("at {at} names volume {} a second time", volume.volume_id));
        }
        volumes.push(volume);
    }
    Ok(volumes)
}

fn volume(item: Value) -> Result<ServiceVolume, String> {
    let Value::Object(mut map) = item else { return Err("must be an object".into()) };
    for (camel, snake) in
        [("dataServiceId", "data_service_id"), ("mountPath", "mount_path"), ("readOnly", "read_only")]
    {
        if let Some(value) = map.remove(camel) {
            map.entry(snake).or_insert(value);
        }
    }
    for other in ["volume_id", "volumeId"] {
        if let Some(value) = map.remove(other) {
            map.entry("data_service_id").or_insert(value);
        }
    }
    map.retain(|_, value| !value.is_null());
    let raw: NewServiceVolume =
        serde_json::from_value(Value::Object(map)).map_err(|error| format!("cannot be read: {error}"))?;
    let id = raw.data_service_id.ok_or("must name a volume in dataServiceId")?;
    let path = raw.mount_path.filter(|path| !path.is_empty()).ok_or("must have a mountPath")?;
    Ok(ServiceVolume {
        volume_id: id.parse().map_err(|_| "has a dataServiceId that is not a UUID")?,
        mount_path: MountPath::parse(&path).map_err(|problem| format!("has a mountPath that {problem}"))?,
        shared: raw.shared.unwrap_or(false),
        read_only: raw.read_only.unwrap_or(false),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(settings: Value, top: Value) -> Result<SettingsPatch, String> {
        let mut problems = Problems::default();
        let Value::Object(settings) = settings else { panic!("settings are an object") };
        let patch = patch(&mut problems, Some(settings), serde_json::from_value(top).unwrap());
        match problems.none() {
            Ok(()) => Ok(patch),
            Err(error) => Err(format!("{error:?}")),
        }
    }

    #[test]
    fn both_spellings_and_both_places() {
        let id = "0198c0de-0000-7000-8000-000000000001";
        for item in [
            json!({"dataServiceId": id, "mountPath": "/var/models"}),
            json!({"data_service_id": id, "mount_path": "/var/models"}),
            json!({"volume_id": id, "mount_path": "/var/models", "shared": null}),
            json!({"volumeId": id, "mountPath": "/var/models/"}),
            // As it was answered.
            json!({"dataServiceId": id, "data_service_id": id, "volume_id": id, "mountPath": "/var/models",
                   "mount_path": "/var/models", "shared": false, "readOnly": false, "read_only": false}),
        ] {
            for (settings, top) in
                [(json!({"volumes": [item]}), json!({})), (json!({}), json!({"volumes": [item]}))]
            {
                let patch = read(settings, top).unwrap();
                let volumes = patch.volumes.expect("the list was given");
                assert_eq!((volumes.len(), volumes[0].shared), (1, false), "{item}");
                assert_eq!(volumes[0].mount_path.as_str(), "/var/models", "{item}");
            }
        }
        let patch = read(json!({"startCommand": "a", "port": 1}), json!({"command": "b"})).unwrap();
        assert_eq!((patch.start_command, patch.port), (Some(Some("b".into())), Some(Some(1))));
        assert_eq!(read(json!({"unknown": 5}), json!({})).unwrap(), SettingsPatch::default());
    }

    #[test]
    fn null_takes_a_setting_back() {
        let patch =
            read(json!({"port": null, "env": null, "health_check": null, "volumes": null}), json!({}));
        let patch = patch.unwrap();
        assert_eq!((patch.port, patch.env), (Some(None), Some(BTreeMap::new())));
        assert_eq!((patch.health_check, patch.volumes), (Some(None), Some(Vec::new())));
    }

    #[test]
    fn what_cannot_be_is_named() {
        let id = "0198c0de-0000-7000-8000-000000000001";
        let other = "0198c0de-0000-7000-8000-000000000002";
        for (settings, field) in [
            (json!({"replicas": 51}), "replicas"),
            (json!({"replicas": -1}), "replicas"),
            (json!({"replicas": 1.5}), "replicas"),
            (json!({"port": 0}), "port"),
            (json!({"port": 65_536}), "port"),
            (json!({"env": {"A": {}}}), "env"),
            (json!({"env": {"A=B": "c"}}), "env"),
            (json!({"restart_policy": "sometimes"}), "restart_policy"),
            (json!({"network": "bridge"}), "network"),
            (json!({"size": "huge"}), "size"),
            (json!({"start_timeout_seconds": 0}), "start_timeout_seconds"),
            (json!({"stop_grace_seconds": 601}), "stop_grace_seconds"),
            (json!({"health_check": {"command": "a", "path": "/"}}), "health_check"),
            (json!({"health_check": {"path": "/"}}), "health_check"),
            (json!({"health_check": {"path": "x", "port": 80}}), "health_check"),
            (json!({"health_check": {"command": "a", "retries": 0}}), "health_check"),
            (json!({"volumes": {}}), "volumes"),
            (json!({"volumes": [{"mountPath": "/a"}]}), "volumes"),
            (json!({"volumes": [{"dataServiceId": id}]}), "volumes"),
            (json!({"volumes": [{"dataServiceId": "x", "mountPath": "/a"}]}), "volumes"),
            (json!({"volumes": [{"dataServiceId": id, "mountPath": "/proc/x"}]}), "volumes"),
            (
                json!({"volumes": [{"dataServiceId": id, "mountPath": "/a"}, {"dataServiceId": other, "mountPath": "/a/b"}]}),
                "volumes",
            ),
            (
                json!({"volumes": [{"dataServiceId": id, "mountPath": "/a"}, {"dataServiceId": id, "mountPath": "/b"}]}),
                "volumes",
            ),
        ] {
            let error = read(settings.clone(), json!({})).expect_err(&settings.to_string());
            assert!(error.contains(&format!("{field:?}: [")), "{settings}: {error}");
        }
    }

    #[test]
    fn a_health_check_is_a_command_or_a_request() {
        let check =
            |value: Value| read(json!({"health_check": value}), json!({})).unwrap().health_check.unwrap();
        let command = check(json!({"command": "test -e /ready", "interval_seconds": 2})).unwrap();
        assert_eq!(command.probe, Probe::Command { command: "test -e /ready".into() });
        assert_eq!((command.interval_seconds, command.timeout_seconds, command.retries), (2, 5, 3));
        let http = check(json!({"path": "/healthz", "port": 8080})).unwrap();
        assert_eq!(http.probe, Probe::Http { port: 8080, path: "/healthz".into() });
        assert_eq!(check(json!({})), None);
    }
}
