//! `demo`: a volume's life on this machine, shown on a terminal step by step, with the time of each step.
//!
//! Each step is checked; the first failure ends the demo with an error. On success, failure and Ctrl-C alike, the demo removes its scratch
//! directory and everything in the kernel that belongs to it.
//!
//! It runs an unoptimized build, which is ready minutes sooner: most of the time shown goes to system calls and the disk. `bench` measures
//! a release build.

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
    // The configuration names the template, so it is made before the server's own directory exists.
    let scratch = tempfile::Builder::new()
        .prefix("miosa-demo-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in("/var/tmp")
        .map_err(Failure::file("cannot make a directory in", Path::new("/var/tmp")))?;
    let mut demo = Demo::serve(options, scratch.path())?;
    demo.create_volume()?;
    demo.start_computer();
    demo.attach();
    demo.write();
    let saved = demo.snapshot_and_fork();
    demo.kill_controller_and_agent();
    demo.reboot();
    demo.lose_and_restore(saved);
    let orders = demo.detach();
    demo.destroy_and_undelete(orders);
    demo.serve_releases(orders);
    demo.clean_up();
    println!("\nEvery step succeeded, in {:.0} s.", begun.elapsed().as_secs_f64());
    Ok(())
}

/// A running server and the objects of the story. Each method is a chapter or two, in the order of [`tell`].
struct Demo {
    story: Story,
    miosa: PathBuf,
    server: Server,
    volume: String,
    computer: String,
}

impl Demo {
    fn serve(options: ServerOptions, scratch: &Path) -> Result<Self, Failure> {
        let mut story = Story::default();
        let template = scratch.join("template");
        template::make(&template)?;
        let config = format!("[agent.templates]\nsqlite = {:?}\n", template.display().to_string());
        let miosa = options.miosa.clone();

        story.chapter("Serve: a controller without root, an agent with root, a pool of 1 GB");
        let (server, time) = timed(|| Server::start(ServerOptions { config: Some(config), ..options }));
        fixture::clean_up_on_interrupt(&server, vec![scratch.to_owned()]);
        let pids = server.pids();
        story.command("miosa serve --data-dir DIR --pool-size 1GB");
        story.output(&format!("ready {}", server.url()));
        let pids = format!("controller is pid {}, agent is pid {}", pids.controller.pid, pids.agent.pid);
        story.seen(time, &pids);
        Ok(Self { story, miosa, server, volume: String::new(), computer: String::new() })
    }

    /// Runs the command line program and shows it with its output. Returns the elapsed time.
    fn run(&self, arguments: &[&str]) -> Duration {
        self.story.run(&self.cli(), arguments)
    }

    /// The port changes with each start of the server.
    fn cli(&self) -> Cli {
        Cli { miosa: self.miosa.clone(), url: self.server.url(), key: self.server.key().to_owned() }
    }

    fn create_volume(&mut self) -> Result<(), Failure> {
        self.story.chapter("Create a volume of 50 GB with the request in the API guide");
        let body = r#"{"name": "model-weights", "size_bytes": 53687091200, "backend": "local"}"#;
        let curl = format!("curl -X POST $BASE/api/v1/volumes -H \"Authorization: Bearer …\" -d '{body}'");
        self.story.command(&curl);
        let body = serde_json::from_str(body).expect("the guide's body is JSON");
        let (answer, time) = timed(|| self.server.http("POST", "/api/v1/volumes", Some(body)));
        let volume = answer.ok();
        self.volume = text(&volume, "id");
        self.story.output(&format!(r#"{{"id": "{}", …, "status": {}, …}}"#, self.volume, volume["status"]));
        assert_eq!(volume["status"], "available", "the new volume is {volume}");
        let (size, occupied) = sizes(&self.server.volume_image(&self.volume))?;
        assert_eq!(size, 53_687_091_200, "bytes of the image");
        let used = mib(occupied);
        self.story.seen(time, &format!("durable and available; its image takes {used} of the pool"));
        Ok(())
    }

    fn start_computer(&mut self) {
        self.story.chapter("Start a computer that commits orders to a database as soon as it has a volume");
        let create = ["computers", "create", "--name", "shop", "--template", "sqlite"];
        let time = self.run(&[&create[..], &["--command", "exec /bin/writer", "--wait"]].concat());
        self.computer = text(&only(&self.server, "/api/v1/computers"), "id");
        wait_for_line(&self.server, &self.computer, "run 1: no volume");
        self.story.seen(time, "running; its log says: no volume");
    }

    fn attach(&mut self) {
        let first_process = self.server.first_process(&self.computer).pid;
        self.story.chapter("Attach the volume to the running computer");
        let attach = ["volumes", "attach", "model-weights", "--machine", "shop", "--mount", "/mnt/data"];
        let time = self.run(&attach);
        let mount = self.server.sh(&self.computer, "grep ' /mnt/data ' /proc/mounts");
        assert!(mount.contains(" ext4 "), "inside the computer: {mount}");
        let now = self.server.first_process(&self.computer).pid;
        assert_eq!(now, first_process, "the computer was restarted");
        self.story.seen(time, "ext4 at /mnt/data; the computer's first process was not restarted");
    }

    fn write(&mut self) {
        self.story.chapter(&format!("Write: SQLite commits {COMMITS_BEFORE} orders and acknowledges each"));
        let (_, time) = timed(|| wait_for_commits(&self.server, &self.computer, COMMITS_BEFORE));
        let commits = acknowledged(&self.server, &self.computer);
        self.story.seen(time, &format!("{commits} acknowledged, and it continues"));
    }

    /// Returns the number of orders acknowledged before the snapshot: all of them must be in it.
    fn snapshot_and_fork(&mut self) -> u64 {
        self.story.chapter("Take a snapshot during the commits. Writers wait only for the clone");
        let before = acknowledged(&self.server, &self.computer);
        let time = self.run(&["snapshots", "create", "model-weights", "--name", "first-orders"]);
        let snapshot = only(&self.server, "/api/v1/volume-snapshots");
        assert_eq!(snapshot["state"], "ready", "{snapshot}");
        let stall_ms = snapshot["stall_ms"].as_f64().unwrap_or_else(|| panic!("no stall_ms in {snapshot}"));
        self.story.seen(time, &format!("ready; the database's writes waited {stall_ms:.1} ms"));

        self.story.chapter("List its files");
        let time = self.run(&["snapshots", "ls", "first-orders:/"]);
        self.story.seen(time, "read through a mount that is invisible to workloads");

        self.story.chapter("Fork the volume in use, attach the fork elsewhere, and check its database");
        let time = self.run(&["volumes", "fork", "model-weights", "preview", "--ttl", "3d"]);
        let server = &self.server;
        let fork = server.list_all("/api/v1/volumes").into_iter().find(|volume| volume["name"] == "preview");
        let fork = text(&fork.unwrap_or_else(|| panic!("no fork")), "id");
        let body =
            serde_json::json!({"name": "preview", "template_type": "sqlite", "command": ["sleep", "600"]});
        let second = server.run_computer(body);
        let attachment = server.attach(&second, &fork, "/mnt/data");
        assert_eq!(server.sh(&second, &sqlite("pragma integrity_check")), "ok", "the fork's database");
        let rows = count_rows(server, &second);
        assert!(rows >= before, "the fork has {rows} orders, and {before} were acknowledged before it");
        server.detach(&second, &attachment).ok();
        server.delete_computer(&second);
        server.delete_volume(&fork).ok();
        self.story.seen(time, &format!("an intact database with {rows} orders; the original continues"));
        before
    }

    fn kill_controller_and_agent(&mut self) {
        let first_process = self.server.first_process(&self.computer).pid;
        self.story.chapter("kill -9: controller and agent. The workload must not notice");
        let (_, time) = timed(|| {
            self.server.kill_both();
            self.server.wait_recovered();
        });
        let after = acknowledged(&self.server, &self.computer);
        wait_for_commits(&self.server, &self.computer, after + 1);
        let now = self.server.first_process(&self.computer).pid;
        assert_eq!(now, first_process, "the workload was restarted");
        self.story.seen(time, "both have recovered; the same first process commits further orders");
    }

    fn reboot(&mut self) {
        self.story
            .chapter("kill -9: every process, during writes. Mounts and loop devices go, as in a reboot");
        let (_, time) = timed(|| self.server.simulate_reboot());
        self.story.seen(time, "no process, mount, loop device or container of ours is left in the kernel");

        self.story.chapter("Serve again, and nothing else");
        let (line, time) = timed(|| {
            self.server.start_again();
            wait_for_line(&self.server, &self.computer, "run 2: ")
        });
        self.story.command("miosa serve --data-dir DIR");
        self.story.output(&line);
        let (rows, witnessed) = rows_and_acknowledged(&line);
        // The last commit may have finished without its acknowledgement.
        let is_whole = rows == witnessed || rows == witnessed + 1;
        assert!(is_whole, "rows and acknowledged commits differ: {line}");
        let seen =
            format!("the volume was mounted before the first process ran; all {witnessed} orders are in it");
        self.story.seen(time, &seen);

        self.story.chapter("Verify the database");
        let check = sqlite("pragma integrity_check");
        let time = self.run(&["computers", "exec", "shop", "--", &check]);
        assert_eq!(self.server.sh(&self.computer, &check), "ok", "integrity_check");
        self.story.seen(time, "SQLite reports no error");
    }

    /// The current data is lost; the snapshot is not.
    fn lose_and_restore(&mut self, saved: u64) {
        self.story.chapter("Delete the database, then restore the snapshot under the running computer");
        self.pause_writer();
        self.server.sh(&self.computer, "rm /mnt/data/orders.db /pause");
        let time = self.run(&["snapshots", "restore", "first-orders", "--in-place", "--force", "--yes"]);
        let line = wait_for_line(&self.server, &self.computer, "run 3: ");
        self.story.output(&line);
        let (rows, _) = rows_and_acknowledged(&line);
        assert!(rows >= saved, "{rows} orders are back, and {saved} were acknowledged before the snapshot");
        let check = self.server.sh(&self.computer, &sqlite("pragma integrity_check"));
        assert_eq!(check, "ok", "integrity_check");
        let kept = self.server.list_all("/api/v1/volume-snapshots").len();
        assert_eq!(kept, 2, "the snapshot, and the safety snapshot of the data before the restore");
        self.story.seen(time, &format!("{rows} orders are back; a safety snapshot has the replaced data"));
    }

    /// Waits until the writer does not use the database.
    fn pause_writer(&self) {
        self.server.sh(&self.computer, "touch /pause; until test -e /paused; do sleep 0.05; done");
    }

    /// Returns the number of orders in the volume.
    fn detach(&mut self) -> u64 {
        self.story.chapter("Detach from the running computer");
        self.pause_writer();
        let orders = count_rows(&self.server, &self.computer);
        let attachments = format!("/api/v1/computers/{}/volumes", self.computer);
        let attachment = text(&only(&self.server, &attachments), "id");
        let time = self.run(&["volumes", "detach", &attachment]);
        assert_eq!(self.server.sh(&self.computer, "ls /mnt/data"), "", "files are left at /mnt/data");
        assert_eq!(self.server.volume(&self.volume)["state"], "available");
        self.story.seen(time, &format!("/mnt/data is empty in the computer; the volume has {orders} orders"));
        orders
    }

    fn destroy_and_undelete(&mut self, orders: u64) {
        self.story.chapter("Destroy the volume");
        let time = self.run(&["volumes", "destroy", "model-weights", "--force"]);
        let path = format!("/api/v1/volumes/{}", self.volume);
        self.server.http("GET", &path, None).refused(404, "NOT_FOUND");
        self.story.seen(time, "it is in the trash; the API responds 404 for it");

        self.story.chapter("Undelete it, and read the database");
        let time = self.run(&["volumes", "undelete", &self.volume]);
        let attachment = self.server.attach(&self.computer, &self.volume, "/mnt/data");
        assert_eq!(count_rows(&self.server, &self.computer), orders, "orders after undelete");
        self.story.seen(time, &format!("all {orders} orders are there"));
        self.server.detach(&self.computer, &attachment).ok();
    }

    /// The volume moves to a service, then from its first release to its second. The third release fails and is rolled back.
    fn serve_releases(&mut self, orders: u64) {
        self.story.chapter("Give the volume to a service. Its replica logs what it finds there");
        let create = ["services", "create", "till", "--template", "sqlite", "--command", "exec /bin/teller"];
        let time = self.run(&[&create[..], &["--volume", "model-weights:/mnt/data"]].concat());
        let service = text(&only(&self.server, "/api/v1/services"), "id");
        let logged = |demo: &Self, release: u64| {
            let line = format!("release {release} finds {orders} orders");
            wait_for_line(&demo.server, &demo.server.replica(&service, 0), &line)
        };
        self.story.seen(time, &logged(self, 1));

        self.story.chapter("Deploy a second release. The first hands the volume over: never two writers");
        let time = self.run(&["services", "deploy", "till", "--env", "VERSION=2"]);
        self.story.seen(time, &logged(self, 2));

        self.story.chapter("Deploy a release that exits at once. It is rolled back automatically");
        let deploy = ["services", "deploy", "till", "--command", "exit 1"];
        let time = self.story.run_refused(&self.cli(), &deploy);
        let state = self.server.service(&service);
        let (running, active) = (&state["state"], &state["active_release_number"]);
        assert_eq!((running, active), (&"running".into(), &2.into()), "{state}");
        let line = logged(self, 2);
        let check = self.server.replica_sh(&service, 0, &sqlite("pragma integrity_check"));
        assert_eq!(check, "ok", "integrity_check");
        self.story.seen(time, &format!("{line}; SQLite reports no error"));
    }

    fn clean_up(mut self) {
        self.story.chapter("Delete the service, which keeps its volume, then everything else, and stop");
        let server = self.server;
        let (_, time) = timed(|| {
            for service in server.list_all("/api/v1/services") {
                server.delete_service(&text(&service, "id"));
            }
            server.wait_volume(&self.volume, "available");
            server.finish();
        });
        self.story.seen(time, "nothing is left on this machine");
    }
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

    /// Runs a command of the CLI and shows it with its output. Returns the elapsed time, which includes the start of the program.
    fn run(&self, cli: &Cli, arguments: &[&str]) -> Duration {
        self.run_that(cli, arguments, true)
    }

    /// The same for a command that must fail.
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
        // The user's own configuration may name another server.
        command.env("HOME", "/nonexistent");
        let output = command.output().unwrap_or_else(|error| panic!("miosa does not start: {error}"));
        // Results go to stdout and hints to stderr; a terminal shows both.
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

/// Returns the number of commits that SQLite has acknowledged to the writer.
fn acknowledged(server: &Server, computer: &str) -> u64 {
    server.sh(computer, "tail -n 1 /acknowledged 2>/dev/null || true").parse().unwrap_or(0)
}

fn wait_for_commits(server: &Server, computer: &str, commits: u64) {
    wait_until(&format!("{commits} commits"), || (acknowledged(server, computer) >= commits).then_some(()));
}

/// A command line for the demo's database that waits for the writer's commit.
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
