//! Which limits conflict.

use std::fmt;

use nalgebra::DVector;

use super::positions::{self, NotFound};
use super::{Effort, lp};
use crate::lp::Limit;
use crate::problem::Problem;
use crate::region::Region;
use crate::strategy::{Candidate, Failure, Strategy};

/// Problems that may be solved to decide whether a limit of positions can be kept without another
/// limit.
const NODES: usize = 400;

/// Limits that cannot hold together; each is needed for that.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// The convex ones.
    pub limits: Vec<Limit>,
    /// The smallest position, if it takes part.
    pub min_position: Option<f64>,
    /// The most positions, if they take part.
    pub max_positions: Option<usize>,
    /// Whether the bounds of single assets take part beside those that `limits` names.
    pub bounds: bool,
    /// All of them in words.
    pub words: Vec<String>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "these limits cannot hold together: {}; loosen one of them",
            self.words.join(", ")
        )
    }
}

impl Conflict {
    /// Of convex limits.
    pub(super) fn of(problem: &Problem, limits: Vec<Limit>) -> Self {
        Self {
            words: limits
                .iter()
                .map(|limit| limit.describe(&problem.assets))
                .collect(),
            limits,
            min_position: None,
            max_positions: None,
            bounds: false,
        }
    }

    /// Where the convex limits fit together, but not with those of positions: the rows, turnover
    /// and limits of positions are taken away one after the other where the conflict stays. None if
    /// no conflict is proven.
    pub(super) fn of_positions(problem: &Problem, region: &Region) -> Option<Self> {
        let (mut problem, mut region) = (problem.clone(), region.clone());
        let conflicts = |problem: &Problem, region: &Region| {
            let effort = Effort { nodes: NODES };
            let found = positions::search(problem, &AnyPoint, region, effort);
            matches!(
                found,
                Err(NotFound::Positions { proven: true, .. }
                    | NotFound::Method(Failure::Infeasible))
            )
        };
        if !conflicts(&problem, &region) {
            return None;
        }
        for row in 0..region.rows.len() {
            for loosened in [f64::NEG_INFINITY, f64::INFINITY] {
                let mut without = region.clone();
                if loosened < 0.0 {
                    without.rows[row].min = loosened;
                } else {
                    without.rows[row].max = loosened;
                }
                if conflicts(&problem, &without) {
                    region = without;
                }
            }
        }
        let mut without = region.clone();
        without.turnover = None;
        if conflicts(&problem, &without) {
            region = without;
        }
        let mut without = problem.clone();
        without.limits.min_position = None;
        if conflicts(&without, &region) {
            problem = without;
        }
        let mut without = problem.clone();
        without.limits.max_positions = None;
        if conflicts(&without, &region) {
            problem = without;
        }
        let mut limits = Vec::new();
        for row in &region.rows {
            let name = || row.name.clone();
            if row.min.is_finite() {
                limits.push(Limit::RowMin {
                    name: name(),
                    value: row.min,
                });
            }
            if row.max.is_finite() {
                limits.push(Limit::RowMax {
                    name: name(),
                    value: row.max,
                });
            }
        }
        if let Some(turnover) = &region.turnover {
            limits.push(Limit::Turnover {
                value: turnover.max,
            });
        }
        let (least, most) = (problem.limits.min_position, problem.limits.max_positions);
        let mut conflict = Self {
            min_position: least,
            max_positions: most,
            bounds: true,
            ..Self::of(&problem, limits)
        };
        if let Some(least) = least {
            let least = 100.0 * least;
            conflict
                .words
                .push(format!("`min_position` is {least} % or nothing"));
        }
        if let Some(most) = most {
            conflict
                .words
                .push(format!("`max_positions` is at most {most}"));
        }
        conflict.words.push("the bounds of the assets".to_owned());
        Some(conflict)
    }
}

/// Any point of the region.
struct AnyPoint;

impl Strategy for AnyPoint {
    fn name(&self) -> &'static str {
        "feasibility"
    }

    fn solve(&self, _: &Problem, region: &Region) -> Result<Candidate, Failure> {
        let any = lp::minimise(&DVector::zeros(region.dimension()), region)?;
        Ok(Candidate {
            weights: any.weights,
            gap: None,
            solver: "simplex".into(),
        })
    }

    fn objective(&self, _: &Problem, _: &DVector<f64>) -> Option<f64> {
        None
    }
}
