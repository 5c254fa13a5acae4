//! Backtests: the strategies of production on recorded history, without looking ahead.
//!
//! - [`history`]: times, assets and returns, checked once.
//! - [`walk`]: walk-forward by event time, with an embargo.
//! - [`purged`]: combinatorial purged cross-validation.
//! - [`simulate`]: decisions, their costs, and what they became.
//! - [`compare`]: strategies side by side, deflated by the number of trials.

pub mod compare;
pub mod history;
pub mod purged;
pub mod simulate;
pub mod walk;

pub use compare::{Comparison, compare};
pub use history::{History, HistoryError};
pub use purged::{Purging, Split};
pub use simulate::{Decision, Run, Simulation};
pub use walk::{Fold, WalkForward};
