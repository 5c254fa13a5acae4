//! The convex set that weights must lie in.

use nalgebra::DVector;

/// A linear limit: `min ≤ Σ coefficient · weight ≤ max`.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What it is called where it binds or conflicts.
    pub name: String,
    /// Asset index and coefficient, by ascending index, each index at most once.
    pub terms: Vec<(usize, f64)>,
    /// The least; `-∞` for none.
    pub min: f64,
    /// The most; `+∞` for none.
    pub max: f64,
}

/// A limit of what may be traded: `Σ |weight − current| ≤ max`.
#[derive(Debug, Clone, PartialEq)]
pub struct Turnover {
    /// Weights before, `n`.
    pub current: DVector<f64>,
    /// The most, as a fraction of capital; both sides of a swap count.
    pub max: f64,
}

/// Where weights may lie: a convex set of `n` dimensions, in fractions of capital.
///
/// Discrete limits (minimum position, number of positions) are no part of it: they are met by
/// tightening bounds, see [`crate::problem::Limits`].
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// Least weights, `n`.
    pub lower: DVector<f64>,
    /// Greatest weights, `n`.
    pub upper: DVector<f64>,
    /// Linear limits, the one of the sum of all weights among them.
    pub rows: Vec<Row>,
    /// The limit of what may be traded.
    pub turnover: Option<Turnover>,
}

impl Row {
    /// The value that the row limits.
    #[must_use]
    pub fn value(&self, weights: &DVector<f64>) -> f64 {
        self.terms
            .iter()
            .map(|&(index, coefficient)| coefficient * weights[index])
            .sum()
    }
}

impl Turnover {
    /// What is traded to reach `weights`.
    #[must_use]
    pub fn value(&self, weights: &DVector<f64>) -> f64 {
        (weights - &self.current).lp_norm(1)
    }
}

impl Region {
    /// The number of assets, `n`.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.lower.len()
    }

    /// By how much `weights` break the limit that they break most; zero or less if they break none.
    #[must_use]
    pub fn violation(&self, weights: &DVector<f64>) -> f64 {
        let bounds = (0..self.dimension()).map(|index| {
            (self.lower[index] - weights[index]).max(weights[index] - self.upper[index])
        });
        let rows = self.rows.iter().map(|row| {
            let value = row.value(weights);
            (row.min - value).max(value - row.max)
        });
        let turnover = self
            .turnover
            .iter()
            .map(|turnover| turnover.value(weights) - turnover.max);
        bounds
            .chain(rows)
            .chain(turnover)
            .fold(f64::NEG_INFINITY, f64::max)
    }
}
