//! Profit and loss of the whole portfolio, at average cost.
//!
//! The book follows what the portfolio holds of each asset, wherever it is held, and what that
//! cost. Wallets, the underlying amounts of positions and what is under way over a bridge count
//! together: moving an asset into a vault is no disposal. Receipt tokens are left out, as in
//! [`Exposure`](crate::Exposure).
//!
//! Every booking keeps, to the micro-dollar,
//!
//! `Σ cost = opening + net flows + realised + income + carried out − gas − fees − lost`
//!
//! and [`ProfitBook::mark`] adds `unrealised = Σ (value − cost)` and `residue = equity − Σ value`, so
//! that `total = equity − net flows − opening` holds exactly for the equity as it was measured.

pub mod event;
mod lot;
mod transaction;

use std::collections::BTreeMap;
use std::fmt;

use airdrops_types::{AssetId, Price, Reading, Rounding, U256, Usd};
use serde::{Deserialize, Serialize};

pub use event::{AssetAmount, AssetDelta, FeeKind, ProfitEvent};
use lot::Lot;

/// Prices at one instant. An asset without an entry has no value of its own, as in
/// [`Exposure`](crate::Exposure).
pub type Prices = BTreeMap<AssetId, Reading<Price>>;

/// What the portfolio holds and what it cost, and everything that was earned and paid so far.
/// Bounded: one entry per asset that is held.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProfitBook {
    lots: BTreeMap<AssetId, Lot>,
    sums: Sums,
}

/// What was booked so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Sums {
    opening: Usd,
    net_flows: Usd,
    realised: Usd,
    income: Usd,
    gas: Usd,
    fees: Usd,
    lost: Usd,
    carried_out: Usd,
}

/// Profit and loss. `total` is the sum of `realised`, `unrealised`, `income`, `carried_out` and
/// `residue` less `gas`, `fees` and `lost`, and equals equity less `net_flows` less `opening`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profit {
    /// Value of what was there when first seen.
    pub opening: Usd,
    /// Deposits less announced withdrawals, each at its value then.
    pub net_flows: Usd,
    /// Value of everything that was disposed of, less its average cost.
    pub realised: Usd,
    /// Present value of everything held, less its average cost.
    pub unrealised: Usd,
    /// Claimed airdrops, rewards and interest, each at its value then.
    pub income: Usd,
    /// Gas that was paid, at its value then.
    pub gas: Usd,
    /// Fees other than gas, at their value then.
    pub fees: Usd,
    /// What left without us, and what transactions gave for nothing, at its value then.
    pub lost: Usd,
    /// The gain (or loss) on what was withdrawn: value then less average cost. Not realised, but
    /// not undone by the withdrawal either.
    pub carried_out: Usd,
    /// Equity as measured less the value of what the book holds: rounding, less than a micro-dollar
    /// for each balance, and whatever was not booked.
    pub residue: Usd,
    /// All of it.
    pub total: Usd,
}

/// Why nothing was booked or marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfitError {
    /// A price is needed, and is stale or missing.
    NoPrice {
        /// Of which asset.
        asset: AssetId,
        /// What is wrong with it.
        defect: String,
    },
    /// A number does not fit.
    Overflow {
        /// Which.
        what: String,
    },
}

impl fmt::Display for ProfitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPrice { asset, defect } => {
                write!(
                    f,
                    "price of {asset} is {defect}: try again when it is known"
                )
            }
            Self::Overflow { what } => {
                write!(
                    f,
                    "{what} does not fit: check the token's decimals and amount"
                )
            }
        }
    }
}

impl std::error::Error for ProfitError {}

impl ProfitBook {
    /// Books `event` at the prices of its time, fresh or stale. On an error nothing is booked.
    ///
    /// # Errors
    /// If a price that is needed is missing altogether, or a number does not fit.
    pub fn book(&mut self, event: &ProfitEvent, prices: &Prices) -> Result<(), ProfitError> {
        let mut next = self.clone();
        next.apply(event, prices)?;
        next.lots.retain(|_, lot| !lot.amount.is_zero());
        *self = next;
        Ok(())
    }

    /// Marks the book to `prices`, with `equity` as measured at the same instant.
    ///
    /// # Errors
    /// If the price of an asset that is held is not fresh, or a number does not fit.
    pub fn mark(&self, prices: &Prices, equity: Usd) -> Result<Profit, ProfitError> {
        let mut value = Usd::ZERO;
        let mut cost = Usd::ZERO;
        for (asset, lot) in &self.lots {
            if let Some(defect) = prices.get(asset).and_then(Reading::defect) {
                let asset = asset.clone();
                return Err(ProfitError::NoPrice { asset, defect });
            }
            let now = value_of(asset, lot.amount, lot.decimals, prices)?;
            value = add(value, now.unwrap_or_default())?;
            cost = add(cost, lot.cost)?;
        }
        let sums = self.sums;
        let unrealised = sub(value, cost)?;
        let residue = sub(equity, value)?;
        let mut total = Usd::ZERO;
        for gain in [
            sums.realised,
            unrealised,
            sums.income,
            sums.carried_out,
            residue,
        ] {
            total = add(total, gain)?;
        }
        for paid in [sums.gas, sums.fees, sums.lost] {
            total = sub(total, paid)?;
        }
        Ok(Profit {
            opening: sums.opening,
            net_flows: sums.net_flows,
            realised: sums.realised,
            unrealised,
            income: sums.income,
            gas: sums.gas,
            fees: sums.fees,
            lost: sums.lost,
            carried_out: sums.carried_out,
            residue,
            total,
        })
    }

    /// The assets that are held.
    pub fn assets(&self) -> impl Iterator<Item = &AssetId> {
        self.lots.keys()
    }

    /// Amount (base units), decimals and cost of what is held of `asset`.
    #[must_use]
    pub fn held(&self, asset: &AssetId) -> Option<(U256, u8, Usd)> {
        let lot = self.lots.get(asset)?;
        Some((lot.amount, lot.decimals, lot.cost))
    }

    fn apply(&mut self, event: &ProfitEvent, prices: &Prices) -> Result<(), ProfitError> {
        match event {
            ProfitEvent::Opening(what) => {
                let value = self.acquire_at_value(what, prices)?;
                self.sums.opening = add(self.sums.opening, value)?;
            }
            ProfitEvent::Inflow(what) => {
                let value = self.acquire_at_value(what, prices)?;
                self.sums.net_flows = add(self.sums.net_flows, value)?;
            }
            ProfitEvent::Income(what) => {
                let value = self.acquire_at_value(what, prices)?;
                self.sums.income = add(self.sums.income, value)?;
            }
            ProfitEvent::Outflow {
                what,
                announced: true,
            } => {
                let (value, cost) = self.dispose_at_value(what, prices)?;
                self.sums.net_flows = sub(self.sums.net_flows, value)?;
                self.sums.carried_out = add(self.sums.carried_out, sub(value, cost)?)?;
            }
            ProfitEvent::Outflow {
                what,
                announced: false,
            } => {
                let value = self.realise(what, prices)?;
                self.sums.lost = add(self.sums.lost, value)?;
            }
            ProfitEvent::Fee { kind, paid } => {
                let value = self.realise(paid, prices)?;
                match kind {
                    FeeKind::Gas => self.sums.gas = add(self.sums.gas, value)?,
                    FeeKind::Other => self.sums.fees = add(self.sums.fees, value)?,
                }
            }
            ProfitEvent::Transaction(deltas) => self.transact(deltas, prices)?,
        }
        Ok(())
    }

    fn acquire_at_value(
        &mut self,
        what: &AssetAmount,
        prices: &Prices,
    ) -> Result<Usd, ProfitError> {
        let value = value_of(&what.asset, what.amount, what.decimals, prices)?.unwrap_or_default();
        let (lot, amount) = self.lot(&what.asset, what.decimals, what.amount)?;
        lot.acquire(amount, value)
            .ok_or_else(|| overflow(&what.asset))?;
        Ok(value)
    }

    /// Takes `what` out; its value, and the cost that goes with it.
    fn dispose_at_value(
        &mut self,
        what: &AssetAmount,
        prices: &Prices,
    ) -> Result<(Usd, Usd), ProfitError> {
        let value = value_of(&what.asset, what.amount, what.decimals, prices)?.unwrap_or_default();
        let (lot, amount) = self.lot(&what.asset, what.decimals, what.amount)?;
        let cost = lot.dispose(amount).ok_or_else(|| overflow(&what.asset))?;
        Ok((value, cost))
    }

    /// Takes `what` out and realises the gain on it; its value.
    fn realise(&mut self, what: &AssetAmount, prices: &Prices) -> Result<Usd, ProfitError> {
        let (value, cost) = self.dispose_at_value(what, prices)?;
        self.sums.realised = add(self.sums.realised, sub(value, cost)?)?;
        Ok(value)
    }

    /// The lot of `asset`, in units at least as fine as `decimals`, and `amount` in its units.
    fn lot(
        &mut self,
        asset: &AssetId,
        decimals: u8,
        amount: U256,
    ) -> Result<(&mut Lot, U256), ProfitError> {
        let lot = self
            .lots
            .entry(asset.clone())
            .or_insert_with(|| Lot::new(decimals));
        let amount = lot
            .in_its_units(amount, decimals)
            .ok_or_else(|| overflow(asset))?;
        Ok((lot, amount))
    }
}

/// The value by the last known price, rounded down; `None` for an asset without a price entry.
fn value_of(
    asset: &AssetId,
    amount: U256,
    decimals: u8,
    prices: &Prices,
) -> Result<Option<Usd>, ProfitError> {
    let Some(reading) = prices.get(asset) else {
        return Ok(None);
    };
    let Some(price) = reading.last_known() else {
        return Err(ProfitError::NoPrice {
            asset: asset.clone(),
            defect: reading.defect().unwrap_or_default(),
        });
    };
    let value = price.value(amount, decimals, Rounding::Down);
    value.map(Some).ok_or_else(|| overflow(asset))
}

fn overflow(asset: &AssetId) -> ProfitError {
    ProfitError::Overflow {
        what: format!("the amount or value of {asset}"),
    }
}

fn add(one: Usd, other: Usd) -> Result<Usd, ProfitError> {
    let sum = one.0.checked_add(other.0).map(Usd);
    sum.ok_or_else(sum_overflow)
}

fn sub(one: Usd, other: Usd) -> Result<Usd, ProfitError> {
    let difference = one.0.checked_sub(other.0).map(Usd);
    difference.ok_or_else(sum_overflow)
}

fn sum_overflow() -> ProfitError {
    ProfitError::Overflow {
        what: "a sum of profit and loss".to_owned(),
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
