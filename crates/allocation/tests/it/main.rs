//! The allocation engine from outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod covariance;
mod percentages;
mod rules;
mod worlds;
mod qp;
