//! Every source against a server that speaks its recorded shape, and that lies.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod fetching;
mod lying;
mod mistyping;
mod server;
mod shapes;
mod subject;
mod watching;
