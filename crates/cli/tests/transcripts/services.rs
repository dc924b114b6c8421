//! What is seen of services, projects, and of `up`.

use std::fs;

use serde_json::json;

use super::stub::World;
use super::{Session, assert_transcript};

fn data(path: &str, shared: bool) -> serde_json::Value {
    json!([{"data_service_id": "0198c0de-0000-7000-8000-aaaa00000001", "mount_path": path, "shared": shared}])
}

#[test]
fn a_services_life() {
    let mut session = Session::new(World::default().with_volume("data", 1).with_volume("models", 50));
    session
        .run("services list")
        .run("services create web --command run --env LOG=info --port 8080 --health-http /ok --volume data:/data")
        .run("services show web")
        .run("services scale web 3")
        .run("services show web")
        .run("services mount web models:/var/models:shared")
        .run("services mount web models:/var/models:shared")
        .run("services mount web models:/models:ro")
        .run("services unmount web /data")
        .run("services unmount web data")
        .run("services unmount web models")
        .run("services mount web models:/doomed")
        .run("services unmount web models")
        .run("services instances web")
        .run("services logs web -n 5")
        .run("services logs web --replica 1 -f")
        .run("services exec web -- ls -l")
        .run("services exec web --replica 2 -- ls -l")
        .run("services exec web --replica 7 -- ls -l")
        .run("services stop web")
        .run("services exec web -- ls")
        .run("services start web")
        .run("services start web")
        .run("services list")
        .run("services delete web")
        .run("services delete web -f")
        .run("services list");
    assert_transcript("a_services_life", &session);
}

#[test]
fn releases_come_and_go_back() {
    let world = World::default().with_volume("data", 1);
    let mut session = Session::new(world.with_service("web", 1, data("/data", false)));
    session
        .run("services update web --command run-2 --env A=1")
        .run("services deploy web --message 'the second' --snapshot-before")
        .run("services update web --env B=2 --unset-env A --name shop")
        .run("services deploy shop --command doomed --message 'it will not run'")
        .run("services show shop")
        .run("services rollback shop")
        .run("services promote shop 2 --with-data")
        .run("services promote shop 9")
        .run("services promote shop 3")
        .run("services restart shop --no-wait")
        .run("services restart shop")
        .run("services show shop")
        .run("services create hopeless --command doomed")
        .run("services list");
    assert_transcript("releases_come_and_go_back", &session);
}

#[test]
fn programs_read_services_as_json() {
    let world = World::default().with_volume("data", 1);
    let mut session = Session::new(world.with_service("web", 2, data("/data", true)));
    session
        .run("services show web --json")
        .run("services deploy web --json")
        .run("services deploy web --command doomed --json")
        .run("services list -q")
        .run("services scale web 3 -q")
        .run("services instances web -q")
        .run("services logs web --json")
        .run("services logs web -f --json")
        .run("services show nobody --json")
        .run("services delete web -f --json");
    assert_transcript("programs_read_services_as_json", &session);
}

#[test]
fn a_computer_is_not_taken_for_a_service() {
    let world = World::default().with_computer("box", "running");
    let mut session = Session::new(world.with_service("web", 1, json!([])));
    session
        .run("services list 0198c0de-0000-7000-8000-cccc00000001")
        .run("services create 0198c0de-0000-7000-8000-cccc00000001 --data '{\"name\":\"a\"}'")
        .run("services create 0198c0de-0000-7000-8000-cccc00000001 --command run")
        .run("services show box")
        .run("services show box app")
        .run("services restart 0198c0de-0000-7000-8000-cccc00000001")
        .run("services action box app restart --json")
        .run("services logs box app")
        .run("services show nobody");
    assert_transcript("a_computer_is_not_a_service", &session);
}

#[test]
fn projects_hold_services() {
    let mut session = Session::new(World::default());
    session
        .run("projects list")
        .run("projects create shop --description 'where things are sold'")
        .run("projects list")
        .run("services create web --project shop --command run -q")
        .run("services list --project default")
        .run("services list --project shop -q")
        .run("projects show default")
        .run("projects delete default")
        .run("projects delete nothing")
        .run("projects delete shop")
        .run("projects list -q");
    assert_transcript("projects_hold_services", &session);
}

const FILE: &str = r#"
[volumes.data]
size = "20GB"
snapshot_schedule = "@daily"

[services.web]
command = "run"
replicas = 2
env = { LOG = "info" }
volumes = [
  { volume = "data", path = "/data", shared = true },
]
"#;

#[test]
fn up_makes_what_differs_and_no_more() {
    let mut session = Session::new(World::default());
    session.run_in("", "up");
    let path = session.home.path().join("miosa.toml");
    fs::write(&path, FILE).unwrap();
    session.run_in("", "up").run_in("", "up --dry-run");
    assert_eq!(session.stub.world().services.len(), 0, "nothing was changed");
    session.run_in("", "up -y").run_in("", "up").run_in("", "up --json").run("services list");

    fs::write(&path, FILE.replace("replicas = 2", "replicas = 3").replace("20GB", "30GB")).unwrap();
    session.run_in("", "up -y");
    fs::write(&path, FILE.replace("\"run\"", "\"doomed\"").replace("@daily", "off")).unwrap();
    session.run_in("", "up -y").run_in("", "up --dry-run");
    fs::write(&path, format!("{FILE}[services.api]\nprot = 80\n")).unwrap();
    session.run_in("", "up -y");
    fs::write(&path, format!("project = \"shop\"\n{FILE}")).unwrap();
    session.run_in("", "up -y").run("projects create shop -q").run_in("", "up -y -q").run_in("", "up");
    fs::write(&path, FILE.replace("volume = \"data\"", "volume = \"dta\"")).unwrap();
    session.run_in("", "up -y");
    session.run("volumes create data -q").run_in("", "up -y");
    assert_transcript("up_makes_what_differs", &session);
}

#[test]
fn up_asks_a_person() {
    let session = Session::new(World::default());
    let path = session.home.path().join("miosa.toml");
    fs::write(&path, FILE).unwrap();
    let line = format!("up -f {}", path.display());
    let (code, shown) = session.ask(&line, "n\n");
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("+ volume   data") && shown.contains("Do that? [y/N]"), "{shown}");
    assert_eq!(session.stub.world().volumes.len(), 0);
    let (code, shown) = session.ask(&line, "y\n");
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("Created service web"), "{shown}");
    let (code, shown) = session.ask(&line, "");
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("Nothing to do"), "{shown}");

    let (code, shown) = session.ask("services delete web", "n\n");
    assert_eq!(code, Some(1), "{shown}");
    assert!(
        shown.contains("Delete service web (0198c0de-") && shown.contains("its volume stays?"),
        "{shown}"
    );
    assert_eq!(session.stub.world().services.len(), 1);
    let (code, shown) = session.ask("services deploy web", "");
    assert_eq!(code, Some(0), "{shown}");
    assert!(
        shown.contains("\rRelease 2 of web: deploying, 0 of 2 replicas are healthy\u{1b}[K"),
        "{shown:?}"
    );
}

#[test]
fn service_help_has_examples() {
    let mut session = Session::new(World::default());
    session
        .run("services")
        .run("services create --help")
        .run("services rollback --help")
        .run("projects")
        .run("up --help");
    assert_transcript("service_help_has_examples", &session);
}
