//! A watched stream: a detector with a name, a state that survives a restart, and a threshold that
//! it finds again and again on its own history.

use std::collections::VecDeque;
use std::time::Duration;

use airdrops_types::Timestamp;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::calibrate::{Calibration, FalseAlarmBudget, calibrate};
use super::detector::{Detector, HIGHEST, MEMORY, Method, Observation, alarms};

/// Samples before the first calibration: fewer, and the statistics are not settled enough for
/// rates beyond what was seen to be told (measured: the budget is exceeded tenfold after 256).
const FIRST_CALIBRATION: u64 = 1000;
/// Resampled values per calibration.
const WORK: usize = 40_000;

/// What a stream is and how often it may be wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamSettings {
    /// Its name, for evidence.
    pub name: String,
    /// What it is watched for.
    pub method: Method,
    /// How many false alarms it may raise.
    pub budget: FalseAlarmBudget,
    /// Seed of the resampling.
    pub seed: u64,
}

impl StreamSettings {
    /// A stream that is watched for anything unusual, at one false alarm per quarter of a year.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            method: Method::Ensemble,
            budget: FalseAlarmBudget::ONE_PER_QUARTER,
            seed: 0,
        }
    }
}

/// A value that a stream does not take.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StreamError {
    /// Not a finite number. The state is as before.
    #[error(
        "{stream}: {value} at {at} is not a finite number: a source that gives none is missing"
    )]
    NotFinite {
        /// The stream.
        stream: String,
        /// When.
        at: Timestamp,
        /// The value.
        value: f64,
    },
}

/// A detector with its state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    settings: StreamSettings,
    detector: Detector,
    /// What the chart was fed, oldest first: what a calibration resamples.
    history: VecDeque<f64>,
    seen: u64,
    first: Option<Timestamp>,
    next_calibration: u64,
    calibration: Option<Calibration>,
}

impl Stream {
    /// A stream that has seen nothing.
    #[must_use]
    pub fn new(settings: StreamSettings) -> Self {
        let detector = Detector::new(settings.method);
        Self {
            settings,
            detector,
            history: VecDeque::new(),
            seen: 0,
            first: None,
            next_calibration: FIRST_CALIBRATION,
            calibration: None,
        }
    }

    /// What it is.
    #[must_use]
    pub fn settings(&self) -> &StreamSettings {
        &self.settings
    }

    /// The threshold in force, and what it rests on.
    #[must_use]
    pub fn calibration(&self) -> Option<Calibration> {
        self.calibration
    }

    /// The next value: judged by what came before it, then taken in. `at` tells the time of day and
    /// how often the stream is sampled; it may repeat or step back.
    ///
    /// # Errors
    /// If the value is not a finite number; the state is as before.
    pub fn push(&mut self, at: Timestamp, value: f64) -> Result<Observation, StreamError> {
        if !value.is_finite() {
            return Err(StreamError::NotFinite {
                stream: self.settings.name.clone(),
                at,
                value,
            });
        }
        if self.seen >= self.next_calibration {
            self.calibrate(at);
        }
        self.seen = self.seen.saturating_add(1);
        self.first.get_or_insert(at);
        let threshold = self.calibration.map(|found| found.threshold);
        let (fed, observation) = self.detector.push(at, value, threshold);
        if let Some(fed) = fed {
            if self.history.len() == MEMORY {
                self.history.pop_front();
            }
            self.history.push_back(fed);
        }
        Ok(observation)
    }

    /// Finds the threshold again on the history, when the stream grew by half, and at the latest when
    /// half of the history is new. One that cannot be found leaves the last in force.
    /// None is below what one statistic, or one standard deviation, would demand of a quiet history.
    fn calibrate(&mut self, now: Timestamp) {
        let memory = MEMORY as u64;
        self.next_calibration = self.seen.saturating_add((self.seen / 2).min(memory / 2));
        let Some(first) = self.first else { return };
        let spacings = u32::try_from(self.seen.max(1)).unwrap_or(u32::MAX);
        let sampling = (now.since(first) / spacings).max(Duration::from_millis(1));
        let between = self.settings.budget.samples_between(sampling);
        let history: Vec<f64> = self.history.iter().copied().collect();
        #[expect(clippy::cast_precision_loss, reason = "at most MEMORY")]
        let block = (history.len() as f64).cbrt().max(1.0) * 2.0;
        let mut random = ChaCha8Rng::seed_from_u64(self.settings.seed ^ self.seen);
        let method = self.settings.method;
        let count = |path: &[f64], threshold: f64| alarms(method, path, threshold);
        let found = calibrate(&history, block, between, HIGHEST, WORK, &mut random, count);
        if let Ok(mut found) = found {
            found.threshold = found.threshold.max(match method {
                // A single statistic is as surprising once in so many samples by chance.
                Method::Ensemble => between.log10(),
                Method::Cusum { .. } | Method::Ewma { .. } => 1.0,
            });
            if self.calibration.replace(found).is_none() {
                self.detector.restart();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use rand::Rng as _;

    use super::*;
    use crate::anomaly::Side;

    const HOUR: i64 = 3_600_000;

    fn stream(method: Method) -> Stream {
        Stream::new(StreamSettings {
            method,
            ..StreamSettings::new("latency")
        })
    }

    const METHODS: [Method; 3] = [
        Method::Ensemble,
        Method::Cusum { k: 0.5 },
        Method::Ewma { lambda: 0.1 },
    ];

    fn noise(n: usize, seed: u64) -> Vec<f64> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // The sum of twelve uniform numbers is close to normal.
        let normal = || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
        std::iter::repeat_with(normal).take(n).collect()
    }

    fn at(i: usize) -> Timestamp {
        Timestamp(i64::try_from(i).unwrap() * HOUR)
    }

    fn run(stream: &mut Stream, from: usize, values: &[f64]) -> Vec<Observation> {
        let push = |(i, value): (usize, &f64)| stream.push(at(from + i), *value).unwrap();
        values.iter().enumerate().map(push).collect()
    }

    fn first_alarm(observations: &[Observation]) -> Option<usize> {
        observations.iter().position(|seen| seen.alarm)
    }

    #[test]
    fn a_lasting_shift_is_found_within_a_stated_delay() {
        for (method, shift, delay) in [
            (Method::Ensemble, 8.0, 12),
            (Method::Cusum { k: 0.5 }, 2.0, 24),
            (Method::Ewma { lambda: 0.1 }, 2.0, 24),
        ] {
            let mut stream = stream(method);
            run(&mut stream, 0, &noise(3000, 1));
            let shifted: Vec<f64> = noise(delay, 2).iter().map(|z| z + shift).collect();
            let found = run(&mut stream, 3000, &shifted);
            let first = first_alarm(&found);
            assert!(first.is_some(), "{method:?}: {found:?}");
            assert_eq!(found[first.unwrap()].evidence.side, Some(Side::Above));
        }
    }

    #[test]
    fn false_alarms_stay_within_the_budget_on_noise() {
        // A budget of one in 1,000 samples; 8 streams of 5,000 after learning: 40 are allowed.
        for method in METHODS {
            let mut alarms = 0;
            for seed in 0..8 {
                let mut stream = Stream::new(StreamSettings {
                    method,
                    budget: FalseAlarmBudget {
                        alarms: 1.0,
                        per: Duration::from_secs(3_600_000),
                        streams: 1,
                    },
                    ..StreamSettings::new("noise")
                });
                let seen = run(&mut stream, 0, &noise(6000, 100 + seed));
                alarms += seen[1000..].iter().filter(|seen| seen.alarm).count();
            }
            assert!(alarms <= 40, "{method:?}: {alarms}");
        }
    }

    #[test]
    fn a_constant_series_never_alarms_and_scores_nothing() {
        for method in METHODS {
            let mut stream = stream(method);
            for seen in run(&mut stream, 0, &[45.0; 3000]) {
                assert!(!seen.alarm && seen.score < 1e-9, "{method:?}: {seen:?}");
            }
        }
    }

    #[test]
    fn what_comes_later_changes_nothing_before() {
        for method in METHODS {
            let values = noise(900, 5);
            let mut other = values.clone();
            other[600..].iter_mut().for_each(|value| *value *= -50.0);
            let a = run(&mut stream(method), 0, &values);
            let b = run(&mut stream(method), 0, &other);
            assert_eq!(a[..600], b[..600], "{method:?}");
            assert_ne!(a[600..], b[600..], "{method:?}");
        }
    }

    #[test]
    fn a_restart_in_the_middle_goes_on_identically() {
        for method in METHODS {
            let values = noise(1200, 9);
            let mut straight = stream(method);
            run(&mut straight, 0, &values[..700]);
            let text = serde_json::to_string(&straight).unwrap();
            let mut resumed: Stream = serde_json::from_str(&text).unwrap();
            assert_eq!(resumed, straight);
            let a = run(&mut straight, 700, &values[700..]);
            let b = run(&mut resumed, 700, &values[700..]);
            assert_eq!(a, b, "{method:?}");
            assert_eq!(straight, resumed);
        }
    }

    #[test]
    fn a_restart_within_an_event_goes_on_identically() {
        let mut values = noise(900, 9);
        values[690..710].iter_mut().for_each(|value| *value += 9.0);
        let mut straight = stream(Method::Ensemble);
        run(&mut straight, 0, &values[..700]);
        let text = serde_json::to_string(&straight).unwrap();
        let mut resumed: Stream = serde_json::from_str(&text).unwrap();
        let (a, b) = (
            run(&mut straight, 700, &values[700..]),
            run(&mut resumed, 700, &values[700..]),
        );
        assert_eq!(a, b);
        assert_eq!(straight, resumed);
    }

    #[test]
    fn a_score_is_measured_against_the_past_of_its_own_stream() {
        let mut values = noise(900, 4);
        values[800] = 9.0;
        // Exact in binary.
        let larger: Vec<f64> = values.iter().map(|value| value * 1024.0).collect();
        let of = |values: &[f64]| run(&mut stream(Method::Ensemble), 0, values);
        let (a, b) = (of(&values), of(&larger));
        assert_eq!(a, b);
        // The same value in a stream in which it is common.
        values
            .iter_mut()
            .skip(2)
            .step_by(3)
            .for_each(|value| *value = 9.0);
        let common = of(&values)[800].score;
        assert!(
            common < 0.3 && a[800].score > 0.6,
            "{common} {}",
            a[800].score
        );
    }

    #[test]
    fn numbers_that_are_not_finite_are_refused_and_change_nothing() {
        let mut stream = stream(Method::Ensemble);
        run(&mut stream, 0, &noise(300, 1));
        let before = stream.clone();
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let refused = stream.push(at(300), value).unwrap_err().to_string();
            assert!(refused.starts_with("latency: "), "{refused}");
        }
        assert_eq!(stream, before);
    }

    #[test]
    fn state_is_bounded() {
        let mut stream = stream(Method::Cusum { k: 0.5 });
        run(&mut stream, 0, &noise(MEMORY + 500, 1));
        assert_eq!(stream.history.len(), MEMORY);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn scores_lie_between_0_and_1_whatever_comes(
            values in prop::collection::vec(
                prop_oneof![any::<f64>(), -1.0..1.0, Just(0.0)], 300..500),
            times in prop::collection::vec(any::<i64>(), 500),
            method in 0_usize..3,
        ) {
            let mut stream = stream(METHODS[method]);
            for (value, time) in values.into_iter().zip(times) {
                if let Ok(seen) = stream.push(Timestamp(time), value) {
                    prop_assert!((0.0..=1.0).contains(&seen.score), "{seen:?}");
                    prop_assert!(seen.evidence.statistic.is_finite());
                }
            }
            // What cannot be written cannot be read again.
            let text = serde_json::to_string(&stream).unwrap();
            prop_assert_eq!(serde_json::from_str::<Stream>(&text).unwrap(), stream);
        }
    }
}
