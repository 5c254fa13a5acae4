//! The chain from outside: against anvil, against itself as a fork, and against the written rules
//! of go-ethereum where anvil's differ.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod alloy_client;
mod contracts;
mod differential;
mod fork;
mod history;
mod node;
mod pool;
mod random;
mod rpc;
mod world;
