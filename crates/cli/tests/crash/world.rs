//! The small model that crashes are judged by, and how the real world is read.
//!
//! ```text
//!              create ─► attach ─► write ─► detach ─► destroy ─► undelete ─► stop ─► attach ─► start ─► …
//!   computer   running ────────────────────────────────────────────────────► stopped ────────► running
//!   volume     present ──────────────────────────────► trash ──► present ─────────────────────────────
//!   attached   no        yes ─────────────► no ─────────────────────────────────────► yes ────────────
//! ```

use std::io;

use miosa_testkit::server::{Answer, Server, remains, wait_until_or};
use serde_json::{Value, json};

/// What is there, once everything has come to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Model {
    pub(crate) computer: Option<Power>,
    pub(crate) volume: Option<Place>,
    pub(crate) attached: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    Running,
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Present,
    Trash,
}

/// What a caller can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    CreateComputer,
    Create,
    Attach,
    /// Writes data if there is none, and reads it back.
    Exec,
    Detach,
    Destroy,
    Undelete,
    Stop,
    Start,
    Restart,
    /// Refused: a process holds the volume.
    DetachBusy,
    DetachByForce,
    DeleteComputer,
}

impl Verb {
    /// From nothing through every state to a volume in the trash.
    pub(crate) const CYCLE: [Verb; 18] = [
        Verb::CreateComputer,
        Verb::Create,
        Verb::Attach,
        Verb::Exec,
        Verb::Detach,
        Verb::Destroy,
        Verb::Undelete,
        Verb::Stop,
        Verb::Attach,
        Verb::Start,
        Verb::Exec,
        Verb::Restart,
        Verb::DetachBusy,
        Verb::DetachByForce,
        Verb::Attach,
        Verb::Exec,
        Verb::DeleteComputer,
        Verb::Destroy,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Verb::CreateComputer => "create computer",
            Verb::Create => "create",
            Verb::Attach => "attach",
            Verb::Exec => "exec",
            Verb::Detach => "detach",
            Verb::Destroy => "destroy",
            Verb::Undelete => "undelete",
            Verb::Stop => "stop computer",
            Verb::Start => "start computer",
            Verb::Restart => "restart computer",
            Verb::DetachBusy => "refused detach",
            Verb::DetachByForce => "detach by force",
            Verb::DeleteComputer => "delete computer",
        }
    }

    /// The world after the verb.
    pub(crate) fn after(self, before: Model) -> Model {
        match self {
            Verb::CreateComputer | Verb::Start | Verb::Restart => {
                Model { computer: Some(Power::Running), ..before }
            }
            Verb::Create | Verb::Undelete => Model { volume: Some(Place::Present), ..before },
            Verb::Attach => Model { attached: true, ..before },
            Verb::Exec | Verb::DetachBusy => before,
            Verb::Detach | Verb::DetachByForce => Model { attached: false, ..before },
            Verb::Destroy => Model { volume: Some(Place::Trash), ..before },
            Verb::Stop => Model { computer: Some(Power::Stopped), ..before },
            Verb::DeleteComputer => Model { computer: None, attached: false, ..before },
        }
    }
}

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
    volume: String,
    attachment: String,
    /// Of the file that the volume must keep, once its writing was acknowledged.
    sum: Option<String>,
}

impl World {
    pub(crate) fn volume_id(&self) -> &str {
        &self.volume
    }

    /// Makes the call once.
    pub(crate) fn run(&mut self, server: &Server, verb: Verb) -> Outcome {
        let computer = format!("/api/v1/computers/{}", self.computer);
        let volume = format!("/api/v1/volumes/{}", self.volume);
        let attachment = format!("{computer}/volumes/{}", self.attachment);
        let call = |method: &str, path: &str, body: Value| server.try_http(method, path, Some(body));
        let answer = match verb {
            Verb::CreateComputer => self.create(server, "computers", json!({"name": "box"})),
            Verb::Create => self.create(server, "volumes", json!({"name": "data", "size_bytes": 1 << 30})),
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

    /// Waits until everything has come to rest: nothing is creating, attaching, stopping; the kernel agrees with the API.
    #[track_caller]
    pub(crate) fn settle(&mut self, server: &Server, what: &str) -> Model {
        wait_until_or(&format!("rest after {what}"), || {
            self.observe(server).map_err(|why| format!("{why}\n{}", server.log_tail()))
        })
    }

    /// Where the volume can be seen, its data must be what was acknowledged.
    #[track_caller]
    pub(crate) fn check_data(&mut self, server: &Server, what: &str) {
        if self.sum.is_some() && self.model.attached && self.model.computer == Some(Power::Running) {
            self.run_until_done(server, Verb::Exec, &format!("{what}, reading the data"));
        }
    }

    /// With an idempotency key, so that the repeated call is the same call.
    fn create(&self, server: &Server, noun: &str, body: Value) -> io::Result<Answer> {
        let authorization = format!("Bearer {}", server.key());
        let key = format!("the-only-one-of-{noun}");
        let headers = [("Authorization", authorization.as_str()), ("Idempotency-Key", key.as_str())];
        server.raw_http("POST", &format!("/api/v1/{noun}"), &headers, Some(body.to_string().as_bytes()))
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
        let volumes = list(server, "/api/v1/volumes")?;
        let trash = list(server, "/api/v1/volumes?status=deleted")?;
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
        let model = Model {
            computer: power,
            volume: if volumes.is_empty() {
                trash.first().map(|_| Place::Trash)
            } else {
                Some(Place::Present)
            },
            attached,
        };
        self.compare_with_kernel(server, model)?;
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

fn is_already(verb: Verb, answer: &Answer) -> bool {
    match verb {
        Verb::Attach => answer.code() == "VOLUME_ATTACHED",
        Verb::Detach | Verb::DetachByForce | Verb::Destroy | Verb::Undelete | Verb::DeleteComputer => {
            answer.status == 404
        }
        _ => false,
    }
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
