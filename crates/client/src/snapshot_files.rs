//! Files in snapshots. A path is bytes: names need not be UTF-8, and go over the wire in base64 when they are not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::{Stream, TryStreamExt};
use miosa_api::v1::snapshots::{FileEntry, FileList};
use reqwest::Method;

use crate::snapshots::Snapshots;
use crate::transport::{Call, Download};
use crate::{Client, ClientError};

/// A folder that is being read.
struct Folder {
    client: Client,
    snapshot_id: String,
    path: Vec<u8>,
    after: Option<String>,
}

impl Folder {
    async fn fetch(&mut self) -> Result<FileList, ClientError> {
        let call = self.client.snapshots().file_request(&self.snapshot_id, &["files"], &self.path);
        self.client.send(call.query("after", self.after.as_ref())).await
    }
}

impl Snapshots<'_> {
    /// The entries of a folder by name, or the one entry of anything else, page by page as the stream is read.
    pub fn list_files(
        self,
        id: &str,
        path: &[u8],
    ) -> impl Stream<Item = Result<FileEntry, ClientError>> + use<> {
        let folder = Folder {
            client: self.client().clone(),
            snapshot_id: id.to_owned(),
            path: path.to_owned(),
            after: None,
        };
        let batches = futures::stream::try_unfold(Some(folder), |folder| async move {
            let Some(mut folder) = folder else { return Ok::<_, ClientError>(None) };
            let list = folder.fetch().await?;
            let entries = futures::stream::iter(list.data.into_iter().map(Ok));
            // The same place again would never end.
            let next = list.next.filter(|next| folder.after.as_ref() != Some(next));
            let folder = next.map(|next| Folder { after: Some(next), ..folder });
            Ok(Some((entries, folder)))
        });
        batches.try_flatten()
    }

    /// One file, folder or symlink.
    pub async fn stat_file(self, id: &str, path: &[u8]) -> Result<FileEntry, ClientError> {
        self.client().send(self.file_request(id, &["files", "stat"], path)).await
    }

    /// A file's bytes. A symlink is followed, within the snapshot.
    pub async fn download(self, id: &str, path: &[u8]) -> Result<Download, ClientError> {
        self.client().download(self.file_request(id, &["files", "download"], path)).await
    }

    fn file_request(self, id: &str, rest: &[&str], path: &[u8]) -> Call {
        let call = self.request(Method::GET, id, rest);
        match std::str::from_utf8(path) {
            Ok(path) => call.query("path", Some(path)),
            Err(_) => call.query("path_base64", Some(STANDARD.encode(path))),
        }
    }
}

/// The bytes of a name that the API tells as a text, and exactly in base64 when the text cannot say it.
pub fn exact_bytes(text: &str, base64: Option<&str>) -> Result<Vec<u8>, ClientError> {
    let Some(base64) = base64 else { return Ok(text.as_bytes().to_owned()) };
    STANDARD.decode(base64).map_err(|_| ClientError::Base64 { text: text.to_owned() })
}

/// The whole path of an entry.
pub fn exact_path(entry: &FileEntry) -> Result<Vec<u8>, ClientError> {
    exact_bytes(&entry.path, entry.path_base64.as_deref())
}

/// The last part of an entry's path; empty for the root.
pub fn exact_name(entry: &FileEntry) -> Result<Vec<u8>, ClientError> {
    let path = exact_path(entry)?;
    Ok(path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_owned())
}

/// Where a symlink points; empty for what is none.
pub fn exact_symlink_target(entry: &FileEntry) -> Result<Vec<u8>, ClientError> {
    exact_bytes(entry.symlink_target.as_deref().unwrap_or_default(), entry.symlink_target_base64.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, path_base64: Option<&str>) -> FileEntry {
        FileEntry {
            name: String::new(),
            path: path.into(),
            path_base64: path_base64.map(str::to_owned),
            size: 0,
            is_dir: false,
            is_symlink: false,
            kind: miosa_api::v1::words::FileType::File.into(),
            mode: 0o644,
            uid: 0,
            gid: 0,
            symlink_target: None,
            symlink_target_base64: None,
            modified_at: "2026-05-17T10:00:00Z".into(),
        }
    }

    #[test]
    fn names_are_exact() {
        for (path, base64, name) in [
            ("/", None, b"".as_slice()),
            ("/a", None, b"a"),
            ("/a/b c", None, b"b c"),
            ("/a/\u{fffd}", Some("L2Ev/w=="), b"\xff"),
        ] {
            assert_eq!(exact_name(&entry(path, base64)).unwrap(), name, "{path}");
        }
        let broken = exact_path(&entry("/\u{fffd}", Some("?")));
        assert!(matches!(broken, Err(ClientError::Base64 { .. })), "{broken:?}");
    }
}
