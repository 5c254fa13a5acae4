use airdrops_allocation::black_litterman::{Posterior, posterior};
use airdrops_allocation::problem::{Certainty, Limits, Moments, Problem, Returns, Views};
use airdrops_allocation::qp::{self, Risk};
use airdrops_allocation::strategy::black_litterman::BlackLitterman;
use airdrops_allocation::strategy::{Failure, Strategy};
use airdrops_allocation::{covariance, moments};
use nalgebra::{DMatrix, DVector};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::worlds::{covariance_of, matrix, random_returns, vector, with_covariance};

/// He & Litterman (1999), tables 1 and 2: Australia, Canada, France, Germany, Japan, UK, USA.
const VOLATILITIES: [f64; 7] = [0.16, 0.203, 0.248, 0.271, 0.21, 0.2, 0.187];
const WEIGHTS: [f64; 7] = [0.016, 0.022, 0.052, 0.055, 0.116, 0.124, 0.615];
#[rustfmt::skip]
const CORRELATIONS: [f64; 49] = [
    1.0,   0.488, 0.478, 0.515, 0.439, 0.512, 0.491,
    0.488, 1.0,   0.664, 0.655, 0.31,  0.608, 0.779,
    0.478, 0.664, 1.0,   0.861, 0.355, 0.783, 0.668,
    0.515, 0.655, 0.861, 1.0,   0.354, 0.777, 0.653,
    0.439, 0.31,  0.355, 0.354, 1.0,   0.405, 0.306,
    0.512, 0.608, 0.783, 0.777, 0.405, 1.0,   0.652,
    0.491, 0.779, 0.668, 0.653, 0.306, 0.652, 1.0,
];
/// Germany against the rest of Europe.
const GERMANY: [f64; 7] = [0.0, 0.0, -0.295, 1.0, 0.0, -0.705, 0.0];
/// Canada against the USA.
const CANADA: [f64; 7] = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, -1.0];
/// Canada against Japan.
const JAPAN: [f64; 7] = [0.0, 1.0, 0.0, 0.0, -1.0, 0.0, 0.0];
const TAU: f64 = 0.05;
const DELTA: f64 = 2.5;

fn world() -> DMatrix<f64> {
    covariance_of(&VOLATILITIES, &matrix(7, &CORRELATIONS))
}

/// The paper's views: what each portfolio earns in a year, and Ω as a multiple of `τ p Σ p'`.
fn paper(views: &[([f64; 7], f64, f64)]) -> Views {
    let covariance = world();
    let p = DMatrix::from_fn(views.len(), 7, |row, column| views[row].0[column]);
    let omega = DVector::from_fn(views.len(), |row, _| {
        let portfolio = vector(&views[row].0);
        views[row].2 * TAU * (&covariance * &portfolio).dot(&portfolio)
    });
    Views {
        p,
        q: DVector::from_fn(views.len(), |row, _| views[row].1),
        certainty: Certainty::Omega(DMatrix::from_diagonal(&omega)),
        market_weights: vector(&WEIGHTS),
        delta: DELTA,
        tau: TAU,
    }
}

/// `(δΣ̄)⁻¹ μ̄`.
fn unlimited(posterior: &Posterior) -> DVector<f64> {
    let scaled = &posterior.covariance * DELTA;
    scaled.cholesky().unwrap().solve(&posterior.mean)
}

#[track_caller]
fn assert_printed(found: &DVector<f64>, published: &[f64], tolerance: f64) {
    for (found, published) in found.iter().zip(published) {
        assert!(
            (found * 100.0 - published).abs() < tolerance,
            "{} is not {published}",
            found * 100.0
        );
    }
}

#[test]
fn table_2_equilibrium_returns() {
    let found = posterior(&world(), &paper(&[])).unwrap();
    assert_printed(
        &found.equilibrium,
        &[3.9, 6.9, 8.4, 9.0, 4.3, 6.8, 7.6],
        0.05,
    );
    assert_eq!(found.mean, found.equilibrium);
    assert!((found.covariance - world() * (1.0 + TAU)).amax() < 1e-16);
    assert_eq!(found.view_weights.len(), 0);
}

/// The traditional way, which the paper warns of: Germany's mean is raised and those of France and
/// the UK lowered until Germany earns 5 % more, such that Europe's market earns what it did.
#[test]
fn table_3_traditional_mean_variance() {
    let covariance = world();
    let mut mean = &covariance * vector(&WEIGHTS) * DELTA;
    let missing = 0.05 - vector(&GERMANY).dot(&mean);
    let ratio = WEIGHTS[3] / (WEIGHTS[2] + WEIGHTS[5]);
    let raised = missing / (1.0 + ratio);
    mean[3] += raised;
    mean[2] -= raised * ratio;
    mean[5] -= raised * ratio;
    assert_printed(&mean, &[3.9, 6.9, 7.6, 11.5, 4.3, 6.0, 7.6], 0.05);
    let mut problem = with_covariance(covariance);
    problem.returns = Returns::Moments(Moments {
        mean,
        covariance: world(),
    });
    let weights = unlimited_mean_variance(&problem);
    assert_printed(
        &weights,
        &[-5.1, -2.3, -50.1, 83.6, 14.9, -22.8, 66.6],
        0.05,
    );
}

/// `(δΣ)⁻¹ μ` by the program that the strategy solves, with bounds that do not bind.
fn unlimited_mean_variance(problem: &Problem) -> DVector<f64> {
    let moments = moments::of(problem).unwrap();
    let mut limits = Limits::long_only(7);
    limits.lower.fill(-5.0);
    limits.upper.fill(5.0);
    limits.invested = (-5.0, 5.0);
    let region = limits.region(&problem.current);
    let linear = -&moments.mean / DELTA;
    qp::minimise(Risk::Dense(&moments.covariance), &linear, &region, None)
        .unwrap()
        .weights
}

#[test]
fn tables_4_to_8_of_he_and_litterman_to_their_printed_digits() {
    struct Table {
        views: Vec<([f64; 7], f64, f64)>,
        mean: [f64; 7],
        weights: [f64; 7],
        lambda: &'static [f64],
        /// Points of a per cent that the means may differ by: half of the last digit.
        tolerance: f64,
    }
    let tables = [
        Table {
            views: vec![(GERMANY, 0.05, 1.0)],
            mean: [4.3, 7.6, 9.3, 11.0, 4.5, 7.0, 8.1],
            weights: [1.5, 2.1, -4.0, 35.4, 11.0, -9.5, 58.6],
            lambda: &[],
            tolerance: 0.0501,
        },
        Table {
            views: vec![(GERMANY, 0.05, 1.0), (CANADA, 0.03, 1.0)],
            mean: [4.4, 8.7, 9.5, 11.2, 4.6, 7.0, 7.5],
            weights: [1.5, 41.9, -3.4, 33.6, 11.0, -8.2, 18.8],
            lambda: &[0.298, 0.418],
            tolerance: 0.0501,
        },
        Table {
            views: vec![(GERMANY, 0.05, 1.0), (CANADA, 0.04, 1.0)],
            mean: [4.4, 9.1, 9.5, 11.3, 4.6, 7.0, 7.3],
            weights: [1.5, 53.3, -3.3, 33.1, 11.0, -7.8, 7.3],
            lambda: &[0.292, 0.538],
            tolerance: 0.0501,
        },
        Table {
            views: vec![(GERMANY, 0.05, 2.0), (CANADA, 0.04, 1.0)],
            mean: [4.3, 8.9, 9.3, 10.6, 4.6, 6.9, 7.2],
            weights: [1.5, 53.9, -0.5, 23.6, 11.0, -1.1, 6.8],
            lambda: &[0.193, 0.544],
            tolerance: 0.0501,
        },
        // The third view says what the weights imply already. The paper prints its 4.12 % rounded, and
        // the means of table 7 again.
        Table {
            views: vec![
                (GERMANY, 0.05, 2.0),
                (CANADA, 0.04, 1.0),
                (JAPAN, 0.0412, 1.0),
            ],
            mean: [4.3, 8.9, 9.3, 10.6, 4.6, 6.9, 7.2],
            weights: [1.5, 53.9, -0.5, 23.6, 11.0, -1.1, 6.8],
            lambda: &[0.193, 0.544, 0.0],
            tolerance: 0.08,
        },
    ];
    for table in tables {
        let views = paper(&table.views);
        let found = posterior(&world(), &views).unwrap();
        assert_printed(&found.mean, &table.mean, table.tolerance);
        let weights = unlimited(&found);
        assert_printed(&weights, &table.weights, 0.0525);
        for (found, published) in found.view_weights.iter().zip(table.lambda) {
            assert!((found - published).abs() < 0.0005, "{found} {published}");
        }
        // Eq. 15: the market, and the portfolio of each view.
        let tilted =
            (&views.market_weights + views.p.transpose() * &found.view_weights) / (1.0 + TAU);
        assert!((weights - tilted).amax() < 1e-10);
    }
}

#[test]
fn the_papers_omegas() {
    let covariance = world();
    for (portfolio, published) in [(GERMANY, 0.021), (CANADA, 0.017), (JAPAN, 0.059)] {
        let portfolio = vector(&portfolio);
        let found = (&covariance * &portfolio).dot(&portfolio);
        assert!((found - published).abs() < 0.0005);
    }
}

/// Without limits that bind the strategy gives the weights of the paper's table 4.
#[test]
fn the_strategy_gives_unlimited_weights_where_no_limit_binds() {
    let mut problem = believing(world(), paper(&[(GERMANY, 0.05, 1.0)]));
    problem.limits = Limits {
        lower: DVector::repeat(7, -5.0),
        upper: DVector::repeat(7, 5.0),
        invested: (-5.0, 5.0),
        ..problem.limits
    };
    let region = problem.limits.region(&problem.current);
    let found = BlackLitterman.solve(&problem, &region).unwrap();
    assert_printed(
        &found.weights,
        &[1.5, 2.1, -4.0, 35.4, 11.0, -9.5, 58.6],
        0.0525,
    );
    let views = problem.parameters.views.as_ref().unwrap();
    let expected = unlimited(&posterior(&world(), views).unwrap());
    let objective = |weights| BlackLitterman.objective(&problem, weights).unwrap();
    assert!(objective(&found.weights) - objective(&expected) <= found.gap.unwrap() + 1e-15);
}

#[test]
fn the_strategy_keeps_limits() {
    let mut problem = believing(world(), paper(&[(GERMANY, 0.05, 1.0)]));
    problem.limits.upper.fill(0.3);
    let region = problem.limits.region(&problem.current);
    let found = BlackLitterman.solve(&problem, &region).unwrap();
    assert!(region.violation(&found.weights) < 1e-8);
    assert!(found.gap.unwrap() < 1e-8);
    problem.parameters.views = None;
    assert!(matches!(
        BlackLitterman.solve(&problem, &region),
        Err(Failure::Missing(text)) if text.contains("`views`")
    ));
}

fn believing(covariance: DMatrix<f64>, views: Views) -> Problem {
    let mut problem = with_covariance(covariance);
    problem.parameters.views = Some(views);
    problem
}

fn confident(p: DMatrix<f64>, q: DVector<f64>, confidence: DVector<f64>) -> Views {
    Views {
        market_weights: DVector::repeat(p.ncols(), 1.0 / p.ncols() as f64),
        p,
        q,
        certainty: Certainty::Confidence(confidence),
        delta: DELTA,
        tau: TAU,
    }
}

#[test]
fn certain_views_may_repeat_but_not_contradict_each_other() {
    let p = DMatrix::from_fn(2, 7, |_, column| GERMANY[column]);
    let certain = DVector::repeat(2, 1.0);
    let once = posterior(
        &world(),
        &confident(
            p.rows(0, 1).into_owned(),
            vector(&[0.05]),
            certain.rows(0, 1).into_owned(),
        ),
    )
    .unwrap();
    let twice = posterior(
        &world(),
        &confident(p.clone(), vector(&[0.05, 0.05]), certain.clone()),
    )
    .unwrap();
    assert!((&once.mean - &twice.mean).amax() < 1e-15);
    assert!((&once.covariance - &twice.covariance).amax() < 1e-15);
    assert!((once.view_weights[0] - twice.view_weights[0]).abs() < 1e-12);
    let refused = posterior(&world(), &confident(p, vector(&[0.05, 0.06]), certain));
    assert!(matches!(refused, Err(Failure::Missing(text)) if text.contains("view 2")));
}

#[test]
fn malformed_views_are_refused() {
    let sound = paper(&[(GERMANY, 0.05, 1.0), (CANADA, 0.03, 1.0)]);
    let confidence = |values: &[f64]| Certainty::Confidence(vector(values));
    let broken = [
        (
            "P has 2 × 7",
            Views {
                q: vector(&[0.1]),
                certainty: confidence(&[0.5]),
                ..sound.clone()
            },
        ),
        (
            "tau is 0",
            Views {
                tau: 0.0,
                ..sound.clone()
            },
        ),
        (
            "delta is NaN",
            Views {
                delta: f64::NAN,
                ..sound.clone()
            },
        ),
        (
            "market_weights have 1 × 1",
            Views {
                market_weights: vector(&[1.0]),
                ..sound.clone()
            },
        ),
        (
            "q holds what is not a finite",
            Views {
                q: vector(&[0.1, f64::INFINITY]),
                ..sound.clone()
            },
        ),
    ];
    let uncertain = [
        ("view 2 is 1.5", confidence(&[0.5, 1.5])),
        ("confidence has 1 × 1", confidence(&[0.5])),
        (
            "not symmetric",
            Certainty::Omega(matrix(2, &[1.0, 0.1, 0.0, 1.0])),
        ),
        (
            "semidefinite at view 2",
            Certainty::Omega(matrix(2, &[1.0, 9.0, 9.0, 1.0])),
        ),
        (
            "view 1 is negative",
            Certainty::Omega(matrix(2, &[-1.0, 0.0, 0.0, 1.0])),
        ),
    ]
    .map(|(says, certainty)| {
        let views = Views {
            certainty,
            ..sound.clone()
        };
        (says, views)
    });
    for (says, views) in broken.into_iter().chain(uncertain) {
        match posterior(&world(), &views) {
            Err(Failure::Missing(text)) => assert!(text.contains(says), "{text}"),
            other => panic!("{says}: {other:?}"),
        }
    }
}

fn random_views(n: usize, k: usize, seed: u64) -> (DMatrix<f64>, DMatrix<f64>, DVector<f64>) {
    let covariance = covariance::sample(&random_returns(60, n, seed))
        .unwrap()
        .covariance;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let p = DMatrix::from_fn(k, n, |_, _| random.random_range(-1.0..1.0));
    let q = DVector::from_fn(k, |_, _| random.random_range(-0.05..0.05));
    (covariance, p, q)
}

proptest! {
    #[test]
    fn views_without_confidence_leave_the_equilibrium(
        n in 2_usize..12, k in 1_usize..4, seed in 0_u64..10_000,
    ) {
        let (covariance, p, q) = random_views(n, k, seed);
        let found = posterior(&covariance, &confident(p, q, DVector::zeros(k))).unwrap();
        prop_assert_eq!(&found.mean, &found.equilibrium);
        prop_assert_eq!(&found.covariance, &(&covariance * (1.0 + TAU)));
        prop_assert_eq!(found.view_weights, DVector::zeros(k));
    }

    #[test]
    fn certain_views_are_met_exactly_and_leave_no_doubt(
        n in 4_usize..12, k in 1_usize..4, seed in 0_u64..10_000,
    ) {
        let (covariance, p, q) = random_views(n, k, seed);
        let views = confident(p.clone(), q.clone(), DVector::repeat(k, 1.0));
        let found = posterior(&covariance, &views).unwrap();
        prop_assert!((&p * &found.mean - q).amax() < 1e-12);
        // What is left uncertain of the means, Σ̄ − Σ, is nothing along the views.
        let doubt = &p * (&found.covariance - &covariance) * p.transpose();
        prop_assert!(doubt.amax() < 1e-12 * covariance.trace());
    }

    #[test]
    fn the_posterior_is_bayes_rule(n in 2_usize..10, k in 1_usize..4, seed in 0_u64..10_000) {
        let (covariance, p, q) = random_views(n, k, seed);
        let mut random = ChaCha8Rng::seed_from_u64(seed + 1);
        let confidence = DVector::from_fn(k, |_, _| random.random_range(0.1..0.9));
        let views = confident(p.clone(), q.clone(), confidence.clone());
        let found = posterior(&covariance, &views).unwrap();
        // M = (τΣ)⁻¹ + P'Ω⁻¹P; M μ̄ = (τΣ)⁻¹Π + P'Ω⁻¹q.
        let omega = DVector::from_fn(k, |row, _| {
            let portfolio = p.row(row).transpose();
            (1.0 - confidence[row]) / confidence[row]
                * TAU * (&covariance * &portfolio).dot(&portfolio)
        });
        let precise = DMatrix::from_diagonal(&omega.map(|variance| 1.0 / variance));
        let prior = (&covariance * TAU).try_inverse().unwrap();
        let doubt = (&prior + p.transpose() * &precise * &p).try_inverse().unwrap();
        let mean = &doubt * (prior * &found.equilibrium + p.transpose() * precise * q);
        prop_assert!((mean - &found.mean).amax() < 1e-8 * found.mean.amax());
        let whole = &covariance + doubt;
        prop_assert!((&whole - &found.covariance).amax() < 1e-8 * whole.amax());
        prop_assert_eq!(&found.covariance, &found.covariance.transpose());
    }

    /// Idzorek (2005): with one view, the confidence is the share of the way from the equilibrium
    /// to the certain answer.
    #[test]
    fn confidence_is_the_share_of_the_way_to_the_certain_mean(
        n in 2_usize..12, confidence in 0.01_f64..1.0, seed in 0_u64..10_000,
    ) {
        let (covariance, p, q) = random_views(n, 1, seed);
        let at = |confidence: f64| {
            posterior(&covariance, &confident(p.clone(), q.clone(), vector(&[confidence])))
                .unwrap()
        };
        let (none, some, all) = (at(0.0), at(confidence), at(1.0));
        let expected = &none.mean + (all.mean - &none.mean) * confidence;
        prop_assert!((some.mean - expected).amax() < 1e-12);
    }
}
