//! `miosa snapshots ...`

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

const EXAMPLES: &str = "\
Examples:
  miosa snapshots create model-weights --name before-upgrade
  miosa snapshots list model-weights
  miosa snapshots ls model-weights@latest:/etc
  miosa snapshots restore before-upgrade --to recovered
  miosa snapshots restore before-upgrade --in-place --force

A snapshot is named by its id, the ending of it, its name, or <volume>@latest: the newest that is ready.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SnapshotsArgs {
    #[command(subcommand)]
    pub verb: Option<SnapshotsVerb>,
}

#[derive(Debug, Subcommand)]
pub enum SnapshotsVerb {
    /// List snapshots, newest first
    List(ListSnapshotsArgs),
    /// Take a snapshot of a volume, in use or not
    #[command(visible_aliases = ["new", "take"])]
    Create(CreateSnapshotArgs),
    /// Show one snapshot
    #[command(
        visible_alias = "get",
        after_help = "Examples:\n  miosa snapshots show before-upgrade\n  \
                                                   miosa snapshots show model-weights@latest"
    )]
    Show {
        /// Id, ending of an id, name, or <volume>@latest
        snapshot: String,
    },
    /// Change name or metadata; the data never changes
    Update(UpdateSnapshotArgs),
    /// Refuse to delete a snapshot, and let it not expire
    #[command(after_help = "Example:\n  miosa snapshots protect before-upgrade")]
    Protect {
        /// Id, ending of an id, name, or <volume>@latest
        snapshot: String,
    },
    /// Let a snapshot be deleted and expire again
    #[command(after_help = "Example:\n  miosa snapshots unprotect before-upgrade")]
    Unprotect {
        /// Id, ending of an id, name, or <volume>@latest
        snapshot: String,
    },
    /// Delete a snapshot for good
    #[command(visible_aliases = ["destroy", "rm"])]
    Delete(DeleteSnapshotArgs),
    /// Make a volume from a snapshot, or bring its volume back to it
    Restore(RestoreArgs),
    /// Compare a snapshot's data with the checksum that it was taken with
    Verify(VerifyArgs),
    /// Remove the snapshots whose time is over, as it also happens by itself
    Prune(PruneArgs),
    /// List files in a snapshot; without one, the snapshots
    Ls(LsArgs),
    /// Write a file of a snapshot to standard output
    #[command(after_help = "Example:\n  miosa snapshots cat model-weights@latest:/etc/app.conf")]
    Cat {
        /// <snapshot>:/path; a symlink is followed
        #[arg(value_name = "SNAPSHOT:/PATH")]
        file: OsString,
    },
    /// Copy a file or folder out of a snapshot
    Cp(CpArgs),
    /// Tell what differs between two snapshots of a volume
    Diff(DiffArgs),
}

#[derive(Debug, Default, Args)]
#[command(after_help = "Examples:\n  miosa snapshots list\n  miosa snapshots list model-weights\n  \
                        miosa snapshots list model-weights --json | jq -r '.[0].id'\n\n\
                        ONLY-HERE is what deleting that snapshot alone gives back; - until it is measured.")]
pub struct ListSnapshotsArgs {
    /// Only those of this volume, which may be gone: id, ending of an id, or name
    pub volume: Option<String>,
    /// Of all volumes, those that are gone included; the same as naming none
    #[arg(long, conflicts_with = "volume")]
    pub all: bool,
    /// Only those in this state, for example failed
    #[arg(long, alias = "state", value_name = "STATE")]
    pub status: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa snapshots create model-weights\n  \
                  miosa snapshots create model-weights --name before-upgrade --protect\n  \
                  miosa snapshots create scratch --ttl 3d\n\n\
                  Everything written before the call is in it. An image that lies in so many pieces that writers \
                  would have to wait long is compacted first, unless it is to be taken --now.")]
pub struct CreateSnapshotArgs {
    /// Id, ending of an id, or name of the volume
    pub volume: String,
    /// Name; need not be unique
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Refuse to delete it until this is turned off
    #[arg(long)]
    pub protect: bool,
    /// Remove it after this time: 3d, 12h, 30m or 90s [default: it stays until it is deleted]
    #[arg(long, value_name = "TIME")]
    pub ttl: Option<String>,
    /// Take it at once, however long writers have to wait
    #[arg(long)]
    pub now: bool,
    /// A note to keep with it; may be given again
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::parse_pair)]
    pub metadata: Vec<(String, String)>,
}

#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("change").args(["name", "metadata"]).required(true).multiple(true),
    after_help = "Example:\n  miosa snapshots update 4f2a9c81d0e7 --name last-good --metadata why=audit"
)]
pub struct UpdateSnapshotArgs {
    /// Id, ending of an id, name, or <volume>@latest
    pub snapshot: String,
    /// New name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// New metadata, in place of all that is there; may be given again
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::parse_pair)]
    pub metadata: Vec<(String, String)>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa snapshots delete before-upgrade\n  \
                        miosa snapshots delete 4f2a9c81d0e7 -f\n\n\
                        There is no trash for snapshots: what is deleted is gone.")]
pub struct DeleteSnapshotArgs {
    /// Id, ending of an id, name, or <volume>@latest
    pub snapshot: String,
    /// Do not ask
    #[arg(short, long, short_alias = 'y', alias = "yes")]
    pub force: bool,
}

#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("where").args(["to", "in_place"]).required(true),
    after_help = "Examples:\n  miosa snapshots restore before-upgrade --to recovered\n  \
                  miosa snapshots restore before-upgrade --to recovered --size 100\n  \
                  miosa snapshots restore model-weights@latest --in-place --force\n\n\
                  In place, the present is kept in a safety snapshot first, so that a restore can be undone."
)]
pub struct RestoreArgs {
    /// Id, ending of an id, name, or <volume>@latest
    pub snapshot: String,
    /// Make a new volume of this name
    #[arg(long, value_name = "NAME")]
    pub to: Option<String>,
    /// Bring the snapshot's own volume back to it
    #[arg(long)]
    pub in_place: bool,
    /// Size of the new volume, not less than the snapshot's [default: the snapshot's]
    #[arg(long, value_name = "SIZE", value_parser = miosa_domain::size::parse_human, conflicts_with = "in_place")]
    pub size: Option<u64>,
    /// Put the new volume into the trash after this time: 3d, 12h, 30m or 90s
    #[arg(long, value_name = "TIME", conflicts_with = "in_place")]
    pub ttl: Option<String>,
    /// Stop the computers that use the volume, and start them again afterwards
    #[arg(long, conflicts_with = "to")]
    pub force: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  miosa snapshots verify before-upgrade\n\nEnds with exit code 1 if it is damaged."
)]
pub struct VerifyArgs {
    /// Id, ending of an id, name, or <volume>@latest
    pub snapshot: String,
    /// Do not wait for the outcome if it takes longer than some seconds
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  miosa snapshots prune --dry-run\n  miosa snapshots prune model-weights\n\n\
                        The newest good snapshot of a volume, protected ones and those in use stay."
)]
pub struct PruneArgs {
    /// Only those of this volume, which may be gone: id, ending of an id, or name
    pub volume: Option<String>,
    /// Only tell what would go
    #[arg(long, short = 'n')]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa snapshots ls before-upgrade\n  \
                        miosa snapshots ls model-weights@latest:/var/log\n\n\
                        -q prints whole paths only, byte for byte.")]
pub struct LsArgs {
    /// <snapshot> or <snapshot>:/path
    #[arg(value_name = "SNAPSHOT[:/PATH]")]
    pub path: Option<OsString>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa snapshots cp before-upgrade:/etc/app.conf .\n  \
                  miosa snapshots cp -r model-weights@latest:/var/log ./old-logs\n\n\
                  Symlinks arrive as symlinks. What is there is not overwritten; -f replaces a file, a folder is never \
                  replaced. A copy is there as a whole or not at all.")]
pub struct CpArgs {
    /// <snapshot>:/path
    #[arg(value_name = "SNAPSHOT:/PATH")]
    pub source: OsString,
    /// Where on this machine: a new name, or a folder to put it into
    #[arg(value_name = "LOCAL")]
    pub target: PathBuf,
    /// Copy a folder with all that is in it
    #[arg(short, long)]
    pub recursive: bool,
    /// Replace a file that is there
    #[arg(short, long)]
    pub force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa snapshots diff before-upgrade model-weights@latest\n  \
                  miosa snapshots diff 4f2a9c81d0e7 9c0d1e2f3a4b --limit 20\n\n\
                  A added, R removed, M modified, each as seen from the first to the second.")]
pub struct DiffArgs {
    /// The one to start from: id, ending of an id, name, or <volume>@latest
    pub from: String,
    /// The one to compare with it
    pub to: String,
    /// List at most so many files
    #[arg(long, value_name = "COUNT", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
}
