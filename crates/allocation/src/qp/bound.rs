//! The dual bound: how far an answer can be from the optimum at most, from multipliers alone.
//!
//! For any multipliers and any point `v` a convex objective obeys `f(w) ≥ f(v) + g'(w − v)` with
//! `g` its gradient at `v`. Over the box and the kink of the turnover term that bound is separable
//! and its minimum exact (Boyd & Vandenberghe 2004, section 5.5.1), so nothing that a method says of
//! itself is needed: a wrong multiplier can only widen the gap.

use super::program::{Prices, Program};

/// Multipliers with the signs that make the bound valid, and zero where a row has no such side.
pub(super) fn valid(program: &Program, prices: &Prices) -> Prices {
    let rows = prices
        .rows
        .iter()
        .zip(&program.rows)
        .map(|(&y, row)| {
            let side = if y > 0.0 { row.min } else { row.max };
            if y.is_finite() && side.is_finite() {
                y
            } else {
                0.0
            }
        })
        .collect();
    let turnover = if program.turnover.is_some() && prices.turnover.is_finite() {
        prices.turnover.max(0.0)
    } else {
        0.0
    };
    Prices { rows, turnover }
}

/// `max f(weights) − f(w)` over all `w` in the program is at most this: the sum of all violations of
/// complementary slackness. `gradient` is that of the objective at `weights`.
pub(super) fn gap(program: &Program, weights: &[f64], gradient: &[f64], prices: &Prices) -> f64 {
    let prices = valid(program, prices);
    let mut sum = 0.0;
    for (row, &y) in program.rows.iter().zip(&prices.rows) {
        if y != 0.0 {
            let side = if y > 0.0 { row.min } else { row.max };
            sum += (y * (row.value(weights) - side)).abs();
        }
    }
    let nu = prices.turnover;
    if let Some(trade) = &program.turnover {
        sum += (nu * (trade.max - trade.value(weights))).abs();
    }
    for (i, &weight) in weights.iter().enumerate() {
        let reduced = gradient[i] - program.priced(i, &prices.rows);
        let (low, high) = (program.lower[i], program.upper[i]);
        let term = match &program.turnover {
            None => {
                let best = if reduced > 0.0 { low } else { high };
                reduced * (weight - best)
            }
            Some(trade) => {
                let current = trade.current[i];
                let at = |w: f64| reduced * w + nu * (w - current).abs();
                let kink = current.clamp(low, high);
                at(weight) - at(low).min(at(high)).min(at(kink))
            }
        };
        sum += term.abs();
    }
    sum
}

/// Whether the multipliers prove that no weights meet all limits: with no objective at all the dual
/// bound is positive, by more than rounding explains (Farkas' lemma).
pub(super) fn proves_infeasible(program: &Program, prices: &Prices) -> bool {
    let prices = valid(program, prices);
    let (mut sum, mut size) = (0.0, 0.0);
    let mut add = |term: f64| {
        sum += term;
        size += term.abs();
    };
    for (row, &y) in program.rows.iter().zip(&prices.rows) {
        if y != 0.0 {
            add(y * if y > 0.0 { row.min } else { row.max });
        }
    }
    let nu = prices.turnover;
    if let Some(trade) = &program.turnover {
        add(-nu * trade.max);
    }
    for i in 0..program.dimension() {
        let reduced = -program.priced(i, &prices.rows);
        let (low, high) = (program.lower[i], program.upper[i]);
        match &program.turnover {
            None => add(reduced * if reduced > 0.0 { low } else { high }),
            Some(trade) => {
                let current = trade.current[i];
                let at = |w: f64| reduced * w + nu * (w - current).abs();
                add(at(low).min(at(high)).min(at(current.clamp(low, high))));
            }
        }
    }
    sum > 1e-10 * size && sum > 0.0
}
