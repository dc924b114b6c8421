//! From flags to what a body says of a service's settings. Nothing here calls the server.

use std::collections::BTreeMap;

use miosa_api::v1::services::{NewServiceVolume, Service, ServiceVolume};
use serde_json::{Map, Value, json};

use crate::args::{MountSpec, RunArgs};
use crate::errors::CliError;
use crate::resolve::KnownVolumes;

/// The template of a service that names none.
pub(crate) const TEMPLATE_DEFAULT: &str = "miosa-default";

/// What `run` asks for; flags that were not given are not there. `present` is the service as it is, if there is one: its
/// environment is added to, and its port is the health check's.
pub(super) fn settings(
    run: &RunArgs,
    unset_env: &[String],
    present: Option<&Service>,
) -> Result<Map<String, Value>, CliError> {
    let mut settings = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            settings.insert(name.to_owned(), value);
        }
    };
    set("start_command", run.command.as_ref().map(|line| json!(line)));
    set("env", env(run, unset_env, present).map(|env| json!(env)));
    set("size", run.size.as_ref().map(|size| json!(size)));
    set("network", run.network.as_ref().map(|network| json!(network)));
    set("port", run.port.map(|port| json!(port)));
    set("restart_policy", run.restart_policy.as_ref().map(|policy| json!(policy)));
    set("start_timeout_seconds", run.start_timeout.map(|seconds| json!(seconds)));
    set("stop_grace_seconds", run.stop_grace.map(|seconds| json!(seconds)));
    set("health_check", health_check(run, present)?);
    Ok(settings)
}

fn env(run: &RunArgs, unset_env: &[String], present: Option<&Service>) -> Option<BTreeMap<String, String>> {
    if run.env.is_empty() && unset_env.is_empty() {
        return None;
    }
    let mut env = present.map(|service| service.settings.env.clone()).unwrap_or_default();
    env.retain(|name, _| !unset_env.contains(name));
    env.extend(run.env.iter().cloned());
    Some(env)
}

fn health_check(run: &RunArgs, present: Option<&Service>) -> Result<Option<Value>, CliError> {
    if let Some(command) = &run.health_command {
        return Ok(Some(json!({ "command": command })));
    }
    let Some(path) = &run.health_http else { return Ok(None) };
    let port = run.port.or_else(|| present.and_then(|service| service.settings.port));
    let port = port.ok_or_else(|| {
        CliError::usage("a health check by HTTP needs a port to ask at", Some("give it with --port"))
    })?;
    Ok(Some(json!({"path": path, "port": port})))
}

/// The volumes that `specs` name, as a body lists them.
pub(super) fn volumes(specs: &[MountSpec], known: &KnownVolumes) -> Result<Vec<NewServiceVolume>, CliError> {
    specs.iter().map(|spec| volume(spec, known)).collect()
}

fn volume(spec: &MountSpec, known: &KnownVolumes) -> Result<NewServiceVolume, CliError> {
    Ok(NewServiceVolume {
        data_service_id: Some(known.id(&spec.volume)?),
        mount_path: Some(spec.path.to_string()),
        shared: spec.shared.then_some(true),
        read_only: spec.read_only.then_some(true),
    })
}

/// As a body lists it.
pub(super) fn as_new(volume: &ServiceVolume) -> NewServiceVolume {
    NewServiceVolume {
        data_service_id: Some(volume.volume_id.clone()),
        mount_path: Some(volume.mount_path.clone()),
        shared: volume.shared.then_some(true),
        read_only: volume.read_only.then_some(true),
    }
}

/// The list with `wanted` in it, in place of how the same volume was mounted before. `None` when it is there just so.
pub(super) fn mounted(
    volumes: &[ServiceVolume],
    spec: &MountSpec,
    known: &KnownVolumes,
) -> Result<Option<Vec<NewServiceVolume>>, CliError> {
    let wanted = volume(spec, known)?;
    let mut list: Vec<NewServiceVolume> = volumes.iter().map(as_new).collect();
    match list.iter_mut().find(|volume| volume.data_service_id == wanted.data_service_id) {
        Some(volume) if *volume == wanted => return Ok(None),
        Some(volume) => *volume = wanted,
        None => list.push(wanted),
    }
    Ok(Some(list))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, ServicesVerb, Verb};

    fn run(flags: &str) -> RunArgs {
        let line = format!("miosa services create web {flags}");
        match Cli::try_parse_from(line.split_whitespace()).unwrap().verb {
            Some(Verb::Services(args)) => match args.verb {
                Some(ServicesVerb::Create(create)) => create.run,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_what_was_given_is_sent() {
        for (flags, sent) in [
            ("", json!({})),
            ("--template t --volume v:/a", json!({})),
            ("--command run --size xs", json!({"start_command": "run", "size": "xs"})),
            ("--env A=1 --env B=x=y --env A=2", json!({"env": {"A": "2", "B": "x=y"}})),
            ("--port 80 --health-http /ok", json!({"port": 80, "health_check": {"path": "/ok", "port": 80}})),
            ("--health-command true", json!({"health_check": {"command": "true"}})),
            (
                "--start-timeout 5 --stop-grace 0 --restart-policy no",
                json!({"start_timeout_seconds": 5, "stop_grace_seconds": 0, "restart_policy": "no"}),
            ),
        ] {
            assert_eq!(Value::Object(settings(&run(flags), &[], None).unwrap()), sent, "{flags}");
        }
        assert!(settings(&run("--health-http /ok"), &[], None).is_err(), "which port?");
    }
}
