//! The allocation engine from outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod covariance;
mod cvar;
mod lp;
mod percentages;
mod qp;
mod rules;
mod worlds;
