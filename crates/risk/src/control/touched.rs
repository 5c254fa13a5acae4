//! What a transaction touches.

use airdrops_types::{Address, AssetId, ChainId, Intent, ProtocolId, Scope};

/// Everything that a transaction touches, in the terms of [`Scope`].
#[derive(Debug, Clone, Default)]
pub struct Touched<'a> {
    /// Its chain, and the chains of the positions that it changes.
    pub chains: Vec<ChainId>,
    /// The wallet that sends it.
    pub wallets: Vec<Address>,
    /// Its protocol, and those whose positions it changes.
    pub protocols: Vec<&'a ProtocolId>,
    /// The assets that it spends, receives, approves or changes a position of.
    pub assets: Vec<&'a AssetId>,
}

impl<'a> Touched<'a> {
    /// What `intent` touches.
    #[must_use]
    pub fn by(intent: &'a Intent) -> Self {
        let amounts = intent.spend.iter().chain(&intent.receive);
        let amounts = amounts.map(|amount| &amount.token);
        let allowances = intent.allowances.iter().map(|allowance| &allowance.token);
        let positions = intent.positions.iter().map(|change| &change.token);
        let tokens = amounts.chain(allowances).chain(positions);
        let changed = intent.positions.iter();
        let chains = changed.clone().map(|change| change.token.chain);
        let protocols = changed.map(|change| &change.protocol);
        Self {
            chains: std::iter::once(intent.chain).chain(chains).collect(),
            wallets: vec![intent.wallet],
            protocols: std::iter::once(&intent.protocol).chain(protocols).collect(),
            assets: tokens.map(|token| &token.asset).collect(),
        }
    }

    /// Whether any of it lies in `scope`.
    #[must_use]
    pub fn is_in(&self, scope: &Scope) -> bool {
        match scope {
            Scope::Everything => true,
            Scope::Chain(chain) => self.chains.contains(chain),
            Scope::Protocol(protocol) => self.protocols.contains(&protocol),
            Scope::Asset(asset) => self.assets.contains(&asset),
            Scope::Wallet(wallet) => self.wallets.contains(wallet),
        }
    }
}
