//! What a transaction touches.

use std::collections::BTreeSet;

use airdrops_types::{Address, AssetId, ChainId, Intent, ProtocolId, Scope};

/// Everything that a transaction touches, in the terms of [`Scope`].
#[derive(Debug, Clone, Default)]
pub struct Touched<'a> {
    /// Its chain, and the chains of the positions that it changes.
    pub chains: BTreeSet<ChainId>,
    /// The wallet that sends it.
    pub wallets: BTreeSet<Address>,
    /// Its protocol, and those whose positions it changes.
    pub protocols: BTreeSet<&'a ProtocolId>,
    /// The assets that it spends, receives, approves or changes a position of.
    pub assets: BTreeSet<&'a AssetId>,
}

impl<'a> Touched<'a> {
    /// What `intent` touches.
    #[must_use]
    pub fn by(intent: &'a Intent) -> Self {
        let mut touched = Self {
            chains: BTreeSet::from([intent.chain]),
            wallets: BTreeSet::from([intent.wallet]),
            protocols: BTreeSet::from([&intent.protocol]),
            assets: BTreeSet::new(),
        };
        let amounts = intent.spend.iter().chain(&intent.receive);
        touched
            .assets
            .extend(amounts.map(|amount| &amount.token.asset));
        let allowances = intent.allowances.iter();
        touched
            .assets
            .extend(allowances.map(|allowance| &allowance.token.asset));
        for change in &intent.positions {
            touched.chains.insert(change.token.chain);
            touched.protocols.insert(&change.protocol);
            touched.assets.insert(&change.token.asset);
        }
        touched
    }

    /// Whether any of it lies in `scope`.
    #[must_use]
    pub fn is_in(&self, scope: &Scope) -> bool {
        match scope {
            Scope::Everything => true,
            Scope::Chain(chain) => self.chains.contains(chain),
            Scope::Protocol(protocol) => self.protocols.contains(protocol),
            Scope::Asset(asset) => self.assets.contains(asset),
            Scope::Wallet(wallet) => self.wallets.contains(wallet),
        }
    }
}
