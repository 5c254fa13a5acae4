//! Durable state: task runs, triggers, the journal, the ledger, control states, messages from
//! outside, and the transaction manager's memory.
//!
//! [`Store`] says what must be kept and what is one transaction; [`Sqlite`] keeps it in a file,
//! [`Postgres`] on a server that several nodes share. The rules are written once, over a small seam
//! of SQL.
//!
//! Every write is durable when it returns. Whoever runs holds a lease on the database, and each of
//! its writes checks in the same transaction that the lease still holds.

pub mod access;
mod backend;
pub mod batch;
pub mod checkpoint;
pub mod copy;
mod durable;
pub mod error;
pub mod group;
mod open;
pub mod postgres;
pub mod records;
mod rules;
mod sql;
pub mod sqlite;
pub mod store;

pub use access::{Access, Options};
pub use batch::{Batch, Committed, Sample};
pub use checkpoint::CHECKPOINTS;
pub use copy::{Copied, CopyProgress, copy};
pub use durable::Durable;
pub use error::StoreError;
pub use group::{GroupCommit, Ticket};
pub use open::{is_server, open};
pub use postgres::Postgres;
pub use records::Records;
pub use sqlite::Sqlite;
pub use store::{
    ControlChange, JournalCheck, MessageAnswer, NodeSeen, OBSERVATIONS, PAYLOAD_LIMIT, Posted,
    Queue, QueueCount, Store, TaskFilter, UNWIND_REQUESTS, UNWINDS, WITHDRAWALS, cleared_in_key,
    cleared_key,
};
