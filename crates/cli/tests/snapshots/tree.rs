//! Aim: a snapshot holds the whole tree as it was: every name, size and byte, after any operations on files, those that nobody
//! has synced included.
//!
//! Method: random operations on files are done to the volume and to a model in memory. At quiet points a snapshot is taken,
//! without any sync by the test, and the model put aside. In the end each snapshot's tree is compared with its model.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use std::sync::Arc;

use miosa_testkit::image::{Look, assert_no_fault};
use rustix::fs::{FallocateFlags, fallocate};
use serde_json::json;

use super::{Attached, MIB, Random, id, server};

const SNAPSHOTS: usize = 60;
const OPERATIONS_BETWEEN: usize = 40;
const FILE_MAX_BYTES: u64 = 96 << 10;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Folder,
    File(Arc<Vec<u8>>),
    Link(String),
}

/// By the path from the volume's root.
type Tree = BTreeMap<String, Node>;

/// Where and of what a change is: an existing file, and a range in it.
struct Spot {
    name: String,
    offset: u64,
    len: u64,
}

/// The volume and its model.
struct Twin<'a> {
    root: &'a Path,
    tree: Tree,
    random: Random,
}

impl Twin<'_> {
    fn step(&mut self) {
        match self.random.below(12) {
            0 | 1 => self.create(),
            2..=4 => self.write(),
            5 => self.truncate(),
            6 => self.punch(),
            7 => self.allocate(),
            8 => self.rename(),
            9 => self.remove(),
            10 => self.make_folder(),
            _ => self.link(),
        }
    }

    fn create(&mut self) {
        let name = self.new_name();
        File::create(self.root.join(&name)).expect("make a file");
        self.tree.insert(name, Node::File(Arc::default()));
    }

    fn write(&mut self) {
        let Some(spot) = self.spot() else { return };
        let data: Vec<u8> = (0..spot.len).map(|_| self.random.next() as u8).collect();
        let file = self.open(&spot.name);
        file.write_all_at(&data, spot.offset).expect("write");
        if self.random.below(4) == 0 {
            file.sync_all().expect("sync a file");
            File::open(self.root).and_then(|root| root.sync_all()).expect("sync the folder");
        }
        self.change(&spot, |bytes| bytes.copy_from_slice(&data));
    }

    /// To a smaller or larger size.
    fn truncate(&mut self) {
        let Some(spot) = self.spot() else { return };
        self.open(&spot.name).set_len(spot.offset).expect("truncate");
        self.resize(&spot.name, |_| spot.offset);
    }

    fn punch(&mut self) {
        let Some(spot) = self.spot() else { return };
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        fallocate(self.open(&spot.name), flags, spot.offset, spot.len).expect("punch a hole");
        let size = self.content(&spot.name).len() as u64;
        let end = (spot.offset + spot.len).min(size);
        if spot.offset < end {
            self.change(&Spot { len: end - spot.offset, ..spot }, |bytes| bytes.fill(0));
        }
    }

    fn allocate(&mut self) {
        let Some(spot) = self.spot() else { return };
        fallocate(self.open(&spot.name), FallocateFlags::empty(), spot.offset, spot.len).expect("allocate");
        self.resize(&spot.name, |size| size.max(spot.offset + spot.len));
    }

    /// Onto a new name, or over another file.
    fn rename(&mut self) {
        let Some(from) = self.any_file() else { return };
        let to =
            if self.random.below(2) == 0 { self.new_name() } else { self.any_file().expect("there is one") };
        fs::rename(self.root.join(&from), self.root.join(&to)).expect("rename");
        let node = self.tree.remove(&from).expect("it is in the model");
        self.tree.insert(to, node);
    }

    fn remove(&mut self) {
        let Some(name) = self.any_file() else { return };
        fs::remove_file(self.root.join(&name)).expect("unlink");
        self.tree.remove(&name);
    }

    fn make_folder(&mut self) {
        let name = format!("folder-{}", self.random.below(6));
        if self.tree.insert(name.clone(), Node::Folder).is_none() {
            fs::create_dir(self.root.join(name)).expect("make a folder");
        }
    }

    fn link(&mut self) {
        let (name, target) = (format!("{}-link", self.new_name()), format!("../{}", self.random.next()));
        symlink(&target, self.root.join(&name)).expect("make a link");
        self.tree.insert(name, Node::Link(target));
    }

    /// In the root or in a folder that is there. Never one that was used before.
    fn new_name(&mut self) -> String {
        let folders: Vec<&String> =
            self.tree.iter().filter(|(_, node)| **node == Node::Folder).map(|(name, _)| name).collect();
        let chosen = self.random.below(folders.len() as u64 + 1) as usize;
        let name = format!("file-{:x}", self.random.next());
        folders.get(chosen).map_or(name.clone(), |folder| format!("{folder}/{name}"))
    }

    fn any_file(&mut self) -> Option<String> {
        let is_file = |(name, node): (&String, &Node)| matches!(node, Node::File(_)).then(|| name.clone());
        let files: Vec<String> = self.tree.iter().filter_map(is_file).collect();
        let chosen = self.random.below(files.len().max(1) as u64) as usize;
        files.get(chosen).cloned()
    }

    fn spot(&mut self) -> Option<Spot> {
        let name = self.any_file()?;
        let offset = self.random.below(FILE_MAX_BYTES / 2);
        Some(Spot { name, offset, len: 1 + self.random.below(FILE_MAX_BYTES / 2) })
    }

    fn open(&self, name: &str) -> File {
        OpenOptions::new().write(true).open(self.root.join(name)).expect("open a file of the model")
    }

    fn content(&mut self, name: &str) -> &mut Vec<u8> {
        match self.tree.get_mut(name) {
            Some(Node::File(content)) => Arc::make_mut(content),
            other => panic!("{name} is {other:?}"),
        }
    }

    fn resize(&mut self, name: &str, size: impl Fn(u64) -> u64) {
        let content = self.content(name);
        content.resize(size(content.len() as u64) as usize, 0);
    }

    fn change(&mut self, spot: &Spot, change: impl FnOnce(&mut [u8])) {
        let (start, end) = (spot.offset as usize, (spot.offset + spot.len) as usize);
        let content = self.content(&spot.name);
        content.resize(content.len().max(end), 0);
        change(&mut content[start..end]);
    }
}

/// The tree as it is on a disk.
fn read(folder: &Path, prefix: &str, tree: &mut Tree) {
    for entry in fs::read_dir(folder).expect("read a folder") {
        let entry = entry.expect("read a folder");
        let name = format!("{prefix}{}", entry.file_name().to_str().expect("names of the model are text"));
        let kind = entry.file_type().expect("its kind is in the entry");
        if name == "lost+found" {
            continue;
        }
        let node = if kind.is_dir() {
            read(&entry.path(), &format!("{name}/"), tree);
            Node::Folder
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path()).expect("read a link");
            Node::Link(target.into_os_string().into_string().expect("targets of the model are text"))
        } else {
            Node::File(Arc::new(fs::read(entry.path()).expect("read a file")))
        };
        tree.insert(name, node);
    }
}

#[track_caller]
fn assert_same(found: &Tree, expected: &Tree, what: &str) {
    let names = |tree: &Tree| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected), "names in {what}");
    for (name, node) in expected {
        // Contents are too long to be shown.
        assert!(found[name] == *node, "{name} differs in {what}");
    }
}

#[test]
fn snapshots_hold_the_tree_of_their_instant() {
    let server = server();
    let attached = Attached::new(&server, 128 * MIB);
    let mut twin = Twin { root: &attached.mount, tree: Tree::new(), random: Random::seeded() };
    let mut taken = Vec::new();
    for _ in 0..SNAPSHOTS {
        for _ in 0..OPERATIONS_BETWEEN {
            twin.step();
        }
        let snapshot = server.take_snapshot(&attached.volume, json!({}));
        taken.push((id(&snapshot).to_owned(), twin.tree.clone()));
    }
    for (number, (snapshot, expected)) in taken.iter().enumerate() {
        let image = server.snapshot_image(snapshot);
        assert_no_fault(&image);
        let mut found = Tree::new();
        read(Look::into(&server, &image).path(), "", &mut found);
        assert_same(&found, expected, &format!("snapshot {number}"));
    }
    server.finish();
}
