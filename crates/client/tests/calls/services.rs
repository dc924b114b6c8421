//! Services, their releases and logs, and projects.

use miosa_client::api::v1::projects::{CreateProject, UpdateProject};
use miosa_client::api::v1::services::{CreateService, DeployService, NewSource, UpdateService};
use miosa_client::api::v1::words::VariableSource;
use miosa_client::{ServiceFilter, ServiceLogsRequest};

use super::*;

fn settings() -> Value {
    json!({"replicas": 1, "template": "t", "start_command": null, "env": {}, "size": "small", "network": "isolated",
        "port": null, "restart_policy": "always", "health_check": null, "start_timeout_seconds": 60,
        "stop_grace_seconds": 10, "volumes": []})
}

fn service(id: &str) -> Value {
    json!({"id": id, "tenant_id": "t", "project_id": "p", "environment_id": "p", "host_id": "h", "name": "web",
        "slug": "web", "kind": "server", "type": "server", "status": "running", "state": "running", "source": null,
        "build": null, "settings": settings(), "volumes": [], "replica_volumes": [], "replicas": 1,
        "desired_replicas": 1, "ready_replicas": 1, "lock_version": 3, "active_release_id": "r1",
        "active_release_number": 1, "deploying_release_id": null, "error": null, "warnings": [], "url": null,
        "pending_changes": null, "created_at": "2026-05-17T10:00:00Z", "updated_at": "2026-05-17T10:00:00Z",
        "later_field": 1})
}

fn release(id: &str, state: &str) -> Value {
    json!({"id": id, "service_id": "s1", "tenant_id": "t", "number": 2, "state": state, "status": state,
        "reason": null, "cause": "deploy", "source": {"type": "template", "ref": "t"}, "settings": settings(),
        "message": null, "serves_again": null, "snapshots": [], "handover_ms": null,
        "created_at": "2026-05-17T10:00:00Z", "updated_at": "2026-05-17T10:00:00Z", "settled_at": null})
}

fn instance(id: &str) -> Value {
    json!({"id": id, "deployment_id": "s1", "service_id": "s1", "release_id": "r1", "release_number": 1,
        "tenant_id": "t", "host_id": "h", "replica": 0, "desired_state": "running", "state": "healthy",
        "status": "healthy", "ip_address": null, "port": null, "restart_count": 0, "exit_code": null,
        "started_at": null, "stopped_at": null, "error_message": null, "volumes_mounted": [], "metadata": {},
        "created_at": "2026-05-17T10:00:00Z", "updated_at": "2026-05-17T10:00:00Z"})
}

fn asked(script: &Script) -> Vec<String> {
    script.requests().into_iter().map(|request| format!("{} {}", request.line, request.body)).collect()
}

#[tokio::test]
async fn a_services_life() {
    let deleted = r#"{"id":"s1","deleted":true,"success":true,"status":"destroying"}"#;
    let stopped = r#"{"id":"s1","stopped":2,"success":true,"status":"stopped"}"#;
    let script = Script::play([
        Reply::json(201, service("s1")),
        Reply::json(200, list(&[service("s1")], None)),
        Reply::json(200, service("s1")),
        Reply::json(200, release("r1", "active")),
        Reply::json(200, list(&[instance("i1")], None)),
        Reply::json(200, instance("i1")),
        Reply::json(200, stopped),
        Reply::json(200, release("r2", "deploying")),
        Reply::json(200, deleted),
    ])
    .await;
    let client = client(&script);
    let services = client.services();
    let new = CreateService {
        name: Some("web".into()),
        source: Some(NewSource::Named("t".into())),
        ..CreateService::default()
    };
    assert_eq!(services.create(&new).await.unwrap().lock_version, 3);
    let filter = ServiceFilter { project_id: Some("p".into()), ..ServiceFilter::default() };
    let listed: Vec<_> = services.list_all(&filter).try_collect().await.unwrap();
    assert_eq!(listed.len(), 1);
    let change = UpdateService { lock_version: Some(3), ..UpdateService::default() };
    services.update("s1", &change).await.unwrap();
    services.scale("s1", 2).await.unwrap();
    let instances: Vec<_> = services.list_instances("s1").try_collect().await.unwrap();
    assert_eq!(instances[0].id, services.get_instance("s1", "i1").await.unwrap().id);
    assert_eq!(services.stop("s1").await.unwrap().stopped, 2);
    services.start("s1", &DeployService::default()).await.unwrap();
    services.delete("s1").await.unwrap();
    assert_eq!(
        asked(&script),
        [
            r#"POST /api/v1/services {"name":"web","source":"t"}"#,
            "GET /api/v1/services?limit=200&project_id=p ",
            r#"PATCH /api/v1/services/s1 {"lock_version":3}"#,
            r#"POST /api/v1/services/s1/scale {"replicas":2}"#,
            "GET /api/v1/services/s1/instances?limit=200 ",
            "GET /api/v1/services/s1/instances/i1 ",
            "POST /api/v1/services/s1/stop ",
            "POST /api/v1/services/s1/start {}",
            "DELETE /api/v1/services/s1 ",
        ]
    );
}

#[tokio::test]
async fn releases_are_made_served_again_and_given_up() {
    let answer = || Reply::json(200, release("r2", "queued"));
    let script = Script::play([
        Reply::json(201, release("r2", "queued")),
        answer(),
        answer(),
        answer(),
        answer(),
        answer(),
        Reply::json(200, list(&[release("r2", "active")], None)),
    ])
    .await;
    let client = client(&script);
    let services = client.services();
    let ask = DeployService { snapshot_before: Some(true), ..DeployService::default() };
    services.deploy("s1", &ask).await.unwrap();
    services.restart("s1", &DeployService::default()).await.unwrap();
    let first = DeployService { number: Some(1), restore_data: Some(true), ..DeployService::default() };
    services.promote("s1", &first).await.unwrap();
    services.rollback("s1", &DeployService::default()).await.unwrap();
    services.serve_release("r1", &DeployService::default()).await.unwrap();
    services.cancel_release("r2").await.unwrap();
    let releases: Vec<_> = services.list_releases("s1").try_collect().await.unwrap();
    assert_eq!(releases[0].number, 2);
    assert_eq!(
        asked(&script),
        [
            r#"POST /api/v1/services/s1/deployments {"snapshot_before":true}"#,
            "POST /api/v1/services/s1/restart {}",
            r#"POST /api/v1/services/s1/promote {"number":1,"restore_data":true}"#,
            "POST /api/v1/services/s1/rollback {}",
            "POST /api/v1/service-deployments/r1/rollback {}",
            "POST /api/v1/service-deployments/r2/cancel ",
            "GET /api/v1/services/s1/deployments?limit=200 ",
        ]
    );
}

#[tokio::test]
async fn a_release_is_waited_for_until_nothing_more_becomes_of_it() {
    for states in [&["queued", "deploying", "active"][..], &["deploying", "failed"], &["stopped"]] {
        let script = Script::play(states.iter().map(|state| Reply::json(200, release("r2", state)))).await;
        let settled =
            client(&script).services().wait_until_settled("s1", "r2", Duration::from_secs(60)).await;
        assert_eq!(settled.unwrap().state.as_str(), *states.last().unwrap());
        assert_eq!(script.requests()[0].line, "GET /api/v1/services/s1/deployments/r2");
    }
    let script = Script::play([Reply::json(200, release("r2", "deploying"))]).await;
    let error = client(&script).services().wait_until_settled("s1", "r2", Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, ClientError::StillDeploying { .. }), "{error:?}");
}

#[tokio::test]
async fn logs_and_events_are_lists_or_streams() {
    let line = |replica: u32, text: &str| {
        json!({"type": "log", "timestamp": "2026-05-17T10:00:00Z", "stream": "stdout", "replica": replica,
            "instance_id": "i1", "line": text, "message": text})
    };
    let event = |kind: &str| {
        let data = json!({"type": kind, "timestamp": "2026-05-17T10:00:00Z", "message": "m", "line": "m"});
        format!("event: {kind}\ndata: {data}\n\n")
    };
    let script = Script::play([
        Reply::json(200, list(&[line(0, "a"), line(1, "b")], None)),
        Reply::json(200, format!(": ping\n\nevent: log\nid: 1\ndata: {}\n\n", line(1, "c"))),
        Reply::json(200, format!("{}{}", event("queued"), event("active"))),
        Reply::json(200, format!("{}event: error\ndata: gone\n\n", event("queued"))),
    ])
    .await;
    let client = client(&script);
    let services = client.services();
    let lines = services.logs("s1", &ServiceLogsRequest::default()).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.replica).collect::<Vec<_>>(), [0, 1]);
    let request = ServiceLogsRequest { lines: Some(5), since: None, replica: Some(1) };
    let followed = services.follow_logs("s1", &request).await.unwrap();
    let followed: Vec<String> = followed.map_ok(|line| line.line).try_collect().await.unwrap();
    assert_eq!(followed, ["c"]);
    let events = services.release_events("s1", "r1").await.unwrap();
    let events: Vec<String> =
        events.map_ok(|event| event.event_type.to_string()).try_collect().await.unwrap();
    assert_eq!(events, ["queued", "active"]);
    let broken = services.release_events("s1", "r1").await.unwrap();
    assert!(broken.try_collect::<Vec<_>>().await.is_err(), "an error event is an error");
    let requests = script.requests();
    assert_eq!(requests[0].line, "GET /api/v1/services/s1/logs");
    assert_eq!(requests[0].header("accept"), Some("application/json"), "or it would be answered by events");
    assert_eq!(requests[1].line, "GET /api/v1/services/s1/logs?lines=5&replica=1&follow=true");
    assert_eq!(requests[1].header("accept"), Some("text/event-stream"));
    assert_eq!(requests[2].line, "GET /api/v1/services/s1/deployments/r1/events");
}

#[tokio::test]
async fn variables_are_lists() {
    let variable = json!({"name": "A", "value": "1", "source": "service"});
    let answer = || Reply::json(200, list(std::slice::from_ref(&variable), None));
    let script = Script::play([answer(), answer(), answer()]).await;
    let client = client(&script);
    let services = client.services();
    let changes = [("A".to_owned(), Some("1".to_owned())), ("B".to_owned(), None)];
    assert_eq!(services.set_variables("s1", changes.into()).await.unwrap()[0].name, "A");
    assert_eq!(services.variables("s1").await.unwrap()[0].value, "1");
    assert_eq!(services.effective_variables("s1").await.unwrap()[0].source, VariableSource::Service);
    assert_eq!(
        asked(&script),
        [
            r#"PUT /api/v1/services/s1/variables {"variables":{"A":"1","B":null}}"#,
            "GET /api/v1/services/s1/variables ",
            "GET /api/v1/services/s1/variables/effective ",
        ]
    );
}

#[tokio::test]
async fn projects_come_and_go() {
    let project = || {
        json!({"id": "p1", "tenant_id": "t", "workspace_id": null, "name": "shop", "slug": "shop",
            "description": null, "metadata": {}, "is_default": false, "created_at": "2026-05-17T10:00:00Z",
            "updated_at": "2026-05-17T10:00:00Z"})
    };
    let deleted = r#"{"id":"p1","deleted":true,"success":true,"status":"deleted"}"#;
    let script = Script::play([
        Reply::json(201, project()),
        Reply::json(200, list(&[project()], None)),
        Reply::json(200, project()),
        Reply::json(200, project()),
        Reply::json(200, deleted),
        Reply::json(200, list(&[volume("v1")], None)),
    ])
    .await;
    let client = client(&script);
    let projects = client.projects();
    projects.create(&CreateProject { name: Some("shop".into()), ..CreateProject::default() }).await.unwrap();
    assert_eq!(projects.list_all().try_collect::<Vec<_>>().await.unwrap().len(), 1);
    projects.get("default").await.unwrap();
    projects
        .update("p1", &UpdateProject { slug: Some("s".into()), ..UpdateProject::default() })
        .await
        .unwrap();
    projects.delete("p1").await.unwrap();
    let of_project = VolumeFilter { project_id: Some("p1".into()), ..VolumeFilter::default() };
    client.volumes().list_all(&of_project).try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(
        asked(&script),
        [
            r#"POST /api/v1/projects {"name":"shop"}"#,
            "GET /api/v1/projects?limit=200 ",
            "GET /api/v1/projects/default ",
            r#"PATCH /api/v1/projects/p1 {"slug":"s"}"#,
            "DELETE /api/v1/projects/p1 ",
            "GET /api/v1/volumes?limit=200&project_id=p1 ",
        ]
    );
}
