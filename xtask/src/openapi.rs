//! `openapi`: the committed document of the HTTP API, generated from the controller's routes.

use crate::run::{self, Failure};

const DOCUMENT: &str = "openapi/v1.json";

/// Writes the document, or with `check` fails if it differs from the routes.
pub(crate) fn openapi(check: bool) -> Result<(), Failure> {
    let path = run::root().join(DOCUMENT);
    // Not `--package`, for the reason given in .cargo/config.toml.
    let document = run::capture(run::cargo(["run", "--quiet", "--example", "openapi"]))?;
    let present = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        other => Some(other.map_err(Failure::file("cannot read", &path))?),
    };
    if present.as_deref() == Some(&document) {
        return Ok(());
    }
    if check {
        let line = first_difference(present.as_deref().unwrap_or_default(), &document);
        return Err(Failure::Refused(format!(
            "{DOCUMENT} differs from the routes at line {line}; run `cargo xtask openapi` and commit the file"
        )));
    }
    std::fs::write(&path, document).map_err(Failure::file("cannot write", &path))?;
    println!("wrote {DOCUMENT}");
    Ok(())
}

/// The number, from 1, of the first line in which the texts differ.
fn first_difference(present: &str, wanted: &str) -> usize {
    present.lines().zip(wanted.lines()).take_while(|(one, other)| one == other).count() + 1
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    #[test]
    fn the_first_difference_is_named() {
        assert_eq!(first_difference("a\nb\nc\n", "a\nX\nc\n"), 2);
        assert_eq!(first_difference("", "a\n"), 1);
        assert_eq!(first_difference("a\n", "a\nb\n"), 2);
    }
}
