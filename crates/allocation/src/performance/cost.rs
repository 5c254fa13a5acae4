//! What was at work, and what costs took.

use airdrops_types::{Timestamp, Usd};
use serde::{Deserialize, Serialize};

use super::returns::Valuation;
use super::{Figure, Undefined, dollars, finite};

/// How much of the capital was at work from an instant on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Employed {
    /// From when.
    pub at: Timestamp,
    /// What could have been at work.
    pub available: Usd,
    /// What was.
    pub deployed: Usd,
}

/// Time-weighted `∫ deployed dt / ∫ available dt`, each value held until the next: 1 is all.
///
/// # Errors
/// [`Undefined::TooFew`] below two instants, [`Undefined::NoCapital`] if nothing was available.
pub fn utilisation(course: &[Employed]) -> Figure {
    if course.len() < 2 {
        return Err(Undefined::TooFew {
            needed: 2,
            have: course.len(),
        });
    }
    let (mut deployed, mut available) = (0.0, 0.0);
    for (point, until) in course.iter().zip(&course[1..]) {
        let time = until.at.0.saturating_sub(point.at.0).max(0) as f64;
        deployed += dollars(point.deployed) * time;
        available += dollars(point.available) * time;
    }
    if available <= 0.0 {
        return Err(Undefined::NoCapital);
    }
    finite(deployed / available)
}

/// The time-weighted mean value in dollars, each value held until the next.
///
/// # Errors
/// [`Undefined::TooFew`] below two valuations, [`Undefined::NoTime`] if they are at one instant.
pub fn average_capital(valuations: &[Valuation]) -> Figure {
    if valuations.len() < 2 {
        return Err(Undefined::TooFew {
            needed: 2,
            have: valuations.len(),
        });
    }
    let (mut sum, mut span) = (0.0, 0.0);
    for (point, until) in valuations.iter().zip(&valuations[1..]) {
        let time = until.at.0.saturating_sub(point.at.0).max(0) as f64;
        sum += dollars(point.value) * time;
        span += time;
    }
    if span <= 0.0 {
        return Err(Undefined::NoTime);
    }
    finite(sum / span)
}

/// Sums of costs, none negative where it is a cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CostSums {
    /// Fees of transactions that did what they should.
    pub gas: Usd,
    /// Fees of transactions that failed or were cancelled.
    pub failed: Usd,
    /// What exchanges gave less than the price at decision; negative if they gave more.
    pub slippage: Usd,
}

impl CostSums {
    /// All together.
    #[must_use]
    pub fn total(&self) -> Usd {
        self.gas + self.failed + self.slippage
    }
}

/// Costs in basis points of the mean capital over the span.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CostDrag {
    /// Of gas.
    pub gas: f64,
    /// Of failed transactions.
    pub failed: f64,
    /// Of slippage.
    pub slippage: f64,
    /// Their sum.
    pub total: f64,
}

/// Costs against the mean capital in dollars.
///
/// # Errors
/// [`Undefined::NoCapital`] if there was none.
pub fn drag(costs: &CostSums, average: f64) -> Result<CostDrag, Undefined> {
    if average.is_nan() || average <= 0.0 {
        return Err(Undefined::NoCapital);
    }
    let bps = |amount: Usd| finite(dollars(amount) / average * 1e4);
    Ok(CostDrag {
        gas: bps(costs.gas)?,
        failed: bps(costs.failed)?,
        slippage: bps(costs.slippage)?,
        total: bps(costs.total())?,
    })
}
