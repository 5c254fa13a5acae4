//! What contributed to return and risk: protocols by their gains after costs, and the rest, which is
//! the prices of what wallets hold.

use airdrops_allocation::performance::returns::{self, Valuation};
use airdrops_allocation::performance::{Figure, Linking, Undefined, contributions, risk_shares};
use airdrops_types::EquityPoint;

use super::accounts::Books;

/// The part that no protocol explains.
const REST: &str = "prices in wallets";

/// One part.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// A protocol instance, or the rest.
    pub name: String,
    /// What it added to the return; all parts sum to the whole.
    pub contribution: f64,
    /// Its share in the variance of daily returns; all parts sum to 1.
    pub risk: Figure,
}

/// All parts over whole days.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// Protocols by name, then the rest; empty if contributions cannot be stated.
    pub rows: Vec<Part>,
    /// The time-weighted return over whole days, which the contributions sum to (Carino linking).
    pub total: Figure,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            total: Err(Undefined::TooFew { needed: 1, have: 0 }),
        }
    }
}

impl Parts {
    pub(super) fn of(books: &Books, equity: &[EquityPoint], period_ms: i64) -> Self {
        Self::measured(books, equity, period_ms).unwrap_or_else(|reason| Self {
            rows: Vec::new(),
            total: Err(reason),
        })
    }

    fn measured(books: &Books, equity: &[EquityPoint], period_ms: i64) -> Result<Self, Undefined> {
        let index = returns::index(&Valuation::from_points(equity))?;
        let whole = returns::periods(&index, period_ms)?;
        let (Some(first), false) = (equity.first(), whole.is_empty()) else {
            return Err(Undefined::TooFew { needed: 1, have: 0 });
        };
        let capital: Vec<f64> = (0..whole.len())
            .map(|period| {
                let start = i64::try_from(period).unwrap_or(i64::MAX);
                let start = first.at.0.saturating_add(start.saturating_mul(period_ms));
                let by_then = equity.partition_point(|point| point.at.0 <= start);
                let point = by_then.checked_sub(1).and_then(|place| equity.get(place));
                point.map_or(0.0, |point| point.equity.0 as f64)
            })
            .collect();
        let mut names = Vec::new();
        let mut parts: Vec<Vec<f64>> = Vec::new();
        let mut rest = whole.clone();
        for (name, course) in books.by(|cell| cell.protocol.clone()) {
            let mut part = vec![0.0; whole.len()];
            for (at, gain) in books.times.iter().zip(&course.gains) {
                // A snapshot at the end of a period belongs to it.
                let period = at.0.saturating_sub(first.at.0).saturating_sub(1) / period_ms;
                let Ok(period) = usize::try_from(period) else {
                    continue;
                };
                if let Some(value) = part.get_mut(period)
                    && capital[period] > 0.0
                {
                    *value += gain.0 as f64 / capital[period];
                }
            }
            if part.iter().all(|value| *value == 0.0) {
                continue;
            }
            for (rest, value) in rest.iter_mut().zip(&part) {
                *rest -= value;
            }
            names.push(if name.is_empty() {
                "no protocol".to_owned()
            } else {
                name
            });
            parts.push(part);
        }
        names.push(REST.to_owned());
        parts.push(rest);
        let linked = contributions(&parts, Linking::Carino)?;
        let risks = risk_shares(&parts);
        let rows = names
            .into_iter()
            .zip(&linked)
            .enumerate()
            .map(|(place, (name, contribution))| Part {
                name,
                contribution: *contribution,
                risk: match &risks {
                    Ok(shares) => shares.get(place).copied().ok_or(Undefined::NotFinite),
                    Err(reason) => Err(*reason),
                },
            })
            .collect();
        Ok(Self {
            rows,
            total: Ok(linked.iter().sum()),
        })
    }
}
