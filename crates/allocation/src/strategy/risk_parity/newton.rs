//! Newton's method on the barrier problem, for assets that hedge each other nearly: there the
//! coordinates turn in small steps, and the whole vector does not.

use nalgebra::{DMatrix, DVector};

/// Each step at least halves the distance or doubles the weights, so that this is ample.
const STEPS: usize = 200;
/// The decrement, squared, below which another step changes nothing but rounding.
const CONVERGED: f64 = 1e-26;
/// The share of the way to the border that a step may go.
const REACH: f64 = 0.95;
/// Sufficient decrease, and what a step is cut by without it.
const DECREASE: f64 = 1e-4;
const CUT: f64 = 0.5;
const CUTS: usize = 40;

/// Minimises `½ x'Σx − Σ b ln x` from positive `x`, damped.
pub(super) fn descend(covariance: &DMatrix<f64>, budgets: &DVector<f64>, x: &mut DVector<f64>) {
    for _ in 0..STEPS {
        let marginal = covariance * &*x;
        let inverse = budgets.component_div(x);
        let gradient = &marginal - &inverse;
        // Scaled to x: `x (Σ + b/x²) x` has the budgets on its diagonal at least.
        let mut hessian = covariance.clone();
        for column in 0..x.len() {
            for row in 0..x.len() {
                hessian[(row, column)] *= x[row] * x[column];
            }
            hessian[(column, column)] += budgets[column];
        }
        let Some(factor) = hessian.cholesky() else {
            return;
        };
        let scaled = gradient.component_mul(x);
        let relative = -factor.solve(&scaled);
        let decrement = -relative.dot(&scaled);
        if decrement.is_nan() || decrement <= CONVERGED {
            return;
        }
        let mut step = (REACH / -relative.min().min(-REACH)).min(1.0);
        let mut moved = false;
        for _ in 0..CUTS {
            // The change of the objective, term by term: its value is too large for the difference.
            let change = DVector::from_fn(x.len(), |row, _| step * relative[row] * x[row]);
            let risk = change.dot(&marginal) + 0.5 * (covariance * &change).dot(&change);
            let barrier: f64 = budgets
                .iter()
                .zip(relative.iter())
                .map(|(budget, relative)| budget * libm::log1p(step * relative))
                .sum();
            if risk - barrier <= -DECREASE * step * decrement {
                *x += change;
                moved = true;
                break;
            }
            step *= CUT;
        }
        if !moved {
            return;
        }
    }
}
