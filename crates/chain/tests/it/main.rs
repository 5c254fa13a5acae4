//! The transaction manager, the reader and the simulation against a scripted node inside the
//! process; what contracts answer, against real ones on local chains.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod batching;
mod contract_facts;
mod crashes;
mod following;
mod ground;
mod logs;
mod memory_log;
mod node;
mod permits;
mod price_feeds;
mod reading;
mod replacing;
mod rollup_fees;
mod simulating;
mod submitting;
mod witnesses;
