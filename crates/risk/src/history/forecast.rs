//! Estimators of tomorrow's variance against each other.

use std::fmt;

use airdrops_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::volatility::har::LEAST_VARIANCE;
use crate::volatility::{Day, Ewma, LogHar, RealisedVolatility, RiskMetrics};

/// Decay of the daily range estimators.
const DAILY_DECAY: f64 = 0.80;
/// Half-life of the hourly estimators, in hours.
const HALF_LIFE_HOURS: f64 = 24.0;

/// A way to tell tomorrow's variance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// Log-HAR on the daily sums of hourly Parkinson variances; the one that is used.
    LogHarRange,
    /// Log-HAR on the daily sums of squared hourly returns.
    LogHarReturn,
    /// Hourly Parkinson, half-life 24 h; the one that states are made of.
    ParkinsonEwma,
    /// Squared hourly returns, half-life 24 h.
    ReturnEwma,
    /// Daily Parkinson, decay 0.80.
    DailyParkinson,
    /// Daily Garman-Klass, decay 0.80.
    DailyGarmanKlass,
    /// Daily Rogers-Satchell, decay 0.80.
    DailyRogersSatchell,
    /// Squared daily returns, decay 0.94.
    #[serde(rename = "riskmetrics")]
    RiskMetrics,
}

impl Estimator {
    /// All of them, in the order of [`ForecastDay::forecasts`].
    pub const ALL: [Self; 8] = [
        Self::LogHarRange,
        Self::LogHarReturn,
        Self::ParkinsonEwma,
        Self::ReturnEwma,
        Self::DailyParkinson,
        Self::DailyGarmanKlass,
        Self::DailyRogersSatchell,
        Self::RiskMetrics,
    ];

    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LogHarRange => "log_har_range",
            Self::LogHarReturn => "log_har_return",
            Self::ParkinsonEwma => "parkinson_ewma",
            Self::ReturnEwma => "return_ewma",
            Self::DailyParkinson => "daily_parkinson",
            Self::DailyGarmanKlass => "daily_garman_klass",
            Self::DailyRogersSatchell => "daily_rogers_satchell",
            Self::RiskMetrics => "riskmetrics",
        }
    }
}

impl fmt::Display for Estimator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::LogHarRange => "log-HAR, hourly range",
            Self::LogHarReturn => "log-HAR, hourly returns",
            Self::ParkinsonEwma => "hourly Parkinson, 24 h",
            Self::ReturnEwma => "hourly returns, 24 h",
            Self::DailyParkinson => "daily Parkinson, 0.80",
            Self::DailyGarmanKlass => "daily Garman-Klass, 0.80",
            Self::DailyRogersSatchell => "daily Rogers-Satchell, 0.80",
            Self::RiskMetrics => "RiskMetrics, 0.94",
        })
    }
}

/// A day, and what each estimator had said of it before it began.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ForecastDay {
    /// Midnight UTC at which it began.
    pub start: Timestamp,
    /// Σ of squared hourly log returns.
    pub realised: f64,
    /// In the order of [`Estimator::ALL`].
    pub forecasts: [f64; Estimator::ALL.len()],
}

/// How good an estimator was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Which.
    pub estimator: Estimator,
    /// Mean QLIKE with the forecasts as they were given.
    pub raw: f64,
    /// Mean QLIKE after the one factor on all forecasts that is best in hindsight: what is left is
    /// how well an estimator tells days apart, whatever level it reads.
    pub adjusted: f64,
    /// That factor: the mean of realised over forecast.
    pub factor: f64,
}

/// Mean QLIKE, `v/f − ln(v/f) − 1` (Patton 2011), of each estimator over the days, lower is better;
/// empty without a day.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn scores(days: &[ForecastDay]) -> Vec<Score> {
    if days.is_empty() {
        return Vec::new();
    }
    let count = days.len() as f64;
    let score = |(index, estimator): (usize, &Estimator)| {
        let (mut ratios, mut logarithms) = (0.0, 0.0);
        for day in days {
            let ratio = day.realised / day.forecasts[index];
            ratios += ratio;
            logarithms += libm::log(ratio);
        }
        let (factor, logarithm) = (ratios / count, logarithms / count);
        Score {
            estimator: *estimator,
            raw: factor - logarithm - 1.0,
            adjusted: libm::log(factor) - logarithm,
            factor,
        }
    };
    Estimator::ALL.iter().enumerate().map(score).collect()
}

/// The estimators that are only compared with, and the days so far.
pub(super) struct Rivals {
    hourly: Ewma,
    parkinson: Ewma,
    garman_klass: Ewma,
    rogers_satchell: Ewma,
    risk_metrics: RiskMetrics,
    har: LogHar,
    burn_in: usize,
    seen: usize,
    /// Of the day after the last one.
    tomorrow: Option<[f64; Estimator::ALL.len()]>,
    pub(super) days: Vec<ForecastDay>,
}

impl Rivals {
    pub(super) fn new(burn_in: usize) -> Self {
        Self {
            hourly: Ewma::with_half_life(HALF_LIFE_HOURS),
            parkinson: Ewma::with_decay(DAILY_DECAY),
            garman_klass: Ewma::with_decay(DAILY_DECAY),
            rogers_satchell: Ewma::with_decay(DAILY_DECAY),
            risk_metrics: RiskMetrics::default(),
            har: LogHar::default(),
            burn_in,
            seen: 0,
            tomorrow: None,
            days: Vec::new(),
        }
    }

    pub(super) fn hour(&mut self, log_return: f64) {
        self.hourly.push(log_return * log_return);
    }

    /// Compares the day with what was said of it, and learns from it. `on_time` is whether the next
    /// day has not begun.
    pub(super) fn day(&mut self, day: &Day, volatility: &RealisedVolatility, on_time: bool) {
        self.seen += 1;
        if let Some(forecasts) = self.tomorrow.take()
            && day.follows
            && self.seen > self.burn_in
        {
            self.days.push(ForecastDay {
                start: day.start(),
                realised: day.realised_variance.max(LEAST_VARIANCE),
                forecasts,
            });
        }
        self.parkinson.push(day.bar.parkinson());
        self.garman_klass.push(day.bar.garman_klass());
        self.rogers_satchell.push(day.bar.rogers_satchell());
        self.risk_metrics.push(day.log_return);
        let variance = day.realised_variance;
        self.har
            .observe(day.start(), day.follows, variance, variance);
        if on_time {
            self.tomorrow = self.forecasts(volatility);
        }
    }

    fn forecasts(&self, volatility: &RealisedVolatility) -> Option<[f64; Estimator::ALL.len()]> {
        let mut forecasts = [0.0; Estimator::ALL.len()];
        for (forecast, estimator) in forecasts.iter_mut().zip(Estimator::ALL) {
            let variance = match estimator {
                Estimator::LogHarRange => volatility.forecast(),
                Estimator::LogHarReturn => self.har.forecast(),
                Estimator::ParkinsonEwma => volatility.range().variance().map(|v| 24.0 * v),
                Estimator::ReturnEwma => self.hourly.mean().map(|v| 24.0 * v),
                Estimator::DailyParkinson => self.parkinson.mean(),
                Estimator::DailyGarmanKlass => self.garman_klass.mean(),
                Estimator::DailyRogersSatchell => self.rogers_satchell.mean(),
                Estimator::RiskMetrics => self.risk_metrics.variance(),
            };
            *forecast = variance?.max(LEAST_VARIANCE);
        }
        Some(forecasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(realised: f64, forecast: f64) -> ForecastDay {
        ForecastDay {
            start: Timestamp(0),
            realised,
            forecasts: [forecast; Estimator::ALL.len()],
        }
    }

    #[test]
    fn qlike_by_hand() {
        // Ratios 2 and 1/2: (2 − ln 2 − 1 + 1/2 + ln 2 − 1) / 2 = 1/4; the best factor is 5/4.
        let scores = scores(&[day(2.0, 1.0), day(1.0, 2.0)]);
        assert!((scores[0].raw - 0.25).abs() < 1e-12);
        assert!((scores[0].factor - 1.25).abs() < 1e-12);
        assert!((scores[0].adjusted - 1.25_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn a_forecast_of_another_level_is_adjusted_to_none() {
        let scores = scores(&[day(2.0, 1.0), day(4.0, 2.0)]);
        assert!(scores[0].adjusted.abs() < 1e-12 && scores[0].raw > 0.3);
        assert!(super::scores(&[]).is_empty());
    }

    #[test]
    fn names_in_json_are_those_of_the_type() {
        for estimator in Estimator::ALL {
            assert_eq!(
                serde_json::to_value(estimator).ok(),
                Some(estimator.name().into())
            );
        }
    }
}
