//! Claims about the store, each on a real database file.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod commit;
mod control;
mod copy;
mod group;
mod inbox;
mod journal;
mod lost_commit;
mod nodes;
mod open;
mod process;
mod sample;
mod signature;
mod tasks;
mod unwinds;
