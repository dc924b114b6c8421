//! Aim: whatever is asked of a service in whatever order, and whatever is killed meanwhile, it becomes what a small model says;
//! an exclusive volume never has two writers; no replica runs without its volumes; own volumes follow their index; and in the
//! end nothing is left on the host.
//!
//! Method: random sequences against a real server. Two writers are caught by what the workload itself writes (see `watchful`), and by
//! the mount tables of all first processes, read after every step.

use std::collections::BTreeSet;

use miosa_testkit::server::{Server, ServerOptions, remains};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use serde_json::{Value, json};

use crate::{STAY, own, shared, watchful};

/// The volumes that a service mounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Volumes {
    None,
    Own,
    Shared,
    Both,
}

#[derive(Debug, Clone)]
enum Step {
    Scale(u64),
    Mount(Volumes),
    Deploy,
    DeployBad,
    Rollback,
    Restart,
    StopAndStart,
    KillServer,
    KillFirstProcess(u64),
    KillAgentAndRestart,
}

/// What the service should be.
#[derive(Debug, Clone)]
struct Model {
    replicas: u64,
    volumes: Volumes,
    /// Volumes of the good releases, by number from 1; `None` for one that failed.
    releases: Vec<Option<Volumes>>,
    /// Serial numbers of what the good releases say, so that two with the same settings can be told from two with others.
    serials: Vec<u64>,
    active: usize,
    serial: u64,
}

impl Model {
    fn good(&mut self, volumes: Volumes, serial: u64) {
        self.releases.push(Some(volumes));
        self.serials.push(serial);
        self.active = self.releases.len();
        self.volumes = volumes;
    }

    /// The newest good release before the active one that is another than it.
    fn previous(&self) -> Option<usize> {
        let now = (self.releases[self.active - 1], self.serials[self.active - 1]);
        (1..self.active).rev().find(|number| {
            self.releases[number - 1].is_some()
                && (self.releases[number - 1], self.serials[number - 1]) != now
        })
    }
}

impl ReferenceStateMachine for Model {
    type State = Model;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Model> {
        let first = Model {
            replicas: 1,
            volumes: Volumes::Own,
            releases: vec![Some(Volumes::Own)],
            serials: vec![1],
            active: 1,
            serial: 1,
        };
        Just(first).boxed()
    }

    fn transitions(_: &Model) -> BoxedStrategy<Step> {
        let volumes =
            prop_oneof![Just(Volumes::None), Just(Volumes::Own), Just(Volumes::Shared), Just(Volumes::Both)];
        prop_oneof![
            3 => (0_u64..4).prop_map(Step::Scale),
            3 => volumes.prop_map(Step::Mount),
            2 => Just(Step::Deploy),
            2 => Just(Step::DeployBad),
            2 => Just(Step::Rollback),
            1 => Just(Step::Restart),
            1 => Just(Step::StopAndStart),
            1 => Just(Step::KillServer),
            1 => (0_u64..3).prop_map(Step::KillFirstProcess),
            1 => Just(Step::KillAgentAndRestart),
        ]
        .boxed()
    }

    fn preconditions(model: &Model, step: &Step) -> bool {
        match step {
            Step::Rollback => model.previous().is_some(),
            Step::Mount(volumes) => *volumes != model.volumes,
            Step::KillFirstProcess(index) => *index < model.replicas,
            // With nobody there, nobody can be bad.
            Step::DeployBad => model.replicas > 0,
            _ => true,
        }
    }

    fn apply(mut model: Model, step: &Step) -> Model {
        match step {
            Step::Scale(replicas) => model.replicas = *replicas,
            Step::Mount(volumes) => {
                let serial = model.serials[model.active - 1];
                model.good(*volumes, serial);
            }
            Step::Deploy => {
                model.serial += 1;
                let (volumes, serial) = (model.volumes, model.serial);
                model.good(volumes, serial);
            }
            Step::DeployBad => {
                model.releases.push(None);
                model.serials.push(0);
            }
            Step::Rollback => {
                let to = model.previous().expect("asked before");
                let (volumes, serial) = (model.releases[to - 1].expect("a good one"), model.serials[to - 1]);
                model.good(volumes, serial);
            }
            Step::Restart | Step::KillAgentAndRestart => {
                let (volumes, serial) = (model.volumes, model.serials[model.active - 1]);
                model.good(volumes, serial);
            }
            Step::StopAndStart => {
                // Starting deploys the service's own settings: those of the last deployment that was asked for and good.
                let (volumes, serial) = (model.volumes, model.serials[model.active - 1]);
                model.good(volumes, serial);
            }
            Step::KillServer | Step::KillFirstProcess(_) => {}
        }
        model
    }
}

/// Notes on an exclusive volume whose it is, and whether somebody else has it at the same time.
fn command(serial: u64) -> String {
    format!(
        "echo serial {serial}; \
         if grep -q ' /own ' /proc/self/mountinfo; then echo $MIOSA_REPLICA >> /own/indexes; {}; fi; {STAY}",
        watchful("/own")
    )
}

struct System {
    server: Option<Server>,
    service: String,
    own: String,
    shared: String,
}

impl System {
    fn server(&mut self) -> &mut Server {
        self.server.as_mut().expect("it runs until the end")
    }

    fn list(&self, volumes: Volumes) -> Value {
        match volumes {
            Volumes::None => json!([]),
            Volumes::Own => json!([own(&self.own, "/own")]),
            Volumes::Shared => json!([shared(&self.shared, "/shared")]),
            Volumes::Both => json!([own(&self.own, "/own"), shared(&self.shared, "/shared")]),
        }
    }

    fn settings(serial: u64) -> Value {
        let quick = json!({"command": "true", "interval_seconds": 1});
        json!({"start_command": command(serial), "health_check": quick})
    }

    /// Each first process sees its volumes and no others, and of an exclusive one there is one first process.
    fn check_mounts(&self, server: &Server, model: &Model) {
        let (wants_own, wants_shared) = match model.volumes {
            Volumes::None => (false, false),
            Volumes::Own => (true, false),
            Volumes::Shared => (false, true),
            Volumes::Both => (true, true),
        };
        let mut own_devices = BTreeSet::new();
        for instance in server.replicas(&self.service) {
            let id = instance["id"].as_str().expect("an id");
            let first = server.first_process(id);
            let mounts = remains::mount_table(first.pid);
            let at = |path: &str| mounts.iter().filter(|mount| mount.path.as_os_str() == path).count();
            assert_eq!(
                (at("/own"), at("/shared")),
                (usize::from(wants_own), usize::from(wants_shared)),
                "{mounts:?}"
            );
            if wants_own {
                let device = server.sh(id, "stat -c %d /own");
                assert!(own_devices.insert(device.clone()), "two replicas write to device {device}");
                let index = instance["replica"].to_string();
                assert_eq!(
                    server.sh(id, "sort -u /own/indexes"),
                    index,
                    "replica {index} has another's volume"
                );
                assert!(
                    !server.sh(id, "cat /own/log").contains("NOT"),
                    "two had replica {index}'s volume at once"
                );
            }
        }
    }
}

impl StateMachineTest for System {
    type SystemUnderTest = System;
    type Reference = Model;

    fn init_test(_: &Model) -> System {
        let server = Server::start(ServerOptions::new(env!("CARGO_BIN_EXE_miosa")));
        let (own_volume, shared_volume) =
            (server.create_volume("own", 128 << 20), server.create_volume("shared", 128 << 20));
        let service = server.run_service(json!({
            "name": "svc", "settings": System::settings(1), "volumes": [own(&own_volume, "/own")]
        }));
        System { server: Some(server), service, own: own_volume, shared: shared_volume }
    }

    fn apply(mut system: System, model: &Model, step: Step) -> System {
        let service = system.service.clone();
        let path = format!("/api/v1/services/{service}");
        let volumes = match &step {
            Step::Mount(volumes) => system.list(*volumes),
            _ => json!([]),
        };
        let server = system.server();
        match step {
            Step::Scale(replicas) => {
                server.service_verb(&service, "scale", json!({"replicas": replicas}));
            }
            Step::Mount(_) => {
                server.http("PATCH", &path, Some(json!({"volumes": volumes}))).ok();
            }
            Step::Deploy => {
                let settings = System::settings(model.serial);
                server.service_verb(&service, "deployments", json!({"settings": settings}));
            }
            Step::DeployBad => {
                // Without a check: one that answers too soon would call it healthy.
                let bad = json!({"settings": {"start_command": "echo bad; exit 1", "health_check": null}});
                server.service_verb(&service, "deployments", bad);
                server.wait_release(&service, model.releases.len() as u64, "failed");
                // What was asked for in vain would be deployed by the next start.
                let serial = model.serials[model.active - 1];
                server.http("PATCH", &path, Some(json!({"settings": System::settings(serial)}))).ok();
            }
            Step::Rollback => {
                server.service_verb(&service, "rollback", json!({}));
            }
            Step::Restart => {
                server.service_verb(&service, "restart", json!({}));
            }
            Step::StopAndStart => {
                server.service_verb(&service, "stop", json!({}));
                assert!(server.replicas(&service).is_empty(), "something runs of a stopped service");
                server.service_verb(&service, "start", json!({}));
            }
            Step::KillServer => {
                server.kill_everything();
                server.start_again();
            }
            Step::KillAgentAndRestart => {
                server.service_verb(&service, "restart", json!({}));
                server.kill_agent();
                server.wait_recovered();
            }
            Step::KillFirstProcess(index) => {
                let instance = |server: &Server| server.replicas(&service)[index as usize].clone();
                let before = instance(server)["started_at"].clone();
                server.first_process(&server.replica(&service, index)).kill();
                server.wait_service(&service, "started again", |_| {
                    let now = instance(server);
                    now["started_at"] != before && now["state"] == "healthy"
                });
            }
        }
        let (active, replicas) = (model.active as u64, model.replicas);
        server.wait_service(&service, &format!("{model:?}"), |seen| {
            let instances = server.replicas(&service);
            seen["active_release_number"] == active
                && seen["deploying_release_id"].is_null()
                && seen["ready_replicas"] == replicas
                && instances.len() as u64 == replicas
                && instances.iter().all(|i| i["release_number"] == active && i["state"] == "healthy")
        });
        system
    }

    fn check_invariants(system: &System, model: &Model) {
        if let Some(server) = &system.server {
            system.check_mounts(server, model);
        }
    }

    fn teardown(mut system: System, _: Model) {
        if let Some(server) = system.server.take() {
            server.finish();
        }
    }
}

/// The same sequences at every run, so that a run says something about the change and not about luck; `PROPTEST_RNG_SEED` and
/// `PROPTEST_CASES` ask for others and for more. Shrinking would take an hour; the failed sequence is short, and printed.
fn config() -> Config {
    let given = Config { max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
    let is_given = std::env::var_os("PROPTEST_RNG_SEED").is_some();
    let rng_seed = if is_given { given.rng_seed } else { RngSeed::Fixed(5) };
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { given.cases } else { 4 };
    Config { cases, rng_seed, ..given }
}

prop_state_machine! {
    #![proptest_config(config())]

    #[test]
    fn services_do_as_the_model(sequential 8..14 => System);
}
