//! Milliseconds per Kelly problem: our interior point method, and clarabel's exponential cone on the
//! same scenarios. `cargo bench -p airdrops-allocation --bench growth`.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::time::Instant;

use airdrops_allocation::kelly::{self, drawdown};
use airdrops_allocation::problem::{Drawdown, Limits, Scenarios};
use airdrops_allocation::region::Region;
use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettingsBuilder, DefaultSolver, IPSolver, SupportedConeT};
use nalgebra::{DMatrix, DVector};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Airdrop-like bets: lost with a small chance, else a jackpot, else a little less than before.
fn scenarios(n: usize, s: usize, seed: u64) -> Scenarios {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let bets: Vec<(f64, f64, f64)> = (0..n)
        .map(|_| {
            let drop = rng.random_range(0.1..0.6);
            (
                drop,
                rng.random_range(0.05..0.5) / drop,
                rng.random_range(0.003..0.03),
            )
        })
        .collect();
    let gross = DMatrix::from_fn(s, n, |_, asset| {
        let (drop, size, hazard) = bets[asset];
        if rng.random_bool(hazard) {
            0.0
        } else if rng.random_bool(drop) {
            1.0 + size * rng.random_range(0.2..2.0)
        } else {
            0.97
        }
    });
    Scenarios {
        gross,
        probabilities: DVector::repeat(s, 1.0 / s as f64),
    }
}

/// At most a fifth in each bet.
fn region(n: usize) -> Region {
    let mut limits = Limits::long_only(n);
    limits.upper.fill(0.2);
    limits.invested = (0.0, 1.0);
    limits.region(&DVector::zeros(n))
}

/// Maximises `Σ p t` with `(t, 1, W)` in the exponential cone.
fn cone(scenarios: &Scenarios, cap: f64) -> DVector<f64> {
    let (s, n) = scenarios.gross.shape();
    let columns = n + s;
    let rows = 2 * n + 1 + 3 * s;
    let (mut from, mut at, mut by) = (vec![0], Vec::new(), Vec::new());
    for asset in 0..n {
        at.extend([asset, n + asset, 2 * n]);
        by.extend([-1.0, 1.0, 1.0]);
        for scenario in 0..s {
            at.push(2 * n + 1 + 3 * scenario + 2);
            by.push(1.0 - scenarios.gross[(scenario, asset)]);
        }
        from.push(at.len());
    }
    for scenario in 0..s {
        at.push(2 * n + 1 + 3 * scenario);
        by.push(-1.0);
        from.push(at.len());
    }
    let mut right = vec![0.0; rows];
    right[n..2 * n].fill(cap);
    right[2 * n] = 1.0;
    for scenario in 0..s {
        right[2 * n + 1 + 3 * scenario + 1] = 1.0;
        right[2 * n + 1 + 3 * scenario + 2] = 1.0;
    }
    let mut cost = vec![0.0; n];
    cost.extend(scenarios.probabilities.iter().map(|p| -p));
    let mut cones = vec![SupportedConeT::NonnegativeConeT(2 * n + 1)];
    cones.extend((0..s).map(|_| SupportedConeT::ExponentialConeT()));
    let settings = DefaultSettingsBuilder::default()
        .verbose(false)
        .build()
        .unwrap();
    let mut solver = DefaultSolver::new(
        &CscMatrix::zeros((columns, columns)),
        &cost,
        &CscMatrix::new(rows, columns, from, at, by),
        &right,
        &cones,
        settings,
    )
    .unwrap();
    solver.solve();
    DVector::from_column_slice(&solver.solution.x[..n])
}

/// The median of several runs in milliseconds, and the last answer.
fn median<T>(runs: usize, mut run: impl FnMut() -> T) -> (f64, T) {
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..runs {
        let start = Instant::now();
        last = Some(run());
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    (times[runs / 2], last.unwrap())
}

fn main() {
    let bound = drawdown::exponent(Drawdown {
        alpha: 0.7,
        beta: 0.1,
    });
    println!(
        "| bets | scenarios | own, ms | own with drawdown bound, ms | clarabel, ms | gap | growth over clarabel |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (n, s, runs) in [
        (20, 100, 101),
        (20, 1_000, 51),
        (20, 10_000, 11),
        (200, 5_000, 3),
    ] {
        let scenarios = scenarios(n, s, 7);
        let region = region(n);
        let (own, answer) = median(runs, || kelly::maximise(&scenarios, &region, None).unwrap());
        let (bounded, under) = median(runs, || {
            kelly::maximise(&scenarios, &region, bound).unwrap()
        });
        assert!(
            region
                .violation(&answer.weights)
                .max(region.violation(&under.weights))
                <= 1e-9
        );
        let growth = kelly::growth(&scenarios, &answer.weights);
        let peer = if n * s > 500_000 {
            "- | {gap} | -".to_owned()
        } else {
            let (time, weights) = median(runs.min(5), || cone(&scenarios, 0.2));
            let over = growth - kelly::growth(&scenarios, &weights);
            format!("{time:.2} | {{gap}} | {over:.1e}")
        };
        let gap = format!("{:.1e}", answer.gap.unwrap().max(under.gap.unwrap()));
        println!(
            "| {n} | {s} | {own:.3} | {bounded:.3} | {} |",
            peer.replace("{gap}", &gap)
        );
    }
}
