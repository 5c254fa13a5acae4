//! Control states: what the whole, or a part of it, may do at present.

use std::fmt;

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use crate::{AssetId, Bps, ChainId, ProtocolId, Timestamp};

/// Ordered from free to locked; the worst that holds wins.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ControlState {
    /// Everything that the limits allow.
    #[default]
    Active,
    /// Sizes are scaled and non-critical work waits.
    Cautious,
    /// Only what lowers exposure.
    Reducing,
    /// Only a simulated unwind that an operator started.
    Halted,
    /// Nothing.
    Locked,
}

impl ControlState {
    /// Whether nothing may grow, whatever the limits are: in `Reducing` and worse.
    #[must_use]
    pub fn forbids_growth(self) -> bool {
        self >= Self::Reducing
    }

    /// The most that is left of a limit on growth where there may be any: half in `Cautious`.
    #[must_use]
    pub fn most_of_limits(self) -> Bps {
        if self == Self::Cautious {
            Bps(Bps::WHOLE.0 / 2)
        } else {
            Bps::WHOLE
        }
    }
}

impl fmt::Display for ControlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Active => "active",
            Self::Cautious => "cautious",
            Self::Reducing => "reducing",
            Self::Halted => "halted",
            Self::Locked => "locked",
        })
    }
}

/// What a control state attaches to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The whole portfolio.
    Everything,
    /// One chain.
    Chain(ChainId),
    /// One protocol instance.
    Protocol(ProtocolId),
    /// One asset.
    Asset(AssetId),
    /// One wallet on every chain.
    Wallet(Address),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Chain(chain) => write!(f, "chain:{chain}"),
            Self::Protocol(protocol) => write!(f, "protocol:{protocol}"),
            Self::Asset(asset) => write!(f, "asset:{asset}"),
            Self::Wallet(wallet) => write!(f, "wallet:{wallet}"),
        }
    }
}

/// One standing reason for a control state. A breaker has at most one trip per scope; the state of
/// a scope is the worst of its trips.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trip {
    /// What it covers.
    pub scope: Scope,
    /// The breaker: `manual`, `rolling-loss`, `foreign-nonce`.
    pub breaker: String,
    /// The state that it demands.
    pub state: ControlState,
    /// Since when.
    pub since: Timestamp,
    /// The measured facts, with units.
    pub evidence: String,
}

impl fmt::Display for Trip {
    /// As the gate's refusals word it: `protocol:vault is reducing: pin-change: …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is {}: {}: {}",
            self.scope, self.state, self.breaker, self.evidence
        )
    }
}
