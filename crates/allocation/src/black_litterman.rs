//! The model of Black & Litterman: equilibrium returns and views in one posterior.
//!
//! The canonical form of He & Litterman (1999), "The Intuition Behind Black-Litterman Model
//! Portfolios": expected returns are uncertain with covariance `τΣ` around the equilibrium
//! `Π = δΣw`, views say `Pμ = q` with an error of covariance Ω, and the posterior covariance of
//! returns is `Σ + M⁻¹`, where `M⁻¹` is what remains uncertain of the means.
//!
//! Nothing is inverted: views without any error are met exactly, views without any confidence are
//! left out, and a singular Σ is as good as any.

mod views;

use nalgebra::{DMatrix, DVector};

use crate::problem::Views;
use crate::strategy::Failure;
use views::{Factor, Held};

/// What is believed after the views.
#[derive(Debug, Clone, PartialEq)]
pub struct Posterior {
    /// Equilibrium excess returns `Π = δΣw`, `n`.
    pub equilibrium: DVector<f64>,
    /// Posterior means of excess returns per period, `n`.
    pub mean: DVector<f64>,
    /// Posterior covariance of returns `Σ + M⁻¹`, `n × n`.
    pub covariance: DMatrix<f64>,
    /// The weight λ of each view's portfolio, `k`: unlimited weights are
    /// `(w + P'λ) / (1 + τ)` (He & Litterman, 1999, eq. 15). Zero for a view that is left out.
    pub view_weights: DVector<f64>,
}

/// The posterior of `views` on assets with `covariance` (`n × n`).
///
/// # Errors
/// [`Failure::Missing`] if shapes do not fit, a number is not finite, δ or τ is not positive, a
/// confidence is not in [0, 1], Ω is not symmetric and positive semidefinite, or views without error
/// contradict each other; it names the view.
pub fn posterior(covariance: &DMatrix<f64>, views: &Views) -> Result<Posterior, Failure> {
    let held = Held::of(covariance, views)?;
    let equilibrium = covariance * &views.market_weights * views.delta;
    // A = P τΣ P' + Ω explains what the views see: (q − PΠ) above the equilibrium.
    let surprise = &held.q - &held.p * &equilibrium;
    let seen = &held.variance * views.tau + &held.omega;
    let factor = Factor::of(seen, &held)?;
    let whitened = factor.solve_lower(&surprise, &held)?;
    let gains = factor.whiten(&held.spread * views.tau);
    let mean = &equilibrium + &gains * &whitened;
    let covariance = posterior_covariance(covariance, views.tau, &gains);

    // (Ω + τ/(1+τ) PΣP') λ = τ/δ (q − PΠ/(1+τ)): eq. 16 without the inverse of Ω.
    let shrunk = views.tau / (1.0 + views.tau);
    let weighed = &held.variance * shrunk + &held.omega;
    let wanted = (&held.q - &held.p * &equilibrium / (1.0 + views.tau)) * (views.tau / views.delta);
    let factor = Factor::of(weighed, &held)?;
    let lower = factor.solve_lower(&wanted, &held)?;
    let lambda = factor.solve_upper(&lower);
    let mut view_weights = DVector::zeros(views.q.len());
    for (&view, value) in held.indices.iter().zip(lambda.iter()) {
        view_weights[view] = *value;
    }
    Ok(Posterior {
        equilibrium,
        mean,
        covariance,
        view_weights,
    })
}

/// `(1 + τ) Σ − G G'` in one pass, `G` (`n × k`): symmetric to the bit if Σ is.
fn posterior_covariance(covariance: &DMatrix<f64>, tau: f64, gains: &DMatrix<f64>) -> DMatrix<f64> {
    let n = covariance.nrows();
    let mut entries = Vec::with_capacity(n * n);
    for index in 0..n {
        let start = entries.len();
        let column = covariance.column(index);
        entries.extend(column.as_slice().iter().map(|value| value * (1.0 + tau)));
        for gain in gains.column_iter() {
            let factor = gain[index];
            for (entry, other) in entries[start..].iter_mut().zip(gain.as_slice()) {
                *entry -= factor * other;
            }
        }
    }
    DMatrix::from_vec(n, n, entries)
}
