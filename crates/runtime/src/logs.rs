//! Reads the log in which conmon records the output of an instance's first process and its children.
//!
//! An entry is `2026-11-23T10:00:00.123456789+00:00 stdout F text`. With `P` in place of `F` the line continues in the next
//! entry of that stream. conmon replaces the file when it has reached its maximum size, so a reader compares inodes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use miosa_effects::SysError;
use tokio::sync::mpsc;

use crate::{LogLine, LogStream};

/// How often a follower reads.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(200);
const LINES_WAITING: usize = 256;
/// A longer line is split here, which bounds our memory.
const LINE_MAX_BYTES: usize = 64 * 1024;

/// The last `count` lines; none if there is no log.
pub(crate) fn tail(file: &Path, count: usize) -> Result<Vec<LogLine>, SysError> {
    let mut reader = Reader::new(file.to_owned());
    let mut lines = reader.read_more()?;
    lines.extend(reader.lines.finish());
    lines.drain(..lines.len().saturating_sub(count));
    Ok(lines)
}

/// The last `count` lines and all later ones, until the receiver is dropped.
pub(crate) fn follow(file: PathBuf, count: usize) -> Result<mpsc::Receiver<LogLine>, SysError> {
    let mut reader = Reader::new(file);
    let mut lines = reader.read_more()?;
    lines.drain(..lines.len().saturating_sub(count));
    let (sender, receiver) = mpsc::channel(LINES_WAITING);
    tokio::spawn(async move {
        loop {
            for line in lines {
                if sender.send(line).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                () = tokio::time::sleep(FOLLOW_INTERVAL) => {}
                () = sender.closed() => return,
            }
            let read = tokio::task::spawn_blocking(move || (reader.read_more(), reader)).await;
            match read {
                Ok((Ok(more), same_reader)) => (lines, reader) = (more, same_reader),
                failed => {
                    tracing::warn!(?failed, "cannot follow the log any further");
                    return;
                }
            }
        }
    });
    Ok(receiver)
}

/// Reads a log from where the previous read ended.
#[derive(Debug)]
struct Reader {
    path: PathBuf,
    file: Option<File>,
    /// The beginning of an incomplete entry.
    rest: Vec<u8>,
    lines: Lines,
}

impl Reader {
    fn new(path: PathBuf) -> Self {
        Self { path, file: None, rest: Vec::new(), lines: Lines::default() }
    }

    fn read_more(&mut self) -> Result<Vec<LogLine>, SysError> {
        let result = self.try_read_more();
        result.map_err(|e| SysError::new("read the log", &self.path, e))
    }

    fn try_read_more(&mut self) -> io::Result<Vec<LogLine>> {
        let mut lines = Vec::new();
        self.read_open_file(&mut lines)?;
        let newest = match File::open(&self.path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(lines),
            Err(e) => return Err(e),
        };
        let is_same = match &self.file {
            Some(file) => {
                let (old, new) = (file.metadata()?, newest.metadata()?);
                (old.dev(), old.ino()) == (new.dev(), new.ino())
            }
            None => false,
        };
        if !is_same {
            self.rest.clear();
            self.file = Some(newest);
            self.read_open_file(&mut lines)?;
        }
        Ok(lines)
    }

    fn read_open_file(&mut self, lines: &mut Vec<LogLine>) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        if file.metadata()?.len() < file.stream_position()? {
            file.seek(SeekFrom::Start(0))?;
            self.rest.clear();
        }
        file.read_to_end(&mut self.rest)?;
        let whole = self.rest.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        for entry in self.rest[..whole].split(|&byte| byte == b'\n').filter(|entry| !entry.is_empty()) {
            lines.extend(self.lines.push(entry));
        }
        self.rest.drain(..whole);
        Ok(())
    }
}

/// Joins the entries of a log to lines.
#[derive(Debug, Default)]
struct Lines {
    unfinished: Vec<(LogLine, Vec<u8>)>,
}

impl Lines {
    /// Returns the line that `entry` ends. An entry that cannot be parsed is skipped: a power failure may have torn it.
    fn push(&mut self, entry: &[u8]) -> Option<LogLine> {
        let mut fields = entry.splitn(4, |&byte| byte == b' ');
        let time = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        let stream = match fields.next()? {
            b"stdout" => LogStream::Stdout,
            b"stderr" => LogStream::Stderr,
            _ => return None,
        };
        let is_whole = fields.next()? == b"F";
        let text = fields.next()?;
        let index = self.unfinished.iter().position(|(line, _)| line.stream == stream).unwrap_or_else(|| {
            self.unfinished.push((LogLine { time, stream, text: String::new() }, Vec::new()));
            self.unfinished.len() - 1
        });
        self.unfinished[index].1.extend_from_slice(text);
        let is_long = self.unfinished[index].1.len() >= LINE_MAX_BYTES;
        (is_whole || is_long).then(|| ended(self.unfinished.remove(index)))
    }

    /// Lines whose end was not written.
    fn finish(&mut self) -> Vec<LogLine> {
        self.unfinished.drain(..).map(ended).collect()
    }
}

fn ended((line, text): (LogLine, Vec<u8>)) -> LogLine {
    LogLine { text: String::from_utf8_lossy(&text).into_owned(), ..line }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[LogLine]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn parts_are_joined_and_torn_entries_left_out() {
        let temp = tempfile::tempdir().unwrap();
        let log = temp.path().join("log");
        assert_eq!(tail(&log, 10).unwrap(), []);
        std::fs::write(
            &log,
            "2026-11-23T10:00:00.000000001+00:00 stdout P one \n\
             2026-11-23T10:00:00.000000002+00:00 stderr F error\n\
             2026-11-23T10:00:00.000000003+00:00 stdout F two\n\
             \0\0\0\n\
             2026-11-23T10:00:01.000000000+00:00 stdout F \n\
             2026-11-23T10:00:01.000000000+00:00 stdout P begun\n\
             2026-11-23T10:00:01.0000",
        )
        .unwrap();
        let lines = tail(&log, 10).unwrap();
        assert_eq!(texts(&lines), ["error", "one two", "", "begun"]);
        assert_eq!(lines[1].stream, LogStream::Stdout);
        assert_eq!(lines[1].time.to_string(), "2026-11-23T10:00:00.000000001Z");
        assert_eq!(texts(&tail(&log, 2).unwrap()), ["", "begun"]);
    }

    /// A follower reads appended lines, also after the file was replaced.
    #[tokio::test]
    async fn followers_see_what_comes() {
        let temp = tempfile::tempdir().unwrap();
        let log = temp.path().join("log");
        let line = |text: &str| format!("2026-11-23T10:00:00+00:00 stdout F {text}\n");
        std::fs::write(&log, line("a") + &line("b")).unwrap();
        let mut lines = follow(log.clone(), 1).unwrap();
        assert_eq!(lines.recv().await.unwrap().text, "b");
        let mut file = File::options().append(true).open(&log).unwrap();
        io::Write::write_all(&mut file, line("c").as_bytes()).unwrap();
        assert_eq!(lines.recv().await.unwrap().text, "c");
        std::fs::write(temp.path().join("new"), line("d")).unwrap();
        std::fs::rename(temp.path().join("new"), &log).unwrap();
        assert_eq!(lines.recv().await.unwrap().text, "d");
    }
}
