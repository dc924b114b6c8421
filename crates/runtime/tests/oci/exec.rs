//! Commands inside an instance.

use std::time::Duration;

use miosa_runtime::conformance::{collect, shell};
use miosa_runtime::{EXEC_TIMED_OUT, ExecCommand, ExecEvent, ExecRequest, InstanceDriver, RuntimeError};

use crate::host::Host;

#[tokio::test(flavor = "multi_thread")]
async fn commands_say_how_they_ended() {
    let host = Host::new();
    let id = host.running().id;
    let run = |request| collect(host.driver.exec(id, request).unwrap());
    let (stdout, stderr, end) = run(shell("echo out; echo err >&2; exit 3")).await;
    assert_eq!((stdout.as_str(), stderr.as_str(), end), ("out\n", "err\n", (3, false)));
    assert_eq!(run(shell("kill -9 $$")).await.2, (137, false));
    assert_eq!(run(shell("no-such-program")).await.2, (127, false));

    let env = [("GREETING".to_owned(), "a b".to_owned()), ("HOME".to_owned(), "/tmp".to_owned())];
    let request =
        ExecRequest { cwd: Some("/usr/bin".into()), env: env.into(), ..shell("pwd; echo $GREETING $HOME") };
    assert_eq!(run(request).await.0, "/usr/bin\na b /tmp\n");
    let argv = ["printf", "%s|", "a b", "$HOME"].map(str::to_owned).to_vec();
    let request = ExecRequest { command: ExecCommand::Argv(argv), ..shell("") };
    assert_eq!(run(request).await.0, "a b|$HOME|");

    let (_, stderr, end) = run(ExecRequest { cwd: Some("/no/such/folder".into()), ..shell("true") }).await;
    assert_eq!(end, (126, false));
    assert!(stderr.contains("/no/such/folder"), "{stderr}");
    let relative = ExecRequest { cwd: Some("usr".into()), ..shell("true") };
    assert!(matches!(host.driver.exec(id, relative), Err(RuntimeError::ExecFailed { .. })));
    let leftovers = std::fs::read_dir(host.instance_folder(id)).unwrap().flatten();
    assert_eq!(leftovers.filter(|entry| entry.file_name().to_str().unwrap().starts_with("exec-")).count(), 0);
}

/// After the timeout the command and its whole session have ended, and its output was delivered.
#[tokio::test(flavor = "multi_thread")]
async fn time_runs_out() {
    let host = Host::new();
    let id = host.running().id;
    let line = "echo begun; sleep 4711 & sh -c 'trap \"\" TERM INT HUP; sleep 4711; sleep 4711'";
    let request = ExecRequest { timeout: Duration::from_millis(500), ..shell(line) };
    let (stdout, _, end) = collect(host.driver.exec(id, request).unwrap()).await;
    assert_eq!((stdout.as_str(), end), ("begun\n", (EXEC_TIMED_OUT, true)));
    assert_eq!(host.run(id, "ps -o args | grep -c '[s]leep 4711' || true").await, "0\n");
}

/// A process left in the background holds the command's output. It does not delay the exit event, and continues after it.
#[tokio::test(flavor = "multi_thread")]
async fn background_processes_do_not_hang_the_answer() {
    let host = Host::new();
    let id = host.running().id;
    assert_eq!(host.run(id, "sleep 4711 & echo done").await, "done\n");
    assert_eq!(host.run(id, "(sleep 0.05; echo late) & echo done").await, "done\nlate\n");
    assert_eq!(host.run(id, "ps -o args | grep -c '[s]leep 4711'").await, "1\n");
    host.run(id, "yes > /dev/stdout & echo done > /dev/null").await;
}

/// Output of any length arrives completely, at the reader's pace.
#[tokio::test(flavor = "multi_thread")]
async fn much_output_arrives_whole() {
    let host = Host::new();
    let id = host.running().id;
    let mut stream =
        host.driver.exec(id, shell("head -c 5000000 /dev/zero; head -c 3000000 /dev/zero >&2")).unwrap();
    let (mut stdout, mut stderr) = (0, 0);
    let end = loop {
        match stream.next().await.unwrap() {
            ExecEvent::Stdout(bytes) => stdout += bytes.len(),
            ExecEvent::Stderr(bytes) => stderr += bytes.len(),
            ExecEvent::Exit { code, .. } => break code,
        }
    };
    assert_eq!((stdout, stderr, end), (5_000_000, 3_000_000, 0));
    assert_eq!(stream.next().await, None);
}

/// Dropping the stream ends the command. A stream that is not read does not extend the timeout.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_for_nobody() {
    let host = Host::new();
    let id = host.running().id;
    let mut stream = host.driver.exec(id, shell("echo begun; sleep 4711")).unwrap();
    assert_eq!(stream.next().await.unwrap(), ExecEvent::Stdout("begun\n".into()));
    drop(stream);
    let waiting = ExecRequest { timeout: Duration::from_millis(500), ..shell("yes") };
    let waiting = host.driver.exec(id, waiting).unwrap();
    let gone = "for i in $(seq 100); do ps -o args | grep -q -e '[s]leep 4711' -e '^[y]es' || exit 0; sleep 0.1; done; exit 1";
    host.run(id, gone).await;
    assert_eq!(collect(waiting).await.2, (EXEC_TIMED_OUT, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_run_side_by_side() {
    let host = Host::new();
    let id = host.running().id;
    let commands =
        (0..8).map(|number| host.run(id, Box::leak(format!("sleep 0.1; echo {number}").into_boxed_str())));
    let written = futures::future::join_all(commands).await;
    assert_eq!(written, (0..8).map(|number| format!("{number}\n")).collect::<Vec<_>>());
}
