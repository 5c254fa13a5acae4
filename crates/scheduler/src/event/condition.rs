//! Whether a measure's condition came to hold: a threshold with hysteresis, as a state machine.

use std::fmt;
use std::time::Duration;

use airdrops_types::{Gwei, Timestamp};
use serde::{Deserialize, Serialize};

use crate::campaign::{Measure, MeasureCondition};

/// Between two values that both pass the threshold, the measure is taken to have passed it all the
/// time, unless they are further apart than this.
pub const MOST_UNSEEN: Duration = Duration::from_secs(3_600);

/// Where a condition stands. A condition that nobody looked at yet is [`ConditionState::Armed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConditionState {
    /// The last known value does not pass the threshold.
    #[default]
    Armed,
    /// It passes, not yet long enough.
    Holding {
        /// How long it was seen to.
        held: Duration,
        /// The last value that passed; `None` while no value is known.
        last: Option<Timestamp>,
    },
    /// It fired, and was not back past the release since.
    Fired,
}

impl MeasureCondition {
    /// The state after a value, and whether the condition fires now.
    ///
    /// `measured` is in the measure's unit; `None` if there is no fresh value. What is not known
    /// neither fires nor releases, and the time until a value is known again does not count toward
    /// [`MeasureCondition::lasting`]; nor does a gap of more than [`MOST_UNSEEN`] between two values.
    /// A known value that does not pass interrupts it. Once fired, it fires again only after a value
    /// at or past the release that does not pass the threshold.
    #[must_use]
    pub fn observe(
        &self,
        state: ConditionState,
        measured: Option<i128>,
        now: Timestamp,
    ) -> (ConditionState, bool) {
        let Some(value) = measured else {
            return match state {
                ConditionState::Holding { held, .. } => {
                    (ConditionState::Holding { held, last: None }, false)
                }
                other => (other, false),
            };
        };
        let passes = self.passes(value);
        match state {
            ConditionState::Fired if !passes && self.releases(value) => {
                (ConditionState::Armed, false)
            }
            ConditionState::Fired => (ConditionState::Fired, false),
            _ if !passes => (ConditionState::Armed, false),
            ConditionState::Armed => self.hold(Duration::ZERO, now),
            ConditionState::Holding { held, last } => {
                let unseen = last.map_or(Duration::ZERO, |last| now.since(last));
                let seen = if unseen > MOST_UNSEEN {
                    Duration::ZERO
                } else {
                    unseen
                };
                // A clock that goes back counts nothing twice.
                let now = last.map_or(now, |last| now.max(last));
                self.hold(held.saturating_add(seen), now)
            }
        }
    }

    fn hold(&self, held: Duration, now: Timestamp) -> (ConditionState, bool) {
        if held >= self.lasting {
            return (ConditionState::Fired, true);
        }
        (
            ConditionState::Holding {
                held,
                last: Some(now),
            },
            false,
        )
    }

    /// Whether a value is at or past the threshold.
    #[must_use]
    pub fn passes(&self, value: i128) -> bool {
        if self.above {
            value >= self.threshold
        } else {
            value <= self.threshold
        }
    }

    fn releases(&self, value: i128) -> bool {
        if self.above {
            value <= self.release
        } else {
            value >= self.release
        }
    }

    /// What made it fire, in words: `base fee of chain 1 is 9.5 gwei, at or below 10 gwei`.
    #[must_use]
    pub fn told(&self, value: i128) -> String {
        let side = if self.above { "above" } else { "below" };
        let measure = &self.measure;
        let value = Valued { measure, value };
        let threshold = Valued {
            measure,
            value: self.threshold,
        };
        let name = match measure {
            Measure::Price(asset) => format!("price of {asset}"),
            Measure::BaseFee(chain) => format!("base fee of chain {chain}"),
            Measure::Volatility => "volatility index".to_owned(),
        };
        let lasting = if self.lasting.is_zero() {
            String::new()
        } else {
            format!(" for {} s", self.lasting.as_secs())
        };
        format!("{name} is {value}, at or {side} {threshold}{lasting}")
    }
}

/// A value of a measure, with its unit.
struct Valued<'a> {
    measure: &'a Measure,
    value: i128,
}

impl fmt::Display for Valued<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.value < 0 { "-" } else { "" };
        let size = self.value.unsigned_abs();
        match self.measure {
            Measure::Price(_) => write!(f, "{sign}${}.{:06}", size / 1_000_000, size % 1_000_000),
            Measure::BaseFee(_) => write!(f, "{sign}{}", Gwei(size)),
            Measure::Volatility => write!(f, "{sign}{}.{:03} points", size / 1_000, size % 1_000),
        }
    }
}
