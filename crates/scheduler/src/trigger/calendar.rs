//! Calendar intervals: dates in steps from a first one, at a time of day.

use airdrops_types::Timestamp;
use chrono::{Datelike as _, Days, Months, NaiveDate, NaiveTime};
use chrono_tz::Tz;

use super::TriggerError;
use super::zone::{self, Shown};
use crate::campaign::Calendar;

/// Whether a date exists depends on a number of months that repeats after 400 years. After more steps
/// than that, and some for local times that do not exist, none will come.
const MAX_STEPS: u64 = 5_000;

/// A calendar interval, ready to be searched.
#[derive(Debug, Clone)]
pub(super) struct CalendarSchedule {
    zone: Tz,
    months: u64,
    days: u64,
    time: NaiveTime,
    first: Option<NaiveDate>,
}

impl CalendarSchedule {
    pub(super) fn new(calendar: &Calendar) -> Result<Self, TriggerError> {
        let zone = zone::parse(&calendar.zone)?;
        let months = u64::from(calendar.years) * 12 + u64::from(calendar.months);
        let days = u64::from(calendar.weeks) * 7 + u64::from(calendar.days);
        if months == 0 && days == 0 {
            return Err(TriggerError::CalendarStep);
        }
        let time = NaiveTime::from_num_seconds_from_midnight_opt(calendar.time, 0).ok_or(
            TriggerError::TimeOfDay {
                time: calendar.time,
            },
        )?;
        Ok(Self {
            zone,
            months,
            days,
            time,
            first: calendar.first.as_deref().map(date).transpose()?,
        })
    }

    /// Whether its instants depend on when it is first seen.
    pub(super) fn floats(&self) -> bool {
        self.first.is_none()
    }

    /// The first instant after `after`, strictly.
    pub(super) fn next_after(&self, after: Timestamp, first_seen: Timestamp) -> Option<Timestamp> {
        let seconds = after.0.div_euclid(1000);
        let first = match self.first {
            Some(first) => first,
            None => zone::wall(self.zone, first_seen.0.div_euclid(1000))?.date(),
        };
        let from = zone::wall(self.zone, seconds)?.date();
        let start = self.step_not_before(first, from);
        (start..start.saturating_add(MAX_STEPS))
            .map_while(|step| self.date(first, step))
            .filter_map(|(date, exists)| exists.then_some(date.and_time(self.time)))
            .find_map(|wall| match zone::shown(self.zone, wall)? {
                Shown::Once(at) | Shown::Twice(at, _) => Some(at).filter(|at| *at > seconds),
                Shown::Never { .. } => None,
            })
            .and_then(|at| at.checked_mul(1000))
            .map(Timestamp)
    }

    /// The date of a step, and whether it exists; one that does not is moved to the end of its month
    /// first. `None` outside the calendar.
    fn date(&self, first: NaiveDate, step: u64) -> Option<(NaiveDate, bool)> {
        let months = u32::try_from(self.months.checked_mul(step)?).ok()?;
        let month = first.checked_add_months(Months::new(months))?;
        let days = Days::new(self.days.checked_mul(step)?);
        Some((month.checked_add_days(days)?, month.day() == first.day()))
    }

    /// The first step whose date, moved if it does not exist, is not before `date`. Bisection: a step
    /// is at least a day, and such dates only go forward.
    fn step_not_before(&self, first: NaiveDate, date: NaiveDate) -> u64 {
        let days = u64::try_from(date.signed_duration_since(first).num_days()).unwrap_or(0);
        let (mut low, mut high) = (0, days / (self.months * 28 + self.days).max(1) + 1);
        while low < high {
            let middle = low.midpoint(high);
            match self.date(first, middle) {
                Some((found, _)) if found < date => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }
}

/// A date as `2024-01-31`.
fn date(text: &str) -> Result<NaiveDate, TriggerError> {
    let written = text.len() == "2024-01-31".len();
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .filter(|_| written)
        .ok_or_else(|| TriggerError::Date {
            text: text.to_owned(),
        })
}
