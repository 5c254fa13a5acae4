//! Tests of the program from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_possible_truncation
)]

mod allocate;
mod arrows;
mod backtest;
mod campaigns;
mod cluster;
mod configuration;
mod crash;
mod demo;
mod estimate_priors;
mod farm;
mod journal;
mod live;
mod opportunities;
mod program;
mod report;
mod report_performance;
mod risk_anomalies;
mod risk_assess;
mod risk_replay;
mod risk_vol_index;
mod schedule;
