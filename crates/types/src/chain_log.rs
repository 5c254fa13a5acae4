//! Logs that contracts leave in blocks.

use serde::{Deserialize, Serialize};

use crate::{Address, B256};

/// A log, as far as it tells that something happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainLog {
    /// The contract.
    pub address: Address,
    /// At most four.
    pub topics: Vec<B256>,
    /// Height of its block.
    pub block: u64,
    /// Hash of its block.
    pub block_hash: B256,
    /// Its transaction.
    pub transaction: B256,
    /// Its index in the block.
    pub index: u64,
}

/// All logs of one filter in a range of blocks, with what tells on which chain of blocks they lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRange {
    /// First block.
    pub from: u64,
    /// Last block, included.
    pub to: u64,
    /// Hash of the block before `from`; `None` if `from` is the first of all.
    pub before: Option<B256>,
    /// Hash of block `to`.
    pub end: B256,
    /// By block and index, none twice.
    pub logs: Vec<ChainLog>,
}
