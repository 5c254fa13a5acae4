//! Projection on a region: semismooth Newton in the multipliers of its rows.
//!
//! With the rows priced, the nearest point is separable: a soft threshold around the current weight,
//! cut at the bounds. The dual is concave, piecewise quadratic and has one variable per row and one
//! for the turnover, however many assets there are (Bertsekas 1982 for the projected Newton steps).

use super::bound;
use super::cholesky::solve_small;
use super::program::{Prices, Program};

const ITERATIONS: usize = 80;
/// Rows are met to this.
const TOLERANCE: f64 = 4e-15;
/// And this is good enough where rounding stops further progress.
const ENOUGH: f64 = 1e-12;

/// What a projection ends with.
pub(super) enum Projection {
    /// The nearest point and its multipliers.
    Found(Vec<f64>, Prices),
    /// Multipliers that prove that there is none.
    Infeasible,
    /// Neither within the work allowed.
    Stopped,
}

/// The separable minimum under given prices.
struct Priced {
    weights: Vec<f64>,
    /// `Σ a w` of each row.
    values: Vec<f64>,
    traded: f64,
}

fn priced(point: &[f64], program: &Program, prices: &Prices) -> Priced {
    let nu = prices.turnover;
    let mut values = vec![0.0; program.rows.len()];
    let mut traded = 0.0;
    let weights = (0..point.len())
        .map(|i| {
            let mut v = point[i];
            for &(row, a) in &program.columns[i] {
                v += a * prices.rows[row];
            }
            if let Some(trade) = &program.turnover {
                let current = trade.current[i];
                v = if v > current + nu {
                    v - nu
                } else if v < current - nu {
                    v + nu
                } else {
                    current
                };
            }
            let w = v.max(program.lower[i]).min(program.upper[i]);
            for &(row, a) in &program.columns[i] {
                values[row] += a * w;
            }
            if let Some(trade) = &program.turnover {
                traded += (w - trade.current[i]).abs();
            }
            w
        })
        .collect();
    Priced {
        weights,
        values,
        traded,
    }
}

/// What is missing in each row (and last in the turnover) until its limit is met: the gradient of
/// the dual, zero where a price of zero is right.
fn missing(program: &Program, prices: &Prices, at: &Priced) -> Vec<f64> {
    let rows = program.rows.iter().zip(&prices.rows).zip(&at.values);
    let mut missing: Vec<f64> = rows
        .map(|((row, &y), &value)| {
            if row.is_equality() || y < 0.0 {
                row.max - value
            } else if y > 0.0 {
                row.min - value
            } else {
                value.clamp(row.min, row.max) - value
            }
        })
        .collect();
    missing.push(program.turnover.as_ref().map_or(0.0, |trade| {
        let over = at.traded - trade.max;
        if prices.turnover > 0.0 {
            over
        } else {
            over.max(0.0)
        }
    }));
    missing
}

/// `prices + t step`, stopped where a price would change its sign.
fn moved(program: &Program, prices: &Prices, step: &[f64], missing: &[f64], t: f64) -> Prices {
    let rows = (0..prices.rows.len())
        .map(|r| {
            let (y, next) = (prices.rows[r], prices.rows[r] + t * step[r]);
            if program.rows[r].is_equality() {
                next
            } else if y > 0.0 || (y == 0.0 && missing[r] > 0.0) {
                next.max(0.0)
            } else {
                next.min(0.0)
            }
        })
        .collect();
    Prices {
        rows,
        turnover: (prices.turnover + t * step[prices.rows.len()]).max(0.0),
    }
}

/// The point of the program nearest to `point`, from multipliers that may be near the right ones.
pub(super) fn project(point: &[f64], program: &Program, start: Option<&Prices>) -> Projection {
    let m = program.rows.len();
    let mut prices = match start {
        Some(prices) => bound::valid(program, prices),
        None => Prices {
            rows: vec![0.0; m],
            turnover: 0.0,
        },
    };
    let mut at = priced(point, program, &prices);
    let mut last = f64::INFINITY;
    for iteration in 0..ITERATIONS {
        let lacks = missing(program, &prices, &at);
        let worst = lacks.iter().fold(0.0f64, |worst, x| worst.max(x.abs()));
        if worst <= TOLERANCE || (worst <= ENOUGH && worst >= 0.5 * last) {
            return Projection::Found(at.weights, prices);
        }
        last = worst;
        if iteration % 4 == 3 && bound::proves_infeasible(program, &prices) {
            return Projection::Infeasible;
        }
        let step = newton_step(program, &prices, &at, &lacks);
        let Some((next, there)) = search(point, program, &prices, &lacks, &step) else {
            break;
        };
        prices = next;
        at = there;
    }
    if bound::proves_infeasible(program, &prices) {
        return Projection::Infeasible;
    }
    let worst = missing(program, &prices, &at)
        .iter()
        .fold(0.0f64, |worst, x| worst.max(x.abs()));
    if worst <= ENOUGH {
        Projection::Found(at.weights, prices)
    } else {
        Projection::Stopped
    }
}

/// `(B_F B_F')⁻¹` times what is missing, over the rows that count and the weights that can move.
fn newton_step(program: &Program, prices: &Prices, at: &Priced, lacks: &[f64]) -> Vec<f64> {
    let m = program.rows.len();
    let counts: Vec<usize> = (0..=m)
        .filter(|&r| {
            lacks[r] != 0.0
                || if r < m {
                    prices.rows[r] != 0.0
                } else {
                    prices.turnover > 0.0
                }
        })
        .collect();
    let mut place = vec![usize::MAX; m + 1];
    for (k, &r) in counts.iter().enumerate() {
        place[r] = k;
    }
    let size = counts.len();
    let mut matrix = vec![0.0; size * size];
    let mut own: Vec<(usize, f64)> = Vec::new();
    for (i, &w) in at.weights.iter().enumerate() {
        if w <= program.lower[i] || w >= program.upper[i] {
            continue;
        }
        own.clear();
        own.extend(
            program.columns[i]
                .iter()
                .filter(|&&(r, _)| place[r] != usize::MAX)
                .map(|&(r, a)| (place[r], a)),
        );
        if let Some(trade) = &program.turnover {
            let distance = w - trade.current[i];
            if distance == 0.0 && prices.turnover > 0.0 {
                continue;
            }
            if place[m] != usize::MAX {
                own.push((place[m], if distance > 0.0 { -1.0 } else { 1.0 }));
            }
        }
        for &(r, a) in &own {
            for &(s, b) in &own {
                matrix[r * size + s] += a * b;
            }
        }
    }
    let trace: f64 = (0..size).map(|k| matrix[k * size + k]).sum();
    // Where no weight can move, the row is followed by steepest ascent until one can; the lift goes
    // to zero with what is missing (Levenberg & Marquardt), so that the last steps are Newton's.
    let worst = lacks.iter().fold(0.0f64, |worst, x| worst.max(x.abs()));
    let shift = 1e-13 * trace + 1e-3 * worst.min(1.0);
    for k in 0..size {
        matrix[k * size + k] += shift;
    }
    let right: Vec<f64> = counts.iter().map(|&r| lacks[r]).collect();
    let solved = solve_small(&mut matrix, &right);
    let mut step = vec![0.0; m + 1];
    for (k, &r) in counts.iter().enumerate() {
        step[r] = solved[k];
    }
    step
}

/// The slope of the dual along the step, at its new place.
fn slope(program: &Program, prices: &Prices, at: &Priced, step: &[f64]) -> f64 {
    missing(program, prices, at)
        .iter()
        .zip(step)
        .map(|(lacks, step)| lacks * step)
        .sum()
}

/// Goes along the step to where the dual no longer rises, roughly; `None` if it does not rise.
fn search(
    point: &[f64],
    program: &Program,
    prices: &Prices,
    lacks: &[f64],
    step: &[f64],
) -> Option<(Prices, Priced)> {
    let first: f64 = lacks
        .iter()
        .zip(step)
        .map(|(lacks, step)| lacks * step)
        .sum();
    if first.is_nan() || first <= 0.0 {
        return None;
    }
    let (mut low, mut high) = (0.0, f64::INFINITY);
    let mut t = 1.0;
    for _ in 0..60 {
        let next = moved(program, prices, step, lacks, t);
        let at = priced(point, program, &next);
        let slope = slope(program, &next, &at, step);
        if slope < -0.5 * first {
            high = t;
        } else if slope > 0.5 * first {
            low = t;
        } else {
            return Some((next, at));
        }
        if high.is_finite() && high - low <= 1e-14 * high {
            return Some((next, at));
        }
        t = if high.is_finite() {
            0.5 * (low + high)
        } else {
            t * 4.0
        };
    }
    let next = moved(program, prices, step, lacks, t);
    let at = priced(point, program, &next);
    Some((next, at))
}
