//! Looking into snapshots: folders, files and differences as clients need them, downloads that nobody is held up by, and paths
//! that mean harm.

use std::collections::BTreeSet;

use axum::body::{Body, Bytes};
use axum::http::{Method, Request};
use http_body_util::BodyExt;
use miosa_api::agent_v1::{ControllerMessage, InspectRequest, READ_MAX_BYTES};
use serde_json::{Value, json};

use super::harness::{Answer, KEY, NOBODY, World};
use super::inside::{BIG_BYTES, MANY, content};
use miosa_control::now;

/// A control plane with a volume and its snapshot.
async fn world() -> (World, String, String) {
    let world = World::new().await;
    let volume = world.volume("v").await;
    let snapshot = world.snapshot(&volume).await;
    (world, volume, snapshot)
}

fn names(json: &Value) -> Vec<String> {
    json["entries"].as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap().to_owned()).collect()
}

fn download(path: &str, range: Option<&str>) -> Request<Body> {
    let request = Request::get(path).header("authorization", format!("Bearer {KEY}"));
    let request = range.into_iter().fold(request, |request, range| request.header("range", range));
    request.body(Body::empty()).unwrap()
}

async fn bytes(world: &World, path: &str, range: Option<&str>) -> Bytes {
    let response = world.open(download(path, range)).await;
    response.into_body().collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn folders_are_listed_under_both_names() {
    let (world, volume, snapshot) = world().await;
    for base in [
        format!("/volume-snapshots/{snapshot}"),
        format!("/volumes/{volume}/snapshots/{snapshot}"),
        format!("/api/v1/data-services/{volume}/backups/{snapshot}"),
        format!("/projects/default/data-services/{volume}/snapshots/{snapshot}"),
    ] {
        let json = world.get(&format!("{base}/files")).await.json();
        assert_eq!(json["data"], json["entries"], "{base}");
        assert_eq!((&json["path"], &json["next"]), (&"/".into(), &Value::Null));
        assert_eq!(names(&json).len(), 10);
    }
    let json = world.get(&format!("/volume-snapshots/{snapshot}/files?path=/")).await.json();
    assert_eq!(
        json["entries"][0],
        json!({"name": "big", "path": "/big", "size": BIG_BYTES, "is_dir": false, "is_symlink": false, "type": "file",
               "mode": 0o640, "uid": 1000, "gid": 100, "symlink_target": null, "modified_at": "1970-01-01T00:00:00Z"})
    );
    assert_eq!(json["entries"][4]["symlink_target"], "big");
    assert_eq!(json["entries"][5]["symlink_target_base64"], "/g==");
    assert_eq!(json["entries"][6]["type"], "dir");
}

/// What is not a folder lists itself, a symlink too.
#[tokio::test]
async fn a_file_lists_itself() {
    let (world, _, snapshot) = world().await;
    for (path, name, kind) in
        [("/big", "big", "file"), ("/link", "link", "symlink"), ("//dev/.", "dev", "other")]
    {
        let json = world.get(&format!("/volume-snapshots/{snapshot}/files?path={path}")).await.json();
        assert_eq!(names(&json), [name]);
        assert_eq!((&json["entries"][0]["type"], &json["path"]), (&kind.into(), &format!("/{name}").into()));
    }
}

/// However small the parts, together they are the folder, and names that are no text do not stop them.
#[tokio::test]
async fn long_listings_come_in_parts() {
    let (world, _, snapshot) = world().await;
    for (path, limit, count, parts) in [
        ("/", 1, 10, 10),
        ("/", 9, 10, 2),
        ("/", 10, 10, 1),
        ("/many", 9999, MANY, 3),
        ("/many", 500, MANY, 5),
    ] {
        let (mut seen, mut after, mut asked) = (Vec::new(), String::new(), 0);
        loop {
            let query = format!("path={path}&limit={limit}&after={after}");
            let json = world.get(&format!("/volume-snapshots/{snapshot}/files?{query}")).await.json();
            seen.extend(names(&json));
            asked += 1;
            match json["next"].as_str() {
                Some(next) => after = next.to_owned(),
                None => break,
            }
        }
        assert_eq!((seen.len(), asked), (count, parts), "{path} by {limit}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), count, "{path} by {limit}");
    }
    let files = format!("/volume-snapshots/{snapshot}/files");
    for query in ["limit=0", "limit=x", "after=%20", "after=a!"] {
        world.get(&format!("{files}?{query}")).await.refused(422, "VALIDATION_ERROR");
    }
}

/// A name that is not UTF-8 is shown as well as it can be, and found again by what stands beside it.
#[tokio::test]
async fn odd_names_are_found_again() {
    let (world, _, snapshot) = world().await;
    let stat = format!("/volume-snapshots/{snapshot}/files/stat");
    let odd = world.get(&format!("{stat}?path=/odd%ff%22%0a")).await.twin(200);
    assert_eq!((&odd["name"], &odd["size"]), (&"odd\u{fffd}\"\n".into(), &3.into()));
    let base64 = odd["path_base64"].as_str().unwrap();
    assert_eq!(world.get(&format!("{stat}?path_base64={base64}")).await.twin(200), odd);
    let root = world.get(&stat).await.twin(200);
    assert_eq!((&root["name"], &root["path"], &root["is_dir"]), (&"/".into(), &"/".into(), &true.into()));
    let path = format!("/volume-snapshots/{snapshot}/files/download?path=/odd%ff%22%0a");
    let answer = world.get(&path).await;
    assert_eq!(
        answer.header("content-disposition").unwrap(),
        "attachment; filename=\"odd___\"; filename*=UTF-8''odd%EF%BF%BD%22%0A"
    );
}

/// Nothing of this reaches the host.
#[tokio::test]
async fn hostile_paths_are_refused() {
    let (world, _, snapshot) = world().await;
    let long = format!("path=/{}", "a".repeat(4095));
    for (query, field) in [
        ("path=etc/passwd", "path"),
        ("path=/..", "path"),
        ("path=/../../etc/passwd", "path"),
        ("path=/a/%2e%2e/b", "path"),
        ("path=%2f..%2fetc", "path"),
        ("path=/a%00b", "path"),
        (long.as_str(), "path"),
        ("path_base64=!", "path_base64"),
        ("path_base64=Ly4u", "path_base64"),
        ("path=/a&path_base64=L2E", "path_base64"),
    ] {
        for part in ["files", "files/stat", "files/download"] {
            let path = format!("/volume-snapshots/{snapshot}/{part}?{query}");
            let json = world.get(&path).await.refused(422, "VALIDATION_ERROR");
            assert!(json["errors"][field].is_array(), "{query}: {json}");
        }
    }
    assert_eq!(world.heard(), []);
}

#[tokio::test]
async fn what_cannot_be_looked_at_says_why() {
    let (world, volume, snapshot) = world().await;
    let base = format!("/volume-snapshots/{snapshot}");
    for part in [
        "files?path=/nothing",
        "files/stat?path=/many/x",
        "files/download?path=/x",
        "files/download?path=/lost",
    ] {
        world.get(&format!("{base}/{part}")).await.refused(404, "NOT_FOUND");
    }
    for part in ["files/download", "files/download?path=/many", "files/download?path=/dev"] {
        world.get(&format!("{base}/{part}")).await.refused(422, "VALIDATION_ERROR");
    }
    let failed =
        world.post(&format!("/volumes/{volume}/snapshots"), json!({"before_snapshot": "fail"})).await;
    let failed = failed.refused(409, "HOOK_FAILED");
    let failed = failed["error"]["details"]["snapshot"]["id"].as_str().unwrap().to_owned();
    let other_volume = world.volume("w").await;
    world.store.create_tenant("other", "Other", now()).await.unwrap();
    for part in ["files", "files/stat", "files/download?path=/empty", &format!("diff?to={snapshot}")] {
        world.get(&format!("/volume-snapshots/{failed}/{part}")).await.refused(409, "SNAPSHOT_NOT_READY");
        let foreign = format!("/volumes/{other_volume}/snapshots/{snapshot}/{part}");
        world.get(&foreign).await.refused(404, "NOT_FOUND");
        let tenant = [("x-miosa-tenant", "other")];
        let path = format!("{base}/{part}");
        world.call_with(Method::GET, &path, &tenant, "").await.refused(404, "NOT_FOUND");
    }
    let second = world.snapshot(&volume).await;
    world.lose_agent().await;
    for part in ["files", "files/stat", "files/download?path=/empty", &format!("diff?to={second}")] {
        world.get(&format!("{base}/{part}")).await.refused(503, "UNAVAILABLE");
    }
}

#[tokio::test]
async fn downloads_are_the_file() {
    let (world, volume, snapshot) = world().await;
    let base = format!("/volumes/{volume}/snapshots/{snapshot}/files/download");
    for (path, range, status, from, to) in [
        ("/big", None, 200, 0, BIG_BYTES),
        ("/big", Some("bytes=0-0"), 206, 0, 1),
        ("/big", Some("bytes=4194303-4194305"), 206, 4_194_303, 4_194_306),
        ("/big", Some("bytes=100-"), 206, 100, BIG_BYTES),
        ("/big", Some("bytes=-5"), 206, BIG_BYTES - 5, BIG_BYTES),
        ("/big", Some("bytes=1-2,5-6"), 200, 0, BIG_BYTES),
        ("/empty", None, 200, 0, 0),
    ] {
        let response = world.open(download(&format!("{base}?path={path}"), range)).await;
        let header = |name| response.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
        assert_eq!(response.status(), status, "{path} {range:?}");
        assert_eq!(header("content-length"), Some((to - from).to_string()));
        assert_eq!(header("content-type").as_deref(), Some("application/octet-stream"));
        assert_eq!(header("accept-ranges").as_deref(), Some("bytes"));
        assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"));
        let name = &path[1..];
        assert_eq!(header("content-disposition"), Some(format!("attachment; filename=\"{name}\"")));
        let content_range = (status == 206).then(|| format!("bytes {from}-{}/{BIG_BYTES}", to - 1));
        assert_eq!(header("content-range"), content_range, "{range:?}");
        assert!(header("x-request-id").is_some());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body == content(from, to), "{path} {range:?}: {} bytes", body.len());
    }
    let path = format!("{base}?path=/big");
    let head = Answer::of(world.open(download_head(&path)).await).await;
    let length = BIG_BYTES.to_string();
    assert_eq!((head.header("content-length"), head.body.as_str()), (Some(length.as_str()), ""));

    let beyond = Answer::of(world.open(download(&path, Some("bytes=99999999-"))).await).await;
    beyond.refused(416, "RANGE_NOT_SATISFIABLE");
    assert_eq!(beyond.header("content-range"), Some(format!("bytes */{BIG_BYTES}").as_str()));
}

fn download_head(path: &str) -> Request<Body> {
    let mut request = download(path, None);
    *request.method_mut() = Method::HEAD;
    request
}

/// A symlink is followed by the host, which alone knows where it leads; how long the file is shows at its end.
#[tokio::test]
async fn a_symlink_downloads_what_it_leads_to() {
    let (world, _, snapshot) = world().await;
    let path = format!("/volume-snapshots/{snapshot}/files/download?path=/link");
    let response = world.open(download(&path, Some("bytes=0-0"))).await;
    assert_eq!((response.status().as_u16(), response.headers().get("content-length")), (200, None));
    assert!(response.into_body().collect().await.unwrap().to_bytes() == content(0, BIG_BYTES));
}

/// Aim: of a large file one piece is on its way at a time. A reader that stops has asked for one, others are answered meanwhile,
/// and when it goes on it gets everything.
#[tokio::test]
async fn a_slow_reader_holds_nobody_up() {
    let (world, _, snapshot) = world().await;
    let base = format!("/volume-snapshots/{snapshot}/files");
    let path = format!("{base}/download?path=/big");
    let mut body = world.open(download(&path, None)).await.into_body();
    let mut read = body.frame().await.unwrap().unwrap().into_data().unwrap().to_vec();
    // Whatever the host was asked before this, it has heard by now.
    assert_eq!(bytes(&world, &format!("{base}/download?path=/empty"), None).await, "");
    world.get(&format!("{base}/stat")).await.twin(200);
    assert_eq!(offsets_read(&world), [0]);
    while let Some(frame) = body.frame().await {
        read.extend(frame.unwrap().into_data().unwrap());
    }
    assert!(read == content(0, BIG_BYTES));
    let piece = u64::from(READ_MAX_BYTES);
    assert_eq!(offsets_read(&world), [0, piece]);
    assert_eq!(closed(&world), 0, "what was read to its end is over");
}

fn offsets_read(world: &World) -> Vec<u64> {
    let read = |message: &ControllerMessage| match message {
        ControllerMessage::Inspect { request: InspectRequest::Read { offset, .. }, .. } => Some(*offset),
        _ => None,
    };
    world.heard().iter().filter_map(read).collect()
}

fn closed(world: &World) -> usize {
    world.heard().iter().filter(|message| matches!(message, ControllerMessage::Close { .. })).count()
}

/// A client that hangs up leaves nothing running on the host.
#[tokio::test]
async fn an_aborted_download_ends_on_the_host() {
    let (world, _, snapshot) = world().await;
    let base = format!("/volume-snapshots/{snapshot}/files");
    let mut body = world.open(download(&format!("{base}/download?path=/stuck"), None)).await.into_body();
    body.frame().await.unwrap().unwrap();
    world.get(&format!("{base}/stat")).await.twin(200);
    assert_eq!(closed(&world), 0);
    drop(body);
    world.get(&format!("{base}/stat")).await.twin(200);
    assert_eq!(closed(&world), 1);
}

/// What breaks in the middle must not look like the whole file.
#[tokio::test]
async fn a_broken_download_is_seen_to_be_broken() {
    let (world, _, snapshot) = world().await;
    for (file, whole_bytes) in [("/broken", 4 << 20), ("/short", 10)] {
        let path = format!("/volume-snapshots/{snapshot}/files/download?path={file}");
        let mut body = world.open(download(&path, None)).await.into_body();
        let mut read_bytes = 0;
        let end = loop {
            match body.frame().await {
                Some(Ok(frame)) => read_bytes += frame.into_data().unwrap().len(),
                end => break end,
            }
        };
        assert!(matches!(end, Some(Err(_))), "{file}");
        assert_eq!(read_bytes, whole_bytes, "{file}");
    }
}

#[tokio::test]
async fn differences_are_counted_and_listed_up_to_a_limit() {
    let (world, volume, from) = world().await;
    let to = world.snapshot(&volume).await;
    let base = format!("/volumes/{volume}/snapshots/{from}/diff");
    for (query, listed, truncated) in
        [("", 1000, true), ("&limit=5", 5, true), ("&limit=99999&files=1", 1000, true)]
    {
        let diff = world.get(&format!("{base}?to={to}{query}")).await.twin(200);
        assert_eq!((&diff["from"], &diff["to"]), (&from.as_str().into(), &to.as_str().into()));
        assert_eq!((&diff["changed_bytes"], &diff["changed_ranges"]), (&8192.into(), &2.into()));
        let counts =
            ["files_added", "files_modified", "files_removed"].map(|name| diff[name].as_u64().unwrap());
        assert_eq!(counts, [3, 2, 1500], "{query}");
        assert_eq!(
            (diff["files"].as_array().unwrap().len(), &diff["truncated"]),
            (listed, &truncated.into())
        );
        assert_eq!(diff["files"][0], json!({"path": "/a", "change": "added", "type": "file", "size": 7}));
        assert_eq!(diff["files"][4]["path_base64"], "L2X/");
    }
    let plain = world.get(&format!("/volume-snapshots/{to}/diff?to={from}&files=false")).await.twin(200);
    assert_eq!((&plain["changed_bytes"], &plain["files"]), (&8192.into(), &json!([])));
    assert_eq!((&plain["files_removed"], &plain["truncated"]), (&0.into(), &false.into()));

    let same = world.get(&format!("{base}?to={from}")).await.twin(200);
    assert_eq!((&same["changed_bytes"], &same["files"]), (&0.into(), &json!([])));
}

#[tokio::test]
async fn only_snapshots_of_one_volume_are_compared() {
    let (world, _, from) = world().await;
    let other = world.volume("w").await;
    let foreign = world.snapshot(&other).await;
    let base = format!("/volume-snapshots/{from}/diff");
    let json = world.get(&format!("{base}?to={foreign}")).await.refused(422, "VALIDATION_ERROR");
    assert!(json["errors"]["to"].is_array(), "{json}");
    world.get(&format!("{base}?to={NOBODY}")).await.refused(404, "NOT_FOUND");
    world.get(&base).await.refused(400, "MISSING_PARAM");
    for query in ["to=x", &format!("to={from}&limit=0"), &format!("to={from}&files=maybe")] {
        world.get(&format!("{base}?{query}")).await.refused(422, "VALIDATION_ERROR");
    }
    assert_eq!(world.heard(), []);
}
