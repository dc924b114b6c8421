//! A computer template for the demo: busybox and the host's `sqlite3` with the libraries it needs, in a plain directory.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::run::{self, Failure};

/// The first process of the demo's computer. It commits one row after another to a database on the volume, and says each one
/// aloud only after SQLite has said that it is committed: on its own root disk, so that the volume is not its own witness.
pub(crate) const WRITER: &str = r#"#!/bin/sh
trap 'exit 0' TERM
database=/mnt/data/orders.db
run=$(($(cat /runs 2>/dev/null || echo 0) + 1))
echo $run > /runs
mounted() { grep -q ' /mnt/data ext4 ' /proc/mounts; }
if mounted; then
  echo "run $run: volume there first; rows $(sqlite3 $database 'select count(*) from orders'), acknowledged $(tail -n 1 /acknowledged)"
else
  echo "run $run: no volume"
fi
while :; do
  if [ -e /pause ] || ! mounted; then
    touch /paused
    sleep 0.05
    continue
  fi
  rm -f /paused
  sqlite3 -cmd '.timeout 5000' $database "pragma synchronous = full;
    create table if not exists orders (id integer primary key, body text not null);
    insert into orders (body) values (hex(randomblob(200)));
    select max(id) from orders;" >> /acknowledged
done
"#;

/// The first process of the demo's service: looks at its volume once, says what it finds, and stays.
const TELLER: &str = r#"#!/bin/sh
trap 'exit 0' TERM
echo "release $MIOSA_RELEASE finds $(sqlite3 /mnt/data/orders.db 'select count(*) from orders') orders"
while :; do sleep 0.05; done
"#;

/// Makes the template in `folder`, which must not exist.
pub(crate) fn make(folder: &Path) -> Result<(), Failure> {
    for directory in ["bin", "dev", "etc", "mnt", "proc", "root", "sys", "tmp", "usr", "var"] {
        let path = folder.join(directory);
        fs::create_dir_all(&path).map_err(Failure::file("cannot make", &path))?;
    }
    copy(&program("busybox")?, &folder.join("bin/busybox"))?;
    for applet in ["sh", "cat", "echo", "grep", "ls", "rm", "sleep", "tail", "test", "touch", "true"] {
        let path = folder.join("bin").join(applet);
        symlink("busybox", &path).map_err(Failure::file("cannot link", &path))?;
    }
    let sqlite3 = program("sqlite3")?;
    copy(&sqlite3, &folder.join("bin/sqlite3"))?;
    let ldd = run::capture(run::command("ldd", [&sqlite3]))?;
    for library in libraries(&ldd) {
        let place = library.strip_prefix("/").unwrap_or(&library);
        copy(&library, &folder.join(place))?;
    }
    for (name, script) in [("bin/writer", WRITER), ("bin/teller", TELLER)] {
        let path = folder.join(name);
        fs::write(&path, script).map_err(Failure::file("cannot write", &path))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .map_err(Failure::file("cannot make executable", &path))?;
    }
    Ok(())
}

fn program(name: &str) -> Result<PathBuf, Failure> {
    run::find_program(name).ok_or_else(|| Failure::Refused(format!("{name} is not installed")))
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(Failure::file("cannot make", folder))?;
    }
    fs::copy(from, to).map(drop).map_err(Failure::file("cannot copy to", to))
}

/// The files that `ldd` names: `libz.so.1 => /lib/x/libz.so.1 (0x..)`, and the loader itself, `/lib64/ld.so (0x..)`.
fn libraries(ldd: &str) -> Vec<PathBuf> {
    let file = |line: &str| {
        let named = line.split_once("=>").map_or(line, |(_, file)| file);
        let path = named.split_whitespace().next()?;
        path.starts_with('/').then(|| PathBuf::from(path))
    };
    ldd.lines().filter_map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_read_from_ldd() {
        let ldd = "\tlinux-vdso.so.1 (0x00007f80cbcc2000)\n\
                   \tlibz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x00007f80cba8f000)\n\
                   \t/lib64/ld-linux-x86-64.so.2 (0x00007f80cbcc4000)\n";
        let expected = ["/lib/x86_64-linux-gnu/libz.so.1", "/lib64/ld-linux-x86-64.so.2"];
        assert_eq!(libraries(ldd), expected.map(PathBuf::from));
    }

    // Aim: the template must be enough to run sqlite3, with nothing of the host behind it.
    #[test]
    fn sqlite_runs_in_the_template_alone() {
        if !run::is_root() || run::find_program("sqlite3").is_none() {
            return;
        }
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("template");
        make(&folder).unwrap();
        let script = "export PATH=/bin; sqlite3 /tmp/a.db 'create table t (n); insert into t values (41 + 1); select n from t'";
        let mut chroot = run::command("chroot", [folder.as_os_str()]);
        chroot.args(["/bin/sh", "-c", script]);
        assert_eq!(run::capture(chroot).unwrap().trim(), "42");
    }
}
