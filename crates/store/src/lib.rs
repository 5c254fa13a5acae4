//! Durable state: task runs, triggers, the journal, the ledger, control states, and the
//! transaction manager's memory.
//!
//! [`Store`] says what must be kept and what is one transaction; [`Sqlite`] keeps it in a file.
//! Every write is durable when it returns. Whoever runs holds a lease on the database, and each of
//! its writes checks in the same transaction that the lease still holds.

pub mod batch;
pub mod checkpoint;
pub mod error;
pub mod sqlite;
pub mod store;

pub use batch::{Batch, Committed, Sample};
pub use checkpoint::CHECKPOINTS;
pub use error::StoreError;
pub use sqlite::{Access, Options, Sqlite};
pub use store::{
    ControlChange, JournalCheck, OBSERVATIONS, Store, TaskFilter, UNWIND_REQUESTS, UNWINDS,
    WITHDRAWALS, cleared_in_key, cleared_key,
};
