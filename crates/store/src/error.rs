//! Why a store refuses or fails.

use std::path::PathBuf;

use airdrops_scheduler::lease::Fenced;
use airdrops_types::{IntentId, LogError, Scope, Timestamp};

use crate::Access;

/// Why a store refused or failed. Nothing was written, but for [`StoreError::Unknown`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another runner holds the database.
    #[error("{} is in use by process {holder}", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Its process id, as far as it is known.
        holder: String,
    },
    /// Another node holds the lease.
    #[error(
        "the database is run by node {holder} until {until}, and for as long as it renews that"
    )]
    Held {
        /// By whom.
        holder: String,
        /// Until when, by the server's clock.
        until: Timestamp,
    },
    /// Another runner took the database over.
    #[error("another process has taken over the database")]
    LeaseLost,
    /// The intent already has a final outcome.
    #[error("intent {0} already has a final outcome")]
    OutcomeExists(IntentId),
    /// There is no such trip to clear.
    #[error("{scope} has no trip of {breaker}")]
    NoTrip {
        /// Where.
        scope: Scope,
        /// Of which breaker.
        breaker: String,
    },
    /// An open request covers the same.
    #[error(
        "an unwind of {scope} is open already: request {id} by {by} of {at}; `airdrops status` shows how far it is"
    )]
    UnwindOpen {
        /// Its number.
        id: u64,
        /// What it covers.
        scope: Scope,
        /// Who asked.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// There is no open request of this scope.
    #[error("no unwind of {scope} is open")]
    NoUnwind {
        /// Where.
        scope: Scope,
    },
    /// The change contradicts what is stored, or itself.
    #[error("the change contradicts what is stored: {0}")]
    Contradiction(String),
    /// The database was opened for less.
    #[error("the database was opened for {access}, which may not {what}")]
    NotPermitted {
        /// How it was opened.
        access: Access,
        /// What was tried.
        what: &'static str,
    },
    /// There is no database.
    #[error("there is no database at {}: start a run to make one", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The database was written by a newer version of the program.
    #[error(
        "{} has schema version {found}, this program knows versions up to {supported}: use a newer program",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest that this program knows.
        supported: u32,
    },
    /// The database must be migrated first, and this way of opening it cannot.
    #[error(
        "{} has schema version {found}, this program needs {supported}: start a run to bring it up to date",
        path.display()
    )]
    Older {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version that this program needs.
        supported: u32,
    },
    /// The file is a database of something else.
    #[error("{} is a database of another program", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A stored value cannot be read.
    #[error("stored {what} cannot be read: {why}")]
    Corrupt {
        /// Which.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A value cannot be stored.
    #[error("{what} cannot be stored: {why}")]
    Unstorable {
        /// Which.
        what: &'static str,
        /// Why not.
        why: String,
    },
    /// The transaction log's rules refused it.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The database failed.
    #[error("database: {0}")]
    Database(String),
    /// The connection broke while a transaction was being committed, and the server could not be
    /// asked since: it may be stored, or not.
    #[error("whether it was stored is unknown: {0}")]
    Unknown(String),
    /// The file system failed.
    #[error("{}: {why}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What happened.
        why: String,
    },
}

impl StoreError {
    /// Whether a group's other batches would meet the same: the database, not the batch.
    pub(crate) fn is_of_all(&self) -> bool {
        matches!(self, Self::LeaseLost | Self::Unknown(_))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.to_string())
    }
}

impl From<Fenced> for StoreError {
    fn from(_: Fenced) -> Self {
        Self::LeaseLost
    }
}

impl From<rusqlite::types::FromSqlError> for StoreError {
    fn from(error: rusqlite::types::FromSqlError) -> Self {
        Self::Corrupt {
            what: "column",
            why: error.to_string(),
        }
    }
}

impl From<StoreError> for LogError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Log(error) => error,
            StoreError::LeaseLost => Self::LeaseLost,
            StoreError::Database(error) => Self::Database(error),
            StoreError::Unknown(error) => Self::Unknown(error),
            other => Self::Database(other.to_string()),
        }
    }
}
