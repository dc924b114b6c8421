//! The tests' server, used by a tool: its panics become failures, and Ctrl-C leaves the machine as it was.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use miosa_testkit::server::{Process, Server, remains, wait_until};
use rustix::process::Signal;
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
    on_interrupt(move || {
        let left = remains::remove(&folder, &remains::uuid_folders(&data_dir));
        if left.is_empty() {
            for folder in others.iter().chain([&folder]) {
                remains::make_removable(folder);
                let _ = std::fs::remove_dir_all(folder);
            }
        } else {
            eprintln!("{} cannot be cleaned up; left:\n{left}", folder.display());
        }
    });
}

/// From now on, SIGINT and SIGTERM end this process as well, and then remove `folder`.
pub(crate) fn end_on_interrupt(pid: u32, folder: PathBuf) {
    let process = Process::of(pid);
    on_interrupt(move || {
        if let Some(process) = process {
            process.signal(Signal::TERM);
            wait_until("the end of an interrupted program", || (!process.is_alive()).then_some(()));
        }
        let _ = std::fs::remove_dir_all(folder);
    });
}

type CleanUp = Box<dyn FnOnce() + Send>;

static CLEAN_UPS: Mutex<Vec<CleanUp>> = Mutex::new(Vec::new());
static WAITING: Once = Once::new();

fn on_interrupt(clean_up: impl FnOnce() + Send + 'static) {
    let mut clean_ups = CLEAN_UPS.lock().unwrap_or_else(PoisonError::into_inner);
    clean_ups.push(Box::new(clean_up));
    WAITING.call_once(|| drop(std::thread::spawn(wait_for_interrupt)));
}

fn wait_for_interrupt() {
    if let Err(error) = wait_for_signal() {
        eprintln!("Ctrl-C will not clean up: {error}");
        return;
    }
    INTERRUPTED.store(true, Ordering::SeqCst);
    eprintln!("\ninterrupted; cleaning up");
    let clean_ups = std::mem::take(&mut *CLEAN_UPS.lock().unwrap_or_else(PoisonError::into_inner));
    // In reverse order of registration: later scratch may depend on earlier.
    clean_ups.into_iter().rev().for_each(|clean_up| clean_up());
    std::process::exit(130);
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
