//! Plans the steps from an observed volume to its spec.
//!
//! Staging is not planned here: a volume is staged when an instance claims it, and unstaged when the last claim goes. This plan
//! only clears a mount that no claim needs any more, which a crash between the two leaves behind.

use miosa_domain::VolumeId;
use miosa_domain::spec::{Origin, Presence, VolumeSpec};

use crate::step::VolumeStep;

/// What the ledger holds of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolumeWanted<'a> {
    pub spec: &'a VolumeSpec,
    /// The image was whole once: if it is absent now, data is missing and no new image may take its place.
    pub materialized: bool,
    /// Some attachment holds a claim.
    pub claimed: bool,
}

/// An observed volume. A failed observation is none: then there is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeSeen {
    pub image: ImageSeen,
    pub staged: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageSeen {
    Absent,
    Present {
        incarnation: u64,
        size_bytes: u64,
    },
    InTrash,
    /// A record of the volume exists, and its image does not.
    Missing,
    /// Something that is not ours is where ours should be; what it is.
    Foreign(String),
}

/// Why no steps lead from the observed volume to its spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    DataMissing,
    Foreign(String),
    /// The volume is to go, or its data to be replaced, while an attachment holds a claim; the claim goes first.
    StillClaimed,
    /// The data is to be replaced, and the spec names no snapshot to replace it from.
    NoSnapshot,
    /// The volume is to be forked from this volume, which is itself.
    ForkOfItself(VolumeId),
}

/// Ordered steps, none when the volume is as its spec says.
pub fn volume_plan(wanted: &VolumeWanted<'_>, seen: &VolumeSeen) -> Result<Vec<VolumeStep>, Obstacle> {
    let VolumeSpec { id, presence, size_bytes, incarnation, origin, .. } = *wanted.spec;
    if let ImageSeen::Foreign(what) = &seen.image {
        return Err(Obstacle::Foreign(what.clone()));
    }
    // Never back: a later incarnation than the wanted one stays, with its size.
    let is_outdated =
        matches!(seen.image, ImageSeen::Present { incarnation: found, .. } if found < incarnation);
    if wanted.claimed && (presence != Presence::Present || is_outdated) {
        return Err(Obstacle::StillClaimed);
    }
    let mut steps = Vec::new();
    if seen.staged && !wanted.claimed {
        steps.push(VolumeStep::Unstage);
    }
    match (presence, &seen.image) {
        (Presence::Present | Presence::Trashed, ImageSeen::Absent) if wanted.materialized => {
            return Err(Obstacle::DataMissing);
        }
        (Presence::Present | Presence::Trashed, ImageSeen::Missing) => return Err(Obstacle::DataMissing),
        (Presence::Present, ImageSeen::Absent) => match origin {
            Some(Origin::Volume { id: source, .. }) if source == id => {
                return Err(Obstacle::ForkOfItself(id));
            }
            origin => steps.push(VolumeStep::CreateImage { size_bytes, incarnation, origin }),
        },
        (Presence::Present, ImageSeen::InTrash) => steps.push(VolumeStep::RestoreFromTrash),
        (Presence::Present, ImageSeen::Present { .. }) if is_outdated => match origin {
            Some(Origin::Snapshot { id: snapshot }) => {
                steps.push(VolumeStep::ReplaceData { size_bytes, incarnation, snapshot });
            }
            _ => return Err(Obstacle::NoSnapshot),
        },
        (Presence::Present, ImageSeen::Present { incarnation: found, size_bytes: found_bytes })
            if *found == incarnation && *found_bytes < size_bytes =>
        {
            steps.push(VolumeStep::Grow { size_bytes });
        }
        (Presence::Trashed, ImageSeen::Present { .. }) => steps.push(VolumeStep::MoveToTrash),
        (Presence::Purged, ImageSeen::Present { .. } | ImageSeen::InTrash | ImageSeen::Missing) => {
            steps.push(VolumeStep::Purge);
        }
        // A volume deleted before it was ever made has nothing to move; brought back, it is made then.
        (Presence::Trashed | Presence::Purged, ImageSeen::Absent)
        | (Presence::Present, ImageSeen::Present { .. })
        | (Presence::Trashed, ImageSeen::InTrash) => {}
        (_, ImageSeen::Foreign(_)) => unreachable!("returned above"),
    }
    Ok(steps)
}
