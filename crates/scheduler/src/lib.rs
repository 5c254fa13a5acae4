//! Central Scheduler.

pub mod campaign;

pub use campaign::{Campaign, RetryPolicy, TaskDef, Trigger};
