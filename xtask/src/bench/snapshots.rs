//! What snapshots cost: those who write meanwhile, those who wait for one, and the pool.
//!
//! Beside ours stands the same by hand on the same pool: `fsfreeze`, `cp --reflink`, thaw.

use std::path::{Path, PathBuf};
use std::time::Instant;

use miosa_testkit::server::{Server, ServerOptions, wait_until};
use serde_json::{Value, json};

use super::table::{Samples, Table};
use super::writer;
use super::{Rounds, progress};
use crate::fixture;
use crate::run::Failure;

mod crowd;
mod diff;
mod life;
mod overwrite;
mod sqlite;
mod stall;

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

/// The image that the table speaks of as fragmented.
const FRAGMENTED_EXTENTS: u64 = 250_000;
const FRAGMENTED_FILE_BYTES: u64 = 2 * GIB;

pub(super) fn measure(miosa: PathBuf, rounds: Rounds, table: &mut Table) -> Result<String, Failure> {
    let server = Server::start(ServerOptions {
        pool_size: "40GB".into(),
        config: Some("[limits]\nvolumes_per_project = 2000\n".into()),
        ..ServerOptions::new(miosa)
    });
    fixture::clean_up_on_interrupt(&server, Vec::new());
    let rig = Rig::new(server)?;
    progress("snapshots of a tidy volume");
    stall::tidy(&rig, rounds, table)?;
    life::taking(&rig, rounds, table)?;
    progress("forks and restores");
    life::copies(&rig, rounds, table)?;
    progress("a fragmented volume");
    let fragmented = Fragmented::make(&rig)?;
    stall::fragmented(&rig, &fragmented, rounds, table)?;
    life::fragmented_copies(&rig, &fragmented, rounds, table)?;
    stall::scheduled(&rig, &fragmented, rounds, table)?;
    fragmented.remove(&rig);
    progress("changed ranges");
    diff::changed_ranges(&rig, rounds, table)?;
    progress("SQLite");
    sqlite::commits(&rig, rounds, table)?;
    progress("first overwrites");
    overwrite::first(&rig, rounds, table)?;
    progress("1,000 volumes due at once");
    crowd::due_at_once(&rig, rounds, table)?;
    let machine = super::machine(&rig.server);
    rig.server.finish();
    Ok(machine)
}

/// A server with one computer to attach volumes to.
struct Rig {
    server: Server,
    computer: String,
}

/// A volume that is attached, with a file in it that is allocated.
struct Attached {
    volume: String,
    attachment: String,
    /// On the host.
    folder: PathBuf,
    file: PathBuf,
}

impl Rig {
    fn new(server: Server) -> Result<Self, Failure> {
        let computer = server.run_computer(json!({"name": "bench", "size": "xs"}));
        Ok(Self { server, computer })
    }

    /// The filesystem that the images are on.
    fn pool(&self) -> PathBuf {
        super::peers::filesystem_of_pool(&self.server)
    }

    fn sealed_image(&self, snapshot: &str) -> PathBuf {
        self.pool().join("snapshots").join(snapshot).join("disk.img")
    }

    /// A new volume with a file of `file_bytes`.
    fn attached(&self, size_bytes: u64, file_bytes: u64) -> Result<Attached, Failure> {
        let volume = self.server.create_volume("bench", size_bytes);
        let attached = self.attach(volume);
        writer::allocate(&attached.file, file_bytes)?;
        Ok(attached)
    }

    fn attach(&self, volume: String) -> Attached {
        let attachment = self.server.attach(&self.computer, &volume, "/mnt/bench");
        let folder = self.server.data_dir().join("pool/mounts").join(&volume);
        Attached { volume, attachment, file: folder.join("file"), folder }
    }

    fn remove(&self, attached: Attached) {
        self.server.detach(&self.computer, &attached.attachment).ok();
        self.server.delete_volume(&attached.volume).ok();
    }

    /// A snapshot that is ready; `extra` goes into the body.
    fn snapshot(&self, volume: &str, extra: Value) -> Value {
        let path = format!("/api/v1/volumes/{volume}/snapshots");
        let snapshot = self.server.http("POST", &path, Some(extra)).ok();
        self.ready(&text(&snapshot, "id"))
    }

    fn ready(&self, snapshot: &str) -> Value {
        wait_until("a snapshot that is ready", || {
            let found = self.server.http("GET", &format!("/api/v1/volume-snapshots/{snapshot}"), None).ok();
            assert_ne!(found["state"], "failed", "{found}");
            (found["state"] == "ready").then_some(found)
        })
    }

    /// Until nothing of it is left.
    fn delete_snapshot(&self, snapshot: &str) {
        self.server.http("DELETE", &format!("/api/v1/volume-snapshots/{snapshot}"), None).ok();
        let image = self.sealed_image(snapshot);
        wait_until("the end of a snapshot", || (!image.exists()).then_some(()));
    }

    fn compact(&self, volume: &str) {
        self.server.http("POST", &format!("/api/v1/volumes/{volume}/compact"), None).ok();
        self.await_compaction(volume);
    }

    fn await_compaction(&self, volume: &str) {
        let begun = Instant::now();
        loop {
            let state = self.server.volume(volume)["compaction"]["state"].clone();
            if state == "done" || state == "stopped" {
                return;
            }
            assert!(begun.elapsed().as_secs() < 600, "the compaction does not end: {state}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

/// A volume whose image lies in very many pieces, because it was overwritten here and there after a snapshot.
struct Fragmented {
    /// Its state, sealed: a fork of it has the same pieces.
    snapshot: String,
    extents: u64,
    volume: String,
}

impl Fragmented {
    fn make(rig: &Rig) -> Result<Self, Failure> {
        let attached = rig.attached(8 * GIB, FRAGMENTED_FILE_BYTES)?;
        let base = text(&rig.snapshot(&attached.volume, json!({"now": true})), "id");
        // Each overwritten block is a piece of its own, and so is what lies between two of them.
        writer::overwrite(&attached.file, FRAGMENTED_EXTENTS / 2)?;
        let snapshot = rig.snapshot(&attached.volume, json!({"now": true}));
        rig.delete_snapshot(&base);
        rig.server.detach(&rig.computer, &attached.attachment).ok();
        let extents = snapshot["extents"].as_u64().unwrap_or_default();
        Ok(Self { snapshot: text(&snapshot, "id"), extents, volume: attached.volume })
    }

    /// A fork, attached.
    fn fork(&self, rig: &Rig) -> Attached {
        rig.attach(text(&self.restore(rig), "id"))
    }

    fn restore(&self, rig: &Rig) -> Value {
        let path = format!("/api/v1/volume-snapshots/{}/restore", self.snapshot);
        let volume = rig.server.http("POST", &path, Some(json!({"name": "bench-fragmented"}))).ok();
        rig.server.wait_volume(&text(&volume, "id"), "available")
    }

    fn remove(self, rig: &Rig) {
        rig.delete_snapshot(&self.snapshot);
        rig.server.delete_volume(&self.volume).ok();
    }
}

fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("no {field} in {object}")).to_owned()
}

fn number(object: &Value, field: &str) -> f64 {
    object[field].as_f64().unwrap_or_else(|| panic!("no {field} in {object}"))
}

/// Time per extent, of something that took this long.
fn per_extent(samples: &Samples, extents: u64) -> String {
    let worst = samples.worst().as_secs_f64() * 1e6 / extents as f64;
    let median = samples.percentile(50).unwrap_or_default().as_secs_f64() * 1e6 / extents as f64;
    format!("{median:.1} µs an extent (worst {worst:.1}), {extents} extents")
}

/// A file that is simply removed is freed some time later, and would disturb what is measured next.
fn empty_and_remove(path: &str) -> Result<(), Failure> {
    super::peers::shell(&format!("truncate -s 0 {path} && rm {path}")).map(drop)
}

/// A clone of an image by hand, mounted beside the server.
struct ByHand {
    image: PathBuf,
    mount_point: PathBuf,
    device: String,
}

impl ByHand {
    /// `reflink`: shares its blocks with `image`, and so has the same pieces; else a plain copy in few pieces.
    fn mount(rig: &Rig, image: &Path, reflink: bool) -> Result<Self, Failure> {
        use super::peers::shell;
        let folder = rig.pool().join("by-hand");
        let mount_point = rig.server.folder().join("by-hand-snapshots");
        for folder in [&folder, &mount_point] {
            std::fs::create_dir_all(folder).map_err(Failure::file("cannot make", folder))?;
        }
        let copy = folder.join("disk.img");
        let how = if reflink { "--reflink=always" } else { "--reflink=never --sparse=always" };
        shell(&format!("cp {how} {} {}", image.display(), copy.display()))?;
        let device =
            shell(&format!("losetup --find --show --direct-io=on {}", copy.display()))?.trim().to_owned();
        shell(&format!("mount {device} {}", mount_point.display()))?;
        Ok(Self { image: copy, mount_point, device })
    }

    /// What an operator does: stop the filesystem, clone, let it go on.
    fn snapshot(&self) -> Result<(), Failure> {
        let (at, image) = (self.mount_point.display(), self.image.display());
        super::peers::shell(&format!(
            "fsfreeze -f {at} && cp --reflink=always {image} {image}.snapshot; code=$?; fsfreeze -u {at}; exit $code"
        ))
        .map(drop)
    }

    fn forget_snapshot(&self) -> Result<(), Failure> {
        super::peers::shell(&format!(
            "rm -f {}.snapshot; sync -f {}",
            self.image.display(),
            self.image.display()
        ))
        .map(drop)
    }

    fn unmount(self) -> Result<(), Failure> {
        let folder = self.image.parent().expect("the image has a folder").display();
        super::peers::shell(&format!("umount {} && losetup -d {}", self.mount_point.display(), self.device))?;
        empty_and_remove(&self.image.display().to_string())?;
        super::peers::shell(&format!("rm -rf {folder}")).map(drop)
    }
}
