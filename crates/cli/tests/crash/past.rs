//! The verbs that have to do with snapshots, and what must be in one.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use miosa_testkit::image::{Look, assert_no_fault};
use miosa_testkit::server::{Answer, Server, wait_until_or};
use serde_json::{Value, json};

use crate::verb::Verb;
use crate::world::{SIZE_BYTES, World, once};

const BLOCK_BYTES: usize = 4096;
/// Twice as many pieces as a compaction leaves alone.
const BLOCKS: u64 = 2048;

impl World {
    /// The file that tells the present from the past, as the host sees it.
    pub(crate) fn mark(&self, server: &Server) -> PathBuf {
        server.host_mount(&self.volume).join("mark")
    }

    pub(crate) fn run_on_past(&self, server: &Server, verb: Verb) -> io::Result<Answer> {
        let volume = format!("/api/v1/volumes/{}", self.volume);
        let snapshot = format!("/api/v1/volume-snapshots/{}", self.snapshot);
        let size_bytes = 2 * SIZE_BYTES;
        match verb {
            Verb::Take => {
                self.lay_blocks(server)?;
                let hooks = json!({"before_snapshot": "true", "after_snapshot": "true"});
                once(server, &format!("{volume}/snapshots"), hooks)
            }
            Verb::Mark => {
                fs::write(self.mark(server), "")?;
                server.try_http("GET", &volume, None)
            }
            Verb::Verify => {
                let summed = wait_for(server, &snapshot, |snapshot| snapshot["checksum"].is_string());
                summed?;
                let answer = server.try_http("POST", &format!("{snapshot}/verify"), Some(json!({})));
                let intact = |snapshot: &Value| snapshot["verification"]["state"] == "intact";
                answer.and_then(|answer| {
                    if answer.is_success() { wait_for(server, &snapshot, intact) } else { Ok(answer) }
                })
            }
            Verb::Compact => {
                self.tear(server)?;
                let answer = server.try_http("POST", &format!("{volume}/compact"), Some(json!({})))?;
                let is_over = |volume: &Value| {
                    matches!(volume["compaction"]["state"].as_str(), Some("done" | "stopped"))
                };
                if answer.is_success() { wait_for(server, &volume, is_over) } else { Ok(answer) }
            }
            Verb::RestoreAsNew => once(
                server,
                &format!("{snapshot}/restore"),
                json!({"name": "restored", "size_bytes": size_bytes}),
            ),
            Verb::Fork => {
                once(server, &format!("{volume}/clone"), json!({"name": "fork", "size_bytes": size_bytes}))
            }
            Verb::RestoreInPlace => once(
                server,
                &format!("{volume}/restore"),
                json!({"snapshot_id": self.snapshot, "force": true}),
            ),
            Verb::DeleteSnapshot => server.try_http("DELETE", &snapshot, None),
            other => unreachable!("{other:?} has nothing to do with snapshots"),
        }
    }

    /// A file of which every second block is then written anew, while a snapshot has the old ones: the image lies in pieces.
    fn lay_blocks(&self, server: &Server) -> io::Result<()> {
        let path = server.host_mount(&self.volume).join("blocks");
        fs::write(&path, vec![1; BLOCK_BYTES * BLOCKS as usize])?;
        File::open(path)?.sync_all()
    }

    fn tear(&self, server: &Server) -> io::Result<()> {
        let file = File::options().write(true).open(server.host_mount(&self.volume).join("blocks"))?;
        for block in (0..BLOCKS).step_by(2) {
            file.write_all_at(&[2; BLOCK_BYTES], block * BLOCK_BYTES as u64)?;
        }
        file.sync_all()
    }

    /// Every snapshot and every copy is a whole filesystem, and holds the data that was acknowledged before.
    #[track_caller]
    pub(crate) fn check_past(&self, server: &Server, what: &str) {
        let Some(sum) = &self.sum else { return };
        let snapshots = server.list_all("/api/v1/volume-snapshots");
        let snapshots = snapshots.iter().filter_map(|snapshot| snapshot["id"].as_str());
        let volumes = server.list_all("/api/v1/volumes");
        let copies = volumes
            .iter()
            .filter(|volume| volume["name"] != "data")
            .filter_map(|volume| volume["id"].as_str());
        let images =
            snapshots.map(|id| server.snapshot_image(id)).chain(copies.map(|id| server.volume_image(id)));
        for image in images {
            assert_no_fault(&image);
            let look = Look::into(server, &image);
            let data = File::open(look.path().join("data"))
                .unwrap_or_else(|e| panic!("{what}: {}: {e}", image.display()));
            let output =
                Command::new("sha256sum").stdin(Stdio::from(data)).output().expect("sha256sum can be run");
            assert_eq!(String::from_utf8_lossy(&output.stdout), *sum, "{what}: {}", image.display());
        }
    }
}

/// Asks until it is so, or no whole answer comes.
fn wait_for(server: &Server, path: &str, is_so: impl Fn(&Value) -> bool) -> io::Result<Answer> {
    wait_until_or(path, || match server.try_http("GET", path, None) {
        Ok(answer) if answer.is_success() && !is_so(&answer.body) => {
            Err(format!("{answer}\n{}", server.log_tail()))
        }
        other => Ok(other),
    })
}
