//! What is held of one asset, and what it cost on average.

use airdrops_types::{U256, Usd};
use serde::{Deserialize, Serialize};

/// An amount with its cost. Cost is never negative, and zero where the amount is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lot {
    /// The finest decimals of any token of the asset that was booked.
    pub(super) decimals: u8,
    /// Base units of `10^-decimals`.
    pub(super) amount: U256,
    pub(super) cost: Usd,
}

impl Lot {
    pub(super) fn new(decimals: u8) -> Self {
        Self {
            decimals,
            amount: U256::ZERO,
            cost: Usd::ZERO,
        }
    }

    /// `amount` with `decimals` in the lot's units, which become finer if they must; `None` if a
    /// number does not fit. Exact.
    pub(super) fn in_its_units(&mut self, amount: U256, decimals: u8) -> Option<U256> {
        if decimals > self.decimals {
            self.amount = finer(self.amount, decimals - self.decimals)?;
            self.decimals = decimals;
        }
        finer(amount, self.decimals - decimals)
    }

    /// Adds an amount that cost `cost`; `None` if a sum does not fit.
    pub(super) fn acquire(&mut self, amount: U256, cost: Usd) -> Option<()> {
        self.amount = self.amount.checked_add(amount)?;
        self.cost = Usd(self.cost.0.checked_add(cost.0)?);
        Some(())
    }

    /// Takes `amount` out and returns its average cost, rounded down; the whole cost with the last
    /// unit. What was never booked costs nothing. `None` if a product does not fit.
    pub(super) fn dispose(&mut self, amount: U256) -> Option<Usd> {
        let cost = if amount >= self.amount {
            self.cost
        } else {
            let whole = U256::from(u128::try_from(self.cost.0).ok()?);
            let part = whole.checked_mul(amount)? / self.amount;
            Usd(i128::try_from(part).ok()?)
        };
        self.amount = self.amount.saturating_sub(amount);
        self.cost = Usd(self.cost.0.checked_sub(cost.0)?);
        Some(cost)
    }
}

fn finer(amount: U256, by: u8) -> Option<U256> {
    amount.checked_mul(U256::from(10).checked_pow(U256::from(by))?)
}
