//! What judges a stream: from a value to a statistic, and from its threshold to an alarm.

use std::fmt;

use airdrops_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::cusum::Cusum;
use super::ensemble::{Ensemble, Surprise};
use super::ewma_chart::EwmaChart;
use super::hold_off::HoldOff;
use super::robust::RobustScale;
use super::tail::Side;

/// Values that a stream remembers.
pub(super) const MEMORY: usize = 4096;
/// Samples that one event holds off further alarms, unless it grows markedly worse.
const HOLD_OFF: u64 = 120;
/// How much worse, in units of −log10 p.
const WORSE: f64 = 0.5;
/// Factor on the surprise of what is held off.
const HELD_OFF: f64 = 0.3;
/// The norm of the surprises that scores one half.
const HALF_SCORE: f64 = 4.0;
/// Standardised values are cut off here.
const WINSOR: f64 = 8.0;
/// Highest thresholds that are looked for.
pub(super) const HIGHEST: f64 = 1e4;

/// What a stream is watched for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Anything unusual: level, jumps, drifts, spread, season.
    Ensemble,
    /// A lasting shift, by a two-sided CUSUM with reference value `k` in standard deviations.
    Cusum {
        /// Half the shift that matters.
        k: f64,
    },
    /// A lasting shift, by an EWMA chart with weight `lambda` in (0, 1].
    Ewma {
        /// Weight of the newest value.
        lambda: f64,
    },
}

/// What a stream says of a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// How anomalous the value is: 0 usual, towards 1 the more improbable by the stream's own past.
    /// Comparable across streams. It goes by the root of the summed squares of what the signals
    /// find, for they are correlated; half at four powers of ten.
    pub score: f64,
    /// Whether the threshold of the false-alarm budget is exceeded. Never before the first
    /// calibration, after 1,000 samples.
    pub alarm: bool,
    /// Why.
    pub evidence: Evidence,
}

/// What an observation rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The chart's statistic, which is compared with the threshold; that of an ensemble is the sum of
    /// what the signals find.
    pub statistic: f64,
    /// The threshold in force; `None` while the stream learns.
    pub threshold: Option<f64>,
    /// In which direction, if it has one.
    pub side: Option<Side>,
    /// The parts of the surprise, largest first; empty for a CUSUM or EWMA.
    pub surprises: Vec<Surprise>,
}

/// A detector with its state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Detector {
    Ensemble {
        ensemble: Box<Ensemble>,
        /// Over the sum of the surprises, which is what alarms go by.
        hold_off: HoldOff,
        /// Over their norm, which is what the score goes by.
        #[serde(default = "hold_off")]
        scored: HoldOff,
    },
    Cusum {
        scale: RobustScale,
        chart: Cusum,
    },
    Ewma {
        scale: RobustScale,
        chart: EwmaChart,
    },
}

fn hold_off() -> HoldOff {
    HoldOff::new(HOLD_OFF, WORSE, HELD_OFF)
}

impl fmt::Display for Evidence {
    /// `statistic 12.31, threshold 9.20: level above usual (1 in 10^5.1), jump above usual (1 in
    /// 10^4.0)`. At most three signals, those that are not common.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "statistic {:.2}, ", self.statistic)?;
        match self.threshold {
            Some(threshold) => write!(f, "threshold {threshold:.2}")?,
            None => write!(f, "no threshold yet")?,
        }
        let parts = self.surprises.iter().filter(|part| part.weight() > 0.0);
        for (i, part) in parts.take(3).enumerate() {
            let before = if i == 0 { ": " } else { ", " };
            let (signal, side) = (part.signal.name(), part.side.name());
            write!(
                f,
                "{before}{signal} {side} usual (1 in 10^{:.1})",
                part.surprise
            )?;
        }
        match self.side {
            Some(side) if self.surprises.is_empty() => write!(f, ", {} usual", side.name()),
            _ => Ok(()),
        }
    }
}

impl Detector {
    /// Lets charts forget what they added up while there was no threshold.
    pub(super) fn restart(&mut self) {
        match self {
            Self::Ensemble { .. } => {}
            Self::Cusum { chart, .. } => *chart = Cusum::new(chart.k, chart.h),
            Self::Ewma { chart, .. } => *chart = EwmaChart::new(chart.lambda, chart.l),
        }
    }

    pub(super) fn new(method: Method) -> Self {
        let scale = RobustScale::new(MEMORY, 30, WINSOR);
        match method {
            Method::Ensemble => Detector::Ensemble {
                ensemble: Box::default(),
                hold_off: hold_off(),
                scored: hold_off(),
            },
            Method::Cusum { k } => Detector::Cusum {
                scale,
                chart: Cusum::new(k, HIGHEST),
            },
            Method::Ewma { lambda } => Detector::Ewma {
                scale,
                chart: EwmaChart::new(lambda, HIGHEST),
            },
        }
    }

    /// What the chart was fed, if it was, and what it says.
    pub(super) fn push(
        &mut self,
        at: Timestamp,
        value: f64,
        threshold: Option<f64>,
    ) -> (Option<f64>, Observation) {
        match self {
            Self::Ensemble {
                ensemble,
                hold_off,
                scored,
            } => {
                let surprises = ensemble.push(at, value);
                let fed = surprises.iter().fold(0.0, |sum, part| sum + part.weight());
                let judged = !surprises.is_empty();
                let statistic = hold_off.push(fed);
                let scored = scored.push(norm(&surprises));
                let side = surprises.first().map(|part| part.side);
                let observation = Observation {
                    score: scored / (scored + HALF_SCORE),
                    alarm: threshold.is_some_and(|threshold| statistic > threshold),
                    evidence: Evidence {
                        statistic,
                        threshold,
                        side,
                        surprises,
                    },
                };
                (judged.then_some(fed), observation)
            }
            Self::Cusum { scale, chart } => {
                chart.h = threshold.unwrap_or(HIGHEST);
                let z = scale.push(value);
                let reading = z.and_then(|z| chart.push(z));
                let statistic = reading.map_or(0.0, |found| found.high.max(found.low));
                let side = reading.map(|found| side_of(found.high - found.low));
                let alarm = reading.is_some_and(|found| found.alarm.is_some());
                (z, of_chart(statistic, threshold, alarm, side))
            }
            Self::Ewma { scale, chart } => {
                chart.l = threshold.unwrap_or(HIGHEST);
                let z = scale.push(value);
                let reading = z.and_then(|z| chart.push(z));
                // In standard deviations of the average, as the limit.
                let statistic = reading.map_or(0.0, |found| {
                    found.value.abs() * chart.l / found.limit.max(f64::MIN_POSITIVE)
                });
                let side = reading.map(|found| side_of(found.value));
                let alarm = reading.is_some_and(|found| found.alarm.is_some());
                (z, of_chart(statistic, threshold, alarm, side))
            }
        }
    }
}

/// √Σw² of the weights w: one outlier that all seven signals see counts √7 times, not seven times,
/// as evidence that is one and the same should; signals that are unusual apart still add up.
fn norm(surprises: &[Surprise]) -> f64 {
    // The sum of an empty iterator is −0.
    let squares = surprises
        .iter()
        .fold(0.0, |sum, part| sum + part.weight().powi(2));
    squares.sqrt()
}

fn side_of(difference: f64) -> Side {
    if difference < 0.0 {
        Side::Below
    } else {
        Side::Above
    }
}

/// The score of a chart is half at its threshold.
fn of_chart(
    statistic: f64,
    threshold: Option<f64>,
    alarm: bool,
    side: Option<Side>,
) -> Observation {
    let score = match threshold {
        Some(threshold) if statistic > 0.0 => statistic / (statistic + threshold),
        _ => 0.0,
    };
    Observation {
        score,
        alarm,
        evidence: Evidence {
            statistic,
            threshold,
            side,
            surprises: Vec::new(),
        },
    }
}

/// Alarms of a fresh chart over a path of what charts are fed.
pub(super) fn alarms(method: Method, path: &[f64], threshold: f64) -> usize {
    match method {
        Method::Ensemble => {
            let mut chart = hold_off();
            path.iter()
                .filter(|fed| chart.push(**fed) > threshold)
                .count()
        }
        Method::Cusum { k } => {
            let mut chart = Cusum::new(k, threshold);
            path.iter()
                .filter(|z| {
                    chart
                        .push(**z)
                        .is_some_and(|reading| reading.alarm.is_some())
                })
                .count()
        }
        Method::Ewma { lambda } => {
            let mut chart = EwmaChart::new(lambda, threshold);
            path.iter()
                .filter(|z| {
                    chart
                        .push(**z)
                        .is_some_and(|reading| reading.alarm.is_some())
                })
                .count()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::ensemble::Signal;
    use super::*;

    fn found(surprises: &[f64]) -> Vec<Surprise> {
        let found = Signal::ALL.into_iter().zip(surprises);
        let part = |(signal, surprise): (Signal, &f64)| Surprise {
            signal,
            side: Side::Above,
            surprise: *surprise,
        };
        found.map(part).collect()
    }

    #[test]
    fn one_outlier_that_seven_signals_see_is_less_than_one_thrice_as_improbable() {
        // What is common, half a power of ten, counts nothing.
        let (seven, one) = (norm(&found(&[1.5; 7])), norm(&found(&[3.5])));
        assert!((seven - 7.0_f64.sqrt()).abs() < 1e-12, "{seven}");
        assert!((one - 3.0).abs() < 1e-12, "{one}");
        assert!(norm(&found(&[3.5, 2.5])) > 3.5);
        assert!(norm(&found(&[0.5; 7])).abs() < 1e-12);
        assert!(norm(&[]).is_sign_positive());
    }

    fn watched(values: impl IntoIterator<Item = f64>) -> (Detector, Vec<Observation>) {
        let mut detector = Detector::new(Method::Ensemble);
        let push = |(i, value): (i64, f64)| detector.push(Timestamp(i * 300_000), value, None).1;
        let seen = (0..).zip(values).map(push).collect();
        (detector, seen)
    }

    fn noise(n: u32) -> impl Iterator<Item = f64> {
        (0..n).map(|i| f64::from(i * 7919 % 1009) / 1009.0)
    }

    #[test]
    fn the_score_goes_by_the_norm_and_alarms_by_the_sum() {
        let (_, seen) = watched(noise(2000).chain([3.0]));
        let last = seen.last().unwrap();
        let weights: Vec<f64> = last
            .evidence
            .surprises
            .iter()
            .map(Surprise::weight)
            .collect();
        assert!(weights.iter().filter(|weight| **weight > 1.0).count() > 3);
        let sum: f64 = weights.iter().sum();
        assert!((last.evidence.statistic - sum).abs() < 1e-9);
        let norm = weights
            .iter()
            .map(|weight| weight * weight)
            .sum::<f64>()
            .sqrt();
        assert!((last.score - norm / (norm + 4.0)).abs() < 1e-9);
        assert!(
            last.score
                > seen[..2000]
                    .iter()
                    .map(|seen| seen.score)
                    .fold(0.0, f64::max)
        );
    }

    #[test]
    fn an_event_that_lasts_scores_high_once() {
        let (_, seen) = watched(noise(2000).chain([3.0; 60]));
        let high = seen[2000..].iter().filter(|seen| seen.score > 0.6).count();
        assert!((1..=3).contains(&high), "{high}");
    }

    #[test]
    fn a_state_stored_before_scores_had_a_hold_off_of_their_own_is_read() {
        let (fresh, _) = watched([]);
        let mut stored = serde_json::to_value(&fresh).unwrap();
        let fields = stored["ensemble"].as_object_mut().unwrap();
        assert!(fields.remove("scored").is_some());
        assert_eq!(serde_json::from_value::<Detector>(stored).unwrap(), fresh);
    }

    #[test]
    fn evidence_names_numbers_and_the_signals_that_matter() {
        let part = |signal, surprise| Surprise {
            signal,
            side: Side::Above,
            surprise,
        };
        let evidence = Evidence {
            statistic: 8.06,
            threshold: Some(6.0),
            side: Some(Side::Above),
            surprises: vec![part(Signal::Level, 5.06), part(Signal::Mean, 0.3)],
        };
        assert_eq!(
            evidence.to_string(),
            "statistic 8.06, threshold 6.00: level above usual (1 in 10^5.1)"
        );
        let chart = Evidence {
            threshold: None,
            side: Some(Side::Below),
            surprises: Vec::new(),
            ..evidence
        };
        assert_eq!(
            chart.to_string(),
            "statistic 8.06, no threshold yet, below usual"
        );
    }
}
