//! The OCI configuration of an instance, made from its spec.
//!
//! A spec sets only the fields that it names; all other options are set here. An instance has namespaces of its own for users,
//! pids, mounts, IPC, host name and control groups, and for the network unless it uses the host's. Its root user is an
//! unprivileged user of the host. Nothing here needs CAP_SYS_RESOURCE: there are no resource limits and no OOM score.
//!
//! With the host's network there is no `/sys`: the kernel mounts it only for the owner of the network namespace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use miosa_domain::spec::{InstanceSpec, Network};
use miosa_effects::idmap::IdRange;
use oci_spec::OciSpecError;
use oci_spec::runtime::{
    Capabilities, Capability, LinuxBuilder, LinuxCapabilitiesBuilder, LinuxCpuBuilder,
    LinuxDeviceCgroupBuilder, LinuxIdMappingBuilder, LinuxMemoryBuilder, LinuxNamespace,
    LinuxNamespaceBuilder, LinuxNamespaceType, LinuxPidsBuilder, LinuxResources, LinuxResourcesBuilder,
    Mount, MountBuilder, Process, ProcessBuilder, RootBuilder, Spec, SpecBuilder, UserBuilder,
};

use crate::seccomp;
use crate::template::INIT_PATH;

/// The environment, unless the spec overrides it.
const DEFAULT_ENV: [(&str, &str); 3] = [
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("TERM", "xterm"),
];

/// The usual set of containers without MKNOD (instances create no devices), NET_RAW (no forged packets), SYS_CHROOT (mount points
/// are named from one root directory) and AUDIT_WRITE (the audit log has no reader).
const CAPABILITIES: [Capability; 10] = [
    Capability::Chown,
    Capability::DacOverride,
    Capability::Fowner,
    Capability::Fsetid,
    Capability::Kill,
    Capability::NetBindService,
    Capability::Setfcap,
    Capability::Setgid,
    Capability::Setpcap,
    Capability::Setuid,
];

/// Hidden: their content describes the host or its other tenants.
const MASKED: [&str; 11] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

const CPU_PERIOD_MICROS: u64 = 100_000;

/// The host's part of an instance's configuration.
#[derive(Debug)]
pub(crate) struct Placement<'a> {
    pub(crate) rootfs: &'a Path,
    /// Contains `hosts`, `hostname` and `resolv.conf`.
    pub(crate) etc: &'a Path,
    pub(crate) ids: IdRange,
    pub(crate) cgroup: String,
    /// The kernel accounts for swap; then an instance gets none.
    pub(crate) counts_swap: bool,
}

/// The content of `config.json`.
pub(crate) fn config(spec: &InstanceSpec, placement: &Placement<'_>) -> Result<Spec, OciSpecError> {
    let mapping = LinuxIdMappingBuilder::default()
        .container_id(0_u32)
        .host_id(placement.ids.first)
        .size(placement.ids.count)
        .build()?;
    let linux = LinuxBuilder::default()
        .namespaces(namespaces(spec.network)?)
        .uid_mappings(vec![mapping])
        .gid_mappings(vec![mapping])
        .cgroups_path(PathBuf::from(&placement.cgroup))
        .resources(resources(spec, placement.counts_swap)?)
        .seccomp(seccomp::profile()?)
        .masked_paths(MASKED.map(str::to_owned).to_vec())
        .readonly_paths(READ_ONLY.map(str::to_owned).to_vec())
        .build()?;
    SpecBuilder::default()
        .version("1.0.2".to_owned())
        .root(RootBuilder::default().path(placement.rootfs).readonly(false).build()?)
        .hostname(spec.hostname.clone())
        .process(first_process(spec)?)
        .mounts(mounts(spec.network, placement.etc)?)
        .linux(linux)
        .build()
}

/// The process of a command that runs beside the first process with the same privileges.
pub(crate) fn exec_process(
    first: &Process,
    args: Vec<String>,
    cwd: Option<&str>,
    env: &BTreeMap<String, String>,
) -> Process {
    let mut process = first.clone();
    let mut merged = process.env().clone().unwrap_or_default();
    merged.retain(|entry| entry.split_once('=').is_none_or(|(name, _)| !env.contains_key(name)));
    merged.extend(env.iter().map(|(name, value)| format!("{name}={value}")));
    process.set_args(Some(args)).set_cwd(PathBuf::from(cwd.unwrap_or("/"))).set_env(Some(merged));
    process
}

fn first_process(spec: &InstanceSpec) -> Result<Process, OciSpecError> {
    let defaults = DEFAULT_ENV.into_iter().chain([("HOSTNAME", spec.hostname.as_str())]);
    let defaults = defaults.filter(|(name, _)| !spec.env.contains_key(*name));
    let own = spec.env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let env: Vec<String> = defaults.chain(own).map(|(name, value)| format!("{name}={value}")).collect();
    let capabilities: Capabilities = CAPABILITIES.into_iter().collect();
    let capabilities = LinuxCapabilitiesBuilder::default()
        .bounding(capabilities.clone())
        .effective(capabilities.clone())
        .permitted(capabilities)
        .inheritable(Capabilities::new())
        .ambient(Capabilities::new())
        .build()?;
    let mut process = ProcessBuilder::default()
        .terminal(false)
        .user(UserBuilder::default().uid(0_u32).gid(0_u32).build()?)
        .args(spec.command.clone().unwrap_or_else(|| vec![INIT_PATH.to_owned()]))
        .env(env)
        .cwd("/")
        .capabilities(capabilities)
        .no_new_privileges(true)
        .build()?;
    // The builder's default sets limits.
    process.set_rlimits(None);
    Ok(process)
}

fn namespaces(network: Network) -> Result<Vec<LinuxNamespace>, OciSpecError> {
    let mut kinds = vec![
        LinuxNamespaceType::User,
        LinuxNamespaceType::Pid,
        LinuxNamespaceType::Mount,
        LinuxNamespaceType::Ipc,
        LinuxNamespaceType::Uts,
        LinuxNamespaceType::Cgroup,
    ];
    if network == Network::Isolated {
        kinds.push(LinuxNamespaceType::Network);
    }
    kinds.into_iter().map(|kind| LinuxNamespaceBuilder::default().typ(kind).build()).collect()
}

fn resources(spec: &InstanceSpec, counts_swap: bool) -> Result<LinuxResources, OciSpecError> {
    let limits = &spec.resources;
    let quota = i64::from(limits.vcpus).saturating_mul(CPU_PERIOD_MICROS as i64);
    let memory_bytes = i64::try_from(limits.memory_mb.saturating_mul(1 << 20)).unwrap_or(i64::MAX);
    let mut memory = LinuxMemoryBuilder::default().limit(memory_bytes);
    if counts_swap {
        // Memory and swap together.
        memory = memory.swap(memory_bytes);
    }
    // The runtime adds the harmless devices that programs expect.
    let no_devices = LinuxDeviceCgroupBuilder::default().allow(false).access("rwm".to_owned()).build()?;
    LinuxResourcesBuilder::default()
        .cpu(LinuxCpuBuilder::default().quota(quota).period(CPU_PERIOD_MICROS).build()?)
        .memory(memory.build()?)
        .pids(LinuxPidsBuilder::default().limit(i64::from(limits.pids_max)).build()?)
        .devices(vec![no_devices])
        .build()
}

fn mounts(network: Network, etc: &Path) -> Result<Vec<Mount>, OciSpecError> {
    let mount = |target: &str, kind: &str, source: &Path, options: &[&str]| {
        MountBuilder::default()
            .destination(target)
            .typ(kind)
            .source(source)
            .options(options.iter().map(|&option| option.to_owned()).collect::<Vec<_>>())
            .build()
    };
    let mut mounts = vec![
        mount("/proc", "proc", Path::new("proc"), &["nosuid", "noexec", "nodev"])?,
        mount("/dev", "tmpfs", Path::new("tmpfs"), &["nosuid", "strictatime", "mode=755", "size=65536k"])?,
        mount(
            "/dev/pts",
            "devpts",
            Path::new("devpts"),
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        )?,
        mount(
            "/dev/shm",
            "tmpfs",
            Path::new("shm"),
            &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
        )?,
        mount("/dev/mqueue", "mqueue", Path::new("mqueue"), &["nosuid", "noexec", "nodev"])?,
    ];
    if network == Network::Isolated {
        mounts.push(mount("/sys", "sysfs", Path::new("sysfs"), &["nosuid", "noexec", "nodev", "ro"])?);
    }
    for name in ["hosts", "hostname", "resolv.conf"] {
        let options = ["bind", "ro", "nosuid", "noexec", "nodev"];
        mounts.push(mount(&format!("/etc/{name}"), "bind", &etc.join(name), &options)?);
    }
    Ok(mounts)
}
