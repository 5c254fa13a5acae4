//! Anything unusual about a series: several simple statistics, each judged by its own past.
//!
//! Each value is turned into the statistics of [`Signal`]. Each statistic gets a probability from
//! its own past ([`super::tail`]), so that units and shapes of distributions do not matter, and counts
//! with its −log10 p beyond [`COMMON`]. Only then is the value taken in. How these weights w combine
//! is for [`super::detector`]: alarms go by Σw (Fisher 1932 adds ln p in the same way), because their
//! threshold is found on the stream itself, whatever the signals have in common; the score has no such
//! threshold and goes by √Σw², because all signals follow from the same values, and one outlier that
//! each of them sees is not as many pieces of evidence.

use std::collections::VecDeque;

use airdrops_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::season::SeasonProfile;
use super::tail::{Side, TailModel};

/// Values that each statistic remembers.
const PAST: usize = 4000;
/// Values of a statistic's past before it has a say.
const FEWEST: usize = 50;
/// Values in all before anything is surprising.
const WARM_UP: u64 = 100;
/// What is common, in −log10 p: one value in three.
const COMMON: f64 = 0.5;
/// Weight of the newest value in the moving average.
const NEWEST: f64 = 0.2;
/// Larger numbers are taken as this, so that no sum of squares overflows.
const LARGEST: f64 = 1e150;
/// Values in the short stretch.
const SHORT: usize = 12;
/// Values in the long stretch.
const LONG: usize = 6 * SHORT;

/// A statistic of the series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// The value.
    Level,
    /// The value less the one before.
    Jump,
    /// The value less the exponentially weighted moving average before it.
    Departure,
    /// The mean of the last 12 values.
    Mean,
    /// That mean less the mean of the last 72.
    Drift,
    /// The standard deviation of the last 12 values: high is unrest, low a flat line.
    Spread,
    /// The value less the usual one at this hour.
    Season,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Level,
        Self::Jump,
        Self::Departure,
        Self::Mean,
        Self::Drift,
        Self::Spread,
        Self::Season,
    ];

    /// Its name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Level => "level",
            Self::Jump => "jump",
            Self::Departure => "departure",
            Self::Mean => "mean",
            Self::Drift => "drift",
            Self::Spread => "spread",
            Self::Season => "season",
        }
    }
}

/// How improbable one statistic is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Surprise {
    /// Which statistic.
    pub signal: Signal,
    /// On which side.
    pub side: Side,
    /// −log10 of its two-sided probability by its own past.
    pub surprise: f64,
}

impl Surprise {
    /// What it adds to the surprise of the value: what is common adds nothing.
    #[must_use]
    pub fn weight(&self) -> f64 {
        (self.surprise - COMMON).max(0.0)
    }
}

/// The statistics, each with its past.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ensemble {
    seen: u64,
    average: f64,
    /// The last values, oldest first.
    recent: VecDeque<f64>,
    season: SeasonProfile,
    /// In the order of [`Signal::ALL`].
    pasts: Vec<TailModel>,
}

impl Default for Ensemble {
    fn default() -> Self {
        Self {
            seen: 0,
            average: 0.0,
            recent: VecDeque::new(),
            season: SeasonProfile::default(),
            pasts: Signal::ALL.map(|_| TailModel::new(PAST)).into(),
        }
    }
}

impl Ensemble {
    /// The surprises of a finite value by what came before it, the heaviest first; then the value is
    /// taken in. Empty for the first hundred, and for a number that is not finite, which is not taken
    /// in.
    pub fn push(&mut self, at: Timestamp, value: f64) -> Vec<Surprise> {
        if !value.is_finite() {
            return Vec::new();
        }
        let value = value.clamp(-LARGEST, LARGEST);
        self.seen = self.seen.saturating_add(1);
        let statistics = self.statistics(at, value);
        let mut surprises = Vec::new();
        for ((signal, statistic), past) in
            Signal::ALL.into_iter().zip(statistics).zip(&mut self.pasts)
        {
            let Some(statistic) = statistic.filter(|found| found.is_finite()) else {
                continue;
            };
            if self.seen > WARM_UP && past.past().len() >= FEWEST {
                let (surprise, side) = past.surprise(statistic);
                surprises.push(Surprise {
                    signal,
                    side,
                    surprise,
                });
            }
            past.push(statistic);
        }
        surprises.sort_by(|a, b| b.surprise.total_cmp(&a.surprise));
        surprises
    }

    /// In the order of [`Signal::ALL`].
    fn statistics(&mut self, at: Timestamp, value: f64) -> [Option<f64>; 7] {
        let last = self.recent.back().copied();
        let departure = last.map(|_| value - self.average);
        self.average = match last {
            Some(_) => self.average + NEWEST * (value - self.average),
            None => value,
        };
        if self.recent.len() == LONG {
            self.recent.pop_front();
        }
        self.recent.push_back(value);
        let season = self.season.expect(at).map(|usual| value - usual);
        self.season.push(at, value);
        let mean =
            (self.recent.len() >= SHORT).then(|| self::mean(self.recent.iter().rev().take(SHORT)));
        let long = self::mean(self.recent.iter());
        let spread = mean.map(|centre| {
            let squares: f64 = self
                .recent
                .iter()
                .rev()
                .take(SHORT)
                .map(|held| (held - centre) * (held - centre))
                .sum();
            (squares / count(SHORT)).sqrt()
        });
        [
            Some(value),
            last.map(|last| value - last),
            departure,
            mean,
            mean.map(|short| short - long),
            spread,
            season,
        ]
    }
}

fn mean<'a>(values: impl ExactSizeIterator<Item = &'a f64>) -> f64 {
    let n = values.len();
    values.map(|value| value / count(n)).sum()
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const FIVE_MINUTES: i64 = 300_000;

    fn noise(i: i64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let part = (i * 7919 % 1009) as f64;
        part / 1009.0
    }

    fn surprise(ensemble: &mut Ensemble, i: i64, value: f64) -> f64 {
        let parts = ensemble.push(Timestamp(i * FIVE_MINUTES), value);
        parts.iter().map(Surprise::weight).sum()
    }

    #[test]
    fn a_missing_daily_peak_is_seen_by_the_season() {
        let mut ensemble = Ensemble::default();
        let usual = |i: i64| {
            let peak = (108..216).contains(&(i % 288));
            noise(i) + if peak { 50.0 } else { 0.0 }
        };
        for i in 0..288 * 8 + 120 {
            ensemble.push(Timestamp(i * FIVE_MINUTES), usual(i));
        }
        let i = 288 * 8 + 120;
        let quiet = ensemble.clone().push(Timestamp(i * FIVE_MINUTES), usual(i));
        let missing = ensemble.push(Timestamp(i * FIVE_MINUTES), noise(i));
        let season = |parts: &[Surprise]| {
            let found = parts.iter().find(|part| part.signal == Signal::Season);
            found.unwrap().surprise
        };
        assert!(season(&missing) > 2.5, "{missing:?}");
        assert!(season(&quiet) < 1.5, "{quiet:?}");
    }

    #[test]
    fn a_flat_line_in_noise_is_seen_by_the_spread() {
        let mut ensemble = Ensemble::default();
        for i in 0..1500 {
            ensemble.push(Timestamp(i * FIVE_MINUTES), noise(i));
        }
        let parts = (1500..1512)
            .map(|i| ensemble.push(Timestamp(i * FIVE_MINUTES), 0.5))
            .last()
            .unwrap();
        assert_eq!(parts[0].signal, Signal::Spread);
        assert_eq!(parts[0].side, Side::Below);
    }

    #[test]
    fn a_spike_outweighs_all_that_is_usual() {
        let mut ensemble = Ensemble::default();
        let usual = (0..2000)
            .map(|i| surprise(&mut ensemble, i, noise(i)))
            .fold(0.0, f64::max);
        let spike = surprise(&mut ensemble, 2000, 3.0);
        assert!(spike > 1.5 * usual, "{spike} {usual}");
    }

    #[test]
    fn huge_numbers_stay_finite_and_others_are_refused() {
        let mut ensemble = Ensemble::default();
        for i in 0..400 {
            let value = if i % 2 == 0 { f64::MAX } else { f64::MIN };
            let total = surprise(&mut ensemble, i, value);
            assert!(total.is_finite());
        }
        let before = ensemble.clone();
        assert!(ensemble.push(Timestamp(0), f64::NAN).is_empty());
        assert_eq!(ensemble, before);
    }
}
