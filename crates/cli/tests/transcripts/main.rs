//! Aim: what a person and a program see of every verb, in words, and the exit codes. Method: the real program against a server
//! that speaks the contract from memory; each test is a story, and its transcript is compared with the one under `snapshots/`.

mod past;
mod services;
mod stub;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use stub::{KEY, READ_KEY, Stub, World};
use tempfile::TempDir;

/// A home directory, a server, and what was typed and answered so far.
struct Session {
    home: TempDir,
    stub: Stub,
    transcript: String,
}

impl Session {
    fn new(world: World) -> Self {
        Self { home: TempDir::new().unwrap(), stub: Stub::start(world), transcript: String::new() }
    }

    /// Without a word from the environment of whoever runs the tests.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("MIOSA_DATA_DIR", self.home.path().join("no-server-here"))
            .env("MIOSA_ENDPOINT", &self.stub.url)
            .env("MIOSA_API_KEY", KEY)
            .stdin(Stdio::null());
        command
    }

    fn miosa(&self) -> Command {
        self.command(env!("CARGO_BIN_EXE_miosa"))
    }

    /// Runs a line and adds it with its outcome to the transcript. Words may be quoted with single quotes.
    fn run(&mut self, line: &str) -> &mut Self {
        let output = self.miosa().args(words(line)).output().unwrap();
        self.record(line, &output)
    }

    fn run_with_stdin(&mut self, line: &str, stdin: &str) -> &mut Self {
        let mut child = self
            .miosa()
            .args(words(line))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        self.record(line, &output)
    }

    fn run_in(&mut self, folder: &str, line: &str) -> &mut Self {
        let folder = self.home.path().join(folder);
        let output = self.miosa().current_dir(folder).args(words(line)).output().unwrap();
        self.record(line, &output)
    }

    /// `script` gives the program a terminal. It echoes what is typed and ends lines with CR LF.
    fn ask(&self, line: &str, answer: &str) -> (Option<i32>, String) {
        let typed = format!("{} {line}", env!("CARGO_BIN_EXE_miosa"));
        let mut child = self
            .command("script")
            .args(["-qec", &typed, "/dev/null"])
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn record(&mut self, line: &str, output: &Output) -> &mut Self {
        let mut entry = format!("$ miosa {line}\n{}", String::from_utf8_lossy(&output.stdout));
        if !output.stderr.is_empty() {
            entry.push_str(&format!("[stderr]\n{}", String::from_utf8_lossy(&output.stderr)));
        }
        entry.push_str(&format!("[exit {}]\n\n", output.status.code().unwrap()));
        let home = self.home.path().to_str().unwrap();
        self.transcript += &entry.replace(&self.stub.url, "http://STUB").replace(home, "HOME");
        self
    }

    fn transcript(&self) -> &str {
        &self.transcript
    }
}

fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut quoted, mut fresh) = (false, true);
    for c in line.chars() {
        match c {
            '\'' => (quoted, fresh) = (!quoted, false),
            ' ' if !quoted => {
                if !std::mem::replace(&mut fresh, true) {
                    words.push(String::new());
                }
            }
            c => {
                fresh = false;
                words.last_mut().unwrap().push(c);
            }
        }
    }
    if fresh {
        words.pop();
    }
    words
}

/// What is kept under `snapshots/` and does not depend on the day: times of objects are hours ago, so ages stand still, and
/// full times of creation are taken out.
fn assert_transcript(name: &str, session: &Session) {
    insta::with_settings!({
        filters => vec![
            (r"Created(\s+)\d{4}-\d\d-\d\d \d\d:\d\d UTC", "Created$1[TIME]"),
            (r"Expires(\s+)\d{4}-\d\d-\d\d \d\d:\d\d UTC", "Expires$1[TIME]"),
            (r"aken (\s*)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "aken $1[TIME]"),
            (r"it expires \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "it expires [TIME]"),
            (r#""(taken_at|expires_at|created_at|updated_at|deleted_at)": "[^"]+""#, r#""$1": "[TIME]""#),
            (r"deleted  \d+s       in \d{6}d", "deleted  [TIME]   in [TIME]"),
            (r"miosa \d+\.\d+\.\d+", "miosa [VERSION]"),
        ],
        omit_expression => true,
        prepend_module_to_snapshot => false,
    }, {
        insta::assert_snapshot!(name, session.transcript());
    });
}

#[test]
fn a_volumes_life() {
    let mut session = Session::new(World::default().with_computer("box", "running"));
    session
        .run("volumes list")
        .run("volumes create model-weights --size 50")
        .run("volumes create scratch --size 500MB --metadata team=search --metadata use=tmp --delete-protection")
        .run("volumes list")
        .run("volumes attach model-weights")
        .run("volumes attach scratch --machine box --mount /scratch --read-only")
        .run("volumes list")
        .run("volumes show model-weights")
        .run("volumes show scratch")
        .run("volumes destroy model-weights -f")
        .run("volumes detach 000004")
        .run("volumes detach scratch --machine box")
        .run("volumes destroy model-weights -f")
        .run("volumes list --deleted")
        .run("volumes destroy scratch -y")
        .run("volumes update scratch --name tmp --delete-protection off --metadata team=none")
        .run("volumes destroy tmp --force")
        .run("volumes undelete model-weights")
        .run("volumes list");
    assert_transcript("a_volumes_life", &session);
}

#[test]
fn programs_read_json() {
    let mut session = Session::new(World::default().with_computer("box", "running"));
    session
        .run("volumes list --json")
        .run("volumes create a --size 1 --json")
        .run("volumes list -o json")
        .run("volumes attach a --json")
        .run("volumes detach a --json")
        .run("volumes destroy a -f --json")
        .run("volumes destroy a -f --json")
        .run("volumes destroy a --json")
        .run("volumes create huge --size 501GB --json")
        .run("volumes create --json")
        .run("volumes undelete a --json")
        .run("computers stop box --json");
    assert_transcript("programs_read_json", &session);
}

#[test]
fn quiet_is_ids_alone() {
    let mut session = Session::new(World::default().with_computer("box", "running").with_volume("a", 1));
    session
        .run("volumes list -q")
        .run("volumes create b -q")
        .run("volumes attach a -q")
        .run("volumes detach a -q")
        .run("volumes destroy a -fq")
        .run("volumes undelete a -q")
        .run("computers list -q")
        .run("computers stop box -q");
    assert_transcript("quiet_is_ids_alone", &session);
}

#[test]
fn nobody_guesses_what_was_meant() {
    let world = World::default()
        .with_volume("data", 1)
        .with_volume("data", 2)
        .with_volume("other", 3)
        .with_computer("web", "destroying")
        .with_computer("web", "running");
    let mut session = Session::new(world);
    session
        .run("volumes show data")
        .run("volumes destroy data -f --json")
        .run("volumes show aaaa00000002")
        .run("volumes show 0198c0de-0000-7000-8000-aaaa00000003")
        .run("volumes show 003")
        .run("volumes show 0198c0de-0000-7000-8000-aaaa00000009")
        .run("computers show nobody")
        .run("computers show web")
        .run("volumes detach other");
    assert_transcript("nobody_guesses_what_was_meant", &session);
    assert_eq!(session.stub.world().volumes.len(), 3, "nothing was destroyed");
}

#[test]
fn attach_finds_its_computer() {
    let world = World::default()
        .with_computer("idle", "stopped")
        .with_volume("a", 1)
        .with_volume("b", 1)
        .with_volume("c", 1);
    let mut session = Session::new(world);
    session.run("volumes attach a");
    session.stub.world().computers[0]["state"] = "running".into();
    session
        .run("volumes attach a")
        .run("computers create --name second --no-start")
        .run("computers start second");
    session
        .run("volumes attach b")
        .run("computers use second")
        .run("volumes attach b")
        .run("volumes attach c --computer idle --mount relative/path")
        .run("volumes attach a --machine second")
        .run("computers delete second")
        .run("volumes attach c");
    assert_transcript("attach_finds_its_computer", &session);
}

#[test]
fn a_busy_volume_is_detached_by_force() {
    let mut session = Session::new(World::default().with_computer("box", "running").with_volume("a", 1));
    session
        .run("volumes attach a --mount /busy")
        .run("volumes detach a")
        .run("volumes detach a --json")
        .run("volumes detach a --force");
    assert_transcript("a_busy_volume_is_detached_by_force", &session);
}

#[test]
fn destroying_asks_and_without_a_terminal_refuses() {
    let mut session = Session::new(World::default().with_volume("a", 1));
    session.run("volumes destroy a").run("volumes destroy a --json");
    assert_transcript("destroying_without_a_terminal", &session);
    assert_eq!(session.stub.world().requests, Vec::<String>::new(), "the server was not even asked");
}

#[test]
fn destroying_asks_at_a_terminal() {
    let session = Session::new(World::default().with_volume("a", 1).with_computer("box", "running"));
    let ask = |line: &str, answer: &str| session.ask(line, answer);
    for no in ["n\n", "\n", "nonsense\n"] {
        let (code, shown) = ask("volumes destroy a", no);
        assert_eq!(code, Some(1), "{shown}");
        assert!(shown.contains("Put volume a (1GB, 0198c0de-"), "{shown}");
        assert!(shown.contains("nothing was changed"), "{shown}");
        assert_eq!(session.stub.world().volumes.len(), 1);
    }
    assert_eq!(ask("computers delete box", "n\n").0, Some(1));
    assert_eq!(session.stub.world().computers.len(), 1);

    let (code, shown) = ask("volumes destroy a", "y\n");
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("(until 2999-05-24 10:00 UTC)"), "{shown}");
    assert_eq!(session.stub.world().volumes.len(), 0);
    assert_eq!(ask("computers delete box", "yes\n").0, Some(0));
    assert_eq!(session.stub.world().computers.len(), 0);

    let (_, shown) = ask("volumes list --deleted", "");
    assert!(!shown.contains('\u{1b}'), "the state deleted has no color: {shown:?}");
    session.stub.world().computers.clear();
    ask("volumes create b", "");
    let (_, shown) = ask("volumes list", "");
    assert!(shown.contains("\u{1b}[38;5;10mavailable"), "{shown:?}");
    let (_, shown) = ask("volumes list --no-color", "");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn a_computers_life() {
    let mut session = Session::new(World::default());
    std::fs::write(session.home.path().join("body.json"), r#"{"name": "from-file", "size": "xl"}"#).unwrap();
    let file = session.home.path().join("body.json").to_str().unwrap().to_owned();
    session
        .run("computers list")
        .run("computers create --name box --wait")
        .run("computers create --data '{\"name\":\"ignored\",\"size\":\"large\"}' --name from-data --network host")
        .run(&format!("computers create -f {file}"))
        .run(&format!("computers create -i {file} --size xs --no-start"))
        .run_with_stdin("computers create -i - --json", r#"{"name": "from-stdin"}"#)
        .run("machines create --data '{\"name\": 7}'")
        .run("computers create -f /does/not/exist")
        .run("computers list")
        .run("computers list --status stopped -q")
        .run("computers stop box")
        .run("computers exec box -- ls")
        .run("computers action box start")
        .run("computers restart box")
        .run("computers action box resize --data '{\"size\":\"xl\"}'")
        .run("computers exec box -- ls -l '/mnt/my data'")
        .run("computers exec box -- 'echo $HOME | wc'")
        .run("computers exec box --data '{\"command\":\"true\",\"timeout\":5}' --json")
        .run("computers exec box -- fail")
        .run("computers exec box --json -- fail")
        .run("computers logs box")
        .run("computers logs box -n 1")
        .run("computers logs box -n 1 --json")
        .run("computers logs box -f")
        .run("computers logs box -f --json")
        .run("computers show box")
        .run("computers delete box")
        .run("computers show box");
    assert_transcript("a_computers_life", &session);
}

#[test]
fn help_has_examples() {
    let mut session = Session::new(World::default());
    session
        .run("")
        .run("volumes")
        .run("computers --json")
        .run("volumes attach --help")
        .run("computers exec --help")
        .run("--version")
        .run("-v")
        .run("volumes list --frobnicate")
        .run("volumes atach x");
    assert_transcript("help_has_examples", &session);
    assert_eq!(session.stub.world().requests, Vec::<String>::new());
}

/// 0 done, 1 refused or wrong use, 2 no connection, 3 key, 4 server.
#[test]
fn exit_codes_tell_who_is_to_act() {
    let mut session = Session::new(World::default().with_volume("a", 1));
    session.stub.world().refusals.extend([(500, "INTERNAL_ERROR")]);
    session
        .run("volumes list")
        .run("volumes list --api-key msk_u_unknown")
        .run(&format!("volumes create b --api-key {READ_KEY}"))
        .run("volumes list --tenant html")
        .run("volumes list --api-url 127.0.0.1:7420")
        .run("volumes show nothing-of-this-name");
    // Nobody listens on the first port.
    session.run("volumes list --timeout 1 --api-url http://127.0.0.1:1");
    let output = session.miosa().args(["volumes", "list"]).env_remove("MIOSA_API_KEY").output().unwrap();
    session.record("volumes list   # without a key", &output);
    assert_transcript("exit_codes_tell_who_is_to_act", &session);
}

#[test]
fn a_server_that_was_away_for_a_moment_is_no_error() {
    let mut session = Session::new(World::default());
    session.stub.world().refusals.extend([(503, "UNAVAILABLE"), (429, "rate_limit_exceeded")]);
    session.run("volumes create a -q");
    assert!(session.transcript().contains("[exit 0]"), "{}", session.transcript());
    let world = session.stub.world();
    assert_eq!((world.volumes.len(), world.requests.len()), (1, 3));
}

#[test]
fn all_pages_are_listed() {
    let world =
        (1..=5).fold(World::default(), |world, number| world.with_volume(&format!("v{number}"), number));
    let mut session = Session::new(world);
    session.run("volumes list");
    for number in 1..=5 {
        assert!(session.transcript().contains(&format!("v{number}")), "{}", session.transcript());
    }
    assert_eq!(session.stub.world().requests.len(), 3, "five in pages of two");
}

/// `miosa ... | head -0`
#[test]
fn a_closed_pipe_is_no_error() {
    let session = Session::new(World::default().with_volume("a", 1).with_computer("box", "running"));
    for line in ["volumes list", "volumes list --json", "volumes", "--help", "computers logs box -f"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = session.miosa().args(words(line)).stdout(writer).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), stderr.as_ref()), (Some(0), ""), "{line}");
    }
}

#[test]
fn the_first_key_of_the_server_on_this_machine_is_found() {
    let session = Session::new(World::default().with_volume("a", 1));
    let credentials = session.home.path().join("data/credentials");
    std::fs::create_dir_all(&credentials).unwrap();
    std::fs::write(credentials.join("admin-key"), format!("{KEY}\n")).unwrap();
    let list = |data_dir: &Path| {
        let mut command = session.miosa();
        command.args(["volumes", "list", "-q"]).env_remove("MIOSA_API_KEY").env("MIOSA_DATA_DIR", data_dir);
        command.output().unwrap().status.code()
    };
    assert_eq!(list(&session.home.path().join("data")), Some(0));
    assert_eq!(list(&session.home.path().join("elsewhere")), Some(3));
}

#[test]
fn requests_are_told_on_demand_and_the_key_never_is() {
    let session = Session::new(World::default());
    let output = session.miosa().args(["volumes", "list", "--debug"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("GET") && stderr.contains("/api/v1/volumes?limit=200"), "{stderr}");
    assert!(!stderr.contains(KEY), "{stderr}");
}
