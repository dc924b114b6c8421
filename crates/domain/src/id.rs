//! Typed ids: one type per noun, all UUIDs, written in lower case.
//!
//! Callers generate ids (UUIDv7, so that they sort by time); this crate only parses and formats them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text was not a UUID in the hyphenated form, for example `0198c0de-0000-7000-8000-000000000001`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID: {0:?}")]
pub struct InvalidId(pub String);

macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.as_hyphenated())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.as_hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Only the hyphenated form of 36 characters: an id also names files, so it has one spelling.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                match Uuid::try_parse(text) {
                    Ok(uuid) if text.len() == 36 => Ok(Self(uuid)),
                    _ => Err(InvalidId(text.chars().take(64).collect())),
                }
            }
        }
    )+};
}

typed_id! {
    /// The owner of objects; nothing is visible across tenants.
    TenantId,
    /// A group of volumes and computers inside a tenant; limits count per project.
    ProjectId,
    /// A durable block device with one ext4 filesystem.
    VolumeId,
    /// Where a host's storage engine keeps volumes.
    PoolId,
    /// A volume at one instant.
    SnapshotId,
    /// A machine in the API that runs a template.
    ComputerId,
    /// A computer on its host, with the computer's UUID.
    InstanceId,
    /// A volume given to an instance at a path.
    AttachmentId,
    /// Replicas of one release.
    ServiceId,
    /// One numbered, immutable version of a service.
    ReleaseId,
    /// A machine with an agent.
    HostId,
    /// A stored key of the API.
    ApiKeyId,
}

impl From<ComputerId> for InstanceId {
    fn from(id: ComputerId) -> Self {
        Self(id.0)
    }
}

impl From<InstanceId> for ComputerId {
    fn from(id: InstanceId) -> Self {
        Self(id.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_spelling() {
        let text = "0198c0de-0000-7000-8000-000000000001";
        assert_eq!(text.parse::<VolumeId>().unwrap().to_string(), text);
        assert_eq!(text.to_uppercase().parse::<VolumeId>().unwrap().to_string(), text);
        for bad in [
            "",
            "x",
            "0198c0de00007000800000000000000001",
            "{0198c0de-0000-7000-8000-000000000001}",
            "../etc/passwd",
        ] {
            assert!(bad.parse::<VolumeId>().is_err(), "{bad:?} was taken for an id");
        }
    }
}
