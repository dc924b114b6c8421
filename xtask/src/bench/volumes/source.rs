//! The size of the source.

use std::fs;
use std::path::Path;

use super::Floors;
use crate::bench::floors::Subject;
use crate::run::{self, Failure};

/// The count that the floor is relative to.
const LINES_BEFORE: usize = 65_200;

pub(super) fn measure(floors: &mut Floors) -> Result<(), Failure> {
    let crates = run::root().join("crates");
    let mut lines = 0;
    for entry in fs::read_dir(&crates).map_err(Failure::file("cannot list", &crates))?.flatten() {
        lines += rust_lines(&entry.path().join("src"))?;
    }
    let subject = Subject { label: None };
    let floor = format!("< {LINES_BEFORE}");
    floors.figure(
        &subject,
        "lines of Rust in crates/*/src, tests included",
        lines.to_string(),
        &floor,
        lines < LINES_BEFORE,
    );
    Ok(())
}

fn rust_lines(folder: &Path) -> Result<usize, Failure> {
    let mut lines = 0;
    for entry in fs::read_dir(folder).map_err(Failure::file("cannot list", folder))?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            lines += rust_lines(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).map_err(Failure::file("cannot read", &path))?;
            lines += text.lines().count();
        }
    }
    Ok(lines)
}
