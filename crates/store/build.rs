//! Lists the migrations for `src/engine.rs`, each compiled in: `(version, name, SQL)` of every `migrations/<version>_<name>.sql`.

use std::fmt::Write;
use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let entries = std::fs::read_dir(&folder).expect("list the migrations");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("list the migrations").path()).collect();
    files.sort();
    let mut list = String::from("&[");
    for file in files {
        let stem = file.file_stem().and_then(|stem| stem.to_str()).expect("a name in plain text");
        let (version, name) = stem.split_once('_').expect("<version>_<name>.sql");
        let version: i64 = version.parse().expect("a version is a number");
        let _ = write!(list, "({version}, {name:?}, include_str!({file:?})),");
    }
    list.push(']');
    let output = std::env::var_os("OUT_DIR").expect("cargo sets it");
    std::fs::write(Path::new(&output).join("migrations.rs"), list).expect("write the list");
}
