//! What draws say of each opportunity.

use serde::{Deserialize, Serialize};

use crate::problem::Scenarios;

/// Chances and quantiles of one opportunity's net return per unit of capital.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The mean net return.
    pub mean: f64,
    /// Its standard error, as if scenarios were independent; antithetic pairs make it smaller.
    pub standard_error: f64,
    /// The standard deviation.
    pub deviation: f64,
    /// The probability of a net return above zero.
    pub profit: f64,
    /// Net returns at the probabilities of [`LEVELS`].
    pub quantiles: [f64; LEVELS.len()],
}

/// Probabilities of [`Summary::quantiles`].
pub const LEVELS: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];

/// The summary of each column.
#[must_use]
pub fn summaries(scenarios: &Scenarios) -> Vec<Summary> {
    let probabilities: Vec<f64> = scenarios.probabilities.iter().copied().collect();
    let columns = scenarios.gross.column_iter();
    columns
        .map(|column| {
            let mut net: Vec<(f64, f64)> = column
                .iter()
                .zip(&probabilities)
                .map(|(gross, probability)| (gross - 1.0, *probability))
                .collect();
            net.sort_by(|a, b| a.0.total_cmp(&b.0));
            summary(&net)
        })
        .collect()
}

/// Of net returns with probabilities, ascending.
fn summary(net: &[(f64, f64)]) -> Summary {
    let mean: f64 = net.iter().map(|(value, p)| value * p).sum();
    let square = |(value, p): &(f64, f64)| (value - mean) * (value - mean) * p;
    let deviation = net.iter().map(square).sum::<f64>().sqrt();
    let squares: f64 = net.iter().map(|(_, p)| p * p).sum();
    let profit = net.iter().filter(|(value, _)| *value > 0.0);
    Summary {
        mean,
        standard_error: deviation * squares.sqrt(),
        deviation,
        profit: profit.map(|(_, p)| p).sum(),
        quantiles: LEVELS.map(|level| quantile(net, level)),
    }
}

/// The least value whose probability, with all below it, reaches `level`.
fn quantile(net: &[(f64, f64)], level: f64) -> f64 {
    let mut sum = 0.0;
    for (value, p) in net {
        sum += p;
        if sum >= level - 1e-12 {
            return *value;
        }
    }
    net.last().map_or(0.0, |(value, _)| *value)
}
