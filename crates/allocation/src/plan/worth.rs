//! What a position of a size gains over the horizon, as concave pieces.

use airdrops_types::Usd;

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
    drawn: &Scenarios,
    wanted: &[Usd],
    growth: bool,
) -> Vec<Value> {
    let equity = dollars(question.equity);
    let weights: Vec<f64> = wanted.iter().map(|size| dollars(*size) / equity).collect();
    let wealth = wealth(drawn, &weights);
    let sites = question.sites.iter().enumerate();
    sites
        .map(|(index, site)| {
            let most = wanted[index].max(site.value);
            if growth {
                let log = |weight: f64| log_growth(drawn, &wealth, index, weight - weights[index]);
                return pieces(question.equity, most, log);
            }
            let curvature = question.mandate.risk_aversion * variance(drawn, index) * 1e9;
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let curvature = curvature.clamp(0.0, 1e12) as u64;
            Value::tracking(wanted[index], most, question.equity, curvature, PIECES)
        })
        .collect()
}

/// Wealth in each scenario, cash included.
fn wealth(drawn: &Scenarios, weights: &[f64]) -> Vec<f64> {
    let mut wealth = vec![1.0; drawn.gross.nrows()];
    for (column, weight) in weights.iter().enumerate() {
        for (row, wealth) in wealth.iter_mut().enumerate() {
            *wealth += weight * (drawn.gross[(row, column)] - 1.0);
        }
    }
    wealth
}

/// The expected log of wealth with `more` of one site.
fn log_growth(drawn: &Scenarios, wealth: &[f64], index: usize, more: f64) -> f64 {
    let rows = wealth.iter().enumerate();
    rows.map(|(row, wealth)| {
        let wealth = wealth + more * (drawn.gross[(row, index)] - 1.0);
        drawn.probabilities[row] * libm::log(wealth.max(1e-12))
    })
    .sum()
}

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
