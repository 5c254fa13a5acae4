//! The store on SQLite: write-ahead log, `synchronous=FULL`, one connection per process.

mod file;
mod lock;
mod schema;
mod statements;
mod v3;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use airdrops_scheduler::lease::{Claim, Lane, NodeId};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use self::lock::Lock;
use self::statements::Statements;
use crate::backend::{Backend, Body};
use crate::checkpoint::Place;
use crate::durable::{Durable, now};
use crate::rules::leases;
use crate::rules::specs::Specs;
use crate::{Access, Options, StoreError};

/// How long a write waits for another process's.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often a waiting runner looks for what others stored.
const LOOKS_EVERY: Duration = Duration::from_millis(10);

/// Longer patience is the same as this.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Pages that are kept in memory: up to 64 MiB, given in KiB below zero. With SQLite's 2 MiB the
/// indices of a million runs are written and read again and again.
const CACHE: i64 = -65_536;

/// The log is brought into the file after so many pages of 4 KiB: 32 MiB.
const CHECKPOINT_PAGES: i64 = 8192;

/// So many prepared statements are kept.
const STATEMENTS: usize = 128;

/// A [`Store`](crate::Store) in one SQLite file. Its lock file `<path>.lock` holds the runner's
/// process id.
pub type Sqlite = Durable<File>;

/// A database in a file.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    open: Mutex<Open>,
    access: Access,
    options: Options,
    /// The runner's; nobody else has one.
    claim: Mutex<Option<Claim>>,
    _lock: Option<Lock>,
}

#[derive(Debug)]
struct Open {
    connection: Connection,
    specs: Specs,
    /// What `PRAGMA data_version` said: it changes with every commit of somebody else.
    seen: Option<i64>,
}

impl Sqlite {
    /// Opens the database at `path`, whose folder must exist.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another runner runs, [`StoreError::Missing`] if there is nothing
    /// to read, [`StoreError::Newer`] or [`StoreError::Older`] if its version does not fit,
    /// [`StoreError::Foreign`] if it is not ours, [`StoreError::Io`] and [`StoreError::Database`].
    pub fn open(
        path: impl AsRef<Path>,
        access: Access,
        options: Options,
    ) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let (connection, lock) = match access {
            Access::Runner => {
                let lock = Lock::acquire(path, options.patience.min(LONGEST))?;
                let mut connection = open_for_writing(path)?;
                schema::migrate(&mut connection, path, schema::MIGRATIONS)?;
                (connection, Some(lock))
            }
            Access::Operator => {
                let mut connection = open_for_writing(path)?;
                // Making the tables is one transaction, and harmless while a runner starts.
                // Changing them under a runner of an older program is not.
                if schema::version(&connection)? == 0 {
                    schema::migrate(&mut connection, path, schema::MIGRATIONS)?;
                }
                schema::require_current(&connection, path)?;
                (connection, None)
            }
            Access::ReadOnly => (open_for_reading(path)?, None),
        };
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        tracing::debug!(path = %path.display(), %access, "database opened");
        let backend = File {
            path: path.to_owned(),
            open: Mutex::new(Open {
                connection,
                specs: Specs::default(),
                seen: None,
            }),
            access,
            options,
            claim: Mutex::new(None),
            _lock: lock,
        };
        let store = Self { backend };
        if access == Access::Runner {
            store.begin()?;
        }
        Ok(store)
    }

    /// Claims the lane of the runner. The lock says that whoever held it has ended, or lost it; so
    /// the lease has no end of its own, and from now on every older claim is over.
    fn begin(&self) -> Result<(), StoreError> {
        let lane = Lane(leases::FARM.to_owned());
        let node = NodeId(self.backend.options.node.clone());
        let ttl = self.backend.options.lease;
        let claim = self.write_unclaimed(None, |sql| {
            leases::claim(sql, &lane, &node, now(), ttl, true)
        })?;
        *self.backend.claim_slot() = Some(claim);
        Ok(())
    }

    /// Whether a runner runs on the database at `path`: whether anybody holds its lock file, which
    /// is left as it is.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn has_runner(path: impl AsRef<Path>) -> Result<bool, StoreError> {
        Lock::is_held(path.as_ref())
    }
}

impl File {
    /// A panic while the lock was held rolled its transaction back, so the connection is sound.
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim_slot(&self) -> MutexGuard<'_, Option<Claim>> {
        self.claim.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for File {
    fn access(&self) -> Access {
        self.access
    }

    fn place(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    fn lease(&self) -> Duration {
        self.options.lease
    }

    fn claim(&self) -> Option<Claim> {
        self.claim_slot().clone()
    }

    fn took(&self, claim: &Claim) {
        let mut own = self.claim_slot();
        if own.as_ref().is_some_and(|own| own.lane == claim.lane) {
            *own = Some(claim.clone());
        }
    }

    fn has_runner(&self) -> Result<bool, StoreError> {
        Lock::is_held(&self.path)
    }

    fn read(&self, body: &mut Body<'_>) -> Result<(), StoreError> {
        let mut open = self.open();
        let Open {
            connection, specs, ..
        } = &mut *open;
        let transaction = connection.transaction()?;
        body(&mut Statements::new(&transaction, specs))?;
        transaction.commit()?;
        Ok(())
    }

    fn write(&self, place: Option<Place>, body: &mut Body<'_>) -> Result<(), StoreError> {
        {
            let mut open = self.open();
            let Open {
                connection, specs, ..
            } = &mut *open;
            // What a transaction that panicked left behind.
            specs.undo();
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut written = body(&mut Statements::new(&transaction, specs));
            if written.is_ok() {
                if let Some(place) = place {
                    (self.options.checkpoint)(place.before);
                }
                written = transaction.commit().map_err(Into::into);
            }
            match &written {
                Ok(()) => specs.settle(),
                Err(_) => specs.undo(),
            }
            written?;
        }
        if let Some(place) = place {
            (self.options.checkpoint)(place.after);
        }
        Ok(())
    }

    fn wait(&self, patience: Duration) -> Result<bool, StoreError> {
        let until = Instant::now() + patience.min(LONGEST);
        loop {
            let mut open = self.open();
            let version = open
                .connection
                .prepare_cached("PRAGMA data_version")?
                .query_row([], |row| row.get(0))?;
            let before = open.seen.replace(version);
            drop(open);
            if before.is_some_and(|before| before != version) {
                return Ok(true);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            std::thread::sleep(left.min(LOOKS_EVERY));
        }
    }
}

fn open_for_writing(path: &Path) -> Result<Connection, StoreError> {
    file::make_private(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    schema::require_known(&connection, path)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::Database(format!(
            "{} has journal mode {mode}: its file system allows no write-ahead log",
            path.display()
        )));
    }
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "cache_size", CACHE)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

fn open_for_reading(path: &Path) -> Result<Connection, StoreError> {
    match std::fs::metadata(path) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(StoreError::Missing {
                path: path.to_owned(),
            });
        }
        Err(error) => return Err(file::failed(path, &error)),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    schema::require_current(&connection, path)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn commits_are_synced_to_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("airdrops.db");
        for access in [Access::Runner, Access::Operator] {
            let store = Sqlite::open(&path, access, Options::default()).unwrap();
            let pragma = |name| -> String {
                store
                    .backend
                    .open()
                    .connection
                    .query_row(
                        &format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}"),
                        [],
                        |row| row.get(0),
                    )
                    .unwrap()
            };
            assert_eq!(pragma("synchronous"), "2", "FULL");
            assert_eq!(pragma("journal_mode"), "wal");
            assert_eq!(pragma("foreign_keys"), "1");
        }
    }
}
