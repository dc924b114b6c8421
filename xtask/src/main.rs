//! `cargo xtask <verb>`: what people and CI do with this repository besides building it. A file per verb.
//!
//! ```text
//! setup ◄── lint, test, …      installs the missing system packages
//! openapi [--check]                routes ──► openapi/v1.json
//! tidy                             rules about the source that no compiler checks
//! lint                             spelling, and licenses and sources of dependencies
//! test                             every test, those that need root included
//! demo                             a volume's life, told on a terminal
//! bench                            how long it takes, beside the same by hand
//! ```

// A tool for a terminal: printing is its work.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod demo;
mod fixture;
mod lint;
mod openapi;
mod run;
mod setup;
mod template;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Work on this repository", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Install the system packages that are missing (Debian and Ubuntu; elsewhere name them)
    Setup,
    /// Write openapi/v1.json from the routes of crate `controller`
    Openapi {
        /// Change nothing; fail if the file differs from the types
        #[arg(long)]
        check: bool,
    },
    /// Check the rules about the source that no compiler checks
    Tidy,
    /// Check spelling, and the licenses and sources of dependencies
    Lint,
    /// Run every test, those on real devices included (needs root)
    Test,
    /// Tell a volume's life on this machine, step by step (needs root)
    Demo,
    /// Measure a release build beside the same by hand; prints a Markdown table (needs root)
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().verb {
        Verb::Setup => setup::setup(),
        Verb::Openapi { check } => openapi::openapi(check),
        Verb::Tidy => tidy::tidy(),
        Verb::Lint => lint::lint(),
        Verb::Test => test::test(),
        Verb::Demo => demo::demo(),
        Verb::Bench(options) => bench::bench(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", run::chain(&failure));
            ExitCode::FAILURE
        }
    }
}
