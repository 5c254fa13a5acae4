//! Ways out that an operator asked for: what was asked, and how far it came.
//!
//! The two are kept apart because two processes write them: the operator's command the request,
//! the runner the progress. Neither ever overwrites the other's.

use serde::{Deserialize, Serialize};

use crate::{Scope, TaskId, Timestamp};

/// The campaign of the task runs that unwinds are made of. No configured campaign may have its
/// name.
pub const UNWIND_CAMPAIGN: &str = "unwind";

/// An operator's wish that every position and every open allowance in a scope ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnwindRequest {
    /// Counts requests from 1.
    pub id: u64,
    /// When it was asked for.
    pub at: Timestamp,
    /// What is to be unwound.
    pub scope: Scope,
    /// Who asked.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Set when an operator took the request back.
    pub cancelled: Option<UnwindCancelled>,
}

/// That an operator took an unwind back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnwindCancelled {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// How far a request came. There is one from the moment that a runner accepted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unwind {
    /// Of which request.
    pub request: u64,
    /// When the runner accepted it.
    pub accepted: Timestamp,
    /// Every task run that was made for it, oldest first.
    pub tasks: Vec<TaskId>,
    /// Set once; nothing is done for it afterwards.
    pub end: Option<UnwindEnd>,
}

/// How an unwind ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnwindEnd {
    /// When.
    pub at: Timestamp,
    /// In which way.
    pub outcome: UnwindOutcome,
}

/// In which way an unwind ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnwindOutcome {
    /// A fresh snapshot showed no position and no open allowance in its scope.
    Done,
    /// Something is left that the program cannot end.
    Stuck {
        /// What, and why.
        reasons: Vec<String>,
    },
    /// An operator took it back.
    Cancelled,
}

impl UnwindRequest {
    /// Whether work on it may still begin or go on.
    #[must_use]
    pub fn is_open(&self, progress: &[Unwind]) -> bool {
        self.cancelled.is_none() && !self.has_ended(progress)
    }

    /// Whether a runner has ended it.
    #[must_use]
    pub fn has_ended(&self, progress: &[Unwind]) -> bool {
        progress
            .iter()
            .any(|unwind| unwind.request == self.id && unwind.end.is_some())
    }
}
