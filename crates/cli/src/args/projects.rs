//! `miosa projects ...`

use clap::{Args, Subcommand};

const EXAMPLES: &str = "\
Examples:
  miosa projects create shop
  miosa services create web --project shop
  miosa projects list";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ProjectsArgs {
    #[command(subcommand)]
    pub verb: Option<ProjectsVerb>,
}

#[derive(Debug, Subcommand)]
pub enum ProjectsVerb {
    /// List projects, newest first
    #[command(
        visible_alias = "ls",
        after_help = "Examples:\n  miosa projects list\n  miosa projects list -q"
    )]
    List,
    /// Make a project
    #[command(visible_alias = "new")]
    Create(CreateProjectArgs),
    /// Show one project
    #[command(
        visible_alias = "get",
        after_help = "Examples:\n  miosa projects show shop\n  miosa projects show default"
    )]
    Show {
        /// Id, ending of an id, name, or default
        project: String,
    },
    /// Delete a project that nothing belongs to
    #[command(
        visible_aliases = ["destroy", "rm"],
        after_help = "Example:\n  miosa projects delete shop\n\n\
                      Refused while volumes, computers or services belong to it."
    )]
    Delete {
        /// Id, ending of an id, or name
        project: String,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  miosa projects create shop\n  \
                        miosa projects create shop --slug the-shop --description 'where things are sold'")]
pub struct CreateProjectArgs {
    /// Name
    pub name: String,
    /// Its name in addresses [default: made of the name]
    #[arg(long, value_name = "SLUG")]
    pub slug: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
}
