//! From a problem and a strategy to an allocation that provably keeps every limit.
//!
//! The problem is checked, its limits are shown to fit together, the strategy chooses weights, a
//! search settles limits of positions, the weights are rounded to whole parts, and a certificate is
//! made of the parts alone. No word of a solver is taken: what an answer claims is worked out from
//! its weights. Where a method stalls, the next one takes its place, in the end the feasible point
//! nearest to equal weight, and the answer says so.

mod figures;
mod infeasible;
mod positions;

use airdrops_types::Usd;
use nalgebra::DVector;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use figures::Figures;
pub use infeasible::Conflict;

use crate::certificate::{Certificate, LimitCheck};
use crate::parts;
use crate::problem::{Fault, Problem};
use crate::region::Region;
use crate::strategy::{Candidate, Failure, Strategy};
use crate::{lp, qp, rounding, strategies};
use positions::{Found, NotFound};

/// How much work may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// The most problems that the search over positions may solve.
    pub nodes: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Self { nodes: 400 }
    }
}

/// A method that had no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fallback {
    /// Which.
    pub from: String,
    /// Why.
    pub reason: String,
}

/// Weights that keep every limit, and what they mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Allocation {
    /// The strategy that was asked for.
    pub strategy: String,
    /// Weights in parts of 10⁻¹² of capital, `n`.
    pub weights: Vec<i128>,
    /// What they are worth, rounded toward zero to a micro-dollar, `n`.
    pub targets: Vec<Usd>,
    /// What the strategy minimises, at these weights; `None` if it optimises nothing.
    pub objective: Option<f64>,
    /// Return, risk and growth of these weights.
    pub figures: Figures,
    /// That every limit holds.
    pub certificate: Certificate,
    /// What found the weights.
    pub solver: String,
    /// What had no answer before; empty if the strategy itself had one.
    pub fallbacks: Vec<Fallback>,
    /// How many problems were solved; more than one only where positions are limited.
    pub nodes: usize,
    /// How far the weights went toward the inside of the limits so that whole parts fit, from 0 to
    /// 1.
    pub blended: f64,
}

impl Allocation {
    /// Weights as fractions of capital.
    #[must_use]
    pub fn fractions(&self) -> DVector<f64> {
        fractions(&self.weights)
    }
}

fn fractions(weights: &[i128]) -> DVector<f64> {
    let fractions = weights.iter().map(|parts| parts::fraction(*parts));
    DVector::from_iterator(weights.len(), fractions)
}

/// Why there is no allocation.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SolveError {
    /// The problem is not well formed.
    #[error("the problem has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// The limits do not fit together.
    #[error("{0}")]
    Infeasible(Conflict),
    /// Positions that keep all limits were neither found nor ruled out.
    #[error(
        "no positions that keep all limits were found in {nodes} attempts; loosen min_position or \
         max_positions"
    )]
    Positions {
        /// How many problems were solved.
        nodes: usize,
    },
    /// The strategy cannot answer this problem.
    #[error("{strategy}: {failure}")]
    Strategy {
        /// Which.
        strategy: String,
        /// Why, and what to do.
        failure: Failure,
    },
    /// Limits leave no room for whole parts.
    #[error("{}", unroundable(.0))]
    Rounding(Vec<LimitCheck>),
}

fn unroundable(broken: &[LimitCheck]) -> String {
    let names: Vec<String> = broken
        .iter()
        .map(|limit| format!("`{}`", limit.name))
        .collect();
    format!(
        "no weights in whole parts of 10^-12 of capital were found that keep every limit: {} would \
         be broken; loosen it by a little, or write limits with at most 12 decimals",
        names.join(", ")
    )
}

/// Solves a problem by a strategy, with the usual effort.
///
/// # Errors
/// [`SolveError`]: there is no answer that breaks a limit.
pub fn solve(problem: &Problem, strategy: &dyn Strategy) -> Result<Allocation, SolveError> {
    solve_with(problem, strategy, Effort::default())
}

/// Solves a problem by a strategy.
///
/// # Errors
/// [`SolveError`]: there is no answer that breaks a limit.
pub fn solve_with(
    problem: &Problem,
    strategy: &dyn Strategy,
    effort: Effort,
) -> Result<Allocation, SolveError> {
    problem.check().map_err(SolveError::Faults)?;
    let region = problem.limits.region(&problem.current);
    if lp::feasible(&region).is_none() {
        let limits = lp::conflict(&region);
        if !limits.is_empty() {
            return Err(SolveError::Infeasible(Conflict::of(problem, limits)));
        }
        // The simplex method has stalled: the strategies find out.
    }
    let mut run = Run {
        problem,
        asked: strategy,
        region,
        effort,
        fallbacks: Vec::new(),
        broken: None,
        lost: false,
        nodes: 0,
    };
    let mut first = None;
    match run.attempt(strategy) {
        Ok(allocation) => return Ok(allocation),
        Err(Some(error)) => return Err(error),
        Err(None) => {
            if let Some(Fallback { reason, .. }) = run.fallbacks.first() {
                first = Some(reason.clone());
            }
        }
    }
    let next = strategies::entry(strategy.name()).map_or(&[][..], |entry| entry.fallbacks);
    for name in next {
        if let Some(method) = strategies::by_name(name)
            && let Ok(allocation) = run.attempt(method.as_ref())
        {
            return Ok(allocation);
        }
    }
    if let Ok(allocation) = run.attempt(&NearestToEqual) {
        return Ok(allocation);
    }
    Err(match run.broken {
        Some(broken) => SolveError::Rounding(broken),
        None if run.lost => SolveError::Positions { nodes: run.nodes },
        None => SolveError::Strategy {
            strategy: strategy.name().to_owned(),
            failure: Failure::Stalled {
                method: strategy.name(),
                reason: first.unwrap_or_default(),
            },
        },
    })
}

/// One way through the methods.
struct Run<'a> {
    problem: &'a Problem,
    asked: &'a dyn Strategy,
    region: Region,
    effort: Effort,
    fallbacks: Vec<Fallback>,
    /// The limits that rounding could not keep.
    broken: Option<Vec<LimitCheck>>,
    /// Whether the search for positions ended before it was sure.
    lost: bool,
    nodes: usize,
}

impl Run<'_> {
    /// An allocation by this method; no error if the next method should be tried.
    fn attempt(&mut self, method: &dyn Strategy) -> Result<Allocation, Option<SolveError>> {
        let reason = match positions::search(self.problem, method, &self.region, self.effort) {
            Ok(found) => match self.finish(method, &found) {
                Ok(allocation) => return Ok(allocation),
                Err(broken) => {
                    let names: Vec<&str> = broken.iter().map(|limit| limit.name.as_str()).collect();
                    let reason = format!("whole parts would break {}", names.join(", "));
                    self.broken = Some(broken);
                    reason
                }
            },
            Err(NotFound::Positions { proven: true, .. }) => {
                let conflict = Conflict::of_positions(self.problem, &self.region);
                return Err(Some(match conflict {
                    Some(conflict) => SolveError::Infeasible(conflict),
                    None => self.asks_too_much(method),
                }));
            }
            Err(NotFound::Positions { nodes, .. }) => {
                self.nodes += nodes;
                self.lost = true;
                format!("no positions that keep all limits were found in {nodes} attempts")
            }
            Err(NotFound::Method(Failure::Stalled { reason, .. })) => reason,
            Err(NotFound::Method(Failure::Infeasible)) => {
                return Err(Some(self.asks_too_much(method)));
            }
            Err(NotFound::Method(failure)) => {
                return Err(Some(SolveError::Strategy {
                    strategy: method.name().to_owned(),
                    failure,
                }));
            }
        };
        self.fallbacks.push(Fallback {
            from: method.name().to_owned(),
            reason,
        });
        Err(None)
    }

    /// The limits fit together, but not with what the strategy asks beside them.
    fn asks_too_much(&self, method: &dyn Strategy) -> SolveError {
        let asked = match method.name() {
            "kelly" | "airdrop-kelly" => " or drawdown",
            "target-return" => " or target_return",
            "target-risk" => " or target_risk",
            _ => "",
        };
        SolveError::Strategy {
            strategy: method.name().to_owned(),
            failure: Failure::Missing(format!(
                "weights can keep all limits, but none of them gives what the strategy asks for \
                 beside them; loosen a limit{asked}"
            )),
        }
    }

    /// Rounds, certifies and measures.
    fn finish(
        &mut self,
        method: &dyn Strategy,
        found: &Found,
    ) -> Result<Allocation, Vec<LimitCheck>> {
        self.nodes += found.nodes;
        let problem = self.problem;
        let inside = || lp::interior(&found.region).ok().map(|(weights, _)| weights);
        let rounded = rounding::round(problem, &found.candidate.weights, &found.places, inside)
            .map_err(|certificate| certificate.broken().cloned().collect::<Vec<_>>())?;
        let mut certificate = Certificate::of(problem, &rounded.parts);
        if !certificate.holds() {
            return Err(certificate.broken().cloned().collect());
        }
        let weights = fractions(&rounded.parts);
        let objective = self.asked.objective(problem, &weights);
        if self.fallbacks.is_empty() {
            certificate.gap = objective
                .zip(found.bound)
                .map(|(objective, bound)| (objective - bound).max(0.0))
                .filter(|gap| gap.is_finite());
        }
        let targets = rounded.parts.iter();
        Ok(Allocation {
            strategy: self.asked.name().to_owned(),
            targets: targets
                .map(|parts| parts::target(problem.capital, *parts))
                .collect(),
            objective: objective.filter(|objective| objective.is_finite()),
            figures: Figures::of(problem, &weights),
            certificate,
            solver: match self.fallbacks.is_empty() {
                true => found.candidate.solver.to_string(),
                false => format!("{}: {}", method.name(), found.candidate.solver),
            },
            fallbacks: self.fallbacks.clone(),
            nodes: self.nodes,
            blended: rounded.blended,
            weights: rounded.parts,
        })
    }
}

/// The last resort: as near to equal weight as the limits allow.
struct NearestToEqual;

impl Strategy for NearestToEqual {
    fn name(&self) -> &'static str {
        "nearest to equal weight"
    }

    fn solve(&self, _: &Problem, region: &Region) -> Result<Candidate, Failure> {
        let n = region.dimension();
        #[expect(clippy::cast_precision_loss, reason = "far below 2⁵³ assets")]
        let equal = DVector::repeat(n, 1.0 / n as f64);
        qp::nearest(&equal, region).or_else(|_| {
            let any = lp::minimise(&DVector::zeros(n), region)?;
            Ok(Candidate {
                weights: any.weights,
                gap: None,
                solver: "simplex, any point".into(),
            })
        })
    }

    fn objective(&self, _: &Problem, _: &DVector<f64>) -> Option<f64> {
        None
    }
}
