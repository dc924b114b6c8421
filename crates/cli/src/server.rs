//! `miosa serve` and the two processes it starts: flags in, logs set up, and over to the server's own crates.

use std::io::IsTerminal;
use std::process::ExitCode;

use miosa_cli::args::{RoleArgs, ServeArgs};
use miosa_serve::Flags;
use tracing_subscriber::EnvFilter;

pub(crate) fn serve(args: ServeArgs) -> ExitCode {
    log_to_stderr();
    let flags = Flags {
        data_dir: args.data_dir,
        listen: args.listen,
        pool: args.pool,
        pool_size: args.pool_size.map(|bytes| format!("{bytes}B")),
        insecure_http: args.insecure_http.then_some(true),
    };
    miosa_serve::run(args.config.as_deref(), &flags)
}

pub(crate) fn controller(args: &RoleArgs) -> ExitCode {
    log_to_stderr();
    miosa_serve::controller(&args.data_dir)
}

pub(crate) fn agent(args: &RoleArgs) -> ExitCode {
    log_to_stderr();
    miosa_serve::agent(&args.data_dir)
}

/// `MIOSA_LOG` sets the level, for example `debug` or `info,miosa_agent=debug`.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("MIOSA_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
