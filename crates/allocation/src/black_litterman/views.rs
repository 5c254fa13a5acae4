//! The views that are held, and the Cholesky factor of what they see.

use nalgebra::{DMatrix, DVector};

use crate::problem::{Certainty, Views};
use crate::strategy::Failure;

/// A pivot below this share of its variance is rounding: the views before say all of this one.
const PIVOT: f64 = 1e-12;
/// Such a view may differ from what they say by this share of its terms.
const AGREEMENT: f64 = 1e-9;

/// Views with some confidence.
pub(super) struct Held {
    /// Their places among all views.
    pub(super) indices: Vec<usize>,
    /// Their portfolios, `k × n`.
    pub(super) p: DMatrix<f64>,
    /// What they say, `k`.
    pub(super) q: DVector<f64>,
    /// `ΣP'`, `n × k`.
    pub(super) spread: DMatrix<f64>,
    /// `PΣP'`, `k × k`.
    pub(super) variance: DMatrix<f64>,
    /// Ω, `k × k`.
    pub(super) omega: DMatrix<f64>,
}

impl Held {
    pub(super) fn of(covariance: &DMatrix<f64>, views: &Views) -> Result<Self, Failure> {
        check(covariance, views)?;
        let indices: Vec<usize> = match &views.certainty {
            Certainty::Omega(_) => (0..views.q.len()).collect(),
            Certainty::Confidence(confidence) => (0..views.q.len())
                .filter(|&view| confidence[view] > 0.0)
                .collect(),
        };
        let p = views.p.select_rows(&indices);
        let q = views.q.select_rows(&indices);
        let spread = spread(covariance, &p);
        let variance = &p * &spread;
        let omega = match &views.certainty {
            Certainty::Omega(omega) => omega.clone(),
            // Idzorek (2005) in closed form: Walters (2014), "The Black-Litterman Model in Detail",
            // eq. 41 and 44.
            Certainty::Confidence(confidence) => {
                DMatrix::from_diagonal(&DVector::from_fn(indices.len(), |row, _| {
                    let confidence = confidence[indices[row]];
                    (1.0 - confidence) / confidence * views.tau * variance[(row, row)]
                }))
            }
        };
        Ok(Self {
            indices,
            p,
            q,
            spread,
            variance,
            omega,
        })
    }

    fn contradiction(&self, row: usize) -> Failure {
        Failure::Missing(format!(
            "view {} cannot be met: it has no error, and contradicts other views without error or is \
             of assets without risk; lower its confidence or remove it",
            self.indices[row] + 1
        ))
    }
}

/// `ΣP'`; views are of few assets.
fn spread(covariance: &DMatrix<f64>, p: &DMatrix<f64>) -> DMatrix<f64> {
    let mut spread = DMatrix::zeros(covariance.nrows(), p.nrows());
    for (view, mut column) in p.row_iter().zip(spread.column_iter_mut()) {
        for (asset, &coefficient) in view.iter().enumerate() {
            if coefficient != 0.0 {
                column.axpy(coefficient, &covariance.column(asset), 1.0);
            }
        }
    }
    spread
}

/// The lower Cholesky factor of a positive semidefinite matrix, `k × k`, where views that others
/// imply have no row of their own.
pub(super) struct Factor {
    lower: DMatrix<f64>,
}

impl Factor {
    pub(super) fn of(mut matrix: DMatrix<f64>, held: &Held) -> Result<Self, Failure> {
        let k = matrix.nrows();
        let variances = matrix.diagonal();
        for column in 0..k {
            let pivot = matrix[(column, column)];
            if pivot < -PIVOT * variances[column].abs() {
                return Err(Failure::Missing(format!(
                    "Ω is not positive semidefinite at view {}; give a covariance",
                    held.indices[column] + 1
                )));
            }
            let root = if pivot <= PIVOT * variances[column] {
                0.0
            } else {
                pivot.sqrt()
            };
            matrix[(column, column)] = root;
            for row in column + 1..k {
                matrix[(row, column)] = quotient(matrix[(row, column)], root);
            }
            for inner in column + 1..k {
                let factor = matrix[(inner, column)];
                for row in inner..k {
                    matrix[(row, inner)] -= factor * matrix[(row, column)];
                }
            }
        }
        Ok(Self { lower: matrix })
    }

    /// `L⁻¹ v`; an error if a view that others imply says something else.
    pub(super) fn solve_lower(
        &self,
        vector: &DVector<f64>,
        held: &Held,
    ) -> Result<DVector<f64>, Failure> {
        let mut solution = vector.clone();
        for row in 0..vector.len() {
            let mut rest = vector[row];
            let mut size = rest.abs();
            for column in 0..row {
                let term = self.lower[(row, column)] * solution[column];
                rest -= term;
                size += term.abs();
            }
            let root = self.lower[(row, row)];
            if root == 0.0 && rest.abs() > AGREEMENT * size {
                return Err(held.contradiction(row));
            }
            solution[row] = quotient(rest, root);
        }
        Ok(solution)
    }

    /// `L'⁻¹ v`.
    pub(super) fn solve_upper(&self, vector: &DVector<f64>) -> DVector<f64> {
        let mut solution = vector.clone();
        for row in (0..vector.len()).rev() {
            let mut rest = vector[row];
            for column in row + 1..vector.len() {
                rest -= self.lower[(column, row)] * solution[column];
            }
            solution[row] = quotient(rest, self.lower[(row, row)]);
        }
        solution
    }

    /// `G L'⁻¹` of `G` (`n × k`).
    pub(super) fn whiten(&self, mut matrix: DMatrix<f64>) -> DMatrix<f64> {
        for column in 0..matrix.ncols() {
            let (before, mut rest) = matrix.columns_range_pair_mut(..column, column..);
            let mut own = rest.column_mut(0);
            for (index, other) in before.column_iter().enumerate() {
                own.axpy(-self.lower[(column, index)], &other, 1.0);
            }
            let root = self.lower[(column, column)];
            own.apply(|value| *value = quotient(*value, root));
        }
        matrix
    }
}

/// `value / root`, or nothing where nothing is left.
fn quotient(value: f64, root: f64) -> f64 {
    if root == 0.0 { 0.0 } else { value / root }
}

fn check(covariance: &DMatrix<f64>, views: &Views) -> Result<(), Failure> {
    let (n, k) = (covariance.nrows(), views.q.len());
    let shapes = [
        ("P has", views.p.shape(), (k, n)),
        ("market_weights have", views.market_weights.shape(), (n, 1)),
        match &views.certainty {
            Certainty::Omega(omega) => ("omega has", omega.shape(), (k, k)),
            Certainty::Confidence(confidence) => ("confidence has", confidence.shape(), (k, 1)),
        },
    ];
    for (what, (rows, columns), (k, n)) in shapes {
        if (rows, columns) != (k, n) {
            return Err(Failure::Missing(format!(
                "views: {what} {rows} × {columns} numbers; give {k} × {n}"
            )));
        }
    }
    for (name, value) in [("delta", views.delta), ("tau", views.tau)] {
        if !(value > 0.0 && value.is_finite()) {
            return Err(Failure::Missing(format!(
                "views: {name} is {value}; give a positive number"
            )));
        }
    }
    let certainty = match &views.certainty {
        Certainty::Omega(omega) => omega.as_slice(),
        Certainty::Confidence(confidence) => confidence.as_slice(),
    };
    let numbers = [
        ("P", views.p.as_slice()),
        ("q", views.q.as_slice()),
        ("market_weights", views.market_weights.as_slice()),
        ("omega or confidence", certainty),
    ];
    for (name, values) in numbers {
        if values.iter().any(|value| !value.is_finite()) {
            return Err(Failure::Missing(format!(
                "views: {name} holds what is not a finite number; mend it"
            )));
        }
    }
    match &views.certainty {
        Certainty::Omega(omega) => {
            for view in 0..k {
                if omega[(view, view)] < 0.0 {
                    return Err(Failure::Missing(format!(
                        "views: omega of view {} is negative; give a variance",
                        view + 1
                    )));
                }
            }
            let skew = (omega - omega.transpose()).amax();
            if skew > PIVOT * omega.amax() {
                return Err(Failure::Missing(
                    "views: omega is not symmetric; give a covariance".to_owned(),
                ));
            }
        }
        Certainty::Confidence(confidence) => {
            let broken = confidence
                .iter()
                .enumerate()
                .find(|(_, value)| !(0.0..=1.0).contains(*value));
            if let Some((view, value)) = broken {
                return Err(Failure::Missing(format!(
                    "views: the confidence of view {} is {value}; give a number from 0 to 1",
                    view + 1
                )));
            }
        }
    }
    Ok(())
}
