//! What was said before, and how true it was.

use airdrops_allocation::estimate::draw::Stream;
use airdrops_allocation::estimate::forecast::{
    MAX_RESOLVED, Outcome, Resolution, Resolved, Said, Score,
};
use airdrops_allocation::estimate::proper_score::{
    brier, crps_quantiles, crps_samples, logarithmic,
};
use airdrops_allocation::estimate::{Calibration, Forecast, ForecastLog, normal};
use airdrops_types::Timestamp;

fn forecast(id: &str, said: Said) -> Forecast {
    Forecast {
        id: id.to_owned(),
        made: Timestamp(1_000),
        about: "token of zk by June".to_owned(),
        said,
        resolves: Timestamp(2_000),
    }
}

fn happened(yes: bool) -> Resolution {
    Resolution {
        at: Timestamp(2_000),
        outcome: Outcome::Happened(yes),
    }
}

#[test]
fn scores_are_those_worked_out_by_hand() {
    assert!((brier(0.7, true) - 0.09).abs() < 1e-15);
    assert!((brier(0.7, false) - 0.49).abs() < 1e-15);
    assert!((logarithmic(0.7, true) - 0.356_674_943_938_732_4).abs() < 1e-15);
    assert!((logarithmic(0.0, true) - 13.815_510_557_964_274).abs() < 1e-9);
    // Samples 1, 2, 4 and 3: (2 + 1 + 1)/3 − (1 + 3 + 2)/9.
    let score = crps_samples(&[4.0, 1.0, 2.0], 3.0).unwrap();
    assert!((score - (4.0 / 3.0 - 6.0 / 9.0)).abs() < 1e-12);
    // One sample: the distance.
    assert!((crps_samples(&[5.0], 3.0).unwrap() - 2.0).abs() < 1e-15);
    // A median alone: the distance. Quartiles and median 1, 2, 4 with the outcome 3:
    // 2 · (0.25 · 2 · 0.375 + 0.5 · 1 · 0.25 + 0.25 · 1 · 0.375).
    assert!((crps_quantiles(&[(0.5, 5.0)], 3.0).unwrap() - 2.0).abs() < 1e-15);
    let quartiles = [(0.25, 1.0), (0.5, 2.0), (0.75, 4.0)];
    let score = crps_quantiles(&quartiles, 3.0).unwrap();
    assert!((score - 2.0 * (0.1875 + 0.125 + 0.09375)).abs() < 1e-12);
}

/// Gneiting & Raftery (2007), eq. 20: the score of a normal forecast in closed form.
#[test]
fn the_score_of_many_samples_or_quantiles_is_that_of_the_normal_distribution() {
    let levels: Vec<f64> = (0..999).map(|i| (f64::from(i) + 0.5) / 999.0).collect();
    let quantiles: Vec<_> = levels.iter().map(|u| (*u, normal::quantile(*u))).collect();
    let samples: Vec<f64> = quantiles.iter().map(|(_, value)| *value).collect();
    for y in [-1.5, 0.0, 0.8, 3.0] {
        let exact = y * (2.0 * normal::cumulative(y) - 1.0) + 2.0 * normal::density(y)
            - 1.0 / std::f64::consts::PI.sqrt();
        assert!(
            (crps_samples(&samples, y).unwrap() - exact).abs() < 0.003,
            "{y}"
        );
        assert!(
            (crps_quantiles(&quantiles, y).unwrap() - exact).abs() < 0.003,
            "{y}"
        );
    }
}

#[test]
fn telling_the_truth_scores_best() {
    let mut stream = Stream::new(4, "truth");
    let outcomes: Vec<bool> = (0..20_000).map(|_| stream.uniform() < 0.3).collect();
    let mean =
        |score: &dyn Fn(bool) -> f64| outcomes.iter().map(|y| score(*y)).sum::<f64>() / 20_000.0;
    for other in [0.1, 0.2, 0.4, 0.6] {
        assert!(mean(&|y| brier(0.3, y)) < mean(&|y| brier(other, y)));
        assert!(mean(&|y| logarithmic(0.3, y)) < mean(&|y| logarithmic(other, y)));
    }
}

#[test]
fn the_log_scores_what_was_said_before_and_refuses_hindsight() {
    let mut log = ForecastLog::default();
    log.add(forecast("a", Said::Probability(0.8))).unwrap();
    log.add(forecast("b", Said::Quantiles(vec![(0.5, 2.0)])))
        .unwrap();
    let due = |at| log.due(Timestamp(at)).count();
    assert_eq!((due(1_999), due(2_000)), (0, 2));
    let refused = |log: &mut ForecastLog, id: &str, resolution| {
        log.resolve(id, resolution).unwrap_err().to_string()
    };
    let early = Resolution {
        at: Timestamp(1_000),
        ..happened(true)
    };
    assert!(refused(&mut log, "a", early).contains("no forecast"));
    assert!(refused(&mut log, "b", happened(true)).contains("probability"));
    assert!(refused(&mut log, "c", happened(true)).contains("not open"));
    let score = log.resolve("a", happened(false)).unwrap();
    let Score::Probability { brier, .. } = score else {
        panic!("{score:?}");
    };
    assert!((brier - 0.64).abs() < 1e-12);
    let amount = Resolution {
        at: Timestamp(1_500),
        outcome: Outcome::Amount(5.0),
    };
    assert_eq!(log.resolve("b", amount).unwrap(), Score::Crps(3.0));
    assert!(refused(&mut log, "a", happened(true)).contains("not open"));
    let add = |log: &mut ForecastLog, forecast| log.add(forecast).unwrap_err().to_string();
    assert!(add(&mut log, forecast("a", Said::Probability(0.1))).contains("already"));
    assert!(add(&mut log, forecast("d", Said::Probability(f64::NAN))).contains("probability"));
    let falling = vec![(0.2, 2.0), (0.8, 1.0)];
    assert!(add(&mut log, forecast("d", Said::Quantiles(falling))).contains("do not rise"));
    let mut past = forecast("d", Said::Probability(0.1));
    past.resolves = past.made;
    assert!(add(&mut log, past).contains("resolves"));
    let json = serde_json::to_string(&log).unwrap();
    assert_eq!(log, serde_json::from_str(&json).unwrap());
}

#[test]
fn the_log_forgets_the_oldest_outcomes_and_says_how_many() {
    let mut log = ForecastLog::default();
    for index in 0..MAX_RESOLVED + 3 {
        let id = index.to_string();
        let said = Said::Probability(0.5);
        assert_eq!(log.open().count(), 0);
        log.add(forecast(&id, said)).unwrap();
        log.resolve(&id, happened(true)).unwrap();
        if index == 20 {
            assert_eq!(log.resolved().count(), 21);
        }
    }
    assert_eq!((log.resolved().count(), log.forgotten()), (MAX_RESOLVED, 3));
    assert_eq!(log.resolved().next().unwrap().forecast.id, "3");
}

/// Forecasts of a simulated world: `said` of the true probability.
fn resolved(said: impl Fn(f64) -> f64) -> Vec<Resolved> {
    let mut stream = Stream::new(9, "world");
    (0..20_000)
        .map(|_| {
            let truth = stream.uniform();
            Resolved {
                forecast: forecast("x", Said::Probability(said(truth))),
                resolution: happened(stream.uniform() < truth),
            }
        })
        .collect()
}

#[test]
fn a_forecaster_who_knows_the_truth_is_calibrated_and_one_who_exaggerates_is_not() {
    let honest = Calibration::of(resolved(|p| p).iter(), 10);
    let honest = honest.probabilities.unwrap();
    assert_eq!(honest.bins.len(), 10);
    assert_eq!(
        honest.bins.iter().map(|bin| bin.count).sum::<usize>(),
        20_000
    );
    for bin in &honest.bins {
        assert!((bin.said - bin.happened).abs() < 0.04, "{bin:?}");
    }
    assert!(honest.reliability < 0.001);
    // Uniform truths: E p(1 − p) = 1/6.
    assert!((honest.brier - 1.0 / 6.0).abs() < 0.005);
    assert!((honest.uncertainty - 0.25).abs() < 0.001);
    assert!((honest.skill.unwrap() - 1.0 / 3.0).abs() < 0.02);
    let sum = honest.reliability - honest.resolution + honest.uncertainty;
    // Murphy's identity, up to the spread within bins.
    assert!((honest.brier - sum).abs() < 0.002);
    let loud = resolved(|p| if p < 0.5 { 0.02 } else { 0.98 });
    let loud = Calibration::of(loud.iter(), 10).probabilities.unwrap();
    assert!(loud.reliability > 0.03 && loud.brier > honest.brier);
    assert!(loud.logarithmic > honest.logarithmic);
}

#[test]
fn quantiles_cover_what_they_say_if_they_are_right() {
    let mut stream = Stream::new(2, "amounts");
    let levels = [0.1, 0.5, 0.9];
    let said: Vec<_> = levels.map(|u| (u, normal::quantile(u))).to_vec();
    let all: Vec<_> = (0..8_000)
        .map(|_| Resolved {
            forecast: forecast("x", Said::Quantiles(said.clone())),
            resolution: Resolution {
                at: Timestamp(2_000),
                outcome: Outcome::Amount(stream.normal()),
            },
        })
        .collect();
    let amounts = Calibration::of(all.iter(), 10).amounts.unwrap();
    assert_eq!((amounts.count, amounts.coverage.len()), (8_000, 3));
    for coverage in &amounts.coverage {
        assert!(
            (coverage.below - coverage.level).abs() < 0.015,
            "{coverage:?}"
        );
    }
    let none = Calibration::of([].iter(), 10);
    assert!(none.amounts.is_none() && none.probabilities.is_none());
}
