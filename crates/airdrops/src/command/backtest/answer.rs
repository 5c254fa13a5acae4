//! What a backtest found.

use std::collections::BTreeMap;

use airdrops_allocation::backtest::{Comparison, Run};
use airdrops_allocation::performance::{Figure, drawdown};
use airdrops_types::Timestamp;
use serde_json::{Value, json};

/// Sharpe ratios of the paths of a cross-validation.
#[derive(Debug, Clone, PartialEq)]
pub struct Paths {
    /// Of which strategy.
    pub strategy: String,
    /// Per year, one per path.
    pub sharpes: Vec<Figure>,
    /// Splits that were decided.
    pub splits: usize,
    /// Of them without an answer.
    pub refused: usize,
}

impl Paths {
    /// Least, mean and greatest ratio of the paths that have one.
    #[must_use]
    pub fn range(&self) -> Option<(f64, f64, f64)> {
        let stated: Vec<f64> = self
            .sharpes
            .iter()
            .filter_map(|sharpe| sharpe.ok())
            .collect();
        if stated.is_empty() {
            return None;
        }
        let mean = stated.iter().sum::<f64>() / stated.len() as f64;
        let least = stated.iter().copied().fold(f64::INFINITY, f64::min);
        let most = stated.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some((least, mean, most))
    }
}

/// Everything that is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Backtested {
    /// One per strategy.
    pub comparisons: Vec<Comparison>,
    /// What they did.
    pub runs: Vec<Run>,
    /// Cross-validation, one per strategy; empty if none was asked for.
    pub paths: Vec<Paths>,
    /// Assets of the history.
    pub assets: Vec<String>,
    /// Rows of returns.
    pub rows: usize,
    /// Decisions of the walk.
    pub folds: usize,
    /// By how many trials ratios are deflated.
    pub trials: usize,
    /// Confidence of CVaR and CDaR.
    pub alpha: f64,
}

impl Backtested {
    /// First decision and last row.
    #[must_use]
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let equity = &self.runs.first()?.equity;
        Some((equity.first()?.at, equity.last()?.at))
    }

    /// Reasons for decisions without an answer, with strategy and number.
    #[must_use]
    pub fn refusals(&self) -> BTreeMap<(String, String), usize> {
        let mut reasons = BTreeMap::new();
        for run in &self.runs {
            for reason in run.decisions.iter().filter_map(|of| of.refused.as_ref()) {
                *reasons
                    .entry((run.strategy.clone(), reason.clone()))
                    .or_default() += 1;
            }
        }
        reasons
    }

    /// As JSON, with equity and weights of each decision.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "assets": self.assets,
            "rows": self.rows,
            "decisions": self.folds,
            "from": self.span().map(|(from, _)| from.to_string()),
            "to": self.span().map(|(_, to)| to.to_string()),
            "trials": self.trials,
            "alpha": self.alpha,
            "strategies": self.comparisons.iter().zip(&self.runs).map(|(of, run)| json!({
                "strategy": of.strategy,
                "return": of.total.ok(),
                "annual": of.annual.ok(),
                "log_growth": of.log_growth.ok(),
                "volatility": of.volatility.ok(),
                "sharpe": of.sharpe.ok().map(|sharpe| sharpe.annual),
                "sharpe_error": of.sharpe.ok().map(|sharpe| sharpe.annual_error),
                "probabilistic_sharpe": of.probabilistic.ok(),
                "deflated_sharpe": of.deflated.ok(),
                "sortino": of.sortino.ok(),
                "max_drawdown": of.drawdown.ok().map(|fall| fall.depth),
                "cdar": of.cdar.ok(),
                "cvar": of.cvar.ok(),
                "turnover": of.turnover.ok(),
                "transactions": of.transactions,
                "cost_bps": of.cost_bps,
                "refused": of.refused,
                "decisions": run.decisions.iter().map(|decision| json!({
                    "at": decision.at.to_string(),
                    "weights": self.assets.iter().cloned().zip(decision.weights.iter().copied()).collect::<BTreeMap<String, f64>>(),
                    "turnover": decision.turnover,
                    "transactions": decision.transactions,
                    "cost": decision.cost,
                    "refused": decision.refused,
                })).collect::<Vec<_>>(),
                "equity": run.equity.iter().map(|point| json!([point.at.to_string(), point.value])).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "cross_validation": self.paths.iter().map(|paths| json!({
                "strategy": paths.strategy,
                "splits": paths.splits,
                "refused": paths.refused,
                "sharpe": paths.sharpes.iter().map(|sharpe| sharpe.ok()).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        })
    }

    /// The drawdown of each run.
    #[must_use]
    pub fn depths(&self) -> Vec<(String, Vec<(Timestamp, f64)>)> {
        self.runs
            .iter()
            .map(|run| {
                let depths = drawdown::depths(&run.equity).unwrap_or_default();
                (run.strategy.clone(), depths)
            })
            .collect()
    }
}
