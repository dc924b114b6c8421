//! `miosa volumes ...`

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  miosa volumes create model-weights --size 50
  miosa volumes attach model-weights --machine box --mount /var/models
  miosa volumes detach 4f2a9c81d0e7
  miosa volumes destroy model-weights";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct VolumesArgs {
    #[command(subcommand)]
    pub verb: Option<VolumesVerb>,
}

#[derive(Debug, Subcommand)]
pub enum VolumesVerb {
    /// List volumes, newest first
    #[command(visible_alias = "ls")]
    List(ListVolumesArgs),
    /// Make a volume
    #[command(visible_alias = "new")]
    Create(CreateVolumeArgs),
    /// Show one volume
    #[command(visible_alias = "get", after_help = "Example:\n  miosa volumes show model-weights")]
    Show {
        /// Id, ending of an id, or name
        volume: String,
    },
    /// Change name, metadata or delete protection
    Update(UpdateVolumeArgs),
    /// Mount a volume in a computer, running or not
    Attach(AttachArgs),
    /// Unmount a volume from its computer
    Detach(DetachArgs),
    /// Put a volume into the trash
    #[command(visible_aliases = ["delete", "rm"])]
    Destroy(DestroyArgs),
    /// Bring a volume back from the trash
    #[command(
        after_help = "Examples:\n  miosa volumes list --deleted\n  miosa volumes undelete model-weights"
    )]
    Undelete {
        /// Id, ending of an id, or name
        volume: String,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa volumes list\n  miosa volumes list --deleted\n  \
                        miosa volumes list --json | jq -r '.[].id'")]
pub struct ListVolumesArgs {
    /// Only those in this state, for example attached
    #[arg(long, alias = "state", value_name = "STATE", conflicts_with = "deleted")]
    pub status: Option<String>,
    /// List the trash
    #[arg(long)]
    pub deleted: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa volumes create model-weights --size 50\n  \
                        miosa volumes create scratch --size 500MB --metadata team=search\n  \
                        miosa volumes create ledger --size 20GB --delete-protection")]
pub struct CreateVolumeArgs {
    /// Name; need not be unique
    pub name: String,
    /// Size: 50 and 50GB are the same, 500MB is less. 1 GB is 2^30 bytes
    #[arg(long, default_value = "10", value_name = "SIZE", value_parser = miosa_domain::size::parse_human)]
    pub size: u64,
    /// Where; there is one region today
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// A note to keep with it; may be given again
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::parse_pair)]
    pub metadata: Vec<(String, String)>,
    /// Refuse to destroy it until this is turned off
    #[arg(long)]
    pub delete_protection: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("change").args(["name", "metadata", "delete_protection"]).required(true).multiple(true),
    after_help = "Examples:\n  miosa volumes update model-weights --name weights-v2\n  \
                  miosa volumes update model-weights --delete-protection on"
)]
pub struct UpdateVolumeArgs {
    /// Id, ending of an id, or name
    pub volume: String,
    /// New name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// New metadata, in place of all that is there; may be given again
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::parse_pair)]
    pub metadata: Vec<(String, String)>,
    /// Whether destroying it is refused
    #[arg(long, value_enum, value_name = "on|off", hide_possible_values = true)]
    pub delete_protection: Option<Switch>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa volumes attach model-weights\n  \
                        miosa volumes attach model-weights --machine box --mount /var/models --read-only\n\n\
                        Without --machine: the computer set by `miosa computers use`, else the only running one.")]
pub struct AttachArgs {
    /// Id, ending of an id, or name
    pub volume: String,
    /// Id, ending of an id, or name of the computer
    #[arg(long, alias = "computer", value_name = "COMPUTER")]
    pub machine: Option<String>,
    /// Absolute path in the computer [default: /mnt/data, or /mnt/<volume name> when that is taken]
    #[arg(long, value_name = "PATH")]
    pub mount: Option<String>,
    /// Mount it so that nothing can be written
    #[arg(long)]
    pub read_only: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  miosa volumes detach 4f2a9c81d0e7\n  miosa volumes detach model-weights\n  \
                        miosa volumes detach 4f2a9c81d0e7 --force"
)]
pub struct DetachArgs {
    /// Id of the attachment, ending of it, or name of the attached volume
    pub attachment: String,
    /// Only from this computer
    #[arg(long, alias = "computer", value_name = "COMPUTER")]
    pub machine: Option<String>,
    /// End the processes that hold its files open
    #[arg(long, short)]
    pub force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa volumes destroy scratch\n  miosa volumes destroy scratch -f\n\n\
                        The volume goes to the trash for some days: `miosa volumes undelete` brings it back.")]
pub struct DestroyArgs {
    /// Id, ending of an id, or name
    pub volume: String,
    /// Do not ask
    #[arg(short, long, short_alias = 'y', alias = "yes")]
    pub force: bool,
}
