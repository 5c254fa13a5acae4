//! Logistic regression with a Gaussian prior, by Newton's method.

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, bounded};

/// A fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    /// One per feature.
    pub coefficients: Vec<f64>,
    /// The largest component of the objective's gradient at them: zero at the optimum.
    pub gradient: f64,
}

/// The most features.
pub const MAX_FEATURES: usize = 64;
/// The most examples.
pub const MAX_EXAMPLES: usize = 100_000;
const MAX_STEPS: u32 = 100;
const MAX_HALVINGS: u32 = 50;

/// The coefficients with the least `Σ ln(1 + exp(∓ x'β)) + ½ Σ penalty (β − centre)²`: the mode of
/// the posterior if `β ~ N(centre, 1/penalty)`. Without examples, that is `centre`.
///
/// Newton's method (iteratively reweighted least squares) with halved steps; penalties are positive,
/// so that the objective is strictly convex also where classes can be separated.
///
/// # Errors
/// [`Invalid`] if shapes differ, a number cannot be, or the gradient does not vanish.
pub fn fit(
    examples: &[(Vec<f64>, bool)],
    centre: &[f64],
    penalties: &[f64],
) -> Result<Logistic, Invalid> {
    check(examples, centre, penalties)?;
    let k = centre.len();
    let mut beta = centre.to_vec();
    let mut value = objective(examples, centre, penalties, &beta);
    for _ in 0..MAX_STEPS {
        let (gradient, mut hessian) = derivatives(examples, centre, penalties, &beta);
        let step = solve(&mut hessian, &gradient, k);
        let along = |length: f64| -> Vec<f64> {
            let moved = beta.iter().zip(&step).map(|(b, s)| b - length * s);
            moved.collect()
        };
        let slope: f64 = step.iter().zip(&gradient).map(|(s, g)| s * g).sum();
        // What the step gains is lost in the rounding of the objective: Newton's own convergence,
        // which is quadratic here, does the rest.
        if slope <= 1e-10 * (1.0 + value.abs()) {
            return finished(examples, centre, penalties, along(1.0));
        }
        let mut length = 1.0;
        let mut halvings = 0;
        loop {
            let next = along(length);
            let lower = objective(examples, centre, penalties, &next);
            if lower <= value - 1e-4 * length * slope {
                (beta, value) = (next, lower);
                break;
            }
            if halvings == MAX_HALVINGS {
                return finished(examples, centre, penalties, beta);
            }
            halvings += 1;
            length *= 0.5;
        }
    }
    finished(examples, centre, penalties, beta)
}

/// Takes the coefficients if the gradient vanishes there.
fn finished(
    examples: &[(Vec<f64>, bool)],
    centre: &[f64],
    penalties: &[f64],
    coefficients: Vec<f64>,
) -> Result<Logistic, Invalid> {
    let (gradient, _) = derivatives(examples, centre, penalties, &coefficients);
    let gradient = gradient.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
    if gradient <= 1e-6 * (1.0 + examples.len() as f64) {
        return Ok(Logistic {
            coefficients,
            gradient,
        });
    }
    let what = format!("stopped with a gradient of {gradient:e}: scale features to about one");
    Err(Invalid::new("logistic regression", what))
}

/// The probability of a feature vector: `1 / (1 + exp(−x'β))`.
#[must_use]
pub fn probability(coefficients: &[f64], x: &[f64]) -> f64 {
    sigmoid(dot(coefficients, x))
}

/// `x'β`.
#[must_use]
pub fn dot(coefficients: &[f64], x: &[f64]) -> f64 {
    coefficients.iter().zip(x).map(|(b, x)| b * x).sum()
}

fn check(examples: &[(Vec<f64>, bool)], centre: &[f64], penalties: &[f64]) -> Result<(), Invalid> {
    let k = centre.len();
    if k == 0 || k > MAX_FEATURES || penalties.len() != k {
        let what = format!(
            "are {k} with {} penalties: give 1 to {MAX_FEATURES}, and as many of both",
            penalties.len()
        );
        return Err(Invalid::new("features", what));
    }
    if examples.len() > MAX_EXAMPLES {
        let what = format!("are {}: give at most {MAX_EXAMPLES}", examples.len());
        return Err(Invalid::new("examples", what));
    }
    for (&centre, &penalty) in centre.iter().zip(penalties) {
        bounded("centre", centre, -1e3, 1e3)?;
        bounded("penalty", penalty, 1e-6, 1e9)?;
    }
    for (index, (x, _)) in examples.iter().enumerate() {
        if x.len() != k {
            let what = format!("has {} features: give {k}", x.len());
            return Err(Invalid::new(format!("example {index}"), what));
        }
        for value in x {
            bounded(&format!("example {index}"), *value, -1e4, 1e4)?;
        }
    }
    Ok(())
}

fn sigmoid(t: f64) -> f64 {
    if t >= 0.0 {
        1.0 / (1.0 + libm::exp(-t))
    } else {
        let e = libm::exp(t);
        e / (1.0 + e)
    }
}

/// `ln(1 + e^t)` without overflow.
fn softplus(t: f64) -> f64 {
    t.max(0.0) + libm::log1p(libm::exp(-t.abs()))
}

fn objective(
    examples: &[(Vec<f64>, bool)],
    centre: &[f64],
    penalties: &[f64],
    beta: &[f64],
) -> f64 {
    let loss = |(x, outcome): &(Vec<f64>, bool)| {
        let t = dot(beta, x);
        softplus(if *outcome { -t } else { t })
    };
    let off = beta.iter().zip(centre).zip(penalties);
    let penalty: f64 = off.map(|((b, c), p)| 0.5 * p * (b - c) * (b - c)).sum();
    examples.iter().map(loss).sum::<f64>() + penalty
}

/// Gradient and Hessian (row by row).
fn derivatives(
    examples: &[(Vec<f64>, bool)],
    centre: &[f64],
    penalties: &[f64],
    beta: &[f64],
) -> (Vec<f64>, Vec<f64>) {
    let k = beta.len();
    let mut gradient: Vec<f64> = (0..k)
        .map(|j| penalties[j] * (beta[j] - centre[j]))
        .collect();
    let mut hessian = vec![0.0; k * k];
    for j in 0..k {
        hessian[j * k + j] = penalties[j];
    }
    for (x, outcome) in examples {
        let p = sigmoid(dot(beta, x));
        let off = p - f64::from(u8::from(*outcome));
        let weight = p * (1.0 - p);
        for i in 0..k {
            gradient[i] += off * x[i];
            for j in 0..=i {
                hessian[i * k + j] += weight * x[i] * x[j];
            }
        }
    }
    (gradient, hessian)
}

/// Solves with the lower triangle of a positive definite matrix by Cholesky, in place.
fn solve(matrix: &mut [f64], right: &[f64], k: usize) -> Vec<f64> {
    for i in 0..k {
        for j in 0..=i {
            let inner: f64 = (0..j).map(|m| matrix[i * k + m] * matrix[j * k + m]).sum();
            let rest = matrix[i * k + j] - inner;
            matrix[i * k + j] = if i == j {
                // Positive but for rounding.
                rest.max(1e-300).sqrt()
            } else {
                rest / matrix[j * k + j]
            };
        }
    }
    let mut x = right.to_vec();
    for i in 0..k {
        let inner: f64 = (0..i).map(|m| matrix[i * k + m] * x[m]).sum();
        x[i] = (x[i] - inner) / matrix[i * k + i];
    }
    for i in (0..k).rev() {
        let inner: f64 = (i + 1..k).map(|m| matrix[m * k + i] * x[m]).sum();
        x[i] = (x[i] - inner) / matrix[i * k + i];
    }
    x
}
