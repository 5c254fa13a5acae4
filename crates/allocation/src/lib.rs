//! Capital Allocation Engine: how much belongs where.
//!
//! Pure: the same inputs give the same targets, bit for bit. Money is integers; floats live inside
//! estimators and optimisers, whose answers are checked again in integers.
//!
//! - [`backtest`]: strategies on recorded history.
//! - [`percentages`]: configured shares of equity, cut by the limits.
//! - [`performance`]: how well it went.
//! - [`mod@tranches`]: an amount in parts that the transaction limit allows.
//! - [`problem`]: assets, returns, limits, costs: what optimisers are asked.
//! - [`region`]: the convex set that weights must lie in.
//! - [`strategy`]: what all ways to choose weights have in common.

pub mod backtest;
pub mod percentages;
pub mod performance;
pub mod problem;
pub mod region;
pub mod strategy;
pub mod tranches;

pub use percentages::{AllocationError, Inputs, allocate};
pub use tranches::tranches;
