//! The program `miosa`: client verbs, and the server with its two processes.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use miosa_cli::args::{
    Cli, ComputersArgs, ProjectsArgs, ServicesArgs, SnapshotsArgs, Verb, VolumesArgs, group_help,
};
use miosa_cli::{ClientVerb, errors, run_client, wants_json};

mod server;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return not_parsed(&error).into(),
    };
    let client_verb = match cli.verb {
        None => return print_help(&[]).into(),
        Some(Verb::Volumes(VolumesArgs { verb: None })) => return print_help(&["volumes"]).into(),
        Some(Verb::Snapshots(SnapshotsArgs { verb: None })) => return print_help(&["snapshots"]).into(),
        Some(Verb::Computers(ComputersArgs { verb: None })) => return print_help(&["computers"]).into(),
        Some(Verb::Services(ServicesArgs { verb: None })) => return print_help(&["services"]).into(),
        Some(Verb::Projects(ProjectsArgs { verb: None })) => return print_help(&["projects"]).into(),
        Some(Verb::Volumes(VolumesArgs { verb: Some(verb) })) => ClientVerb::Volumes(verb),
        Some(Verb::Snapshots(SnapshotsArgs { verb: Some(verb) })) => ClientVerb::Snapshots(verb),
        Some(Verb::Computers(ComputersArgs { verb: Some(verb) })) => ClientVerb::Computers(verb),
        Some(Verb::Services(ServicesArgs { verb: Some(verb) })) => ClientVerb::Services(verb),
        Some(Verb::Projects(ProjectsArgs { verb: Some(verb) })) => ClientVerb::Projects(verb),
        Some(Verb::Up(args)) => ClientVerb::Up(args),
        Some(Verb::Serve(args)) => return server::serve(args),
        Some(Verb::Controller(args)) => return server::controller(&args),
        Some(Verb::Agent(args)) => return server::agent(&args),
        Some(Verb::Failpoints) => return print(&(miosa_failpoint::all().join("\n") + "\n")).into(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(run_client(&cli.global, client_verb)).into(),
        Err(error) => errors::report_usage(&format!("cannot start: {error}\n"), false).into(),
    }
}

/// Help and version are no errors. A closed pipe is none either: the reader has seen enough.
fn not_parsed(error: &clap::Error) -> u8 {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = error.print();
        return 0;
    }
    let arguments: Vec<String> = std::env::args().collect();
    errors::report_usage(&error.render().to_string(), wants_json(&arguments))
}

fn print_help(group: &[&str]) -> u8 {
    print(&group_help(group))
}

fn print(text: &str) -> u8 {
    let _ = std::io::stdout().write_all(text.as_bytes());
    0
}
