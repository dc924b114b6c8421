//! The tests' server, used by a tool: its panics become failures, and Ctrl-C leaves the machine as it was.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use miosa_testkit::server::{Server, remains};
use tokio::signal::unix::{SignalKind, signal};

use crate::run::Failure;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The fixture panics where something is not as promised, and so may `act`. Here that is a failure like any other.
pub(crate) fn without_panics(act: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    panic::set_hook(Box::new(|_| {}));
    let outcome = panic::catch_unwind(AssertUnwindSafe(act));
    // The default one again.
    drop(panic::take_hook());
    while INTERRUPTED.load(Ordering::SeqCst) {
        // What failed did so because its server is being taken away, by the thread that will end us.
        std::thread::park();
    }
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason is known");
        Err(Failure::Refused(format!("this was not as promised: {text}")))
    })
}

/// From now on, SIGINT and SIGTERM remove everything of this server's folder, and then `others`, before they end us.
pub(crate) fn clean_up_on_interrupt(server: &Server, others: Vec<PathBuf>) {
    let folder = server.folder().to_owned();
    let data_dir = server.data_dir().to_owned();
    std::thread::spawn(move || {
        if let Err(error) = wait_for_signal() {
            eprintln!("Ctrl-C will not clean up: {error}");
            return;
        }
        INTERRUPTED.store(true, Ordering::SeqCst);
        eprintln!("\ninterrupted; cleaning up");
        let left = remains::remove(&folder, &remains::uuid_folders(&data_dir));
        if left.is_empty() {
            for folder in others.iter().chain([&folder]) {
                let _ = std::fs::remove_dir_all(folder);
            }
        } else {
            eprintln!("{} cannot be cleaned up; left:\n{left}", folder.display());
        }
        std::process::exit(130);
    });
}

fn wait_for_signal() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    })
}
