//! `miosa up`

use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  miosa up                     Make what miosa.toml describes, after asking
  miosa up --dry-run           Only show what would be changed
  miosa up -f shop.toml -y     Without asking

A file:
  project = \"shop\"             # the default project when left out

  [volumes.ledger]
  size = \"20GB\"
  snapshot_schedule = \"0 4 * * *\"

  [services.web]
  command = \"exec /app/run\"
  replicas = 2
  volumes = [{ volume = \"ledger\", path = \"/data\", shared = true }]

Nothing is ever deleted or resized. Run again, it changes only what differs.";

#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct UpArgs {
    /// What there should be
    #[arg(short, long, value_name = "FILE", default_value = "miosa.toml")]
    pub file: PathBuf,
    /// Show what would be changed, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}
