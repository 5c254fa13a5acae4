//! Probabilities from features.

use airdrops_allocation::estimate::draw::Stream;
use airdrops_allocation::estimate::isotonic::Isotonic;
use airdrops_allocation::estimate::logistic::{fit, probability};
use airdrops_allocation::estimate::scoring::{
    Calibrator, Features, Labelled, NAMES, PLATT_FROM, PRIOR, Scorer,
};
use airdrops_types::Usd;
use proptest::prelude::*;

/// With an intercept only and a weak penalty, the fit is the logit of the share.
#[test]
fn an_intercept_alone_is_the_logit_of_the_share() {
    let examples: Vec<_> = (0..40).map(|i| (vec![1.0], i < 30)).collect();
    let fitted = fit(&examples, &[0.0], &[1e-6]).unwrap();
    assert!((fitted.coefficients[0] - 3_f64.ln()).abs() < 1e-6);
    // 2 × 2 table: the coefficient is the logarithm of the odds ratio.
    let table = [
        (0.0, true, 4),
        (0.0, false, 12),
        (1.0, true, 15),
        (1.0, false, 5),
    ];
    let examples: Vec<_> = table
        .iter()
        .flat_map(|&(x, y, n)| std::iter::repeat_n((vec![1.0, x], y), n))
        .collect();
    let fitted = fit(&examples, &[0.0; 2], &[1e-6; 2]).unwrap();
    assert!((fitted.coefficients[0] - (4.0_f64 / 12.0).ln()).abs() < 1e-5);
    assert!((fitted.coefficients[1] - 9_f64.ln()).abs() < 1e-5);
}

#[test]
fn the_penalised_gradient_vanishes_also_where_classes_are_separated() {
    let mut stream = Stream::new(1, "logistic");
    let examples: Vec<_> = (0..200)
        .map(|_| {
            let x = vec![1.0, stream.normal(), stream.normal() * 3.0];
            let y = x[2] > 0.0;
            (x, y)
        })
        .collect();
    let (centre, penalty) = ([0.5, -1.0, 0.0], [0.5, 2.0, 1.0]);
    let fitted = fit(&examples, &centre, &penalty).unwrap();
    let beta = &fitted.coefficients;
    for j in 0..3 {
        let data: f64 = examples
            .iter()
            .map(|(x, y)| (probability(beta, x) - f64::from(u8::from(*y))) * x[j])
            .sum();
        let gradient = data + penalty[j] * (beta[j] - centre[j]);
        assert!(gradient.abs() < 1e-7, "{j}: {gradient}");
    }
    assert_eq!(fit(&[], &centre, &penalty).unwrap().coefficients, centre);
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    assert!(fit(&[(vec![1.0], true)], &[0.0, 0.0], &[1.0, 1.0]).is_err());
    assert!(fit(&[(vec![f64::NAN], true)], &[0.0], &[1.0]).is_err());
    assert!(fit(&[], &[0.0], &[0.0]).is_err());
    assert!(fit(&[], &[], &[]).is_err());
    let mut features = ordinary();
    features.age = f64::INFINITY;
    let error = Scorer::prior().probability(&features).unwrap_err();
    assert_eq!(error.place, "age");
    let label = Labelled {
        features,
        dropped: true,
    };
    assert_eq!(
        Scorer::train(&[label], 2.0).unwrap_err().place,
        "label 0.age"
    );
}

fn ordinary() -> Features {
    Features {
        age: 0.0,
        tvl: Usd::dollars(10_000_000),
        funding: Usd::dollars(10_000_000),
        points: false,
        announced: false,
        audits: 0,
    }
}

#[test]
fn without_labels_the_prior_says_what_its_documentation_says() {
    let scorer = Scorer::train(&[], 2.0).unwrap();
    assert_eq!(scorer, Scorer::prior());
    assert_eq!(NAMES.len(), PRIOR.len());
    let p = scorer.probability(&ordinary()).unwrap();
    assert!((p - 0.27).abs() < 0.005, "{p}");
    let odds = |features: Features| {
        let p = scorer.probability(&features).unwrap();
        p / (1.0 - p)
    };
    let base = odds(ordinary());
    let richer = Features {
        funding: Usd::dollars(100_000_000),
        ..ordinary()
    };
    assert!((odds(richer) / base - 1.65).abs() < 0.01);
    let points = Features {
        points: true,
        ..ordinary()
    };
    assert!((odds(points) / base - 3.32).abs() < 0.01);
    let announced = Features {
        announced: true,
        ..ordinary()
    };
    assert!((odds(announced) / base - 12.18).abs() < 0.01);
    let belief = scorer.belief(&announced, 4.0).unwrap();
    assert!((belief.strength() - 4.0).abs() < 1e-12);
}

/// Labels of a world in which only points matter, and the prior is too hopeful.
fn labels(n: u32, seed: u64) -> Vec<Labelled> {
    let mut stream = Stream::new(seed, "labels");
    (0..n)
        .map(|_| {
            let features = Features {
                age: stream.uniform() * 48.0,
                tvl: Usd::dollars(5_000_000),
                funding: Usd::dollars(if stream.uniform() < 0.5 {
                    1
                } else {
                    200_000_000
                }),
                points: stream.uniform() < 0.5,
                announced: false,
                audits: 2,
            };
            let truth = if features.points { 0.4 } else { 0.05 };
            Labelled {
                features,
                dropped: stream.uniform() < truth,
            }
        })
        .collect()
}

#[test]
fn labels_teach_the_score_and_calibrate_it() {
    for (n, isotonic) in [(200, false), (2_000, true)] {
        let scorer = Scorer::train(&labels(n, 1), 2.0).unwrap();
        assert_eq!(
            matches!(scorer.calibrator, Calibrator::Isotonic(_)),
            isotonic
        );
        assert_eq!(
            matches!(scorer.calibrator, Calibrator::Platt { .. }),
            !isotonic
        );
        let new = labels(4_000, 2);
        let brier = |scorer: &Scorer| {
            let score = |label: &Labelled| {
                let p = scorer.probability(&label.features).unwrap();
                airdrops_allocation::estimate::proper_score::brier(p, label.dropped)
            };
            new.iter().map(score).sum::<f64>() / 4_000.0
        };
        assert!(brier(&scorer) < 0.7 * brier(&Scorer::prior()));
        // The truth would get (0.24 + 0.0475) / 2.
        assert!(brier(&scorer) < 0.144 + 0.01, "{}", brier(&scorer));
        for points in [false, true] {
            let group = new.iter().filter(|label| label.features.points == points);
            let said: Vec<f64> = group
                .map(|label| scorer.probability(&label.features).unwrap())
                .collect();
            let mean = said.iter().sum::<f64>() / said.len() as f64;
            let truth = if points { 0.4 } else { 0.05 };
            // Two standard errors of what half of the labels can tell of 0.4.
            let error = 2.0 * (0.24 / f64::from(n / 2)).sqrt();
            assert!((mean - truth).abs() < error, "{n}, {points}: {mean}");
        }
        let json = serde_json::to_string(&scorer).unwrap();
        assert_eq!(scorer, serde_json::from_str(&json).unwrap());
    }
    let few = u32::try_from(PLATT_FROM).unwrap() - 1;
    let scorer = Scorer::train(&labels(few, 1), 2.0).unwrap();
    assert_eq!(scorer.calibrator, Calibrator::None);
}

#[test]
fn an_isotonic_map_is_straight_between_its_knots() {
    let scored = [
        (0.0, false),
        (0.0, false),
        (1.0, true),
        (2.0, false),
        (3.0, true),
    ];
    let map = Isotonic::fit(&scored).unwrap();
    // Blocks: {0, 0} → 0.5/3; {1, 2} → 1.5/3; {3} → 1.5/2.
    assert!((map.probability(-9.0) - 0.5 / 3.0).abs() < 1e-12);
    assert!((map.probability(1.5) - 0.5).abs() < 1e-12);
    assert!((map.probability(9.0) - 0.75).abs() < 1e-12);
    assert!((map.probability(0.5) - (0.5 / 3.0 + 0.5) / 2.0).abs() < 1e-12);
    assert!(Isotonic::fit(&[]).is_err() && Isotonic::fit(&[(f64::NAN, true)]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_isotonic_map_never_falls_and_is_never_certain(
        scored in proptest::collection::vec((0_u8..50, any::<bool>()), 1..300),
    ) {
        let scored: Vec<_> = scored.iter().map(|(s, y)| (f64::from(*s) / 7.0, *y)).collect();
        let map = Isotonic::fit(&scored).unwrap();
        let said: Vec<f64> = (-10..100).map(|s| map.probability(f64::from(s) / 10.0)).collect();
        prop_assert!(said.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12));
        prop_assert!(said.iter().all(|p| *p > 0.0 && *p < 1.0));
    }

    #[test]
    fn better_features_never_lower_the_prior_score(
        age in 0.0..100.0_f64, tvl in 0_i64..1_000_000_000, more in 0_i64..1_000_000_000,
    ) {
        let poor = Features { age, tvl: Usd::dollars(tvl), ..ordinary() };
        let rich = Features { tvl: Usd::dollars(tvl + more), ..poor };
        let scorer = Scorer::prior();
        prop_assert!(scorer.probability(&poor).unwrap() <= scorer.probability(&rich).unwrap());
    }
}
