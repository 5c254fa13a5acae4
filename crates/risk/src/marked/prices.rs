//! What things are worth, by one snapshot.

use airdrops_types::{AssetId, Price, Reading, Reason, Rounding, Snapshot, Token, U256, Usd};
use rustc_hash::FxHashMap;

/// The assets that have a value of their own: those that have a price, known or not, and those that
/// pay for gas. Others are receipts of positions, or airdrops that are not traded yet.
#[derive(Debug)]
pub(crate) struct Prices<'a> {
    by_asset: FxHashMap<&'a AssetId, Option<&'a Reading<Price>>>,
}

impl<'a> Prices<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let gas = snapshot.chains.values();
        let gas = gas.map(|chain| (&chain.gas_asset, None));
        let quoted = snapshot.prices.iter();
        let quoted = quoted.map(|(asset, price)| (asset, Some(price)));
        Self {
            by_asset: gas.chain(quoted).collect(),
        }
    }

    /// Whether an asset has a value of its own.
    pub(crate) fn values(&self, asset: &AssetId) -> bool {
        self.by_asset.contains_key(asset)
    }

    /// The fresh price of an asset; `Ok(None)` if it has no value of its own.
    pub(crate) fn price(&self, asset: &AssetId) -> Result<Option<Price>, Reason> {
        let defect = match self.by_asset.get(asset) {
            None => return Ok(None),
            Some(Some(Reading::Fresh { value, .. })) => return Ok(Some(*value)),
            Some(Some(reading)) => reading.defect().unwrap_or_default(),
            Some(None) => "missing: not observed".to_owned(),
        };
        Err(Reason::NotFresh {
            what: format!("price of {asset}"),
            defect,
        })
    }

    /// The value of an amount, rounded up; nothing for an asset without a value of its own.
    pub(crate) fn value_up(&self, token: &Token, amount: U256) -> Result<Usd, Reason> {
        let Some(price) = self.price(&token.asset)? else {
            return Ok(Usd::ZERO);
        };
        price
            .value(amount, token.decimals, Rounding::Up)
            .ok_or_else(|| Reason::Unmeasurable {
                what: format!(
                    "the value of {} on chain {} are too large",
                    token.asset, token.chain
                ),
            })
    }
}
