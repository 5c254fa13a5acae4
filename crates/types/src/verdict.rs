//! Why the gate refuses, and what a permit allows.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    AssetId, Bps, ChainId, ControlState, Gwei, IntentId, ProtocolId, Scope, Timestamp, Usd,
};

/// One reason for a refusal. Each names the limit, its value and the measured value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// An input that the decision needs is stale or missing.
    NotFresh {
        /// Which input.
        what: String,
        /// What is wrong with it.
        defect: String,
    },
    /// The control state forbids it.
    Control {
        /// The state that holds.
        state: ControlState,
        /// Where it holds.
        scope: Scope,
        /// Which breaker demands it, on what evidence.
        evidence: String,
    },
    /// Exposure to a protocol would exceed its limit.
    ProtocolLimit {
        /// The protocol family.
        family: String,
        /// Exposure after the transaction, reservations included.
        measured: Usd,
        /// The most that is allowed now.
        bound: Usd,
        /// The limit as a share of equity.
        limit: Bps,
    },
    /// Exposure to an asset would exceed its limit.
    AssetLimit {
        /// The asset.
        asset: AssetId,
        /// Exposure after the transaction, reservations included.
        measured: Usd,
        /// The most that is allowed now.
        bound: Usd,
        /// The limit as a share of equity.
        limit: Bps,
    },
    /// Exposure to something that positions depend on would exceed its limit.
    NodeLimit {
        /// Class and name: `bridge:hop`, `chain:10`.
        node: String,
        /// Exposure after the transaction, reservations included.
        measured: Usd,
        /// The most that is allowed now.
        bound: Usd,
        /// The limit as a share of equity.
        limit: Bps,
    },
    /// Gas is dearer than this kind of task may pay for.
    GasLimit {
        /// Limit and measure, in words with units.
        detail: String,
    },
    /// One transaction would move too much.
    TransactionLimit {
        /// What it would move.
        measured: Usd,
        /// The most that is allowed now.
        bound: Usd,
        /// The limit as a share of equity.
        limit: Bps,
    },
    /// Gas is too dear.
    GasCeiling {
        /// Where.
        chain: ChainId,
        /// Base fee of the next block, wei.
        base_fee: u128,
        /// The most that is allowed, wei.
        ceiling: u128,
    },
    /// The fee of this transaction would cost too much.
    FeeLimit {
        /// Worst-case fee.
        measured: Usd,
        /// The most that is allowed.
        bound: Usd,
    },
    /// The wallet cannot pay.
    InsufficientFunds {
        /// Of what, and how much is short, in words with units.
        shortfall: String,
    },
    /// A chain, contract, selector, token, spender or wallet that is not on the allow-list.
    NotAllowed {
        /// Which.
        what: String,
    },
    /// No simulation, an old one, or one that failed.
    Simulation {
        /// What is wrong.
        defect: String,
    },
    /// The simulation shows something that the intent does not declare.
    Undeclared {
        /// What.
        what: String,
    },
    /// A value does not fit, or equity is not positive: nothing can be measured.
    Unmeasurable {
        /// What.
        what: String,
    },
}

impl Reason {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFresh { .. } => "not_fresh",
            Self::Control { .. } => "control",
            Self::ProtocolLimit { .. } => "protocol_limit",
            Self::AssetLimit { .. } => "asset_limit",
            Self::NodeLimit { .. } => "node_limit",
            Self::GasLimit { .. } => "gas_limit",
            Self::TransactionLimit { .. } => "transaction_limit",
            Self::GasCeiling { .. } => "gas_ceiling",
            Self::FeeLimit { .. } => "fee_limit",
            Self::InsufficientFunds { .. } => "insufficient_funds",
            Self::NotAllowed { .. } => "not_allowed",
            Self::Simulation { .. } => "simulation",
            Self::Undeclared { .. } => "undeclared",
            Self::Unmeasurable { .. } => "unmeasurable",
        }
    }

    /// Whether waiting may clear it: such tasks are deferred and do not count a failure.
    #[must_use]
    pub fn clears_by_itself(&self) -> bool {
        matches!(
            self,
            Self::NotFresh { .. }
                | Self::Control { .. }
                | Self::GasCeiling { .. }
                | Self::FeeLimit { .. }
                | Self::ProtocolLimit { .. }
                | Self::AssetLimit { .. }
                | Self::NodeLimit { .. }
                | Self::GasLimit { .. }
                | Self::Unmeasurable { .. }
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFresh { what, defect } => write!(f, "{what} is {defect}"),
            Self::Control {
                state,
                scope,
                evidence,
            } => {
                write!(f, "{scope} is {state}: {evidence}")
            }
            Self::ProtocolLimit {
                family,
                measured,
                bound,
                limit,
            } => write!(
                f,
                "protocol {family} would hold {measured}, limit {limit} of equity is {bound}"
            ),
            Self::AssetLimit {
                asset,
                measured,
                bound,
                limit,
            } => {
                write!(
                    f,
                    "{asset} would be {measured}, limit {limit} of equity is {bound}"
                )
            }
            Self::NodeLimit {
                node,
                measured,
                bound,
                limit,
            } => write!(
                f,
                "{node} would carry {measured}, limit {limit} of equity is {bound}"
            ),
            Self::GasLimit { detail } => f.write_str(detail),
            Self::TransactionLimit {
                measured,
                bound,
                limit,
            } => write!(
                f,
                "the transaction moves {measured}, limit {limit} of equity is {bound}"
            ),
            Self::GasCeiling {
                chain,
                base_fee,
                ceiling,
            } => write!(
                f,
                "base fee on chain {chain} is {}, ceiling is {}",
                Gwei(*base_fee),
                Gwei(*ceiling)
            ),
            Self::FeeLimit { measured, bound } => {
                write!(f, "the fee may reach {measured}, limit is {bound}")
            }
            Self::InsufficientFunds { shortfall } => write!(f, "insufficient funds: {shortfall}"),
            Self::NotAllowed { what } => write!(f, "not on the allow-list: {what}"),
            Self::Simulation { defect } => write!(f, "simulation: {defect}"),
            Self::Undeclared { what } => {
                write!(f, "the simulation shows what was not declared: {what}")
            }
            Self::Unmeasurable { what } => write!(f, "cannot be measured: {what}"),
        }
    }
}

/// Exposure that a permit has claimed and that no snapshot shows yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// For which intent; there is at most one per intent.
    pub intent: IntentId,
    /// On which chain the effect will be seen.
    pub chain: ChainId,
    /// Growth of exposure per protocol family, each positive.
    pub protocols: Vec<(String, Usd)>,
    /// Growth of exposure per asset, each positive.
    pub assets: Vec<(AssetId, Usd)>,
    /// Growth of exposure per node of the dependencies, by class and name, each positive.
    #[serde(default)]
    pub nodes: Vec<(Arc<str>, Usd)>,
    /// The block of the final outcome: a snapshot of that height shows the effect, and the
    /// reservation ends. `None` while the outcome is open.
    pub booked_at: Option<u64>,
}

/// What a permit allows, as it is stored beside the signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermitTerms {
    /// For which intent.
    pub intent: IntentId,
    /// Given when.
    pub granted_at: Timestamp,
    /// Not to be used for a new signature after.
    pub expires_at: Timestamp,
    /// The most gas units.
    pub gas_limit: u64,
    /// The most wei per gas, tip included.
    pub max_fee_per_gas: u128,
    /// The most tip, wei per gas.
    pub max_priority_fee_per_gas: u128,
    /// Revision of the control states that the gate saw. A signature is not stored under another.
    pub control_revision: u64,
    /// The exposure that it claims.
    pub reservation: Reservation,
}

/// The gate's answer, as the journal records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Permitted on these terms.
    Permitted {
        /// The terms.
        terms: PermitTerms,
    },
    /// Refused for all of these reasons.
    Refused {
        /// At least one.
        reasons: Vec<Reason>,
    },
}

/// What the allocator wants at one protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Where.
    pub protocol: ProtocolId,
    /// How much is there now.
    pub current: Usd,
    /// How much there should be.
    pub target: Usd,
    /// Why this number: the configured share and every limit that cut it.
    pub reason: String,
}
