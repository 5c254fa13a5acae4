//! The connection to the server, on a thread of its own: the program calls the store from inside
//! an asynchronous runtime, in which nothing may block on another one.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_postgres::Row;

use super::address::Address;
use super::session::Session;
use crate::sql::Value;

/// One statement may take so long. After it the connection is given up.
pub(super) const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// Answers are handed over in such portions.
const PORTIONS_AHEAD: usize = 4;

/// Why the server did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection is gone.
    Cut(String),
    /// Another transaction was in the way.
    Again(String),
    /// The statement is wrong, or a rule of the database forbids it.
    Refused(String),
}

impl Fault {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Cut(text) | Self::Again(text) | Self::Refused(text) => text,
        }
    }
}

type Reply<T> = SyncSender<Result<T, Fault>>;

enum Job {
    Connect(Reply<()>),
    Batch(String, Reply<()>),
    Execute(String, Vec<Vec<Value<'static>>>, Reply<u64>),
    Query(String, Vec<Value<'static>>, Reply<Vec<Row>>),
}

/// Rings when another connection notified.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: Mutex<u64>,
    changed: Condvar,
}

impl Bell {
    fn rung(&self) -> MutexGuard<'_, u64> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ring(&self) {
        *self.rung() += 1;
        self.changed.notify_all();
    }

    /// Waits until it rang more often than `seen`, and says how often it did.
    pub(super) fn wait(&self, seen: u64, patience: Duration) -> u64 {
        let waited = self
            .changed
            .wait_timeout_while(self.rung(), patience, |rung| *rung == seen);
        match waited {
            Ok((rung, _)) => *rung,
            Err(poisoned) => *poisoned.into_inner().0,
        }
    }
}

/// The way to the thread that has the connection.
#[derive(Debug)]
pub(super) struct Link {
    jobs: Option<UnboundedSender<Job>>,
    thread: Option<JoinHandle<()>>,
    bell: Arc<Bell>,
}

impl Link {
    /// Starts the thread; nothing is connected yet. `idle` is how long the server lets a
    /// transaction wait for its next statement.
    pub(super) fn start(address: Address, idle: Duration) -> std::io::Result<Self> {
        let (jobs, todo) = unbounded_channel();
        let bell = Arc::new(Bell::default());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("postgres".to_owned())
            .spawn({
                let bell = Arc::clone(&bell);
                move || runtime.block_on(work(todo, address, idle, bell))
            })?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
            bell,
        })
    }

    pub(super) fn bell(&self) -> Arc<Bell> {
        Arc::clone(&self.bell)
    }

    /// Connects, unless there is a connection.
    pub(super) fn connect(&self) -> Result<(), Fault> {
        self.ask(Job::Connect)
    }

    /// Runs statements without parameters.
    pub(super) fn batch(&self, sql: &str) -> Result<(), Fault> {
        self.ask(|reply| Job::Batch(sql.to_owned(), reply))
    }

    /// Runs a statement for each list of parameters, in their order, and returns how many rows
    /// changed.
    pub(super) fn execute(&self, sql: &str, rows: Vec<Vec<Value<'static>>>) -> Result<u64, Fault> {
        self.ask(|reply| Job::Execute(sql.to_owned(), rows, reply))
    }

    /// Hands out the answer's rows in portions.
    pub(super) fn query(
        &self,
        sql: &str,
        params: Vec<Value<'static>>,
    ) -> Result<Receiver<Result<Vec<Row>, Fault>>, Fault> {
        let (reply, answer) = sync_channel(PORTIONS_AHEAD);
        self.send(Job::Query(sql.to_owned(), params, reply))?;
        Ok(answer)
    }

    fn send(&self, job: Job) -> Result<(), Fault> {
        let sent = self.jobs.as_ref().map(|jobs| jobs.send(job));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(gone()),
        }
    }

    fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, Fault> {
        let (reply, answer) = sync_channel(1);
        self.send(job(reply))?;
        next(&answer).unwrap_or_else(|| Err(gone()))
    }
}

/// The next portion of an answer; `None` at its end.
pub(super) fn next<T>(answer: &Receiver<Result<T, Fault>>) -> Option<Result<T, Fault>> {
    // The thread ends each wait itself; this is for a thread that cannot.
    match answer.recv_timeout(ANSWERS_WITHIN * 2) {
        Ok(portion) => Some(portion),
        Err(RecvTimeoutError::Disconnected) => None,
        Err(RecvTimeoutError::Timeout) => Some(Err(gone())),
    }
}

fn gone() -> Fault {
    Fault::Cut("the thread of the connection is gone".to_owned())
}

impl Drop for Link {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has closed its connection as well.
            let _ = thread.join();
        }
    }
}

async fn work(mut todo: UnboundedReceiver<Job>, address: Address, idle: Duration, bell: Arc<Bell>) {
    let mut session: Option<Session> = None;
    let mut texts: HashMap<String, String> = HashMap::new();
    while let Some(job) = todo.recv().await {
        // Who asked may have given up: nobody is there to be told.
        match job {
            Job::Connect(reply) => {
                let _ = reply.send(connect(&mut session, &address, idle, &bell).await);
            }
            Job::Batch(sql, reply) => {
                let _ = reply.send(match &session {
                    Some(open) => open.batch(&sql).await,
                    None => Err(closed()),
                });
            }
            Job::Execute(sql, rows, reply) => {
                let text = texts.entry(sql).or_insert_with_key(|sql| numbered(sql));
                let _ = reply.send(match &mut session {
                    Some(open) => open.execute(text, &rows).await,
                    None => Err(closed()),
                });
            }
            Job::Query(sql, params, reply) => {
                let text = texts.entry(sql).or_insert_with_key(|sql| numbered(sql));
                let answered = match &mut session {
                    Some(open) => open.query(text, &params, &reply).await,
                    None => Err(closed()),
                };
                if let Err(fault) = answered {
                    let _ = reply.send(Err(fault));
                }
            }
        }
    }
}

async fn connect(
    session: &mut Option<Session>,
    address: &Address,
    idle: Duration,
    bell: &Arc<Bell>,
) -> Result<(), Fault> {
    if session.as_ref().is_some_and(Session::is_open) {
        return Ok(());
    }
    let before = session.take().map(|old| old.backend());
    let new = Session::open(address, idle, Arc::clone(bell)).await?;
    if let Some(before) = before {
        // What it still has open holds locks until the server notices that nobody is there.
        new.end(before).await?;
        bell.ring();
    }
    *session = Some(new);
    Ok(())
}

fn closed() -> Fault {
    Fault::Cut("the connection is closed".to_owned())
}

/// The statement with `$1` for `?1`. The seam's statements hold no other question marks.
fn numbered(sql: &str) -> String {
    sql.replace('?', "$")
}

/// A moment before something is tried again.
pub(super) fn pause(until: Instant) -> bool {
    const MOMENT: Duration = Duration::from_millis(20);
    let left = until.saturating_duration_since(Instant::now());
    std::thread::sleep(left.min(MOMENT));
    !left.is_zero()
}
