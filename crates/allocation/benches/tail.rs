//! How long the least conditional value at risk takes, beside an interior-point method on the whole
//! program: `cargo bench -p airdrops-allocation --bench tail`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Instant;

use airdrops_allocation::cvar;
use airdrops_allocation::region::{Region, Row, Turnover};
use nalgebra::{DMatrix, DVector};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// Student's t with four degrees of freedom.
fn student(rng: &mut ChaCha8Rng) -> f64 {
    let square: f64 = (0..4).map(|_| normal(rng).powi(2)).sum();
    normal(rng) / (square / 4.0).sqrt()
}

/// One factor with betas around one, and noise of its own for each asset, all heavy-tailed.
fn returns(periods: usize, n: usize, seed: u64) -> DMatrix<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let betas: Vec<f64> = (0..n).map(|_| 1.0 + 0.3 * normal(&mut rng)).collect();
    let sizes: Vec<f64> = (0..n).map(|_| 0.005 + 0.02 * rng.random::<f64>()).collect();
    let mut returns = DMatrix::zeros(periods, n);
    for period in 0..periods {
        let market = 0.0003 + 0.007 * student(&mut rng);
        for asset in 0..n {
            returns[(period, asset)] = betas[asset] * market + sizes[asset] * student(&mut rng);
        }
    }
    returns
}

fn region(n: usize, groups: bool, turnover: bool) -> Region {
    let cap = (5.0 / n as f64).clamp(0.02, 0.2);
    let mut rows = vec![Row {
        name: "invested".to_owned(),
        terms: (0..n).map(|asset| (asset, 1.0)).collect(),
        min: 1.0,
        max: 1.0,
    }];
    if groups {
        for group in 0..10 {
            rows.push(Row {
                name: format!("group {group}"),
                terms: (group..n).step_by(10).map(|asset| (asset, 1.0)).collect(),
                min: f64::NEG_INFINITY,
                max: 0.15,
            });
        }
    }
    Region {
        lower: DVector::zeros(n),
        upper: DVector::repeat(n, cap),
        rows,
        turnover: turnover.then(|| Turnover {
            current: DVector::repeat(n, 1.0 / n as f64),
            max: 0.8,
        }),
    }
}

/// Milliseconds of processor time that this thread has used; of the clock where the system does not
/// tell.
fn processor_ms(start: Instant) -> f64 {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok())
        .map_or_else(|| start.elapsed().as_secs_f64() * 1e3, |ns| ns / 1e6)
}

fn main() {
    let origin = Instant::now();
    println!("T    n     limits     CPU ms (least)   iterations   CVaR            gap");
    for (periods, n) in [
        (1000, 20),
        (1000, 100),
        (1000, 500),
        (1000, 1000),
        (5000, 100),
    ] {
        let returns = returns(periods, n, 7);
        let probabilities = DVector::repeat(periods, 1.0 / periods as f64);
        for (name, groups, turnover) in [
            ("cap", false, false),
            ("groups", true, false),
            ("turnover", true, true),
        ] {
            let region = region(n, groups, turnover);
            // The clock of the processor is coarse: as many runs as fill it, three times.
            let runs = 1 + 40_000 / (n * periods / 50);
            let mut least = f64::INFINITY;
            let mut last = None;
            for _ in 0..3 {
                let start = processor_ms(origin);
                for _ in 0..runs {
                    let minimum = cvar::minimise(&returns, &probabilities, 0.95, &region).unwrap();
                    last = Some(minimum);
                }
                least = least.min((processor_ms(origin) - start) / runs as f64);
            }
            let minimum = last.unwrap();
            println!(
                "{periods:<5}{n:<6}{name:<10} {least:<17.2}{:<12} {:.12} {:.1e} {}",
                minimum.iterations, minimum.objective, minimum.gap, minimum.solver
            );
        }
    }
}
