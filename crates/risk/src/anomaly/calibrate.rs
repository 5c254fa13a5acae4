//! The threshold that keeps a stated budget of false alarms, found on the stream's own history.
//!
//! Textbook run lengths hold for independent normal values; a CUSUM at h = 8 that promises 18,965
//! samples keeps 3,006 under Student's t with 4 degrees of freedom. So the history is resampled in
//! blocks, which keeps its tails and its memory (stationary bootstrap, Politis & Romano 1994), and
//! the chart itself runs over it.

use std::time::Duration;

use rand::Rng;
use serde::{Deserialize, Serialize};

/// Most samples that one calibration resamples.
pub const MOST_WORK: usize = 200_000;
/// Fewest values of history that a calibration rests on.
pub const FEWEST: usize = 50;
/// Alarms per history from which their rate is known well enough to go on from it to rarer ones.
const COUNTED: f64 = 8.0;
/// How much more frequent the second rate is, through which one goes on to rarer ones.
const MORE_FREQUENT: f64 = 5.0;
/// Halvings of the interval in which the threshold lies.
const HALVINGS: u32 = 24;

/// How many false alarms are acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FalseAlarmBudget {
    /// So many alarms, over all streams together,
    pub alarms: f64,
    /// per such a time.
    pub per: Duration,
    /// The streams that share the budget, in equal parts (Bonferroni).
    pub streams: u32,
}

impl FalseAlarmBudget {
    /// One per quarter of a year for a single stream.
    pub const ONE_PER_QUARTER: Self = Self {
        alarms: 1.0,
        per: Duration::from_secs(91 * 24 * 60 * 60),
        streams: 1,
    };

    /// Samples between false alarms of one stream that is sampled every `sampling`; at least 1.
    #[must_use]
    pub fn samples_between(&self, sampling: Duration) -> f64 {
        let samples = self.per.as_secs_f64() / sampling.as_secs_f64().max(1e-3);
        let between = samples * f64::from(self.streams.max(1)) / self.alarms;
        if between.is_finite() {
            between.max(1.0)
        } else {
            // No alarm at all is no budget that any threshold keeps: as rare as can be told.
            1e12
        }
    }
}

/// A threshold, and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The threshold.
    pub threshold: f64,
    /// Samples that were resampled.
    pub samples: usize,
    /// Alarms among them at the threshold.
    pub alarms: usize,
    /// Whether the budget is too rare to count within the work allowed, and was reached by going on
    /// from two counted rates: ln(run length) is close to linear in the threshold (Siegmund 1985).
    pub extrapolated: bool,
}

/// A history that no threshold can be found on.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum CalibrateError {
    /// Too short.
    #[error("{have} values of history: a threshold needs {FEWEST}")]
    History {
        /// Values of history.
        have: usize,
    },
    /// Even the highest threshold alarms too often.
    #[error("at the highest threshold, {highest}, there are more false alarms than the budget has")]
    Budget {
        /// The highest threshold.
        highest: f64,
    },
}

/// The smallest threshold up to `highest` at which a chart, run over `history` resampled in blocks
/// of `block` values on average, alarms at most once in `samples_between` samples. Its rate is taken
/// at the upper 95 % bound that alarms counted over one length of the history would leave, however
/// long the resampled path is: what the history did not hold, no resampling adds. So the budget is
/// honoured, and not just met on average. `count` runs the chart over a path at a threshold and
/// returns its alarms; they must not grow with the threshold. Work is bounded by `most_work`
/// resampled values, `MOST_WORK` at most.
///
/// # Errors
/// If the history is too short or no threshold is quiet enough.
pub fn calibrate(
    history: &[f64],
    block: f64,
    samples_between: f64,
    highest: f64,
    most_work: usize,
    random: &mut impl Rng,
    count: impl Fn(&[f64], f64) -> usize,
) -> Result<Calibration, CalibrateError> {
    if history.len() < FEWEST {
        return Err(CalibrateError::History {
            have: history.len(),
        });
    }
    let path = resample(history, block, most_work.clamp(FEWEST, MOST_WORK), random);
    let samples = path.len();
    let own = length(history.len().min(samples));
    // Alarms per length of the history.
    let per_history = |threshold: f64| length(count(&path, threshold)) * own / length(samples);
    let smallest = |allowed: f64, bound: fn(f64) -> f64| {
        let kept = |threshold: f64| bound(per_history(threshold)) <= allowed;
        if !kept(highest) {
            return None;
        }
        let (mut low, mut high) = (0.0, highest);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if kept(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        Some(high)
    };
    let budget = CalibrateError::Budget { highest };
    let allowed = own / samples_between.max(1.0);
    if allowed >= COUNTED {
        let threshold = smallest(allowed, upper_bound).ok_or(budget)?;
        return Ok(Calibration {
            threshold,
            samples,
            alarms: count(&path, threshold),
            extrapolated: false,
        });
    }
    let bounded = smallest(COUNTED, upper_bound).ok_or(budget)?;
    let frequent = smallest(MORE_FREQUENT * COUNTED, |rate| rate).ok_or(budget)?;
    let rare = smallest(COUNTED, |rate| rate).ok_or(budget)?;
    let slope = (rare - frequent) / MORE_FREQUENT.ln();
    let threshold = bounded + slope * (COUNTED / allowed).ln();
    if threshold > highest {
        return Err(budget);
    }
    Ok(Calibration {
        threshold,
        samples,
        alarms: count(&path, threshold),
        extrapolated: true,
    })
}

/// Upper 95 % bound of the mean of a Poisson count, within 3 % of the exact one (Freeman & Tukey).
fn upper_bound(count: f64) -> f64 {
    let root = (count + 1.0).sqrt() + 1.645 / 2.0;
    root * root
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn length(n: usize) -> f64 {
    n as f64
}

/// `samples` values of `history` in blocks of geometrically distributed length with mean `block`,
/// each from a random place and around the end (Politis & Romano 1994).
fn resample(history: &[f64], block: f64, samples: usize, random: &mut impl Rng) -> Vec<f64> {
    let mut path = Vec::with_capacity(samples);
    let restart = 1.0 / block.max(1.0);
    let mut place = 0;
    for i in 0..samples {
        place = if i == 0 || random.random::<f64>() < restart {
            random.random_range(0..history.len())
        } else {
            (place + 1) % history.len()
        };
        path.push(history[place]);
    }
    path
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_precision_loss)]
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::anomaly::{Cusum, RobustScale};

    /// Standard normal, by Box & Muller.
    fn normal(random: &mut ChaCha8Rng) -> f64 {
        let (u, v): (f64, f64) = (random.random(), random.random());
        (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// Student's t with 4 degrees of freedom.
    fn t4(random: &mut ChaCha8Rng) -> f64 {
        let chi: f64 = (0..4).map(|_| normal(random).powi(2)).sum();
        normal(random) / (chi / 4.0).sqrt()
    }

    fn cusum_alarms(path: &[f64], h: f64) -> usize {
        let mut chart = Cusum::new(0.5, h);
        path.iter()
            .filter(|z| {
                chart
                    .push(**z)
                    .is_some_and(|reading| reading.alarm.is_some())
            })
            .count()
    }

    #[test]
    fn a_threshold_from_fat_tailed_history_honours_its_budget_on_held_out_data() {
        let mut random = ChaCha8Rng::seed_from_u64(11);
        let mut scale = RobustScale::new(1000, 50, 8.0);
        let series: Vec<f64> = std::iter::repeat_with(|| scale.push(t4(&mut random)))
            .flatten()
            .take(64_000)
            .collect();
        let (history, held_out) = series.split_at(4_000);
        for between in [500.0, 2_000.0] {
            let found = calibrate(
                history,
                10.0,
                between,
                60.0,
                MOST_WORK,
                &mut random,
                cusum_alarms,
            )
            .unwrap();
            assert_eq!(found.extrapolated, between > 500.0);
            let rate = cusum_alarms(held_out, found.threshold) as f64 * between / 60_000.0;
            // Budget kept, and not by being deaf.
            assert!((0.1..=1.0).contains(&rate), "1 in {between}: {rate}");
            // What normal theory says is not enough.
            let theory = if between < 1000.0 { 5.07 } else { 6.45 };
            assert!(cusum_alarms(held_out, theory) as f64 * between / 60_000.0 > 1.5);
        }
    }

    #[test]
    fn memory_in_the_history_raises_the_threshold() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut last = 0.0;
        let history: Vec<f64> = (0..3000)
            .map(|_| {
                last = 0.8 * last + 0.6 * normal(&mut random);
                last
            })
            .collect();
        let mut at = |block: f64| {
            let found = calibrate(
                &history,
                block,
                1000.0,
                200.0,
                100_000,
                &mut random,
                cusum_alarms,
            );
            found.unwrap().threshold
        };
        let (single, blocks) = (at(1.0), at(50.0));
        assert!(blocks > 2.0 * single, "{single} {blocks}");
    }

    #[test]
    fn a_budget_too_rare_to_count_is_reached_from_counted_rates() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let history: Vec<f64> = (0..4000).map(|_| normal(&mut random)).collect();
        let found = calibrate(
            &history,
            1.0,
            9_482.0,
            60.0,
            50_000,
            &mut random,
            cusum_alarms,
        )
        .unwrap();
        assert!(found.extrapolated);
        // Normal theory: h = 8 (see `arl`).
        assert!((7.5..9.5).contains(&found.threshold), "{found:?}");
    }

    #[test]
    fn equal_seeds_give_equal_thresholds_and_short_histories_none() {
        let history: Vec<f64> = (0..200)
            .map(|i| f64::from(i * 37 % 101) / 50.0 - 1.0)
            .collect();
        let run = || {
            let mut random = ChaCha8Rng::seed_from_u64(1);
            calibrate(
                &history,
                5.0,
                100.0,
                60.0,
                10_000,
                &mut random,
                cusum_alarms,
            )
            .unwrap()
        };
        assert_eq!(run(), run());
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let short = calibrate(
            &history[..49],
            5.0,
            100.0,
            60.0,
            9,
            &mut random,
            cusum_alarms,
        );
        assert_eq!(short, Err(CalibrateError::History { have: 49 }));
        let loud = calibrate(&history, 5.0, 100.0, 60.0, 5000, &mut random, |path, _| {
            path.len()
        });
        assert_eq!(loud, Err(CalibrateError::Budget { highest: 60.0 }));
    }

    #[test]
    fn streams_share_the_budget() {
        let one = FalseAlarmBudget::ONE_PER_QUARTER;
        let hourly = Duration::from_secs(3600);
        assert!((one.samples_between(hourly) - 2184.0).abs() < 1e-9);
        let ten = FalseAlarmBudget { streams: 10, ..one };
        assert!((ten.samples_between(hourly) - 21_840.0).abs() < 1e-9);
        let none = FalseAlarmBudget { alarms: 0.0, ..one };
        assert!(none.samples_between(hourly).is_finite());
    }
}
