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
/// The surprise that scores one half.
const HALF_SCORE: f64 = 8.0;
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
    /// Comparable across streams.
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
    /// The chart's statistic.
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
        hold_off: HoldOff,
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
            Self::Ensemble { ensemble, hold_off } => {
                let surprises = ensemble.push(at, value);
                let fed = surprises.iter().fold(0.0, |sum, part| sum + part.weight());
                let judged = !surprises.is_empty();
                let statistic = hold_off.push(fed);
                let side = surprises.first().map(|part| part.side);
                let observation = Observation {
                    score: statistic / (statistic + HALF_SCORE),
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
    use super::super::ensemble::Signal;
    use super::*;

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
