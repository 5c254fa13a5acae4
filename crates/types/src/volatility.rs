//! How rough the market is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Ordered from calm to wild.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum VolatilityState {
    /// Calmer than usual.
    #[default]
    Low,
    /// As usual.
    Medium,
    /// Rougher than usual.
    High,
    /// Rare.
    Extreme,
}

impl VolatilityState {
    /// From calm to wild.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Extreme];
}

impl fmt::Display for VolatilityState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Extreme => "extreme",
        })
    }
}

/// Annualised volatility in hundredths of a percentage point: 75.81 % is `VolPoints(7581)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VolPoints(pub u32);

impl VolPoints {
    /// From percent, rounded; `None` for what is negative, not a number or above 1,000,000 %.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn from_percent(percent: f64) -> Option<Self> {
        // In range by the check, so that the cast neither truncates nor loses a sign.
        (0.0..=1e6)
            .contains(&percent)
            .then(|| Self((percent * 100.0).round() as u32))
    }

    /// In percent.
    #[must_use]
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl fmt::Display for VolPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_keep_two_decimals_and_refuse_what_is_no_volatility() {
        let points = VolPoints::from_percent(75.814).map(|points| points.to_string());
        assert_eq!(points.as_deref(), Some("75.81"));
        for wrong in [-0.01, f64::NAN, f64::INFINITY, 1e7] {
            assert_eq!(VolPoints::from_percent(wrong), None, "{wrong}");
        }
    }
}
