//! Validation of requests before anything is done.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use miosa_domain::spec::InstanceSpec;
use miosa_effects::Doing;

use crate::{ExecCommand, ExecRequest, RuntimeError};

pub(crate) fn spec(spec: &InstanceSpec) -> Result<(), String> {
    let hostname = &spec.hostname;
    let is_label = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if hostname.is_empty() || hostname.len() > 63 || !hostname.chars().all(is_label) {
        return Err(format!("{hostname:?} is not a host name"));
    }
    if spec.resources.vcpus == 0 || spec.resources.memory_mb == 0 || spec.resources.pids_max == 0 {
        return Err("its limits of cpu, memory and processes must be at least 1".into());
    }
    match &spec.command {
        Some(command) if command.first().is_none_or(String::is_empty) => {
            return Err("its command is empty".into());
        }
        Some(command) if command.iter().any(|arg| arg.contains('\0')) => {
            return Err("its command contains a zero byte".into());
        }
        _ => {}
    }
    check_env(&spec.env)
}

pub(crate) fn exec(request: &ExecRequest) -> Result<(), String> {
    let has_zero = match &request.command {
        ExecCommand::Shell(line) => line.contains('\0'),
        ExecCommand::Argv(argv) if argv.is_empty() => return Err("it is empty".into()),
        ExecCommand::Argv(argv) => argv.iter().any(|arg| arg.contains('\0')),
    };
    if has_zero {
        return Err("it contains a zero byte".into());
    }
    match &request.cwd {
        Some(cwd) if !cwd.starts_with('/') || cwd.contains('\0') => {
            return Err(format!("its working directory {cwd:?} is not an absolute path"));
        }
        _ => {}
    }
    check_env(&request.env)
}

/// The path becomes part of the request line and must not contain a line break or another request.
pub(crate) fn http_path(path: &str) -> Result<(), String> {
    if path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(format!("{path:?} is not a percent-encoded path that begins with /"))
    }
}

fn check_env(env: &BTreeMap<String, String>) -> Result<(), String> {
    for (name, value) in env {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(format!("{name:?} is not a valid environment variable"));
        }
    }
    Ok(())
}

/// The root users of instances are unprivileged users of the host and must be able to walk to their root directories.
pub(crate) fn reachable(folder: &Path) -> Result<(), RuntimeError> {
    for path in folder.ancestors() {
        let mode = fs::metadata(path).doing("examine", path)?.mode();
        if mode & 0o001 == 0 {
            return Err(RuntimeError::Unreachable { path: path.to_owned() });
        }
    }
    Ok(())
}
