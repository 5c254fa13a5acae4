//! The allocation engine from outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod estimate;
mod black_litterman;
mod covariance;
mod cvar;
mod kelly;
mod lp;
mod percentages;
mod planned;
mod rebalance;
mod qp;
mod rules;
mod solve;
mod worlds;
