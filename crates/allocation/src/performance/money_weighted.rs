//! Money-weighted return: the rate at which all flows are worth nothing.

use airdrops_types::{Timestamp, Usd};

use super::returns::Valuation;
use super::{Figure, Undefined, YEAR_MS, dollars, finite};

/// Grid points on which rates are looked for.
const GRID: usize = 4_000;
/// The greatest `|ln(1 + return over the whole span)|` that is looked at.
const FARTHEST: f64 = 40.0;

/// A money-weighted return.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MoneyWeighted {
    /// Over the whole span: `0.1` is 10 %.
    pub total: f64,
    /// Per year of 365 days (what spreadsheets call XIRR).
    pub annual: Figure,
}

/// The internal rate of return of flows: positive is what the investor gets, negative what it pays,
/// by time or not. `Σ Cᵢ (1 + R)^(−tᵢ/T) = 0` is solved for the return `R` over the span `T`, by a
/// grid on `ln(1 + R)` and bisection between the grid points where the sign changes.
///
/// # Errors
/// [`Undefined::NoRate`] if no rate fits, [`Undefined::SeveralRates`] if more than one does: such
/// flows have no rate of return. [`Undefined::NoTime`] if all flows are at one instant.
pub fn rate(flows: &[(Timestamp, Usd)]) -> Result<MoneyWeighted, Undefined> {
    let moved = || flows.iter().filter(|(_, amount)| *amount != Usd::ZERO);
    let (Some(first), Some(last)) = (
        moved().map(|(at, _)| at.0).min(),
        moved().map(|(at, _)| at.0).max(),
    ) else {
        return Err(Undefined::NoRate);
    };
    if moved().all(|(_, amount)| *amount > Usd::ZERO)
        || moved().all(|(_, amount)| *amount < Usd::ZERO)
    {
        return Err(Undefined::NoRate);
    }
    let span = last.saturating_sub(first);
    if span <= 0 {
        return Err(Undefined::NoTime);
    }
    let most = moved()
        .map(|(_, amount)| dollars(*amount).abs())
        .fold(0.0, f64::max);
    let terms: Vec<(f64, f64)> = moved()
        .map(|(at, amount)| {
            let time = at.0.saturating_sub(first) as f64 / span as f64;
            (time, dollars(*amount) / most)
        })
        .collect();
    // Scaled so that no term exceeds what exp can say, whichever way the rate goes.
    let worth = |rate: f64| -> f64 {
        let shift = if rate < 0.0 { -rate } else { 0.0 };
        terms
            .iter()
            .map(|(time, amount)| amount * libm::exp(-rate * time - shift))
            .sum()
    };
    let grid = |step: usize| FARTHEST * (2.0 * step as f64 / GRID as f64 - 1.0);
    let mut roots = Vec::new();
    let mut before = worth(grid(0));
    for step in 1..=GRID {
        let here = worth(grid(step));
        if before == 0.0 {
            roots.push(grid(step - 1));
        } else if before * here < 0.0 {
            roots.push(bisect(&worth, grid(step - 1), grid(step)));
        }
        before = here;
    }
    match roots.as_slice() {
        [] => Err(Undefined::NoRate),
        [log] => {
            let years = span as f64 / YEAR_MS;
            Ok(MoneyWeighted {
                total: finite(libm::expm1(*log))?,
                annual: finite(libm::expm1(log / years)),
            })
        }
        several => Err(Undefined::SeveralRates(several.len())),
    }
}

/// The money-weighted return of an account: its first value and all later flows go in, its last
/// value comes out.
///
/// # Errors
/// As [`rate`]; [`Undefined::TooFew`] below two valuations.
pub fn of_account(valuations: &[Valuation]) -> Result<MoneyWeighted, Undefined> {
    let ([first, .., last], [_, later @ ..]) = (valuations, valuations) else {
        return Err(Undefined::TooFew {
            needed: 2,
            have: valuations.len(),
        });
    };
    let mut flows = vec![(first.at, -first.value)];
    flows.extend(later.iter().map(|point| (point.at, -point.flow)));
    flows.push((last.at, last.value));
    rate(&flows)
}

fn bisect(worth: &dyn Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let rising = worth(high) > 0.0;
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if (worth(middle) > 0.0) == rising {
            high = middle;
        } else {
            low = middle;
        }
    }
    0.5 * (low + high)
}
