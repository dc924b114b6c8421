//! `miosa volumes ...`

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  miosa volumes create model-weights --size 50
  miosa volumes attach model-weights --machine box --mount /var/models
  miosa volumes update model-weights --snapshot-schedule '0 4 * * *'
  miosa volumes fork model-weights preview --ttl 3d
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
    /// Change name, metadata, delete protection or the snapshot schedule
    Update(UpdateVolumeArgs),
    /// Mount a volume in a computer, running or not
    Attach(AttachArgs),
    /// Unmount a volume from its computer
    Detach(DetachArgs),
    /// Make a writable copy of a volume as it is now, independent from then on
    #[command(visible_alias = "clone")]
    Fork(ForkArgs),
    /// Rewrite a volume's image into few pieces, under running writers
    Compact(CompactArgs),
    /// Draw what happened to a volume, newest on top
    Timeline(TimelineArgs),
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
                        miosa volumes create ledger --size 20GB --delete-protection \\\n    \
                        --snapshot-schedule '0 4 * * *' --snapshot-retention-days 30")]
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
    #[command(flatten)]
    pub snapshots: SnapshotSettings,
}

/// When a volume's snapshots are taken, and what runs around them.
#[derive(Debug, Clone, Default, Args)]
pub struct SnapshotSettings {
    /// When to take snapshots: five cron fields in UTC, @daily and the like, or off
    #[arg(long, value_name = "CRON|off")]
    pub snapshot_schedule: Option<ScheduleArg>,
    /// How long scheduled snapshots are kept [default: 7]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..=365))]
    pub snapshot_retention_days: Option<i64>,
    /// Run this in the computer before each snapshot, which is not taken if it fails; '' for nothing
    #[arg(long, value_name = "COMMAND")]
    pub before_snapshot: Option<String>,
    /// Run this in the computer after each snapshot, always; '' for nothing
    #[arg(long, value_name = "COMMAND")]
    pub after_snapshot: Option<String>,
    /// Most time that each of the two may take [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(1..=600))]
    pub hook_timeout: Option<i64>,
}

/// A schedule as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleArg {
    Off,
    /// The server decides whether it is one.
    Cron(String),
}

impl From<&str> for ScheduleArg {
    fn from(text: &str) -> Self {
        match text.trim() {
            "" | "off" | "none" => ScheduleArg::Off,
            cron => ScheduleArg::Cron(cron.to_owned()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

#[derive(Debug, Args)]
#[command(
    // The one that clap makes up would spell out the whole group.
    override_usage = "miosa volumes update [OPTIONS] <VOLUME>",
    group = ArgGroup::new("change").required(true).multiple(true).args([
        "name", "metadata", "delete_protection", "snapshot_schedule", "snapshot_retention_days",
        "before_snapshot", "after_snapshot", "hook_timeout",
    ]),
    after_help = "Examples:\n  miosa volumes update model-weights --name weights-v2\n  \
                  miosa volumes update model-weights --delete-protection on\n  \
                  miosa volumes update model-weights --snapshot-schedule '0 4 * * *' --snapshot-retention-days 7\n  \
                  miosa volumes update model-weights --snapshot-schedule off"
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
    #[command(flatten)]
    pub snapshots: SnapshotSettings,
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

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa volumes fork model-weights\n  \
                        miosa volumes fork model-weights preview-17 --ttl 3d\n  \
                        miosa volumes fork model-weights yesterday --snapshot 4f2a9c81d0e7")]
pub struct ForkArgs {
    /// Id, ending of an id, or name
    pub volume: String,
    /// Name of the copy [default: <volume name>-fork]
    pub name: Option<String>,
    /// Put the copy into the trash after this time: 3d, 12h, 30m or 90s
    #[arg(long, value_name = "TIME")]
    pub ttl: Option<String>,
    /// Size of the copy, not less than the volume's [default: the volume's]
    #[arg(long, value_name = "SIZE", value_parser = miosa_domain::size::parse_human)]
    pub size: Option<u64>,
    /// Fork it at once, however long writers have to wait
    #[arg(long, conflicts_with = "snapshot")]
    pub now: bool,
    /// As this snapshot of it was: id, ending of an id, name, or <volume>@latest
    #[arg(long, value_name = "SNAPSHOT")]
    pub snapshot: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa volumes compact model-weights\n\n\
                        The fewer pieces an image lies in, the shorter a snapshot holds writers up.")]
pub struct CompactArgs {
    /// Id, ending of an id, or name
    pub volume: String,
    /// Do not wait for the end if it takes longer than some seconds
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa volumes timeline model-weights\n  \
                        miosa volumes timeline model-weights -n 20\n  \
                        miosa volumes timeline model-weights --json")]
pub struct TimelineArgs {
    /// Id, ending of an id, or name; the volume may be gone
    pub volume: String,
    /// Only the newest so many events
    #[arg(short = 'n', long, value_name = "COUNT")]
    pub limit: Option<usize>,
}
