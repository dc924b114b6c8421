//! The `miosa` command line. The client verbs here are a plain client of the REST API: they know nothing that another program
//! could not know, and touch nothing on this machine but `~/.miosa`, the target of `snapshots cp`, the file of `up` and, on the
//! server's own machine, the first admin key.
//!
//! `args` holds the flags, `context` merges them with environment and files, `resolve` turns what people type into ids, each
//! noun has a file of verbs, `output` prints results and `errors` failures.

#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

pub mod args;
mod computers;
mod config_file;
mod context;
pub mod errors;
mod hints;
mod output;
mod progress;
mod projects;
mod resolve;
mod services;
mod snapshots;
mod up;
mod volumes;

use args::{ComputersVerb, GlobalArgs, ProjectsVerb, ServicesVerb, SnapshotsVerb, UpArgs, VolumesVerb};
use context::{Context, Manner, process_environment};
use errors::CliError;
use output::Output;

/// A verb that calls the API.
#[derive(Debug)]
pub enum ClientVerb {
    Volumes(VolumesVerb),
    Snapshots(SnapshotsVerb),
    Computers(ComputersVerb),
    Services(ServicesVerb),
    Projects(ProjectsVerb),
    Up(UpArgs),
}

/// Runs a client verb, tells what went wrong, answers the exit code.
pub async fn run_client(flags: &GlobalArgs, verb: ClientVerb) -> u8 {
    let file = config_file::FileConfig::load(std::env::home_dir().as_deref());
    let manner = Manner::merge(flags, &process_environment, file.as_ref().unwrap_or(&Default::default()));
    if manner.debug {
        log_requests(manner.color);
    }
    let output = Output::new(manner);
    let outcome = async {
        let context = Context::new(flags, &process_environment, file?, output)?;
        match verb {
            ClientVerb::Volumes(verb) => volumes::run(&context, verb).await.map(|()| 0),
            ClientVerb::Snapshots(verb) => snapshots::run(&context, verb).await.map(|()| 0),
            ClientVerb::Computers(verb) => computers::run(&context, verb).await,
            ClientVerb::Services(verb) => services::run(&context, verb).await,
            ClientVerb::Projects(verb) => projects::run(&context, verb).await.map(|()| 0),
            ClientVerb::Up(args) => up::run(&context, args).await.map(|()| 0),
        }
    };
    outcome.await.unwrap_or_else(|error: CliError| errors::report(&error, &output))
}

fn log_requests(color: bool) {
    use std::io::IsTerminal;
    tracing_subscriber::fmt()
        .with_env_filter("miosa_client=debug")
        .with_writer(std::io::stderr)
        .with_ansi(color && std::io::stderr().is_terminal())
        .init();
}

/// Whether a command line that could not be parsed asks for JSON.
pub fn wants_json(arguments: &[String]) -> bool {
    let one_word =
        |argument: &String| matches!(argument.as_str(), "--json" | "-ojson" | "-o=json" | "--output=json");
    let two_words = |pair: &[String]| matches!(pair[0].as_str(), "-o" | "--output") && pair[1] == "json";
    arguments.iter().any(one_word)
        || arguments.windows(2).any(two_words)
        || context::says_yes(&process_environment, "MIOSA_JSON")
}
