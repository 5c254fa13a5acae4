//! What a position of a size gains over the horizon, as concave pieces.

use airdrops_types::Usd;
use nalgebra::DVector;

use super::tranche::Stretches;
use super::{Question, dollars};
use crate::problem::Scenarios;
use crate::rebalance::{Piece, Value};

/// Pieces per site.
const PIECES: u32 = 8;

/// The value of each site. With `growth`, what its size adds to expected log wealth, the other
/// sites being at `wanted`, times equity; otherwise what a deviation from `wanted` costs in quadratic
/// utility, with the mandate's risk aversion and the site's own variance.
pub(super) fn of(
    question: &Question,
    stretches: &Stretches,
    wanted: &[Usd],
    growth: bool,
) -> Vec<Value> {
    let equity = dollars(question.equity);
    let weights: Vec<f64> = wanted.iter().map(|size| dollars(*size) / equity).collect();
    let probabilities = &stretches.drawn.probabilities;
    let mut wealth = DVector::repeat(probabilities.len(), 1.0);
    for (site, weight) in weights.iter().enumerate() {
        wealth += stretches.gains(site, *weight);
    }
    let sites = question.sites.iter().enumerate();
    sites
        .map(|(index, site)| {
            let most = wanted[index].max(site.value);
            if growth {
                let others = &wealth - stretches.gains(index, weights[index]);
                let log = |weight: f64| {
                    let wealth = &others + stretches.gains(index, weight);
                    expected_log(&wealth, probabilities)
                };
                return pieces(question.equity, most, log);
            }
            let curvature =
                question.mandate.risk_aversion * variance(&stretches.drawn, index) * 1e9;
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let curvature = curvature.clamp(0.0, 1e12) as u64;
            Value::tracking(wanted[index], most, question.equity, curvature, PIECES)
        })
        .collect()
}

fn expected_log(wealth: &DVector<f64>, probabilities: &DVector<f64>) -> f64 {
    let rows = wealth.iter().zip(probabilities.iter());
    rows.map(|(wealth, p)| p * libm::log(wealth.max(1e-12)))
        .sum()
}

/// Of one column: without growth there is one per site.
fn variance(drawn: &Scenarios, index: usize) -> f64 {
    let column = drawn.gross.column(index);
    let rows = || column.iter().zip(drawn.probabilities.iter());
    let mean: f64 = rows().map(|(gross, p)| gross * p).sum();
    rows()
        .map(|(gross, p)| p * (gross - mean) * (gross - mean))
        .sum()
}

/// Chords of `log`, a concave function of the weight, from nothing to `most`.
fn pieces(equity: Usd, most: Usd, log: impl Fn(f64) -> f64) -> Value {
    let whole = dollars(equity);
    let mut made: Vec<Piece> = Vec::new();
    let (mut from, mut before) = (Usd::ZERO, log(0.0));
    for step in 1..=i128::from(PIECES) {
        let to = Usd(most.0 / i128::from(PIECES) * step
            + most.0 % i128::from(PIECES) * step / i128::from(PIECES));
        if to <= from {
            continue;
        }
        let after = log(dollars(to) / whole);
        let slope = (after - before) * whole / dollars(to - from);
        #[allow(clippy::cast_possible_truncation)]
        let rate = (slope * 1e9).clamp(-1e11, 1e11).floor() as i64;
        // Concave but for what floats lose.
        let rate = made.last().map_or(rate, |piece| piece.rate.min(rate));
        made.push(Piece { to, rate });
        (from, before) = (to, after);
    }
    Value { pieces: made }
}
