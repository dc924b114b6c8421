//! `tidy`: the rules about the source that no compiler checks. Each rule says what is wrong, where, and what to do instead.
//!
//! The rules read text and manifests only, so a broken build is still tidied.

use std::path::{Path, PathBuf};

use crate::run::{self, Failure};

const LINES_MAX: usize = 800;

/// Which crates each crate may depend on, besides its tests. The whole shape of the workspace: adding an arrow is a decision,
/// not a side effect. Nothing but tests and tools may depend on `testkit`.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("failpoint", &[]),
    ("plan", &["domain"]),
    ("api", &["domain"]),
    ("effects", &["domain", "failpoint"]),
    ("store-macros", &[]),
    ("store", &["domain", "failpoint", "plan", "store-macros"]),
    ("backend", &["domain", "effects", "failpoint"]),
    ("runtime", &["domain", "effects", "failpoint"]),
    ("control", &["api", "domain", "store"]),
    ("controller", &["api", "control", "domain", "failpoint"]),
    ("agent", &["api", "backend", "domain", "effects", "failpoint", "plan", "runtime"]),
    ("client", &["api", "domain"]),
    ("serve", &["agent", "backend", "controller", "domain", "effects", "runtime"]),
    ("cli", &["api", "client", "domain", "failpoint", "serve"]),
    ("testkit", &["api", "client", "domain", "effects", "failpoint"]),
];

/// What the pure crates may use: data and its text form, nothing that could reach a disk, a clock or a network.
const PURE_DEPENDENCIES: &[&str] = &["croner", "jiff", "miosa-domain", "serde", "strum", "thiserror", "uuid"];

/// Libraries that only some crates may use, also under a longer name (`sqlx-core`): each keeps one concern out of every other crate.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("axum", &["controller"]),
    ("clap", &["cli"]),
    ("hyper", &["agent", "controller", "runtime"]),
    ("libc", &["effects", "runtime"]),
    ("linux-raw-sys", &["effects"]),
    ("oci-spec", &["runtime"]),
    ("reqwest", &["client"]),
    ("sqlx", &["store"]),
    ("tonic", &["agent", "api", "controller"]),
    ("tower", &["agent", "api", "controller"]),
];

/// Turns on the lists of `clippy.toml`.
const PRODUCT_LINTS: &str =
    "#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]";

/// Crates that those lists do not apply to: they make the calls, kill the process on request, or are not in the product.
const WITHOUT_PRODUCT_LINTS: &[&str] = &["effects", "failpoint", "store-macros", "testkit"];

/// The ways in which the standard library and the crates above would still reach out.
const IMPURE_PATHS: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "std::time",
    "now_v7",
    "new_v4",
    "Timestamp::now",
    "Zoned::now",
    "SystemTime",
];

const UNSAFE_LINT: &str = concat!("unsafe", "_code");

/// Files of other people, or written by a program.
const NOT_OURS: &[&str] = &["Cargo.lock", "LICENSE", "openapi/v1.json"];

/// A file of the repository.
struct Source {
    /// Relative to the root, with `/`.
    path: String,
    text: String,
}

/// Prints every broken rule; fails if there is one.
pub(crate) fn tidy() -> Result<(), Failure> {
    let root = run::root();
    let mut sources = Vec::new();
    collect(&root, &root, &mut sources)?;
    let mut broken: Vec<String> = sources.iter().flat_map(file_rules).collect();
    for source in &sources {
        if let Some(name) = crate_of_manifest(&source.path) {
            broken.extend(manifest_rules(name, source)?);
            if !sources.iter().any(|other| other.path == format!("crates/{name}/src/lib.rs")) {
                broken.push(format!("crates/{name}: has no src/lib.rs"));
            }
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    for line in &broken {
        eprintln!("{line}");
    }
    Err(Failure::Refused(format!("{} rules of `cargo xtask tidy` are broken", broken.len())))
}

/// Rules that need one file only.
fn file_rules(source: &Source) -> Vec<String> {
    let path = source.path.as_str();
    let mut broken = Vec::new();
    let lines = source.text.lines().count();
    if lines > LINES_MAX {
        broken.push(format!("{path}: {lines} lines; split it where its subjects part (at most {LINES_MAX})"));
    }
    for (number, line) in source.text.lines().enumerate() {
        let mut report = |problem: &str| broken.push(format!("{path}:{}: {problem}", number + 1));
        if has_unfinished_mark(line) {
            report("unfinished work is marked; finish it or open an issue");
        }
        if path.ends_with(".rs") {
            let code = without_comment(line);
            if code.contains(concat!("#[", "ignore")) {
                report("a test that never runs proves nothing; fix it or remove it");
            }
            // The workspace denies unsafe code; whoever names that lint wants to get around it.
            if !path.starts_with("crates/effects/") && code.contains(UNSAFE_LINT) {
                report("only crates/effects may hold unsafe code");
            }
            if is_pure(path) && IMPURE_PATHS.iter().any(|impure| code.contains(impure)) {
                report("domain and plan decide from their arguments alone: no I/O, clock or random numbers");
            }
            if is_product(path) && !path.starts_with("crates/store") && has_sql(code) {
                report("only crates/store speaks SQL");
            }
        }
    }
    let is_root = path.ends_with("src/lib.rs") || path.ends_with("src/main.rs");
    if is_root && !source.text.trim_start().starts_with("//!") {
        broken.push(format!("{path}: does not begin with `//!`: say what the crate is for"));
    }
    if let Some(name) = path.strip_prefix("crates/").and_then(|path| path.strip_suffix("/src/lib.rs"))
        && !WITHOUT_PRODUCT_LINTS.contains(&name)
        && !source.text.contains(PRODUCT_LINTS)
    {
        broken.push(format!("{path}: does not turn on the lists of clippy.toml; add: {PRODUCT_LINTS}"));
    }
    broken
}

/// Rules about a crate's dependencies.
fn manifest_rules(name: &str, manifest: &Source) -> Result<Vec<String>, Failure> {
    let path = &manifest.path;
    let table: toml::Table =
        manifest.text.parse().map_err(|error| Failure::Refused(format!("{path} is no TOML: {error}")))?;
    let mut broken = Vec::new();
    let inherits_lints = table.get("lints").and_then(|lints| lints.get("workspace")?.as_bool());
    if inherits_lints != Some(true) {
        broken.push(format!("{path}: does not inherit the workspace's lints"));
    }
    let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
        broken.push(format!("{path}: a new crate; write its allowed dependencies down in xtask/src/tidy.rs"));
        return Ok(broken);
    };
    for kind in ["dependencies", "build-dependencies"] {
        for dependency in
            table.get(kind).and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys)
        {
            if let Some(ours) = dependency.strip_prefix("miosa-")
                && !allowed.contains(&ours)
            {
                broken.push(format!(
                    "{path}: {name} may not depend on {ours}; see ARROWS in xtask/src/tidy.rs"
                ));
            }
            let of_others = LIBRARIES.iter().find(|(library, crates)| {
                let rest = dependency.strip_prefix(library);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-')) && !crates.contains(&name)
            });
            if let Some((library, crates)) = of_others {
                broken.push(format!("{path}: only {} may depend on {library}", crates.join(", ")));
            }
            if matches!(name, "domain" | "plan") && !PURE_DEPENDENCIES.contains(&dependency.as_str()) {
                broken.push(format!("{path}: {name} is pure and may not depend on {dependency}"));
            }
        }
    }
    Ok(broken)
}

fn is_pure(path: &str) -> bool {
    path.starts_with("crates/domain/src/") || path.starts_with("crates/plan/src/")
}

/// Tests may write to the databases of workloads, and set a stopped server's clock by its database.
fn is_product(path: &str) -> bool {
    path.starts_with("crates/") && path.contains("/src/")
}

/// Whether a string literal begins like a statement.
fn has_sql(code: &str) -> bool {
    ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "CREATE TABLE ", "PRAGMA "]
        .iter()
        .any(|verb| code.contains(&format!("\"{verb}")))
}

/// Looks for the two words as words of their own, in any case.
fn has_unfinished_mark(line: &str) -> bool {
    let marks = [concat!("to", "do"), concat!("fix", "me")];
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .any(|word| marks.iter().any(|mark| word.eq_ignore_ascii_case(mark)))
}

/// Good enough for these rules: none of what they look for stands behind `//` in a string.
fn without_comment(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

/// `crates/<name>/Cargo.toml`.
fn crate_of_manifest(path: &str) -> Option<&str> {
    let name = path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
    (!name.contains('/')).then_some(name)
}

/// Folders that tools fill.
const NOT_WRITTEN: [&str; 4] = [".git", "target", "node_modules", "dist"];

/// Reads every file that people write, below `folder`.
fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> Result<(), Failure> {
    let listing = std::fs::read_dir(folder).map_err(Failure::file("cannot list", folder))?;
    let mut paths: Vec<PathBuf> = listing.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() {
            if !NOT_WRITTEN.contains(&name.as_str()) {
                collect(root, &path, sources)?;
            }
            continue;
        }
        let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        let is_text =
            matches!(&*extension, "rs" | "md" | "toml" | "sql" | "sh" | "yml") || relative == ".ci/run";
        if is_text && !NOT_OURS.contains(&relative.as_str()) {
            let text = std::fs::read_to_string(&path).map_err(Failure::file("cannot read", &path))?;
            sources.push(Source { path: relative, text });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> Vec<String> {
        file_rules(&Source { path: path.into(), text: text.into() })
    }

    fn manifest(name: &str, dependencies: &str) -> Vec<String> {
        let text = format!("[lints]\nworkspace = true\n[dependencies]\n{dependencies}");
        manifest_rules(name, &Source { path: format!("crates/{name}/Cargo.toml"), text }).unwrap()
    }

    #[test]
    fn each_broken_rule_is_found() {
        let mark = concat!("// to", "do: later");
        let ignore = concat!("#[", "ignore]");
        let allow = concat!("#![allow(unsafe", "_code)]");
        let long = "\n".repeat(LINES_MAX + 1);
        for (path, text) in [
            ("crates/api/src/a.rs", long.as_str()),
            ("docs/a.md", long.as_str()),
            ("crates/api/src/a.rs", mark),
            ("crates/api/tests/a.rs", ignore),
            ("crates/api/src/lib.rs", &format!("{PRODUCT_LINTS}\npub mod a;")),
            ("crates/agent/src/a.rs", allow),
            ("crates/api/src/lib.rs", "//! Types, without the product's lints.\npub mod a;"),
            ("crates/domain/src/a.rs", "use std::time::Instant;"),
            ("crates/plan/src/a.rs", "let id = Uuid::now_v7();"),
            ("crates/domain/src/a.rs", "let at = jiff::Timestamp::now();"),
            ("crates/controller/src/a.rs", "let q = \"SELECT * FROM volumes\";"),
        ] {
            assert_eq!(file(path, text).len(), 1, "{path}: {text:?} was accepted");
        }
    }

    #[test]
    fn what_is_allowed_passes() {
        for (path, text) in [
            ("crates/api/src/lib.rs", format!("//! Types.\n{PRODUCT_LINTS}\npub mod a;").as_str()),
            ("crates/effects/src/lib.rs", "//! System calls.\npub mod a;"),
            ("crates/effects/src/a.rs", concat!("#![allow(unsafe", "_code)]")),
            ("crates/effects/src/a.rs", "use std::time::Instant;"),
            ("crates/plan/src/a.rs", "// the answer of std::fs is observed elsewhere"),
            ("crates/store/src/volume.rs", "let q = \"SELECT * FROM volumes\";"),
            ("crates/api/src/a.rs", concat!("let method_domain = 1; // a fix", "mesh")),
        ] {
            assert_eq!(file(path, text), Vec::<String>::new(), "{path}: {text:?}");
        }
    }

    #[test]
    fn arrows_point_one_way() {
        assert!(manifest("plan", "miosa-domain.workspace = true\nserde.workspace = true").is_empty());
        for (name, dependency) in [
            ("domain", "miosa-api.workspace = true"),
            ("domain", "tokio.workspace = true"),
            ("plan", "rand.workspace = true"),
            ("control", "axum.workspace = true"),
            ("control", "sqlx.workspace = true"),
            ("control", "tower-http.workspace = true"),
            ("backend", "linux-raw-sys.workspace = true"),
            ("control", "miosa-controller.workspace = true"),
            ("controller", "miosa-backend.workspace = true"),
            ("controller", "miosa-store.workspace = true"),
            ("agent", "miosa-store.workspace = true"),
            ("agent", "sqlx.workspace = true"),
            ("client", "miosa-testkit.workspace = true"),
            ("unheard-of", "serde.workspace = true"),
        ] {
            assert!(!manifest(name, dependency).is_empty(), "{name} -> {dependency} was accepted");
        }
        let bare = Source { path: "crates/api/Cargo.toml".into(), text: "[package]".into() };
        assert_eq!(manifest_rules("api", &bare).unwrap().len(), 1, "lints must be inherited");
    }
}
