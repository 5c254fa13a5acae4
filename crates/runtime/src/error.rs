//! What stops the program, as opposed to what only stops a task.

use std::fmt::Display;

use airdrops_store::StoreError;
use airdrops_types::LogError;

/// Why the engine cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Parts of the configuration contradict each other.
    #[error("the configuration does not fit together:\n{0}")]
    Settings(String),
    /// Durable state could not be read or written. Nothing is done without it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The transaction manager's memory could not be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A stored value is not what this version wrote.
    #[error("a stored value cannot be read: {0}")]
    Stored(#[from] serde_json::Error),
    /// The scheduler was asked for an impossible step: a defect of this program.
    #[error("scheduler: {0}")]
    Transition(#[from] airdrops_scheduler::TransitionError),
    /// An earlier tick failed half-way. What is in memory is not what is stored.
    #[error("an earlier tick failed half-way; start again from what is stored")]
    Broken,
}

impl RunError {
    pub(crate) fn settings<E: Display>(errors: &[E]) -> Self {
        let lines: Vec<String> = errors.iter().map(|error| format!("  {error}")).collect();
        Self::Settings(lines.join("\n"))
    }
}
