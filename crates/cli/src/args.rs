//! The command line as types: only flags and their help. What they mean is in the file of each noun; how flags, environment and
//! file are merged is in `context`.

mod computers;
mod projects;
mod services;
mod snapshots;
mod up;
mod volumes;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand};

pub use computers::{
    ActionArgs, ActionName, ComputersArgs, ComputersVerb, CreateComputerArgs, DeleteComputerArgs, ExecArgs,
    ListComputersArgs, LogsArgs,
};
pub use projects::{CreateProjectArgs, ProjectsArgs, ProjectsVerb};
pub use services::{
    ComputerForm, CreateServiceArgs, DataArgs, DeleteServiceArgs, DeployServiceArgs, ListServicesArgs,
    MountArgs, MountSpec, PromoteArgs, ReleaseArgs, RollbackArgs, RunArgs, RunServiceArgs, ScaleServiceArgs,
    ServiceArgs, ServiceExecArgs, ServiceLogsArgs, ServicesArgs, ServicesVerb, UnmountArgs,
    UpdateServiceArgs,
};
pub use snapshots::{
    CpArgs, CreateSnapshotArgs, DeleteSnapshotArgs, DiffArgs, ListSnapshotsArgs, LsArgs, PruneArgs,
    RestoreArgs, SnapshotsArgs, SnapshotsVerb, UpdateSnapshotArgs, VerifyArgs,
};
pub use up::UpArgs;
pub use volumes::{
    AttachArgs, CompactArgs, CreateVolumeArgs, DestroyArgs, DetachArgs, ForkArgs, ListVolumesArgs,
    ScheduleArg, SnapshotSettings, Switch, TimelineArgs, UpdateVolumeArgs, VolumesArgs, VolumesVerb,
};

const ABOUT: &str = "Durable ext4 volumes that outlive the computers using them";

const EXAMPLES: &str = "\
Examples:
  miosa serve                                    Serve the API on this machine (as root)
  miosa volumes create model-weights --size 50   Make a volume of 50 GB
  miosa computers create --name box --wait       Make a computer and wait until it runs
  miosa volumes attach model-weights             Mount the volume in it, at /mnt/data
  miosa snapshots create model-weights           Keep its present for later
  miosa services create web --volume model-weights:/var/models
  miosa up                                       Make what miosa.toml describes
  miosa volumes list

Wherever an id is asked for, its ending (4 characters or more) and an exact name will do.

Settings: flags win over the environment, that over ~/.miosa/config.toml, that over config.json there:
  MIOSA_ENDPOINT MIOSA_API_KEY MIOSA_TENANT MIOSA_WORKSPACE MIOSA_REGION
  MIOSA_JSON MIOSA_QUIET MIOSA_DEBUG MIOSA_NO_COLOR

Exit codes: 0 done, 1 refused or wrong use, 2 no connection, 3 key missing or not allowed,
4 server failure.";

#[derive(Debug, Parser)]
#[command(
    name = "miosa",
    about = ABOUT,
    version,
    disable_version_flag = true,
    after_help = EXAMPLES,
    max_term_width = 110
)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,

    #[command(subcommand)]
    pub verb: Option<Verb>,

    /// Print the version
    #[arg(short = 'v', short_alias = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
}

/// Flags of every client verb.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Print JSON, errors too; the same as -o json
    #[arg(long, global = true)]
    pub json: bool,
    /// Format of the output
    #[arg(short, long, global = true, value_name = "FORMAT", value_enum)]
    pub output: Option<OutputFormat>,
    /// Print ids only, and no hints
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// No colors; there are none anyway unless the output is a terminal
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Tell each request on stderr
    #[arg(long, global = true)]
    pub debug: bool,
    /// Act for this tenant (id or slug) instead of the key's own
    #[arg(long, global = true, value_name = "TENANT")]
    pub tenant: Option<String>,
    /// Workspace of what is created, and filter of lists
    #[arg(long, global = true, value_name = "ID")]
    pub workspace: Option<String>,
    /// API key, msk_...
    #[arg(long, global = true, value_name = "KEY", hide_env_values = true)]
    pub api_key: Option<String>,
    /// Where the API is, with or without /api/v1 [default: http://127.0.0.1:7420]
    #[arg(long, global = true, value_name = "URL")]
    pub api_url: Option<String>,
    /// Most seconds a call may take, repeats included [default: 60]
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum OutputFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make, attach, detach and destroy volumes
    #[command(visible_aliases = ["volume", "vol"])]
    Volumes(VolumesArgs),
    /// Take, look into and restore snapshots of volumes
    #[command(visible_aliases = ["snapshot", "snap"])]
    Snapshots(SnapshotsArgs),
    /// Make and run the computers that volumes are attached to
    #[command(visible_aliases = ["computer", "machines", "machine"])]
    Computers(ComputersArgs),
    /// Run services: replicas of releases that mount volumes
    #[command(visible_aliases = ["service", "svc"])]
    Services(ServicesArgs),
    /// Group volumes, computers and services
    #[command(visible_alias = "project")]
    Projects(ProjectsArgs),
    /// Make the volumes and services that a file describes
    Up(UpArgs),
    /// Serve the API and run volumes and computers on this machine
    Serve(ServeArgs),
    #[command(hide = true)]
    Controller(RoleArgs),
    #[command(hide = true)]
    Agent(RoleArgs),
    /// Lists the places where tests kill this program; none in release builds
    #[command(hide = true)]
    Failpoints,
}

const SERVE_EXAMPLES: &str = "\
Examples:
  miosa serve
  miosa serve --data-dir /srv/miosa --listen 127.0.0.1:7420 --pool-size 200GB
  miosa serve --pool /mnt/xfs/miosa              A directory on an XFS or Btrfs filesystem";

#[derive(Debug, Clone, Default, Args)]
#[command(after_help = SERVE_EXAMPLES)]
pub struct ServeArgs {
    /// Database, ledger and credentials [default: /var/lib/miosa]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address of the API [default: 127.0.0.1:7420]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// Where volumes are kept [default: pool in the data directory]
    #[arg(long, value_name = "DIR")]
    pub pool: Option<PathBuf>,
    /// Size of the pool's image file, if one is needed, for example 200GB [default: half of the free space]
    #[arg(long, value_name = "SIZE", value_parser = miosa_domain::size::parse_human)]
    pub pool_size: Option<u64>,
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Serve plain HTTP on other addresses than loopback: keys and data can be read on the way
    #[arg(long)]
    pub insecure_http: bool,
}

/// What `miosa serve` tells the processes it starts.
#[derive(Debug, Clone, Args)]
pub struct RoleArgs {
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
}

/// The help of a command group, for example `["volumes"]`; of the whole program for none.
pub fn group_help(group: &[&str]) -> String {
    let mut command = Cli::command();
    command.build();
    let mut found = &mut command;
    for name in group {
        found = found.find_subcommand_mut(name).expect("groups are named as in the types above");
    }
    found.render_help().to_string()
}

/// `key=value`.
fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".into()),
    }
}

/// Pairs as a map; the last of equal keys holds. `None` for none.
pub(crate) fn pairs_map(pairs: &[(String, String)]) -> Option<BTreeMap<String, String>> {
    (!pairs.is_empty()).then(|| pairs.iter().cloned().collect())
}

/// As [`pairs_map`], for bodies whose values may be any JSON.
pub(crate) fn pairs_json(pairs: &[(String, String)]) -> Option<serde_json::Map<String, serde_json::Value>> {
    Some(pairs_map(pairs)?.into_iter().map(|(key, value)| (key, value.into())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    /// Every command line that a published client or the API guide uses, and ours.
    const KNOWN: &[&str] = &[
        "volumes list",
        "volumes list --json",
        "volumes list --deleted",
        "--json volumes list",
        "-o json volumes ls",
        "volumes create model-weights --size 50",
        "volumes create a --size 500MB --region local --metadata k=v --metadata l=w=x --delete-protection",
        "volumes show abcd --json",
        "volumes attach v1",
        "volumes attach v1 --machine c1 --mount /mnt/data --json",
        "volumes attach v1 --computer c1 --read-only",
        "volumes detach a1 --machine c1 --json",
        "volumes detach a1 --force",
        "volumes destroy v1 -f --json",
        "volumes destroy v1 --force",
        "volumes destroy v1 -y",
        "volumes undelete v1",
        "volumes update v1 --name b --delete-protection off --metadata k=v",
        "vol ls -q",
        "volumes create a --snapshot-schedule @daily --snapshot-retention-days 30",
        "volumes update v1 --snapshot-schedule off",
        "volumes update v1 --before-snapshot sync --after-snapshot true --hook-timeout 60",
        "volumes fork v1",
        "volumes fork v1 preview --ttl 3d --size 100 --now",
        "volumes clone v1 preview --snapshot s1",
        "volumes compact v1 --no-wait",
        "volumes timeline v1 -n 20",
        "snapshots",
        "snapshot list",
        "snapshots list v1",
        "snapshots list --all --json",
        "snapshots create v1 --name n --protect --ttl 3d --now --metadata k=v",
        "snapshots show v1@latest",
        "snapshots update s1 --name n --metadata k=v",
        "snapshots protect s1",
        "snapshots unprotect s1",
        "snapshots delete s1 -f",
        "snapshots restore s1 --to n --size 20 --ttl 3d",
        "snapshots restore s1 --in-place --force -y",
        "snapshots verify s1 --no-wait",
        "snapshots prune v1 --dry-run",
        "snapshots ls s1:/a",
        "snapshots cat s1:/a",
        "snapshots cp -rf s1:/a .",
        "snapshots diff s1 s2 --limit 5",
        "volumes list --api-key k --api-url http://h/api/v1 --timeout 60 --tenant t --workspace w",
        "computers list --workspace w --json",
        "machines list",
        "computers create",
        "computers create --name n --workspace w --template t --size xl --json",
        "computers create --template-type t --data {} --json",
        "computers create -i body.json",
        "computers create -f body.json --wait",
        "computers create --command sleep --env A=1 --env B=2 --network host --no-start",
        "computers show c1 --json",
        "computers delete c1 --json",
        "computers delete c1 -f",
        "computers start c1",
        "computers stop c1",
        "computers restart c1",
        "computers action c1 resize --data {} --json",
        "computers exec c1 --data {} --json",
        "computers exec c1 -- ls -l --json",
        "computers logs c1 -n 5 -f",
        "computers use c1",
        "services",
        "services list",
        "services list c1 --json",
        "service ls --project p --status running",
        "services create web",
        "services create web --template t --command run --env A=1 --env B=2 --replicas 3 --size xl --port 80 --network host",
        "services create web --volume v1:/a:ro --volume v2:/b:shared --health-command true --restart-policy no",
        "services create web --port 80 --health-http /healthz --start-timeout 5 --stop-grace 0 --project p --no-wait",
        "services create c1 --data {}",
        "services show web",
        "services show c1 web",
        "services update web --env A=1 --unset-env B --no-port --no-health --name w",
        "services update web --volume v1:/a",
        "services deploy web --message m --snapshot-before --template t --no-wait",
        "services promote web 3 --snapshot-before --with-data -y",
        "services rollback web",
        "services rollback web 3 --with-data --snapshot-before",
        "services restart web",
        "services start web --no-wait",
        "services stop web",
        "services scale web 3",
        "services mount web v1:/a:ro:shared",
        "services unmount web /a",
        "services instances web",
        "services logs web -n 5 -f --replica 1",
        "services logs c1 web --json",
        "services exec web --replica 1 -- ls -l",
        "services delete web -f",
        "services delete web -y --no-wait",
        "services action c1 web restart --json",
        "projects",
        "projects list",
        "project create p --slug s --description d",
        "projects show default",
        "projects delete p",
        "up",
        "up -f miosa.toml --dry-run -y",
        "serve --data-dir /d --listen 127.0.0.1:1 --pool /p --pool-size 20GB --config /c --insecure-http",
        "volumes",
        "",
    ];

    #[test]
    fn known_command_lines_are_understood() {
        for line in KNOWN {
            let parsed = Cli::try_parse_from(std::iter::once("miosa").chain(line.split_whitespace()));
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
        }
    }

    #[test]
    fn wrong_command_lines_are_refused() {
        for line in [
            "volumes create",
            "volumes create a --size 0",
            "volumes create a --size big",
            "volumes create a --metadata k",
            "volumes update v1",
            "volumes update v1 --delete-protection maybe",
            "volumes list -o yaml",
            "volumes list --timeout 0",
            "volumes frobnicate",
            "volumes create a --snapshot-retention-days 0",
            "volumes create a --hook-timeout 601",
            "volumes fork",
            "volumes fork v1 --now --snapshot s1",
            "snapshots list v1 --all",
            "snapshots update s1",
            "snapshots restore s1",
            "snapshots restore s1 --to n --in-place",
            "snapshots restore s1 --to n --force",
            "snapshots restore s1 --in-place --size 20",
            "snapshots restore s1 --in-place --ttl 3d",
            "snapshots cp s1:/a",
            "snapshots diff s1",
            "snapshots diff s1 s2 --limit 0",
            "computers create --data {} -f x",
            "computers create --network bridge",
            "computers exec c1",
            "computers exec c1 --data {} -- ls",
            "computers action c1 explode",
            "services create",
            "services create web --replicas 51",
            "services create web --volume v1",
            "services create web --volume v1:/a:often",
            "services create web --port 0",
            "services create web --health-command a --health-http /b",
            "services create web --restart-policy sometimes",
            "services update web",
            "services update web --no-wait",
            "services update web --port 1 --no-port",
            "services promote web",
            "services scale web",
            "services scale web -1",
            "services mount web v1",
            "services exec web",
            "up something",
        ] {
            let parsed = Cli::try_parse_from(std::iter::once("miosa").chain(line.split_whitespace()));
            assert!(parsed.is_err(), "{line} was accepted");
        }
    }

    #[test]
    fn every_verb_has_examples() {
        fn check(command: &mut clap::Command, path: &str) {
            if command.is_hide_set() || command.get_name() == "help" {
                return;
            }
            let help = command.render_help().to_string();
            assert!(help.contains("Example"), "{path} has no example:\n{help}");
            for sub in command.get_subcommands_mut() {
                let path = format!("{path} {}", sub.get_name());
                check(sub, &path);
            }
        }
        let mut command = Cli::command();
        command.build();
        check(&mut command, "miosa");
    }
}
