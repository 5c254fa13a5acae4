//! The world as one tick saw it.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use serde::{Deserialize, Serialize};

use crate::{
    AllowanceView, AssetId, BlockRef, ChainId, ContractView, MarketView, Position, Price,
    ProtocolId, Reading, Timestamp, Token,
};

/// An immutable picture of everything that a decision may rest on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Timestamp,
    /// Each chain's head and fees.
    pub chains: BTreeMap<ChainId, ChainView>,
    /// USD prices.
    pub prices: BTreeMap<AssetId, Reading<Price>>,
    /// Wallet balances of every configured token, receipt tokens included.
    pub holdings: Vec<Holding>,
    /// Positions in every configured protocol.
    pub positions: Vec<PositionView>,
    /// Per chain, every allowance above zero that our wallets have given to spenders of configured
    /// protocols.
    #[serde(default)]
    pub allowances: BTreeMap<ChainId, Reading<Vec<AllowanceView>>>,
    /// Watched contracts.
    #[serde(default)]
    pub contracts: Vec<ContractView>,
    /// Markets and feeds.
    #[serde(default)]
    pub market: MarketView,
}

/// A chain as seen at one block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainView {
    /// The block at which holdings and positions of this chain were read; its age decides the
    /// standing.
    pub head: Reading<BlockRef>,
    /// Base fee of the next block, wei per gas.
    pub base_fee: Reading<u128>,
    /// The asset that pays for gas.
    pub gas_asset: AssetId,
}

/// A wallet's balance of one token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Whose.
    pub wallet: Address,
    /// Of what.
    pub token: Token,
    /// Base units.
    pub amount: Reading<U256>,
}

/// A wallet's position in one protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionView {
    /// Whose.
    pub wallet: Address,
    /// Where.
    pub protocol: ProtocolId,
    /// What.
    pub position: Reading<Position>,
}

impl Snapshot {
    /// The fresh balance of `token` in `wallet`.
    #[must_use]
    pub fn balance(&self, wallet: Address, token: &Token) -> Option<U256> {
        self.holdings
            .iter()
            .find(|holding| holding.wallet == wallet && holding.token == *token)
            .and_then(|holding| holding.amount.fresh().copied())
    }

    /// The fresh position of `wallet` in `protocol`.
    #[must_use]
    pub fn position(&self, wallet: Address, protocol: &ProtocolId) -> Option<&Position> {
        self.positions
            .iter()
            .find(|view| view.wallet == wallet && view.protocol == *protocol)
            .and_then(|view| view.position.fresh())
    }
}
