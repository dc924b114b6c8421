//! Looking into snapshots: what is asked comes as events with one end, and ends when nobody listens.

use miosa_api::agent_v1::{
    ControllerMessage, InspectRequest, InspectedFile, InspectedKind, READ_MAX_BYTES, StreamEvent,
};
use miosa_backend::fake::Call;
use miosa_domain::SnapshotId;
use miosa_domain::spec::SnapshotSpec;
use miosa_domain::status::{Failure, FailureCode};

use crate::world::{World, count, snapshot, taken};

/// A snapshot of files.
async fn with_files(world: &World, files: impl IntoIterator<Item = (String, Vec<u8>)>) -> SnapshotSpec {
    let v = world.with_volume(1).await;
    for (path, content) in files {
        world.backend.write_file(v.id, &path, &content);
    }
    let s = snapshot(2, 2, &v);
    world.ask_snapshots([&s]).await;
    world.snapshot(&s, "the snapshot", taken).await;
    s
}

/// All events of one request, but the last one, which must be `End`.
async fn ask(world: &World, stream: u64, request: InspectRequest) -> Result<Vec<StreamEvent>, Failure> {
    world.say(ControllerMessage::Inspect { stream, request }).await;
    let mut events = world
        .wait("the stream's end", |seen| {
            let events: Vec<_> = seen.events_of(stream);
            matches!(events.last(), Some(StreamEvent::End | StreamEvent::Failed(_))).then_some(events)
        })
        .await;
    match events.pop() {
        Some(StreamEvent::Failed(failure)) => Err(failure),
        _ => Ok(events),
    }
}

fn entries(events: Vec<StreamEvent>) -> Vec<InspectedFile> {
    let entries = events.into_iter().flat_map(|event| match event {
        StreamEvent::Entries { entries } => {
            assert!(entries.len() <= 256);
            entries
        }
        other => panic!("{other:?}"),
    });
    entries.collect()
}

fn list(snapshot: SnapshotId, after: &str, limit: u32) -> InspectRequest {
    InspectRequest::List { snapshot, path: "/d".into(), after: after.into(), limit }
}

/// One entry, and folders in pages of any size, however large the limit is.
#[tokio::test(flavor = "multi_thread")]
async fn entries_come_in_batches() {
    let world = World::new().await;
    let files = (0..600).map(|n| (format!("/d/{n:03}"), vec![0; 7]));
    let s = with_files(&world, files).await;
    let stat = InspectRequest::Stat { snapshot: s.id, path: "/d/042".into() };
    let file = entries(ask(&world, 1, stat).await.unwrap());
    assert_eq!((file[0].kind, file[0].size_bytes, &file[0].name[..]), (InspectedKind::File, 7, &b"042"[..]));

    for (stream, after, limit, expected) in
        [(2, "", u32::MAX, 0..600), (3, "009", 300, 10..310), (4, "590", 300, 591..600), (5, "599", 9, 0..0)]
    {
        let events = ask(&world, stream, list(s.id, after, limit)).await.unwrap();
        let names: Vec<_> = entries(events).into_iter().map(|e| String::from_utf8(e.name).unwrap()).collect();
        assert_eq!(names, expected.map(|n| format!("{n:03}")).collect::<Vec<_>>());
    }
}

/// A part of a file, never more than the protocol allows at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_file() {
    let world = World::new().await;
    let content: Vec<u8> = (0..5 << 20).map(|n: u32| (n / 251) as u8).collect();
    let s = with_files(&world, [("/f".to_owned(), content.clone())]).await;
    let read =
        |offset, max_bytes| InspectRequest::Read { snapshot: s.id, path: "/f".into(), offset, max_bytes };
    for (stream, offset, max_bytes, len) in [
        (1, 0, 100, 100),
        (2, 77_777, u32::MAX, READ_MAX_BYTES as usize),
        (3, (5 << 20) - 3, 100, 3),
        (4, 9 << 20, 9, 0),
    ] {
        let events = ask(&world, stream, read(offset, max_bytes)).await.unwrap();
        let data: Vec<u8> = events
            .into_iter()
            .flat_map(|event| match event {
                StreamEvent::Data { data } => data,
                other => panic!("{other:?}"),
            })
            .collect();
        let from = (offset as usize).min(content.len());
        assert!(data == content[from..from + len], "stream {stream}: {} bytes", data.len());
    }
}

/// What differs between two: sums always, files when asked for.
#[tokio::test(flavor = "multi_thread")]
async fn what_differs() {
    let world = World::new().await;
    let files = (0..300).map(|n| (format!("/{n}"), vec![1]));
    let from = with_files(&world, files).await;
    for n in 0..290 {
        world.backend.write_file(from.volume_id, &format!("/{n}"), b"other");
    }
    world.backend.write_file(from.volume_id, "/new", b"");
    let to = SnapshotSpec { id: snapshot(3, 2, &crate::world::volume(1, 1)).id, ..from.clone() };
    world.ask_snapshots([&to]).await;
    world.snapshot(&to, "the snapshot", taken).await;
    let diff = |files| InspectRequest::Diff { from: from.id, to: to.id, files };
    let sums = ask(&world, 1, diff(false)).await.unwrap();
    assert!(matches!(sums[..], [StreamEvent::Changes { changed_bytes: 1.., changed_ranges: 1 }]), "{sums:?}");
    let mut events = ask(&world, 2, diff(true)).await.unwrap();
    assert_eq!(events.pop(), sums.first().cloned());
    let changed = events.iter().map(|event| match event {
        StreamEvent::ChangedFiles { files } => {
            assert!(files.len() <= 256);
            files.len()
        }
        other => panic!("{other:?}"),
    });
    assert_eq!(changed.sum::<usize>(), 291);
}

/// Paths that lead nowhere or to something else, and snapshots that are not there, end the stream with their own codes.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_codes() {
    let world = World::new().await;
    let s = with_files(&world, [("/d/f".to_owned(), vec![])]).await;
    let path = |path: &str| path.as_bytes().to_vec();
    let nowhere = snapshot(99, 1, &crate::world::volume(1, 1)).id;
    let cases = [
        (InspectRequest::Stat { snapshot: s.id, path: path("/x") }, FailureCode::NoSuchFile),
        (
            InspectRequest::Read { snapshot: s.id, path: path("/d"), offset: 0, max_bytes: 1 },
            FailureCode::OtherKind,
        ),
        (
            InspectRequest::List { snapshot: s.id, path: path("/d/f"), after: vec![], limit: 1 },
            FailureCode::OtherKind,
        ),
        (InspectRequest::Stat { snapshot: nowhere, path: path("/") }, FailureCode::DataMissing),
        (InspectRequest::Diff { from: s.id, to: nowhere, files: true }, FailureCode::DataMissing),
    ];
    for (stream, (request, code)) in (1..).zip(cases) {
        let failure = ask(&world, stream, request.clone()).await.expect_err("refused");
        assert_eq!(failure.code, code, "{request:?}: {}", failure.message);
    }
}

/// A stream that is closed says nothing more, and gives its place to the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_closed_stream_is_silent() {
    let world = World::new().await;
    let s = with_files(&world, (0..600).map(|n| (format!("/d/{n:03}"), vec![]))).await;
    world.gate.close(Call::OpenFiles);
    // As many as there are places.
    for stream in 1..=16 {
        world.say(ControllerMessage::Inspect { stream, request: list(s.id, "", 600) }).await;
    }
    world.gate.held(Call::OpenFiles).await;
    for stream in 1..=16 {
        world.say(ControllerMessage::Close { stream }).await;
    }
    world.settle(900).await;
    world.gate.open(Call::OpenFiles);
    assert_eq!(entries(ask(&world, 17, list(s.id, "", 600)).await.unwrap()).len(), 600);
    for stream in 1..=16 {
        assert_eq!(world.seen().events_of(stream), [], "stream {stream}");
    }
    assert!(count(&world, Call::OpenFiles) <= 17);
}
