//! How the real world is read, and how calls are made to it.

use std::collections::BTreeSet;
use std::io;

use miosa_testkit::server::{Answer, Server, remains, wait_until_or};
use serde_json::{Value, json};

use crate::verb::{Model, Place, Power, Verb};

/// Of the volume; copies are larger.
pub(crate) const SIZE_BYTES: u64 = 1 << 30;

/// What became of a call.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done,
    /// It says that what was asked for is so already.
    Already,
    Refused(Answer),
    /// No whole answer came.
    Cut(io::Error),
}

impl Outcome {
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Outcome::Done)
    }
}

/// One computer, one volume, and what was last seen of them.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) model: Model,
    computer: String,
    pub(crate) volume: String,
    attachment: String,
    pub(crate) snapshot: String,
    /// Of the file that the volume must keep, once its writing was acknowledged.
    pub(crate) sum: Option<String>,
}

impl World {
    /// Makes the call once.
    pub(crate) fn run(&mut self, server: &Server, verb: Verb) -> Outcome {
        let computer = format!("/api/v1/computers/{}", self.computer);
        let volume = format!("/api/v1/volumes/{}", self.volume);
        let attachment = format!("{computer}/volumes/{}", self.attachment);
        let call = |method: &str, path: &str, body: Value| server.try_http(method, path, Some(body));
        let answer = match verb {
            Verb::CreateComputer => once(server, "/api/v1/computers", json!({"name": "box"})),
            Verb::Create => {
                once(server, "/api/v1/volumes", json!({"name": "data", "size_bytes": SIZE_BYTES}))
            }
            Verb::Attach => {
                let body = json!({"volume_id": self.volume, "mount_path": "/mnt/data"});
                call("POST", &format!("{computer}/volumes"), body)
            }
            Verb::Exec => return self.write_or_read(server),
            Verb::Detach => call("DELETE", &attachment, json!({})),
            Verb::Destroy => call("DELETE", &volume, json!({})),
            Verb::Undelete => call("POST", &format!("{volume}/undelete"), json!({})),
            Verb::Stop => call("POST", &format!("{computer}/stop"), json!({})),
            Verb::Start => call("POST", &format!("{computer}/start"), json!({})),
            Verb::Restart => call("POST", &format!("{computer}/restart"), json!({})),
            Verb::DetachBusy | Verb::DetachByForce => {
                // Cut off or not: then nobody holds the volume, or a holder more does.
                let hold = "setsid sleep 100000 < /mnt/data > /dev/null 2>&1 &";
                let _ = call("POST", &format!("{computer}/exec"), json!({"command": hold}));
                call("DELETE", &format!("{attachment}?force={}", verb == Verb::DetachByForce), json!({}))
            }
            Verb::DeleteComputer => call("DELETE", &computer, json!({})),
            Verb::Take
            | Verb::Mark
            | Verb::Verify
            | Verb::Compact
            | Verb::RestoreAsNew
            | Verb::Fork
            | Verb::RestoreInPlace
            | Verb::DeleteSnapshot => self.run_on_past(server, verb),
        };
        match answer {
            Err(e) => Outcome::Cut(e),
            Ok(answer) if verb == Verb::DetachBusy && answer.code() == "VOLUME_IN_USE" => Outcome::Done,
            Ok(answer) if answer.is_success() && verb != Verb::DetachBusy => Outcome::Done,
            Ok(answer) if is_already(verb, &answer) => Outcome::Already,
            Ok(answer) => Outcome::Refused(answer),
        }
    }

    /// Repeats the call until it succeeds, or says that it is so already. Refusals must be of the kind that passes.
    #[track_caller]
    pub(crate) fn run_until_done(&mut self, server: &Server, verb: Verb, what: &str) {
        wait_until_or(&format!("{what}, the second call"), || match self.run(server, verb) {
            Outcome::Done | Outcome::Already => Ok(()),
            Outcome::Refused(answer) if answer.status == 503 || answer.body["error"]["retryable"] == true => {
                Err(answer.to_string())
            }
            Outcome::Refused(answer) => panic!("{what}, the second call: {answer}\n{}", server.log_tail()),
            Outcome::Cut(e) => Err(e.to_string()),
        });
    }

    /// Waits until everything has come to rest, and asserts that it is as expected.
    #[track_caller]
    pub(crate) fn assert_is(&mut self, server: &Server, expected: Model, what: &str) {
        wait_until_or(&format!("{expected:?} {what}"), || match self.observe(server) {
            Ok(model) if model == expected => Ok(()),
            other => Err(format!("{other:?}\n{}", server.log_tail())),
        });
        self.model = expected;
    }

    /// Waits until everything has come to rest: nothing is creating, attaching, stopping; the kernel agrees with the API. Seen
    /// twice, because what is read one after the other may have changed in between.
    #[track_caller]
    pub(crate) fn settle(&mut self, server: &Server, what: &str) -> Model {
        let mut last = None;
        wait_until_or(&format!("rest after {what}"), || {
            let now = self.observe(server).map_err(|why| format!("{why}\n{}", server.log_tail()));
            let before = std::mem::replace(&mut last, now.clone().ok());
            now.and_then(
                |now| if before == Some(now) { Ok(now) } else { Err(format!("{before:?}, then {now:?}")) },
            )
        })
    }

    /// Where the volume can be seen, its data must be what was acknowledged.
    #[track_caller]
    pub(crate) fn check_data(&mut self, server: &Server, what: &str) {
        if self.sum.is_some() && self.model.attached && self.model.computer == Some(Power::Running) {
            self.run_until_done(server, Verb::Exec, &format!("{what}, reading the data"));
        }
    }

    fn write_or_read(&mut self, server: &Server) -> Outcome {
        let write = "head -c 3000000 /dev/urandom > /mnt/data/data && sync /mnt/data/data && ";
        let command = format!("{}sha256sum < /mnt/data/data", if self.sum.is_none() { write } else { "" });
        let path = format!("/api/v1/computers/{}/exec", self.computer);
        match server.try_http("POST", &path, Some(json!({"command": command}))) {
            Err(e) => Outcome::Cut(e),
            Ok(answer) if answer.is_success() && answer.body["exit_code"] == 0 => {
                let sum = answer.body["stdout"].as_str().expect("exec answers what was written").to_owned();
                let kept = self.sum.get_or_insert_with(|| sum.clone());
                assert_eq!(*kept, sum, "the data has changed\n{}", server.log_tail());
                Outcome::Done
            }
            Ok(answer) => {
                let vanished = answer.is_success()
                    && answer.body["stderr"].as_str().is_some_and(|e| e.contains("No such file"));
                assert!(
                    !(vanished && self.sum.is_some()),
                    "the data is gone: {answer}\n{}",
                    server.log_tail()
                );
                Outcome::Refused(answer)
            }
        }
    }

    /// Reads API and kernel. An error says what has not come to rest, or where the two differ.
    fn observe(&mut self, server: &Server) -> Result<Model, String> {
        let computers = list(server, "/api/v1/computers")?;
        let (copies, volumes): (Vec<_>, Vec<_>) =
            list(server, "/api/v1/volumes")?.into_iter().partition(|volume| volume["name"] != "data");
        let snapshots = list(server, "/api/v1/volume-snapshots")?;
        let mut trash = list(server, "/api/v1/volumes?status=deleted")?;
        trash.retain(|volume| volume["name"] == "data");
        assert!(
            computers.len() <= 1 && volumes.len() + trash.len() <= 1,
            "twins: {computers:?} {volumes:?} {trash:?}"
        );

        let power = match computers.first() {
            None => None,
            Some(computer) => {
                self.computer = text(computer, "id");
                match text(computer, "status").as_str() {
                    "running" => Some(Power::Running),
                    "stopped" => Some(Power::Stopped),
                    _ => return Err(format!("the computer: {computer}")),
                }
            }
        };
        let mut attached = false;
        if let Some(volume) = volumes.first() {
            self.volume = text(volume, "id");
            let attachments = volume["attachments"].as_array().ok_or("a volume without attachments")?;
            assert!(attachments.len() <= 1, "attached twice: {volume}");
            match (text(volume, "status").as_str(), attachments.first()) {
                ("available", None) => {}
                ("attached", Some(attachment)) if attachment["state"] == "attached" => {
                    attached = true;
                    self.attachment = text(attachment, "id");
                }
                _ => return Err(format!("the volume: {volume}")),
            }
        }
        if let Some(volume) = trash.first() {
            self.volume = text(volume, "id");
            if volume["status"] != "deleted" {
                return Err(format!("the volume: {volume}"));
            }
        }
        if let Some(other) = copies.iter().chain(&snapshots).find(|object| !is_at_rest(object)) {
            return Err(format!("not at rest: {other}"));
        }
        let model = Model {
            computer: power,
            volume: if volumes.is_empty() {
                trash.first().map(|_| Place::Trash)
            } else {
                Some(Place::Present)
            },
            attached,
            snapshot: count(&snapshots, "trigger", "manual") == 1,
            safety: count(&snapshots, "trigger", "safety") > 0,
            // Where it cannot be seen, it is as it was.
            marked: if attached { self.mark(server).exists() } else { self.model.marked },
            restored: count(&copies, "name", "restored") == 1,
            fork: count(&copies, "name", "fork") == 1,
        };
        assert!(
            copies.len() == usize::from(model.restored) + usize::from(model.fork)
                && count(&snapshots, "trigger", "manual") <= 1,
            "twins: {copies:?} {snapshots:?}"
        );
        if let Some(snapshot) = snapshots.iter().find(|snapshot| snapshot["trigger"] == "manual") {
            self.snapshot = text(snapshot, "id");
        }
        self.compare_with_kernel(server, model)?;
        compare_with_pool(server, &snapshots)?;
        Ok(model)
    }

    fn compare_with_kernel(&self, server: &Server, model: Model) -> Result<(), String> {
        let first = if self.computer.is_empty() { None } else { remains::first_process(&self.computer) };
        if first.is_some() != (model.computer == Some(Power::Running)) {
            return Err(format!("{model:?}, but the first process is {first:?}"));
        }
        if let Some(first) = first {
            let mounts = remains::mount_table(first.pid);
            let at_path = mounts.iter().filter(|mount| mount.path.as_os_str() == "/mnt/data").count();
            if at_path != usize::from(model.attached) {
                return Err(format!("{model:?}, but {at_path} mounts in the computer: {mounts:?}"));
            }
        }
        let staged =
            remains::mounts_below(server.data_dir()).iter().filter(|m| m.ends_with(&self.volume)).count();
        if !self.volume.is_empty() && staged > usize::from(model.attached) {
            return Err(format!("{model:?}, but {staged} mounts of the volume on the host"));
        }
        Ok(())
    }
}

/// With an idempotency key, so that the repeated call is the same call.
pub(crate) fn once(server: &Server, path: &str, body: Value) -> io::Result<Answer> {
    let authorization = format!("Bearer {}", server.key());
    let key = format!("the-only-one-of-{path}");
    let headers = [("Authorization", authorization.as_str()), ("Idempotency-Key", key.as_str())];
    server.raw_http("POST", path, &headers, Some(body.to_string().as_bytes()))
}

fn is_already(verb: Verb, answer: &Answer) -> bool {
    match verb {
        Verb::Attach => answer.code() == "VOLUME_ATTACHED",
        Verb::Detach
        | Verb::DetachByForce
        | Verb::Destroy
        | Verb::Undelete
        | Verb::DeleteSnapshot
        | Verb::DeleteComputer => answer.status == 404,
        _ => false,
    }
}

/// Ready or available, and nothing goes on in it.
fn is_at_rest(object: &Value) -> bool {
    let goes_on = |what: &str| matches!(object[what]["state"].as_str(), Some("pending" | "running"));
    matches!(object["status"].as_str(), Some("ready" | "available"))
        && !goes_on("verification")
        && !goes_on("compaction")
}

fn count(objects: &[Value], field: &str, value: &str) -> usize {
    objects.iter().filter(|object| object[field] == value).count()
}

/// Nothing half-made lies in the pool, and every snapshot of the API is there and no other.
fn compare_with_pool(server: &Server, snapshots: &[Value]) -> Result<(), String> {
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(server.pool().join(folder)).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    let (found, listed) =
        (names("snapshots"), snapshots.iter().map(|snapshot| text(snapshot, "id")).collect());
    if found != listed {
        return Err(format!("snapshots {found:?} in the pool, and {listed:?} in the API"));
    }
    for folder in ["volumes", "fs/trash"] {
        if let Some(left) = names(folder).iter().find(|name| name.starts_with(".tmp-")) {
            return Err(format!("{left} lies in {folder}"));
        }
    }
    Ok(())
}

fn list(server: &Server, path: &str) -> Result<Vec<Value>, String> {
    match server.try_http("GET", path, None) {
        Ok(answer) if answer.is_success() => {
            let objects = answer.body["data"].as_array().ok_or("a list without data")?;
            Ok(objects.iter().filter(|object| object["status"] != "destroyed").cloned().collect())
        }
        Ok(answer) => Err(answer.to_string()),
        Err(e) => Err(e.to_string()),
    }
}

fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("no {field} in {object}")).to_owned()
}
