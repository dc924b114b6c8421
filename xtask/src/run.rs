//! Programs, files and failures: what every verb needs.

use std::error::Error;
use std::ffi::OsStr;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// Why a verb ended without success.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{doing} {}", path.display())]
    File { doing: &'static str, path: PathBuf, source: io::Error },

    #[error("cannot start `{command}`")]
    Start { command: String, source: io::Error },

    /// `output` is both streams, empty when they went to the terminal.
    #[error("`{command}` failed ({status}){output}")]
    Program { command: String, status: ExitStatus, output: String },

    /// A rule is broken or a promise was not kept; the text says which and what to do.
    #[error("{0}")]
    Refused(String),
}

impl Failure {
    /// For `map_err` on file operations.
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
        let path = path.to_owned();
        move |source| Failure::File { doing, path, source }
    }
}

/// A failure with its causes, in one line.
pub(crate) fn chain(failure: &Failure) -> String {
    let mut text = failure.to_string();
    let mut source = failure.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().expect("xtask lies in the workspace").to_owned()
}

/// The directory that cargo builds into: this program lies in `<target>/<profile>/`.
pub(crate) fn target_dir() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe().map_err(Failure::file("cannot locate", Path::new("xtask")))?;
    let target = program.ancestors().nth(2).map(Path::to_owned);
    target
        .ok_or_else(|| Failure::Refused(format!("{} does not lie in a target directory", program.display())))
}

/// A command that runs in the repository's root.
pub(crate) fn command<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = A>,
) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// The cargo that runs us.
pub(crate) fn cargo<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), arguments)
}

/// How a build is optimized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Debug,
    Release,
}

/// Builds the program and returns its path. Selects no package, so that it shares every dependency with xtask: see the alias in
/// `.cargo/config.toml`.
pub(crate) fn build_miosa(profile: Profile) -> Result<PathBuf, Failure> {
    let mut build = cargo(["build", "--bin", "miosa", "--message-format=json-render-diagnostics"]);
    if profile == Profile::Release {
        build.arg("--release");
    }
    // Cargo's progress goes to the terminal, what it made to us.
    build.stderr(Stdio::inherit());
    let messages = capture(build)?;
    let executable = |line: &str| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_miosa = message["target"]["name"] == "miosa";
        message["executable"].as_str().filter(|_| is_miosa).map(PathBuf::from)
    };
    let found = messages.lines().find_map(executable);
    found.ok_or_else(|| Failure::Refused("cargo built no program `miosa`".into()))
}

/// Runs with the terminal as output.
pub(crate) fn run(mut command: Command) -> Result<(), Failure> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|source| Failure::Start { command: line(&command), source })?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Program { command: line(&command), status, output: String::new() })
}

/// Runs quietly and answers stdout. Both streams are shown when it fails.
pub(crate) fn capture(mut command: Command) -> Result<String, Failure> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Failure::Start { command: line(&command), source })?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    let mut both = String::new();
    for stream in [stdout.trim(), String::from_utf8_lossy(&output.stderr).trim()] {
        if !stream.is_empty() {
            let _ = write!(both, "\n{stream}");
        }
    }
    Err(Failure::Program { command: line(&command), status: output.status, output: both })
}

/// A command as one would type it.
fn line(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        let _ = write!(line, " {}", argument.to_string_lossy());
    }
    line
}

/// Where `program` is, looked for where root's programs are too.
pub(crate) fn find_program(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
