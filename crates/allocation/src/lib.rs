//! Capital Allocation Engine: how much belongs where.
//!
//! Pure: the same inputs give the same targets, bit for bit. Money is integers; floats live inside
//! estimators and optimisers, whose answers are checked again in integers.
//!
//! - [`mod@estimate`]: what an airdrop opportunity is worth, and how that is learnt.
//! - [`backtest`]: strategies on recorded history.
//! - [`mod@black_litterman`]: equilibrium returns and views in one posterior.
//! - [`certificate`]: the proof that weights keep every limit.
//! - [`mod@covariance`]: of a history of returns: sample, exponential, shrunk.
//! - [`cvar`]: expected loss in the worst share of outcomes.
//! - [`frontier`]: the least volatility at each mean return.
//! - [`kelly`]: growth-optimal weights.
//! - [`lp`]: linear programs over a region, and which limits conflict.
//! - [`moments`]: means and covariances of a problem, whatever it gives.
//! - [`parts`]: weights as whole parts of capital.
//! - [`percentages`]: configured shares of equity, cut by the limits.
//! - [`performance`]: how well it went.
//! - [`mod@plan`]: from beliefs to what moves and what stays.
//! - [`problem`]: assets, returns, limits, costs: what optimisers are asked.
//! - [`rebalance`]: whether to move, what, and in which order.
//! - [`qp`]: convex quadratic programs over a region, and the nearest point of one.
//! - [`region`]: the convex set that weights must lie in.
//! - [`rounding`]: from weights as floats to whole parts that keep every limit.
//! - [`mod@solve`]: from a problem and a strategy to an allocation.
//! - [`strategies`]: all strategies by name.
//! - [`strategy`]: what all ways to choose weights have in common.
//! - [`mod@tranches`]: an amount in parts that the transaction limit allows.

pub mod backtest;
pub mod black_litterman;
pub mod certificate;
pub mod covariance;
pub mod cvar;
pub mod estimate;
pub mod frontier;
pub mod kelly;
pub mod lp;
pub mod moments;
pub mod parts;
pub mod percentages;
pub mod performance;
pub mod plan;
pub mod problem;
pub mod qp;
pub mod rebalance;
pub mod region;
pub mod rounding;
pub mod solve;
pub mod strategies;
pub mod strategy;
pub mod tranches;

pub use percentages::{AllocationError, Course, Inputs, allocate};
pub use tranches::tranches;
