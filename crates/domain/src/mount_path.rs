//! Where a volume is mounted inside an instance: an absolute, normalised path that cannot hide system directories.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest path, in bytes.
pub const MOUNT_PATH_MAX_BYTES: usize = 255;

/// The default path of an attachment.
pub const DEFAULT_MOUNT_PATH: &str = "/mnt/data";

const RESERVED: [&str; 10] =
    ["/proc", "/sys", "/dev", "/etc", "/bin", "/sbin", "/lib", "/usr", "/boot", "/run"];

/// An absolute path without `.`, `..`, empty components or a trailing slash, outside the reserved directories.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MountPath(String);

impl MountPath {
    /// Normalises and checks `raw`. The error does not repeat the path.
    pub fn parse(raw: &str) -> Result<Self, String> {
        if raw.len() > MOUNT_PATH_MAX_BYTES {
            return Err(format!("must be at most {MOUNT_PATH_MAX_BYTES} bytes"));
        }
        if raw.chars().any(char::is_control) {
            return Err("must not contain control characters".into());
        }
        if !raw.starts_with('/') {
            return Err("must be an absolute path, for example /mnt/data".into());
        }
        let mut path = String::with_capacity(raw.len());
        for component in raw.split('/').filter(|c| !c.is_empty() && *c != ".") {
            if component == ".." {
                return Err("must not contain \"..\"".into());
            }
            path.push('/');
            path.push_str(component);
        }
        if path.is_empty() {
            return Err("must not be the root folder".into());
        }
        match reserved_folder(&path) {
            Some(reserved) => Err(format!("must not be in {reserved}; use a path such as /mnt/data")),
            None => Ok(Self(path)),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the paths are equal or one contains the other, in which case one volume would hide the other.
    pub fn overlaps(&self, other: &MountPath) -> bool {
        is_within(&self.0, &other.0) || is_within(&other.0, &self.0)
    }
}

/// Returns the reserved directory that contains `path` (absolute and normalised), if any. Also checked for the resolved path
/// inside an instance, where a symlink of the workload may lead elsewhere.
pub fn reserved_folder(path: &str) -> Option<&'static str> {
    // /lib32, /lib64 and /libx32 are variants of /lib for other ABIs.
    let lib = path.strip_prefix("/lib").map(|rest| rest.split('/').next().unwrap_or_default());
    if matches!(lib, Some("32" | "64" | "x32")) {
        return Some("/lib");
    }
    RESERVED.into_iter().find(|reserved| is_within(path, reserved))
}

fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl fmt::Display for MountPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for MountPath {
    type Error = String;

    fn try_from(raw: String) -> Result<Self, String> {
        Self::parse(&raw)
    }
}

impl From<MountPath> for String {
    fn from(path: MountPath) -> Self {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised() {
        for (raw, path) in [
            ("/mnt/data", "/mnt/data"),
            ("//mnt///data/", "/mnt/data"),
            ("/./a/./b", "/a/b"),
            ("/procfs", "/procfs"),
            ("/library", "/library"),
        ] {
            assert_eq!(MountPath::parse(raw).unwrap().as_str(), path);
        }
    }

    #[test]
    fn dangerous_paths_are_refused() {
        let long = format!("/{}", "a".repeat(255));
        for raw in [
            "",
            "/",
            "//",
            "/.",
            "mnt",
            "./mnt",
            "/mnt/../etc",
            "/..",
            "/proc",
            "/proc/1",
            "/sys/x",
            "/dev/shm",
            "/etc",
            "//etc",
            "/bin",
            "/sbin",
            "/lib",
            "/lib64",
            "/usr/local",
            "/boot",
            "/run/x",
            "/mnt/\0",
            "/mnt/a\nb",
            &long,
        ] {
            assert!(MountPath::parse(raw).is_err(), "{raw:?} was accepted");
        }
    }

    #[test]
    fn parents_and_children_overlap() {
        let path = |raw: &str| MountPath::parse(raw).unwrap();
        assert!(path("/mnt/data").overlaps(&path("/mnt/data")));
        assert!(path("/mnt").overlaps(&path("/mnt/data")));
        assert!(path("/mnt/data/x").overlaps(&path("/mnt/data")));
        assert!(!path("/mnt/data").overlaps(&path("/mnt/data2")));
    }
}
