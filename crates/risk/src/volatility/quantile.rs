//! Quantiles of the last so many values.

use serde::{Deserialize, Serialize};

use crate::anomaly::OrderedWindow;

/// Quantiles of the last `capacity` values: each is one look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RollingQuantile(OrderedWindow);

impl RollingQuantile {
    /// Of at most `capacity` values, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self(OrderedWindow::new(capacity))
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a value in place of the oldest, if there are `capacity` already. Returns whether it was
    /// taken: what is not finite is not.
    pub fn push(&mut self, value: f64) -> bool {
        self.0.push(value)
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
        let sorted = self.0.sorted();
        let last = sorted.len().checked_sub(1)?;
        if !(0.0..=1.0).contains(&level) {
            return None;
        }
        let place = level * last as f64;
        let below = (place as usize).min(last);
        let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
        Some(low + (place - below as f64) * (high - low))
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
            prop_assert_eq!(rolling.0.sorted(), &last);
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
