//! Calls about services, for tests.

use serde_json::{Value, json};

use super::calls::id_of;
use super::{Server, wait_until_or};

impl Server {
    /// A new service as `body` says, on the default template; answers its id at once.
    #[track_caller]
    pub fn create_service(&self, mut body: Value) -> String {
        if body["source"].is_null() {
            body["source"] = json!({"type": "template", "ref": "miosa-default"});
        }
        id_of(&self.http("POST", "/api/v1/services", Some(body)).ok())
    }

    /// The same, when its first release is active.
    #[track_caller]
    pub fn run_service(&self, body: Value) -> String {
        let service = self.create_service(body);
        self.wait_release(&service, 1, "active");
        service
    }

    #[track_caller]
    pub fn service(&self, id: &str) -> Value {
        self.http("GET", &format!("/api/v1/services/{id}"), None).ok()
    }

    /// `POST` to a verb of the service; answers what it answers.
    #[track_caller]
    pub fn service_verb(&self, id: &str, verb: &str, body: Value) -> Value {
        self.http("POST", &format!("/api/v1/services/{id}/{verb}"), Some(body)).ok()
    }

    /// Waits until the service is as `is_so` says; answers it.
    #[track_caller]
    pub fn wait_service(&self, id: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        wait_until_or(&format!("service {id}: {what}"), || {
            let path = format!("/api/v1/services/{id}");
            match self.try_http("GET", &path, None) {
                Ok(answer) if answer.is_success() && is_so(&answer.body) => Ok(answer.body),
                Ok(answer) => Err(format!("{answer}\n{}", self.log_tail())),
                Err(e) => Err(e.to_string()),
            }
        })
    }

    /// Newest first.
    #[track_caller]
    pub fn releases(&self, service: &str) -> Vec<Value> {
        self.list_all(&format!("/api/v1/services/{service}/deployments"))
    }

    /// Waits until release `number` is in `state`; answers it. One that ends otherwise fails the test.
    #[track_caller]
    pub fn wait_release(&self, service: &str, number: u64, state: &str) -> Value {
        wait_until_or(&format!("release {number} of service {service} to be {state}"), || {
            let releases = self.releases(service);
            let release = releases.iter().find(|release| release["number"] == number);
            match release {
                Some(release) if release["state"] == state => Ok(release.clone()),
                Some(release) if !matches!(release["state"].as_str(), Some("queued" | "deploying")) => {
                    panic!("release {number} is not {state}: {release}\n{}", self.log_tail())
                }
                other => Err(format!("{other:?}\n{}", self.log_tail())),
            }
        })
    }

    /// Those that are to run, by index.
    #[track_caller]
    pub fn replicas(&self, service: &str) -> Vec<Value> {
        let mut instances = self.list_all(&format!("/api/v1/services/{service}/instances"));
        let ids = instances.iter().map(id_of);
        self.lock_computers().extend(ids);
        instances.retain(|instance| instance["desired_state"] == "running");
        instances.sort_by_key(|instance| instance["replica"].as_u64());
        instances
    }

    /// The id of replica `index`'s instance.
    #[track_caller]
    pub fn replica(&self, service: &str, index: u64) -> String {
        let instances = self.replicas(service);
        let replica = instances.iter().find(|instance| instance["replica"] == index);
        replica.map(id_of).unwrap_or_else(|| panic!("no replica {index} in {instances:?}"))
    }

    /// Runs a shell command in replica `index` that must succeed; answers what it wrote.
    #[track_caller]
    pub fn replica_sh(&self, service: &str, index: u64, command: &str) -> String {
        self.sh(&self.replica(service, index), command)
    }

    /// Deletes the service, and waits until nothing of it is left on the host.
    #[track_caller]
    pub fn delete_service(&self, id: &str) {
        let path = format!("/api/v1/services/{id}");
        let deleted = self.http("DELETE", &path, None);
        assert!(deleted.is_success() || deleted.status == 404, "{deleted}");
        wait_until_or(&format!("the end of service {id}"), || match self.http("GET", &path, None) {
            answer if answer.status == 404 => Ok(()),
            answer => Err(format!("{answer}\n{}", self.log_tail())),
        });
    }
}
