//! The whole flow on real contracts in chains inside this process, with a real database.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    unreachable_pub,
    missing_docs
)]

mod crash;
mod events;
mod farm;
mod fuse;
mod messages;
mod money;
mod planning;
mod restraint;
mod stuck;
mod unwind;
mod watch;
mod world;
