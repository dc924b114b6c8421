//! A fresh PostgreSQL database for a test, on a cluster that the test processes of one run share.
//!
//! ```text
//!   test process ── shared flock on CLUSTER/users ──┐
//!   test process ── shared flock on CLUSTER/users ──┤
//!                                                    ├── keeper (sh): exclusive flock obtained ──► stop the server, remove CLUSTER
//! ```
//!
//! `initdb` takes two seconds, so the first test process creates a cluster and later ones join it. The kernel counts the users:
//! a process that exits, panics or is killed loses its flock, and once nobody holds one the keeper stops the server. If the
//! keeper itself was killed, the next process that looks for a cluster finds no keeper behind it and removes what is left.
//!
//! The server runs as `postgres`, or as `nobody` if there is no such user, because it refuses to run as root. It listens on a
//! unix socket in a directory that only that user and root can enter.

use std::fs::{self, File, OpenOptions};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{FlockOperation, flock};

const PREFIX: &str = "miosa-postgres-";

/// Much longer than a start takes on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Stops the server when no test process has used the cluster for two seconds. `$1` the cluster, `$2...` the server's command.
const KEEPER: &str = r#"
cluster=$1; shift
"$@" >"$cluster/log" 2>&1 </dev/null & server=$!
exec 9<"$cluster/users"
while :; do
    flock --exclusive 9; flock --unlock 9; sleep 2
    if flock --exclusive --nonblock 9; then break; fi
done
kill -INT $server; wait $server
rm -rf "$cluster"
"#;

/// An empty database. Dropping it drops the database.
#[derive(Debug)]
pub struct Database {
    cluster: Cluster,
    name: String,
}

impl Database {
    /// Panics, as a fixture does, if there is no PostgreSQL on this machine or it does not start.
    pub fn create() -> Self {
        let cluster = Cluster::join();
        let name = format!("test_{}", unique());
        cluster.psql(&format!("CREATE DATABASE {name}"));
        Self { cluster, name }
    }

    /// A `postgres:` URL.
    pub fn url(&self) -> String {
        let directory = self.cluster.directory.to_str().expect("a path of ours is UTF-8").replace('/', "%2F");
        format!("postgres://miosa@localhost/{}?host={directory}", self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A test that panicked may have left connections open.
        self.cluster.psql(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

#[derive(Debug)]
struct Cluster {
    directory: PathBuf,
    /// Holds a shared flock: the cluster stays until it is closed.
    _users: File,
}

impl Cluster {
    fn join() -> Self {
        let temporary = std::env::temp_dir();
        // One process at a time decides whether there is a cluster.
        let deciding = open_lock(&temporary.join("miosa-postgres.lock"));
        flock(&deciding, FlockOperation::LockExclusive).expect("lock the search for a cluster");
        for entry in fs::read_dir(&temporary).expect("list the temporary directory") {
            let directory = entry.expect("list the temporary directory").path();
            if !directory.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX)) {
                continue;
            }
            // One that is being stopped is locked exclusively.
            let Ok(users) = OpenOptions::new().read(true).open(directory.join("users")) else { continue };
            if flock(&users, FlockOperation::NonBlockingLockShared).is_err() {
                continue;
            }
            let cluster = Self { directory, _users: users };
            if cluster.is_kept() && cluster.responds() {
                return cluster;
            }
            cluster.remove_abandoned();
        }
        Self::start(&temporary)
    }

    fn start(temporary: &Path) -> Self {
        let directory = temporary.join(format!("{PREFIX}{}", unique()));
        fs::create_dir(&directory).expect("create the cluster's directory");
        let users = open_lock(&directory.join("users"));
        flock(&users, FlockOperation::LockShared).expect("lock a new cluster");
        let cluster = Self { directory, _users: users };
        let data = cluster.directory.join("data");
        let user = unprivileged_user();
        if let Some(user) = user {
            run(Command::new("chown").arg(format!("{user}:")).arg(&cluster.directory));
        }
        run(Command::new("chmod").arg("0700").arg(&cluster.directory));
        let mut initdb = as_user(user, &program("initdb"));
        initdb.arg("--pgdata").arg(&data).args([
            "--auth=trust",
            "--username=miosa",
            "--locale=C",
            "--encoding=UTF8",
        ]);
        run(initdb.arg("--no-sync"));

        let server = as_user(user, &program("postgres"));
        let mut keeper = Command::new("setsid");
        keeper.args(["--fork", "sh", "-c", KEEPER, "keeper"]).arg(&cluster.directory);
        keeper
            .arg(server.get_program())
            .args(server.get_args())
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&cluster.directory);
        for setting in ["listen_addresses=", "shared_buffers=32MB", "fsync=on", "synchronous_commit=on"] {
            keeper.args(["-c", setting]);
        }
        keeper.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(keeper.status().is_ok_and(|status| status.success()), "start the cluster's keeper");

        let begun = Instant::now();
        while !(cluster.responds() && cluster.accepts()) {
            let log = || fs::read_to_string(cluster.directory.join("log")).unwrap_or_default();
            assert!(begun.elapsed() < START_TIMEOUT, "PostgreSQL did not start: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        cluster
    }

    fn responds(&self) -> bool {
        UnixStream::connect(self.directory.join(".s.PGSQL.5432")).is_ok()
    }

    /// The process that stops the server at the end is the server's parent.
    fn is_kept(&self) -> bool {
        let Some(server) = self.server() else { return false };
        let status = fs::read_to_string(format!("/proc/{server}/status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).map_or("", str::trim);
        fs::read(format!("/proc/{parent}/cmdline")).is_ok_and(|command| {
            String::from_utf8_lossy(&command).contains(&*self.directory.to_string_lossy())
        })
    }

    /// The process id of the server, if it runs.
    fn server(&self) -> Option<u32> {
        let file = fs::read_to_string(self.directory.join("data/postmaster.pid")).ok()?;
        let pid = file.lines().next()?.trim().parse().ok()?;
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        String::from_utf8_lossy(&command).contains(&*self.directory.to_string_lossy()).then_some(pid)
    }

    /// Its keeper was killed, and no test uses it.
    fn remove_abandoned(&self) {
        if let Some(server) = self.server() {
            let _ = Command::new("kill").args(["-QUIT", &server.to_string()]).status();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }

    fn psql(&self, statement: &str) {
        let mut psql = Command::new(program("psql"));
        psql.args([
            "--no-psqlrc",
            "--quiet",
            "--username=miosa",
            "--dbname=postgres",
            "--command",
            statement,
        ]);
        run(psql.arg("--host").arg(&self.directory));
    }

    fn accepts(&self) -> bool {
        let mut isready = Command::new(program("pg_isready"));
        isready
            .arg("--quiet")
            .arg("--host")
            .arg(&self.directory)
            .status()
            .is_ok_and(|status| status.success())
    }
}

/// Of the newest PostgreSQL here. Debian keeps the server's programs out of the PATH.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| {
            let number = version.file_name().to_str()?.parse().ok()?;
            Some((number, version.path().join("bin").join(name)))
        })
        .filter(|(_, path)| path.exists())
        .collect();
    found.sort();
    found.pop().map_or_else(|| name.into(), |(_, path)| path)
}

/// `None`: this process is not root, and the server runs as its user.
fn unprivileged_user() -> Option<&'static str> {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let has_postgres = users.lines().any(|line| line.starts_with("postgres:"));
    rustix::process::geteuid().is_root().then_some(if has_postgres { "postgres" } else { "nobody" })
}

/// In a directory that every user can enter, because `initdb` and the server change to none of their own.
fn as_user(user: Option<&str>, program: &Path) -> Command {
    let Some(user) = user else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", user, "--regid", group_of(user), "--clear-groups", "--"])
        .arg(program)
        .current_dir("/");
    command
}

fn group_of(user: &str) -> &'static str {
    if user == "postgres" { "postgres" } else { "nogroup" }
}

fn open_lock(path: &Path) -> File {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .expect("open a lock file")
}

/// A suffix that no other test has.
fn unique() -> String {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{}_{}_{}", std::process::id(), since_epoch.as_nanos(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
