//! How deep wealth may fall: the bound of Busseti, Ryu & Boyd (2016).

use nalgebra::DVector;

use crate::problem::{Drawdown, Scenarios};

/// Halvings of the interval in which the scale lies: more than a float has digits.
const HALVINGS: usize = 64;

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

/// The greatest share of `weights`, the rest in cash, at which `E[W^-λ] ≤ 1`: by bisection, since
/// the expectation is convex in the share and one at zero. Never fails; zero if the weights have no
/// edge.
#[must_use]
pub fn scale_to_cash(scenarios: &Scenarios, weights: &DVector<f64>, exponent: f64) -> f64 {
    let gain = super::wealth(scenarios, weights).map(|wealth| wealth - 1.0);
    let holds = |share: f64| {
        power(
            scenarios,
            gain.iter().map(|gain| 1.0 + share * gain),
            exponent,
        ) <= 1.0
    };
    if holds(1.0) {
        return 1.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}
