//! What a bad day may cost: value at risk and expected shortfall by filtered historical
//! simulation, and tests of whether they held.

pub mod coverage;
pub mod filtered;
pub mod shortfall;

pub use coverage::{Coverage, TestResult};
pub use filtered::{FilteredHistory, FilteredHistoryError};
pub use shortfall::{Scenarios, TailError, TailShares, TailUsd};
