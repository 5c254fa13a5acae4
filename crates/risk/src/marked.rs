//! A snapshot with all that the gate measures in it, measured once.

mod prices;

use std::sync::Arc;

use airdrops_types::{Address, AssetId, Reading, Reason, Snapshot, Token, U256, Usd};
use rustc_hash::FxHashMap;

use crate::exposure::Exposure;
use crate::look_through::{ExposureError, NodeExposures};
use crate::structure::Lists;
use crate::{Policy, Structure, exposure};
pub(crate) use prices::Prices;

/// A snapshot, and what is at stake in it. Made once per snapshot, so that a decision costs the
/// same however many positions there are.
#[derive(Debug)]
pub struct Marked<'a> {
    snapshot: &'a Snapshot,
    /// By fresh values alone, or why there is none.
    exposure: Result<Exposure, Vec<Reason>>,
    structure: Arc<Result<Structure, Vec<String>>>,
    nodes: Result<NodeExposures, ExposureError>,
    at_stake: AtStake,
    balances: Balances<'a>,
    prices: Prices<'a>,
}

/// The exposure of families and assets, to be looked up.
#[derive(Debug, Default)]
struct AtStake {
    protocols: FxHashMap<String, Usd>,
    assets: FxHashMap<AssetId, Usd>,
}

impl AtStake {
    fn of(exposure: &Exposure) -> Self {
        let protocols = exposure.protocols.iter();
        let assets = exposure.assets.iter();
        Self {
            protocols: protocols.map(|(id, usd)| (id.clone(), *usd)).collect(),
            assets: assets.map(|(id, usd)| (id.clone(), *usd)).collect(),
        }
    }
}

/// Balances by wallet and token.
pub(crate) type Balances<'a> = FxHashMap<(Address, &'a Token), &'a Reading<U256>>;

impl<'a> Marked<'a> {
    /// Measures `snapshot`.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot, policy: &Policy) -> Self {
        Self::with(snapshot, policy, Arc::new(Structure::of(policy)))
    }

    /// The same with the structure of this policy.
    pub(crate) fn with(
        snapshot: &'a Snapshot,
        policy: &Policy,
        structure: Arc<Result<Structure, Vec<String>>>,
    ) -> Self {
        let exposure = Exposure::strict(snapshot, policy);
        let nodes = match (structure.as_ref(), &exposure) {
            (Ok(structure), Ok(exposure)) => structure.exposures(exposure),
            // Nothing may grow then, whatever is at the nodes.
            _ => Err(ExposureError::Unmeasured),
        };
        Self {
            snapshot,
            at_stake: exposure.as_ref().map(AtStake::of).unwrap_or_default(),
            exposure,
            structure,
            nodes,
            balances: exposure::balances(snapshot),
            prices: Prices::of(snapshot),
        }
    }

    /// What was measured.
    #[must_use]
    pub fn snapshot(&self) -> &'a Snapshot {
        self.snapshot
    }

    /// Equity and exposure by fresh values alone.
    ///
    /// # Errors
    /// Every input that is not fresh, as reasons for a refusal.
    pub fn exposure(&self) -> Result<&Exposure, &[Reason]> {
        self.exposure.as_ref().map_err(Vec::as_slice)
    }

    /// What depends on what, with the limits of that.
    ///
    /// # Errors
    /// What is wrong with it in the policy.
    pub fn structure(&self) -> Result<&Structure, &[String]> {
        self.structure.as_ref().as_ref().map_err(Vec::as_slice)
    }

    /// What is at stake at each node, by fresh values alone.
    ///
    /// # Errors
    /// Why that cannot be said.
    pub fn nodes(&self) -> Result<&NodeExposures, &ExposureError> {
        self.nodes.as_ref()
    }

    /// The lists of a policy, with the places that are known.
    pub(crate) fn lists<'b>(&'b self, policy: &'b Policy) -> Lists<'b> {
        let listed = self.structure().ok().map(Structure::listed);
        Lists { policy, listed }
    }

    /// What things are worth.
    pub(crate) fn prices(&self) -> &Prices<'a> {
        &self.prices
    }

    /// Exposure to a protocol family by fresh values alone; nothing without [`Self::exposure`].
    pub(crate) fn in_protocol(&self, family: &str) -> Usd {
        let found = self.at_stake.protocols.get(family);
        found.copied().unwrap_or_default()
    }

    /// Exposure to an asset by fresh values alone; nothing without [`Self::exposure`].
    pub(crate) fn in_asset(&self, asset: &AssetId) -> Usd {
        let found = self.at_stake.assets.get(asset);
        found.copied().unwrap_or_default()
    }

    /// What was seen of a balance.
    pub(crate) fn balance(&self, wallet: Address, token: &Token) -> Option<&'a Reading<U256>> {
        self.balances.get(&(wallet, token)).copied()
    }
}
