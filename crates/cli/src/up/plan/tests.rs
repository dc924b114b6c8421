//! Each case: a file, what is there, and the plan in words.

use serde_json::{Value, json};

use super::*;
use crate::up::file;

fn volume(id: &str, name: &str, rest: Value) -> Volume {
    let mut volume = json!({"id": id, "name": name, "tenant_id": "t", "workspace_id": null, "project_id": "p",
        "size_gb": 10, "size_bytes": 10_u64 << 30, "backend": "local", "filesystem": "ext4", "status": "available",
        "state": "available", "region": "local", "host_id": "h", "attached_to": null, "attachments": [],
        "snapshot_schedule": null, "snapshot_retention_days": 7, "metadata": {}, "used_bytes": 0,
        "delete_protection": false, "error": null, "created_at": "", "updated_at": ""});
    merge(&mut volume, rest);
    serde_json::from_value(volume).unwrap()
}

fn mounted(id: &str, path: &str, shared: bool) -> Value {
    json!({"dataServiceId": id, "data_service_id": id, "volume_id": id, "mountPath": path, "mount_path": path,
        "shared": shared, "readOnly": false, "read_only": false})
}

/// Served as release 1, with every default; `settings` differ from them.
fn service(id: &str, name: &str, settings: Value, rest: Value) -> SeenService {
    let mut all = json!({"replicas": 1, "template": "miosa-default", "start_command": null, "env": {}, "size": "small",
        "network": "isolated", "port": null, "restart_policy": "always", "health_check": null,
        "start_timeout_seconds": 60, "stop_grace_seconds": 10, "volumes": []});
    merge(&mut all, settings);
    let mut service = json!({"id": id, "tenant_id": "t", "project_id": "p", "environment_id": "p", "host_id": "h",
        "name": name, "slug": name, "kind": "server", "type": "server", "status": "running", "state": "running",
        "source": {"type": "template", "ref": "miosa-default"}, "build": null, "settings": all,
        "volumes": all["volumes"], "replica_volumes": [], "replicas": all["replicas"],
        "desired_replicas": all["replicas"], "ready_replicas": all["replicas"], "lock_version": 1,
        "active_release_id": "r1", "active_release_number": 1, "deploying_release_id": null, "error": null,
        "warnings": [], "url": null, "pending_changes": null, "created_at": "", "updated_at": ""});
    merge(&mut service, rest);
    SeenService { service: serde_json::from_value(service).unwrap(), deploying: None }
}

fn deploying(mut seen: SeenService, settings: Value) -> SeenService {
    let mut all = serde_json::to_value(&seen.service.settings).unwrap();
    merge(&mut all, settings);
    let release = json!({"id": "r2", "service_id": seen.service.id, "tenant_id": "t", "number": 2, "state": "deploying",
        "status": "deploying", "reason": null, "cause": "deploy", "source": seen.service.source, "settings": all,
        "message": null, "serves_again": null, "snapshots": [], "handover_ms": null, "created_at": "",
        "updated_at": "", "settled_at": null});
    seen.deploying = Some(serde_json::from_value(release).unwrap());
    seen
}

fn merge(into: &mut Value, rest: Value) {
    for (name, value) in rest.as_object().unwrap() {
        into[name] = value.clone();
    }
}

fn planned(text: &str, volumes: Vec<Volume>, services: Vec<SeenService>) -> Result<Plan, Refused> {
    plan(&file::parse(text).unwrap(), &Sight { volumes, services })
}

/// `~ web: replicas 1 > 3; port none > 80 [scale]`
fn in_words(plan: &Plan) -> Vec<String> {
    let items = plan.items.iter().map(|item| {
        let sign = match item.action {
            Action::Create => '+',
            Action::Change => '~',
            Action::None => '=',
        };
        let changes = item.changes.iter().map(|change| match &change.old {
            Some(old) => format!("{} {old} > {}", change.field, change.new),
            None => format!("{} {}", change.field, change.new),
        });
        let deed = match &item.deed {
            Deed::Nothing => "nothing",
            Deed::CreateVolume(_) | Deed::CreateService(_) => "create",
            Deed::UpdateVolume(_) => "update",
            Deed::Deploy(_) => "deploy",
            Deed::Scale(_) => "scale",
            Deed::Await(_) => "await",
        };
        format!("{sign} {}: {} [{deed}]", item.name, changes.collect::<Vec<_>>().join("; "))
    });
    items.chain(plan.notes.iter().map(|note| format!("! {note}"))).collect()
}

fn check(text: &str, volumes: Vec<Volume>, services: Vec<SeenService>, words: &[&str]) {
    assert_eq!(in_words(&planned(text, volumes, services).unwrap()), words, "{text}");
}

#[test]
fn what_is_not_there_is_made_volumes_first() {
    check("", vec![], vec![], &[]);
    let text = "
        [services.web]
        command = 'run'
        replicas = 2
        env = { A = 1, B = 2 }
        volumes = [{ volume = 'data', path = '/data', shared = true }]
        [volumes.data]
        [volumes.logs]
        size = '20GB'
        snapshot_schedule = '@daily'
        delete_protection = true";
    let words = [
        "+ data: size 10GB [create]",
        "+ logs: size 20GB; snapshot_schedule @daily; delete_protection on [create]",
        "+ web: template miosa-default; command run; replicas 2; env A, B; volumes data:/data:shared [create]",
    ];
    check(text, vec![], vec![], &words);
}

#[test]
fn what_is_so_already_is_left_alone() {
    let text = "
        [volumes.data]
        size = '10GB'
        [services.web]
        replicas = 2
        health = { command = 'true' }
        volumes = [{ volume = 'data', path = '/data' }, { volume = 'old', path = '/a' }]";
    let volumes = vec![volume("v1", "data", json!({})), volume("v2", "old", json!({}))];
    // Listed in another order than in the file.
    let settings = json!({"replicas": 2, "volumes": [mounted("v2", "/a", false), mounted("v1", "/data", false)],
        "health_check": {"type": "command", "command": "true", "path": null, "port": null, "interval_seconds": 10,
        "timeout_seconds": 5, "retries": 3}});
    let web = service("s1", "web", settings, json!({}));
    let plan = planned(text, volumes, vec![web]).unwrap();
    assert_eq!(in_words(&plan), ["= data:  [nothing]", "= web:  [nothing]"]);
    assert!(!plan.changes_anything());
}

#[test]
fn a_volume_is_changed_where_the_file_says_so_and_never_resized() {
    let seen = || {
        let rest = json!({"snapshot_schedule": "0 4 * * *", "snapshot_retention_days": 30, "delete_protection": true,
            "metadata": {"a": "b"}, "snapshots": {"count": 0, "last_taken_at": null, "schedule_state": "ok",
            "schedule_message": null, "failures": 0, "next": [], "next_run_at": null, "before_snapshot": "sync",
            "after_snapshot": null, "hook_timeout_seconds": 30}});
        vec![volume("v1", "data", rest)]
    };
    for (keys, words) in [
        ("", &["= data:  [nothing]"][..]),
        ("snapshot_schedule = '0 4 * * *'\nafter_snapshot = ''", &["= data:  [nothing]"]),
        ("snapshot_schedule = 'off'", &["~ data: snapshot_schedule 0 4 * * * > off [update]"]),
        (
            "snapshot_retention_days = 7\nbefore_snapshot = ''\nhook_timeout_seconds = 60",
            &[
                "~ data: snapshot_retention_days 30 > 7; before_snapshot sync > none; hook_timeout_seconds 30 > 60 [update]",
            ],
        ),
        (
            "delete_protection = false\nmetadata = {}",
            &["~ data: delete_protection on > off; metadata a=b > none [update]"],
        ),
        (
            "size = '20GB'",
            &[
                "= data:  [nothing]",
                "! volume data has 10GB, the file says 20GB: volumes are not resized, so it stays as it is",
            ],
        ),
        (
            "size = '5GB'\ndelete_protection = false",
            &[
                "~ data: delete_protection on > off [update]",
                "! volume data has 10GB, the file says 5GB: volumes are not resized, so it stays as it is",
            ],
        ),
    ] {
        check(&format!("[volumes.data]\n{keys}"), seen(), vec![], words);
    }
}

#[test]
fn a_changed_service_is_deployed_and_a_scaled_one_is_not() {
    let volumes = || vec![volume("v1", "data", json!({})), volume("v2", "more", json!({}))];
    for (keys, settings, words) in [
        ("replicas = 3", json!({}), "~ web: replicas 1 > 3 [scale]"),
        ("", json!({"replicas": 5}), "= web:  [nothing]"),
        ("command = 'b'", json!({"start_command": "a"}), "~ web: command a > b [deploy]"),
        ("", json!({"start_command": "a"}), "~ web: command a > none [deploy]"),
        ("replicas = 2\nport = 80", json!({}), "~ web: port none > 80; replicas 1 > 2 [deploy]"),
        (
            "env = { A = 'x', B = 'secret' }",
            json!({"env": {"B": "old", "C": "x"}}),
            "~ web: env A added, B changed, C removed [deploy]",
        ),
        ("template = 't'", json!({}), "~ web: template miosa-default > t [deploy]"),
        (
            "size = 'xl'\nnetwork = 'host'\nrestart_policy = 'no'\nstart_timeout_seconds = 5\nstop_grace_seconds = 0",
            json!({}),
            "~ web: size small > xl; network isolated > host; restart_policy always > no; start_timeout_seconds 60 > 5; \
             stop_grace_seconds 10 > 0 [deploy]",
        ),
        (
            "port = 80\nhealth = { path = '/ok' }",
            json!({"port": 80}),
            "~ web: health none > GET /ok at port 80 (every 10 s, answered in 5 s, 3 failures count) [deploy]",
        ),
        (
            "volumes = [{ volume = 'data', path = '/data', shared = true }]",
            json!({"volumes": [mounted("v1", "/data", false)]}),
            "~ web: volumes data:/data > data:/data:shared [deploy]",
        ),
        (
            "",
            json!({"volumes": [mounted("v1", "/data", false)]}),
            "~ web: volumes data:/data > none [deploy]",
        ),
        // The name now belongs to another volume.
        (
            "volumes = [{ volume = 'more', path = '/data' }]",
            json!({"volumes": [mounted("v1", "/data", false)]}),
            "~ web: volumes data:/data > more:/data [deploy]",
        ),
        // A volume of another project, which the file cannot name.
        ("", json!({"volumes": [mounted("v9", "/data", false)]}), "~ web: volumes v9:/data > none [deploy]"),
    ] {
        let web = service("s1", "web", settings, json!({}));
        check(&format!("[services.web]\n{keys}"), volumes(), vec![web], &[words]);
    }
    // Mounting what is still to be made is a change too.
    let text = "[volumes.new]\n[services.web]\nvolumes = [{ volume = 'new', path = '/data' }]";
    let web = service("s1", "web", json!({}), json!({}));
    let words = ["+ new: size 10GB [create]", "~ web: volumes none > new:/data [deploy]"];
    check(text, vec![], vec![web], &words);
}

#[test]
fn settings_that_no_release_has_are_deployed_once() {
    let same = |rest: Value| service("s1", "web", json!({}), rest);
    for (seen, words) in [
        (
            same(json!({"pending_changes": {"port": null, "env": {}}})),
            &["~ web: release of what was changed before and is not served: env, port [deploy]"][..],
        ),
        (
            same(json!({"active_release_id": null, "state": "failed", "error": "release 1 failed: x"})),
            &["~ web: release once more, because none was good yet [deploy]"],
        ),
        // A failed release left its settings behind, so they are tried again.
        (
            same(json!({"pending_changes": {"port": 1}, "error": "release 2 failed: x"})),
            &["~ web: release of what was changed before and is not served: port [deploy]"],
        ),
        (same(json!({"state": "stopped"})), &["~ web: state stopped > running [deploy]"]),
        (
            same(json!({"state": "failed", "error": "replica 0: it ended"})),
            &["= web:  [nothing]", "! service web is failed: replica 0: it ended"],
        ),
        // On its way already, with what is in force until then still pending.
        (deploying(same(json!({"pending_changes": {"port": 1}})), json!({})), &["= web:  [await]"]),
        (deploying(same(json!({})), json!({"replicas": 7})), &["= web:  [await]"]),
        (
            deploying(same(json!({})), json!({"port": 80})),
            &["~ web: release of what was changed since the last one was made [deploy]"],
        ),
    ] {
        check("[services.web]", vec![], vec![seen], words);
    }
}

#[test]
fn nobody_guesses() {
    let twice = || vec![volume("v1", "data", json!({})), volume("v2", "data", json!({}))];
    for text in ["[volumes.data]", "[services.web]\nvolumes = [{ volume = 'data', path = '/d' }]"] {
        match planned(text, twice(), vec![]) {
            Err(Refused::Ambiguous { noun: "volume", name, candidates }) => {
                assert_eq!((name.as_str(), candidates.len()), ("data", 2));
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    let webs = vec![service("s1", "web", json!({}), json!({})), service("s2", "web", json!({}), json!({}))];
    let refused = planned("[services.web]", vec![], webs).unwrap_err();
    assert!(matches!(refused, Refused::Ambiguous { noun: "service", .. }), "{refused:?}");

    // Twins that the file does not name are nobody's business, and neither are those on their way out.
    check("", twice(), vec![], &[]);
    let leaving = service("s1", "web", json!({}), json!({"state": "destroying"}));
    let web = service("s2", "web", json!({}), json!({}));
    check("[services.web]", vec![], vec![leaving, web], &["= web:  [nothing]"]);

    let text = "[services.web]\nvolumes = [\n  { volume = 'dta', path = '/d' },\n]";
    let refused = planned(text, vec![volume("v1", "data", json!({}))], vec![]).unwrap_err();
    let expected = Refused::UnknownVolume { line: 3, service: "web".into(), volume: "dta".into() };
    assert_eq!(refused, expected);
}
