//! Exec and log streams over a session.

use std::collections::BTreeMap;

use futures::StreamExt;
use miosa_api::agent_v1::{AgentMessage, ControllerMessage, ExecRequest, StreamEvent};
use miosa_domain::{ComputerId, Refusal};

use super::agents::{Agent, World, patiently};
use miosa_control::{AppError, HostStream, Power};

fn command() -> ExecRequest {
    ExecRequest { command: "date".into(), cwd: None, env: BTreeMap::new(), timeout_seconds: 5 }
}

fn stdout(text: &str) -> StreamEvent {
    StreamEvent::Stdout { data: text.as_bytes().to_vec() }
}

/// A command that runs, and its number.
async fn exec(world: &World, agent: &mut Agent, computer: ComputerId) -> (HostStream, u64) {
    let events = world.app.exec(&world.caller, computer, command()).await.unwrap();
    match agent.hear().await {
        Some(ControllerMessage::Exec { stream, instance, request }) => {
            assert_eq!((instance, request), (computer.into(), command()));
            (events, stream)
        }
        other => panic!("no command: {other:?}"),
    }
}

/// Aim: events reach their own reader in order, the stream ends with the last one, and one that is dropped early is closed on
/// the host; what still comes for it is of no use to anybody.
#[tokio::test]
async fn streams_are_apart_and_dropping_closes() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let computer = world.computer(&mut agent).await;
    let (mut first, one) = exec(&world, &mut agent, computer).await;
    let (second, two) = exec(&world, &mut agent, computer).await;
    assert_ne!(one, two);
    let exit = StreamEvent::Exit { code: 3, timed_out: false };
    for (stream, event) in [(two, stdout("b")), (one, stdout("a")), (one, stdout("aa")), (one, exit.clone())]
    {
        agent.say(AgentMessage::Stream { stream, event });
    }
    let events: Vec<_> = patiently(first.by_ref().collect()).await;
    assert_eq!(events, [stdout("a"), stdout("aa"), exit]);
    drop(first);
    drop(second);
    assert_eq!(
        agent.hear().await,
        Some(ControllerMessage::Close { stream: two }),
        "and not the one that ended"
    );
    agent.say(AgentMessage::Stream { stream: two, event: stdout("late") });
    assert_eq!(agent.hear().await, Some(ControllerMessage::Close { stream: two }));

    let mut logs = world.app.logs(&world.caller, computer, 10, false).await.unwrap();
    let Some(ControllerMessage::Logs { stream, tail_lines: 10, follow: false, .. }) = agent.hear().await
    else {
        panic!("no request for logs")
    };
    agent.say(AgentMessage::Stream { stream, event: StreamEvent::End });
    assert_eq!(patiently(logs.next()).await, Some(StreamEvent::End));
    assert_eq!(patiently(logs.next()).await, None);
}

#[tokio::test]
async fn a_lost_connection_ends_its_streams_with_a_failure() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let computer = world.computer(&mut agent).await;
    let (mut events, _) = exec(&world, &mut agent, computer).await;
    drop(agent);
    assert!(matches!(patiently(events.next()).await, Some(StreamEvent::Failed(_))));
    assert_eq!(patiently(events.next()).await, None);
    let refused = world.app.exec(&world.caller, computer, command()).await.err();
    assert!(matches!(refused, Some(AppError::Unavailable(_))), "{refused:?}");
}

/// Aim: a reader that does not read loses its stream, with a failure at the end of what it was given; the session goes on.
#[tokio::test]
async fn a_reader_that_does_not_read_holds_up_nobody() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let computer = world.computer(&mut agent).await;
    let (mut events, stream) = exec(&world, &mut agent, computer).await;
    for _ in 0..2000 {
        agent.say(AgentMessage::Stream { stream, event: stdout("x") });
    }
    assert_eq!(agent.hear().await, Some(ControllerMessage::Close { stream }));
    let mut last = None;
    while let Some(event) = patiently(events.next()).await {
        last = Some(event);
    }
    assert!(matches!(last, Some(StreamEvent::Failed(_))), "{last:?}");
    assert!(world.app.readiness().await.agent_connected);
}

#[tokio::test]
async fn a_stopped_computer_runs_no_commands() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let computer = world.computer(&mut agent).await;
    let call = world
        .call(move |app, caller| async move { app.set_power(&caller, computer, Power::Stop, None).await });
    agent.specs().await;
    let refused = world.app.exec(&world.caller, computer, command()).await.err();
    assert!(
        matches!(refused, Some(AppError::Refused(Refusal::ComputerState { .. }))),
        "it is stopping: {refused:?}"
    );
    call.abort();
}
