//! A workload that notices what durable volumes must never do: lose an acknowledged record, tear one, or let the first process
//! start before its volume is there.
//!
//! Its very first instruction notes, on the volume and beside it in the computer's own root, whether `/mnt/data` is a mount
//! point. Then it appends records for ever. A record is acknowledged, on standard output, only after `fsync` of its file:
//!
//! ```text
//!   /mnt/data/records   <run>.<number> <filler> <sha256 of the line before it>     run = how often it was started, from 1
//!   standard output     start mounted|absent
//!                       ack <run>.<number>
//! ```

use std::collections::BTreeMap;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Server, wait_until_or};

const SCRIPT: &str = r#"
if grep -q ' /mnt/data ' /proc/self/mountinfo; then state=mounted; else state=absent; fi
echo $state >> /root/starts
echo $state >> /mnt/data/starts
sync /mnt/data/starts
echo start $state
# A first process that ignores SIGTERM would make every stop last its whole grace.
trap 'exit 0' TERM
run=$(wc -l < /mnt/data/starts)
number=0
# A record that was cut in half must not swallow the next one.
echo >> /mnt/data/records
while :; do
  number=$((number + 1))
  body="$run.$number aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  sum=$(echo "$body" | sha256sum)
  echo "$body ${sum%% *}" >> /mnt/data/records
  sync /mnt/data/records && echo "ack $run.$number"
  usleep 5000
done
"#;

/// A computer that runs the recording script, and its volume.
#[derive(Debug, Clone)]
pub struct Workload {
    pub computer: String,
    pub volume: String,
    pub attachment: String,
}

/// What [`Workload::check`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Records {
    /// How often the workload was started.
    pub starts: usize,
    pub acknowledged: usize,
}

impl Workload {
    /// A volume of 1 GB, attached before the computer's first start; answers when records are being acknowledged.
    pub fn start(server: &Server) -> Self {
        let volume = server.create_volume("records", 1 << 30);
        let body = json!({"name": "recorder", "auto_start": false, "command": SCRIPT});
        let computer = server.http("POST", "/api/v1/computers", Some(body)).ok();
        let computer = computer["id"].as_str().expect("a computer has an id").to_owned();
        server.wait_computer(&computer, "stopped");
        let attachment = server.attach(&computer, &volume, "/mnt/data");
        server.power(&computer, "start");
        let workload = Self { computer, volume, attachment };
        workload.wait_progress(server);
        workload
    }

    /// Waits until further records are acknowledged.
    #[track_caller]
    pub fn wait_progress(&self, server: &Server) {
        let count = || acknowledged(&server.logs(&self.computer)).len();
        let before = count();
        wait_until_or("further records", || match count() {
            now if now >= before + 5 => Ok(()),
            now => Err(format!("{before} acknowledged then, {now} now\n{}", server.log_tail())),
        });
    }

    /// Asserts that every acknowledged record is there and whole, in order and without a gap in its run, and that the volume
    /// was mounted at the first instruction of every start.
    #[track_caller]
    pub fn check(&self, server: &Server) -> Records {
        // The acknowledgements come first: whatever they name must be in the file by then.
        let log = server.logs(&self.computer);
        let acknowledged = acknowledged(&log);
        let records = server.sh(&self.computer, "cat /mnt/data/records");
        judge(&acknowledged, &records).unwrap_or_else(|what| panic!("{what}\n{}", server.log_tail()));

        let on_root = server.sh(&self.computer, "cat /root/starts");
        let on_volume = server.sh(&self.computer, "cat /mnt/data/starts");
        assert!(
            on_root.lines().all(|start| start == "mounted"),
            "a first process ran without its volume: {on_root:?}"
        );
        assert_eq!(on_root, on_volume, "starts as noted in the root and on the volume");
        let mounts = server.sh(&self.computer, "grep -c ' /mnt/data ' /proc/self/mountinfo");
        assert_eq!(mounts, "1", "mounts at /mnt/data");
        Records { starts: on_root.lines().count(), acknowledged: acknowledged.len() }
    }
}

/// `(run, number)` of every acknowledged record.
fn acknowledged(log: &[String]) -> Vec<(u64, u64)> {
    log.iter().filter_map(|line| record_name(line.strip_prefix("ack ")?)).collect()
}

fn record_name(text: &str) -> Option<(u64, u64)> {
    let (run, number) = text.split_once('.')?;
    Some((run.parse().ok()?, number.parse().ok()?))
}

/// Compares what was acknowledged with what is there. A line that is not whole is nothing; it must not have been acknowledged.
fn judge(acknowledged: &[(u64, u64)], records: &str) -> Result<(), String> {
    let mut last_of_run: BTreeMap<u64, u64> = BTreeMap::new();
    for line in records.lines() {
        let Some((run, number)) = whole_record(line) else { continue };
        let last = last_of_run.entry(run).or_default();
        if number != *last + 1 {
            return Err(format!("after record {run}.{last} comes {run}.{number}"));
        }
        *last = number;
    }
    // Records of a run are contiguous, so the last one speaks for all before it.
    let lost =
        acknowledged.iter().find(|(run, number)| last_of_run.get(run).is_none_or(|last| last < number));
    match lost {
        Some((run, number)) => Err(format!(
            "record {run}.{number} was acknowledged and is lost; last of each run: {last_of_run:?}"
        )),
        None => Ok(()),
    }
}

fn whole_record(line: &str) -> Option<(u64, u64)> {
    let (body, sum) = line.rsplit_once(' ')?;
    let digest = Sha256::digest(format!("{body}\n"));
    let expected: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    if sum == expected { record_name(body.split(' ').next()?) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str) -> String {
        let digest = Sha256::digest(format!("{name} aa\n"));
        format!("{name} aa {}\n", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }

    /// The judge is tested with planted damage: lost, torn, changed, out of order.
    #[test]
    fn damage_is_noticed() {
        let (a, b, c) = (record("1.1"), record("1.2"), record("2.1"));
        let whole = format!("\n{a}{b}\n{c}");
        assert_eq!(judge(&[(1, 1), (1, 2), (2, 1)], &whole), Ok(()));
        let torn_tail = format!("\n{a}{}", &b[..b.len() / 2]);
        assert_eq!(judge(&[(1, 1)], &torn_tail), Ok(()), "a torn record was never acknowledged");
        assert!(judge(&[(1, 1), (1, 2)], &torn_tail).is_err(), "torn");
        assert!(judge(&[(1, 1), (1, 2)], &format!("\n{a}")).is_err(), "lost");
        assert!(judge(&[(2, 1)], &format!("\n{a}{b}")).is_err(), "a lost run");
        assert!(judge(&[(1, 2)], &whole.replace("1.2 aa", "1.2 ab")).is_err(), "changed");
        assert!(judge(&[], &format!("\n{a}{}", record("1.3"))).is_err(), "a gap");
    }
}
