//! Standardising by the past, so that outliers in it count little and the future not at all.

use serde::{Deserialize, Serialize};

use super::window::OrderedWindow;

/// MAD of a normal distribution times this is its standard deviation: 1/Φ⁻¹(¾).
const NORMAL: f64 = 1.482_602_218_505_602;

/// Location and scale of the last values: median and median absolute deviation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RobustScale {
    window: OrderedWindow,
    /// Standardised values are cut off beyond ± this.
    winsor: f64,
    /// Fewest values that a scale rests on.
    fewest: usize,
}

impl RobustScale {
    /// Over the last `capacity` values, silent before `fewest` of them, cut off at ±`winsor`
    /// standard deviations.
    #[must_use]
    pub fn new(capacity: usize, fewest: usize, winsor: f64) -> Self {
        Self {
            window: OrderedWindow::new(capacity),
            winsor,
            fewest: fewest.max(2),
        }
    }

    /// `value` in standard deviations from the median of what came before it, winsorised; then takes
    /// it in. `None` while too little came before, or if it is not finite (then it is not taken in).
    /// If half of the past is one and the same value, its scale is the mean absolute deviation; if
    /// all of it is, that value is at 0 and any other at the bound.
    pub fn push(&mut self, value: f64) -> Option<f64> {
        let z = self.standardise(value);
        self.window.push(value);
        z
    }

    /// As [`Self::push`], without taking the value in.
    #[must_use]
    pub fn standardise(&self, value: f64) -> Option<f64> {
        if !value.is_finite() || self.window.len() < self.fewest {
            return None;
        }
        let centre = self.window.median()?;
        let deviation = value - centre;
        let mut scale = self.window.mad()? * NORMAL;
        if scale <= 0.0 {
            // Mean absolute deviation of a normal distribution: σ √(2/π).
            let sum: f64 = self.window.values().map(|held| (held - centre).abs()).sum();
            #[expect(clippy::cast_precision_loss, reason = "a window is far below 2^52")]
            let n = self.window.len() as f64;
            scale = sum / n * (std::f64::consts::PI / 2.0).sqrt();
        }
        let z = deviation / scale;
        Some(if scale > 0.0 && !z.is_nan() {
            z.clamp(-self.winsor, self.winsor)
        } else if deviation == 0.0 {
            0.0
        } else {
            self.winsor.copysign(deviation)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_value_is_measured_by_what_came_before_it_only() {
        let mut scale = RobustScale::new(100, 5, 10.0);
        for value in [1.0, 2.0, 3.0, 4.0] {
            assert_eq!(scale.push(value), None);
        }
        assert_eq!(scale.push(5.0), None);
        // Median 3, MAD 1.
        let z = scale.push(6.0).unwrap();
        assert!((z - 3.0 / NORMAL).abs() < 1e-12, "{z}");
    }

    #[test]
    fn outliers_move_the_scale_little_and_are_cut_off() {
        let mut clean = RobustScale::new(200, 10, 6.0);
        let mut dirty = RobustScale::new(200, 10, 6.0);
        for i in 0..100_u32 {
            let value = f64::from(i * 7919 % 101);
            clean.push(value);
            dirty.push(if i % 20 == 0 { 1e9 } else { value });
        }
        assert_eq!(dirty.standardise(1e12), Some(6.0));
        let (a, b) = (clean.standardise(90.0), dirty.standardise(90.0));
        assert!((a.unwrap() - b.unwrap()).abs() < 0.25, "{a:?} {b:?}");
    }

    #[test]
    fn a_constant_past_makes_the_same_value_zero_and_any_other_extreme() {
        let mut scale = RobustScale::new(50, 5, 6.0);
        for _ in 0..20 {
            scale.push(3.5);
        }
        assert_eq!(scale.standardise(3.5), Some(0.0));
        assert_eq!(scale.standardise(3.4), Some(-6.0));
        assert_eq!(scale.push(f64::NAN), None);
        assert_eq!(scale.standardise(3.5), Some(0.0));
        // Mostly one value: the rest still gives a scale.
        scale.push(4.5);
        let z = scale.standardise(4.5).unwrap();
        assert!(z > 1.0, "{z}");
    }
}
