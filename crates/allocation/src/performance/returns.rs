//! Time-weighted returns: what one unit became that was there all the time.

use airdrops_types::{EquityPoint, Timestamp, Usd};
use serde::{Deserialize, Serialize};

use super::{Figure, Undefined, YEAR_MS, all_finite, finite};

/// What an account was worth at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Valuation {
    /// When.
    pub at: Timestamp,
    /// Its value, `flow` included.
    pub value: Usd,
    /// What came in (positive) or went out since the valuation before; of the first, nothing.
    pub flow: Usd,
}

impl Valuation {
    /// From points that carry the sum of all flows so far.
    #[must_use]
    pub fn from_points(points: &[EquityPoint]) -> Vec<Self> {
        let mut before = points.first().map_or(Usd::ZERO, |point| point.net_flows);
        points
            .iter()
            .map(|point| {
                let flow = point.net_flows - before;
                before = point.net_flows;
                Self {
                    at: point.at,
                    value: point.equity,
                    flow,
                }
            })
            .collect()
    }
}

/// What one unit became.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct IndexPoint {
    /// By when.
    pub at: Timestamp,
    /// 1 at the first valuation.
    pub value: f64,
}

/// The time-weighted index: sub-periods `(Vᵢ − Fᵢ) / Vᵢ₋₁` between valuations, chain-linked.
///
/// A flow counts at the end of its sub-period; where nothing was there before, at its begin. A
/// sub-period without capital has no return and leaves the index where it is.
///
/// # Errors
/// [`Undefined::Overdrawn`] if a value without its flow is negative; [`Undefined::NoCapital`] if no
/// sub-period had capital.
pub fn index(valuations: &[Valuation]) -> Result<Vec<IndexPoint>, Undefined> {
    let mut level = 1.0;
    let mut before: Option<Usd> = None;
    let mut invested = valuations.len() < 2;
    let mut points = Vec::with_capacity(valuations.len());
    for valuation in valuations {
        if let Some(start) = before {
            let (base, grown) = if start > Usd::ZERO {
                (start, valuation.value - valuation.flow)
            } else {
                (valuation.flow, valuation.value)
            };
            if base > Usd::ZERO {
                if grown < Usd::ZERO {
                    return Err(Undefined::Overdrawn);
                }
                invested = true;
                level = finite(level * (grown.0 as f64 / base.0 as f64))?;
            }
        }
        before = Some(valuation.value);
        points.push(IndexPoint {
            at: valuation.at,
            value: level,
        });
    }
    if !invested {
        return Err(Undefined::NoCapital);
    }
    Ok(points)
}

/// The time-weighted return over the whole index: `0.1` is 10 %.
///
/// # Errors
/// [`Undefined::TooFew`] below two points.
pub fn total(index: &[IndexPoint]) -> Figure {
    match (index.first(), index.last()) {
        (Some(first), Some(last)) if index.len() > 1 && first.value > 0.0 => {
            finite(last.value / first.value - 1.0)
        }
        _ => Err(Undefined::TooFew {
            needed: 2,
            have: index.len(),
        }),
    }
}

/// A return over `span_ms`, compounded to a year of 365 days.
///
/// # Errors
/// [`Undefined::NoTime`] without a span; [`Undefined::NotFinite`] if the year's figure is too
/// large to be one, as of a gain within minutes.
pub fn annual(total: f64, span_ms: i64) -> Figure {
    if span_ms <= 0 {
        return Err(Undefined::NoTime);
    }
    if total < -1.0 {
        return Err(Undefined::Overdrawn);
    }
    finite(libm::pow(1.0 + total, YEAR_MS / span_ms as f64) - 1.0)
}

/// Returns of whole periods of `step_ms` from the first point on. The level at a period's end is the
/// last one known by then; the rest that fills no period is left out.
///
/// # Errors
/// [`Undefined::Parameter`] for a step that is not positive, [`Undefined::NotFinite`],
/// [`Undefined::Ruin`] if a period begins with nothing.
pub fn periods(index: &[IndexPoint], step_ms: i64) -> Result<Vec<f64>, Undefined> {
    /// More would be a step that was meant otherwise.
    const MOST: i64 = 1_000_000;
    let (Some(first), Some(last)) = (index.first(), index.last()) else {
        return Ok(Vec::new());
    };
    let span = last.at.0.saturating_sub(first.at.0);
    if step_ms <= 0 || span / step_ms > MOST {
        return Err(Undefined::Parameter(
            "the period must be positive and not cut the span in more than a million",
        ));
    }
    let mut returns = Vec::new();
    let (mut start, mut level) = (first.value, first.value);
    let mut next = index.iter().peekable();
    for count in 1..=span / step_ms {
        let end = first.at.0.saturating_add(count * step_ms);
        while let Some(point) = next.next_if(|point| point.at.0 <= end) {
            level = point.value;
        }
        if start <= 0.0 {
            return Err(Undefined::Ruin);
        }
        returns.push(level / start - 1.0);
        start = level;
    }
    all_finite(&returns)?;
    Ok(returns)
}

/// Mean logarithmic growth per period, `1/n Σ ln(1 + rᵢ)`: what Kelly (1956) maximises.
///
/// # Errors
/// [`Undefined::Ruin`] if all was lost once, [`Undefined::TooFew`] without returns.
pub fn log_growth(returns: &[f64]) -> Figure {
    all_finite(returns)?;
    if returns.is_empty() {
        return Err(Undefined::TooFew { needed: 1, have: 0 });
    }
    if returns.iter().any(|value| *value <= -1.0) {
        return Err(Undefined::Ruin);
    }
    let sum: f64 = returns.iter().map(|value| libm::log1p(*value)).sum();
    finite(sum / returns.len() as f64)
}
