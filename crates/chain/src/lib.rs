//! EVM access: reading a chain at one pinned block, fees, simulation, keystores, and the
//! transaction manager, which alone reaches a signing key.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod base_fee;
pub mod batch;
pub mod contract_facts;
pub mod data_fee;
#[cfg(doctest)]
mod doors;
pub mod endpoint;
pub mod fee_history;
pub mod feed;
pub mod keystore;
pub mod logs;
pub mod manager;
pub mod read;
mod revert;
mod rpc;
pub mod signer;
pub mod simulate;
pub mod token;
mod transport;
pub mod view;
pub mod witness;

pub use base_fee::{BaseFeeRule, BlobFeeRule, BlobHeader};
pub use batch::{Batching, Query, read_batch};
pub use contract_facts::read_facts;
pub use data_fee::{DataFee, DataFeeModel, Draft, read_data_fee};
pub use endpoint::{ChainClient, EndpointError, RpcUrl};
pub use fee_history::{BlobFees, FeeHistory, FeeHistoryError, read_fee_history};
pub use feed::{FeedAnswer, UPTIME_GRACE, Uptime, read_feeds, read_uptime};
pub use logs::{LogFilter, LogsError, read_logs};
pub use manager::{
    CHECKPOINTS, ChainLane, FeePair, Polled, Progress, SubmitError, Submitted, TransactionManager,
    least_replacement,
};
pub use read::{ChainRead, ReadError, ReadFuture};
pub use signer::Keyring;
pub use simulate::simulate;
pub use token::{allowance, read_allowances, read_balances, token_balance};
pub use view::View;
pub use witness::Witness;
