//! The gate from outside: its rules one by one, its laws, and what does not compile.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bounds;
mod case;
mod compile_fail;
mod declared;
mod estimator_oracle;
mod gate;
mod history;
mod lattice;
mod laws;
mod lending;
mod model;
mod monitor;
mod nodes;
mod option_chain;
mod panel;
mod placement;
mod rules;
mod scenario;
mod world;
