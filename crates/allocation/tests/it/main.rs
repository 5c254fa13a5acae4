//! The allocation engine from outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod estimate;
mod black_litterman;
mod covariance;
mod cvar;
mod lp;
mod kelly;
mod percentages;
mod planned;
mod rebalance;
mod qp;
mod rules;
mod worlds;
