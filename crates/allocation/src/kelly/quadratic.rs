//! Growth to second order: `log(1 + x) ≈ x − x²/2`, for moments instead of scenarios and for the
//! quadratic form of the drawdown bound.

use nalgebra::{DMatrix, DVector};

use crate::problem::{Moments, Scenarios};
use crate::region::Region;
use crate::strategy::{Candidate, Failure};

use super::interior::{Objective, Steps};
use super::reduction::Reduction;
use super::{candidate, fixed, optimum::optimum};

/// Steps of the search for the price of the bound.
const SEARCH: usize = 100;

/// First and second moments of excess returns over cash.
#[derive(Debug, Clone, PartialEq)]
pub struct Second {
    /// `E[x]`, `n`.
    pub mean: DVector<f64>,
    /// `E[x x']`, `n × n`.
    pub square: DMatrix<f64>,
}

impl Second {
    /// Of scenarios.
    #[must_use]
    pub fn of_scenarios(scenarios: &Scenarios) -> Self {
        let n = scenarios.gross.ncols();
        let total: f64 = scenarios.probabilities.iter().sum();
        let excess = scenarios.gross.add_scalar(-1.0);
        let weighted = |column: usize| -> Vec<f64> {
            excess
                .column(column)
                .iter()
                .zip(scenarios.probabilities.iter())
                .map(|(x, p)| x * p / total)
                .collect()
        };
        let mut mean = DVector::zeros(n);
        let mut square = DMatrix::zeros(n, n);
        for i in 0..n {
            let column = weighted(i);
            mean[i] = column.iter().sum();
            for j in 0..=i {
                let product: f64 = column
                    .iter()
                    .zip(excess.column(j).iter())
                    .map(|(a, b)| a * b)
                    .sum();
                square[(i, j)] = product;
                square[(j, i)] = product;
            }
        }
        Self { mean, square }
    }

    /// Of moments, over cash that returns `risk_free`: `E[x x'] = Σ + E[x] E[x]'`.
    #[must_use]
    pub fn of_moments(moments: &Moments, risk_free: f64) -> Self {
        let mean = moments.mean.add_scalar(-risk_free);
        let n = mean.len();
        let square = DMatrix::from_fn(n, n, |i, j| {
            0.5 * (moments.covariance[(i, j)] + moments.covariance[(j, i)]) + mean[i] * mean[j]
        });
        Self { mean, square }
    }

    /// `E[x]'w − E[(x'w)²]/2`.
    #[must_use]
    pub fn growth(&self, weights: &DVector<f64>) -> f64 {
        let (linear, square) = self.parts(weights);
        linear - 0.5 * square
    }

    /// `E[x]'w` and `E[(x'w)²]`.
    fn parts(&self, weights: &DVector<f64>) -> (f64, f64) {
        let mut square = 0.0;
        for (column, weight) in self.square.column_iter().zip(weights.iter()) {
            let product: f64 = column.iter().zip(weights.iter()).map(|(s, w)| s * w).sum();
            square += weight * product;
        }
        let linear = self
            .mean
            .iter()
            .zip(weights.iter())
            .map(|(m, w)| m * w)
            .sum();
        (linear, square)
    }
}

/// `m'v − v'C v/2` over free weights.
struct Parabola {
    mean: Vec<f64>,
    /// `n × n` by rows.
    square: Vec<f64>,
    unit: f64,
    at: Vec<f64>,
    by: Vec<f64>,
}

impl Parabola {
    /// `E[x]'w − aversion/2 · E[(x'w)²]` over the free weights of `reduction`, in these units.
    fn new(second: &Second, aversion: f64, unit: f64, reduction: &Reduction) -> Self {
        let free = &reduction.free;
        let aversion = aversion / unit;
        let n = free.len();
        let mut square = Vec::with_capacity(n * n);
        for &i in free {
            square.extend(free.iter().map(|&j| aversion * second.square[(i, j)]));
        }
        let held = reduction.expand(&vec![0.0; n]);
        let mean = free
            .iter()
            .map(|&i| {
                let column = second.square.column(i);
                let with: f64 = column.iter().zip(held.iter()).map(|(s, w)| s * w).sum();
                second.mean[i] / unit - aversion * with
            })
            .collect();
        Self {
            mean,
            square,
            unit,
            at: vec![0.0; n],
            by: vec![0.0; n],
        }
    }

    fn slope(&self, weights: &[f64], out: &mut [f64]) {
        let n = self.mean.len();
        for (index, to) in out.iter_mut().enumerate() {
            let row = &self.square[index * n..(index + 1) * n];
            *to = self.mean[index] - super::wagers::dot(row, weights);
        }
    }
}

impl Objective for Parabola {
    fn start(&mut self, weights: &[f64], _last: bool) -> bool {
        self.at.copy_from_slice(weights);
        true
    }

    fn curvature(&self, system: &mut [f64]) {
        for (to, square) in system.iter_mut().zip(&self.square) {
            *to += square;
        }
    }

    fn pull(&mut self, _target: f64, _correct: bool, out: &mut [f64]) {
        self.slope(&self.at, out);
    }

    fn direct(&mut self, direction: &[f64]) -> Steps {
        self.by.copy_from_slice(direction);
        Steps::FREE
    }

    fn complementarity(&self, _steps: Steps) -> (f64, usize) {
        (0.0, 0)
    }

    fn advance(&mut self, steps: Steps) {
        for (at, by) in self.at.iter_mut().zip(&self.by) {
            *at += steps.primal * by;
        }
    }

    fn center(&mut self) {}

    fn joint(&self) -> bool {
        true
    }

    fn residual(&self) -> f64 {
        0.0
    }

    fn unit(&self) -> f64 {
        self.unit
    }

    fn gradient(&mut self, weights: &[f64], out: &mut [f64]) -> f64 {
        self.slope(weights, out);
        0.0
    }
}

fn solve(
    second: &Second,
    aversion: f64,
    region: &Region,
    reduction: &Reduction,
) -> Result<Candidate, Failure> {
    if reduction.free.is_empty() {
        return fixed(region, reduction);
    }
    // In units of its own size, so that jackpots of a thousandfold look like others.
    let unit = second
        .square
        .diagonal()
        .iter()
        .fold(1.0, |most: f64, s| most.max(*s));
    let objective = |reduction: &Reduction| Parabola::new(second, aversion, unit, reduction);
    optimum(objective, region, reduction, |_| true)
}

/// Weights of `region` that maximise `E[x]'w − E[(x'w)²]/2`; with an `exponent` `λ`, also under
/// `λ(λ+1)/2 · E[(x'w)²] ≤ λ E[x]'w`: the quadratic approximation of risk-constrained Kelly
/// (Busseti, Ryu & Boyd 2016).
///
/// For every price of the bound the Lagrangian is the same parabola with an aversion between 1 and
/// `λ + 1`, so that the bound is met by a search over that one number.
///
/// # Errors
/// [`Failure::Infeasible`] if no weights meet the limits, or none the bound;
/// [`Failure::Unbounded`] if a weight has no bound; [`Failure::Missing`] if sizes differ or numbers
/// are not finite; [`Failure::Stalled`] if nothing passed the check.
pub fn maximise(
    second: &Second,
    region: &Region,
    exponent: Option<f64>,
) -> Result<Candidate, Failure> {
    let n = region.dimension();
    let finite = second
        .mean
        .iter()
        .chain(second.square.iter())
        .all(|x| x.is_finite());
    if second.mean.len() != n || second.square.shape() != (n, n) || !finite {
        return Err(Failure::Missing(
            "moments must be finite, one mean per asset and a square covariance".to_owned(),
        ));
    }
    let exponent = exponent.unwrap_or_default();
    if !(exponent >= 0.0 && exponent.is_finite()) {
        return Err(Failure::Missing(
            "the exponent of the drawdown bound must be a finite number that is not negative"
                .to_owned(),
        ));
    }
    let reduction = Reduction::new(region)?;
    let excess = |weights: &DVector<f64>| {
        let (linear, square) = second.parts(weights);
        0.5 * (exponent + 1.0) * square - linear
    };
    let free = solve(second, 1.0, region, &reduction)?;
    if exponent == 0.0 || excess(&free.weights) <= 0.0 {
        return Ok(Candidate {
            solver: "quadratic approximation of growth, interior point".into(),
            ..free
        });
    }
    let safe = solve(second, exponent + 1.0, region, &reduction)?;
    let least = excess(&safe.weights);
    if least > safe.gap.unwrap_or(f64::INFINITY) {
        return Err(Failure::Infeasible);
    }
    // Illinois: the bound falls in the aversion.
    let (mut low, mut low_excess) = (1.0, excess(&free.weights));
    let (mut high, mut high_excess, mut best) = (exponent + 1.0, least, safe);
    let mut kept = 0_i32;
    for _ in 0..SEARCH {
        if high - low <= 1e-14 * high || high_excess.abs() <= 1e-15 {
            break;
        }
        let cut = high - high_excess * (high - low) / (high_excess - low_excess);
        let middle = if cut > low && cut < high {
            cut
        } else {
            0.5 * (low + high)
        };
        let next = solve(second, middle, region, &reduction)?;
        let value = excess(&next.weights);
        if value <= 0.0 {
            (high, high_excess, best) = (middle, value, next);
            low_excess *= if kept > 0 { 0.5 } else { 1.0 };
            kept = 1;
        } else {
            (low, low_excess) = (middle, value);
            high_excess *= if kept < 0 { 0.5 } else { 1.0 };
            kept = -1;
        }
    }
    // With price ν: aversion = (1 + νλ(λ+1)) / (1 + νλ), and no weights that keep the bound do
    // better than the Lagrangian's own gap and what the price pays for slack.
    let price = (high - 1.0) / (exponent + 1.0 - high);
    let own = (1.0 + price) * best.gap.unwrap_or(f64::INFINITY) - price * excess(&best.weights);
    let bound = second.growth(&free.weights) + free.gap.unwrap_or(f64::INFINITY);
    let gap =
        (bound - second.growth(&best.weights)).min(if own.is_nan() { f64::INFINITY } else { own });
    Ok(candidate(
        best.weights,
        gap,
        "quadratic approximation of growth under the drawdown bound, interior point",
    ))
}
