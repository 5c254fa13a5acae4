//! The expected value of a position, with its terms.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::hazard::{World, probability};
use super::opportunity::Opportunity;
use super::rule::in_dollars;

/// What the expected value of a position is made of. Probabilities are in [0, 1], amounts in
/// dollars.
///
/// ```text
/// airdrop = drop · eligible · amount · share · allocation · haircut · survival
/// net     = airdrop + yielded − forgone − gas − slippage − lost
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// Capital placed.
    pub capital: f64,
    /// Months.
    pub horizon: f64,
    /// Probability of a drop within the horizon.
    pub drop: f64,
    /// Probability that the wallet is eligible.
    pub eligible: f64,
    /// Expected fully diluted value, or value of a mean wallet's drop.
    pub amount: f64,
    /// Expected share of supply after dilution; 1 if `amount` is that of a wallet.
    pub share: f64,
    /// The fraction of the drop, or the multiple of the mean wallet.
    pub allocation: f64,
    /// What is left of the claim price at the sale.
    pub haircut: f64,
    /// Probability that the position is not lost.
    pub survival: f64,
    /// The expected drop, the product of all these.
    pub airdrop: f64,
    /// What the position yields, if it is not lost.
    pub yielded: f64,
    /// What the capital would have yielded elsewhere.
    pub forgone: f64,
    /// Gas of all transactions.
    pub gas: f64,
    /// Slippage and fees.
    pub slippage: f64,
    /// The expected loss of capital.
    pub lost: f64,
    /// The expected profit, all costs paid.
    pub net: f64,
}

/// The terms for a position of `capital` dollars held over `horizon` months.
///
/// What was drawn and is floored at zero in scenarios is not here: a position that costs more than
/// itself has a lower value here. The spread of a wallet's allocation has mean one and does not
/// appear; that nobody gets more than the whole drop is not counted.
#[must_use]
pub fn terms(opportunity: &Opportunity, world: &World, capital: f64, horizon: f64) -> Terms {
    let years = horizon / 12.0;
    let hacked = probability(opportunity.hazard.total(world), horizon);
    let survival = 1.0 - hacked;
    let worth = &opportunity.worth;
    let drop = opportunity.drop_within(horizon);
    let eligible = opportunity.eligibility.mean();
    let amount = worth.amount().mean_amount(worth.ceiling(world));
    let share = worth.mean_share();
    let allocation = opportunity.allocation(capital);
    let haircut = opportunity.haircut.factor();
    let airdrop = drop * eligible * amount * share * allocation * haircut * survival;
    let yielded = survival * opportunity.base_yield * years * capital;
    let forgone = opportunity.forgone_yield * years * capital;
    let gas = in_dollars(opportunity.gas);
    let slippage = slippage(opportunity) * capital;
    let lost = hacked * opportunity.hazard.loss.mean() * capital;
    Terms {
        capital,
        horizon,
        drop,
        eligible,
        amount,
        share,
        allocation,
        haircut,
        survival,
        airdrop,
        yielded,
        forgone,
        gas,
        slippage,
        lost,
        net: airdrop + yielded - forgone - gas - slippage - lost,
    }
}

/// Slippage as a fraction of capital.
pub(crate) fn slippage(opportunity: &Opportunity) -> f64 {
    f64::from(opportunity.slippage.0) / 10_000.0
}

impl fmt::Display for Terms {
    /// One line per term.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| format!("{:.2} %", share * 100.0);
        writeln!(
            f,
            "capital      ${:.2} for {} months",
            self.capital, self.horizon
        )?;
        writeln!(f, "drop         {} within the horizon", percent(self.drop))?;
        writeln!(f, "eligible     {}", percent(self.eligible))?;
        writeln!(f, "amount       ${:.0}", self.amount)?;
        writeln!(f, "share        {}", percent(self.share))?;
        writeln!(f, "allocation   {:.3e}", self.allocation)?;
        writeln!(f, "haircut      {} is left", percent(self.haircut))?;
        writeln!(f, "survival     {}", percent(self.survival))?;
        writeln!(f, "= airdrop    ${:.2}", self.airdrop)?;
        writeln!(f, "+ yield      ${:.2}", self.yielded)?;
        writeln!(f, "− forgone    ${:.2}", self.forgone)?;
        writeln!(f, "− gas        ${:.2}", self.gas)?;
        writeln!(f, "− slippage   ${:.2}", self.slippage)?;
        writeln!(f, "− lost       ${:.2}", self.lost)?;
        write!(f, "= net        ${:.2}", self.net)
    }
}
