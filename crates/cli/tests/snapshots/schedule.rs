//! Aim: a schedule is set as the product's page says, is understood or refused with the field at fault, and survives restarts.
//! Times that were missed while the server was down are made up for by one snapshot. A run that fails is visible.
//!
//! Method: nobody waits for a time to come. The server is stopped, its database told that the due time was days ago, and the
//! server started. (The times themselves are tested where the rules are, with a clock of their own.)

use miosa_testkit::server::{Server, wait_until_or};
use serde_json::{Value, json};

use super::{Attached, MIB, server};

const DAY_MS: u64 = 24 * 3600 * 1000;

/// Daily, half a day from now: it does not come due by itself while a test runs.
pub(crate) fn schedule_that_is_far() -> String {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("the clock is past 1970");
    format!("0 {} * * *", (now.as_secs() / 3600 + 12) % 24)
}

/// The stopped server missed the last five times of this volume's daily schedule.
pub(crate) fn make_overdue(server: &Server, volume: &str) {
    let back = 5 * DAY_MS;
    let query = format!(
        "UPDATE volumes SET schedule_due = schedule_due - {back}, schedule_run_at = schedule_run_at - {back}, \
         schedule_wake_at = schedule_wake_at - {back} WHERE id = '{volume}' AND schedule_wake_at IS NOT NULL; SELECT changes();"
    );
    assert_eq!(server.change_stopped_database(&query), "1\n", "the volume has no schedule in the database");
}

fn scheduled(server: &Server, volume: &str) -> Vec<Value> {
    let snapshots = server.snapshots_of(volume).into_iter();
    snapshots.filter(|snapshot| snapshot["trigger"] == "schedule").collect()
}

#[test]
fn set_as_the_page_says_and_kept() {
    let mut server = server();
    let volume = server.create_volume("data", 64 * MIB);
    let service = format!("/api/v1/data-services/{volume}");
    let wanted = json!({"snapshot_schedule": "0 4 * * *", "snapshot_retention_days": 9});
    let changed = server.http("PATCH", &service, Some(wanted)).ok();
    let is_set = |volume: &Value| {
        let next = volume["snapshots"]["next"].as_array().expect("a list of times");
        assert_eq!(next.len(), 3, "{volume}");
        assert!(
            next.iter().all(|time| time.as_str().is_some_and(|time| time.contains("T04:00:00"))),
            "{volume}"
        );
        assert_eq!(
            (&volume["snapshot_schedule"], &volume["snapshot_retention_days"]),
            (&json!("0 4 * * *"), &json!(9))
        );
        assert_eq!(volume["snapshots"]["schedule_state"], "ok");
        volume["snapshots"]["next_run_at"].clone()
    };
    let run_at = is_set(&changed);
    server.stop();
    server.start_again();
    assert_eq!(is_set(&server.volume(&volume)), run_at, "a restart moves the time");
    server.kill_controller();
    server.wait_recovered();
    assert_eq!(is_set(&server.http("GET", &service, None).ok()), run_at);

    for (field, value) in [
        ("snapshot_schedule", json!("0 25 * * *")),
        ("snapshot_schedule", json!("every day")),
        ("snapshot_schedule", json!("0 0 31 2 *")),
        ("snapshot_retention_days", json!(0)),
        ("snapshot_retention_days", json!(366)),
        ("snapshot_retention_days", json!(1.5)),
    ] {
        let refused =
            server.http("PATCH", &service, Some(json!({field: value}))).refused(422, "VALIDATION_ERROR");
        assert!(refused["error"].to_string().contains(field), "{value}: {refused}");
    }
    is_set(&server.volume(&volume));

    let cleared = server.http("PATCH", &service, Some(json!({"snapshot_schedule": null}))).ok();
    assert_eq!((&cleared["snapshot_schedule"], &cleared["snapshots"]["next"]), (&json!(null), &json!([])));
    assert_eq!(cleared["snapshots"]["schedule_state"], "off");
    server.finish();
}

#[test]
fn missed_times_are_made_up_for_once() {
    let mut server = server();
    let attached = Attached::new(&server, 64 * MIB);
    let path = format!("/api/v1/volumes/{}", attached.volume);
    let schedule = json!({"snapshot_schedule": schedule_that_is_far(), "snapshot_retention_days": 2});
    server.http("PATCH", &path, Some(schedule)).ok();
    server.stop();
    make_overdue(&server, &attached.volume);
    server.start_again();
    wait_until_or("the late snapshot", || match scheduled(&server, &attached.volume).as_slice() {
        [snapshot] if snapshot["state"] == "ready" => Ok(()),
        other => Err(format!("{other:?}\n{}", server.log_tail())),
    });
    let snapshot = scheduled(&server, &attached.volume).remove(0);
    assert!(snapshot["expires_at"].is_string(), "{snapshot}");
    // Once: another start, and another controller, find nothing due.
    server.stop();
    server.start_again();
    server.kill_controller();
    server.wait_recovered();
    assert_eq!(scheduled(&server, &attached.volume).len(), 1);
    let volume = server.volume(&attached.volume);
    assert_eq!((&volume["snapshots"]["count"], &volume["snapshots"]["failures"]), (&json!(1), &json!(0)));

    // One that fails says so, and is tried again before the next time.
    let hook = json!({"before_snapshot": "exit 7"});
    let next = server.http("PATCH", &path, Some(hook)).ok()["snapshots"]["next"][0].clone();
    server.stop();
    make_overdue(&server, &attached.volume);
    server.start_again();
    wait_until_or("the schedule to be failing", || {
        let schedule = server.volume(&attached.volume)["snapshots"].clone();
        if schedule["schedule_state"] == "failing" { Ok(()) } else { Err(schedule.to_string()) }
    });
    let schedule = server.volume(&attached.volume)["snapshots"].clone();
    assert!(schedule["failures"].as_u64().is_some_and(|failures| failures >= 1), "{schedule}");
    assert!(schedule["schedule_message"].as_str().is_some_and(|message| message.contains('7')), "{schedule}");
    let run_at = schedule["next_run_at"].as_str().expect("it is tried again");
    assert!(run_at < next.as_str().expect("a time"), "{schedule}");
    assert!(server.events(&attached.volume).iter().any(|event| event["kind"] == "snapshot.failed"));
    server.finish();
}
