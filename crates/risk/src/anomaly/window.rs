//! The last values of a series, in order of arrival and of size.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The last `capacity` finite values, with their order statistics. A value costs two binary
/// searches and one move of at most `capacity` numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct OrderedWindow {
    capacity: usize,
    arrived: VecDeque<f64>,
    sorted: Vec<f64>,
}

/// What is stored: the order of size follows from the values.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored {
    capacity: usize,
    values: Vec<f64>,
}

impl From<OrderedWindow> for Stored {
    fn from(window: OrderedWindow) -> Self {
        Self {
            capacity: window.capacity,
            values: window.arrived.into(),
        }
    }
}

impl TryFrom<Stored> for OrderedWindow {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        if stored.values.len() > stored.capacity {
            return Err(format!(
                "{} values in a window of {}",
                stored.values.len(),
                stored.capacity
            ));
        }
        let mut window = Self::new(stored.capacity);
        for value in stored.values {
            if !window.push(value) {
                return Err(format!("{value} is not a finite number"));
            }
        }
        Ok(window)
    }
}

impl OrderedWindow {
    /// An empty window for `capacity` values, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            arrived: VecDeque::new(),
            sorted: Vec::new(),
        }
    }

    /// Takes `value` in and, if the window is full, the oldest out. A number that is not finite is
    /// not taken; returns whether it was.
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

    /// Number of values that sort before `value`.
    fn rank(&self, value: f64) -> usize {
        self.sorted
            .partition_point(|held| held.total_cmp(&value).is_lt())
    }

    /// How many values it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.arrived.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.arrived.is_empty()
    }

    /// The values, oldest first.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = f64> + ExactSizeIterator + '_ {
        self.arrived.iter().copied()
    }

    /// The values, smallest first.
    #[must_use]
    pub fn sorted(&self) -> &[f64] {
        &self.sorted
    }

    /// The value below which `count` of the held values lie, `count` counted from 0.
    pub(super) fn nth(&self, count: usize) -> Option<f64> {
        self.sorted.get(count).copied()
    }

    /// The median; the mean of the middle two for an even number of values.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        let n = self.sorted.len();
        let upper = self.nth(n / 2)?;
        if n % 2 == 1 {
            return Some(upper);
        }
        Some(f64::midpoint(self.nth(n / 2 - 1)?, upper))
    }

    /// Median absolute deviation from the median, not scaled.
    #[must_use]
    pub fn mad(&self) -> Option<f64> {
        let centre = self.median()?;
        // Deviations grow outward from the middle on both sides: merge until half of them is seen.
        let split = self.sorted.partition_point(|held| *held < centre);
        let (mut below, mut above) = (split, split);
        let needed = self.sorted.len() / 2 + 1;
        let (mut last, mut previous) = (0.0, 0.0);
        for _ in 0..needed {
            let low = below.checked_sub(1).and_then(|i| self.nth(i));
            let high = self.nth(above);
            let low = low.map_or(f64::INFINITY, |value| centre - value);
            let high = high.map_or(f64::INFINITY, |value| value - centre);
            previous = last;
            if low < high {
                last = low;
                below -= 1;
            } else {
                last = high;
                above += 1;
            }
        }
        Some(if self.sorted.len() % 2 == 1 {
            last
        } else {
            f64::midpoint(previous, last)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use proptest::prelude::*;

    use super::*;

    fn median_of(mut values: Vec<f64>) -> f64 {
        values.sort_by(f64::total_cmp);
        let n = values.len();
        f64::midpoint(values[(n - 1) / 2], values[n / 2])
    }

    proptest! {
        #[test]
        fn order_statistics_are_those_of_the_last_values(
            values in prop::collection::vec(-20_i32..20, 1..80),
            capacity in 1_usize..30,
        ) {
            let mut window = OrderedWindow::new(capacity);
            for value in &values {
                prop_assert!(window.push(f64::from(*value)));
            }
            let last: Vec<f64> = values[values.len().saturating_sub(capacity)..]
                .iter().map(|v| f64::from(*v)).collect();
            prop_assert_eq!(window.values().collect::<Vec<_>>(), last.clone());
            let mut sorted = last.clone();
            sorted.sort_by(f64::total_cmp);
            prop_assert_eq!(window.sorted(), &sorted);
            let median = median_of(last.clone());
            prop_assert_eq!(window.median(), Some(median));
            let mad = median_of(last.iter().map(|v| (v - median).abs()).collect());
            prop_assert_eq!(window.mad(), Some(mad));
        }
    }

    #[test]
    fn numbers_that_are_not_finite_are_refused_at_the_door_and_from_storage() {
        let mut window = OrderedWindow::new(3);
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(!window.push(value));
        }
        assert!(window.is_empty());
        assert_eq!(window.median(), None);
        assert_eq!(window.mad(), None);
        let crowded = r#"{"capacity":1,"values":[1.0,2.0]}"#;
        assert!(serde_json::from_str::<OrderedWindow>(crowded).is_err());
    }
}
