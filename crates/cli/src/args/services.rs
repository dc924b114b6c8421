//! `miosa services ...`

use clap::{ArgGroup, Args, Subcommand};
use miosa_domain::MountPath;
use miosa_domain::service::REPLICAS_MAX;

const EXAMPLES: &str = "\
Examples:
  miosa services create web --command 'exec /app/run' --replicas 3 --volume weights:/w:ro
  miosa services logs web -f
  miosa services update web --env LOG=debug
  miosa services deploy web --snapshot-before --message 'more logging'
  miosa services rollback web
  miosa services delete web";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ServicesArgs {
    #[command(subcommand)]
    pub verb: Option<ServicesVerb>,
}

#[derive(Debug, Subcommand)]
pub enum ServicesVerb {
    /// List services, newest first
    #[command(visible_alias = "ls")]
    List(ListServicesArgs),
    /// Make a service and wait until its first release is served
    #[command(visible_alias = "new")]
    Create(CreateServiceArgs),
    /// Show a service: settings, replicas, volumes and last releases
    #[command(
        visible_alias = "get",
        after_help = "Examples:\n  miosa services show web\n  \
                                                   miosa services show web --json | jq .pending_changes"
    )]
    Show(ServiceArgs),
    /// Change settings; they wait for the next release
    Update(UpdateServiceArgs),
    /// Make a release of the present settings and wait until it is served
    Deploy(DeployServiceArgs),
    /// Serve an earlier release again, as a new one
    Promote(PromoteArgs),
    /// Serve the previous good release again, or the one that is named
    Rollback(RollbackArgs),
    /// Replace all replicas by fresh ones of what is served
    #[command(after_help = "Examples:\n  miosa services restart web\n  miosa services restart web --no-wait")]
    Restart(RunServiceArgs),
    /// Start a service that is stopped, with its present settings
    #[command(after_help = "Examples:\n  miosa services start web\n  miosa services start web --no-wait")]
    Start(RunServiceArgs),
    /// Stop all replicas; the volumes stay as they are
    #[command(after_help = "Example:\n  miosa services stop web")]
    Stop {
        /// Id, ending of an id, or name
        service: String,
    },
    /// Say how many replicas there should be
    Scale(ScaleServiceArgs),
    /// Mount a volume in every replica, in place of how it was mounted before
    Mount(MountArgs),
    /// Take a volume out of a service; the volume stays
    Unmount(UnmountArgs),
    /// List the replicas
    #[command(
        visible_alias = "replicas",
        after_help = "Examples:\n  miosa services instances web\n  miosa services instances web --json"
    )]
    Instances {
        /// Id, ending of an id, or name
        service: String,
    },
    /// Show what the replicas' first processes wrote
    Logs(ServiceLogsArgs),
    /// Run a command in a replica; ends with the command's exit code
    Exec(ServiceExecArgs),
    /// Delete a service; its volumes stay
    #[command(visible_aliases = ["destroy", "rm"])]
    Delete(DeleteServiceArgs),
    /// Of processes on a computer, which published command lines manage so.
    #[command(hide = true, after_help = "Example:\n  miosa services restart web")]
    Action {
        #[arg(num_args = 0.., allow_hyphen_values = true)]
        words: Vec<String>,
    },
}

/// Published command lines name a computer first and one of its processes then: understood, so that it can be refused in words.
#[derive(Debug, Clone, Default, Args)]
pub struct ComputerForm {
    #[arg(hide = true)]
    pub process: Option<String>,
}

#[derive(Debug, Args)]
pub struct ServiceArgs {
    /// Id, ending of an id, or name
    pub service: String,
    #[command(flatten)]
    pub form: ComputerForm,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa services list\n  miosa services list --status failed -q\n  \
                        miosa services list --project shop")]
pub struct ListServicesArgs {
    #[arg(hide = true)]
    pub computer: Option<String>,
    /// Only those in this state, for example running
    #[arg(long, alias = "state", value_name = "STATE")]
    pub status: Option<String>,
    /// Only those of this project: id, ending of an id, or name
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
}

/// What a service runs. Which of them a verb leaves alone when they are not given is the verb's matter.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What it runs")]
pub struct RunArgs {
    /// The files it starts from [default: miosa-default]
    #[arg(long, visible_alias = "template-ref", value_name = "TEMPLATE")]
    pub template: Option<String>,
    /// First process of each replica, as a line for /bin/sh; '' for the template's own
    #[arg(long, visible_alias = "start-command", value_name = "LINE")]
    pub command: Option<String>,
    /// Environment of its processes; may be given again
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::parse_pair)]
    pub env: Vec<(String, String)>,
    /// Processors and memory of each replica [default: small]
    #[arg(long, value_parser = ["xs", "small", "medium", "large", "xl", "xlarge"])]
    pub size: Option<String>,
    /// isolated (loopback only) or host [default: isolated]
    #[arg(long, value_parser = ["isolated", "host"], hide_possible_values = true)]
    pub network: Option<String>,
    /// Port that it listens at, given to it as PORT
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// A volume to mount; VOLUME is an id, the ending of one, or a name. May be given again
    #[arg(long, value_name = "VOLUME:PATH[:ro][:shared]")]
    pub volume: Vec<MountSpec>,
    /// A replica is healthy while this command ends with 0 inside it
    #[arg(long, value_name = "LINE", conflicts_with = "health_http")]
    pub health_command: Option<String>,
    /// A replica is healthy while a GET of this path is answered by 200 to 399, at --port
    #[arg(long, value_name = "PATH")]
    pub health_http: Option<String>,
    /// Whether a first process that ended is started again [default: always]
    #[arg(long, value_parser = ["always", "on-failure", "no"])]
    pub restart_policy: Option<String>,
    /// A release whose replica is not healthy after so long has failed [default: 60]
    #[arg(long, visible_alias = "start-timeout-seconds", value_name = "SECONDS",
        value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub start_timeout: Option<u32>,
    /// From the request to end until processes are killed [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=600))]
    pub stop_grace: Option<u32>,
}

const MOUNT_SPEC: &str =
    "write VOLUME:PATH, for example data:/var/data, with :ro and :shared after it if wanted";

/// A volume and where it is mounted, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountSpec {
    /// Id, ending of an id, or name.
    pub volume: String,
    pub path: MountPath,
    pub read_only: bool,
    pub shared: bool,
}

impl std::str::FromStr for MountSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (volume, mut path) = text.split_once(":/").ok_or(MOUNT_SPEC)?;
        let (mut read_only, mut shared) = (false, false);
        while let Some((rest, option)) = path.rsplit_once(':') {
            match option {
                "ro" | "read-only" => read_only = true,
                "rw" => read_only = false,
                "shared" => shared = true,
                _ => return Err(format!("{option:?} is no way to mount; {MOUNT_SPEC}")),
            }
            path = rest;
        }
        if volume.is_empty() {
            return Err(MOUNT_SPEC.into());
        }
        let path = MountPath::parse(&format!("/{path}")).map_err(|problem| format!("the path {problem}"))?;
        Ok(Self { volume: volume.to_owned(), path, read_only, shared })
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  miosa services create web --command 'exec /app/run' --port 8080 --health-http /healthz\n  \
                        miosa services create db --command 'exec /data/serve' --volume ledger:/data\n  \
                        miosa services create models --replicas 3 --volume model-weights:/var/models:shared\n\n\
                        A volume that is neither shared nor read-only goes to replica 0; each further replica gets one of its own."
)]
pub struct CreateServiceArgs {
    /// Name
    pub name: String,
    /// How many replicas there should be [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=i64::from(REPLICAS_MAX)))]
    pub replicas: Option<u32>,
    /// Id, ending of an id, or name of its project [default: the default project]
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
    /// Do not wait until it is served
    #[arg(long)]
    pub no_wait: bool,
    #[command(flatten)]
    pub run: RunArgs,
    #[arg(long, hide = true)]
    pub data: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    // The one that clap makes up would spell out the whole group.
    override_usage = "miosa services update [OPTIONS] <SERVICE>",
    group = ArgGroup::new("change").required(true).multiple(true).args([
        "name", "template", "command", "env", "unset_env", "size", "network", "port", "no_port", "volume",
        "health_command", "health_http", "no_health", "restart_policy", "start_timeout", "stop_grace",
    ]),
    after_help = "Examples:\n  miosa services update web --env LOG=debug --unset-env TRACE\n  \
                  miosa services update web --command 'exec /app/run --fast'\n  \
                  miosa services update web --no-health\n\n\
                  Environment is merged; --volume names the whole list, which takes effect at once. Everything else waits for \
                  `miosa services deploy`."
)]
pub struct UpdateServiceArgs {
    /// Id, ending of an id, or name
    pub service: String,
    /// New name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Take a variable out of the environment; may be given again
    #[arg(long, value_name = "KEY")]
    pub unset_env: Vec<String>,
    /// Without a port
    #[arg(long, conflicts_with = "port")]
    pub no_port: bool,
    /// Without a health check
    #[arg(long, conflicts_with_all = ["health_command", "health_http"])]
    pub no_health: bool,
    /// Do not wait for the release that a changed list of volumes makes
    #[arg(long)]
    pub no_wait: bool,
    #[command(flatten)]
    pub run: RunArgs,
}

/// How a release is made.
#[derive(Debug, Clone, Default, Args)]
pub struct ReleaseArgs {
    /// A note to keep with the release
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Take a snapshot of every volume that is written to, before anything is replaced
    #[arg(long)]
    pub snapshot_before: bool,
    /// Do not wait until it is served
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa services deploy web\n  \
                        miosa services deploy web --snapshot-before --message 'schema 7'\n  \
                        miosa services deploy web --template web-v2 --env LOG=debug\n\n\
                        Settings given here are kept, as by `update`. If the release fails, the last good one is served again.")]
pub struct DeployServiceArgs {
    /// Id, ending of an id, or name
    pub service: String,
    #[command(flatten)]
    pub release: ReleaseArgs,
    #[command(flatten)]
    pub run: RunArgs,
}

/// Whether the data goes back too.
#[derive(Debug, Clone, Default, Args)]
pub struct DataArgs {
    /// Bring the volumes back to the snapshots that were taken when that release was left
    #[arg(long)]
    pub with_data: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa services promote web 3\n  \
                        miosa services promote web 3 --snapshot-before\n  \
                        miosa services promote web 3 --with-data\n\n\
                        `miosa services show web` lists the releases.")]
pub struct PromoteArgs {
    /// Id, ending of an id, or name
    pub service: String,
    /// Number, id, or ending of an id
    pub release: String,
    #[command(flatten)]
    pub made: ReleaseArgs,
    #[command(flatten)]
    pub data: DataArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa services rollback web\n  miosa services rollback web 3\n  \
                        miosa services rollback web --with-data")]
pub struct RollbackArgs {
    /// Id, ending of an id, or name
    pub service: String,
    /// Number, id, or ending of an id [default: the previous good one]
    pub release: Option<String>,
    #[command(flatten)]
    pub made: ReleaseArgs,
    #[command(flatten)]
    pub data: DataArgs,
}

#[derive(Debug, Args)]
pub struct RunServiceArgs {
    /// Id, ending of an id, or name
    pub service: String,
    #[command(flatten)]
    pub release: ReleaseArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa services scale web 5\n  miosa services scale web 0\n\n\
                        Volumes of replicas that go are kept, and used again when they come back.")]
pub struct ScaleServiceArgs {
    /// Id, ending of an id, or name
    pub service: String,
    /// How many replicas there should be
    #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(0..=i64::from(REPLICAS_MAX)))]
    pub replicas: u32,
    /// Do not wait until all of them are healthy
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa services mount web ledger:/data\n  \
                        miosa services mount web model-weights:/var/models:shared\n  \
                        miosa services mount web model-weights:/var/models:ro\n\n\
                        ro: every replica reads it. shared: every replica writes it. Neither: replica 0 has it, and each further \
                        replica one of its own.")]
pub struct MountArgs {
    /// Id, ending of an id, or name
    pub service: String,
    /// What to mount where
    #[arg(value_name = "VOLUME:PATH[:ro][:shared]")]
    pub volume: MountSpec,
    /// Do not wait until it is mounted
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa services unmount web ledger\n  miosa services unmount web /data")]
pub struct UnmountArgs {
    /// Id, ending of an id, or name
    pub service: String,
    /// Id, ending of an id, or name of the volume, or the path where it is mounted
    #[arg(value_name = "VOLUME|PATH")]
    pub volume: String,
    /// Do not wait until it is taken out
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  miosa services logs web -n 20\n  miosa services logs web -f --replica 0"
)]
pub struct ServiceLogsArgs {
    /// Id, ending of an id, or name
    pub service: String,
    #[command(flatten)]
    pub form: ComputerForm,
    /// Only the last so many lines
    #[arg(short = 'n', long, visible_alias = "tail", value_name = "COUNT")]
    pub lines: Option<u32>,
    /// Go on with new lines as they are written
    #[arg(short, long)]
    pub follow: bool,
    /// Only of this replica, counted from 0
    #[arg(long, value_name = "I")]
    pub replica: Option<u32>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa services exec web -- ls -l /data\n  \
                        miosa services exec web --replica 2 -- 'ps | wc -l'\n\n\
                        One argument is a line for the shell; several are one command and its arguments, as they stand.\n\
                        --timeout limits the command (default 60, at most 600 seconds; 124 is the code when it is over).")]
pub struct ServiceExecArgs {
    /// Id, ending of an id, or name
    pub service: String,
    /// In this replica, counted from 0 [default: the first that is healthy]
    #[arg(long, value_name = "I")]
    pub replica: Option<u32>,
    /// Command to run
    #[arg(last = true, value_name = "COMMAND", required = true)]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa services delete web\n  miosa services delete web -f\n\n\
                        Its volumes stay, those of its replicas too: `miosa volumes list` shows them.")]
pub struct DeleteServiceArgs {
    /// Id, ending of an id, or name
    pub service: String,
    #[command(flatten)]
    pub form: ComputerForm,
    /// Do not ask
    #[arg(short, long, short_alias = 'y', alias = "yes")]
    pub force: bool,
    /// Do not wait until its replicas have ended
    #[arg(long)]
    pub no_wait: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_a_volume_a_path_and_ways() {
        for (text, volume, path, read_only, shared) in [
            ("data:/var/data", "data", "/var/data", false, false),
            ("data:/var//data/", "data", "/var/data", false, false),
            ("a b:c:/d:ro", "a b:c", "/d", true, false),
            ("4f2a9c81d0e7:/d:shared", "4f2a9c81d0e7", "/d", false, true),
            ("d:/d:ro:shared", "d", "/d", true, true),
            ("d:/d:shared:ro", "d", "/d", true, true),
            ("d:/d:rw", "d", "/d", false, false),
        ] {
            let spec: MountSpec = text.parse().unwrap();
            let shown = (spec.volume.as_str(), spec.path.as_str(), spec.read_only, spec.shared);
            assert_eq!(shown, (volume, path, read_only, shared), "{text}");
        }
        for bad in ["data", "data:", "data:relative", ":/d", "/d", "d:/d:often", "d:/etc/x", "d:/"] {
            assert!(bad.parse::<MountSpec>().is_err(), "{bad}");
        }
    }
}
