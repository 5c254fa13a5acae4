//! The fair variance of one expiry as a strip of out-of-the-money options, and the index between
//! two expiries.
//!
//! σ² = (2/T) Σᵢ (ΔKᵢ/Kᵢ²) e^{RT} Q(Kᵢ) − (1/T) (F/K₀ − 1)² and
//! index = 100 √{ \[T₁σ₁² (N₂ − N)/(N₂ − N₁) + T₂σ₂² (N − N₁)/(N₂ − N₁)\] · N₃₆₅/N }, with N in
//! minutes and T in years of 525,600 minutes (Cboe, "VIX White Paper", 2014; the strip is that of
//! Demeterfi, Derman, Kamal and Zou, "More Than You Ever Wanted to Know About Volatility Swaps",
//! 1999, eq. 26). The rules that price a quote and that end a wing are [`vix`](super::vix)'s or
//! [`mfiv`](super::mfiv)'s.

use serde::{Deserialize, Serialize};

use super::no_index::{NoIndex, TermName, Wing};
use super::option_chain::{CleanQuote, Expiry};

/// Minutes in 365 days.
pub const MINUTES_PER_YEAR: f64 = 525_600.0;

/// 30 days in minutes.
pub const THIRTY_DAYS: f64 = 43_200.0;

/// One strike of the strip.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StripStrike {
    /// The strike K.
    pub strike: f64,
    /// ΔK: half the distance between the neighbours in the strip; at an end, the distance to the
    /// only neighbour.
    pub delta_k: f64,
    /// Q(K): the price used; at K₀ the average of put and call.
    pub price: f64,
    /// (ΔK/K²) e^{RT} Q(K).
    pub contribution: f64,
}

/// The variance of one expiry, with what it was computed from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// Minutes to expiry.
    pub minutes: f64,
    /// Interest rate to expiry, a decimal fraction per year.
    pub rate: f64,
    /// F, the forward price implied by put-call parity.
    pub forward: f64,
    /// K₀, the highest strike at or below F.
    pub k0: f64,
    /// The strikes used, ascending.
    pub strikes: Vec<StripStrike>,
    /// σ², annualised.
    pub variance: f64,
}

impl Term {
    /// The volatility of this expiry alone, annualised, in percent.
    #[must_use]
    pub fn volatility_percent(&self) -> Option<f64> {
        (self.variance > 0.0).then(|| 100.0 * self.variance.sqrt())
    }
}

/// Implied volatility over a horizon, or why there is none, with its two terms as far as they
/// could be computed.
#[derive(Debug, Clone, PartialEq)]
pub struct ImpliedIndex {
    /// Annualised volatility in percent.
    pub index: Result<f64, NoIndex>,
    /// The horizon in minutes.
    pub horizon: f64,
    /// The expiry at or before the horizon.
    pub near: Option<Term>,
    /// The expiry after it.
    pub next: Option<Term>,
}

/// What a rule makes of one side of a strike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Side {
    /// Its price.
    Price(f64),
    /// Listed, and nobody bids.
    NoBid,
    /// Not listed, or not usable.
    Absent,
}

impl Side {
    fn price(self) -> Option<f64> {
        match self {
            Self::Price(price) => Some(price),
            Self::NoBid | Self::Absent => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PricedStrike {
    pub(super) strike: f64,
    pub(super) call: Side,
    pub(super) put: Side,
}

/// The strikes of an expiry, each side priced by the rule of its method.
pub(super) fn priced(
    expiry: &Expiry,
    side: impl Fn(Option<CleanQuote>) -> Side,
) -> Vec<PricedStrike> {
    let rows = expiry.rows().iter();
    rows.map(|row| PricedStrike {
        strike: row.strike,
        call: side(row.call),
        put: side(row.put),
    })
    .collect()
}

/// When a wing is whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct WingRule {
    /// Two consecutive strikes without a bid end a wing, and make it whole.
    pub(super) two_zero_bids_end_it: bool,
    /// A wing that nothing ended is whole if its outermost price is at most this share of the
    /// price at K₀.
    pub(super) negligible: f64,
}

/// The strip of one expiry. The reason beside a term says why it must not be used.
pub(super) fn term(
    name: TermName,
    expiry: &Expiry,
    priced: &[PricedStrike],
    rule: WingRule,
) -> (Option<Term>, Option<NoIndex>) {
    let years = expiry.minutes() / MINUTES_PER_YEAR;
    let growth = libm::exp(expiry.rate() * years);
    let pairs: Vec<(f64, f64, f64)> = priced
        .iter()
        .filter_map(|row| Some((row.strike, row.call.price()?, row.put.price()?)))
        .collect();
    let distance = |pair: &(f64, f64, f64)| (pair.1 - pair.2).abs();
    let Some(closest) = pairs
        .iter()
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
    else {
        return (None, Some(NoIndex::NoForward { term: name }));
    };
    let forward = closest.0 + growth * (closest.1 - closest.2);
    let Some(&(k0, call, put)) = pairs.iter().rev().find(|pair| pair.0 <= forward) else {
        let reason = NoIndex::NoStrikeBelowForward {
            term: name,
            forward,
        };
        return (None, Some(reason));
    };
    let at_k0 = f64::midpoint(call, put);
    let below = priced.iter().rev().filter(|row| row.strike < k0);
    let above = priced.iter().filter(|row| row.strike > k0);
    let puts = walk(below.map(|row| (row.strike, row.put)), rule);
    let calls = walk(above.map(|row| (row.strike, row.call)), rule);

    let mut prices: Vec<(f64, f64)> = puts.included.iter().rev().copied().collect();
    prices.push((k0, at_k0));
    prices.extend(&calls.included);
    let strikes = strip(&prices, growth);
    let sum: f64 = strikes.iter().map(|strike| strike.contribution).sum();
    let offset = forward / k0 - 1.0;
    let variance = (2.0 * sum - offset * offset) / years;
    let computed = Term {
        minutes: expiry.minutes(),
        rate: expiry.rate(),
        forward,
        k0,
        strikes,
        variance,
    };
    let wings = [(Wing::Puts, &puts), (Wing::Calls, &calls)];
    let reason = wings
        .into_iter()
        .find_map(|(wing, walk)| walk.defect(name, wing, at_k0, rule.negligible))
        .or_else(|| {
            (!variance.is_finite() || variance <= 0.0).then_some(NoIndex::NoVariance { term: name })
        });
    if !variance.is_finite() || !forward.is_finite() {
        return (None, reason);
    }
    (Some(computed), reason)
}

/// One wing, from K₀ outwards.
struct Walk {
    included: Vec<(f64, f64)>,
    ended_by_bids: bool,
}

fn walk(sides: impl Iterator<Item = (f64, Side)>, rule: WingRule) -> Walk {
    let mut included = Vec::new();
    let mut without_bid = 0;
    for (strike, side) in sides {
        match side {
            Side::Price(price) => {
                included.push((strike, price));
                without_bid = 0;
            }
            Side::NoBid => without_bid += 1,
            Side::Absent => {}
        }
        if rule.two_zero_bids_end_it && without_bid == 2 {
            return Walk {
                included,
                ended_by_bids: true,
            };
        }
    }
    Walk {
        included,
        ended_by_bids: false,
    }
}

impl Walk {
    fn defect(&self, term: TermName, wing: Wing, at_k0: f64, limit: f64) -> Option<NoIndex> {
        let Some(&(strike, price)) = self.included.last() else {
            return Some(NoIndex::EmptyWing { term, wing });
        };
        let share = price / at_k0;
        // Not `>`: a share that is not a number is no proof that little is missing.
        let whole = self.ended_by_bids || share <= limit;
        (!whole).then_some(NoIndex::TruncatedWing {
            term,
            wing,
            strike,
            share,
            limit,
        })
    }
}

/// ΔK and contribution of each strike.
fn strip(prices: &[(f64, f64)], growth: f64) -> Vec<StripStrike> {
    (0..prices.len())
        .map(|i| {
            let (strike, price) = prices[i];
            let lower = i.checked_sub(1).map(|i| prices[i].0);
            let upper = prices.get(i + 1).map(|(strike, _)| *strike);
            let delta_k = match (lower, upper) {
                (Some(lower), Some(upper)) => (upper - lower) / 2.0,
                (Some(lower), None) => strike - lower,
                (None, Some(upper)) => upper - strike,
                (None, None) => 0.0,
            };
            StripStrike {
                strike,
                delta_k,
                price,
                contribution: delta_k / (strike * strike) * growth * price,
            }
        })
        .collect()
}

/// The index at a horizon between two expiries.
pub(super) fn interpolate(
    horizon: f64,
    near: (Option<Term>, Option<NoIndex>),
    next: (Option<Term>, Option<NoIndex>),
) -> ImpliedIndex {
    let index = match (&near, &next) {
        ((_, Some(reason)), _) | (_, (_, Some(reason))) => Err(*reason),
        ((Some(near), None), (Some(next), None)) => between(horizon, near, next),
        ((None, None), _) => Err(NoIndex::NoVariance {
            term: TermName::Near,
        }),
        (_, (None, None)) => Err(NoIndex::NoVariance {
            term: TermName::Next,
        }),
    };
    ImpliedIndex {
        index,
        horizon,
        near: near.0,
        next: next.0,
    }
}

fn between(horizon: f64, near: &Term, next: &Term) -> Result<f64, NoIndex> {
    if !brackets(horizon, near.minutes, next.minutes) {
        return Err(NoIndex::NotBracketed {
            horizon,
            near: Some(near.minutes),
            next: Some(next.minutes),
        });
    }
    let span = next.minutes - near.minutes;
    let total_near = near.minutes * near.variance * (next.minutes - horizon) / span;
    let total_next = next.minutes * next.variance * (horizon - near.minutes) / span;
    let index = 100.0 * ((total_near + total_next) / horizon).sqrt();
    if index.is_finite() {
        Ok(index)
    } else {
        Err(NoIndex::NoVariance {
            term: TermName::Next,
        })
    }
}

/// Whether the horizon lies between the two.
pub(super) fn brackets(horizon: f64, near: f64, next: f64) -> bool {
    near <= horizon && horizon < next
}

/// The last expiry at or before the horizon and the first after it.
pub(super) fn bracket<'a>(
    horizon: f64,
    expiries: impl Iterator<Item = &'a Expiry>,
) -> Result<(&'a Expiry, &'a Expiry), NoIndex> {
    let mut near: Option<&Expiry> = None;
    let mut next: Option<&Expiry> = None;
    for expiry in expiries {
        let minutes = expiry.minutes();
        if minutes <= horizon {
            if near.is_none_or(|best| best.minutes() < minutes) {
                near = Some(expiry);
            }
        } else if next.is_none_or(|best| best.minutes() > minutes) {
            next = Some(expiry);
        }
    }
    match (near, next) {
        (Some(near), Some(next)) => Ok((near, next)),
        (near, next) => Err(NoIndex::NotBracketed {
            horizon,
            near: near.map(Expiry::minutes),
            next: next.map(Expiry::minutes),
        }),
    }
}

/// No terms, only the reason.
pub(super) fn nothing(horizon: f64, reason: NoIndex) -> ImpliedIndex {
    ImpliedIndex {
        index: Err(reason),
        horizon,
        near: None,
        next: None,
    }
}
