//! Projected gradient steps: find which limits bind, cheaply, before an exact method.
//!
//! Steps by Barzilai & Borwein (1988) with an exact line search towards the projection (Birgin,
//! Martínez & Raydan 2000, without their non-monotone rule). Each costs one product with `Q`.

use super::program::{Prices, Program};
use super::projection::{Projection, project};
use super::risk::{Risk, dot};

/// A feasible point, its gradient and estimates of the multipliers.
pub(super) struct Start {
    pub(super) weights: Vec<f64>,
    pub(super) gradient: Vec<f64>,
    pub(super) prices: Prices,
}

/// At most `steps` projected gradient steps from a feasible point.
pub(super) fn descend(
    risk: &Risk<'_>,
    linear: &[f64],
    program: &Program,
    weights: Vec<f64>,
    steps: usize,
) -> Start {
    let n = weights.len();
    let mut gradient = risk.product(&weights);
    for (g, c) in gradient.iter_mut().zip(linear) {
        *g += c;
    }
    let mut start = Start {
        weights,
        gradient,
        prices: Prices {
            rows: vec![0.0; program.rows.len()],
            turnover: 0.0,
        },
    };
    let trace: f64 = (0..n).map(|i| risk.diagonal(i)).sum();
    if trace.is_nan() || trace <= 0.0 {
        return start;
    }
    let mut length = n as f64 / trace;
    let mut guess: Option<Prices> = None;
    let mut best = 0.0f64;
    for _ in 0..steps {
        let target: Vec<f64> = (0..n)
            .map(|i| start.weights[i] - length * start.gradient[i])
            .collect();
        let Projection::Found(there, prices) = project(&target, program, guess.as_ref()) else {
            break;
        };
        start.prices = Prices {
            rows: prices.rows.iter().map(|y| y / length).collect(),
            turnover: prices.turnover / length,
        };
        let step: Vec<f64> = there
            .iter()
            .zip(&start.weights)
            .map(|(a, b)| a - b)
            .collect();
        let support: Vec<usize> = (0..n).filter(|&i| step[i] != 0.0).collect();
        let falls = -dot(&start.gradient, &step);
        if falls.is_nan() || falls <= 0.0 {
            break;
        }
        let mut product = vec![0.0; n];
        risk.add_product(&step, &support, &mut product);
        let curvature = dot(&step, &product);
        let t = if curvature > falls {
            falls / curvature
        } else {
            1.0
        };
        if t >= 1.0 {
            start.weights = there;
        } else {
            for &i in &support {
                start.weights[i] += t * step[i];
            }
            program.clamp(&mut start.weights);
        }
        for (g, p) in start.gradient.iter_mut().zip(&product) {
            *g += t * p;
        }
        let next = if curvature > 0.0 {
            dot(&step, &step) / curvature
        } else {
            length * 10.0
        };
        guess = Some(Prices {
            rows: prices.rows.iter().map(|y| y * next / length).collect(),
            turnover: prices.turnover * next / length,
        });
        length = next;
        let gained = t * (falls - 0.5 * t * curvature);
        best = best.max(gained);
        if gained <= 1e-6 * best {
            break;
        }
    }
    start
}
