//! What the scheduler stands on: durable transitions, timers, lanes and fencing, whatever keeps them.
//!
//! An engine knows no campaign and no clock. It keeps the records that the core hands out, gives them
//! back after a crash, and refuses those whose claim is over.

use std::time::Duration;

use airdrops_types::{Entry, TaskRecord, Timestamp, TriggerState};

use crate::lease::{Claim, Fenced, Held, Lane, NodeId};

/// Why an engine did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// Somebody else moves this lane now. Forget everything, and claim again.
    #[error(transparent)]
    Fenced(#[from] Fenced),
    /// The lane is somebody else's; try again later.
    #[error(transparent)]
    Held(#[from] Held),
    /// Nothing was stored.
    #[error("{0}")]
    Failed(String),
}

/// What is stored together, or not at all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Transitions {
    /// When.
    pub at: Timestamp,
    /// Task runs as they are now.
    pub tasks: Vec<TaskRecord>,
    /// Triggers as they are now.
    pub triggers: Vec<TriggerState>,
    /// The decisions that led there.
    pub entries: Vec<Entry>,
}

/// What is restored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Restored {
    /// Every run that has not ended, and the ended runs of the same campaign runs.
    pub tasks: Vec<TaskRecord>,
    /// Every trigger.
    pub triggers: Vec<TriggerState>,
}

/// Durable transitions, timers, lanes and fencing epochs.
///
/// Implementations: SQLite (one process, whose lock is the claim), PostgreSQL (rows that are locked in
/// the transaction). A Restate cluster fits, too: a lane is a virtual object whose exclusive handler is
/// the claim, `commit` a journaled step in it, and a timer a delayed send to it.
pub trait Engine: Send + Sync {
    /// Claims a lane: from now on every older claim of it is over.
    ///
    /// # Errors
    /// [`EngineError::Held`], [`EngineError::Failed`].
    fn claim(
        &self,
        lane: &Lane,
        node: &NodeId,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Claim, EngineError>;

    /// Says that the holder lives.
    ///
    /// # Errors
    /// [`EngineError::Fenced`], [`EngineError::Failed`].
    fn renew(&self, claim: &Claim, now: Timestamp, ttl: Duration) -> Result<(), EngineError>;

    /// Lets go, so that others need not wait for the end of the lease.
    ///
    /// # Errors
    /// [`EngineError::Fenced`], [`EngineError::Failed`].
    fn release(&self, claim: &Claim) -> Result<(), EngineError>;

    /// What the holder of a claim goes on from.
    ///
    /// # Errors
    /// [`EngineError::Fenced`], [`EngineError::Failed`].
    fn restore(&self, claim: &Claim) -> Result<Restored, EngineError>;

    /// Stores transitions with their journal entries: durable when it returns.
    ///
    /// # Errors
    /// [`EngineError::Fenced`], [`EngineError::Failed`]; then nothing was stored.
    fn commit(&self, claim: &Claim, transitions: &Transitions) -> Result<(), EngineError>;

    /// Waits until something may have changed that others stored (a message, a released lane), or
    /// until `patience` is over: returns whether it was told.
    ///
    /// # Errors
    /// [`EngineError::Failed`].
    fn wait(&self, patience: Duration) -> Result<bool, EngineError>;
}
