//! States of volatility: by quantiles of the index's own history, within bounds, with hysteresis.
//!
//! A fixed level is dead within a few years: what was extreme in 2025 was an ordinary day of 2018.
//! A quantile alone is as bad: it calls the worst weeks of the calmest year extreme. So each level
//! rests on a quantile of the index's own history, kept within bounds.
//!
//! Medium and High begin at quantiles of the last 365 days. Extreme does not: one crisis fills the
//! upper 2.5 % of a year, and would blind it for the next twelve months. It begins at a multiple of
//! a lower quantile of the last 30 days: far above what has become usual.

use std::time::Duration;

use airdrops_types::{Timestamp, VolPoints, VolatilityState};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::quantile::RollingQuantile;

/// What a threshold is made of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Quantile of the index's own history, 0 to 1.
    pub quantile: f64,
    /// The threshold is never below this.
    pub floor: VolPoints,
    /// The threshold is never above this.
    pub cap: VolPoints,
}

/// How states are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StateConfig {
    /// From here on [`VolatilityState::Medium`]; its quantile is of the last `window` samples.
    pub medium: Level,
    /// From here on [`VolatilityState::High`]; its quantile is of the last `window` samples.
    pub high: Level,
    /// From here on [`VolatilityState::Extreme`]; its quantile is of the last `recent` samples, and
    /// is multiplied by `burst`.
    pub extreme: Level,
    /// How many times what is usual of late is extreme; 1 or more.
    pub burst: f64,
    /// A state is left when the index is below this share of its threshold, 0 to 1.
    pub exit: f64,
    /// And only if it was seen below the threshold itself for so long without a break.
    pub dwell: Duration,
    /// Samples of history that the quantiles of medium and high are taken of.
    pub window: usize,
    /// Samples of history that the quantile of extreme is taken of.
    pub recent: usize,
    /// Fewer samples than this say nothing: the floors are the thresholds.
    pub least_samples: usize,
    /// One sample is taken per such time.
    pub sample_every: Duration,
    /// Observations further apart than this break the dwell.
    pub longest_gap: Duration,
}

impl Default for StateConfig {
    /// Hourly samples. Medium and high at the quantiles 0.5 and 0.85 of 365 days, within 45–80 % and
    /// 75–140 %; extreme at 1.5 times the quantile 0.9 of 30 days, within 80–280 %. Left 20 % below,
    /// 12 h after the threshold was last reached.
    fn default() -> Self {
        let level = |quantile, floor, cap| Level {
            quantile,
            floor: VolPoints(floor),
            cap: VolPoints(cap),
        };
        let hour = Duration::from_secs(3600);
        Self {
            medium: level(0.5, 4500, 8000),
            high: level(0.85, 7500, 14_000),
            extreme: level(0.9, 8000, 28_000),
            burst: 1.5,
            exit: 0.8,
            dwell: 12 * hour,
            window: 365 * 24,
            recent: 30 * 24,
            least_samples: 30 * 24,
            sample_every: hour,
            longest_gap: hour,
        }
    }
}

/// Why a configuration is none.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum StateConfigError {
    /// A quantile outside of 0 to 1, or that of medium above that of high.
    #[error("the quantiles {0} do not lie between 0 and 1, or medium's is above high's")]
    Quantiles(String),
    /// A burst that is less than what is usual, or none.
    #[error("extreme begins at {0} times what is usual; that is 1 or more")]
    Burst(f64),
    /// Bounds that cross, or that do not rise from state to state.
    #[error("the bounds {0} do not rise from state to state, or a floor is above its cap")]
    Bounds(String),
    /// An exit share outside of 0 to 1.
    #[error("the exit share {0} is not between 0 and 1")]
    Exit(f64),
    /// No history.
    #[error("a window of {window} samples cannot hold the {least} that are needed")]
    Window {
        /// Samples kept.
        window: usize,
        /// Samples needed.
        least: usize,
    },
}

impl StateConfig {
    /// Checks it.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), StateConfigError> {
        let levels = [self.medium, self.high, self.extreme];
        let rising = self.medium.quantile <= self.high.quantile;
        let within = levels
            .iter()
            .all(|level| (0.0..=1.0).contains(&level.quantile));
        if !rising || !within {
            let text = levels.map(|level| level.quantile.to_string()).join(", ");
            return Err(StateConfigError::Quantiles(text));
        }
        if !self.burst.is_finite() || self.burst < 1.0 {
            return Err(StateConfigError::Burst(self.burst));
        }
        let ordered = levels.iter().all(|level| level.floor <= level.cap);
        let rising = levels
            .windows(2)
            .all(|pair| pair[0].floor <= pair[1].floor && pair[0].cap <= pair[1].cap);
        if !ordered || !rising {
            let text = levels.map(|level| format!("{}–{}", level.floor, level.cap));
            return Err(StateConfigError::Bounds(text.join(", ")));
        }
        if !(0.0..=1.0).contains(&self.exit) {
            return Err(StateConfigError::Exit(self.exit));
        }
        let (window, least) = (self.window.min(self.recent), self.least_samples.max(1));
        if window < least {
            return Err(StateConfigError::Window { window, least });
        }
        Ok(())
    }
}

/// Where each state begins at present; none begins below a calmer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Of [`VolatilityState::Medium`].
    pub medium: VolPoints,
    /// Of [`VolatilityState::High`].
    pub high: VolPoints,
    /// Of [`VolatilityState::Extreme`].
    pub extreme: VolPoints,
}

/// One level's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Hold {
    /// Whether the index reached the threshold and has not left since.
    active: bool,
    /// Since when the index has been below the threshold without a break.
    calm_since: Option<Timestamp>,
}

/// The short-lived part of [`VolatilityStates`]: all but the history. Small enough to be stored with
/// every observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Held {
    holds: [Hold; 3],
    last: Option<Timestamp>,
    last_sample: Option<Timestamp>,
}

/// The state machine. Each level is entered at once when the index reaches its threshold, and left
/// when the index is below its exit and the dwell is over; the state is the highest level that is
/// held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VolatilityStates {
    config: StateConfig,
    history: RollingQuantile,
    recent: RollingQuantile,
    holds: [Hold; 3],
    last: Option<Timestamp>,
    last_sample: Option<Timestamp>,
}

impl VolatilityStates {
    /// With an empty history.
    ///
    /// # Errors
    /// If the configuration contradicts itself.
    pub fn new(config: StateConfig) -> Result<Self, StateConfigError> {
        config.check()?;
        Ok(Self {
            config,
            history: RollingQuantile::new(config.window),
            recent: RollingQuantile::new(config.recent),
            holds: [Hold::default(); 3],
            last: None,
            last_sample: None,
        })
    }

    /// Takes note of the index at `at`. An index that is not `complete`, because a component is
    /// stale or missing, may raise the state, but neither counts toward the dwell nor enters the
    /// history. What does not come after the last observation may only raise the state as well.
    pub fn observe(&mut self, at: Timestamp, index: VolPoints, complete: bool) -> VolatilityState {
        let later = self.last.is_none_or(|last| at > last);
        let unbroken = self
            .last
            .is_some_and(|last| at > last && at.since(last) <= self.config.longest_gap);
        let Thresholds {
            medium,
            high,
            extreme,
        } = self.thresholds();
        for (hold, entry) in self.holds.iter_mut().zip([medium, high, extreme]) {
            if index >= entry {
                hold.active = true;
            }
            if index >= entry || !complete || !later {
                hold.calm_since = None;
                continue;
            }
            let since = hold.calm_since.filter(|_| unbroken).unwrap_or(at);
            hold.calm_since = Some(since);
            let below_exit = index.percent() < self.config.exit * entry.percent();
            if below_exit && at.since(since) >= self.config.dwell {
                hold.active = false;
            }
        }
        if later {
            self.last = Some(at);
        }
        if later && complete && self.sample_due(at) {
            self.history.push(index.percent());
            self.recent.push(index.percent());
            self.last_sample = Some(at);
        }
        self.state()
    }

    /// The short-lived part.
    #[must_use]
    pub fn held(&self) -> Held {
        Held {
            holds: self.holds,
            last: self.last,
            last_sample: self.last_sample,
        }
    }

    /// Takes the short-lived part over from one that saw the same history, and every observation
    /// in between.
    pub fn restore(&mut self, held: Held) {
        self.holds = held.holds;
        self.last = held.last;
        self.last_sample = held.last_sample;
    }

    /// When the history took its last sample.
    #[must_use]
    pub fn last_sample(&self) -> Option<Timestamp> {
        self.last_sample
    }

    /// The state at present.
    #[must_use]
    pub fn state(&self) -> VolatilityState {
        let [medium, high, extreme] = self.holds.map(|hold| hold.active);
        if extreme {
            VolatilityState::Extreme
        } else if high {
            VolatilityState::High
        } else if medium {
            VolatilityState::Medium
        } else {
            VolatilityState::Low
        }
    }

    /// Where each state begins for the next observation. What is extreme is high as well, and what
    /// is high is medium, however calm the last 30 days were next to the last 365.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        let StateConfig {
            medium,
            high,
            extreme,
            burst,
            ..
        } = &self.config;
        let extreme = self.threshold(extreme, &self.recent, *burst);
        let high = self.threshold(high, &self.history, 1.0).min(extreme);
        let medium = self.threshold(medium, &self.history, 1.0).min(high);
        Thresholds {
            medium,
            high,
            extreme,
        }
    }

    fn threshold(&self, level: &Level, history: &RollingQuantile, times: f64) -> VolPoints {
        if history.len() < self.config.least_samples {
            return level.floor;
        }
        history
            .quantile(level.quantile)
            .and_then(|usual| VolPoints::from_percent(times * usual))
            .map_or(level.floor, |own| own.clamp(level.floor, level.cap))
    }

    fn sample_due(&self, at: Timestamp) -> bool {
        self.last_sample
            .is_none_or(|last| at.since(last) >= self.config.sample_every)
    }
}

#[cfg(test)]
mod tests;
