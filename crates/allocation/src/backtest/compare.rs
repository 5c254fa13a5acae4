//! Strategies side by side.

use super::simulate::Run;
use crate::performance::drawdown::{self, Drawdown};
use crate::performance::returns;
use crate::performance::sharpe::{self, Sharpe};
use crate::performance::shortfall;
use crate::performance::{Figure, Undefined};

/// What one strategy reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Its name.
    pub strategy: String,
    /// Return over the whole walk, costs included.
    pub total: Figure,
    /// The same, compounded to a year.
    pub annual: Figure,
    /// Mean logarithmic growth per year.
    pub log_growth: Figure,
    /// Standard deviation per year.
    pub volatility: Figure,
    /// Sharpe ratio with its error.
    pub sharpe: Result<Sharpe, Undefined>,
    /// Probability that the true Sharpe ratio is above zero, had this been the only trial.
    pub probabilistic: Figure,
    /// The same, given that the best of all trials was chosen.
    pub deflated: Figure,
    /// Sortino ratio per year.
    pub sortino: Figure,
    /// Deepest fall.
    pub drawdown: Result<Drawdown, Undefined>,
    /// Conditional drawdown at risk.
    pub cdar: Figure,
    /// Conditional value at risk of one period.
    pub cvar: Figure,
    /// Mean turnover of a decision.
    pub turnover: Figure,
    /// Transactions of all decisions.
    pub transactions: u64,
    /// Sum of costs, each in basis points of the capital at its time.
    pub cost_bps: f64,
    /// Decisions.
    pub decisions: usize,
    /// Of them without an answer.
    pub refused: usize,
}

/// Compares runs. `trials` is the number of all configurations that were ever tried on this
/// history, and is at least the number of runs; the variance of Sharpe ratios among the runs stands
/// for that of all trials.
#[must_use]
pub fn compare(
    runs: &[Run],
    trials: usize,
    risk_free: f64,
    periods_per_year: f64,
    alpha: f64,
) -> Vec<Comparison> {
    let ratios: Vec<f64> = runs
        .iter()
        .filter_map(|run| sharpe::sharpe(&run.returns, risk_free, periods_per_year).ok())
        .map(|sharpe| sharpe.ratio)
        .collect();
    let trials = trials.max(runs.len()).max(1);
    let variance = variance(&ratios);
    runs.iter()
        .map(|run| {
            let sharpe = sharpe::sharpe(&run.returns, risk_free, periods_per_year);
            let span = match (run.equity.first(), run.equity.last()) {
                (Some(first), Some(last)) => last.at.0.saturating_sub(first.at.0),
                _ => 0,
            };
            let total = returns::total(&run.equity);
            let turnovers: f64 = run.decisions.iter().map(|decision| decision.turnover).sum();
            Comparison {
                strategy: run.strategy.clone(),
                total,
                annual: total.and_then(|total| returns::annual(total, span)),
                log_growth: returns::log_growth(&run.returns)
                    .map(|growth| growth * periods_per_year),
                volatility: sharpe.map(|sharpe| sharpe.sample.deviation * periods_per_year.sqrt()),
                sharpe,
                probabilistic: sharpe.and_then(|sharpe| sharpe::deflated(&sharpe, 1, 0.0)),
                deflated: sharpe.and_then(|sharpe| match variance {
                    Some(variance) => sharpe::deflated(&sharpe, trials, variance),
                    None if trials == 1 => sharpe::deflated(&sharpe, 1, 0.0),
                    None => Err(Undefined::TooFew {
                        needed: 2,
                        have: ratios.len(),
                    }),
                }),
                sortino: sharpe::sortino(&run.returns, risk_free, periods_per_year),
                drawdown: drawdown::deepest(&run.equity),
                cdar: drawdown::cdar(&run.equity, alpha),
                cvar: shortfall::cvar(&run.returns, alpha),
                turnover: if run.decisions.is_empty() {
                    Err(Undefined::TooFew { needed: 1, have: 0 })
                } else {
                    Ok(turnovers / run.decisions.len() as f64)
                },
                transactions: run
                    .decisions
                    .iter()
                    .map(|decision| decision.transactions)
                    .sum(),
                cost_bps: run
                    .decisions
                    .iter()
                    .map(|decision| decision.cost)
                    .sum::<f64>()
                    * 1e4,
                decisions: run.decisions.len(),
                refused: run
                    .decisions
                    .iter()
                    .filter(|decision| decision.refused.is_some())
                    .count(),
            }
        })
        .collect()
}

/// Unbiased variance; `None` below two values.
fn variance(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some(squares / (values.len() - 1) as f64)
}
