//! Quadratic programs over a region.

use airdrops_allocation::qp::{Answer, Risk, minimise, minimise_by_interior_point, nearest};
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

/// Weights that must be what they are.
fn only(weights: &[f64], region: &Region) {
    let expected = DVector::from_row_slice(weights);
    let n = weights.len();
    let q = DMatrix::from_fn(n, n, |i, j| if i == j { 2.0 } else { 0.5 });
    let linear = DVector::from_fn(n, |i, _| -0.1 * i as f64);
    for risk in [Risk::Dense(&q), Risk::Identity, Risk::Linear] {
        let answer = minimise(risk, &linear, region, None).unwrap();
        assert!(
            (&answer.weights - &expected).amax() < 1e-9,
            "{risk:?} {answer:?}"
        );
    }
}

#[test]
fn equal_bounds_fix_all_weights() {
    let mut region = simplex(3);
    region.lower = DVector::from_vec(vec![0.2, 0.3, 0.5]);
    region.upper = region.lower.clone();
    only(&[0.2, 0.3, 0.5], &region);
}

#[test]
fn no_turnover_keeps_what_is_held() {
    let mut region = simplex(4);
    region.turnover = Some(Turnover {
        current: DVector::from_vec(vec![0.1, 0.0, 0.6, 0.3]),
        max: 0.0,
    });
    only(&[0.1, 0.0, 0.6, 0.3], &region);
}

#[test]
fn turnover_moves_only_what_is_worth_it() {
    // Half of 0.4 may be sold: from the first, into the second.
    let mut region = simplex(3);
    region.turnover = Some(Turnover {
        current: DVector::from_vec(vec![0.5, 0.2, 0.3]),
        max: 0.4,
    });
    let linear = DVector::from_vec(vec![0.0, -2.0, -1.0]);
    let answer = minimise(Risk::Linear, &linear, &region, None).unwrap();
    assert!((answer.weights - DVector::from_vec(vec![0.3, 0.4, 0.3])).amax() < 1e-12);
    assert!(
        (answer.turnover - 1.0).abs() < 1e-9,
        "a unit more of turnover moves half a unit, by 2"
    );
}

#[test]
fn short_positions_are_taken_down_to_the_lower_bound() {
    let mut region = simplex(2);
    region.lower = DVector::repeat(2, -0.3);
    region.upper = DVector::repeat(2, 2.0);
    let q = DMatrix::from_row_slice(2, 2, &[0.01, 0.03, 0.03, 0.16]);
    let answer = minimise(Risk::Dense(&q), &DVector::zeros(2), &region, None).unwrap();
    // Without bounds: w₂ = (σ₁² − σ₁₂) / (σ₁² + σ₂² − 2σ₁₂) = −0.02 / 0.11.
    assert!(
        (answer.weights[1] + 0.02 / 0.11).abs() < 1e-10,
        "{answer:?}"
    );
    region.lower = DVector::repeat(2, -0.1);
    let answer = minimise(Risk::Dense(&q), &DVector::zeros(2), &region, None).unwrap();
    assert!((answer.weights[1] + 0.1).abs() < 1e-12, "{answer:?}");
}

#[test]
fn a_linear_objective_fills_the_best_first() {
    let n = 30;
    let mut region = simplex(n);
    region.upper = DVector::repeat(n, 0.08);
    let linear = DVector::from_fn(n, |i, _| -(((i * 7) % n) as f64));
    let answer = minimise(Risk::Linear, &linear, &region, None).unwrap();
    // Twelve at the cap and the rest in the thirteenth.
    let best: f64 = (0..12).map(|k| -0.08 * (29 - k) as f64).sum::<f64>() - 0.04 * 17.0;
    assert!(
        (answer.objective - best).abs() < 1e-10,
        "{} {best}",
        answer.objective
    );
}

#[test]
fn a_duplicated_asset_changes_nothing_but_the_split() {
    let case = case(12, 40, 12_346);
    let mut region = simplex(12);
    region.upper = DVector::repeat(12, 0.4);
    let zero = DVector::zeros(12);
    let single = minimise(Risk::Dense(&case.covariance), &zero, &region, None).unwrap();
    let first = case.covariance.insert_column(12, 0.0).insert_row(12, 0.0);
    let mut twice = first;
    for i in 0..12 {
        twice[(i, 12)] = twice[(i, 3)];
        twice[(12, i)] = twice[(3, i)];
    }
    twice[(12, 12)] = twice[(3, 3)];
    let mut region = simplex(13);
    region.upper = DVector::repeat(13, 0.4);
    region.rows.push(row(
        "pair",
        vec![(3, 1.0), (12, 1.0)],
        f64::NEG_INFINITY,
        0.4,
    ));
    let double = minimise(Risk::Dense(&twice), &DVector::zeros(13), &region, None).unwrap();
    assert!((single.objective - double.objective).abs() <= 1e-9 * single.objective);
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let region = simplex(2);
    let zero = DVector::zeros(2);
    let q = DMatrix::from_row_slice(2, 2, &[1.0, f64::NAN, f64::NAN, 1.0]);
    assert!(matches!(
        minimise(Risk::Dense(&q), &zero, &region, None),
        Err(Failure::Missing(_))
    ));
    let linear = DVector::from_vec(vec![f64::INFINITY, 0.0]);
    assert!(matches!(
        minimise(Risk::Identity, &linear, &region, None),
        Err(Failure::Missing(_))
    ));
    let mut broken = simplex(2);
    broken
        .rows
        .push(row("broken", vec![(0, f64::NAN)], 0.0, 1.0));
    assert!(matches!(
        minimise(Risk::Identity, &zero, &broken, None),
        Err(Failure::Missing(_))
    ));
    let mut broken = simplex(2);
    broken.lower[0] = f64::NAN;
    assert!(matches!(
        minimise(Risk::Identity, &zero, &broken, None),
        Err(Failure::Missing(_))
    ));
    let three = DMatrix::identity(3, 3);
    assert!(matches!(
        minimise(Risk::Dense(&three), &zero, &region, None),
        Err(Failure::Missing(_))
    ));
}

/// The first method, in all but a few of many random programs.
#[test]
fn the_fallback_is_rarely_needed() {
    let fallbacks = (0..600u64)
        .filter(|&seed| {
            let k = usize::try_from(seed).unwrap();
            let case = case(1 + (k * 7) % 60, 1 + (k * 13) % 90, seed);
            solve(&case).method != "active set"
        })
        .count();
    assert!(fallbacks <= 6, "{fallbacks}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

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

    #[test]
    fn the_interior_point_agrees(n in 1usize..25, t in 1usize..40, seed in 0u64..1_000_000) {
        let case = case(n, t, seed);
        let answer = solve(&case);
        let Ok(other) = minimise_by_interior_point(Risk::Dense(&case.covariance), &case.linear, &case.region) else {
            return Ok(());
        };
        let size = size(&case.covariance, &case.linear, &answer.weights);
        prop_assert!((answer.objective - other.objective).abs() <= 1e-8 * size + 1e-12);
    }

    #[test]
    fn no_feasible_point_is_better(n in 1usize..15, seed in 0u64..1_000_000) {
        let case = case(n, 20, seed);
        let answer = solve(&case);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for _ in 0..10 {
            let point = DVector::from_fn(n, |_, _| 2.0 * rng.random::<f64>() - 0.7);
            let rival = nearest(&point, &case.region).unwrap().weights;
            prop_assert!(case.region.violation(&rival) <= 1e-8);
            let mix = &rival * 0.01 + &answer.weights * 0.99;
            for rival in [rival, mix] {
                let worth = objective(&case.covariance, &case.linear, &rival);
                prop_assert!(worth >= answer.objective - answer.gap - 1e-10 * worth.abs() - 1e-12);
            }
        }
    }

    #[test]
    fn a_warm_start_changes_nothing(n in 1usize..25, seed in 0u64..1_000_000, from in -1.0f64..1.0) {
        let case = case(n, 30, seed);
        let cold = solve(&case);
        let start = DVector::from_fn(n, |i, _| from * (i as f64 + 1.0) / n as f64);
        for start in [start, cold.weights.clone()] {
            let warm = minimise(Risk::Dense(&case.covariance), &case.linear, &case.region, Some(&start)).unwrap();
            prop_assert!((warm.objective - cold.objective).abs() <= warm.gap + cold.gap + 1e-14);
        }
    }

    #[test]
    fn permuted_assets_permute_the_answer(n in 2usize..20, seed in 0u64..1_000_000) {
        // One optimum only: more observations than assets, and no copies.
        let seed = if seed % 5 == 0 { seed + 1 } else { seed };
        let case = case(n, 60, seed);
        let answer = solve(&case);
        let order: Vec<usize> = (0..n).map(|i| (i * 7 + 3) % n).collect();
        prop_assume!((0..n).all(|i| order.contains(&i)));
        let back = |i: usize| order.iter().position(|&o| o == i).unwrap();
        let moved = |w: &DVector<f64>| DVector::from_fn(n, |i, _| w[order[i]]);
        let region = Region {
            lower: moved(&case.region.lower),
            upper: moved(&case.region.upper),
            rows: case.region.rows.iter().map(|r| Row {
                terms: r.terms.iter().map(|&(i, a)| (back(i), a)).collect(),
                ..r.clone()
            }).collect(),
            turnover: case.region.turnover.as_ref().map(|t| Turnover { current: moved(&t.current), max: t.max }),
        };
        let covariance = DMatrix::from_fn(n, n, |i, j| case.covariance[(order[i], order[j])]);
        let other = minimise(Risk::Dense(&covariance), &moved(&case.linear), &region, None).unwrap();
        prop_assert!((moved(&answer.weights) - &other.weights).amax() <= 1e-6, "{answer:?} {other:?}");
    }

    #[test]
    fn a_tighter_limit_never_lowers_the_minimum(n in 2usize..20, seed in 0u64..1_000_000, which in 0usize..3) {
        let case = case(n, 30, seed);
        let loose = solve(&case);
        let mut region = case.region.clone();
        match which {
            0 => region.upper = region.upper.map(|u| u - 0.01),
            1 => {
                for row in &mut region.rows[1..] {
                    row.max -= 0.01;
                }
            }
            _ => {
                if let Some(turnover) = &mut region.turnover {
                    turnover.max *= 0.9;
                }
            }
        }
        match minimise(Risk::Dense(&case.covariance), &case.linear, &region, None) {
            Ok(tight) => prop_assert!(tight.objective >= loose.objective - loose.gap - 1e-12),
            Err(failure) => prop_assert_eq!(failure, Failure::Infeasible),
        }
    }

    #[test]
    fn the_nearest_point_of_a_member_is_itself(n in 1usize..40, seed in 0u64..1_000_000) {
        let case = case(n, 5, seed);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let point = DVector::from_fn(n, |_, _| 4.0 * rng.random::<f64>() - 2.0);
        let found = nearest(&point, &case.region).unwrap();
        prop_assert!(case.region.violation(&found.weights) <= 1e-11);
        // A point of the region is its own nearest.
        let again = nearest(&found.weights, &case.region).unwrap();
        prop_assert!((again.weights - found.weights).amax() <= 1e-9);
    }
}
