//! Hierarchical risk parity: López de Prado (2016), "Building Diversified Portfolios that Outperform
//! Out-of-Sample".

mod linkage;

use nalgebra::{DMatrix, DVector};

use super::{Candidate, Failure, Strategy, rule};
use crate::moments;
use crate::problem::Problem;
use crate::region::Region;

/// Hierarchical risk parity over the assets that may be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hrp;

impl Strategy for Hrp {
    fn name(&self) -> &'static str {
        "hrp"
    }

    fn solve(&self, problem: &Problem, region: &Region) -> Result<Candidate, Failure> {
        let moments = moments::of(problem)?;
        let open = rule::open(region);
        rule::variances(problem, &moments, &open, self.name())?;
        let scores = if open.len() == region.dimension() {
            hierarchical(&moments.covariance)
        } else {
            hierarchical(&moments.covariance.select_rows(&open).select_columns(&open))
        };
        let weights = rule::spread(problem, region, &open, scores.as_slice());
        rule::within(weights, None, region, self.name())
    }

    fn objective(&self, _: &Problem, _: &DVector<f64>) -> Option<f64> {
        None
    }
}

/// Weights of `covariance` (`n × n`, positive variances), sum one: assets in the order of a single
/// linkage on `√((1 − ρ)/2)`, halved again and again, each half weighted by the inverse of the
/// variance of its inverse-variance portfolio.
#[must_use]
pub fn hierarchical(covariance: &DMatrix<f64>) -> DVector<f64> {
    let n = covariance.nrows();
    let precision = covariance.diagonal().map(|variance| 1.0 / variance);
    let scale = precision.map(f64::sqrt);
    let order = linkage::order(n, |from, to| {
        let correlation = covariance[(to, from)] * (scale[from] * scale[to]);
        ((1.0 - correlation) / 2.0).clamp(0.0, 1.0).sqrt()
    });
    let mut weights = DVector::repeat(n, 1.0);
    let mut clusters = vec![order.as_slice()];
    while let Some(cluster) = clusters.pop() {
        if cluster.len() < 2 {
            continue;
        }
        let (first, second) = cluster.split_at(cluster.len() / 2);
        let risk = cluster_variance(covariance, &precision, first);
        let other = cluster_variance(covariance, &precision, second);
        // Two riskless halves are alike.
        let share = if risk + other > 0.0 {
            1.0 - risk / (risk + other)
        } else {
            0.5
        };
        for &index in first {
            weights[index] *= share;
        }
        for &index in second {
            weights[index] *= 1.0 - share;
        }
        clusters.extend([first, second]);
    }
    weights
}

/// The variance of the inverse-variance portfolio of a cluster.
fn cluster_variance(covariance: &DMatrix<f64>, precision: &DVector<f64>, cluster: &[usize]) -> f64 {
    let total: f64 = cluster.iter().map(|&index| precision[index]).sum();
    let mut variance = 0.0;
    for &column in cluster {
        let entries = covariance.column(column);
        let row: f64 = cluster
            .iter()
            .map(|&index| precision[index] * entries[index])
            .sum();
        variance += precision[column] * row;
    }
    (variance / (total * total)).max(0.0)
}
