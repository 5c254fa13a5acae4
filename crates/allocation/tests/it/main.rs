//! The allocation engine from outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod estimate;
mod cvar;
mod lp;
mod kelly;
mod percentages;
mod planned;
mod rebalance;
mod qp;
