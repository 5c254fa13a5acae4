//! A transaction: what was given up is disposed of, what came in takes its value over as cost.

use std::collections::BTreeMap;

use airdrops_types::{AssetId, I256, U256, Usd};

use super::event::AssetDelta;
use super::{Prices, ProfitBook, ProfitError, add, overflow, sub, value_of};

/// The assets that came in.
#[derive(Default)]
struct Received {
    /// Asset, amount in the lot's units, value at market.
    items: Vec<(AssetId, U256, Option<Usd>)>,
}

impl Received {
    /// The sum of the values, if every asset has one.
    fn value(&self) -> Result<Option<Usd>, ProfitError> {
        let mut sum = Usd::ZERO;
        for (_, _, value) in &self.items {
            match value {
                Some(value) => sum = add(sum, *value)?,
                None => return Ok(None),
            }
        }
        Ok(Some(sum))
    }

    /// `whole`, which is not negative, split by market value; in equal parts where nothing that
    /// came in has any. The parts sum to the whole.
    fn split(&self, whole: Usd) -> Option<Vec<Usd>> {
        let unsigned = |value: Usd| u128::try_from(value.0).ok().map(U256::from);
        let mut weights = Vec::with_capacity(self.items.len());
        for (_, _, value) in &self.items {
            weights.push(unsigned(value.unwrap_or_default())?);
        }
        if weights.iter().all(U256::is_zero) {
            weights.fill(U256::from(1));
        }
        let sum = weights
            .iter()
            .try_fold(U256::ZERO, |sum, weight| sum.checked_add(*weight))?;
        let whole = unsigned(whole)?;
        let (mut before, mut weight_before) = (U256::ZERO, U256::ZERO);
        let mut parts = Vec::with_capacity(weights.len());
        for weight in weights {
            weight_before += weight;
            // Both fit into 128 bits, or nearly so.
            let until = whole.checked_mul(weight_before)? / sum;
            parts.push(Usd(i128::try_from(until - before).ok()?));
            before = until;
        }
        Some(parts)
    }
}

impl ProfitBook {
    pub(super) fn transact(
        &mut self,
        deltas: &[AssetDelta],
        prices: &Prices,
    ) -> Result<(), ProfitError> {
        let mut given = Usd::ZERO;
        let mut cost = Usd::ZERO;
        let mut cost_of_unpriced = None;
        let mut received = Received::default();
        let mut anything_given = false;
        for (asset, delta) in self.net(deltas)? {
            if delta.is_zero() {
                continue;
            }
            let amount = delta.unsigned_abs();
            let decimals = self.lots.get(&asset).map_or(0, |lot| lot.decimals);
            let value = value_of(&asset, amount, decimals, prices)?;
            if delta.is_positive() {
                received.items.push((asset, amount, value));
            } else {
                anything_given = true;
                let (lot, amount) = self.lot(&asset, decimals, amount)?;
                let own = lot.dispose(amount).ok_or_else(|| overflow(&asset))?;
                cost = add(cost, own)?;
                match value {
                    Some(value) => given = add(given, value)?,
                    None => {
                        cost_of_unpriced = Some(add(cost_of_unpriced.unwrap_or_default(), own)?);
                    }
                }
            }
        }
        let something_received = !received.items.is_empty();
        if let Some(unpriced) = cost_of_unpriced
            && something_received
        {
            // What has no price of its own was worth what it brought, or else what it cost.
            given = match received.value()? {
                Some(value) => given.max(value),
                None => add(given, unpriced)?,
            };
        }
        let paid = if anything_given {
            self.sums.realised = add(self.sums.realised, sub(given, cost)?)?;
            given
        } else {
            // For nothing: nobody exchanged anything, so it was earned.
            let mut earned = Usd::ZERO;
            for (_, _, value) in &received.items {
                earned = add(earned, value.unwrap_or_default())?;
            }
            self.sums.income = add(self.sums.income, earned)?;
            earned
        };
        if !something_received {
            self.sums.lost = add(self.sums.lost, paid)?;
            return Ok(());
        }
        let parts = received.split(paid).ok_or_else(|| ProfitError::Overflow {
            what: "the value of a transaction".to_owned(),
        })?;
        for ((asset, amount, _), part) in received.items.iter().zip(parts) {
            let decimals = self.lots.get(asset).map_or(0, |lot| lot.decimals);
            let (lot, amount) = self.lot(asset, decimals, *amount)?;
            lot.acquire(amount, part).ok_or_else(|| overflow(asset))?;
        }
        Ok(())
    }

    /// The net change per asset, in units of its lot: what only moved from one place to another
    /// nets to zero.
    fn net(&mut self, deltas: &[AssetDelta]) -> Result<BTreeMap<AssetId, I256>, ProfitError> {
        for delta in deltas {
            self.lot(&delta.asset, delta.decimals, U256::ZERO)?;
        }
        let mut net: BTreeMap<AssetId, I256> = BTreeMap::new();
        for delta in deltas {
            let asset = &delta.asset;
            let (_, amount) = self.lot(asset, delta.decimals, delta.delta.unsigned_abs())?;
            let amount = I256::try_from(amount).map_err(|_| overflow(asset))?;
            let sum = net.entry(asset.clone()).or_default();
            let next = if delta.delta.is_negative() {
                sum.checked_sub(amount)
            } else {
                sum.checked_add(amount)
            };
            *sum = next.ok_or_else(|| overflow(asset))?;
        }
        Ok(net)
    }
}
