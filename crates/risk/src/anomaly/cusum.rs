//! Cumulative sums: small lasting shifts of a standardised series.

use serde::{Deserialize, Serialize};

use super::tail::Side;

/// A two-sided CUSUM (Page 1954, tabular form): `C⁺ = max(0, C⁺ + z − k)`, `C⁻ = max(0, C⁻ − z − k)`,
/// an alarm beyond `h`. After an alarm both sums start again at zero, so that one shift is reported
/// again only for as long as it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cusum {
    /// Reference value in standard deviations: half the shift that matters.
    pub k: f64,
    /// Threshold in standard deviations.
    pub h: f64,
    high: f64,
    low: f64,
}

/// What a CUSUM says after a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CusumReading {
    /// Sum upward, in standard deviations, before a restart.
    pub high: f64,
    /// Sum downward, in standard deviations, before a restart.
    pub low: f64,
    /// The side that alarms.
    pub alarm: Option<Side>,
}

impl Cusum {
    /// A chart at zero.
    #[must_use]
    pub fn new(k: f64, h: f64) -> Self {
        Self {
            k,
            h,
            high: 0.0,
            low: 0.0,
        }
    }

    /// The next standardised value; `None`, and nothing changes, if it is not finite.
    pub fn push(&mut self, z: f64) -> Option<CusumReading> {
        if !z.is_finite() {
            return None;
        }
        self.high = (self.high + z - self.k).max(0.0);
        self.low = (self.low - z - self.k).max(0.0);
        let alarm = if self.high > self.h {
            Some(Side::Above)
        } else if self.low > self.h {
            Some(Side::Below)
        } else {
            None
        };
        let reading = CusumReading {
            high: self.high,
            low: self.low,
            alarm,
        };
        if alarm.is_some() {
            (self.high, self.low) = (0.0, 0.0);
        }
        Some(reading)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_shift_of_two_deviations_alarms_after_four_samples_and_starts_again() {
        let mut chart = Cusum::new(0.5, 5.0);
        for _ in 0..50 {
            assert_eq!(chart.push(0.0).unwrap().alarm, None);
        }
        let alarms: Vec<_> = (0..8)
            .map(|_| chart.push(-2.0).unwrap().alarm)
            .enumerate()
            .filter(|(_, alarm)| alarm.is_some())
            .collect();
        // 4 × (2 − 0.5) = 6 > 5.
        assert_eq!(alarms, [(3, Some(Side::Below)), (7, Some(Side::Below))]);
    }

    #[test]
    fn a_number_that_is_not_finite_changes_nothing() {
        let mut chart = Cusum::new(0.5, 5.0);
        chart.push(3.0);
        let before = chart;
        assert_eq!(chart.push(f64::NAN), None);
        assert_eq!(chart.push(f64::INFINITY), None);
        assert_eq!(chart, before);
    }
}
