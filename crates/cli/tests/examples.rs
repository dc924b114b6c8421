//! Aim: the examples do what their READMEs say.
//!
//! Method: each is deployed with `miosa up` from its own `miosa.toml` on a real server, and used as its README uses it. What
//! differs from the file is said here: a port that is free, and fewer bytes.

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
