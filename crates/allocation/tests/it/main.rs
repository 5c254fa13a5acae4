//! The allocation engine from outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod backtest;
mod black_litterman;
mod covariance;
mod cvar;
mod kelly;
mod lp;
mod percentages;
mod performance;
mod qp;
mod rules;
mod solve;
mod worlds;
