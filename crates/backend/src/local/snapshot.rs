//! A snapshot's folder: cloned, sealed, removed.
//!
//! ```text
//!   clone    write the volume back ─► snapshots/.tmp-<id>/disk.img, one clone       writers wait for this alone
//!   seal     replay the journal ─► immutable ─► identity.json ─► rename to <id>     no writer waits
//!   remove   rename to .tmp-<id> ─► changeable ─► cut off piece by piece
//! ```
//!
//! **Crash safety.** A snapshot appears and disappears by one rename of its folder, and its content is durable no later than the
//! rename that makes it appear. A clone that was not sealed has a temporary name, is known to this process alone, and is cleared by
//! the next call for its ID or at the next start. Sealing a sealed snapshot returns the same facts again.

use std::time::Duration;

use miosa_domain::status::SnapshotFacts;
use miosa_domain::{SnapshotId, VolumeId};
use miosa_effects::{Entry, SysError, files};
use miosa_failpoint::failpoint;
use rustix::io::Errno;

use crate::local::clone::LiveClone;
use crate::local::identity::{self, IDENTITY_FILE, SnapshotIdentity};
use crate::local::observe::{IMAGE, SnapshotFinding};
use crate::local::pool::{Pool, TEMPORARY};
use crate::local::remove::{SNAPSHOT_FILES, holds_only, not_only_ours};
use crate::local::replay::replay;
use crate::{BackendError, Changed, CloneSnapshot, Cloned};

/// What was cloned and not sealed yet.
#[derive(Debug)]
pub(crate) struct Taken {
    volume: VolumeId,
    clone: LiveClone,
    compacted: bool,
}

impl Pool {
    pub(crate) fn clone_snapshot(&self, request: &CloneSnapshot) -> Result<Cloned, BackendError> {
        let id = request.id;
        match self.find_snapshot(id)? {
            SnapshotFinding::Absent => {}
            SnapshotFinding::Foreign { path, what } => return Err(BackendError::Foreign { path, what }),
            SnapshotFinding::Found(found) if found.image.is_none() => {
                return Err(BackendError::SnapshotMissing { id });
            }
            SnapshotFinding::Found(found) => {
                let SnapshotFacts { taken_at, stall_us, .. } = found.identity.facts;
                return Ok(Cloned { taken_at, stall: Duration::from_micros(stall_us) });
            }
        }
        // What shares all its blocks takes nothing yet, but keeps what it shares: a full pool would never get emptier.
        self.check_room(0)?;
        self.write_back(request.volume, request.write_back_limit)?;
        self.taken.lock().remove(&id);
        let temporary = temporary(id);
        self.clear_folder(&self.snapshots, &temporary, SNAPSHOT_FILES)?;
        match self.clone_into(&temporary, request) {
            Ok(clone) => {
                let cloned = Cloned { taken_at: clone.taken_at, stall: clone.stall };
                let taken = Taken { volume: request.volume, clone, compacted: request.compacted };
                self.taken.lock().insert(id, taken);
                Ok(cloned)
            }
            Err(error) => {
                self.discard(&temporary);
                Err(self.no_room(error)?)
            }
        }
    }

    fn clone_into(&self, name: &str, request: &CloneSnapshot) -> Result<LiveClone, BackendError> {
        self.snapshots.ensure_dir(name)?;
        let folder = self.snapshots.open_dir(name)?;
        let image = folder.create_file(IMAGE)?;
        let path = folder.path().join(IMAGE);
        let clone = self.clone_live(request.volume, &image, &path)?;
        failpoint!("backend.snapshot.after-clone")?;
        Ok(clone)
    }

    pub(crate) fn seal_snapshot(&self, id: SnapshotId) -> Result<SnapshotFacts, BackendError> {
        let Some(taken) = self.taken.lock().remove(&id) else {
            let facts = self.sealed(id)?.identity.facts;
            self.sync_snapshots()?;
            return Ok(facts);
        };
        let temporary = temporary(id);
        match self.seal(id, &temporary, &taken) {
            Ok(facts) => Ok(facts),
            Err(error) => {
                self.discard(&temporary);
                Err(self.no_room(error)?)
            }
        }
    }

    fn seal(&self, id: SnapshotId, name: &str, taken: &Taken) -> Result<SnapshotFacts, BackendError> {
        let folder = self.snapshots.open_dir(name)?;
        let path = folder.path().join(IMAGE);
        let image = folder.open_file(IMAGE, true)?;
        replay(&image, &path, &format!("miosa-snapshot:{id}"))?;
        failpoint!("backend.seal.after-replay")?;
        files::set_immutable(&image, true, &path)?;
        let Some(Entry::File(stat)) = folder.entry(IMAGE)? else {
            return Err(SysError::new("examine", path, Errno::NOENT).into());
        };
        let LiveClone { taken_at, stall, extents, size_bytes } = taken.clone;
        let facts = SnapshotFacts {
            taken_at,
            size_bytes,
            allocated_bytes: stat.allocated_bytes,
            extents,
            stall_us: u64::try_from(stall.as_micros()).unwrap_or(u64::MAX),
            compacted: taken.compacted,
        };
        let identity = SnapshotIdentity::new(id, taken.volume, facts);
        let identity = folder.write_new_file(IDENTITY_FILE, &identity::to_bytes(&identity))?;
        self.settle(&folder, &[(IMAGE, &image), (IDENTITY_FILE, &identity)])?;
        failpoint!("backend.seal.before-rename")?;
        self.snapshots.rename(name, &self.snapshots, &id.to_string())?;
        failpoint!("backend.seal.after-rename")?;
        self.sync_snapshots()?;
        Ok(facts)
    }

    pub(crate) fn remove_snapshot(&self, id: SnapshotId) -> Result<Changed, BackendError> {
        self.taken.lock().remove(&id);
        let temporary = temporary(id);
        let found = match self.find_snapshot(id)? {
            SnapshotFinding::Foreign { path, what } => return Err(BackendError::Foreign { path, what }),
            SnapshotFinding::Absent => {
                // What a removal that was cut off left, or a clone that was never sealed.
                self.clear_folder(&self.snapshots, &temporary, SNAPSHOT_FILES)?;
                self.sync_snapshots()?;
                return Ok(Changed::Unchanged);
            }
            SnapshotFinding::Found(found) => found,
        };
        if !holds_only(&found.folder, SNAPSHOT_FILES)? {
            return Err(not_only_ours(found.folder.path()));
        }
        self.clear_folder(&self.snapshots, &temporary, SNAPSHOT_FILES)?;
        failpoint!("backend.unsnapshot.before-rename")?;
        self.snapshots.rename(&id.to_string(), &self.snapshots, &temporary)?;
        self.sync_snapshots()?;
        failpoint!("backend.unsnapshot.after-rename")?;
        self.clear_folder(&self.snapshots, &temporary, SNAPSHOT_FILES)?;
        Ok(Changed::Changed)
    }

    /// Removes what did not become a snapshot.
    fn discard(&self, name: &str) {
        if let Err(error) = self.clear_folder(&self.snapshots, name, SNAPSHOT_FILES) {
            tracing::warn!(%error, "a half-made snapshot stays until the next start");
        }
    }
}

fn temporary(id: SnapshotId) -> String {
    format!("{TEMPORARY}{id}")
}
