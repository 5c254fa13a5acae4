//! A real PostgreSQL server for tests: started from what the machine has, in a temporary folder,
//! reached by a socket in it, and gone with its last user, also if that is killed.
//!
//! A crate of its own, so that the store's tests need not build the chain's testkit.

mod program;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::program::Programs;

/// Set to `1` where a missing server must fail the tests: in continuous integration.
const REQUIRE: &str = "AIRDROPS_REQUIRE_POSTGRES";

/// A file that collects the skips, so that a runner that hides the output of tests can show them.
const LOG: &str = "AIRDROPS_SKIP_LOG";

/// How long a server may take to start.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A running server. Clones are the same one; it ends with the last of them.
#[derive(Debug, Clone)]
pub struct Postgres {
    server: Arc<Server>,
}

#[derive(Debug)]
struct Server {
    /// Kills the server when its standard input is closed.
    watcher: Child,
    socket: PathBuf,
    databases: AtomicU64,
    folder: TempDir,
}

impl Postgres {
    /// The server of this process, started if nobody uses it yet. It is told not to wait for the
    /// disk: for claims about crashes of the program, not of the machine. `None` where there is no
    /// server to be started: then the test says so, loudly.
    ///
    /// # Panics
    /// If the server does not start; or if there is none, and the environment says
    /// `AIRDROPS_REQUIRE_POSTGRES=1`: a skipped test is not a passed one.
    #[must_use]
    pub fn start() -> Option<Self> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Some(Self { server });
        }
        let Some(programs) = Programs::find() else {
            skip("there is no PostgreSQL server here: install Debian's package postgresql");
            return None;
        };
        let server = match Server::start(&programs, &["-F"]) {
            Ok(server) => Arc::new(server),
            Err(why) => panic!("PostgreSQL does not start: {why}"),
        };
        *shared = Arc::downgrade(&server);
        Some(Self { server })
    }

    /// A new, empty database of its own, as a connection string.
    ///
    /// # Panics
    /// If the server does not make it.
    #[must_use]
    pub fn database(&self) -> String {
        let name = format!("t{}", self.server.databases.fetch_add(1, Ordering::Relaxed));
        let made = query(
            &self.server.url("postgres"),
            &format!("CREATE DATABASE {name}"),
        );
        if let Err(why) = made {
            panic!("no database: {why}");
        }
        self.server.url(&name)
    }

    /// Stops the whole server for a while, as a machine that is suspended does.
    ///
    /// # Errors
    /// Why the server has no such process.
    pub fn process(&self) -> std::io::Result<u32> {
        let text = std::fs::read_to_string(self.server.folder.path().join("data/postmaster.pid"))?;
        let first = text.lines().next().unwrap_or_default();
        first.parse().map_err(std::io::Error::other)
    }
}

/// Runs statements on a connection of its own, and returns the rows of the last answer, each
/// column as text.
///
/// # Errors
/// What the server said.
pub fn query(url: &str, sql: &str) -> Result<Vec<Vec<Option<String>>>, String> {
    let (url, sql) = (url.to_owned(), sql.to_owned());
    // The caller may be inside a runtime, in which nothing may block on another one.
    let asked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, NoTls)
                .await
                .map_err(|error| said(&error))?;
            let driver = tokio::spawn(connection);
            let answer = client
                .simple_query(&sql)
                .await
                .map_err(|error| said(&error));
            drop(client);
            let _ = driver.await;
            let mut rows = Vec::new();
            for message in answer? {
                if let SimpleQueryMessage::Row(row) = message {
                    rows.push(
                        (0..row.len())
                            .map(|at| row.get(at).map(str::to_owned))
                            .collect(),
                    );
                }
            }
            Ok(rows)
        })
    });
    asked
        .join()
        .unwrap_or_else(|_| Err("the query panicked".to_owned()))
}

fn said(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => said.message().to_owned(),
        None => error.to_string(),
    }
}

impl Server {
    fn start(programs: &Programs, options: &[&str]) -> Result<Self, String> {
        let folder = programs.folder().map_err(|error| error.to_string())?;
        let data = folder.path().join("data");
        let socket = folder.path().to_owned();
        programs.cluster(&data)?;
        let mut server = programs.command("postgres");
        server.arg("-D").arg(&data).args(options).args([
            "-c",
            "listen_addresses=",
            "-c",
            "shared_buffers=16MB",
            "-c",
            "autovacuum=off",
            "-c",
            "max_connections=60",
            "-c",
        ]);
        server.arg(format!("unix_socket_directories={}", socket.display()));
        let log = std::fs::File::create(folder.path().join("log"));
        let log = log.map_err(|error| error.to_string())?;
        let mut watcher = watched(&server);
        watcher.stdin(Stdio::piped()).stdout(Stdio::null());
        watcher.stderr(log);
        let watcher = watcher.spawn().map_err(|error| error.to_string())?;
        let server = Self {
            watcher,
            socket,
            databases: AtomicU64::new(0),
            folder,
        };
        let until = Instant::now() + STARTS_WITHIN;
        while let Err(why) = query(&server.url("postgres"), "SELECT 1") {
            if Instant::now() > until {
                let log = std::fs::read_to_string(server.folder.path().join("log"));
                return Err(format!("{why}\n{}", log.unwrap_or_default()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    fn url(&self, database: &str) -> String {
        let socket = self.socket.to_string_lossy().replace('/', "%2F");
        format!("postgres://{}@{socket}/{database}", program::SUPERUSER)
    }
}

/// The command under a shell that ends it as soon as its own standard input is closed, be it that
/// this process dropped the server or that it was killed.
fn watched(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args([
        "-c",
        r#""$@" </dev/null & pid=$!; cat >/dev/null; kill -QUIT $pid 2>/dev/null; wait $pid"#,
        "watcher",
    ]);
    shell.arg(command.get_program()).args(command.get_args());
    shell
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        // It ends once the server has.
        let _ = self.watcher.wait();
    }
}

/// Says on standard error that the current test did not run, and why, past the test harness's
/// capture.
fn skip(reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("unnamed test");
    assert!(
        std::env::var_os(REQUIRE).is_none_or(|value| value != "1"),
        "{test} must run here ({REQUIRE}=1), but cannot: {reason}"
    );
    // Nothing can be done about a closed standard error.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {test}: {reason}");
    if let Some(log) = std::env::var_os(LOG) {
        note(Path::new(&log), &format!("SKIPPED: {test}: {reason}"));
    }
}

fn note(log: &Path, line: &str) {
    let file = std::fs::File::options().append(true).create(true).open(log);
    if let Err(error) = file.and_then(|mut file| writeln!(file, "{line}")) {
        panic!("{line}, and that could not be noted: {error}");
    }
}
