//! Aim: the examples do what their READMEs say.
//!
//! Method: each is deployed with `miosa up` from its own `miosa.toml` on a real server, and used as its README uses it. What
//! differs from the file is said here: a port that is free, and fewer bytes.

#![allow(
    clippy::print_stdout,
    reason = "how long the model server's replicas take is shown, and decides nothing"
)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use miosa_testkit::server::{Server, ServerOptions};
use serde_json::{Value, json};
use tempfile::TempDir;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

/// The command line program, as somebody uses it in an example's folder.
struct Person<'a> {
    server: &'a Server,
    folder: TempDir,
}

impl<'a> Person<'a> {
    /// With the example's `miosa.toml`, in which each of `changes` is made.
    fn new(server: &'a Server, name: &str, changes: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::copy(example(name).join("miosa.toml"), folder.path().join("miosa.toml"))
            .expect("copy the file");
        let person = Self { server, folder };
        changes.iter().for_each(|(old, new)| person.edit(old, new));
        person
    }

    #[track_caller]
    fn edit(&self, old: &str, new: &str) {
        let path = self.folder.path().join("miosa.toml");
        let text = std::fs::read_to_string(&path).expect("read the file");
        assert!(text.contains(old), "{old:?} is not in the example's miosa.toml");
        std::fs::write(&path, text.replace(old, new)).expect("write the file");
    }

    #[track_caller]
    fn miosa(&self, arguments: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_miosa"))
            .args(arguments)
            .current_dir(&self.folder)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("MIOSA_ENDPOINT", self.server.url())
            .env("MIOSA_API_KEY", self.server.key())
            .output()
            .expect("miosa runs");
        let said = [output.stdout, output.stderr].map(|stream| String::from_utf8_lossy(&stream).into_owned());
        let said = said.concat();
        assert!(output.status.success(), "miosa {}: {said}", arguments.join(" "));
        said
    }
}

fn named(server: &Server, path: &str, name: &str) -> Value {
    let all = server.list_all(path);
    let found = all.iter().find(|object| object["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {all:?}")).clone()
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_else(|| panic!("no id in {object}")).to_owned()
}

/// Its listener is gone when it is answered, so somebody else could take it; nobody else here looks for one.
fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port().to_string()
}

/// Aim: notes that were acknowledged over HTTP are there in the second version, after the rollback, and not after the rollback
/// with the data of before; the database is whole each time; `miosa up` changes nothing that is as it should be.
#[test]
fn sqlite_app() {
    let scratch = tempfile::Builder::new().prefix("miosa-test-").tempdir_in("/var/tmp").expect("a folder");
    let template = scratch.path().join("notes");
    let made = Command::new(example("sqlite-app").join("make-template.sh")).arg(&template).output();
    let made = made.expect("the script runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let config = format!("[agent.templates]\nnotes = {:?}\n", template.display().to_string());
    let server = Server::start(ServerOptions {
        config: Some(config),
        ..ServerOptions::new(env!("CARGO_BIN_EXE_miosa"))
    });
    let port = free_port();
    let person = Person::new(&server, "sqlite-app", &[("8080", &port)]);
    let said = person.miosa(&["up", "-y"]);
    assert!(said.contains("Created service notes"), "{said}");
    let said = person.miosa(&["up"]);
    assert!(said.contains("Nothing to do"), "{said}");

    let service = id(&named(&server, "/api/v1/services", "notes"));
    let page = || curl(&port, &[]);
    let add = |note: &str| assert_eq!(curl(&port, &["--data-urlencode", &format!("body={note}")]), "303");
    let check = || {
        let check = "sqlite3 $NOTES 'pragma integrity_check; pragma journal_mode'";
        assert_eq!(server.replica_sh(&service, 0, check), "ok\nwal");
    };
    add("it's <b>here</b> & stays");
    assert!(page().contains("<li>it's &lt;b>here&lt;/b> &amp; stays\n"), "{}", page());
    check();

    let deploy = ["services", "deploy", "notes", "--command", "exec /app/v2/serve", "--snapshot-before"];
    person.miosa(&deploy);
    let second = &server.releases(&service)[0];
    assert_eq!((&second["number"], &second["state"]), (&json!(2), &json!("active")));
    assert!(second["handover_ms"].is_u64(), "the hand-over is not told: {second}");
    add("from the second");
    let both = page();
    assert!(both.contains("when they were written") && both.contains("<small>earlier</small>"), "{both}");
    assert!(both.contains("it's ") && both.contains("from the second <small>2"), "{both}");
    check();
    // What was deployed by hand is what the file says when that is written down.
    person.edit("/app/v1/serve", "/app/v2/serve");
    let said = person.miosa(&["up"]);
    assert!(said.contains("Nothing to do"), "{said}");

    person.miosa(&["services", "rollback", "notes"]);
    let back = page();
    assert!(!back.contains("when they were written") && back.contains("from the second"), "{back}");
    add("from the first, beside the column");
    check();

    person.miosa(&["services", "promote", "notes", "1", "--with-data", "-y"]);
    let before = page();
    assert!(before.contains("it's ") && !before.contains("from the "), "{before}");
    check();
    let columns = "sqlite3 $NOTES \"select group_concat(name) from pragma_table_info('notes')\"";
    assert_eq!(server.replica_sh(&service, 0, columns), "id,body", "the migration was not undone");
    add("and on");
    assert!(page().contains("and on"), "{}", page());
    server.finish();
}

/// The example has 1 GiB. Writing that much, and four checksums of it, take most of a minute on a small machine;
/// `WEIGHTS_MIB=1024` does it all the same.
fn weights_mib() -> u64 {
    std::env::var("WEIGHTS_MIB").map_or(256, |mib| mib.parse().expect("WEIGHTS_MIB is a number"))
}

/// Aim: of four replicas that start at once, one fetches, and all read the same bytes: over one mount of one device, and through
/// one page cache, which holds them once. After a stop the first one reads them from the disk, the others from memory. How
/// long that takes is printed and decides nothing.
#[test]
fn model_server() {
    let weights_mib = weights_mib();
    let server = Server::start(ServerOptions {
        pool_size: format!("{}MB", weights_mib + 512),
        ..ServerOptions::new(env!("CARGO_BIN_EXE_miosa"))
    });
    let person = Person::new(&server, "model-server", &[("1024 }", &format!("{weights_mib} }}"))]);
    person.miosa(&["up", "-y"]);
    let said = person.miosa(&["up"]);
    assert!(said.contains("Nothing to do"), "{said}");
    let service = id(&named(&server, "/api/v1/services", "models"));
    let volume = id(&named(&server, "/api/v1/volumes", "models"));
    let each = |command: &str| -> Vec<String> {
        (0..4).map(|index| server.replica_sh(&service, index, command)).collect()
    };
    let only_one = |what: &str, of: Vec<String>| {
        assert!(of.iter().all(|one| *one == of[0] && !one.is_empty()), "{what} differ: {of:?}");
        of[0].clone()
    };
    let print = |when: &str| {
        println!("{when}");
        let mut lines: Vec<String> =
            (0..4).flat_map(|index| server.logs(&server.replica(&service, index))).collect();
        lines.sort();
        assert_eq!(lines.len(), 4, "each reads once: {lines:?}");
        lines.iter().for_each(|line| println!("  {line}"));
    };

    print("all four at once, just after the fetch");
    only_one("checksums", each("md5sum < /var/models/weights"));
    only_one("devices", each("awk '$5 == \"/var/models\" { print $3 }' /proc/self/mountinfo"));
    assert_eq!(each("stat -c %s /var/models/weights")[3], (weights_mib << 20).to_string());
    assert_eq!(each("cat /var/models/fetched")[0], "release 1", "it was fetched more than once");
    let attached = server.volume(&volume)["attachments"].as_array().expect("a list").clone();
    assert_eq!(attached.len(), 4, "{attached:?}");
    assert_eq!(server.list_all("/api/v1/volumes").len(), 1, "no replica has a volume of its own");

    person.miosa(&["services", "stop", "models"]);
    server.wait_volume(&volume, "available");
    person.miosa(&["services", "scale", "models", "1"]);
    person.miosa(&["services", "start", "models"]);
    person.miosa(&["services", "scale", "models", "4"]);
    print("replica 0 alone, from the disk; then the others");
    assert_eq!(each("cat /var/models/fetched")[0], "release 1", "it was fetched again");
    // The kernel counts a cached page for whoever read it first.
    let cached_mib: Vec<u64> =
        (0..4).map(|index| cached_mib(&server, &server.replica(&service, index))).collect();
    println!("MiB of page cache that each has filled: {cached_mib:?}");
    assert!(
        cached_mib[1..].iter().all(|mib| *mib < weights_mib / 2),
        "the cache is not shared: {cached_mib:?}"
    );
    server.finish();
}

/// What the control group of the computer's first process is charged for.
fn cached_mib(server: &Server, computer: &str) -> u64 {
    let process = server.first_process(computer);
    let groups = std::fs::read_to_string(format!("/proc/{}/cgroup", process.pid)).expect("its groups");
    let stat = groups.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let root = match controllers {
            "" => "/sys/fs/cgroup",
            list if list.split(',').any(|name| name == "memory") => "/sys/fs/cgroup/memory",
            _ => return None,
        };
        std::fs::read_to_string(format!("{root}{path}/memory.stat")).ok()
    });
    let stat = stat.unwrap_or_else(|| panic!("no memory.stat of {groups}"));
    let bytes = stat.lines().find_map(|line| line.strip_prefix("file ").or(line.strip_prefix("cache ")));
    bytes.and_then(|bytes| bytes.parse::<u64>().ok()).expect("a number of bytes") >> 20
}

/// The page; of a form that is sent, the status.
#[track_caller]
fn curl(port: &str, form: &[&str]) -> String {
    let format: &[&str] =
        if form.is_empty() { &[] } else { &["--output", "/dev/null", "--write-out", "%{http_code}"] };
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail"]).args(format).args(form);
    let output = command.arg(format!("http://127.0.0.1:{port}/cgi-bin/notes")).output().expect("curl runs");
    assert!(output.status.success(), "{form:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
