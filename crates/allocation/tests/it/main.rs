//! The allocation engine from outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod backtest;
mod percentages;
mod performance;
