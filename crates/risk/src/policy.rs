//! What the gate enforces: plain configuration, no state.

use std::collections::BTreeMap;
use std::time::Duration;

use airdrops_types::{Address, AssetId, Bps, ChainId, ProtocolId, Token, Usd};
use serde::{Deserialize, Serialize};

/// The limits and allow-lists that every transaction must satisfy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Most exposure to one protocol family, as a share of equity. Default 20 %.
    pub protocol_limit: Bps,
    /// Other limits for some families.
    pub protocol_limits: BTreeMap<String, Bps>,
    /// Most value that one transaction moves, as a share of equity. Default 5 %.
    pub transaction_limit: Bps,
    /// Most exposure to one asset, as a share of equity, wherever it is held. Default 30 %.
    pub asset_limit: Bps,
    /// Other limits for some assets: the reserve asset usually gets 100 %.
    pub asset_limits: BTreeMap<AssetId, Bps>,
    /// Highest base fee per chain, wei per gas. A chain that is not listed is not used.
    pub gas_ceilings: BTreeMap<ChainId, u128>,
    /// Highest worst-case fee of one transaction.
    pub fee_limit: Usd,
    /// Loss of equity within a rolling 24 h that halts everything. Default 10 %.
    pub rolling_loss_limit: Bps,
    /// Oldest simulation that a permit may rest on.
    pub max_simulation_age: Duration,
    /// Life of a permit.
    pub permit_ttl: Duration,
    /// Our own wallets. Nothing is sent from others.
    pub wallets: Vec<Address>,
    /// Tokens that may be spent, received or approved, receipt tokens included.
    pub tokens: Vec<Token>,
    /// Which calls may be made, and as part of which protocol.
    pub calls: Vec<AllowedCall>,
    /// Who may be given an allowance.
    pub spenders: Vec<(ChainId, Address)>,
    /// The family of each protocol instance: instances of one family share a limit.
    pub families: BTreeMap<ProtocolId, String>,
}

/// A call that may be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedCall {
    /// On which chain.
    pub chain: ChainId,
    /// To which contract.
    pub to: Address,
    /// With which selector.
    pub selector: [u8; 4],
    /// As part of which protocol.
    pub protocol: ProtocolId,
}
