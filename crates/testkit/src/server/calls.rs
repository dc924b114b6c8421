//! The calls of the API that tests make all the time. What a test is about, it calls by [`Server::http`] itself.

use serde_json::{Value, json};

use super::{Answer, Server, wait_until_or};

/// What a command in a computer did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutcome {
    pub exit_code: i64,
    pub stdout: String,
    pub stderr: String,
}

/// The id of an object in an answer.
pub(super) fn id_of(object: &Value) -> String {
    object["id"].as_str().unwrap_or_else(|| panic!("no id in {object}")).to_owned()
}

impl Server {
    /// A new volume that is `available`; answers its id.
    #[track_caller]
    pub fn create_volume(&self, name: &str, size_bytes: u64) -> String {
        let body = json!({"name": name, "size_bytes": size_bytes, "backend": "local"});
        let volume = self.http("POST", "/api/v1/volumes", Some(body)).ok();
        let id = id_of(&volume);
        self.wait_volume(&id, "available");
        id
    }

    #[track_caller]
    pub fn volume(&self, id: &str) -> Value {
        self.http("GET", &format!("/api/v1/volumes/{id}"), None).ok()
    }

    /// Waits until the volume is in `state`; answers it.
    #[track_caller]
    pub fn wait_volume(&self, id: &str, state: &str) -> Value {
        wait_until_or(&format!("volume {id} to be {state}"), || {
            let volume = self.volume(id);
            if volume["state"] == state { Ok(volume) } else { Err(format!("it is {volume}")) }
        })
    }

    #[track_caller]
    pub fn delete_volume(&self, id: &str) -> Answer {
        self.http("DELETE", &format!("/api/v1/volumes/{id}"), None)
    }

    #[track_caller]
    pub fn undelete_volume(&self, id: &str) -> Answer {
        self.http("POST", &format!("/api/v1/volumes/{id}/undelete"), None)
    }

    /// A new computer as `body` says, as soon as it is running; answers its id.
    #[track_caller]
    pub fn run_computer(&self, body: Value) -> String {
        let id = id_of(&self.http("POST", "/api/v1/computers", Some(body)).ok());
        self.wait_computer(&id, "running");
        id
    }

    #[track_caller]
    pub fn computer(&self, id: &str) -> Value {
        self.http("GET", &format!("/api/v1/computers/{id}"), None).ok()
    }

    /// Waits until the computer is in `status`; answers it. Broken connections are asked again, so that a restarting server can
    /// be waited for.
    #[track_caller]
    pub fn wait_computer(&self, id: &str, status: &str) -> Value {
        wait_until_or(&format!("computer {id} to be {status}"), || {
            let answer =
                self.try_http("GET", &format!("/api/v1/computers/{id}"), None).map_err(|e| e.to_string())?;
            if answer.body["status"] == status {
                Ok(answer.body)
            } else {
                Err(format!("{answer}\n{}", self.log_tail()))
            }
        })
    }

    /// `start`, `stop` or `restart`; answers when it is done.
    #[track_caller]
    pub fn power(&self, computer: &str, action: &str) -> Value {
        let answer = self.http("POST", &format!("/api/v1/computers/{computer}/{action}"), None).ok();
        self.wait_computer(computer, if action == "stop" { "stopped" } else { "running" });
        answer
    }

    /// Deletes the computer by force, and waits until nothing answers for it.
    #[track_caller]
    pub fn delete_computer(&self, id: &str) {
        self.http("DELETE", &format!("/api/v1/computers/{id}?force=true"), None).ok();
        wait_until_or(&format!("the end of computer {id}"), || {
            let answer = self.http("GET", &format!("/api/v1/computers/{id}"), None);
            if answer.status == 404 || answer.body["status"] == "destroyed" {
                Ok(())
            } else {
                Err(answer.to_string())
            }
        });
    }

    /// Runs a shell command in the computer; whatever its exit code, it must have run.
    #[track_caller]
    pub fn exec(&self, computer: &str, command: &str) -> ExecOutcome {
        let path = format!("/api/v1/computers/{computer}/exec");
        let answer = self.http("POST", &path, Some(json!({"command": command}))).ok();
        let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
        ExecOutcome {
            exit_code: answer["exit_code"].as_i64().unwrap_or_else(|| panic!("no exit code in {answer}")),
            stdout: text("stdout"),
            stderr: text("stderr"),
        }
    }

    /// Runs a shell command that must succeed; answers what it wrote, without spaces around it.
    #[track_caller]
    pub fn sh(&self, computer: &str, command: &str) -> String {
        let done = self.exec(computer, command);
        assert_eq!(done.exit_code, 0, "{command}: {done:?}");
        done.stdout.trim().to_owned()
    }

    /// Lines that the computer's first process wrote to its standard output, over all its runs.
    #[track_caller]
    pub fn logs(&self, computer: &str) -> Vec<String> {
        let answer = self.http("GET", &format!("/api/v1/computers/{computer}/logs?lines=100000"), None).ok();
        let lines = answer["lines"].as_array().unwrap_or_else(|| panic!("no lines in {answer}"));
        let stdout = lines.iter().filter(|line| line["stream"] == "stdout");
        stdout.filter_map(|line| line["line"].as_str().map(str::to_owned)).collect()
    }

    #[track_caller]
    pub fn try_attach(&self, computer: &str, volume: &str, path: &str) -> Answer {
        let body = json!({"volume_id": volume, "mount_path": path});
        self.http("POST", &format!("/api/v1/computers/{computer}/volumes"), Some(body))
    }

    /// Attaches the volume for writing; answers the attachment's id. To a running computer, it must be there at once.
    #[track_caller]
    pub fn attach(&self, computer: &str, volume: &str, path: &str) -> String {
        let attachment = self.try_attach(computer, volume, path).ok();
        assert_eq!(attachment["state"], "attached", "{attachment}");
        id_of(&attachment)
    }

    #[track_caller]
    pub fn attachments(&self, computer: &str) -> Vec<Value> {
        let list = self.http("GET", &format!("/api/v1/computers/{computer}/volumes?limit=1000"), None).ok();
        list["data"].as_array().unwrap_or_else(|| panic!("no list: {list}")).clone()
    }

    #[track_caller]
    pub fn detach(&self, computer: &str, attachment: &str) -> Answer {
        self.http("DELETE", &format!("/api/v1/computers/{computer}/volumes/{attachment}"), None)
    }

    #[track_caller]
    pub fn detach_by_force(&self, computer: &str, attachment: &str) -> Answer {
        self.http("DELETE", &format!("/api/v1/computers/{computer}/volumes/{attachment}?force=true"), None)
    }

    /// All objects of a list, over all its pages; `path` without a query. Asked again if the server dies over it.
    #[track_caller]
    pub fn list_all(&self, path: &str) -> Vec<Value> {
        let list = self.http_with_retries("GET", &format!("{path}?limit=1000"), None).ok();
        assert_eq!(list["page"]["has_more"], false, "more than 1000 of {path}");
        list["data"].as_array().unwrap_or_else(|| panic!("no list: {list}")).clone()
    }

    /// Deletes all services and computers, then all volumes, then the snapshots that outlived them.
    pub fn delete_everything(&self) {
        for service in self.list_all("/api/v1/services") {
            self.delete_service(&id_of(&service));
        }
        for computer in self.list_all("/api/v1/computers") {
            self.delete_computer(&id_of(&computer));
        }
        for volume in self.list_all("/api/v1/volumes") {
            let id = id_of(&volume);
            if volume["delete_protection"] == true {
                let path = format!("/api/v1/volumes/{id}");
                self.http("PATCH", &path, Some(json!({"delete_protection": false}))).ok();
            }
            self.delete_volume(&id).ok();
        }
        for snapshot in self.list_all("/api/v1/volume-snapshots") {
            self.delete_snapshot(&id_of(&snapshot));
        }
    }

    /// The pid of the computer's first process, in the host's numbers.
    #[track_caller]
    pub fn first_process(&self, computer: &str) -> super::Process {
        super::wait_until(&format!("the first process of computer {computer}"), || {
            super::remains::first_process(computer)
        })
    }
}
