//! EVM access: reading a chain at one pinned block, fees, simulation, keystores, and the
//! transaction manager, which alone reaches a signing key.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

#[cfg(doctest)]
mod doors;
pub mod endpoint;
pub mod feed;
pub mod keystore;
pub mod manager;
pub mod read;
mod revert;
mod rpc;
pub mod signer;
pub mod simulate;
pub mod token;
mod transport;
pub mod view;

pub use endpoint::{ChainClient, EndpointError, RpcUrl};
pub use feed::read_price;
pub use manager::{
    CHECKPOINTS, ChainLane, FeePair, Polled, Progress, SubmitError, Submitted, TransactionManager,
    least_replacement,
};
pub use read::{ChainRead, ReadError, ReadFuture};
pub use signer::Keyring;
pub use simulate::simulate;
pub use token::{allowance, token_balance};
pub use view::View;
