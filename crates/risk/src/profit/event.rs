//! What changes profit and loss.

use airdrops_types::{AssetId, I256, U256};
use serde::{Deserialize, Serialize};

/// An amount of an asset, in base units of one of its tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetAmount {
    /// Of what.
    pub asset: AssetId,
    /// Decimals of the token.
    pub decimals: u8,
    /// Base units.
    pub amount: U256,
}

/// A signed change of what the portfolio holds of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetDelta {
    /// Of what.
    pub asset: AssetId,
    /// Decimals of the token.
    pub decimals: u8,
    /// Base units; positive came in.
    pub delta: I256,
}

/// What a fee was paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeKind {
    /// Gas, L1 data and operator fees included.
    Gas,
    /// A protocol's or bridge's own fee.
    Other,
}

/// One event. Values come from the prices at its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfitEvent {
    /// Was there when first seen: costs what it is worth then.
    Opening(AssetAmount),
    /// Came from outside: costs what it is worth then. No profit.
    Inflow(AssetAmount),
    /// Left without a transaction of ours.
    Outflow {
        /// What left.
        what: AssetAmount,
        /// Whether the operator announced it. If so it leaves at cost, and no profit is realised;
        /// if not it is lost.
        announced: bool,
    },
    /// What a transaction of ours, its fee apart, changed over wallets and positions together. A
    /// pool that exchanged one leg for another did the same. What is given up is disposed of at
    /// market value, and what comes in costs the value that was given up.
    Transaction(Vec<AssetDelta>),
    /// A fee: a disposal at market value, and an expense of that value.
    Fee {
        /// What for.
        kind: FeeKind,
        /// What was paid with.
        paid: AssetAmount,
    },
    /// A claimed airdrop, reward or accrued interest: realised at its value, which it costs.
    Income(AssetAmount),
}
