//! The store on SQLite: write-ahead log, `synchronous=FULL`, one connection per process.

mod column;
mod control;
mod file;
mod journal;
mod lease;
mod ledger;
mod observations;
mod outcomes;
mod samples;
mod schema;
mod tasks;
mod transactions;
mod unwinds;
mod withdrawals;

use std::fmt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use airdrops_types::{
    Address, AirdropSeen, Answer, B256, BlockRef, ChainId, Checkpoint, EquityPoint, I256, IntentId,
    JournalEntry, LedgerEntry, LogError, NewSignature, Outcome, Reservation, Scope, Slot, TaskId,
    TaskRecord, Timestamp, Token, TransactionLog, TriggerState, Trip, Unwind, UnwindRequest,
    Withdrawal, no_checkpoint,
};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use self::lease::{Lease, Lock};
use crate::checkpoint::{BROADCAST, COMMIT, CONTROL, MINED, Place, SIGNATURE};
use crate::{Batch, Committed, ControlChange, JournalCheck, Sample, Store, StoreError, TaskFilter};

/// How long a write waits for another process's.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a database is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everything. There is one runner at a time; it makes the database if there is none, and
    /// migrates it.
    Runner,
    /// Reading, control states, an operator's requests and journal entries, also while a runner
    /// runs. Makes the database if there is none, so that a halt may come before the first run.
    Operator,
    /// Reading, also while a runner runs.
    ReadOnly,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Runner => "a runner",
            Self::Operator => "an operator",
            Self::ReadOnly => "reading",
        })
    }
}

/// How a database is opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Called with each name of [`crate::CHECKPOINTS`].
    pub checkpoint: Checkpoint,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            checkpoint: no_checkpoint,
        }
    }
}

/// A [`Store`] in one SQLite file. Its lock file `<path>.lock` holds the runner's process id.
#[derive(Debug)]
pub struct Sqlite {
    connection: Mutex<Connection>,
    access: Access,
    /// The runner's; nobody else has one.
    lease: Option<Lease>,
    options: Options,
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
        let (connection, lease) = match access {
            Access::Runner => {
                let lock = Lock::acquire(path)?;
                let mut connection = open_for_writing(path)?;
                schema::migrate(&mut connection, path, schema::MIGRATIONS)?;
                let lease = Lease::begin(&mut connection, lock)?;
                (connection, Some(lease))
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
        tracing::debug!(path = %path.display(), %access, "database opened");
        Ok(Self {
            connection: Mutex::new(connection),
            access,
            lease,
            options,
        })
    }

    /// Whether a runner runs on the database at `path`: whether anybody holds its lock file, which
    /// is left as it is.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn has_runner(path: impl AsRef<Path>) -> Result<bool, StoreError> {
        Lock::is_held(path.as_ref())
    }

    /// A panic while the lock was held rolled its transaction back, so the connection is sound.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(
        &self,
        body: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let value = body(&transaction)?;
        transaction.commit()?;
        Ok(value)
    }

    /// One durable transaction, in which the lease still holds.
    fn write<T>(
        &self,
        place: Place,
        body: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let value = {
            let mut connection = self.connection();
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if let Some(lease) = &self.lease {
                lease.check(&transaction)?;
            }
            let value = body(&transaction)?;
            (self.options.checkpoint)(place.before);
            transaction.commit()?;
            value
        };
        (self.options.checkpoint)(place.after);
        Ok(value)
    }

    fn require(&self, allowed: &[Access], what: &'static str) -> Result<(), StoreError> {
        if allowed.contains(&self.access) {
            Ok(())
        } else {
            Err(StoreError::NotPermitted {
                access: self.access,
                what,
            })
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

impl TransactionLog for Sqlite {
    fn next_nonce(&self, chain: ChainId, wallet: Address) -> Result<Option<u64>, LogError> {
        Ok(self.read(|connection| transactions::next_nonce(connection, chain, wallet))?)
    }

    /// A new slot's nonce must be higher than every nonce that the wallet's slots have; a lower
    /// one is [`LogError::NonceTaken`], used or not. Gaps are the caller's business: nonces that
    /// somebody else used have no slot. A replacement keeps the slot's intent, terms and
    /// reservation, and adds its attempt.
    fn record_signature(&self, signature: &NewSignature) -> Result<(), LogError> {
        self.require(&[Access::Runner], "sign")?;
        Ok(self.write(SIGNATURE, |transaction| {
            transactions::record_signature(transaction, signature)
        })?)
    }

    fn record_broadcast(&self, tx: B256, at: Timestamp, answer: &Answer) -> Result<(), LogError> {
        self.require(&[Access::Runner], "broadcast")?;
        Ok(self.write(BROADCAST, |transaction| {
            transactions::record_broadcast(transaction, tx, at, answer)
        })?)
    }

    fn record_mined(
        &self,
        intent: IntentId,
        mined: Option<(B256, BlockRef)>,
    ) -> Result<(), LogError> {
        self.require(&[Access::Runner], "follow transactions")?;
        Ok(self.write(MINED, |transaction| {
            transactions::record_mined(transaction, intent, mined)
        })?)
    }

    fn open_slots(&self) -> Result<Vec<Slot>, LogError> {
        Ok(self.read(transactions::open_slots)?)
    }
}

impl Store for Sqlite {
    fn commit(&self, batch: &Batch) -> Result<Committed, StoreError> {
        if batch.is_only_journal() {
            self.require(&[Access::Runner, Access::Operator], "write")?;
        } else {
            self.require(&[Access::Runner], "write more than the journal")?;
        }
        self.write(COMMIT, |transaction| {
            tasks::store(transaction, &batch.tasks)?;
            tasks::store_triggers(transaction, &batch.triggers)?;
            ledger::book(transaction, &batch.ledger)?;
            ledger::store_equity(transaction, &batch.equity)?;
            outcomes::store(transaction, &batch.outcomes)?;
            outcomes::retire(transaction, &batch.retired)?;
            for trip in &batch.trips {
                control::trip(transaction, trip)?;
            }
            for (scope, breaker) in &batch.ended {
                control::clear(transaction, scope, breaker)?;
            }
            for (scope, breaker) in &batch.cleared {
                if control::clear(transaction, scope, breaker)? {
                    control::note_cleared(transaction, scope, breaker, batch.at)?;
                }
            }
            samples::store(transaction, &batch.samples)?;
            if let Some(before) = batch.forget_samples_before {
                samples::forget(transaction, before)?;
            }
            tasks::store_settings(transaction, &batch.settings)?;
            Ok(Committed {
                seq: journal::append(transaction, batch.at, &batch.entries)?,
                revision: control::revision(transaction)?,
            })
        })
    }

    fn control(&self) -> Result<(Vec<Trip>, u64), StoreError> {
        self.read(|connection| Ok((control::trips(connection)?, control::revision(connection)?)))
    }

    fn set_control(
        &self,
        at: Timestamp,
        change: &ControlChange,
        by: &str,
    ) -> Result<u64, StoreError> {
        self.require(
            &[Access::Runner, Access::Operator],
            "change the control states",
        )?;
        self.write(CONTROL, |transaction| {
            let entry = control::change(transaction, change, by)?;
            if let ControlChange::Clear { scope, breaker, .. } = change {
                control::note_cleared(transaction, scope, breaker, at)?;
            }
            journal::append(transaction, at, &[entry])?;
            control::revision(transaction)
        })
    }

    fn announce_withdrawal(
        &self,
        at: Timestamp,
        withdrawal: &Withdrawal,
        by: &str,
    ) -> Result<(), StoreError> {
        self.require(&[Access::Runner, Access::Operator], "announce a withdrawal")?;
        self.write(CONTROL, |transaction| {
            let entry = withdrawals::announce(transaction, withdrawal, by)?;
            journal::append(transaction, at, &[entry])?;
            Ok(())
        })
    }

    fn note_airdrop(&self, at: Timestamp, seen: &AirdropSeen, by: &str) -> Result<(), StoreError> {
        self.require(&[Access::Runner, Access::Operator], "note an airdrop")?;
        self.write(CONTROL, |transaction| {
            let entry = observations::note(transaction, seen, by)?;
            journal::append(transaction, at, &[entry])?;
            Ok(())
        })
    }

    fn request_unwind(
        &self,
        at: Timestamp,
        scope: &Scope,
        reason: &str,
        by: &str,
    ) -> Result<UnwindRequest, StoreError> {
        self.require(&[Access::Runner, Access::Operator], "ask for an unwind")?;
        self.write(CONTROL, |transaction| {
            let (request, entry) = unwinds::request(transaction, at, scope, reason, by)?;
            journal::append(transaction, at, &[entry])?;
            Ok(request)
        })
    }

    fn cancel_unwind(
        &self,
        at: Timestamp,
        scope: &Scope,
        reason: &str,
        by: &str,
    ) -> Result<UnwindRequest, StoreError> {
        self.require(&[Access::Runner, Access::Operator], "take an unwind back")?;
        self.write(CONTROL, |transaction| {
            let (request, entry) = unwinds::cancel(transaction, at, scope, reason, by)?;
            journal::append(transaction, at, &[entry])?;
            Ok(request)
        })
    }

    fn unwinds(&self) -> Result<(Vec<UnwindRequest>, Vec<Unwind>), StoreError> {
        self.read(unwinds::load)
    }

    fn tasks(&self, filter: TaskFilter) -> Result<Vec<TaskRecord>, StoreError> {
        self.read(|connection| tasks::load(connection, filter))
    }

    fn task(&self, id: &TaskId) -> Result<Option<TaskRecord>, StoreError> {
        self.read(|connection| tasks::find(connection, id))
    }

    fn triggers(&self) -> Result<Vec<TriggerState>, StoreError> {
        self.read(tasks::triggers)
    }

    fn ledger_balances(&self) -> Result<Vec<(Address, Token, I256)>, StoreError> {
        self.read(ledger::balances)
    }

    fn ledger_entries(&self, from: Timestamp) -> Result<Vec<LedgerEntry>, StoreError> {
        self.read(|connection| ledger::entries(connection, from))
    }

    fn equity_since(&self, from: Timestamp) -> Result<Vec<EquityPoint>, StoreError> {
        self.read(|connection| ledger::equity_since(connection, from))
    }

    fn last_equity(&self) -> Result<Option<EquityPoint>, StoreError> {
        self.read(ledger::last_equity)
    }

    fn reservations(&self) -> Result<Vec<Reservation>, StoreError> {
        self.read(outcomes::reservations)
    }

    fn outcome(&self, intent: IntentId) -> Result<Option<Outcome>, StoreError> {
        self.read(|connection| outcomes::find(connection, intent))
    }

    fn outcomes(&self) -> Result<Vec<Outcome>, StoreError> {
        self.read(outcomes::load)
    }

    fn journal(&self, from_seq: u64, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.read(|connection| journal::from(connection, from_seq, limit))
    }

    fn journal_tail(&self, count: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.read(|connection| journal::tail(connection, count))
    }

    fn journal_for_task(&self, task: &TaskId) -> Result<Vec<JournalEntry>, StoreError> {
        self.read(|connection| journal::for_task(connection, task))
    }

    fn verify_journal(&self) -> Result<JournalCheck, StoreError> {
        self.read(journal::verify)
    }

    fn samples(&self, series: &str, from: Timestamp) -> Result<Vec<Sample>, StoreError> {
        self.read(|connection| samples::since(connection, series, from))
    }

    fn series(&self) -> Result<Vec<String>, StoreError> {
        self.read(samples::series)
    }

    fn setting(&self, key: &str) -> Result<Option<serde_json::Value>, StoreError> {
        self.read(|connection| tasks::setting(connection, key))
    }
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
                    .connection()
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
