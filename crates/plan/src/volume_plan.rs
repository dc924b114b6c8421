//! From a volume as it should be and as it was seen to the steps in between.
//!
//! Staging is not planned here: a volume is staged when an instance claims it, and unstaged when the last claim goes. What
//! this plan does about mounts is only to clear one that nobody claims any more (a crash between the two).

use miosa_domain::spec::Presence;

use crate::step::VolumeStep;

/// What the ledger holds of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolumeWanted {
    pub presence: Presence,
    /// The image was whole once: if it is not there now, data is missing and no new image may take its place.
    pub materialized: bool,
    /// Some attachment holds a claim.
    pub claimed: bool,
    /// How often the data was to be replaced as a whole.
    pub incarnation: u64,
}

/// What was observed of a volume. An observation that failed is no observation: then there is no plan.
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
    },
    InTrash,
    /// A record of the volume is there, and its image is not.
    Missing,
    /// Something that is not ours is where ours should be; what it is.
    Foreign(String),
}

/// Why there is no way from what was seen to what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    DataMissing,
    Foreign(String),
    /// The volume is to go, or its data to be replaced, while an attachment holds a claim; the claim goes first.
    StillClaimed,
}

/// Ordered steps, none when all is as it should be.
pub fn volume_plan(wanted: &VolumeWanted, seen: &VolumeSeen) -> Result<Vec<VolumeStep>, Obstacle> {
    if let ImageSeen::Foreign(what) = &seen.image {
        return Err(Obstacle::Foreign(what.clone()));
    }
    // Never back: a later incarnation than the wanted one stays.
    let is_outdated =
        matches!(seen.image, ImageSeen::Present { incarnation } if incarnation < wanted.incarnation);
    if wanted.claimed && (wanted.presence != Presence::Present || is_outdated) {
        return Err(Obstacle::StillClaimed);
    }
    let mut steps = Vec::new();
    if seen.staged && !wanted.claimed {
        steps.push(VolumeStep::Unstage);
    }
    match (wanted.presence, &seen.image) {
        (Presence::Present | Presence::Trashed, ImageSeen::Absent) if wanted.materialized => {
            return Err(Obstacle::DataMissing);
        }
        (Presence::Present | Presence::Trashed, ImageSeen::Missing) => return Err(Obstacle::DataMissing),
        (Presence::Present, ImageSeen::Absent) => steps.push(VolumeStep::CreateImage),
        (Presence::Present, ImageSeen::InTrash) => steps.push(VolumeStep::RestoreFromTrash),
        (Presence::Present, ImageSeen::Present { .. }) if is_outdated => steps.push(VolumeStep::ReplaceData),
        (Presence::Trashed, ImageSeen::Present { .. }) => steps.push(VolumeStep::MoveToTrash),
        (Presence::Purged, ImageSeen::Present { .. } | ImageSeen::InTrash | ImageSeen::Missing) => {
            steps.push(VolumeStep::Purge)
        }
        // A volume deleted before it was ever made has nothing to move; brought back, it is made then.
        (Presence::Trashed | Presence::Purged, ImageSeen::Absent)
        | (Presence::Present, ImageSeen::Present { .. })
        | (Presence::Trashed, ImageSeen::InTrash) => {}
        (_, ImageSeen::Foreign(_)) => unreachable!("answered above"),
    }
    Ok(steps)
}
