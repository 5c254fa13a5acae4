//! One asset on its way through the replay.

use std::time::Duration;

use airdrops_types::{AssetId, Bps, Timestamp};

use super::forecast::{ForecastDay, Rivals};
use super::{BadDay, DAY_MS, Gaps, HOUR_MS, HistoryConfig, HistoryError, PriceHistory, hour_of};
use crate::volatility::{Component, Day, RealisedVolatility, ValidBar};

/// A component is fresh only with the bar of its own hour.
const MAX_AGE: Duration = Duration::from_secs(3599);

/// An asset's prices and the estimators that they pass through.
pub(super) struct Feed<'a> {
    history: &'a PriceHistory,
    next: usize,
    volatility: RealisedVolatility,
    rivals: Rivals,
    gaps: Gaps,
    last: Option<ValidBar>,
    hour_return: f64,
    /// Last close before the present day, and the hour's end at which the day first fell far
    /// enough.
    day_base: Option<(Timestamp, f64)>,
    fell: Option<Timestamp>,
    bad_day: f64,
    /// The day that the present hour ended.
    ended: Option<Day>,
}

impl<'a> Feed<'a> {
    pub(super) fn new(history: &'a PriceHistory, config: &HistoryConfig) -> Self {
        Self {
            history,
            next: 0,
            volatility: RealisedVolatility::default(),
            rivals: Rivals::new(config.burn_in_days),
            gaps: Gaps::default(),
            last: None,
            hour_return: 0.0,
            day_base: None,
            fell: None,
            bad_day: config.bad_day,
            ended: None,
        }
    }

    /// The hour of the next bar.
    pub(super) fn next_hour(&self) -> Option<Timestamp> {
        self.history
            .bars
            .get(self.next)
            .map(|bar| hour_of(bar.start()))
    }

    /// Takes the bar of `hour`, if there is one.
    pub(super) fn step(&mut self, hour: Timestamp) -> Result<bool, HistoryError> {
        self.ended = None;
        let Some(bar) = self.history.bars.get(self.next).copied() else {
            return Ok(false);
        };
        if hour_of(bar.start()) != hour {
            return Ok(false);
        }
        let order = |source| HistoryError::Order {
            asset: self.history.asset.clone(),
            source,
        };
        self.ended = self.volatility.push(&bar).map_err(order)?;
        self.next += 1;
        let base = self.last.map_or(bar.bar().open, |last| last.close());
        self.hour_return = libm::expm1(bar.log_return(base));
        self.count_gap(hour);
        self.note_fall(hour, base, &bar);
        self.rivals.hour(bar.log_return(base));
        if let Some(day) = &self.ended {
            let on_time = day.start().0.saturating_add(DAY_MS) == hour.0 + HOUR_MS;
            self.rivals.day(day, &self.volatility, on_time);
        }
        self.last = Some(bar);
        Ok(true)
    }

    #[allow(clippy::cast_sign_loss)]
    fn count_gap(&mut self, hour: Timestamp) {
        let Some(last) = self.last else { return };
        let first = hour_of(last.start()).0 + HOUR_MS;
        let missing = ((hour.0 - first) / HOUR_MS).max(0) as u64;
        if missing > 0 {
            self.gaps.count += 1;
            self.gaps.hours += missing;
            if self.gaps.longest.is_none_or(|(_, most)| missing > most) {
                self.gaps.longest = Some((Timestamp(first), missing));
            }
        }
    }

    fn note_fall(&mut self, hour: Timestamp, last_close: f64, bar: &ValidBar) {
        let day = super::day_of(hour);
        let base = match self.day_base {
            Some((of, base)) if of == day => base,
            _ => {
                self.fell = None;
                self.day_base = Some((day, last_close));
                last_close
            }
        };
        if self.fell.is_none() && bar.close() <= base * (1.0 - self.bad_day) {
            self.fell = Some(Timestamp(hour.0 + HOUR_MS));
        }
    }

    /// The day that just ended, if it lost too much.
    pub(super) fn bad_day(&self, floor: f64) -> Option<BadDay> {
        let day = self.ended.as_ref()?;
        let (of, _) = self.day_base?;
        let change = libm::expm1(day.log_return);
        // A day that ended late, with a bar of the next one, has lost its hour of the fall.
        let fell = self.fell.filter(|_| of == day.start() && change <= floor)?;
        Some(BadDay::new(
            day.start(),
            self.history.asset.clone(),
            change,
            fell,
        ))
    }

    /// The day that the present hour ended.
    pub(super) fn ended(&self) -> Option<&Day> {
        self.ended.as_ref()
    }

    /// Volatility per day by the range EWMA.
    pub(super) fn daily_volatility(&self) -> Option<f64> {
        let variance = self.volatility.range().variance()?;
        Some((24.0 * variance).sqrt())
    }

    pub(super) fn component(&self, now: Timestamp) -> Component {
        self.volatility.component(&self.history.asset, now, MAX_AGE)
    }

    pub(super) fn weight(&self) -> Bps {
        self.history.weight
    }

    /// Simple return of the last hour that was seen, from the last close before it.
    pub(super) fn hour_return(&self) -> f64 {
        self.hour_return
    }

    pub(super) fn summary(&self) -> (AssetId, Bps, Gaps) {
        (self.history.asset.clone(), self.history.weight, self.gaps)
    }

    pub(super) fn forecasts(&self) -> (AssetId, Vec<ForecastDay>) {
        (self.history.asset.clone(), self.rivals.days.clone())
    }
}
