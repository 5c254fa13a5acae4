//! Filtered historical simulation: past returns in units of the volatility of their time, played
//! again at the volatility of now. Barone-Adesi, Giannopoulos and Vosper (1999), with the range-based
//! EWMA in place of GARCH.

use std::collections::VecDeque;

use airdrops_types::AssetId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::shortfall::Scenarios;

/// Days that are kept.
pub const WINDOW_DAYS: usize = 500;
/// Days before there are scenarios.
pub const LEAST_DAYS: usize = 250;
/// Volatilities per day below this count as this, so that a quiet day is no division by zero.
pub const LEAST_VOLATILITY: f64 = 1e-6;
/// Log returns beyond this are not simulated: a factor of about 22,000.
const GREATEST_LOG_RETURN: f64 = 10.0;

/// Standardised returns of several assets, day by day. All assets of a day are played together, so
/// that they fall together as they did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FilteredHistory {
    assets: Vec<AssetId>,
    window: usize,
    /// Per day the standardised log return of each asset, oldest first.
    residuals: VecDeque<Vec<f64>>,
}

/// Why a day is not taken.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum FilteredHistoryError {
    /// Not one value per asset.
    #[error("{given} values for {expected} assets")]
    Count {
        /// Values given.
        given: usize,
        /// Assets.
        expected: usize,
    },
    /// A return that is no number, or a volatility that is not positive.
    #[error("{asset}: {what} is {value}")]
    Value {
        /// Of which asset.
        asset: AssetId,
        /// Which of its values.
        what: &'static str,
        /// What it says.
        value: f64,
    },
}

impl FilteredHistory {
    /// Of `assets`, in this order, over at most `window` days.
    #[must_use]
    pub fn new(assets: Vec<AssetId>, window: usize) -> Self {
        Self {
            assets,
            window: window.max(1),
            residuals: VecDeque::new(),
        }
    }

    /// The assets, in the order of all values.
    #[must_use]
    pub fn assets(&self) -> &[AssetId] {
        &self.assets
    }

    /// Days that are kept at present.
    #[must_use]
    pub fn days(&self) -> usize {
        self.residuals.len()
    }

    /// Adds a day: each asset's log return, and its volatility per day as it was known before the
    /// day began.
    ///
    /// # Errors
    /// If a value is none; nothing changes then.
    pub fn push(
        &mut self,
        log_returns: &[f64],
        volatilities: &[f64],
    ) -> Result<(), FilteredHistoryError> {
        self.check(volatilities, "the volatility", true)?;
        self.check(log_returns, "the log return", false)?;
        let residuals = log_returns
            .iter()
            .zip(volatilities)
            .map(|(value, volatility)| value / volatility.max(LEAST_VOLATILITY));
        self.residuals.push_back(residuals.collect());
        if self.residuals.len() > self.window {
            self.residuals.pop_front();
        }
        Ok(())
    }

    /// Every kept day at the given volatilities per day; `None` before there are [`LEAST_DAYS`].
    ///
    /// # Errors
    /// If a volatility is none, or a stored day has not one value per asset.
    pub fn scenarios(
        &self,
        volatilities: &[f64],
    ) -> Result<Option<Scenarios>, FilteredHistoryError> {
        self.check(volatilities, "the volatility", true)?;
        if self.residuals.len() < LEAST_DAYS.min(self.window) {
            return Ok(None);
        }
        let mut returns = Vec::with_capacity(self.residuals.len() * self.assets.len());
        for day in &self.residuals {
            // What was stored may have been changed since.
            self.check(day, "a stored return", false)?;
            returns.extend(day.iter().zip(volatilities).map(|(residual, volatility)| {
                let log_return = residual * volatility.max(LEAST_VOLATILITY);
                libm::expm1(log_return.clamp(-GREATEST_LOG_RETURN, GREATEST_LOG_RETURN))
            }));
        }
        Ok(Some(Scenarios::new(self.assets.len(), returns)))
    }

    fn check(
        &self,
        values: &[f64],
        what: &'static str,
        positive: bool,
    ) -> Result<(), FilteredHistoryError> {
        if values.len() != self.assets.len() {
            return Err(FilteredHistoryError::Count {
                given: values.len(),
                expected: self.assets.len(),
            });
        }
        let wrong = values
            .iter()
            .zip(&self.assets)
            .find(|(value, _)| !value.is_finite() || (positive && **value <= 0.0));
        match wrong {
            None => Ok(()),
            Some((value, asset)) => Err(FilteredHistoryError::Value {
                asset: asset.clone(),
                what,
                value: *value,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_precision_loss)]
    use super::*;

    fn history(days: usize) -> FilteredHistory {
        let mut history = FilteredHistory::new(vec!["ETH".into()], 300);
        for day in 0..days {
            let sign = if day % 2 == 0 { 1.0 } else { -1.0 };
            history.push(&[sign * 0.02], &[0.04]).unwrap();
        }
        history
    }

    #[test]
    fn past_returns_are_played_at_the_volatility_of_now() {
        let scenarios = history(300).scenarios(&[0.1]).unwrap().unwrap();
        // Half a standard deviation each way, at 10 %.
        let tail = scenarios.tail(&[1.0], 0.99).unwrap();
        assert!((tail.value_at_risk + (-0.05_f64).exp_m1()).abs() < 1e-12);
    }

    #[test]
    fn twice_the_volatility_never_risks_less() {
        let history = history(300);
        let risk = |volatility: f64| {
            let scenarios = history.scenarios(&[volatility]).unwrap().unwrap();
            scenarios.tail(&[1.0], 0.99).unwrap().expected_shortfall
        };
        for step in 1..40 {
            let volatility = 0.01 * f64::from(step);
            assert!(risk(2.0 * volatility) > risk(volatility));
        }
    }

    #[test]
    fn too_few_days_give_no_scenarios_and_old_days_leave() {
        assert_eq!(history(249).scenarios(&[0.1]).unwrap(), None);
        assert_eq!(history(1000).days(), 300);
    }

    #[test]
    fn what_is_no_number_is_refused_and_changes_nothing() {
        let mut history = history(10);
        let before = history.clone();
        assert!(history.push(&[f64::NAN], &[0.1]).is_err());
        assert!(history.push(&[0.1], &[0.0]).is_err());
        assert!(history.push(&[0.1, 0.2], &[0.1, 0.1]).is_err());
        assert!(history.scenarios(&[f64::INFINITY]).is_err());
        assert_eq!(history, before);
        let error = history.push(&[0.1], &[-1.0]).unwrap_err();
        assert_eq!(error.to_string(), "ETH: the volatility is -1");
    }

    #[test]
    fn a_restart_keeps_every_bit() {
        let mut history = history(20);
        history.push(&[0.1 / 3.0], &[0.07]).unwrap();
        let text = serde_json::to_string(&history).unwrap();
        assert_eq!(
            serde_json::from_str::<FilteredHistory>(&text).unwrap(),
            history
        );
        let torn = r#"{"assets":["ETH","BTC"],"window":1,"residuals":[[0.5]]}"#;
        let torn: FilteredHistory = serde_json::from_str(torn).unwrap();
        assert!(torn.scenarios(&[0.1, 0.1]).is_err());
    }
}
