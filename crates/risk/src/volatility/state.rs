//! States of volatility: by quantiles of the index's own history, within bounds, with hysteresis.
//!
//! A fixed level is dead within a few years: what was extreme in 2025 was an ordinary day of 2018.
//! A quantile alone is as bad: it calls the worst weeks of the calmest year extreme. So each level
//! is a quantile of the last 365 days, kept within bounds.

use std::time::Duration;

use airdrops_types::{Timestamp, VolPoints, VolatilityState};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::quantile::RollingQuantile;

/// How one state is entered.
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
    /// From here on [`VolatilityState::Medium`].
    pub medium: Level,
    /// From here on [`VolatilityState::High`].
    pub high: Level,
    /// From here on [`VolatilityState::Extreme`].
    pub extreme: Level,
    /// A state is left when the index is below this share of its threshold, 0 to 1.
    pub exit: f64,
    /// And only if it was seen below the threshold itself for so long without a break.
    pub dwell: Duration,
    /// Samples of history that quantiles are taken of.
    pub window: usize,
    /// Fewer samples than this say nothing: the floors are the thresholds.
    pub least_samples: usize,
    /// One sample is taken per such time.
    pub sample_every: Duration,
    /// Observations further apart than this break the dwell.
    pub longest_gap: Duration,
}

impl Default for StateConfig {
    /// Hourly samples of 365 days; quantiles 0.5, 0.85 and 0.975 within 45–80 %, 75–140 % and
    /// 110–220 %; left 20 % below, 12 h after the threshold was last reached.
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
            extreme: level(0.975, 11_000, 22_000),
            exit: 0.8,
            dwell: 12 * hour,
            window: 365 * 24,
            least_samples: 30 * 24,
            sample_every: hour,
            longest_gap: hour,
        }
    }
}

/// Why a configuration is none.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum StateConfigError {
    /// A quantile outside of 0 to 1, or not rising from state to state.
    #[error("the quantiles {0} do not rise from state to state between 0 and 1")]
    Quantiles(String),
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
        let levels = self.levels();
        let rising = levels
            .windows(2)
            .all(|pair| pair[0].quantile <= pair[1].quantile);
        let within = levels
            .iter()
            .all(|level| (0.0..=1.0).contains(&level.quantile));
        if !rising || !within {
            let text = levels.map(|level| level.quantile.to_string()).join(", ");
            return Err(StateConfigError::Quantiles(text));
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
        if self.window < self.least_samples.max(1) {
            return Err(StateConfigError::Window {
                window: self.window,
                least: self.least_samples.max(1),
            });
        }
        Ok(())
    }

    fn levels(&self) -> [Level; 3] {
        [self.medium, self.high, self.extreme]
    }
}

/// Where each state begins at present.
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

    /// Where each state begins for the next observation.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        let [medium, high, extreme] = self.config.levels().map(|level| self.threshold(&level));
        Thresholds {
            medium,
            high,
            extreme,
        }
    }

    fn threshold(&self, level: &Level) -> VolPoints {
        if self.history.len() < self.config.least_samples {
            return level.floor;
        }
        self.history
            .quantile(level.quantile)
            .and_then(VolPoints::from_percent)
            .map_or(level.floor, |own| own.clamp(level.floor, level.cap))
    }

    fn sample_due(&self, at: Timestamp) -> bool {
        self.last_sample
            .is_none_or(|last| at.since(last) >= self.config.sample_every)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600_000;

    /// Thresholds fixed at 60, 90 and 130 %.
    fn fixed() -> StateConfig {
        let level = |points| Level {
            quantile: 0.5,
            floor: VolPoints(points),
            cap: VolPoints(points),
        };
        StateConfig {
            medium: level(6000),
            high: level(9000),
            extreme: level(13_000),
            ..StateConfig::default()
        }
    }

    fn run(states: &mut VolatilityStates, from: i64, percents: &[u32]) -> Vec<VolatilityState> {
        (from..)
            .zip(percents)
            .map(|(hour, percent)| {
                states.observe(Timestamp(hour * HOUR), VolPoints(percent * 100), true)
            })
            .collect()
    }

    #[test]
    fn up_is_immediate_and_down_waits_for_exit_and_dwell() {
        use VolatilityState::{Extreme, High, Low, Medium};
        let mut states = VolatilityStates::new(fixed()).unwrap();
        assert_eq!(run(&mut states, 0, &[50, 95, 130]), [Low, High, Extreme]);
        // Far below the exit at once: the dwell holds every level that was entered.
        let down = run(&mut states, 3, &[20; 20]);
        assert_eq!(down[..12], [Extreme; 12]);
        assert_eq!(down[12..], [Low; 8]);
        // 104 is 80 % of 130: not below the exit, however long.
        assert_eq!(run(&mut states, 23, &[130]), [Extreme]);
        assert_eq!(run(&mut states, 24, &[104; 40]), [Extreme; 40]);
        assert_eq!(run(&mut states, 64, &[103]), [High]);
        // 71 is below the exit of High (72) and not of Medium (48).
        assert_eq!(run(&mut states, 65, &[71; 13])[12], Medium);
        assert_eq!(run(&mut states, 78, &[48; 13]), [Medium; 13]);
        assert_eq!(run(&mut states, 91, &[47]), [Low]);
    }

    #[test]
    fn one_hour_at_the_threshold_starts_the_dwell_anew() {
        let mut states = VolatilityStates::new(fixed()).unwrap();
        run(&mut states, 0, &[140]);
        run(&mut states, 1, &[80; 11]);
        run(&mut states, 12, &[130]);
        let after = run(&mut states, 13, &[80; 13]);
        assert_eq!(after[11], VolatilityState::Extreme);
        assert_eq!(after[12], VolatilityState::High);
    }

    #[test]
    fn missing_hours_and_incomplete_observations_never_calm() {
        let mut states = VolatilityStates::new(fixed()).unwrap();
        run(&mut states, 0, &[140]);
        run(&mut states, 1, &[10; 6]);
        // A gap of 100 h: the dwell begins again.
        assert_eq!(
            run(&mut states, 107, &[10; 12]),
            [VolatilityState::Extreme; 12]
        );
        let mut incomplete = VolatilityStates::new(fixed()).unwrap();
        run(&mut incomplete, 0, &[140]);
        for hour in 1..100 {
            let state = incomplete.observe(Timestamp(hour * HOUR), VolPoints(1000), false);
            assert_eq!(state, VolatilityState::Extreme);
        }
        // But it may raise.
        let mut low = VolatilityStates::new(fixed()).unwrap();
        assert_eq!(
            low.observe(Timestamp(0), VolPoints(20_000), false),
            VolatilityState::Extreme
        );
    }

    #[test]
    fn thresholds_follow_the_own_history_within_their_bounds() {
        let mut states = VolatilityStates::new(StateConfig::default()).unwrap();
        let floors = states.thresholds();
        assert_eq!(
            (floors.medium, floors.high, floors.extreme),
            (VolPoints(4500), VolPoints(7500), VolPoints(11_000))
        );
        run(&mut states, 0, &[60; 719]);
        assert_eq!(states.thresholds(), floors);
        run(&mut states, 719, &[60]);
        assert_eq!(states.thresholds().medium, VolPoints(6000));
        run(&mut states, 720, &[500; 8760]);
        let caps = states.thresholds();
        assert_eq!(
            (caps.medium, caps.high, caps.extreme),
            (VolPoints(8000), VolPoints(14_000), VolPoints(22_000))
        );
    }

    #[test]
    fn a_configuration_that_contradicts_itself_is_refused() {
        let refused = |change: fn(&mut StateConfig)| {
            let mut config = StateConfig::default();
            change(&mut config);
            VolatilityStates::new(config).is_err()
        };
        assert!(refused(|config| config.high.quantile = 0.4));
        assert!(refused(|config| config.extreme.quantile = f64::NAN));
        assert!(refused(|config| config.medium.cap = VolPoints(100)));
        assert!(refused(|config| config.high.floor = VolPoints(20_000)));
        assert!(refused(|config| config.exit = 1.2));
        assert!(refused(|config| config.window = 10));
    }

    fn small() -> StateConfig {
        StateConfig {
            window: 60,
            least_samples: 20,
            ..StateConfig::default()
        }
    }

    proptest! {
        #[test]
        fn a_higher_index_never_gives_a_calmer_state(
            percents in prop::collection::vec(20u32..300, 1..100),
            last in 20u32..300,
            more in 0u32..200,
        ) {
            let mut states = VolatilityStates::new(small()).unwrap();
            run(&mut states, 0, &percents);
            let at = i64::try_from(percents.len()).unwrap();
            let mut higher = states.clone();
            let low = run(&mut states, at, &[last]);
            prop_assert!(run(&mut higher, at, &[last + more]) >= low);
        }

        #[test]
        fn leaving_hours_out_right_before_never_gives_a_calmer_state(
            percents in prop::collection::vec(20u32..300, 1..100),
            missing in 1i64..30,
            last in 20u32..300,
        ) {
            let mut states = VolatilityStates::new(small()).unwrap();
            run(&mut states, 0, &percents);
            let at = i64::try_from(percents.len()).unwrap();
            let mut gap = states.clone();
            let seen = run(&mut states, at, &[last]);
            prop_assert!(run(&mut gap, at + missing, &[last]) >= seen);
        }

        #[test]
        fn a_restart_goes_on_as_if_nothing_had_happened(
            percents in prop::collection::vec(20u32..300, 1..150),
            cut in 0usize..150,
        ) {
            let cut = cut.min(percents.len());
            let mut whole = VolatilityStates::new(small()).unwrap();
            let all = run(&mut whole, 0, &percents);
            let mut part = VolatilityStates::new(small()).unwrap();
            run(&mut part, 0, &percents[..cut]);
            let text = serde_json::to_string(&part).unwrap();
            let mut part: VolatilityStates = serde_json::from_str(&text).unwrap();
            let rest = run(&mut part, i64::try_from(cut).unwrap(), &percents[cut..]);
            prop_assert_eq!(&rest[..], &all[cut..]);
            prop_assert_eq!(part, whole);
        }
    }
}
