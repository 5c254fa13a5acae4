//! The transaction manager, the reader and the simulation against a scripted node inside the
//! process.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod crashes;
mod following;
mod memory_log;
mod node;
mod permits;
mod reading;
mod replacing;
mod simulating;
mod submitting;
