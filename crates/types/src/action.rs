//! What tasks do, and the steps that they are made of.

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use crate::{AssetId, Bps, ProtocolId, Token};

/// How much a task moves. Resolved when the task becomes ready, never when it is defined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AmountSpec {
    /// Up to the allocator's target for the protocol (in either direction).
    Target,
    /// All there is.
    All,
    /// A share of the wallet's balance (or of the position, for an exit).
    Share(Bps),
    /// A decimal amount in whole tokens: `"1.25"`.
    Exact(String),
}

/// What a task does at a protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// Native currency to its wrapped token.
    Wrap,
    /// The wrapped token to native currency.
    Unwrap,
    /// Deposit the protocol's asset.
    Supply,
    /// Take the protocol's asset out.
    Withdraw,
    /// Exchange one asset for another.
    Swap {
        /// What is given.
        from: AssetId,
        /// What is wanted.
        to: AssetId,
    },
    /// Provide both assets of a pool.
    AddLiquidity,
    /// Take both assets of a pool out.
    RemoveLiquidity,
    /// Lock receipt tokens to earn.
    Stake,
    /// Take staked tokens and rewards out.
    Exit,
    /// Send the asset to the chain at the other end.
    Bridge,
    /// Claim an airdrop with a Merkle proof.
    Claim,
    /// End the position and take back every allowance. An operator's alone: no campaign has it.
    Unwind,
}

impl Action {
    /// The verb as it is written in configuration.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Wrap => "wrap",
            Self::Unwrap => "unwrap",
            Self::Supply => "supply",
            Self::Withdraw => "withdraw",
            Self::Swap { .. } => "swap",
            Self::AddLiquidity => "add_liquidity",
            Self::RemoveLiquidity => "remove_liquidity",
            Self::Stake => "stake",
            Self::Exit => "exit",
            Self::Bridge => "bridge",
            Self::Claim => "claim",
            Self::Unwind => "unwind",
        }
    }

    /// Whether it can only lower exposure to a protocol.
    #[must_use]
    pub fn only_reduces(&self) -> bool {
        matches!(
            self,
            Self::Withdraw | Self::RemoveLiquidity | Self::Exit | Self::Unwind
        )
    }
}

/// One step of a task: one transaction, with its amounts fixed. Stored in the task's plan, so that
/// a restart continues with the same numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Operation {
    /// Set the allowance of `spender` to exactly `amount`; zero revokes.
    Approve {
        /// Of which token.
        token: Token,
        /// For whom.
        spender: Address,
        /// Base units.
        amount: U256,
    },
    /// Native currency to its wrapped token.
    Wrap {
        /// Wei.
        amount: U256,
    },
    /// The wrapped token to native currency.
    Unwrap {
        /// Wei.
        amount: U256,
    },
    /// Deposit.
    Supply {
        /// Base units of the asset.
        amount: U256,
    },
    /// Take out.
    Withdraw {
        /// Base units of the asset.
        amount: U256,
        /// Redeem every share instead, so that no dust stays.
        all: bool,
    },
    /// Exchange.
    Swap {
        /// Given.
        from: Token,
        /// Wanted.
        to: Token,
        /// Base units given.
        amount: U256,
    },
    /// Provide both tokens of a pool.
    AddLiquidity {
        /// Base units of the pool's configured `token_a`.
        amount_a: U256,
        /// Base units of the pool's configured `token_b`.
        amount_b: U256,
    },
    /// Take both tokens of a pool out.
    RemoveLiquidity {
        /// Base units of the LP token.
        liquidity: U256,
    },
    /// Lock receipt tokens.
    Stake {
        /// Base units of the receipt token.
        amount: U256,
    },
    /// Take all staked tokens and rewards out.
    Exit,
    /// Send to the other chain.
    Bridge {
        /// Base units.
        amount: U256,
    },
    /// Claim an airdrop.
    Claim {
        /// Index in the distribution.
        index: u64,
        /// Base units granted.
        amount: U256,
        /// The Merkle proof.
        proof: Vec<B256>,
    },
}

impl Operation {
    /// A short verb for people.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Approve { amount, .. } if amount.is_zero() => "revoke",
            Self::Approve { .. } => "approve",
            Self::Wrap { .. } => "wrap",
            Self::Unwrap { .. } => "unwrap",
            Self::Supply { .. } => "supply",
            Self::Withdraw { .. } => "withdraw",
            Self::Swap { .. } => "swap",
            Self::AddLiquidity { .. } => "add liquidity",
            Self::RemoveLiquidity { .. } => "remove liquidity",
            Self::Stake { .. } => "stake",
            Self::Exit => "exit",
            Self::Bridge { .. } => "bridge",
            Self::Claim { .. } => "claim",
        }
    }
}

/// A task's target: which wallet does what at which protocol with how much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The wallet.
    pub wallet: Address,
    /// The protocol instance.
    pub protocol: ProtocolId,
    /// What.
    pub action: Action,
    /// How much.
    pub amount: AmountSpec,
}
