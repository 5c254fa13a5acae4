//! The general method: clarabel's interior point. Its status is ignored; only its numbers are used,
//! and they are checked by the caller.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettings, DefaultSolver, IPSolver, NonnegativeConeT, SupportedConeT, ZeroConeT,
};

use super::program::{Prices, Program};
use super::risk::Risk;

/// Rows of a constraint matrix, with what they limit.
#[derive(Default)]
struct Rows {
    entries: Vec<Vec<(usize, f64)>>,
    right: Vec<f64>,
}

impl Rows {
    fn push(&mut self, terms: Vec<(usize, f64)>, right: f64) {
        self.entries.push(terms);
        self.right.push(right);
    }
}

/// Where the multipliers of a row lie: of its equality, or of its two sides.
#[derive(Clone, Copy, Default)]
struct Place {
    equal: Option<usize>,
    min: Option<usize>,
    max: Option<usize>,
}

/// Weights and multipliers as clarabel leaves them; `None` if it cannot start.
pub(super) fn solve(
    risk: &Risk<'_>,
    linear: &[f64],
    program: &Program,
) -> Option<(Vec<f64>, Prices)> {
    let n = program.dimension();
    let trades = program.turnover.is_some();
    let columns = if trades { 2 * n } else { n };
    // Its tolerances are absolute as well as relative: objectives are brought to the size of one.
    let size = linear
        .iter()
        .map(|c| c.abs())
        .fold(risk.greatest(n), f64::max);
    let scale = if size > 0.0 { 1.0 / size } else { 1.0 };

    let mut equal = Rows::default();
    let mut under = Rows::default();
    let mut places = vec![Place::default(); program.rows.len()];
    for (row, place) in program.rows.iter().zip(&mut places) {
        if row.is_equality() {
            place.equal = Some(equal.right.len());
            equal.push(row.terms.clone(), row.max);
            continue;
        }
        if row.max.is_finite() {
            place.max = Some(under.right.len());
            under.push(row.terms.clone(), row.max);
        }
        if row.min.is_finite() {
            place.min = Some(under.right.len());
            under.push(row.terms.iter().map(|&(i, a)| (i, -a)).collect(), -row.min);
        }
    }
    for i in 0..n {
        if program.upper[i] - program.lower[i] <= 0.0 {
            equal.push(vec![(i, 1.0)], program.upper[i]);
        } else {
            under.push(vec![(i, 1.0)], program.upper[i]);
            under.push(vec![(i, -1.0)], -program.lower[i]);
        }
    }
    let mut limit = None;
    if let Some(trade) = &program.turnover {
        for (i, &current) in trade.current.iter().enumerate() {
            under.push(vec![(i, 1.0), (n + i, -1.0)], current);
            under.push(vec![(i, -1.0), (n + i, -1.0)], -current);
        }
        limit = Some(under.right.len());
        under.push((n..2 * n).map(|i| (i, 1.0)).collect(), trade.max);
    }

    let equalities = equal.right.len();
    let entries: Vec<_> = equal.entries.into_iter().chain(under.entries).collect();
    let right: Vec<_> = equal.right.into_iter().chain(under.right).collect();
    let constraints = by_columns(&entries, columns);
    let quadratic = upper_triangle(risk, n, columns, scale);
    let mut objective: Vec<_> = linear.iter().map(|c| c * scale).collect();
    objective.resize(columns, 0.0);
    let cones: [SupportedConeT<f64>; 2] = [
        ZeroConeT(equalities),
        NonnegativeConeT(right.len() - equalities),
    ];
    let settings = DefaultSettings {
        verbose: false,
        max_iter: 200,
        tol_gap_abs: 1e-12,
        tol_gap_rel: 1e-12,
        tol_feas: 1e-12,
        ..DefaultSettings::default()
    };
    let mut solver = DefaultSolver::new(
        &quadratic,
        &objective,
        &constraints,
        &right,
        &cones,
        settings,
    )
    .ok()?;
    solver.solve();
    let (x, z) = (&solver.solution.x, &solver.solution.z);
    let rows = places
        .iter()
        .map(|place| {
            let value = |at: Option<usize>, offset: usize| at.map_or(0.0, |at| z[offset + at]);
            (value(place.min, equalities) - value(place.max, equalities) - value(place.equal, 0))
                / scale
        })
        .collect();
    let turnover = limit.map_or(0.0, |at| z[equalities + at] / scale);
    Some((x[..n].to_vec(), Prices { rows, turnover }))
}

fn by_columns(rows: &[Vec<(usize, f64)>], columns: usize) -> CscMatrix<f64> {
    let mut starts = vec![0usize; columns + 1];
    for &(column, _) in rows.iter().flatten() {
        starts[column + 1] += 1;
    }
    for column in 0..columns {
        starts[column + 1] += starts[column];
    }
    let total = starts[columns];
    let mut next = starts.clone();
    let (mut places, mut values) = (vec![0usize; total], vec![0.0; total]);
    for (number, row) in rows.iter().enumerate() {
        for &(column, value) in row {
            places[next[column]] = number;
            values[next[column]] = value;
            next[column] += 1;
        }
    }
    CscMatrix::new(rows.len(), columns, starts, places, values)
}

fn upper_triangle(risk: &Risk<'_>, n: usize, columns: usize, scale: f64) -> CscMatrix<f64> {
    let mut starts = Vec::with_capacity(columns + 1);
    let (mut places, mut values) = (Vec::new(), Vec::new());
    starts.push(0);
    for j in 0..columns {
        if j < n && !matches!(risk, Risk::Linear) {
            let first = if matches!(risk, Risk::Identity) { j } else { 0 };
            for i in first..=j {
                places.push(i);
                values.push(risk.entry(i, j) * scale);
            }
        }
        starts.push(values.len());
    }
    CscMatrix::new(columns, columns, starts, places, values)
}
