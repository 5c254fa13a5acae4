use airdrops_allocation::covariance::{
    estimate, exponential, exponential_weights, ledoit_wolf, oracle_approximating, sample, weighted,
};
use airdrops_allocation::problem::{Estimator, Returns, Scenarios};
use airdrops_allocation::strategy::Failure;
use airdrops_allocation::{moments, problem::Moments};
use nalgebra::{DMatrix, DVector};
use proptest::prelude::*;

use crate::worlds::{long_only, matrix, random_returns, vector, waves};

fn corners(covariance: &DMatrix<f64>) -> [f64; 3] {
    let last = covariance.nrows() - 1;
    [
        covariance[(0, 0)],
        covariance[(0, 1)],
        covariance[(last, last)],
    ]
}

fn assert_close(actual: &[f64], expected: &[f64]) {
    for (actual, expected) in actual.iter().zip(expected) {
        assert!(
            (actual - expected).abs() <= 1e-12 * expected.abs().max(1e-4),
            "{actual} is not {expected}"
        );
    }
}

/// Worked out with scikit-learn 1.9.1 (`ledoit_wolf`, `oas`), numpy 2 (`cov`) and pandas 3.1.1
/// (`ewm(halflife=4)`) on the same returns.
#[test]
fn estimators_give_the_figures_of_scikit_learn_numpy_and_pandas() {
    struct Case {
        shape: (usize, usize),
        sample: [f64; 3],
        exponential: [f64; 3],
        exponential_mean: [f64; 2],
        ledoit_wolf: [f64; 4],
        oracle_approximating: [f64; 4],
    }
    let cases = [
        Case {
            shape: (12, 3),
            sample: [
                5.172477480552238e-05,
                -1.3562044427626095e-05,
                0.0004879739026436284,
            ],
            exponential: [
                4.440093403476547e-05,
                -4.095105809462888e-06,
                0.0005143475204565672,
            ],
            exponential_mean: [0.002374222435662879, -0.0009695237130010249],
            ledoit_wolf: [
                0.31708679734090656,
                0.00010374595380988062,
                -8.489890928452127e-06,
                0.0003768395521049414,
            ],
            oracle_approximating: [
                0.6288919737922601,
                0.0001591392323187489,
                -4.613568243971498e-06,
                0.00030754348902169246,
            ],
        },
        Case {
            shape: (5, 8),
            sample: [
                6.921165706132807e-05,
                -9.629528761399706e-05,
                0.002457585866427762,
            ],
            exponential: [
                6.781233395395971e-05,
                -9.479053935098192e-05,
                0.0027606137344194756,
            ],
            exponential_mean: [-0.0015515593070155602, -0.01773243682636897],
            ledoit_wolf: [
                0.6722950512983208,
                0.0007383491499505704,
                -2.524515383020668e-05,
                0.0013644947881592431,
            ],
            oracle_approximating: [1.0, 0.0010712623074322141, 0.0, 0.0010712623074322141],
        },
        Case {
            shape: (40, 70),
            sample: [
                5.080961341158393e-05,
                -8.193666589293052e-06,
                0.2534849435752795,
            ],
            exponential: [
                4.862461112993991e-05,
                -2.863341661266875e-05,
                0.27190443621035315,
            ],
            exponential_mean: [0.0006373944045963944, 0.05002211076159395],
            ledoit_wolf: [
                0.4563844647969267,
                0.03754723806064947,
                -4.342849337008731e-06,
                0.1718737021237475,
            ],
            oracle_approximating: [
                0.4996191704020561,
                0.041099510516611454,
                -3.997454843264428e-06,
                0.1647427531618805,
            ],
        },
    ];
    for case in cases {
        let returns = waves(case.shape.0, case.shape.1);
        let last = case.shape.1 - 1;
        assert_close(
            &corners(&sample(&returns).unwrap().covariance),
            &case.sample,
        );
        let weighted = exponential(&returns, 4.0).unwrap();
        assert_close(&corners(&weighted.covariance), &case.exponential);
        assert_close(
            &[weighted.mean[0], weighted.mean[last]],
            &case.exponential_mean,
        );
        for (shrunk, expected) in [
            (ledoit_wolf(&returns).unwrap(), case.ledoit_wolf),
            (
                oracle_approximating(&returns).unwrap(),
                case.oracle_approximating,
            ),
        ] {
            assert_close(&[shrunk.intensity], &expected[..1]);
            assert_close(&corners(&shrunk.moments.covariance), &expected[1..]);
        }
    }
}

#[test]
fn few_and_many_columns_give_the_covariance_by_its_definition() {
    for (t, n) in [(2, 1), (3, 4), (300, 5), (700, 64), (90, 65), (260, 150)] {
        let returns = random_returns(t, n, 7);
        let found = sample(&returns).unwrap();
        for (i, j) in [(0, 0), (n - 1, 0), (n / 2, n - 1), (n / 3, n / 2)] {
            let mean = |column: usize| returns.column(column).sum() / t as f64;
            let expected = (0..t)
                .map(|row| (returns[(row, i)] - mean(i)) * (returns[(row, j)] - mean(j)))
                .sum::<f64>()
                / (t - 1) as f64;
            assert!((found.covariance[(i, j)] - expected).abs() < 1e-15);
        }
        assert_eq!(found.covariance, found.covariance.transpose());
    }
}

#[test]
fn a_long_half_life_gives_the_sample_and_a_short_one_is_refused() {
    let returns = waves(30, 4);
    let long = exponential(&returns, 1e12).unwrap();
    let plain = sample(&returns).unwrap();
    assert!((long.covariance - plain.covariance).amax() < 1e-12);
    for half_life in [0.0, -1.0, f64::NAN, 1e-4] {
        assert_eq!(exponential(&returns, half_life), None);
    }
}

#[test]
fn scenarios_have_exact_moments_of_net_returns() {
    // Doubles with probability 1/4, else nothing; and a sure gain of 5 %.
    let mut problem = long_only(Returns::Scenarios(Scenarios {
        gross: matrix(2, &[2.0, 1.05, 0.0, 1.05]),
        probabilities: vector(&[0.25, 0.75]),
    }));
    let found = moments::of(&problem).unwrap().into_owned();
    assert!((found.mean - vector(&[-0.5, 0.05])).amax() < 1e-15);
    assert!((found.covariance - matrix(2, &[0.75, 0.0, 0.0, 0.0])).amax() < 1e-15);

    let given = Moments {
        mean: vector(&[0.1, 0.2]),
        covariance: matrix(2, &[0.04, 0.0, 0.0, 0.09]),
    };
    problem.returns = Returns::Moments(given.clone());
    assert_eq!(*moments::of(&problem).unwrap(), given);
}

#[test]
fn broken_histories_are_refused_with_a_remedy() {
    let refused = |returns, estimator| {
        let mut problem = long_only(Returns::History(returns));
        problem.estimator = estimator;
        match moments::of(&problem) {
            Err(Failure::Missing(text)) => text,
            other => panic!("{other:?}"),
        }
    };
    assert!(refused(waves(1, 3), Estimator::Sample).contains("at least 2 periods"));
    assert!(
        refused(waves(9, 3), Estimator::Exponential { half_life: 0.0 }).contains("half-life is 0")
    );
    let mut broken = waves(9, 3);
    broken[(4, 1)] = f64::INFINITY;
    assert!(refused(broken, Estimator::LedoitWolf).contains("asset `b`"));
    let mut huge = waves(9, 3);
    huge[(4, 2)] = 1e200;
    assert!(refused(huge, Estimator::Sample).contains("asset `c`"));
}

proptest! {
    #[test]
    fn covariances_are_positive_semidefinite_and_intensities_within_zero_and_one(
        t in 2_usize..40, n in 1_usize..30, seed in 0_u64..1000,
    ) {
        let returns = random_returns(t, n, seed);
        for shrunk in [ledoit_wolf(&returns).unwrap(), oracle_approximating(&returns).unwrap()] {
            prop_assert!((0.0..=1.0).contains(&shrunk.intensity));
        }
        for estimator in [
            Estimator::Sample,
            Estimator::Exponential { half_life: 5.0 },
            Estimator::LedoitWolf,
            Estimator::OracleApproximating,
        ] {
            let covariance = estimate(&returns, estimator).unwrap().covariance;
            prop_assert_eq!(&covariance, &covariance.transpose());
            let scale = covariance.trace();
            let least = covariance.symmetric_eigenvalues().min();
            prop_assert!(least >= -1e-12 * scale, "{} of {}", least, scale);
        }
    }

    #[test]
    fn exponential_weights_sum_to_one_and_halve(t in 1_usize..400, half_life in 0.5_f64..200.0) {
        let weights = exponential_weights(t, half_life).unwrap();
        prop_assert!((weights.sum() - 1.0).abs() < 1e-12);
        let step = (2.0_f64).powf(1.0 / half_life);
        for pair in weights.as_slice().windows(2) {
            prop_assert!((pair[1] / pair[0] - step).abs() < 1e-9 * step);
        }
    }

    #[test]
    fn equal_probabilities_give_the_sample_divided_by_its_length(
        t in 2_usize..40, n in 1_usize..10, seed in 0_u64..1000,
    ) {
        let returns = random_returns(t, n, seed);
        let exact = weighted(&returns, &DVector::repeat(t, 1.0 / t as f64));
        let plain = sample(&returns).unwrap();
        let scaled = plain.covariance * ((t - 1) as f64 / t as f64);
        prop_assert!((exact.covariance - scaled).amax() < 1e-14);
        prop_assert!((exact.mean - plain.mean).amax() < 1e-14);
    }
}
