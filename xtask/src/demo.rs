//! `demo`: a volume's whole life on this machine, told on a terminal while it happens, with the time of each step.
//!
//! Every step is checked, not only shown: the first one that is not as told ends the demo with an error. Whatever happens,
//! the scratch directory and everything in the kernel that belongs to it are taken away again.
//!
//! It runs an unoptimised build: that is ready minutes sooner, and what takes time here are system calls and the disk.
//! `bench` measures a release build.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use miosa_testkit::server::{Server, ServerOptions, wait_until};
use serde_json::Value;

use crate::run::{self, Failure};
use crate::{fixture, setup, template};

/// Commits that the database must have before everything is killed.
const COMMITS_BEFORE: u64 = 100;

/// Builds, serves, tells, cleans up.
pub(crate) fn demo() -> Result<(), Failure> {
    if !run::is_root() {
        return Err(Failure::Refused(
            "volumes are loop devices and mounts, which only root may make; run: sudo -E env \"PATH=$PATH\" cargo xtask demo"
                .into(),
        ));
    }
    setup::setup()?;
    println!("miosa demo: the life of a volume, on this machine and in a scratch directory.");
    println!("The time of a `miosa` command includes the start of the program.\n");
    let miosa = run::build_miosa(run::Profile::Debug)?;
    fixture::without_panics(|| tell(ServerOptions::new(miosa)))
}

fn tell(options: ServerOptions) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut story = Story::default();
    // The template's place must be known to the configuration before the server's own folder is.
    let scratch = tempfile::Builder::new()
        .prefix("miosa-demo-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in("/var/tmp")
        .map_err(Failure::file("cannot make a folder in", Path::new("/var/tmp")))?;
    let files = scratch.path().join("template");
    template::make(&files)?;
    let config = format!("[agent.templates]\nsqlite = {:?}\n", files.display().to_string());
    let miosa = options.miosa.clone();

    story.chapter("Serve: a controller without root, an agent with root, a pool of 1 GB");
    let (mut server, time) = timed(|| Server::start(ServerOptions { config: Some(config), ..options }));
    fixture::clean_up_on_interrupt(&server, vec![scratch.path().to_owned()]);
    let pids = server.pids();
    story.command("miosa serve --data-dir DIR --pool-size 1GB");
    story.output(&format!("ready {}", server.url()));
    story.seen(time, &format!("controller is pid {}, agent is pid {}", pids.controller.pid, pids.agent.pid));
    let cli = |server: &Server| Cli { miosa: miosa.clone(), url: server.url(), key: server.key().to_owned() };

    story.chapter("Create a volume of 50 GB, as the API's page writes it");
    let body = r#"{"name": "model-weights", "size_bytes": 53687091200, "backend": "local"}"#;
    story.command(&format!("curl -X POST $BASE/api/v1/volumes -H \"Authorization: Bearer …\" -d '{body}'"));
    let body = serde_json::from_str(body).expect("the page's body is JSON");
    let (answer, time) = timed(|| server.http("POST", "/api/v1/volumes", Some(body)));
    let volume = answer.ok();
    let volume_id = text(&volume, "id");
    story.output(&format!(r#"{{"id": "{volume_id}", …, "status": {}, …}}"#, volume["status"]));
    assert_eq!(volume["status"], "available", "the new volume is {volume}");
    let image = server.data_dir().join("pool/volumes").join(&volume_id).join("disk.img");
    let (size, occupied) = sizes(&image)?;
    assert_eq!(size, 53_687_091_200, "bytes of the image");
    story.seen(time, &format!("durable and available; its image takes {} of the pool", mib(occupied)));

    story.chapter(
        "Start a computer whose first process commits orders to a database, once it has a place for it",
    );
    let create = [
        "computers",
        "create",
        "--name",
        "shop",
        "--template",
        "sqlite",
        "--command",
        "exec /bin/writer",
        "--wait",
    ];
    let time = story.run(&cli(&server), &create);
    let computer = only(&server, "/api/v1/computers");
    let computer_id = text(&computer, "id");
    wait_for_line(&server, &computer_id, "run 1: no volume");
    let first_process = server.first_process(&computer_id);
    story.seen(time, "running; it says: no volume");

    story.chapter("Attach the volume while the computer runs");
    let attach = ["volumes", "attach", "model-weights", "--machine", "shop", "--mount", "/mnt/data"];
    let time = story.run(&cli(&server), &attach);
    let mount = server.sh(&computer_id, "grep ' /mnt/data ' /proc/mounts");
    assert!(mount.contains(" ext4 "), "inside the computer: {mount}");
    let same = server.first_process(&computer_id).pid;
    assert_eq!(same, first_process.pid, "the computer was restarted");
    story.seen(time, "an ext4 at /mnt/data; the computer's first process is the same as before");

    story
        .chapter(&format!("Write: SQLite commits {COMMITS_BEFORE} orders, each one acknowledged on its own"));
    let (_, time) = timed(|| wait_for_commits(&server, &computer_id, COMMITS_BEFORE));
    story.seen(time, &format!("{} acknowledged, and it goes on", acknowledged(&server, &computer_id)));

    let saved = snapshot_and_fork(&mut story, &server, &cli(&server), &computer_id);

    story.chapter("kill -9: controller and agent. The workload must not notice");
    let (_, time) = timed(|| {
        server.kill_both();
        server.wait_recovered();
    });
    let after = acknowledged(&server, &computer_id);
    wait_for_commits(&server, &computer_id, after + 1);
    assert_eq!(server.first_process(&computer_id).pid, first_process.pid, "the workload was restarted");
    story.seen(time, "both are back; the same first process commits on");

    story.chapter(
        "kill -9: everything, in the middle of writing. Mounts and loop devices go too, as in a reboot",
    );
    let (_, time) = timed(|| server.simulate_reboot());
    story.seen(time, "no process, mount, loop device or container of ours is left in the kernel");

    story.chapter("Come back: serve again, and nothing else");
    let (line, time) = timed(|| {
        server.start_again();
        wait_for_line(&server, &computer_id, "run 2: ")
    });
    story.command("miosa serve --data-dir DIR");
    story.output(&line);
    let (rows, witnessed) = rows_and_acknowledged(&line);
    // One commit may have been finished, and its acknowledgement cut off.
    assert!(rows == witnessed || rows == witnessed + 1, "rows and acknowledged commits differ: {line}");
    story.seen(
        time,
        &format!("the volume was there before the first process, with all {witnessed} acknowledged orders"),
    );

    story.chapter("Verify the database");
    let check = sqlite("pragma integrity_check");
    let time = story.run(&cli(&server), &["computers", "exec", "shop", "--", &check]);
    assert_eq!(server.sh(&computer_id, &check), "ok", "integrity_check");
    story.seen(time, "SQLite finds nothing wrong");

    lose_and_restore(&mut story, &server, &cli(&server), &computer_id, saved);

    story.chapter("Detach while the computer runs");
    server.sh(&computer_id, "touch /pause; until test -e /paused; do sleep 0.05; done");
    let kept = count_rows(&server, &computer_id);
    let attachment = text(&only(&server, &format!("/api/v1/computers/{computer_id}/volumes")), "id");
    let time = story.run(&cli(&server), &["volumes", "detach", &attachment]);
    assert_eq!(server.sh(&computer_id, "ls /mnt/data"), "", "files are left at /mnt/data");
    assert_eq!(server.volume(&volume_id)["state"], "available");
    story.seen(time, &format!("its files are gone from the computer; {kept} orders are in the volume"));

    story.chapter("Destroy the volume");
    let time = story.run(&cli(&server), &["volumes", "destroy", "model-weights", "--force"]);
    server.http("GET", &format!("/api/v1/volumes/{volume_id}"), None).refused(404, "NOT_FOUND");
    story.seen(time, "404 from now on, and in the trash");

    story.chapter("Undelete it, and look inside");
    let time = story.run(&cli(&server), &["volumes", "undelete", &volume_id]);
    let attachment = server.attach(&computer_id, &volume_id, "/mnt/data");
    assert_eq!(count_rows(&server, &computer_id), kept, "orders after undelete");
    story.seen(time, &format!("all {kept} orders are there"));

    server.detach(&computer_id, &attachment).ok();
    serve_versions(&mut story, &server, &cli(&server), kept);

    story.chapter("Delete the service, which leaves the volume, and destroy that; remove all the rest, stop");
    let (_, time) = timed(|| {
        for service in server.list_all("/api/v1/services") {
            server.delete_service(&text(&service, "id"));
        }
        server.wait_volume(&volume_id, "available");
        server.delete_volume(&volume_id).ok();
        for snapshot in server.list_all("/api/v1/volume-snapshots") {
            let path = format!("/api/v1/volume-snapshots/{}", text(&snapshot, "id"));
            server.http("DELETE", &path, None).ok();
        }
        server.finish();
    });
    story.seen(time, "nothing is left on this machine");
    println!("\nAll as told, in {:.0} s.", begun.elapsed().as_secs_f64());
    Ok(())
}

/// Answers how many orders were acknowledged before the snapshot: all of them must be in it.
fn snapshot_and_fork(story: &mut Story, server: &Server, cli: &Cli, computer: &str) -> u64 {
    story.chapter("Take a snapshot while it commits. Nothing is stopped; writers wait for the clone alone");
    let before = acknowledged(server, computer);
    let time = story.run(cli, &["snapshots", "create", "model-weights", "--name", "first-orders"]);
    let snapshot = only(server, "/api/v1/volume-snapshots");
    assert_eq!(snapshot["state"], "ready", "{snapshot}");
    let stall_ms = snapshot["stall_ms"].as_f64().unwrap_or_else(|| panic!("no stall_ms in {snapshot}"));
    story.seen(time, &format!("ready; the database's writes waited {stall_ms:.1} ms"));

    story.chapter("Look inside it");
    let time = story.run(cli, &["snapshots", "ls", "first-orders:/"]);
    story.seen(time, "read over a mount that no workload sees");

    story.chapter("Fork the running volume into a second computer, and check the database there");
    let time = story.run(cli, &["volumes", "fork", "model-weights", "preview", "--ttl", "3d"]);
    let fork = server.list_all("/api/v1/volumes").into_iter().find(|volume| volume["name"] == "preview");
    let fork = text(&fork.unwrap_or_else(|| panic!("no fork")), "id");
    let body = serde_json::json!({"name": "preview", "template_type": "sqlite", "command": ["sleep", "600"]});
    let second = server.run_computer(body);
    let attachment = server.attach(&second, &fork, "/mnt/data");
    assert_eq!(server.sh(&second, &sqlite("pragma integrity_check")), "ok", "the fork's database");
    let rows = count_rows(server, &second);
    assert!(rows >= before, "the fork has {rows} orders, and {before} were acknowledged before it");
    server.detach(&second, &attachment).ok();
    server.delete_computer(&second);
    server.delete_volume(&fork).ok();
    story.seen(time, &format!("a whole database with {rows} orders; the first one goes on"));
    before
}

/// The volume's present is lost, its past is not.
fn lose_and_restore(story: &mut Story, server: &Server, cli: &Cli, computer: &str, saved: u64) {
    story.chapter("Lose the database, and bring the snapshot back under the computer");
    server.sh(
        computer,
        "touch /pause; until test -e /paused; do sleep 0.05; done; rm /mnt/data/orders.db; rm /pause",
    );
    let time = story.run(cli, &["snapshots", "restore", "first-orders", "--in-place", "--force", "--yes"]);
    let line = wait_for_line(server, computer, "run 3: ");
    story.output(&line);
    let (rows, _) = rows_and_acknowledged(&line);
    assert!(rows >= saved, "{rows} orders are back, and {saved} were acknowledged before the snapshot");
    assert_eq!(server.sh(computer, &sqlite("pragma integrity_check")), "ok", "integrity_check");
    let kept = server.list_all("/api/v1/volume-snapshots").len();
    assert_eq!(kept, 2, "the snapshot and the one of the moment before it was restored");
    story.seen(time, &format!("{rows} orders are back; what was there before is in a safety snapshot"));
}

/// A service takes the volume over; its second version takes it over from the first, and the third is no good.
fn serve_versions(story: &mut Story, server: &Server, cli: &Cli, orders: u64) {
    story.chapter("Give the volume to a service, whose replica says what it finds there");
    let create = [
        "services",
        "create",
        "till",
        "--template",
        "sqlite",
        "--command",
        "exec /bin/teller",
        "--volume",
        "model-weights:/mnt/data",
    ];
    let time = story.run(cli, &create);
    let service = text(&only(server, "/api/v1/services"), "id");
    let says = |release: u64| {
        let line = format!("release {release} finds {orders} orders");
        wait_for_line(server, &server.replica(&service, 0), &line)
    };
    story.seen(time, &says(1));

    story.chapter("Deploy a second version. The first one hands the volume over: it never has two writers");
    let deploy = ["services", "deploy", "till", "--env", "VERSION=2"];
    let time = story.run(cli, &deploy);
    story.seen(time, &says(2));

    story.chapter("Deploy a version that is no good, and wait. Nobody has to do anything");
    let time = story.run_refused(cli, &["services", "deploy", "till", "--command", "exit 1"]);
    let state = server.service(&service);
    assert_eq!((&state["state"], &state["active_release_number"]), (&"running".into(), &2.into()), "{state}");
    let line = says(2);
    let check = server.replica_sh(&service, 0, &sqlite("pragma integrity_check"));
    assert_eq!(check, "ok", "integrity_check");
    story.seen(time, &format!("rolled back by itself; {line}, and SQLite nothing wrong"));
}

/// What the reader sees.
#[derive(Default)]
struct Story {
    chapters: u32,
}

impl Story {
    fn chapter(&mut self, title: &str) {
        self.chapters += 1;
        println!("\n{:>2}. {title}", self.chapters);
    }

    fn command(&self, line: &str) {
        println!("    $ {line}");
    }

    fn output(&self, text: &str) {
        for line in text.trim_end().lines() {
            println!("      {line}");
        }
    }

    fn seen(&self, time: Duration, what: &str) {
        let ms = time.as_secs_f64() * 1000.0;
        let time = if ms < 1000.0 { format!("{ms:.0} ms") } else { format!("{:.1} s", ms / 1000.0) };
        println!("    {time:>6}  {what}");
    }

    /// Shows a command of the CLI and what it says; answers how long it took, the start of the program included.
    fn run(&self, cli: &Cli, arguments: &[&str]) -> Duration {
        self.run_that(cli, arguments, true)
    }

    /// The same of one that ends with an error.
    fn run_refused(&self, cli: &Cli, arguments: &[&str]) -> Duration {
        self.run_that(cli, arguments, false)
    }

    fn run_that(&self, cli: &Cli, arguments: &[&str], succeeds: bool) -> Duration {
        let typed: Vec<String> = arguments
            .iter()
            .map(|a| if a.contains(' ') { format!("\"{a}\"") } else { (*a).to_owned() })
            .collect();
        self.command(&format!("miosa {}", typed.join(" ")));
        let (output, time) = timed(|| cli.run(arguments, succeeds));
        self.output(&output);
        time
    }
}

/// The command line program, as a person has it set up.
struct Cli {
    miosa: PathBuf,
    url: String,
    key: String,
}

impl Cli {
    fn run(&self, arguments: &[&str], succeeds: bool) -> String {
        let mut command = Command::new(&self.miosa);
        command.args(arguments).env("MIOSA_ENDPOINT", &self.url).env("MIOSA_API_KEY", &self.key);
        // Whatever the person at this terminal has configured for other servers stays out of it.
        command.env("HOME", "/nonexistent");
        let output = command.output().unwrap_or_else(|error| panic!("miosa does not start: {error}"));
        // Results are on the one, hints on the other; a terminal shows both.
        let said = [output.stdout, output.stderr].map(|stream| String::from_utf8_lossy(&stream).into_owned());
        let said = said.concat();
        assert!(
            output.status.success() == succeeds,
            "miosa {} ended with {}: {said}",
            arguments.join(" "),
            output.status
        );
        said
    }
}

fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    (act(), begun.elapsed())
}

fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("no {field} in {object}")).to_owned()
}

fn only(server: &Server, path: &str) -> Value {
    let mut all = server.list_all(path);
    assert_eq!(all.len(), 1, "{path}: {all:?}");
    all.remove(0)
}

fn wait_for_line(server: &Server, computer: &str, beginning: &str) -> String {
    server.wait_computer(computer, "running");
    wait_until(&format!("the computer to say {beginning:?}"), || {
        server.logs(computer).into_iter().find(|line| line.starts_with(beginning))
    })
}

/// The number of commits that SQLite has acknowledged to the writer.
fn acknowledged(server: &Server, computer: &str) -> u64 {
    server.sh(computer, "tail -n 1 /acknowledged 2>/dev/null || true").parse().unwrap_or(0)
}

fn wait_for_commits(server: &Server, computer: &str, commits: u64) {
    wait_until(&format!("{commits} commits"), || (acknowledged(server, computer) >= commits).then_some(()));
}

/// A command line for the demo's database that waits while the writer is in a commit.
fn sqlite(statement: &str) -> String {
    format!("sqlite3 -cmd '.timeout 5000' /mnt/data/orders.db '{statement}'")
}

fn count_rows(server: &Server, computer: &str) -> u64 {
    let rows = server.sh(computer, &sqlite("select count(*) from orders"));
    rows.parse().unwrap_or_else(|_| panic!("not a number of rows: {rows:?}"))
}

/// Reads the writer's line: `run 2: volume there first; rows 12, acknowledged 12`.
fn rows_and_acknowledged(line: &str) -> (u64, u64) {
    let numbers = line.split_once("volume there first; rows ").and_then(|(_, rest)| {
        let (rows, acknowledged) = rest.split_once(", acknowledged ")?;
        Some((rows.parse().ok()?, acknowledged.trim().parse().ok()?))
    });
    numbers.unwrap_or_else(|| panic!("the volume was not there before the first process: {line:?}"))
}

/// Bytes of the file, and bytes that it occupies.
fn sizes(file: &Path) -> Result<(u64, u64), Failure> {
    let metadata = std::fs::metadata(file).map_err(Failure::file("cannot stat", file))?;
    Ok((metadata.len(), metadata.blocks() * 512))
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
