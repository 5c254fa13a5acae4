//! Capital Allocation Engine: how much belongs where.
//!
//! Pure: the same inputs give the same targets, bit for bit. Money is integers; floats live inside
//! estimators and optimisers, whose answers are checked again in integers.
//!
//! - [`backtest`]: strategies on recorded history.
//! - [`mod@black_litterman`]: equilibrium returns and views in one posterior.
//! - [`mod@covariance`]: of a history of returns: sample, exponential, shrunk.
//! - [`moments`]: means and covariances of a problem, whatever it gives.
//! - [`cvar`]: expected loss in the worst share of outcomes.
//! - [`lp`]: linear programs over a region, and which limits conflict.
//! - [`kelly`]: growth-optimal weights.
//! - [`percentages`]: configured shares of equity, cut by the limits.
//! - [`performance`]: how well it went.
//! - [`mod@tranches`]: an amount in parts that the transaction limit allows.
//! - [`problem`]: assets, returns, limits, costs: what optimisers are asked.
//! - [`qp`]: convex quadratic programs over a region, and the nearest point of one.
//! - [`region`]: the convex set that weights must lie in.
//! - [`strategy`]: what all ways to choose weights have in common.

pub mod backtest;
pub mod black_litterman;
pub mod certificate;
pub mod covariance;
pub mod cvar;
pub mod kelly;
pub mod lp;
pub mod moments;
pub mod parts;
pub mod percentages;
pub mod performance;
pub mod problem;
pub mod qp;
pub mod region;
pub mod rounding;
pub mod solve;
pub mod strategies;
pub mod strategy;
pub mod tranches;

pub use percentages::{AllocationError, Inputs, allocate};
pub use tranches::tranches;
