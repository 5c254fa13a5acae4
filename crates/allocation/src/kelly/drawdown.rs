//! How deep wealth may fall: the bound of Busseti, Ryu & Boyd (2016).

use nalgebra::DVector;

use crate::problem::{Drawdown, Scenarios};

/// Steps to the greatest share; ten are usual.
const STEPS: usize = 200;

/// `λ = ln β / ln α`: with `E[W^-λ] ≤ 1` per period, wealth that starts at one ever falls below `α`
/// with probability less than `β` (Busseti, Ryu & Boyd 2016, eqs. 8 and 9). `None` unless both lie
/// in (0, 1).
#[must_use]
pub fn exponent(drawdown: Drawdown) -> Option<f64> {
    let inside = |share: f64| share > 0.0 && share < 1.0;
    (inside(drawdown.alpha) && inside(drawdown.beta))
        .then(|| libm::log(drawdown.beta) / libm::log(drawdown.alpha))
}

/// The bound of the probability that wealth ever falls below `alpha`, if `E[W^-λ] ≤ 1`: `α^λ`.
#[must_use]
pub fn probability_bound(alpha: f64, exponent: f64) -> f64 {
    libm::pow(alpha, exponent).min(1.0)
}

/// `E[W^-λ]`, infinite where a scenario ruins.
#[must_use]
pub fn expected_power(scenarios: &Scenarios, weights: &DVector<f64>, exponent: f64) -> f64 {
    let wealth = super::wealth(scenarios, weights);
    power(scenarios, wealth.iter().copied(), exponent)
}

fn power(scenarios: &Scenarios, wealth: impl Iterator<Item = f64>, exponent: f64) -> f64 {
    // All in cash is one exactly, whatever the probabilities sum to in floats.
    let total: f64 = scenarios.probabilities.iter().sum();
    let sum: f64 = scenarios
        .probabilities
        .iter()
        .zip(wealth)
        .map(|(p, wealth)| {
            if wealth > 0.0 {
                p * libm::exp(-exponent * libm::log(wealth))
            } else {
                f64::INFINITY
            }
        })
        .sum();
    sum / total
}

/// The greatest share of `weights`, the rest in cash, at which `E[W^-λ] ≤ 1`. Never fails: the
/// expectation is convex in the share and one at zero; zero if the weights have no edge.
#[must_use]
pub fn scale_to_cash(scenarios: &Scenarios, weights: &DVector<f64>, exponent: f64) -> f64 {
    scale_toward(scenarios, weights, &DVector::zeros(weights.len()), exponent)
}

/// The greatest share of `from`, the rest `to`, at which [`expected_power`] is at most one; zero if
/// it is not even at `to`.
///
/// The expectation is convex in the share, so that Newton steps from the right never fall short of
/// the root but by rounding; where there is no slope to follow, the interval is halved.
pub(super) fn scale_toward(
    scenarios: &Scenarios,
    from: &DVector<f64>,
    to: &DVector<f64>,
    exponent: f64,
) -> f64 {
    let start = super::wealth(scenarios, to);
    let by = super::wealth(scenarios, from) - &start;
    let total: f64 = scenarios.probabilities.iter().sum();
    let at = |share: f64| -> (f64, f64) {
        let (mut value, mut slope) = (0.0, 0.0);
        for (p, (start, by)) in scenarios.probabilities.iter().zip(start.iter().zip(&by)) {
            let wealth = start + share * by;
            if wealth <= 0.0 {
                return (f64::INFINITY, f64::NAN);
            }
            let power = p * libm::exp(-exponent * libm::log(wealth));
            value += power;
            slope -= exponent * power / wealth * by;
        }
        (value / total - 1.0, slope / total)
    };
    let holds = |share: f64| expected_power(scenarios, &between(from, to, share), exponent) <= 1.0;
    if holds(1.0) {
        return 1.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    let mut hair = f64::EPSILON;
    for _ in 0..STEPS {
        let (value, slope) = at(high);
        let follow = value.is_finite() && value > 0.0 && slope > 0.0;
        let mut next = if follow {
            high - value / slope
        } else if value <= 0.0 {
            high
        } else {
            0.5 * (low + high)
        };
        if next > high * (1.0 - hair) {
            next = high * (1.0 - hair);
            hair *= 4.0;
        }
        if next <= low {
            next = 0.5 * (low + high);
        }
        if !holds(next) {
            high = next;
        } else if follow || value <= 0.0 || high - next <= f64::EPSILON * high {
            return next;
        } else {
            low = next;
        }
    }
    low
}

/// `share` of `from`, the rest `to`.
pub(super) fn between(from: &DVector<f64>, to: &DVector<f64>, share: f64) -> DVector<f64> {
    if share >= 1.0 {
        return from.clone();
    }
    from * share + to * (1.0 - share)
}

/// A search for the price at which the bound just holds: by factors until it is bracketed, then by
/// regula falsi (Illinois) over its logarithm.
pub(super) struct PriceSearch {
    /// Logarithm of the price that is tried.
    at: f64,
    /// Logarithm and excess where the bound is broken, and where it holds.
    broken: Option<(f64, f64)>,
    kept: Option<(f64, f64)>,
    /// Which side moved last, and prices tried.
    side: i32,
    tried: usize,
}

impl PriceSearch {
    pub(super) fn new(exponent: f64) -> Self {
        Self {
            at: -libm::log(exponent.max(1e-3)),
            broken: None,
            kept: None,
            side: 0,
            tried: 0,
        }
    }

    /// The next price to try, if any.
    pub(super) fn next(&mut self) -> Option<f64> {
        const MOST: usize = 60;
        self.tried += 1;
        (self.tried <= MOST && self.at.abs() < 200.0).then(|| libm::exp(self.at))
    }

    /// Nothing is known at the price: a little more is tried.
    pub(super) fn skip(&mut self) {
        const MORE: f64 = 0.01;
        self.at += MORE;
    }

    /// By how much the bound is broken at the price.
    pub(super) fn tell(&mut self, excess: f64) {
        const FACTOR: f64 = 2.5;
        let halve = |end: &mut Option<(f64, f64)>, same: bool| {
            if let (Some((_, excess)), true) = (end, same) {
                *excess *= 0.5;
            }
        };
        if excess > 0.0 {
            self.broken = Some((self.at, excess));
            halve(&mut self.kept, self.side > 0);
            self.side = 1;
        } else {
            self.kept = Some((self.at, excess));
            halve(&mut self.broken, self.side < 0);
            self.side = -1;
        }
        self.at = match (self.broken, self.kept) {
            (Some((low, over)), Some((high, under))) => {
                let cut = high - under * (high - low) / (under - over);
                if cut > low && cut < high {
                    cut
                } else {
                    0.5 * (low + high)
                }
            }
            (Some((low, _)), None) => low + FACTOR,
            (None, Some((high, _))) => high - FACTOR,
            (None, None) => self.at,
        };
    }
}
