//! One transaction that we would like to make, with everything that it is meant to change.

use alloy_primitives::{Address, Bytes, I256, U256};
use serde::{Deserialize, Serialize};

use crate::{
    BlockRef, ChainId, IntentId, ProtocolId, TaskId, Timestamp, Token, TokenAmount, TokenDelta,
};

/// What a transaction does on the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The contract (or account) called.
    pub to: Address,
    /// Native currency sent with it, wei.
    pub value: U256,
    /// ABI-encoded call data.
    pub data: Bytes,
}

impl Call {
    /// The four-byte selector; `None` for a plain transfer.
    #[must_use]
    pub fn selector(&self) -> Option<[u8; 4]> {
        self.data.get(..4).and_then(|bytes| bytes.try_into().ok())
    }
}

/// Who asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The program itself.
    Scheduler,
    /// A person, by a command with a reason.
    Operator,
}

/// What kind of thing it is, in the gate's terms. The gate does not believe the word: it derives
/// the effect from `spend`, `receive`, `positions` and the simulation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Purpose {
    /// An operation of a protocol module.
    Operation {
        /// A short verb: `supply`, `swap`.
        verb: String,
    },
    /// Uses the nonce of `original` for nothing, so that it can never execute.
    Cancel {
        /// The intent to be cancelled.
        original: IntentId,
    },
}

/// One allowance that the transaction sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowanceChange {
    /// Of which token.
    pub token: Token,
    /// Who may spend it.
    pub spender: Address,
    /// The allowance after the transaction, base units: exactly what the next step needs, or zero.
    pub amount: U256,
}

/// A change of a position in terms of an underlying token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionDelta {
    /// In which protocol.
    pub protocol: ProtocolId,
    /// The underlying token.
    pub token: Token,
    /// Base units; positive is more exposure. The most for an increase, the least for a decrease.
    pub delta: I256,
}

/// One transaction that we would like to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Names it; the same step planned twice has the same id.
    pub id: IntentId,
    /// The task run that wants it.
    pub task: TaskId,
    /// The step within the task run.
    pub step: u32,
    /// Who asks.
    pub origin: Origin,
    /// What for.
    pub purpose: Purpose,
    /// Where.
    pub chain: ChainId,
    /// From which wallet.
    pub wallet: Address,
    /// Through which protocol.
    pub protocol: ProtocolId,
    /// What is called.
    pub call: Call,
    /// The most that may leave the wallet, gas apart. Tokens that are not listed may not leave.
    pub spend: Vec<TokenAmount>,
    /// The least that must arrive in the wallet.
    pub receive: Vec<TokenAmount>,
    /// Allowances that it sets. Others may not grow.
    pub allowances: Vec<AllowanceChange>,
    /// Changes of positions.
    pub positions: Vec<PositionDelta>,
    /// In words, for people: "supply 500 USDC to aerie-l2".
    pub summary: String,
    /// What a simulation of exactly this call showed.
    pub simulation: Option<Simulation>,
}

/// What a simulation showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulation {
    /// The state it ran on.
    pub block: BlockRef,
    /// When it ran.
    pub at: Timestamp,
    /// Why it failed, if it did.
    pub failure: Option<SimulationFailure>,
    /// Gas units used.
    pub gas_used: u64,
    /// What the chain charges for the transaction's bytes beside its gas, wei; `None` if that was
    /// not asked.
    #[serde(default)]
    pub data_fee: Option<U256>,
    /// Balance changes of the wallet: every configured token on the chain, gas not included.
    pub deltas: Vec<TokenDelta>,
    /// Tokens outside the configuration that moved out of the wallet (by their `Transfer` logs).
    pub unknown_outflows: Vec<Address>,
    /// Allowances of the wallet that were set, as they are after the call.
    pub allowances: Vec<AllowanceChange>,
    /// Allowances of the wallet that the call used, as they are after it: each is lower than
    /// before.
    #[serde(default)]
    pub used_allowances: Vec<AllowanceChange>,
    /// Allowances of contracts outside the configuration that were set (by their logs).
    pub unknown_allowances: Vec<Address>,
}

/// Why a simulated call failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimulationFailure {
    /// The decoded reason, or what the node said.
    pub reason: String,
    /// The raw revert data.
    pub data: Bytes,
}
