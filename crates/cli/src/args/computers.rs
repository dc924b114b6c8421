//! `miosa computers ...`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  miosa computers create --name box --size small --wait
  miosa computers exec box -- df -h /mnt/data
  miosa computers use box
  miosa computers delete box";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ComputersArgs {
    #[command(subcommand)]
    pub verb: Option<ComputersVerb>,
}

#[derive(Debug, Subcommand)]
pub enum ComputersVerb {
    /// List computers, newest first
    #[command(visible_alias = "ls")]
    List(ListComputersArgs),
    /// Make a computer; it starts by itself
    #[command(visible_alias = "new")]
    Create(CreateComputerArgs),
    /// Show one computer
    #[command(visible_alias = "get", after_help = "Example:\n  miosa computers show box")]
    Show {
        /// Id, ending of an id, or name
        computer: String,
    },
    /// Delete a computer; its volumes are detached and stay
    #[command(visible_aliases = ["destroy", "rm"])]
    Delete(DeleteComputerArgs),
    /// Start a computer
    #[command(after_help = "Example:\n  miosa computers start box")]
    Start {
        /// Id, ending of an id, or name
        computer: String,
    },
    /// Stop a computer; its volumes stay attached
    #[command(after_help = "Example:\n  miosa computers stop box")]
    Stop {
        /// Id, ending of an id, or name
        computer: String,
    },
    /// Stop a computer and start it again
    #[command(after_help = "Example:\n  miosa computers restart box")]
    Restart {
        /// Id, ending of an id, or name
        computer: String,
    },
    /// Do something to a computer, by the name of the action
    Action(ActionArgs),
    /// Run a command in a computer; ends with the command's exit code
    Exec(ExecArgs),
    /// Show what a computer's first process wrote
    Logs(LogsArgs),
    /// Remember a computer as the one to attach volumes to
    #[command(after_help = "Example:\n  miosa computers use box\n  miosa volumes attach model-weights")]
    Use {
        /// Id, ending of an id, or name
        computer: String,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa computers list\n  miosa computers list --status running -q")]
pub struct ListComputersArgs {
    /// Only those in this state, for example running
    #[arg(long, alias = "state", value_name = "STATE")]
    pub status: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa computers create --name box --wait\n  \
                        miosa computers create --name web --command 'exec /app/run' --env PORT=8080 --network host\n  \
                        miosa computers create --data '{\"name\":\"box\",\"size\":\"small\"}'\n  \
                        echo '{\"name\":\"box\"}' | miosa computers create -i -\n\n\
                        Flags win over the same field of --data, -i or -f.")]
pub struct CreateComputerArgs {
    /// Name; made up when absent
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// What it runs [default: miosa-desktop]
    #[arg(long, visible_alias = "template-type", value_name = "TEMPLATE")]
    pub template: Option<String>,
    /// Processors and memory [default: small]
    #[arg(long, value_parser = ["xs", "small", "medium", "large", "xl", "xlarge"])]
    pub size: Option<String>,
    /// First process, as a line for /bin/sh; started again whenever it ends
    #[arg(long, value_name = "COMMAND")]
    pub command: Option<String>,
    /// Environment of its processes; may be given again
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::parse_pair)]
    pub env: Vec<(String, String)>,
    /// isolated (loopback only) or host [default: isolated]
    #[arg(long, value_parser = ["isolated", "host"], hide_possible_values = true)]
    pub network: Option<String>,
    /// Leave it stopped
    #[arg(long, conflicts_with = "wait")]
    pub no_start: bool,
    /// Wait until it runs
    #[arg(long)]
    pub wait: bool,
    /// Body of the request, as JSON
    #[arg(long, value_name = "JSON", conflicts_with_all = ["input", "file"])]
    pub data: Option<String>,
    /// Body of the request: JSON, a file with it, or - for stdin
    #[arg(short, long, value_name = "JSON|FILE|-", conflicts_with = "file", allow_hyphen_values = true)]
    pub input: Option<String>,
    /// Body of the request, from a file with JSON
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa computers delete box\n  miosa computers delete box -f\n\n\
                        Asks when there is a terminal to ask at. What the computer wrote outside of its volumes is lost.")]
pub struct DeleteComputerArgs {
    /// Id, ending of an id, or name
    pub computer: String,
    /// End its processes at once instead of after 10 seconds; do not ask
    #[arg(short, long)]
    pub force: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ActionName {
    Start,
    Stop,
    Restart,
    Clone,
    Resize,
    Move,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  miosa computers action box restart")]
pub struct ActionArgs {
    /// Id, ending of an id, or name
    pub computer: String,
    /// What to do
    #[arg(value_enum)]
    pub action: ActionName,
    /// Body of the request, as JSON
    #[arg(long, value_name = "JSON")]
    pub data: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa computers exec box -- ls -l /mnt/data\n  \
                        miosa computers exec box -- 'sqlite3 /mnt/data/app.db \"pragma integrity_check\"'\n  \
                        miosa computers exec box --data '{\"command\":\"make\",\"cwd\":\"/src\",\"timeout\":300}'\n\n\
                        One argument is a line for the shell; several are one command and its arguments, as they stand.\n\
                        --timeout limits the command (default 60, at most 600 seconds; 124 is the code when it is over).")]
pub struct ExecArgs {
    /// Id, ending of an id, or name
    pub computer: String,
    /// Body of the request, as JSON
    #[arg(long, value_name = "JSON", required_unless_present = "command", conflicts_with = "command")]
    pub data: Option<String>,
    /// Command to run
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa computers logs box -n 20\n  miosa computers logs box -f")]
pub struct LogsArgs {
    /// Id, ending of an id, or name
    pub computer: String,
    /// Only the last so many lines
    #[arg(short = 'n', long, value_name = "COUNT")]
    pub lines: Option<u32>,
    /// Go on with new lines as they are written
    #[arg(short, long)]
    pub follow: bool,
}
