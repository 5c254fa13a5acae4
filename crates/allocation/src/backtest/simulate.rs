//! Decisions on recorded history, their costs, and what they became.

use std::ops::Range;

use airdrops_types::Timestamp;
use nalgebra::{DMatrix, DVector};

use super::history::History;
use super::purged::Combinations;
use super::walk::Fold;
use crate::performance::IndexPoint;
use crate::problem::{Costs, Problem, Returns};

/// One decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// Weights after it, `n`.
    pub weights: Vec<f64>,
    /// `Σ |weight − weight before|`.
    pub turnover: f64,
    /// Transactions that it took.
    pub transactions: u64,
    /// Their cost as a fraction of capital at the time.
    pub cost: f64,
    /// Why the strategy had no answer; then the weights stayed.
    pub refused: Option<String>,
}

/// What one strategy became.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The strategy's name.
    pub strategy: String,
    /// Wealth from the first decision on, 1 before its costs.
    pub equity: Vec<IndexPoint>,
    /// Net return of each row after the first decision.
    pub returns: Vec<f64>,
    /// All decisions.
    pub decisions: Vec<Decision>,
    /// Sum of costs in units of the first wealth.
    pub cost: f64,
}

/// A simulation: a problem whose returns, current weights and fixed costs are replaced at each
/// decision.
#[derive(Debug, Clone, Copy)]
pub struct Simulation<'a> {
    /// The history.
    pub history: &'a History,
    /// Assets (those of the history, in its order), limits, costs and parameters.
    pub template: &'a Problem,
}

/// Wealth and where it is.
struct Wealth {
    level: f64,
    weights: DVector<f64>,
}

impl Simulation<'_> {
    /// Walks forward: at each fold `decide` gets a problem with the rows that the fold may use, the
    /// weights as they drifted, and capital as it grew; what it answers is held, and drifts, until
    /// the next. Fixed costs are constant in money: their share grows as capital shrinks.
    ///
    /// An answer with a wrong length, a weight that is not finite, a negative one, or weights that
    /// sum to more than 1 is taken as no answer.
    pub fn walk(
        &self,
        strategy: &str,
        folds: &[Fold],
        decide: &mut dyn FnMut(&Problem) -> Result<Vec<f64>, String>,
    ) -> Run {
        let n = self.history.assets().len();
        let mut wealth = Wealth {
            level: 1.0,
            weights: DVector::zeros(n),
        };
        let mut run = Run {
            strategy: strategy.to_owned(),
            equity: Vec::new(),
            returns: Vec::new(),
            decisions: Vec::new(),
            cost: 0.0,
        };
        for fold in folds {
            if run.equity.is_empty() {
                run.equity.push(IndexPoint {
                    at: fold.at,
                    value: 1.0,
                });
            }
            let rows: Vec<usize> = fold.train.clone().collect();
            let before = wealth.level;
            let decision = self.decide(fold.at, &rows, &wealth, decide);
            wealth.level *= 1.0 - decision.cost;
            run.cost += before * decision.cost;
            wealth.weights = DVector::from_column_slice(&decision.weights);
            run.decisions.push(decision);
            self.hold(fold.test.clone(), before, &mut wealth, &mut run);
        }
        run
    }

    /// Cross-validates: each split's weights are decided from cash on its training rows and held
    /// over each of its test groups. The answer is the net returns of each path through all groups,
    /// and each refusal.
    pub fn cross_validate(
        &self,
        combinations: &Combinations,
        decide: &mut dyn FnMut(&Problem) -> Result<Vec<f64>, String>,
    ) -> (Vec<Vec<f64>>, Vec<String>) {
        let n = self.history.assets().len();
        let mut refusals = Vec::new();
        let mut tests: Vec<Vec<(usize, Vec<f64>)>> = Vec::new();
        for split in &combinations.splits {
            let cash = Wealth {
                level: 1.0,
                weights: DVector::zeros(n),
            };
            let at = split
                .test
                .first()
                .and_then(|block| self.history.times().get(block.start))
                .copied()
                .unwrap_or_default();
            let decision = self.decide(at, &split.train, &cash, decide);
            refusals.extend(decision.refused.clone());
            let mut outcomes = Vec::new();
            for (group, block) in split.tested.iter().zip(&split.test) {
                let mut wealth = Wealth {
                    level: 1.0 - decision.cost,
                    weights: DVector::from_column_slice(&decision.weights),
                };
                let mut run = Run {
                    strategy: String::new(),
                    equity: Vec::new(),
                    returns: Vec::new(),
                    decisions: Vec::new(),
                    cost: 0.0,
                };
                self.hold(block.clone(), 1.0, &mut wealth, &mut run);
                outcomes.push((*group, run.returns));
            }
            tests.push(outcomes);
        }
        let paths = combinations
            .paths
            .iter()
            .map(|path| {
                path.iter()
                    .enumerate()
                    .flat_map(|(group, split)| {
                        tests[*split]
                            .iter()
                            .filter(move |(of, _)| *of == group)
                            .flat_map(|(_, returns)| returns.iter().copied())
                    })
                    .collect()
            })
            .collect();
        (paths, refusals)
    }

    fn decide(
        &self,
        at: Timestamp,
        rows: &[usize],
        wealth: &Wealth,
        decide: &mut dyn FnMut(&Problem) -> Result<Vec<f64>, String>,
    ) -> Decision {
        let problem = self.problem(self.history.rows(rows), wealth);
        let answer = if wealth.level > 0.0 {
            decide(&problem).and_then(|weights| sound(weights, wealth.weights.len()))
        } else {
            Err("nothing is left to allocate".to_owned())
        };
        let (weights, refused) = match answer {
            Ok(weights) => (weights, None),
            Err(reason) => (wealth.weights.as_slice().to_vec(), Some(reason)),
        };
        let (cost, transactions) =
            trading_cost(&problem.costs, wealth.weights.as_slice(), &weights);
        let turnover = wealth
            .weights
            .iter()
            .zip(&weights)
            .map(|(before, after)| (after - before).abs())
            .sum();
        Decision {
            at,
            weights,
            turnover,
            transactions,
            cost: cost.clamp(0.0, 1.0),
            refused,
        }
    }

    fn problem(&self, returns: DMatrix<f64>, wealth: &Wealth) -> Problem {
        let mut problem = self.template.clone();
        problem.returns = Returns::History(returns);
        problem.current = wealth.weights.clone();
        if wealth.level > 0.0 {
            for fixed in &mut problem.costs.fixed {
                *fixed /= wealth.level;
            }
            // A capital that does not fit stays what it was.
            let grown = problem.capital.0 as f64 * wealth.level;
            if (1.0..1e30).contains(&grown) {
                #[allow(clippy::cast_possible_truncation)]
                let micros = grown as i128;
                problem.capital = airdrops_types::Usd(micros);
            }
        }
        problem
    }

    /// Holds the weights over rows and lets them drift. The first return is measured from `base`,
    /// so that it bears the costs of the decision.
    fn hold(&self, rows: Range<usize>, base: f64, wealth: &mut Wealth, run: &mut Run) {
        let (returns, times) = (self.history.returns(), self.history.times());
        let mut before = base;
        for row in rows.start..rows.end.min(times.len()) {
            let invested: f64 = wealth.weights.iter().sum();
            let cash = (1.0 - invested) * (1.0 + self.template.risk_free);
            let grown = DVector::from_fn(wealth.weights.len(), |asset, _| {
                wealth.weights[asset] * (1.0 + returns[(row, asset)])
            });
            let gross = (cash + grown.iter().sum::<f64>()).max(0.0);
            wealth.level *= gross;
            wealth.weights = if gross > 0.0 {
                grown / gross
            } else {
                DVector::zeros(wealth.weights.len())
            };
            run.returns.push(if before > 0.0 {
                wealth.level / before - 1.0
            } else {
                0.0
            });
            run.equity.push(IndexPoint {
                at: times[row],
                value: wealth.level,
            });
            before = wealth.level;
        }
    }
}

/// The weights, if they are some.
fn sound(weights: Vec<f64>, n: usize) -> Result<Vec<f64>, String> {
    /// What rounding may leave above the whole or below nothing.
    const SLACK: f64 = 1e-9;
    if weights.len() != n {
        return Err(format!("{} weights for {n} assets", weights.len()));
    }
    if let Some(weight) = weights
        .iter()
        .find(|weight| !weight.is_finite() || **weight < -SLACK)
    {
        return Err(format!("a weight of {weight}"));
    }
    let sum: f64 = weights.iter().sum();
    if sum > 1.0 + SLACK {
        return Err(format!("weights that sum to {sum}"));
    }
    Ok(weights)
}

/// Cost as a fraction of capital, and the transactions it takes: `⌈|Δw| / cap⌉` per asset.
fn trading_cost(costs: &Costs, before: &[f64], after: &[f64]) -> (f64, u64) {
    /// A smaller change is rounding and takes no transaction.
    const NOTHING: f64 = 1e-9;
    let (mut cost, mut transactions) = (0.0, 0);
    for (asset, (before, after)) in before.iter().zip(after).enumerate() {
        let traded = (after - before).abs();
        if traded <= NOTHING {
            continue;
        }
        let count = match costs.cap_per_transaction {
            Some(cap) if cap > 0.0 => ((traded - NOTHING) / cap).ceil().clamp(1.0, 1e6),
            _ => 1.0,
        };
        cost += traded * costs.proportional.get(asset).copied().unwrap_or(0.0)
            + count * costs.fixed.get(asset).copied().unwrap_or(0.0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let whole = count as u64;
        transactions += whole;
    }
    (cost, transactions)
}
