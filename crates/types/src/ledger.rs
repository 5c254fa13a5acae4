//! What moved, and what everything was worth.

use alloy_primitives::{Address, I256, U256};
use serde::{Deserialize, Serialize};

use crate::{IntentId, Timestamp, Token, Usd};

/// One booked change of a wallet's balance. The sum over a wallet and token is the balance that
/// we expect on the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// When it was booked.
    pub at: Timestamp,
    /// Whose balance.
    pub wallet: Address,
    /// Of what.
    pub token: Token,
    /// Base units.
    pub delta: I256,
    /// Why.
    pub kind: LedgerKind,
}

/// Why a balance changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum LedgerKind {
    /// What was there when the wallet was first seen.
    Opening,
    /// A transaction of ours, its fee included.
    Transaction {
        /// Which.
        intent: IntentId,
    },
    /// Bridged value that arrived from another chain.
    BridgeArrival,
    /// Came from or went to outside: a deposit, a withdrawal, or a loss.
    External,
}

/// Funds that an operator takes out, announced before they leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// From which wallet.
    pub wallet: Address,
    /// Of what.
    pub token: Token,
    /// Base units; the fee of the operator's own transaction included.
    pub amount: U256,
    /// Why.
    pub reason: String,
}

/// Equity at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EquityPoint {
    /// When.
    pub at: Timestamp,
    /// Marked value of all wallets and positions. Fees that were paid are gone from it.
    pub equity: Usd,
    /// Sum of external deposits less withdrawals up to `at`, each valued when it was seen.
    pub net_flows: Usd,
    /// Sum of gas fees up to `at`, each valued when it was paid.
    pub gas: Usd,
}
