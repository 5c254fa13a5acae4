//! The allocation engine from outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod backtest;
mod black_litterman;
mod covariance;
mod cvar;
mod efficient;
mod estimate;
mod kelly;
mod lp;
mod percentages;
mod performance;
mod plan;
mod planned;
mod qp;
mod rebalance;
mod rules;
mod solve;
mod worlds;
