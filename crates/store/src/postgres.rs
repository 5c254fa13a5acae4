//! The store on a PostgreSQL server, which several nodes share.
//!
//! One of them runs: the holder of the lease of lane `farm`. Leases go by the server's clock, so
//! that nodes with wrong clocks agree. Every writer first locks the one row of `meta`: writers
//! follow one another, and what a transaction read is true when it is committed. Each write of a
//! runner reads the lease in its own transaction; a node that was paused past its lease and finds
//! another epoch there stores nothing any more. A transaction that is left open, because its node
//! was paused within, is ended by the server after the length of a lease.
//!
//! A connection that breaks is made again, and what was under way is done again, since it was
//! never committed. Where the answer to `COMMIT` itself is lost, the transaction may be stored or
//! not: the server is asked by its number (`txid_status`, kept by PostgreSQL across crashes), and
//! only "aborted" is done again. If the server cannot be asked, the error is
//! [`StoreError::Unknown`], never one that says "not stored".
//!
//! There is no TLS yet: the server must be on this machine, or behind a tunnel.

mod address;
mod link;
mod schema;
mod session;
mod statements;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use airdrops_scheduler::lease::{Claim, Lane, NodeId};
use airdrops_types::Timestamp;

use self::address::Address;
use self::link::{Bell, Fault, Link, next, pause};
use self::statements::Statements;
use crate::backend::{Backend, Body};
use crate::checkpoint::Place;
use crate::durable::{Durable, now};
use crate::rules::leases;
use crate::rules::specs::Specs;
use crate::sql::{Sql, Value, params};
use crate::{Access, Options, StoreError};

/// How long a broken connection, or transactions in the way, are tried again.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the fate of a transaction is asked for.
const FATE_PATIENCE: Duration = Duration::from_secs(60);

/// A waiting runner looks this often itself, in case nobody tells it.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// A [`Store`](crate::Store) on a PostgreSQL server.
pub type Postgres = Durable<Server>;

/// A database on a server.
#[derive(Debug)]
pub struct Server {
    address: Address,
    open: Mutex<Open>,
    access: Access,
    options: Options,
    /// The runner's; nobody else has one.
    claim: Mutex<Option<Claim>>,
    bell: Arc<Bell>,
    heard: Mutex<Heard>,
}

#[derive(Debug)]
struct Open {
    link: Link,
    specs: Specs,
}

/// What was known when a runner last waited.
#[derive(Debug, Default)]
struct Heard {
    rung: u64,
    /// What others change: the revision of the control states and the number of messages.
    looked: Option<(i64, i64)>,
}

impl Postgres {
    /// Opens the database that the connection string `url` names, which must exist; its tables
    /// are made if there are none. The string is a secret, and shown nowhere.
    ///
    /// # Errors
    /// [`StoreError::Held`] if another node runs, [`StoreError::Missing`] if there is nothing to
    /// read, [`StoreError::Newer`] or [`StoreError::Older`] if its version does not fit,
    /// [`StoreError::Foreign`] if the tables are not ours, [`StoreError::Database`].
    pub fn open(url: &str, access: Access, options: Options) -> Result<Self, StoreError> {
        let address = Address::parse(url)?;
        let place = address.to_string();
        let link = Link::start(address.clone(), options.lease)
            .map_err(|error| StoreError::Database(error.to_string()))?;
        let until = Instant::now() + PATIENCE;
        if access != Access::ReadOnly {
            let made = again(until, || {
                schema::migrate(&link, &place, &options, schema::MIGRATIONS)
            });
            made.map_err(Failed::into_error)?;
        }
        let mut specs = Specs::default();
        let current = again(until, || {
            attempt(&link, &mut specs, READ, |sql| {
                schema::require_current(sql, &place, schema::MIGRATIONS)
            })
        });
        current.map_err(Failed::into_error)?;
        tracing::debug!(%place, %access, "database opened");
        let bell = link.bell();
        let backend = Server {
            address,
            open: Mutex::new(Open { link, specs }),
            access,
            options,
            claim: Mutex::new(None),
            bell,
            heard: Mutex::new(Heard::default()),
        };
        let store = Self { backend };
        if access == Access::Runner {
            store.begin()?;
        }
        Ok(store)
    }

    /// Claims the lane of the runner, with the patience of the options.
    fn begin(&self) -> Result<(), StoreError> {
        let options = &self.backend.options;
        let lane = Lane(leases::FARM.to_owned());
        let node = NodeId(options.node.clone());
        let until = Instant::now() + options.patience.min(LONGEST);
        loop {
            let claimed = self.write_unclaimed(None, |sql| {
                leases::claim(sql, &lane, &node, now(), options.lease, false)
            });
            match claimed {
                Ok(claim) => {
                    *self.backend.claim_slot() = Some(claim);
                    return Ok(());
                }
                Err(StoreError::Held { .. }) if pause(until) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Longer patience is the same as this.
const LONGEST: Duration = Duration::from_secs(86_400);

const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// Why a transaction was not committed.
#[derive(Debug)]
enum Failed {
    /// For its own reasons.
    Refused(StoreError),
    /// For reasons of the database, which may have passed.
    Again(Fault),
    /// The answer to its commit is lost.
    Unknown(Fault),
}

impl Failed {
    fn into_error(self) -> StoreError {
        match self {
            Self::Refused(error) => error,
            Self::Again(fault) => StoreError::Database(fault.text().to_owned()),
            Self::Unknown(fault) => StoreError::Unknown(fault.text().to_owned()),
        }
    }
}

/// Tries until it is done, or refused, or patience is over. What may be stored already is not
/// tried again.
fn again<T>(until: Instant, mut what: impl FnMut() -> Result<T, Failed>) -> Result<T, Failed> {
    loop {
        match what() {
            Err(Failed::Again(_)) if pause(until) => {}
            other => return other,
        }
    }
}

/// One transaction.
fn attempt(
    link: &Link,
    specs: &mut Specs,
    begin: &str,
    body: impl FnOnce(&mut Statements<'_>) -> Result<(), StoreError>,
) -> Result<(), Failed> {
    // What a transaction that panicked left behind.
    specs.undo();
    let begun = link.connect().and_then(|()| link.batch(begin));
    begun.map_err(Failed::Again)?;
    let mut statements = Statements::new(link, specs);
    let done = body(&mut statements);
    let fault = statements.fault.take();
    let ended = match (done, fault) {
        (Ok(()), None) => link.batch("COMMIT").map_err(|fault| match fault {
            Fault::Cut(_) => Failed::Unknown(fault),
            Fault::Again(_) => Failed::Again(fault),
            Fault::Refused(text) => Failed::Refused(StoreError::Database(text)),
        }),
        (done, fault) => {
            // If this fails, the connection is gone, and the transaction with it.
            let _ = link.batch("ROLLBACK");
            Err(match (done, fault) {
                (_, Some(fault @ (Fault::Cut(_) | Fault::Again(_)))) => Failed::Again(fault),
                (Err(error), _) => Failed::Refused(error),
                (Ok(()), fault) => Failed::Refused(StoreError::Database(
                    fault.map_or_else(String::new, |fault| fault.text().to_owned()),
                )),
            })
        }
    };
    match ended {
        Ok(()) => specs.settle(),
        Err(_) => specs.undo(),
    }
    ended
}

/// Whether the transaction of this number is committed, once the server can say so.
fn fate(link: &Link, number: i64, lost: &Fault) -> Result<bool, StoreError> {
    let until = Instant::now() + FATE_PATIENCE;
    loop {
        if let Ok(status) = status(link, number) {
            match status.as_deref() {
                Some("committed") => return Ok(true),
                Some("aborted") => return Ok(false),
                // The server has not noticed yet that nobody is there.
                Some(_) => {}
                None => break,
            }
        }
        if !pause(until) {
            break;
        }
    }
    Err(StoreError::Unknown(lost.text().to_owned()))
}

fn status(link: &Link, number: i64) -> Result<Option<String>, Fault> {
    link.connect()?;
    let answer = link.query("SELECT txid_status(?1)", vec![Value::Int(number)])?;
    let mut status = None;
    while let Some(portion) = next(&answer) {
        for row in portion? {
            status = row.get(0);
        }
    }
    Ok(status)
}

impl Server {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(|poisoned| {
            // Somebody panicked inside a transaction. If this fails, the connection is gone, and the
            // transaction with it.
            self.open.clear_poison();
            let open = poisoned.into_inner();
            let _ = open.link.batch("ROLLBACK");
            open
        })
    }

    fn claim_slot(&self) -> MutexGuard<'_, Option<Claim>> {
        self.claim.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lease_of_runner(&self) -> Result<bool, StoreError> {
        let mut held = false;
        self.read(&mut |sql| {
            let now = sql.clock(Timestamp(0))?;
            held = sql.any(
                "SELECT 1 FROM leases WHERE lane = ?1 AND holder IS NOT NULL AND until > ?2",
                &params![leases::FARM, now],
            )?;
            Ok(())
        })?;
        Ok(held)
    }

    /// What others change.
    fn look(&self) -> Result<Option<(i64, i64)>, StoreError> {
        let mut looked = None;
        self.read(&mut |sql| {
            looked = sql.first(
                "SELECT control_revision, (SELECT count(*) FROM messages) FROM meta",
                &[],
                |row| Ok((row.int(0)?, row.int(1)?)),
            )?;
            Ok(())
        })?;
        Ok(looked)
    }
}

impl Backend for Server {
    fn access(&self) -> Access {
        self.access
    }

    fn place(&self) -> String {
        self.address.to_string()
    }

    fn lease(&self) -> Duration {
        self.options.lease
    }

    fn claim(&self) -> Option<Claim> {
        self.claim_slot().clone()
    }

    fn took(&self, claim: &Claim) {
        let mut own = self.claim_slot();
        if own
            .as_ref()
            .is_some_and(|own| own.lane == claim.lane && own.node == claim.node)
        {
            *own = Some(claim.clone());
        }
    }

    fn has_runner(&self) -> Result<bool, StoreError> {
        self.lease_of_runner()
    }

    fn read(&self, body: &mut Body<'_>) -> Result<(), StoreError> {
        let mut open = self.open();
        let Open { link, specs } = &mut *open;
        let until = Instant::now() + PATIENCE;
        again(until, || {
            match attempt(link, specs, READ, |sql| body(sql)) {
                // A lost answer to the end of a reading transaction loses nothing.
                Err(Failed::Unknown(fault)) => Err(Failed::Again(fault)),
                other => other,
            }
        })
        .map_err(Failed::into_error)
    }

    fn write(&self, place: Option<Place>, body: &mut Body<'_>) -> Result<(), StoreError> {
        {
            let mut open = self.open();
            let Open { link, specs } = &mut *open;
            let until = Instant::now() + PATIENCE;
            loop {
                let mut number = 0;
                let written = again(until, || {
                    attempt(link, specs, WRITE, |statements| {
                        let sql: &mut dyn Sql = statements;
                        // The lock that every writer takes first.
                        let begun =
                            sql.first("SELECT txid_current() FROM meta FOR UPDATE", &[], |row| {
                                row.int(0)
                            })?;
                        number = begun.unwrap_or_default();
                        body(sql)?;
                        if let Some(place) = place {
                            (self.options.checkpoint)(place.before);
                        }
                        Ok(())
                    })
                });
                match written {
                    Ok(()) => break,
                    Err(Failed::Unknown(lost)) => {
                        if fate(link, number, &lost)? {
                            break;
                        }
                        if !pause(until) {
                            return Err(StoreError::Database(lost.text().to_owned()));
                        }
                    }
                    Err(failed) => return Err(failed.into_error()),
                }
            }
        }
        if let Some(place) = place {
            (self.options.checkpoint)(place.after);
        }
        Ok(())
    }

    fn wait(&self, patience: Duration) -> Result<bool, StoreError> {
        let until = Instant::now() + patience.min(LONGEST);
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let rung = self.bell.wait(heard.rung, left.min(LOOKS_EVERY));
            let told = rung != heard.rung;
            heard.rung = rung;
            if told {
                return Ok(true);
            }
            if left <= LOOKS_EVERY {
                return Ok(false);
            }
            let looked = self.look()?;
            let before = std::mem::replace(&mut heard.looked, looked);
            if before.is_some() && before != looked {
                return Ok(true);
            }
        }
    }
}

impl Drop for Server {
    /// Lets go of the lease, so that the next node need not wait for its end.
    fn drop(&mut self) {
        let Some(claim) = self.claim_slot().take() else {
            return;
        };
        let mut open = self.open();
        let Open { link, specs } = &mut *open;
        let released = attempt(link, specs, WRITE, |sql| leases::release(sql, &claim));
        if let Err(failed) = released {
            tracing::debug!(error = %failed.into_error(), "the lease was not released");
        }
    }
}
