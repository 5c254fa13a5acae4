//! Mean and risk of a problem in the form that is cheapest to optimise with.
//!
//! A covariance of many assets costs more than the optimisation that uses it. The sample covariance
//! of a history, and the exact one of scenarios, is `L'L` with `L` the centred and scaled
//! observations, so it need not be formed (`t × n` instead of `n × n` numbers).

use std::borrow::Cow;

use nalgebra::{DMatrix, DVector};

use crate::moments;
use crate::problem::{Estimator, Moments, Problem, Returns};
use crate::qp::Risk;
use crate::strategy::Failure;

enum Form<'a> {
    Moments(Cow<'a, Moments>),
    Loadings {
        mean: DVector<f64>,
        loadings: DMatrix<f64>,
    },
}

/// Mean returns and a risk matrix, per period.
pub(crate) struct MeanRisk<'a>(Form<'a>);

impl<'a> MeanRisk<'a> {
    /// For one optimisation or for `many` with the same risk.
    pub(crate) fn of(problem: &'a Problem, many: bool) -> Result<Self, Failure> {
        // One product with `L` costs `2tn`, one with the covariance `n²`.
        let (values, shares, shift) = match &problem.returns {
            Returns::History(returns)
                if problem.estimator == Estimator::Sample
                    && returns.nrows() >= 2
                    && (!many || 4 * returns.ncols() >= returns.nrows()) =>
            {
                let t = returns.nrows() as f64;
                (returns, DVector::repeat(returns.nrows(), 1.0 / t), 0.0)
            }
            Returns::Scenarios(scenarios)
                if !many || 4 * scenarios.gross.ncols() >= scenarios.gross.nrows() =>
            {
                (&scenarios.gross, scenarios.probabilities.clone(), 1.0)
            }
            _ => return moments::of(problem).map(|moments| Self(Form::Moments(moments))),
        };
        let unbiased = if shift > 0.0 {
            1.0
        } else {
            1.0 - 1.0 / shares.len() as f64
        };
        let scales: Vec<f64> = shares
            .iter()
            .map(|share| (share / unbiased).sqrt())
            .collect();
        let mut loadings = values.clone();
        let mut mean = DVector::zeros(values.ncols());
        for (i, mut column) in loadings.column_iter_mut().enumerate() {
            let average: f64 = column.iter().zip(shares.iter()).map(|(x, p)| x * p).sum();
            mean[i] = average - shift;
            for (value, scale) in column.iter_mut().zip(&scales) {
                *value = (*value - average) * scale;
            }
        }
        Ok(Self(Form::Loadings { mean, loadings }))
    }

    /// Mean net simple returns per period, `n`.
    pub(crate) fn mean(&self) -> &DVector<f64> {
        match &self.0 {
            Form::Moments(moments) => &moments.mean,
            Form::Loadings { mean, .. } => mean,
        }
    }

    /// The covariance per period.
    pub(crate) fn risk(&self) -> Risk<'_> {
        match &self.0 {
            Form::Moments(moments) => Risk::Dense(&moments.covariance),
            Form::Loadings { loadings, .. } => Risk::Factor {
                loadings,
                diagonal: None,
            },
        }
    }

    /// `w'Σw`.
    pub(crate) fn variance(&self, weights: &DVector<f64>) -> f64 {
        self.risk().inner(weights, weights).max(0.0)
    }

    /// Volatility of each asset, `n`.
    pub(crate) fn volatilities(&self) -> DVector<f64> {
        let risk = self.risk();
        DVector::from_fn(self.mean().len(), |i, _| risk.entry(i, i).max(0.0).sqrt())
    }
}
