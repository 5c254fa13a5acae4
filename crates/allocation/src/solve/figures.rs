//! What weights mean: return, risk, growth.

use nalgebra::DVector;
use serde::{Deserialize, Serialize};

use crate::moments;
use crate::problem::{Problem, Returns};

/// Figures of an allocation, per period. `None` where the problem does not tell, or where there is
/// no finite value.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Mean return, `μ'w`.
    pub mean: Option<f64>,
    /// Standard deviation of the return, `√(w'Σw)`.
    pub volatility: Option<f64>,
    /// Sharpe ratio, `(μ'w − risk free) / √(w'Σw)`.
    pub sharpe: Option<f64>,
    /// Share of each asset in the variance, `wᵢ (Σw)ᵢ / w'Σw`, `n`.
    pub risk_contributions: Option<Vec<f64>>,
    /// Mean logarithm of gross wealth after one period: over the scenarios or the history, or
    /// `μ'w − w'Σw / 2` where only moments are known.
    pub growth: Option<f64>,
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

impl Figures {
    /// Of these weights.
    #[must_use]
    pub fn of(problem: &Problem, weights: &DVector<f64>) -> Self {
        let mut figures = Self {
            growth: growth(problem, weights),
            ..Self::default()
        };
        let Ok(moments) = moments::of(problem) else {
            return figures;
        };
        let n = weights.len();
        if moments.mean.len() != n || moments.covariance.shape() != (n, n) {
            return figures;
        }
        let mean = dot(moments.mean.as_slice(), weights.as_slice());
        let marginal: Vec<f64> = moments
            .covariance
            .column_iter()
            .map(|column| column.iter().zip(weights.iter()).map(|(c, w)| c * w).sum())
            .collect();
        let variance = dot(&marginal, weights.as_slice()).max(0.0);
        let volatility = variance.sqrt();
        figures.mean = finite(mean);
        figures.volatility = finite(volatility);
        if volatility > 0.0 {
            figures.sharpe = finite((mean - problem.risk_free) / volatility);
            let shares = weights.iter().zip(&marginal);
            figures.risk_contributions = Some(shares.map(|(w, m)| w * m / variance).collect());
        }
        if matches!(problem.returns, Returns::Moments(_)) {
            figures.growth = finite(mean - variance / 2.0);
        }
        figures
    }
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

/// Over outcomes; none if one of them ruins, or if there are none.
fn growth(problem: &Problem, weights: &DVector<f64>) -> Option<f64> {
    let invested: f64 = weights.iter().sum();
    let (outcomes, base) = match &problem.returns {
        Returns::Moments(_) => return None,
        Returns::History(returns) => (returns, 1.0),
        Returns::Scenarios(scenarios) => (&scenarios.gross, 1.0 - invested),
    };
    let mut wealth = vec![base; outcomes.nrows()];
    for (column, weight) in outcomes.column_iter().zip(weights.iter()) {
        for (total, outcome) in wealth.iter_mut().zip(column.iter()) {
            *total += weight * outcome;
        }
    }
    if wealth.iter().any(|wealth| *wealth <= 0.0) {
        return None;
    }
    let logarithms = wealth.iter().map(|wealth| libm::log(*wealth));
    #[expect(clippy::cast_precision_loss, reason = "far below 2⁵³ rows")]
    let mean = match &problem.returns {
        Returns::Scenarios(scenarios) => logarithms
            .zip(scenarios.probabilities.iter())
            .map(|(logarithm, probability)| logarithm * probability)
            .sum(),
        _ => logarithms.sum::<f64>() / outcomes.nrows() as f64,
    };
    finite(mean)
}
