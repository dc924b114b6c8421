//! Volumes of services: how they are named, which of them a replica gets, and who may not have them meanwhile.

use axum::http::Method;
use serde_json::{Value, json};

use super::harness::{NOBODY, World};

async fn patch(world: &World, id: &str, body: Value) -> super::harness::Answer {
    world.call(Method::PATCH, &format!("/services/{id}"), &body.to_string()).await
}

/// Replicas that were not told to end, each with its index and the names of its volumes.
async fn mounted(world: &World, id: &str) -> Vec<(u64, Vec<String>)> {
    let list = world.get(&format!("/services/{id}/instances")).await.json();
    let instances = list["data"].as_array().unwrap().iter().filter(|it| it["desired_state"] == "running");
    let volumes = |it: &Value| -> Vec<String> {
        let mounted = it["volumes_mounted"].as_array().unwrap();
        mounted.iter().map(|volume| volume["volume_name"].as_str().unwrap().to_owned()).collect()
    };
    instances.map(|it| (it["replica"].as_u64().unwrap(), volumes(it))).collect()
}

/// At the top level and in settings, in snake and camel case: stored once, answered in both places and both spellings.
#[tokio::test]
async fn volumes_have_two_places_and_two_spellings() {
    let world = World::new().await;
    let volume = world.volume("models").await;
    for body in [
        json!({"volumes": [{"dataServiceId": volume, "mountPath": "/var/models"}]}),
        json!({"settings": {"volumes": [{"data_service_id": volume, "mount_path": "/var/models"}]}}),
        json!({"settings": {"volumes": [{"volumeId": volume, "mountPath": "/var/models", "shared": false}]}}),
    ] {
        let id = world.service(body.clone()).await;
        let service = world.active(&id, 1).await;
        let expected = json!([{
            "dataServiceId": volume, "data_service_id": volume, "volume_id": volume, "shared": false,
            "mountPath": "/var/models", "mount_path": "/var/models", "readOnly": false, "read_only": false,
        }]);
        assert_eq!((&service["volumes"], &service["settings"]["volumes"]), (&expected, &expected), "{body}");
        assert_eq!(mounted(&world, &id).await, [(0, vec!["models".to_owned()])]);
        let seen = world.get(&format!("/volumes/{volume}")).await.twin(200);
        assert_eq!((&seen["status"], &seen["attached_to"].is_string()), (&"attached".into(), &true));
        let attachment = &seen["attachments"][0];
        assert_eq!(attachment["service_id"], id);
        assert_eq!((&attachment["computer_id"], attachment["instance_id"].is_string()), (&json!(null), true));
        world.delete(&format!("/services/{id}")).await.twin(200);
        world.until(&format!("/services/{id}"), |it| it["code"] == "NOT_FOUND").await;
        assert_eq!(world.get(&format!("/volumes/{volume}")).await.twin(200)["status"], "available");
    }
}

#[tokio::test]
async fn volumes_that_cannot_be_mounted_are_refused() {
    let world = World::new().await;
    let (one, other) = (world.volume("one").await, world.volume("other").await);
    let id = world.service(json!({})).await;
    let before = world.active(&id, 1).await;
    for volumes in [
        json!([{"dataServiceId": NOBODY, "mountPath": "/a"}]),
        json!([{"dataServiceId": one, "mountPath": "/a"}, {"dataServiceId": other, "mountPath": "/a"}]),
        json!([{"dataServiceId": one, "mountPath": "/a"}, {"dataServiceId": other, "mountPath": "/a/b"}]),
        json!([{"dataServiceId": one, "mountPath": "a"}]),
        json!("one"),
    ] {
        for body in [json!({ "volumes": volumes }), json!({"settings": {"volumes": volumes}})] {
            let refused = patch(&world, &id, body.clone()).await.refused(422, "VALIDATION_ERROR");
            assert!(refused["errors"]["volumes"].is_array(), "{body}: {refused}");
            let create = json!({"name": "s", "template_ref": "miosa-default", "volumes": volumes});
            world.post("/services", create).await.refused(422, "VALIDATION_ERROR");
        }
    }
    // In the trash is not there.
    world.delete(&format!("/volumes/{one}")).await.twin(200);
    let gone = json!({"volumes": [{"dataServiceId": one, "mountPath": "/a"}]});
    patch(&world, &id, gone).await.refused(422, "VALIDATION_ERROR");
    // Somebody else has it.
    let computer = world.computer("c").await;
    world.post(&format!("/computers/{computer}/volumes"), json!({"volume_id": other})).await.twin(201);
    let taken = json!({"volumes": [{"dataServiceId": other, "mountPath": "/a"}]});
    let refused = patch(&world, &id, taken.clone()).await.refused(409, "VOLUME_ATTACHED");
    assert_eq!(refused["error"]["details"]["computer_id"], computer);
    let create = json!({"name": "s", "template_ref": "miosa-default", "volumes": taken["volumes"]});
    world.post("/services", create).await.refused(409, "VOLUME_ATTACHED");
    assert_eq!(world.get(&format!("/services/{id}")).await.twin(200), before, "nothing was changed");
    assert_eq!(world.get("/services").await.json()["page"]["total"], 1);
}

/// A changed list is a release of its own, made of what is served: other changes go on waiting.
#[tokio::test]
async fn changed_volumes_make_a_release() {
    let world = World::new().await;
    let volume = world.volume("v").await;
    let id = world.service(json!({"settings": {"start_command": "old"}})).await;
    world.active(&id, 1).await;
    patch(&world, &id, json!({"settings": {"start_command": "new"}})).await.twin(200);
    let volumes = json!([{"dataServiceId": volume, "mountPath": "/data", "readOnly": true}]);
    let changed = patch(&world, &id, json!({ "volumes": volumes })).await.twin(200);
    assert!(changed["deploying_release_id"].is_string(), "{changed}");
    let service = world.active(&id, 2).await;
    assert_eq!(service["pending_changes"], json!({"start_command": "new"}));
    let release = world.get(&format!("/services/{id}/deployments")).await.json()["data"][0].clone();
    assert_eq!(
        (&release["cause"], &release["settings"]["start_command"]),
        (&"volumes".into(), &"old".into())
    );
    assert_eq!(release["settings"]["volumes"][0]["read_only"], true);
    // The same list again changes nothing.
    patch(&world, &id, json!({ "volumes": service["volumes"] })).await.twin(200);
    assert_eq!(world.get(&format!("/services/{id}/deployments")).await.json()["page"]["total"], 2);
    patch(&world, &id, json!({"volumes": []})).await.twin(200);
    world.active(&id, 3).await;
    assert_eq!(mounted(&world, &id).await, [(0, vec![])]);
    assert_eq!(world.get(&format!("/volumes/{volume}")).await.twin(200)["status"], "available");
    // A stopped service keeps the list for when it is started.
    world.call(Method::POST, &format!("/services/{id}/stop"), "").await.twin(200);
    let waiting = patch(&world, &id, json!({ "volumes": volumes })).await.twin(200);
    assert_eq!(
        (&waiting["status"], waiting["pending_changes"]["volumes"].is_array()),
        (&"stopped".into(), true)
    );
    world.call(Method::POST, &format!("/services/{id}/start"), "").await.twin(200);
    world.active(&id, 4).await;
    assert_eq!(mounted(&world, &id).await, [(0, vec!["v".to_owned()])]);
}

/// Each further replica gets a volume of its own beside the limit; it is kept when the replica goes, and found when it is back.
#[tokio::test]
async fn replicas_have_volumes_of_their_own() {
    let world = World::with_volumes_max(1).await;
    let body =
        json!({"name": "db", "size_gb": 3, "metadata": {"team": "ml"}, "snapshot_schedule": "0 4 * * *"});
    let volume = world.post("/volumes", body).await.twin(201);
    world.post("/volumes", json!({"name": "w"})).await.refused(409, "VOLUME_LIMIT_REACHED");
    let volumes = json!([{"dataServiceId": volume["id"], "mountPath": "/data"}]);
    let id = world.service(json!({ "volumes": volumes })).await;
    let path = format!("/services/{id}");
    world.active(&id, 1).await;
    let scale = async |replicas: u64| {
        world.post(&format!("{path}/scale"), json!({ "replicas": replicas })).await.twin(200);
        world.until(&path, |it| it["ready_replicas"] == replicas && it["status"] == "running").await
    };
    let service = scale(3).await;
    let own = |index: u64| format!("db-replica-{index}");
    assert_eq!(
        mounted(&world, &id).await,
        [(0, vec!["db".to_owned()]), (1, vec![own(1)]), (2, vec![own(2)])]
    );
    let named = |service: &Value| -> Vec<(String, bool)> {
        let volumes = service["replica_volumes"].as_array().unwrap();
        volumes.iter().map(|it| (it["name"].as_str().unwrap().to_owned(), it["in_use"] == true)).collect()
    };
    assert_eq!(named(&service), [("db".to_owned(), true), (own(1), true), (own(2), true)]);
    let first = world.get(&format!("/volumes?name={}", own(1))).await.json()["data"][0].clone();
    assert_eq!((&first["size_gb"], &first["snapshot_schedule"]), (&3.into(), &"0 4 * * *".into()));
    let marks = json!({"team": "ml", "replica_of": volume["id"], "replica": "1"});
    assert_eq!(first["metadata"], marks);

    let service = scale(1).await;
    assert_eq!(named(&service), [("db".to_owned(), true), (own(1), false), (own(2), false)]);
    assert_eq!(
        world.get(&format!("/volumes/{}", first["id"].as_str().unwrap())).await.twin(200)["status"],
        "available"
    );
    let service = scale(2).await;
    assert_eq!(service["replica_volumes"][1]["volume_id"], first["id"], "the same one again");
    assert_eq!(mounted(&world, &id).await, [(0, vec!["db".to_owned()]), (1, vec![own(1)])]);
    assert_eq!(world.get("/volumes").await.json()["page"]["total"], 3);
    // In use while there is such a replica, and no longer.
    let of = |index: usize| {
        format!("/volumes/{}", service["replica_volumes"][index]["volume_id"].as_str().unwrap())
    };
    world.delete(&of(1)).await.refused(409, "VOLUME_IN_USE");
    world.delete(&of(2)).await.twin(200);
    // The next one begins anew.
    let again = scale(3).await;
    assert_ne!(again["replica_volumes"][2]["volume_id"], service["replica_volumes"][2]["volume_id"]);
}

/// One volume for all replicas, each of which may write: told as a caveat.
#[tokio::test]
async fn a_shared_volume_is_mounted_by_every_replica() {
    let world = World::new().await;
    let volume = world.volume("models").await;
    let volumes = json!([{"dataServiceId": volume, "mountPath": "/var/models", "shared": true}]);
    let id = world.service(json!({"volumes": volumes, "replicas": 2})).await;
    let service = world.active(&id, 1).await;
    let both = vec!["models".to_owned()];
    assert_eq!(mounted(&world, &id).await, [(0, both.clone()), (1, both)]);
    assert_eq!(
        world.get(&format!("/volumes/{volume}")).await.twin(200)["attachments"].as_array().unwrap().len(),
        2
    );
    assert_eq!(world.get("/volumes").await.json()["page"]["total"], 1, "nobody has one of its own");
    assert!(service["warnings"][0].as_str().unwrap().contains("shared"), "{service}");
    // Nobody who does not share it may have it as well.
    let computer = world.computer("c").await;
    let attach = json!({ "volume_id": volume });
    let refused = world.post(&format!("/computers/{computer}/volumes"), attach).await;
    let refused = refused.refused(409, "VOLUME_ATTACHED");
    assert_eq!(refused["error"]["details"]["service_id"], id, "{refused}");
    assert_eq!(refused["error"]["details"]["attachment"]["service_id"], id, "{refused}");
    let exclusive = json!([{"dataServiceId": volume, "mountPath": "/var/models"}]);
    let create = json!({"name": "s", "template_ref": "miosa-default", "volumes": exclusive});
    let refused = world.post("/services", create).await.refused(409, "VOLUME_ATTACHED");
    assert!(refused["message"].as_str().unwrap().contains("stop that service"), "{refused}");
}

/// Stopped or running: what a service mounts is not deleted under it.
#[tokio::test]
async fn a_volume_in_use_stays() {
    let world = World::new().await;
    let volume = world.volume("v").await;
    let path = format!("/volumes/{volume}");
    let snapshot = world.snapshot(&volume).await;
    let volumes = json!([{"dataServiceId": volume, "mountPath": "/data"}]);
    let id = world.service(json!({ "volumes": volumes })).await;
    world.active(&id, 1).await;
    let refused = world.delete(&path).await.refused(409, "VOLUME_IN_USE");
    assert_eq!(refused["error"]["details"]["service_id"], id, "{refused}");
    let restore = format!("{path}/snapshots/{snapshot}/restore");
    world.post(&restore, json!({})).await.refused(409, "VOLUME_IN_USE");
    world.call(Method::POST, &format!("/services/{id}/stop"), "").await.twin(200);
    world.delete(&path).await.refused(409, "VOLUME_IN_USE");
    // Nobody has it mounted now, so a computer may.
    let computer = world.computer("c").await;
    world.post(&format!("/computers/{computer}/volumes"), json!({ "volume_id": volume })).await.twin(201);
    let start = format!("/services/{id}/start");
    world.post(&start, json!({})).await.refused(409, "VOLUME_ATTACHED");
    world.delete(&format!("/computers/{computer}")).await.twin(200);
    world.post(&start, json!({})).await.twin(200);
    world.active(&id, 2).await;
    world.delete(&format!("/services/{id}")).await.twin(200);
    world.delete(&path).await.twin(200);
}

/// A forced restore stops the replica that uses the volume, and the service goes on with the old data.
#[tokio::test]
async fn a_forced_restore_gives_the_volume_back_to_its_service() {
    let world = World::new().await;
    let volume = world.volume("v").await;
    let snapshot = world.snapshot(&volume).await;
    let volumes = json!([{"dataServiceId": volume, "mountPath": "/data"}]);
    let id = world.service(json!({ "volumes": volumes })).await;
    world.active(&id, 1).await;
    let restore = format!("/volumes/{volume}/snapshots/{snapshot}/restore");
    world.post(&restore, json!({"force": true})).await.twin(200);
    world.until(&format!("/volumes/{volume}"), |it| it["status"] == "attached").await;
    world.active(&id, 1).await;
    assert_eq!(mounted(&world, &id).await, [(0, vec!["v".to_owned()])]);
}

/// A replica is a computer that only its service changes; looking at it and running commands in it are anybody's.
#[tokio::test]
async fn a_replica_is_its_services_alone() {
    let world = World::new().await;
    let (volume, other) = (world.volume("v").await, world.volume("w").await);
    let volumes = json!([{"dataServiceId": volume, "mountPath": "/data"}]);
    let id = world.service(json!({ "volumes": volumes })).await;
    world.active(&id, 1).await;
    let instance = world.get(&format!("/services/{id}/instances")).await.json()["data"][0]["id"].clone();
    let path = format!("/computers/{}", instance.as_str().unwrap());
    let computer = world.get(&path).await.twin(200);
    assert_eq!((&computer["status"], &computer["name"]), (&"running".into(), &"shop-0".into()));
    let exec = world.post(&format!("{path}/exec"), json!({"command": "hello"})).await.twin(200);
    assert_eq!(exec["stdout"], "hello");
    assert_eq!(world.get(&format!("{path}/logs")).await.twin(200)["lines"].as_array().unwrap().len(), 3);
    let attachments = world.get(&format!("{path}/volumes")).await.json();
    assert_eq!(attachments["data"][0]["service_id"], id);
    let detach = format!("{path}/volumes/{}", attachments["data"][0]["id"].as_str().unwrap());
    for (method, path, body) in [
        (Method::POST, format!("{path}/stop"), json!({})),
        (Method::POST, format!("{path}/start"), json!({})),
        (Method::POST, format!("{path}/restart"), json!({})),
        (Method::PATCH, path.clone(), json!({"name": "mine"})),
        (Method::POST, format!("{path}/volumes"), json!({ "volume_id": other })),
        (Method::DELETE, detach, json!({})),
        (Method::DELETE, path.clone(), json!({})),
    ] {
        let refused = world.call(method, &path, &body.to_string()).await.refused(409, "MANAGED_BY_SERVICE");
        assert_eq!(refused["error"]["details"]["service_id"], id, "{path}");
    }
    assert_eq!(world.get("/computers").await.json()["data"], json!([]));
    assert_eq!(world.get(&path).await.twin(200), computer, "nothing was changed");
}
