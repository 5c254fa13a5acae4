//! Protocol interaction modules: what each protocol's position is worth in tokens, which steps an
//! action takes, which call each step is, and what that call may change in the wallet.
//!
//! Everything is asked of one configured [`Registry`]. Nothing here signs or sends: an
//! [`airdrops_types::Intent`] says what a transaction is meant to do, and the risk gate compares
//! that with a simulation.

mod abi;
mod bridge;
pub mod catalogue;
pub mod config;
mod draft;
mod erc20;
mod erc4626;
pub mod error;
mod merkle_distributor;
mod module;
pub mod plan;
mod pool;
pub mod registry;
mod staking_rewards;
mod uniswap_v2;
pub mod views;
mod wrapped_native;

pub use catalogue::{TaskKind, kinds};
pub use config::{ModuleConfig, ProtocolConfig};
pub use error::{BuildError, PlanError, RegistryError};
pub use plan::Amounts;
pub use registry::Registry;
pub use views::Views;
