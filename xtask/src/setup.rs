//! `setup`: the system packages that miosa, its tests and its demo need.
//!
//! Says nothing and does nothing when all is there, so other verbs can call it first. Only Debian and Ubuntu are known well
//! enough to install for; elsewhere it names the programs and leaves the choice to the reader.

use std::path::Path;

use crate::run::{self, Failure};

/// A need and the Debian packages that meet it.
#[derive(Clone, Copy)]
struct Need {
    /// Any one of these programs will do.
    programs: &'static [&'static str],
    packages: &'static [&'static str],
    why: &'static str,
}

const NEEDS: &[Need] = &[
    Need { programs: &["runc", "crun", "youki"], packages: &["runc"], why: "runs the containers" },
    Need { programs: &["conmon"], packages: &["conmon"], why: "keeps containers while miosa restarts" },
    Need { programs: &["mkfs.xfs"], packages: &["xfsprogs"], why: "makes the pool" },
    Need { programs: &["mkfs.btrfs"], packages: &["btrfs-progs"], why: "tests of pools on Btrfs" },
    Need {
        programs: &["mkfs.ext4", "mke2fs"],
        packages: &["e2fsprogs"],
        why: "makes the volumes' filesystem",
    },
    Need { programs: &["nsenter", "losetup"], packages: &["util-linux", "mount"], why: "tests and bench" },
    Need { programs: &["fio"], packages: &["fio"], why: "tests and bench of volumes under load" },
    Need { programs: &["sqlite3"], packages: &["sqlite3"], why: "tests of a database, and the demo" },
    Need {
        programs: &["pg_ctlcluster", "initdb"],
        packages: &["postgresql"],
        why: "tests of the store's other engine",
    },
    Need { programs: &["ldd"], packages: &["libc-bin"], why: "the demo's template" },
    Need { programs: &["cc", "gcc", "clang"], packages: &["gcc", "libc6-dev"], why: "compiles SQLite" },
    Need { programs: &["node"], packages: &["nodejs"], why: "tests of the TypeScript SDK" },
    Need { programs: &["npm"], packages: &["npm"], why: "builds the TypeScript SDK" },
];

/// Installs what is missing.
pub(crate) fn setup() -> Result<(), Failure> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
    if run::find_program("apt-get").is_none() {
        let list: Vec<String> =
            missing.iter().map(|need| format!("  {} ({})", need.programs.join(" or "), need.why)).collect();
        return Err(Failure::Refused(format!(
            "these programs are missing; install them with this system's package manager:\n{}",
            list.join("\n")
        )));
    }
    let install = format!("apt-get install --yes --no-install-recommends {}", packages.join(" "));
    if !run::is_root() {
        return Err(Failure::Refused(format!("system packages are missing; run: sudo {install}")));
    }
    println!("installing {}", packages.join(" "));
    apt_get(&["update", "--quiet=2"])?;
    apt_get(&[&["install", "--yes", "--quiet=2", "--no-install-recommends"], &packages[..]].concat())?;
    match self::missing().as_slice() {
        [] => Ok(()),
        [first, ..] => Err(Failure::Refused(format!(
            "{} was installed, and {} is still not on the PATH",
            first.packages.join(" "),
            first.programs.join(" or ")
        ))),
    }
}

fn missing() -> Vec<Need> {
    let here = |need: &Need| need.programs.iter().any(|program| run::find_program(program).is_some());
    let mut missing: Vec<Need> = NEEDS.iter().filter(|need| !here(need)).copied().collect();
    if !has_python_with_venv() {
        missing.push(Need {
            programs: &["python3 with its module venv"],
            packages: &["python3", "python3-venv"],
            why: "the published Python SDK, and `cargo xtask lint`",
        });
    }
    if !has_static_busybox() {
        missing.push(Need {
            programs: &["a statically linked busybox"],
            packages: &["busybox-static"],
            why: "the default template",
        });
    }
    missing
}

/// Debian packages the module `venv` without `ensurepip`, which it needs, unless `python3-venv` is installed too.
fn has_python_with_venv() -> bool {
    run::capture(run::command("python3", ["-c", "import ensurepip, venv"])).is_ok()
}

/// The default template holds nothing but busybox, so it must not need libraries.
fn has_static_busybox() -> bool {
    run::find_program("busybox").is_some_and(|busybox| is_static(&busybox))
}

/// A static program names no interpreter: it has no `PT_INTERP` program header. Reads what the kernel would read.
fn is_static(program: &Path) -> bool {
    const PT_INTERP: u32 = 3;
    let Ok(elf) = std::fs::read(program) else { return false };
    let u16_at = |at: usize| Some(u16::from_le_bytes(elf.get(at..at + 2)?.try_into().ok()?));
    let u32_at = |at: usize| Some(u32::from_le_bytes(elf.get(at..at + 4)?.try_into().ok()?));
    let u64_at = |at: usize| Some(u64::from_le_bytes(elf.get(at..at + 8)?.try_into().ok()?));
    // 64-bit, little-endian: what miosa runs on.
    if elf.get(..6) != Some(b"\x7fELF\x02\x01") {
        return false;
    }
    let (Some(headers), Some(size), Some(count)) = (u64_at(32), u16_at(54), u16_at(56)) else { return false };
    let kinds = (0..usize::from(count)).map(|i| u32_at(headers as usize + i * usize::from(size)));
    kinds.into_iter().all(|kind| kind.is_some_and(|kind| kind != PT_INTERP))
}

fn apt_get(arguments: &[&str]) -> Result<(), Failure> {
    let mut command = run::command("apt-get", arguments);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    run::capture(command).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Aim: a dynamic busybox must count as missing, else the default template would be made of something that cannot run.
    // This test itself is a dynamic program on the platforms that we build on.
    #[test]
    fn dynamic_programs_are_told_from_static_ones() {
        assert!(!is_static(&std::env::current_exe().unwrap()));
        assert!(!is_static(Path::new("/etc/passwd")), "no ELF file");
        assert!(!is_static(Path::new("/nonexistent")));
        if let Some(busybox) = run::find_program("busybox") {
            let ldd = std::process::Command::new("ldd").arg(&busybox).output().unwrap();
            assert_eq!(is_static(&busybox), !ldd.status.success(), "ldd refuses static programs");
        }
    }
}
