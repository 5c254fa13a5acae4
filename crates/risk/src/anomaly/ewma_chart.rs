//! Exponentially weighted moving averages as a control chart.

use serde::{Deserialize, Serialize};

use super::tail::Side;

/// An EWMA chart (Roberts 1959): `E = λ z + (1 − λ) E`, an alarm beyond `l` standard deviations of
/// `E`, which are smaller after a start: `√(λ/(2−λ) · (1 − (1−λ)^2n))` (Lucas & Saccucci 1990, eq. 2).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EwmaChart {
    /// Weight of the newest value, in (0, 1].
    pub lambda: f64,
    /// Width of the limits in standard deviations of the statistic.
    pub l: f64,
    value: f64,
    /// (1 − λ)^2n after n values.
    unsettled: f64,
}

/// What an EWMA chart says after a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EwmaReading {
    /// The average, in standard deviations of the series.
    pub value: f64,
    /// Its present limit on either side.
    pub limit: f64,
    /// The side that alarms.
    pub alarm: Option<Side>,
}

impl EwmaChart {
    /// A chart at zero.
    #[must_use]
    pub fn new(lambda: f64, l: f64) -> Self {
        Self {
            lambda,
            l,
            value: 0.0,
            unsettled: 1.0,
        }
    }

    /// The next standardised value; `None`, and nothing changes, if it is not finite. After an
    /// alarm the chart starts again.
    pub fn push(&mut self, z: f64) -> Option<EwmaReading> {
        if !z.is_finite() {
            return None;
        }
        let keep = 1.0 - self.lambda;
        self.value = self.lambda * z + keep * self.value;
        self.unsettled *= keep * keep;
        let variance = self.lambda / (2.0 - self.lambda) * (1.0 - self.unsettled);
        let limit = self.l * variance.sqrt();
        let alarm = if self.value > limit {
            Some(Side::Above)
        } else if self.value < -limit {
            Some(Side::Below)
        } else {
            None
        };
        let reading = EwmaReading {
            value: self.value,
            limit,
            alarm,
        };
        if alarm.is_some() {
            *self = Self::new(self.lambda, self.l);
        }
        Some(reading)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn limits_widen_from_the_first_sample_to_the_settled_width() {
        let mut chart = EwmaChart::new(0.2, 3.0);
        let first = chart.push(0.0).unwrap();
        assert!((first.limit - 3.0 * 0.2).abs() < 1e-12);
        let last = (0..200).map(|_| chart.push(0.0).unwrap()).last().unwrap();
        assert!((last.limit - 3.0 * (0.2_f64 / 1.8).sqrt()).abs() < 1e-9);
        assert_eq!(last.alarm, None);
    }

    #[test]
    fn a_lasting_shift_of_one_and_a_half_deviations_is_found_within_ten_samples() {
        let mut chart = EwmaChart::new(0.2, 2.962);
        for _ in 0..100 {
            chart.push(0.0);
        }
        let found = (1..=10).find(|_| chart.push(1.5).unwrap().alarm == Some(Side::Above));
        assert!(found.is_some());
        let before = chart;
        assert_eq!(chart.push(f64::NAN), None);
        assert_eq!(chart, before);
    }
}
