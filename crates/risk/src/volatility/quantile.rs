//! Quantiles of the last so many values.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The last `capacity` values, kept sorted as well: a quantile is one look, a value is placed by
/// binary search. Stored as the values in their order of arrival.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct RollingQuantile {
    capacity: usize,
    arrived: VecDeque<f64>,
    sorted: Vec<f64>,
}

/// What is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored {
    capacity: usize,
    values: VecDeque<f64>,
}

impl From<RollingQuantile> for Stored {
    fn from(quantile: RollingQuantile) -> Self {
        Self {
            capacity: quantile.capacity,
            values: quantile.arrived,
        }
    }
}

impl TryFrom<Stored> for RollingQuantile {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        if stored.values.len() > stored.capacity {
            return Err(format!(
                "{} values stored, at most {} expected",
                stored.values.len(),
                stored.capacity
            ));
        }
        if let Some(wrong) = stored.values.iter().find(|value| !value.is_finite()) {
            return Err(format!("{wrong} is stored as a value"));
        }
        let mut sorted: Vec<f64> = stored.values.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        Ok(Self {
            capacity: stored.capacity,
            arrived: stored.values,
            sorted,
        })
    }
}

impl RollingQuantile {
    /// Of at most `capacity` values, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            arrived: VecDeque::new(),
            sorted: Vec::new(),
        }
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// Adds a value in place of the oldest, if there are `capacity` already. Returns whether it was
    /// taken: what is not finite is not.
    pub fn push(&mut self, value: f64) -> bool {
        if !value.is_finite() {
            return false;
        }
        let to = self.rank(value);
        let oldest = if self.arrived.len() >= self.capacity {
            self.arrived.pop_front()
        } else {
            None
        };
        match oldest {
            None => self.sorted.insert(to, value),
            // Only what lies between the two places moves.
            Some(oldest) => {
                let from = self.rank(oldest);
                if from < to {
                    self.sorted.copy_within(from + 1..to, from);
                    self.sorted[to - 1] = value;
                } else {
                    self.sorted.copy_within(to..from, to + 1);
                    self.sorted[to] = value;
                }
            }
        }
        self.arrived.push_back(value);
        true
    }

    /// The quantile at `level`, between the two nearest values in proportion: type 7 of Hyndman and
    /// Fan (1996). `None` if there is no value, or if `level` lies outside of `0..=1`.
    #[must_use]
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    pub fn quantile(&self, level: f64) -> Option<f64> {
        let last = self.sorted.len().checked_sub(1)?;
        if !(0.0..=1.0).contains(&level) {
            return None;
        }
        let place = level * last as f64;
        let below = (place as usize).min(last);
        let (low, high) = (self.sorted[below], self.sorted[(below + 1).min(last)]);
        Some(low + (place - below as f64) * (high - low))
    }

    /// Number of values that sort before `value`.
    fn rank(&self, value: f64) -> usize {
        self.sorted
            .partition_point(|other| other.total_cmp(&value).is_lt())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantiles_lie_between_the_nearest_values() {
        let mut values = RollingQuantile::new(4);
        assert_eq!(values.quantile(0.5), None);
        for value in [40.0, 10.0, 30.0, 20.0] {
            values.push(value);
        }
        assert_eq!(values.quantile(0.0), Some(10.0));
        assert_eq!(values.quantile(0.5), Some(25.0));
        assert_eq!(values.quantile(0.9), Some(37.0));
        assert_eq!(values.quantile(1.0), Some(40.0));
        assert_eq!(values.quantile(1.1), None);
        assert_eq!(values.quantile(f64::NAN), None);
        assert!(!values.push(f64::NAN));
        assert_eq!(values.len(), 4);
    }

    proptest! {
        #[test]
        fn it_is_the_quantile_of_the_last_values(
            values in prop::collection::vec(-5i32..5, 1..80),
            capacity in 1usize..20,
            level in 0.0f64..=1.0,
        ) {
            let mut rolling = RollingQuantile::new(capacity);
            for value in &values {
                rolling.push(f64::from(*value));
            }
            let mut last: Vec<f64> = values.iter().rev().take(capacity).map(|v| f64::from(*v)).collect();
            last.sort_by(f64::total_cmp);
            prop_assert_eq!(&rolling.sorted, &last);
            let (low, high) = (rolling.quantile(level).unwrap(), rolling.quantile(1.0).unwrap());
            prop_assert!(low <= high);
        }

        #[test]
        fn a_restart_goes_on_as_if_nothing_had_happened(
            values in prop::collection::vec(0.0f64..1e3, 1..60),
            cut in 0usize..60,
        ) {
            let cut = cut.min(values.len());
            let mut whole = RollingQuantile::new(10);
            let mut part = RollingQuantile::new(10);
            values.iter().for_each(|value| { whole.push(*value); });
            values[..cut].iter().for_each(|value| { part.push(*value); });
            let text = serde_json::to_string(&part).unwrap();
            let mut part: RollingQuantile = serde_json::from_str(&text).unwrap();
            values[cut..].iter().for_each(|value| { part.push(*value); });
            prop_assert_eq!(part, whole);
        }
    }

    #[test]
    fn a_stored_history_that_is_too_long_is_refused() {
        let text = r#"{"capacity":1,"values":[1.0,2.0]}"#;
        assert!(serde_json::from_str::<RollingQuantile>(text).is_err());
    }
}
