//! What became of a transaction.

use alloy_primitives::{Address, B256, I256, U256};
use serde::{Deserialize, Serialize};

use crate::{ChainId, IntentId, Timestamp, Token};

/// A block by number and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockRef {
    /// Height.
    pub number: u64,
    /// Hash; two blocks of one height differ here.
    pub hash: B256,
    /// The header's time.
    pub time: Timestamp,
}

/// The final result of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum TxResult {
    /// Executed as intended.
    Succeeded,
    /// Mined, and reverted: only the fee was paid.
    Reverted {
        /// Whether the whole gas limit was used: it ran out of gas.
        out_of_gas: bool,
    },
    /// Its nonce was used by its own cancellation: it can never execute.
    Cancelled,
}

/// A final, canonical, sufficiently confirmed outcome. There is exactly one per intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Of which intent.
    pub intent: IntentId,
    /// On which chain.
    pub chain: ChainId,
    /// From which wallet.
    pub wallet: Address,
    /// The nonce that was used.
    pub nonce: u64,
    /// The transaction that was mined.
    pub tx: B256,
    /// The block that holds it.
    pub block: BlockRef,
    /// What happened.
    pub result: TxResult,
    /// Gas units used.
    pub gas_used: u64,
    /// Fee paid in wei, any L1 data fee included.
    pub fee: U256,
    /// Change of every tracked token balance of the wallet in that block; the native token's
    /// includes the fee.
    pub deltas: Vec<TokenDelta>,
}

/// A signed change of a balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenDelta {
    /// Of which token.
    pub token: Token,
    /// Base units; negative left the wallet.
    pub delta: I256,
}
