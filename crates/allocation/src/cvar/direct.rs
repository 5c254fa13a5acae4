//! The least conditional value at risk as one linear program, by an interior-point method.

use std::borrow::Cow;

use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettingsBuilder, DefaultSolver, IPSolver, SolverStatus, SupportedConeT,
};

use super::minimum::{Asked, Minimum, unbounded};
use crate::lp::dual::Multipliers;
use crate::lp::layout::Layout;
use crate::strategy::Failure;

/// What is not accepted is not returned.
const ACCEPTED: f64 = 1e-5;

const METHOD: &str = "interior point";

fn stalled(reason: String) -> Failure {
    Failure::Stalled {
        method: METHOD,
        reason,
    }
}

/// Variables: those of the region, the threshold, one excess per outcome.
pub(super) fn minimise(asked: &Asked<'_>) -> Result<Minimum, Failure> {
    let region = asked.region;
    let layout = Layout::new(region);
    let limits = layout.program(region);
    let columns: Vec<(usize, usize, f64)> = layout.columns().collect();
    let parts = columns.len();
    let outcomes = asked.returns.nrows();
    let variables = parts + 1 + outcomes;
    let mut cost = vec![0.0; variables];
    cost[parts] = 1.0;
    for (place, probability) in asked.probabilities.iter().enumerate() {
        cost[parts + 1 + place] = probability / (1.0 - asked.alpha);
    }

    // Rows as (row, column, value) with right sides: A x + s = b.
    let mut entries: Vec<(usize, usize, f64)> = Vec::new();
    let mut sides: Vec<f64> = Vec::new();
    // Which row of the region each constraint is of, and the sign of its price.
    let mut origins: Vec<Option<(usize, f64)>> = Vec::new();
    let row_entries = |row: usize| {
        (0..parts)
            .map(move |variable| (variable, row))
            .collect::<Vec<_>>()
    };
    let mut equalities = 0;
    for equal in [true, false] {
        for (row, bend) in limits.bends.iter().enumerate() {
            if (bend.min == bend.max) != equal {
                continue;
            }
            for (side, sign) in [(bend.max, 1.0), (-bend.min, -1.0)] {
                if !side.is_finite() || (equal && sign < 0.0) {
                    continue;
                }
                for (variable, row) in row_entries(row) {
                    let entry = limits.entry(row, variable);
                    if entry != 0.0 {
                        entries.push((sides.len(), variable, sign * entry));
                    }
                }
                sides.push(side);
                origins.push(Some((row, sign)));
            }
        }
        if equal {
            equalities = sides.len();
        }
    }
    for (index, variable) in limits.variables.iter().enumerate() {
        for (side, sign) in [(variable.upper, 1.0), (-variable.lower, -1.0)] {
            if side.is_finite() {
                entries.push((sides.len(), index, sign));
                sides.push(side);
                origins.push(None);
            }
        }
    }
    let first_excess = sides.len();
    let held = super::losses(asked.returns, &layout.origin());
    for (outcome, loss) in held.iter().enumerate() {
        // loss − t − excess ≤ 0.
        for &(variable, asset, sign) in &columns {
            let entry = -sign * asked.scale * asked.returns[(outcome, asset)];
            entries.push((sides.len(), variable, entry));
        }
        entries.push((sides.len(), parts, -1.0));
        entries.push((sides.len(), parts + 1 + outcome, -1.0));
        sides.push(-asked.scale * loss);
        origins.push(None);
    }
    for outcome in 0..outcomes {
        entries.push((sides.len(), parts + 1 + outcome, -1.0));
        sides.push(0.0);
        origins.push(None);
    }
    let rows = sides.len();
    let matrix = CscMatrix::new_from_triplets(
        rows,
        variables,
        entries.iter().map(|entry| entry.0).collect(),
        entries.iter().map(|entry| entry.1).collect(),
        entries.iter().map(|entry| entry.2).collect(),
    );
    let cones = [
        SupportedConeT::ZeroConeT(equalities),
        SupportedConeT::NonnegativeConeT(rows - equalities),
    ];
    let settings = DefaultSettingsBuilder::default()
        .verbose(false)
        .tol_gap_abs(1e-11)
        .tol_gap_rel(1e-11)
        .tol_feas(1e-11)
        .build()
        .map_err(|error| stalled(error.to_string()))?;
    let quadratic = CscMatrix::zeros((variables, variables));
    let mut solver = DefaultSolver::new(&quadratic, &cost, &matrix, &sides, &cones, settings)
        .map_err(|error| stalled(error.to_string()))?;
    solver.solve();
    let solution = &solver.solution;
    match solution.status {
        SolverStatus::PrimalInfeasible => return Err(Failure::Infeasible),
        SolverStatus::DualInfeasible => return Err(unbounded()),
        _ => {}
    }
    let mut x: Vec<f64> = solution.x[..parts].to_vec();
    for (value, variable) in x.iter_mut().zip(&limits.variables) {
        *value = value.max(variable.lower).min(variable.upper);
    }
    let mut prices = vec![0.0; limits.bends.len()];
    for (origin, price) in origins.iter().zip(&solution.z) {
        if let Some((row, sign)) = origin {
            prices[*row] += sign * price / asked.scale;
        }
    }
    let minimum = asked.judged(
        layout.weights(&x),
        &solution.z[first_excess..first_excess + outcomes],
        &Multipliers::of(region, &prices),
        usize::try_from(solution.iterations).unwrap_or(usize::MAX),
        Cow::Borrowed("interior point, after the simplex stalled"),
    );
    let violation = region.violation(&minimum.weights);
    if minimum.gap * asked.scale <= ACCEPTED && violation <= ACCEPTED {
        Ok(minimum)
    } else {
        Err(stalled(format!(
            "gap {:e}, limits broken by {violation:e}",
            minimum.gap
        )))
    }
}
