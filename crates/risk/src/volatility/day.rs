//! Days in UTC out of hours: the daily bar, its realised range and its realised variance.

use airdrops_types::{Bar, Timestamp};
use serde::{Deserialize, Serialize};

use super::ewma::bridged;
use super::range::{OutOfOrder, ValidBar};

/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;
/// Milliseconds of a day.
const DAY_MS: i64 = 24 * HOUR_MS;
/// Hours that a day must have to count.
pub const LEAST_HOURS: u32 = 18;

/// A day that is over.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Day {
    /// Its open, high, low and close; starts at midnight UTC.
    pub bar: ValidBar,
    /// Hours that were seen, [`LEAST_HOURS`] to 24.
    pub hours: u32,
    /// Σ of the hourly Parkinson variances, scaled up to 24 hours.
    pub realised_range: f64,
    /// Σ of the squared hourly log returns, scaled up to 24 hours.
    pub realised_variance: f64,
    /// Log return from the last close of the day before; from the first open without one.
    pub log_return: f64,
    /// Whether the day before was over and counted too.
    pub follows: bool,
}

impl Day {
    /// Midnight UTC at which it began.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.bar.start()
    }
}

/// A day that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Open {
    bar: ValidBar,
    hours: u32,
    range: f64,
    variance: f64,
    /// Last price before the day.
    base: f64,
}

/// Collects hours into days.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct DayBuilder {
    open: Option<Open>,
    last: Option<ValidBar>,
    last_day: Option<Timestamp>,
}

impl DayBuilder {
    /// Adds the next hour. Gives the day that it ends: its own if it is the last hour of the day,
    /// else the one before if its last hour was missing. A day with fewer than [`LEAST_HOURS`]
    /// hours is left out.
    ///
    /// # Errors
    /// If the bar starts less than an hour after the last one.
    pub fn push(&mut self, bar: &ValidBar) -> Result<Option<Day>, OutOfOrder> {
        let counted = match &self.last {
            Some(last) => bridged(last, bar)?,
            None => *bar,
        };
        let base = self.last.map_or(bar.bar().open, |last| last.close());
        let midnight = Timestamp(bar.start().0.div_euclid(DAY_MS).saturating_mul(DAY_MS));
        let mut ended = None;
        if self.open.is_some_and(|open| open.bar.start() != midnight) {
            ended = self.end();
        }
        let (range, variance) = (counted.parkinson(), bar.close_to_close(base));
        self.open = Some(match self.open.take() {
            Some(open) => Open {
                bar: merged(&open.bar, bar),
                hours: open.hours + 1,
                range: open.range + range,
                variance: open.variance + variance,
                base: open.base,
            },
            None => Open {
                bar: starting(bar, midnight),
                hours: 1,
                range,
                variance,
                base,
            },
        });
        self.last = Some(*bar);
        if bar.start().0.rem_euclid(DAY_MS) >= DAY_MS - HOUR_MS {
            // A day of which only the last hour was seen does not count: at most one day ends.
            ended = self.end().or(ended);
        }
        Ok(ended)
    }

    fn end(&mut self) -> Option<Day> {
        let open = self.open.take().filter(|open| open.hours >= LEAST_HOURS)?;
        let start = open.bar.start();
        let follows = self
            .last_day
            .is_some_and(|last| last.0.saturating_add(DAY_MS) == start.0);
        self.last_day = Some(start);
        let scale = 24.0 / f64::from(open.hours);
        Some(Day {
            bar: open.bar,
            hours: open.hours,
            realised_range: open.range * scale,
            realised_variance: open.variance * scale,
            log_return: open.bar.log_return(open.base),
            follows,
        })
    }
}

/// `bar` as the first of a day.
fn starting(bar: &ValidBar, midnight: Timestamp) -> ValidBar {
    let first = Bar {
        start: midnight,
        ..*bar.bar()
    };
    ValidBar::try_from(first).unwrap_or(*bar)
}

/// The day's bar and the next hour.
fn merged(day: &ValidBar, hour: &ValidBar) -> ValidBar {
    let (day_bar, hour) = (day.bar(), hour.bar());
    let joined = Bar {
        start: day_bar.start,
        open: day_bar.open,
        high: day_bar.high.max(hour.high),
        low: day_bar.low.min(hour.low),
        close: hour.close,
    };
    ValidBar::try_from(joined).unwrap_or(*day)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn hour(hour: i64, price: f64) -> ValidBar {
        ValidBar::try_from(Bar {
            start: Timestamp(hour * HOUR_MS),
            open: price,
            high: price * 1.02,
            low: price * 0.99,
            close: price,
        })
        .unwrap()
    }

    fn days(hours: impl IntoIterator<Item = i64>) -> Vec<Day> {
        let mut builder = DayBuilder::default();
        let mut days = Vec::new();
        for at in hours {
            days.extend(builder.push(&hour(at, 100.0)).unwrap());
        }
        days
    }

    #[test]
    fn a_whole_day_ends_with_its_last_hour() {
        let days = days(0..48);
        assert_eq!(days.len(), 2);
        assert_eq!((days[0].hours, days[0].follows), (24, false));
        assert_eq!(days[1].start(), Timestamp(DAY_MS));
        assert!(days[1].follows);
        let hourly = hour(0, 100.0).parkinson();
        assert!((days[1].realised_range - 24.0 * hourly).abs() < 1e-12);
    }

    #[test]
    fn missing_hours_are_scaled_up_and_a_thin_day_does_not_count() {
        // The second day lacks its last four hours, the third all but its last 17.
        let days = days((0..44).chain(55..96));
        let starts: Vec<i64> = days.iter().map(|day| day.start().0 / DAY_MS).collect();
        assert_eq!(starts, [0, 1, 3]);
        assert_eq!(days[1].hours, 20);
        assert!((days[1].realised_range - days[0].realised_range).abs() < 1e-12);
        assert!(!days[2].follows);
    }

    #[test]
    fn the_daily_bar_and_return_span_the_day() {
        let mut builder = DayBuilder::default();
        let mut days = Vec::new();
        for at in 0..48 {
            let price = if at < 24 { 100.0 } else { 110.0 };
            days.extend(builder.push(&hour(at, price)).unwrap());
        }
        assert!((days[1].log_return - 1.1_f64.ln()).abs() < 1e-12);
        assert!((days[1].realised_variance - 1.1_f64.ln().powi(2)).abs() < 1e-12);
        assert_eq!(days[1].bar.bar().high, 110.0 * 1.02);
    }
}
