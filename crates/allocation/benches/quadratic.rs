//! Mean-variance with ten group caps and a turnover limit: our method beside clarabel.
//!
//! `cargo bench -p airdrops-allocation --bench quadratic`. One thread, synthetic returns of a factor
//! model with a fixed seed: 1000 observations, five factors. Times are medians in milliseconds.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Instant;

use airdrops_allocation::qp::{Answer, Risk, minimise, minimise_by_interior_point};
use airdrops_allocation::region::{Region, Row, Turnover};
use nalgebra::{DMatrix, DVector};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const OBSERVATIONS: usize = 1000;
const GROUPS: usize = 10;

/// Returns of a five-factor model, `t × n`.
fn returns(n: usize, seed: u64) -> DMatrix<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Irwin-Hall: near enough to normal, and the same on all machines.
    let mut normal = move || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
    let factors = DMatrix::from_fn(OBSERVATIONS, 5, |_, f| {
        normal() * if f == 0 { 0.01 } else { 0.005 }
    });
    let betas = DMatrix::from_fn(5, n, |f, _| {
        if f == 0 {
            1.0 + 0.3 * normal()
        } else {
            normal()
        }
    });
    let spread = DVector::from_fn(n, |_, _| 0.008 + 0.004 * normal().abs());
    let drift = DVector::from_fn(n, |_, _| 0.0004 + 0.0004 * normal());
    let mut returns = factors * betas;
    for t in 0..OBSERVATIONS {
        for i in 0..n {
            returns[(t, i)] += drift[i] + spread[i] * normal();
        }
    }
    returns
}

fn region(n: usize) -> Region {
    let mut rows = vec![Row {
        name: "invested".to_owned(),
        terms: (0..n).map(|i| (i, 1.0)).collect(),
        min: 1.0,
        max: 1.0,
    }];
    for g in 0..GROUPS {
        rows.push(Row {
            name: format!("group {g}"),
            terms: (0..n)
                .filter(|i| i % GROUPS == g)
                .map(|i| (i, 1.0))
                .collect(),
            min: f64::NEG_INFINITY,
            max: 0.15,
        });
    }
    Region {
        lower: DVector::zeros(n),
        upper: DVector::repeat(n, 0.1_f64.max(2.0 / n as f64)),
        rows,
        turnover: Some(Turnover {
            current: DVector::repeat(n, 1.0 / n as f64),
            max: 0.8,
        }),
    }
}

/// Centred and scaled so that `L'L` is the sample covariance.
fn loadings(returns: &DMatrix<f64>) -> (DVector<f64>, DMatrix<f64>) {
    let t = returns.nrows() as f64;
    let mean = DVector::from_fn(returns.ncols(), |i, _| returns.column(i).sum() / t);
    let scale = 1.0 / (t - 1.0).sqrt();
    let centred = DMatrix::from_fn(returns.nrows(), returns.ncols(), |k, i| {
        (returns[(k, i)] - mean[i]) * scale
    });
    (mean, centred)
}

/// Median of several runs, in milliseconds, and the last answer.
fn timed(runs: usize, mut run: impl FnMut() -> Answer) -> (f64, Answer) {
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..runs {
        let begin = Instant::now();
        last = Some(run());
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    (times[runs / 2], last.unwrap())
}

fn main() {
    println!(
        "{:>5} {:>14} {:>10} {:>10} {:>10} {:>10} {:>7} {:>9} {:>9} {:>8}",
        "n",
        "objective",
        "ours",
        "ours+cov",
        "from X",
        "clarabel",
        "gain",
        "rel. gap",
        "differ",
        "held"
    );
    for &n in &[20usize, 100, 500, 1000] {
        for risk_aversion in [f64::INFINITY, 20.0, 4.0] {
            let x = returns(n, 7);
            let (mean, centred) = loadings(&x);
            let covariance = centred.transpose() * &centred;
            let linear = &mean * (-1.0 / risk_aversion);
            let region = region(n);
            let runs = if n <= 100 { 21 } else { 5 };
            let (ours, answer) = timed(runs, || {
                minimise(Risk::Dense(&covariance), &linear, &region, None).unwrap()
            });
            let (with_covariance, _) = timed(runs, || {
                let (mean, centred) = loadings(&x);
                let covariance = centred.transpose() * &centred;
                let linear = mean * (-1.0 / risk_aversion);
                minimise(Risk::Dense(&covariance), &linear, &region, None).unwrap()
            });
            let (from_returns, _) = timed(runs, || {
                let (mean, loadings) = loadings(&x);
                let linear = mean * (-1.0 / risk_aversion);
                let risk = Risk::Factor {
                    loadings: &loadings,
                    diagonal: None,
                };
                minimise(risk, &linear, &region, None).unwrap()
            });
            let peer_runs = if n <= 100 { 5 } else { 1 };
            let (peer, other) = timed(peer_runs, || {
                minimise_by_interior_point(Risk::Dense(&covariance), &linear, &region).unwrap()
            });
            let held = (0..n)
                .filter(|&i| {
                    let w = answer.weights[i];
                    w <= 0.0 || w >= region.upper[i] || w == 1.0 / n as f64
                })
                .count();
            println!(
                "{n:>5} {:>14.6e} {ours:>10.3} {with_covariance:>10.3} {from_returns:>10.3} {peer:>10.2} {:>6.1}x {:>9.1e} {:>9.1e} {held:>8} {}",
                answer.objective,
                peer / ours,
                answer.gap / answer.objective.abs(),
                (answer.objective - other.objective) / other.objective.abs(),
                answer.method,
            );
        }
    }
}
