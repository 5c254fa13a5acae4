//! Risk budgeting: each asset bears its share of the portfolio's risk.

mod newton;

use nalgebra::{DMatrix, DVector};

use super::{Candidate, Failure, Strategy, rule};
use crate::moments;
use crate::problem::Problem;
use crate::region::Region;

/// A sweep stops the descent if no product `x (Σx)` is further than this from its budget, relative
/// to the budget.
const TOLERANCE: f64 = 1e-12;
/// An answer is accepted if no share of risk is further than this from its budget.
const ACCEPTED: f64 = 1e-9;
/// The most sweeps; some ten are usual, since the barrier keeps the problem well conditioned unless
/// assets hedge each other nearly.
const SWEEPS: usize = 200;
/// A portfolio's variance below this share of its assets' own is rounding.
const RISKLESS: f64 = 1e-14;

/// Weights whose shares of risk, `w (Σw) / w'Σw`, are the budgets: equal ones, or
/// `parameters.risk_budgets`. The budgets of assets that may not be held are spread over the others.
///
/// The candidate's gap is the largest distance of a share from its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RiskParity;

impl Strategy for RiskParity {
    fn name(&self) -> &'static str {
        "risk-parity"
    }

    fn solve(&self, problem: &Problem, region: &Region) -> Result<Candidate, Failure> {
        let moments = moments::of(problem)?;
        let open = rule::open(region);
        rule::variances(problem, &moments, &open, self.name())?;
        let budgets = budgets(problem, &open)?;
        let answer = if open.len() == region.dimension() {
            budgeted(&moments.covariance, &budgets)?
        } else {
            let covariance = moments.covariance.select_rows(&open).select_columns(&open);
            budgeted(&covariance, &budgets)?
        };
        let weights = rule::spread(problem, region, &open, answer.weights.as_slice());
        rule::within(weights, Some(answer.deviation), region, answer.method)
    }

    fn objective(&self, _: &Problem, _: &DVector<f64>) -> Option<f64> {
        None
    }
}

/// Weights by risk budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Budgeted {
    /// Weights, `n`; positive, their sum is one.
    pub weights: DVector<f64>,
    /// The largest distance of a share of risk from its budget.
    pub deviation: f64,
    /// What found them.
    pub method: &'static str,
}

/// Weights that spread the risk of `covariance` (`n × n`, positive variances) by `budgets` (`n`,
/// positive, sum one): the minimum of `½ x'Σx − Σ b ln x`, divided by its sum, by cyclical
/// coordinate descent (Griveau-Billion, Richard & Roncalli, 2013, eq. 6), and by Newton's method
/// where that is slow.
///
/// # Errors
/// [`Failure::Unbounded`] if assets hedge each other without any rest, so that no weights bear the
/// risk; [`Failure::Stalled`] if the shares do not come near the budgets (a covariance that is not
/// positive semidefinite).
pub fn budgeted(covariance: &DMatrix<f64>, budgets: &DVector<f64>) -> Result<Budgeted, Failure> {
    let n = covariance.nrows();
    if n == 0 {
        return Ok(Budgeted {
            weights: DVector::zeros(0),
            deviation: 0.0,
            method: "no assets",
        });
    }
    let variances = covariance.diagonal();
    let mut x = budgets.zip_map(&variances, |budget, variance| (budget / variance).sqrt());
    // The best multiple of the start: there x'Σx is the sum of the budgets.
    let risk = (covariance * &x).dot(&x);
    if risk > 0.0 {
        x /= risk.sqrt();
    }
    let mut method = "cyclical coordinate descent";
    if !descend(covariance, budgets, &mut x) {
        method = "Newton's method after cyclical coordinate descent";
        newton::descend(covariance, budgets, &mut x);
    }
    let weights = &x / x.sum();
    let contributions = (covariance * &weights).component_mul(&weights);
    let total = contributions.sum();
    // Without an answer the weights grow for ever along a mix that has no risk.
    let alone = weights.component_mul(&weights).dot(&variances);
    if total <= RISKLESS * alone {
        return Err(Failure::Unbounded(
            "risk budgets have no answer: some mix of the assets has no risk at all; leave one of \
             the assets that hedge each other out"
                .to_owned(),
        ));
    }
    let deviation = (contributions / total - budgets).amax();
    if deviation.is_nan() || deviation > ACCEPTED {
        return Err(Failure::Stalled {
            method,
            reason: format!("a share of risk is {deviation:.1e} from its budget"),
        });
    }
    Ok(Budgeted {
        weights,
        deviation,
        method,
    })
}

/// Sweeps over the coordinates; whether the budgets were met.
fn descend(covariance: &DMatrix<f64>, budgets: &DVector<f64>, x: &mut DVector<f64>) -> bool {
    for _ in 0..SWEEPS {
        let mut worst = 0.0_f64;
        for index in 0..x.len() {
            let (variance, budget, old) = (covariance[(index, index)], budgets[index], x[index]);
            let marginal = covariance.column(index).dot(x);
            worst = worst.max((old * marginal / budget - 1.0).abs());
            let others = marginal - variance * old;
            let root = (others * others + 4.0 * variance * budget).sqrt();
            // The positive root of `variance x² + others x − budget`, without cancellation.
            x[index] = if others > 0.0 {
                2.0 * budget / (others + root)
            } else {
                (root - others) / (2.0 * variance)
            };
        }
        if worst <= TOLERANCE {
            return true;
        }
    }
    false
}

/// The budgets of `open` assets, sum one.
fn budgets(problem: &Problem, open: &[usize]) -> Result<DVector<f64>, Failure> {
    let Some(given) = &problem.parameters.risk_budgets else {
        return Ok(rule::equal(open.len()));
    };
    if given.len() != problem.assets.len() {
        return Err(Failure::Missing(format!(
            "there are {} risk budgets and {} assets; give one for each",
            given.len(),
            problem.assets.len()
        )));
    }
    let chosen = DVector::from_iterator(open.len(), open.iter().map(|&index| given[index]));
    let broken = open
        .iter()
        .zip(chosen.iter())
        .find(|(_, budget)| !(**budget > 0.0 && budget.is_finite()));
    if let Some((&index, budget)) = broken {
        return Err(Failure::Missing(format!(
            "the risk budget of `{}` is {budget}; give a positive number, or set its greatest weight \
             to 0",
            problem.assets[index]
        )));
    }
    let sum = chosen.sum();
    Ok(chosen / sum)
}
