//! Reading a chain at one pinned block.

use std::future::Future;
use std::pin::Pin;

use airdrops_types::{Address, BlockRef, Bytes, ChainId, U256};

/// Why a read gave no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The node could not be asked, or did not answer in time.
    #[error("the node did not answer: {0}")]
    Unreachable(String),
    /// The call reverted.
    #[error("the call to {to} reverted: {reason}")]
    Reverted {
        /// The contract.
        to: Address,
        /// The decoded reason, or the raw data as hex.
        reason: String,
    },
    /// The answer is not what the contract's interface says.
    #[error("unexpected answer from {to}: {detail}")]
    Unexpected {
        /// The contract.
        to: Address,
        /// What was wrong.
        detail: String,
    },
    /// The node's answer does not fit the JSON-RPC method.
    #[error("the node's answer to {method} makes no sense: {detail}")]
    Malformed {
        /// The JSON-RPC method.
        method: &'static str,
        /// What was wrong.
        detail: String,
    },
    /// The endpoint does not offer a JSON-RPC method that is needed.
    #[error("the endpoint does not offer {method}; {remedy}")]
    Unsupported {
        /// The JSON-RPC method.
        method: &'static str,
        /// What to do.
        remedy: &'static str,
    },
}

/// A pending read.
pub type ReadFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, ReadError>> + Send + 'a>>;

/// A chain at one block. All reads of one value see the same state.
pub trait ChainRead: Send + Sync {
    /// Which chain.
    fn chain(&self) -> ChainId;

    /// Which block.
    fn block(&self) -> BlockRef;

    /// The return data of a call at that block.
    fn call(&self, to: Address, data: Bytes) -> ReadFuture<'_, Bytes>;

    /// Native balance at that block, wei.
    fn native_balance(&self, account: Address) -> ReadFuture<'_, U256>;
}
