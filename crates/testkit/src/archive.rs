//! Directory trees in one small file, to be kept in the repository and laid out again: for disks of earlier versions.
//!
//! The file is `gzip` of lines of JSON, one for each file, folders before what is in them. Large files that are nearly empty
//! stay small: only blocks that hold something are in it, and they become sparse files again.
//!
//! ```text
//!   {"root":"pool","path":"volumes/ID/disk.img","mode":384,"uid":0,"gid":0,"immutable":false,"size":67108864,"data":[[4096,"53ef…"],…]}
//! ```
//!
//! `size` and `data` are absent for folders. Offsets are in bytes, contents in hexadecimal digits, without the zeroes at their end.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{IFlags, SeekFrom, ioctl_getflags};
use serde_json::{Value, json};

use crate::server::remains::set_immutable;

const BLOCK_BYTES: usize = 4096;

/// Folders by the names that they have in the archive.
pub type Roots<'a> = [(&'a str, &'a Path)];

/// Writes an archive of what is below the roots and `is_wanted`, by root and path in it. There may be folders and files only.
pub fn pack(archive: &Path, roots: &Roots<'_>, is_wanted: impl Fn(&str, &Path) -> bool) {
    let mut text = String::new();
    for (name, root) in roots {
        let mut paths = Vec::new();
        collect(root, Path::new(""), &mut paths);
        for path in paths.into_iter().filter(|path| is_wanted(name, path)) {
            text += &format!("{}\n", entry(name, root, &path));
        }
    }
    let mut gzip = Command::new("gzip")
        .args(["-9", "-n"])
        .stdin(Stdio::piped())
        .stdout(create(archive))
        .spawn()
        .expect("gzip can be run");
    gzip.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("gzip reads");
    assert!(gzip.wait().expect("our own child").success(), "gzip failed");
}

/// Lays the archive out below the roots, which must be there.
pub fn unpack(archive: &Path, roots: &Roots<'_>) {
    let output = Command::new("gzip").args(["-d", "-c"]).arg(archive).output().expect("gzip can be run");
    assert!(output.status.success(), "{}: {output:?}", archive.display());
    let text = String::from_utf8(output.stdout).expect("an archive is text");
    for line in text.lines() {
        let entry: Value = serde_json::from_str(line).expect("a line of an archive is JSON");
        let name = entry["root"].as_str().expect("an entry has a root");
        let (_, root) =
            roots.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no root {name}"));
        lay_out(&entry, &root.join(entry["path"].as_str().expect("an entry has a path")));
    }
}

/// In a fixed order, folders before what is in them.
fn collect(root: &Path, folder: &Path, paths: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(root.join(folder)).expect("read a folder");
    let mut names: Vec<_> = entries.map(|entry| entry.expect("read a folder").file_name()).collect();
    names.sort_unstable();
    for name in names {
        let path = folder.join(name);
        let kind = fs::symlink_metadata(root.join(&path)).expect("look at a file").file_type();
        if kind.is_dir() {
            paths.push(path.clone());
            collect(root, &path, paths);
        } else if kind.is_file() {
            paths.push(path);
        }
    }
}

fn entry(name: &str, root: &Path, path: &Path) -> Value {
    let file = File::open(root.join(path)).expect("open a file");
    let stat = file.metadata().expect("look at a file");
    let mut entry = json!({
        "root": name,
        "path": path.to_str().expect("our names are text"),
        "mode": stat.mode() & 0o7777,
        "uid": stat.uid(),
        "gid": stat.gid(),
        "immutable": ioctl_getflags(&file).is_ok_and(|flags| flags.contains(IFlags::IMMUTABLE)),
    });
    if stat.is_file() {
        entry["size"] = stat.len().into();
        entry["data"] = blocks(&file, stat.len()).into();
    }
    entry
}

fn blocks(file: &File, size: u64) -> Vec<Value> {
    let mut block = [0; BLOCK_BYTES];
    let mut blocks = Vec::new();
    let mut offset = 0;
    // Behind the last data there is nothing to be found.
    while let Ok(data) = rustix::fs::seek(file, SeekFrom::Data(offset)) {
        offset = data - data % BLOCK_BYTES as u64;
        let len = BLOCK_BYTES.min((size - offset) as usize);
        file.read_exact_at(&mut block[..len], offset).expect("read a file");
        if let Some(last) = block[..len].iter().rposition(|byte| *byte != 0) {
            let hex: String = block[..=last].iter().map(|byte| format!("{byte:02x}")).collect();
            blocks.push(json!([offset, hex]));
        }
        offset += len as u64;
    }
    blocks
}

fn lay_out(entry: &Value, path: &Path) {
    let number = |field: &str| entry[field].as_u64().unwrap_or_else(|| panic!("no {field} in {entry}"));
    let Some(data) = entry["data"].as_array() else {
        fs::create_dir_all(path).expect("make a folder");
        return give(entry, path, number("mode") as u32);
    };
    let file = create(path);
    file.set_len(number("size")).expect("set the size of a file");
    for block in data {
        let hex = block[1].as_str().expect("a block has content").as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Option<Vec<u8>> = hex.chunks(2).map(byte).collect();
        let offset = block[0].as_u64().expect("a block has an offset");
        file.write_all_at(&bytes.expect("hexadecimal digits"), offset).expect("write a file");
    }
    file.sync_all().expect("sync a file");
    give(entry, path, number("mode") as u32);
    if entry["immutable"] == true {
        set_immutable(path, true).expect("set the immutable flag");
    }
}

fn give(entry: &Value, path: &Path, mode: u32) {
    let id = |field: &str| entry[field].as_u64().and_then(|id| u32::try_from(id).ok());
    chown(path, id("uid"), id("gid")).expect("change the owner");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("change the mode");
}

fn create(path: &Path) -> File {
    File::create(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out is what went in: contents, holes, sizes, modes.
    #[test]
    fn a_tree_comes_back() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("from"), root.path().join("to"));
        fs::create_dir_all(from.join("folder")).unwrap();
        fs::create_dir(&to).unwrap();
        let file = File::create(from.join("folder/sparse")).unwrap();
        file.write_all_at(b"begin", 0).unwrap();
        file.write_all_at(b"in the middle", 5000).unwrap();
        file.set_len(1 << 20).unwrap();
        fs::write(from.join("unwanted"), "").unwrap();
        fs::set_permissions(from.join("folder/sparse"), Permissions::from_mode(0o640)).unwrap();

        let archive = root.path().join("archive");
        pack(&archive, &[("a", &from)], |root, path| root == "a" && path != "unwanted");
        unpack(&archive, &[("a", &to)]);
        let back = to.join("folder/sparse");
        assert_eq!(fs::read(&back).unwrap(), fs::read(from.join("folder/sparse")).unwrap());
        let stat = fs::metadata(back).unwrap();
        assert_eq!((stat.mode() & 0o7777, stat.blocks() * 512 < 64 << 10), (0o640, true));
        assert!(!to.join("unwanted").exists());
    }
}
