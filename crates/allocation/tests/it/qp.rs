//! Quadratic programs over a region.

use airdrops_allocation::qp::{Answer, Risk, minimise, nearest};
use airdrops_allocation::region::{Region, Row, Turnover};
use airdrops_allocation::strategy::Failure;
use nalgebra::{DMatrix, DVector};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn row(name: &str, terms: Vec<(usize, f64)>, min: f64, max: f64) -> Row {
    Row {
        name: name.to_owned(),
        terms,
        min,
        max,
    }
}

fn invested(n: usize, min: f64, max: f64) -> Row {
    row("invested", (0..n).map(|i| (i, 1.0)).collect(), min, max)
}

fn simplex(n: usize) -> Region {
    Region {
        lower: DVector::zeros(n),
        upper: DVector::repeat(n, 1.0),
        rows: vec![invested(n, 1.0, 1.0)],
        turnover: None,
    }
}

fn objective(q: &DMatrix<f64>, c: &DVector<f64>, w: &DVector<f64>) -> f64 {
    0.5 * (w.transpose() * q * w)[(0, 0)] + c.dot(w)
}

/// A program that has a feasible point, with everything that a region can have.
struct Case {
    loadings: DMatrix<f64>,
    covariance: DMatrix<f64>,
    linear: DVector<f64>,
    region: Region,
}

fn case(n: usize, t: usize, seed: u64) -> Case {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
    let market: Vec<f64> = (0..t).map(|_| normal()).collect();
    let mut loadings = DMatrix::from_fn(t, n, |k, _| 0.01 * market[k] + 0.02 * normal());
    if seed.is_multiple_of(5) && n > 3 {
        let copy = loadings.column(0).clone_owned();
        loadings.set_column(n - 1, &copy);
    }
    loadings /= libm::sqrt(t as f64);
    let covariance = loadings.transpose() * &loadings;
    let linear = match seed % 3 {
        0 => DVector::zeros(n),
        1 => DVector::from_fn(n, |_, _| -1e-4 * normal()),
        _ => DVector::from_fn(n, |_, _| -1e-2 * normal()),
    };
    // Limits around a random portfolio, so that there is one.
    let inside = DVector::from_fn(n, |_, _| {
        if rng.random_bool(0.5) {
            rng.random::<f64>()
        } else {
            0.0
        }
    });
    let total: f64 = inside.sum();
    let inside = if total > 0.0 {
        inside / total
    } else {
        DVector::repeat(n, 1.0 / n as f64)
    };
    let lower = inside.map(|w| match rng.random_range(0..6) {
        0 => w,
        1 => w * 0.5,
        2 => -0.1,
        _ => 0.0,
    });
    let upper = inside.map(|w| match rng.random_range(0..4) {
        0 => w,
        1 => w + 0.1 * rng.random::<f64>(),
        _ => 1.0,
    });
    let mut rows = vec![match rng.random_range(0..3) {
        0 => invested(n, 0.0, 1.0),
        _ => invested(n, 1.0, 1.0),
    }];
    for g in 0..rng.random_range(0..5) {
        let terms: Vec<_> = (0..n)
            .filter(|_| rng.random_bool(0.4))
            .map(|i| (i, 0.1 + 0.07 * ((i * 5) % 11) as f64))
            .collect();
        let value: f64 = terms.iter().map(|&(i, a)| a * inside[i]).sum();
        let (min, max) = match rng.random_range(0..4) {
            0 => (value, value),
            1 => (value - 0.05 * rng.random::<f64>(), f64::INFINITY),
            2 => (f64::NEG_INFINITY, value + 0.05 * rng.random::<f64>()),
            _ => (f64::NEG_INFINITY, value),
        };
        rows.push(row(&format!("group {g}"), terms, min, max));
    }
    let turnover = rng.random_bool(0.6).then(|| {
        let current = DVector::from_fn(n, |i, _| match rng.random_range(0..3) {
            0 => inside[i],
            1 => 0.0,
            _ => rng.random::<f64>() * 2.0 / n as f64,
        });
        let least = (&inside - &current).lp_norm(1);
        let max = if rng.random_bool(0.2) {
            least
        } else {
            least + 0.3 * rng.random::<f64>()
        };
        Turnover { current, max }
    });
    Case {
        loadings,
        covariance,
        linear,
        region: Region {
            lower,
            upper,
            rows,
            turnover,
        },
    }
}

fn size(q: &DMatrix<f64>, c: &DVector<f64>, w: &DVector<f64>) -> f64 {
    0.5 * (w.transpose() * q * w)[(0, 0)]
        + c.iter()
            .zip(w.iter())
            .map(|(c, w)| (c * w).abs())
            .sum::<f64>()
}

fn solve(case: &Case) -> Answer {
    minimise(
        Risk::Dense(&case.covariance),
        &case.linear,
        &case.region,
        None,
    )
    .unwrap()
}

#[test]
fn two_assets_have_the_textbook_minimum_variance() {
    // w₁ = (σ₂² − σ₁₂) / (σ₁² + σ₂² − 2σ₁₂).
    let q = DMatrix::from_row_slice(2, 2, &[0.04, 0.01, 0.01, 0.09]);
    let answer = minimise(Risk::Dense(&q), &DVector::zeros(2), &simplex(2), None).unwrap();
    assert!(
        (answer.weights[0] - 0.08 / 0.11).abs() < 1e-12,
        "{answer:?}"
    );
    assert!(answer.gap <= 1e-9 * answer.objective);
}

#[test]
fn nearest_point_of_the_simplex_is_the_water_filling_one() {
    // 0.9 + 0.5 − 2·0.2 = 1, the third is below the level.
    let answer = nearest(&DVector::from_vec(vec![0.9, 0.5, -0.3]), &simplex(3)).unwrap();
    assert!((answer.weights - DVector::from_vec(vec![0.7, 0.3, 0.0])).amax() < 1e-12);
}

#[test]
fn limits_that_conflict_are_infeasible() {
    let mut region = simplex(3);
    region.upper = DVector::repeat(3, 0.3);
    assert_eq!(
        nearest(&DVector::zeros(3), &region),
        Err(Failure::Infeasible)
    );
    let mut region = simplex(3);
    region
        .rows
        .push(row("low", vec![(0, 1.0), (1, 0.5)], f64::NEG_INFINITY, 0.1));
    region
        .rows
        .push(row("other", vec![(2, 1.0)], f64::NEG_INFINITY, 0.5));
    assert_eq!(
        nearest(&DVector::zeros(3), &region),
        Err(Failure::Infeasible)
    );
    let mut region = simplex(3);
    region.turnover = Some(Turnover {
        current: DVector::zeros(3),
        max: 0.9,
    });
    assert_eq!(
        nearest(&DVector::zeros(3), &region),
        Err(Failure::Infeasible)
    );
}

#[test]
fn a_weight_that_nothing_limits_is_named() {
    let mut region = simplex(2);
    region.rows.clear();
    region.upper[1] = f64::INFINITY;
    let failure = nearest(&DVector::zeros(2), &region).unwrap_err();
    assert!(
        matches!(&failure, Failure::Unbounded(text) if text.contains("asset 1")),
        "{failure}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_feasible_and_their_gap_is_small(n in 1usize..25, t in 1usize..40, seed in 0u64..1_000_000) {
        let case = case(n, t, seed);
        let answer = solve(&case);
        let factor = Risk::Factor { loadings: &case.loadings, diagonal: None };
        let again = minimise(factor, &case.linear, &case.region, None).unwrap();
        prop_assert!((answer.objective - again.objective).abs() <= answer.gap + again.gap + 1e-15);
        prop_assert!(case.region.violation(&answer.weights) <= 1e-8, "{:e}", case.region.violation(&answer.weights));
        let size = size(&case.covariance, &case.linear, &answer.weights);
        prop_assert!(answer.gap <= 1e-9 * size + 1e-12, "{:e} of {size:e}", answer.gap);
        prop_assert!((objective(&case.covariance, &case.linear, &answer.weights) - answer.objective).abs() <= 1e-12 * size + 1e-15);
    }
}
