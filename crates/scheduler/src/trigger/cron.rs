//! Cron expressions: the cron library reads them and says which days match; the search is here.

mod expression;

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike as _};
use chrono_tz::Tz;
use croner::parser::{CronParser, Year};
use croner::{CronComponent, CronPattern, Weekday};

use super::TriggerError;
use super::zone::{self, Shown};

/// Months in a cycle of the Gregorian calendar, 400 years.
const CYCLE_MONTHS: u32 = 4_800;

/// A cron expression, ready to be searched.
///
/// Days depend only on a month's length and on the weekday of its first day, so that the days of all
/// months of all times fit into 28 sets.
#[derive(Debug, Clone)]
pub(super) struct CronSchedule {
    zone: Tz,
    /// Whether it fires whenever clocks show a matching time, or once for each fixed time of day.
    wildcard: bool,
    seconds: u64,
    minutes: u64,
    hours: u64,
    months: u64,
    /// By length of the month less 28, and weekday of its first day from Sunday.
    days: [[u64; 7]; 4],
}

impl CronSchedule {
    pub(super) fn new(text: &str, zone: &str) -> Result<Self, TriggerError> {
        let zone = zone::parse(zone)?;
        let refuse = |defect: String| TriggerError::Cron {
            expression: text.to_owned(),
            defect,
        };
        let normal = expression::normalize(text)?;
        let cron = CronParser::builder()
            .year(Year::Disallowed)
            .build()
            .parse(&normal.text)
            .map_err(|error| refuse(error.to_string()))?;
        expression::check_steps(text)?;
        let pattern = &cron.pattern;
        let schedule = Self {
            zone,
            wildcard: normal.wildcard,
            seconds: set(&pattern.seconds),
            minutes: set(&pattern.minutes),
            hours: set(&pattern.hours),
            months: set(&pattern.months),
            days: days(pattern).map_err(|error| refuse(error.to_string()))?,
        };
        if schedule.ever_fires() {
            return Ok(schedule);
        }
        Err(TriggerError::NeverFires {
            expression: text.to_owned(),
        })
    }

    /// Every month falls on every weekday in some year, so a month that has a matching day in one
    /// of its lengths and weekdays has it in some year.
    fn ever_fires(&self) -> bool {
        let times = [self.seconds, self.minutes, self.hours];
        times.iter().all(|set| *set != 0)
            && (1..=12).any(|month| {
                let lengths = [days_in_month(2001, month), days_in_month(2000, month)];
                let has_days = |length: u32| {
                    self.days
                        .get(length.saturating_sub(28) as usize)
                        .is_some_and(|by_weekday| by_weekday.iter().any(|days| *days != 0))
                };
                self.months >> month & 1 == 1 && lengths.into_iter().any(has_days)
            })
    }

    /// The first instant after `after`, strictly; in seconds since 1970.
    pub(super) fn next_after(&self, after: i64) -> Option<i64> {
        let wall = zone::wall(self.zone, after)?;
        if self.wildcard {
            let ahead = self.next_shown(after, wall);
            match self.next_repeated(after, wall) {
                Some(repeated) => Some(ahead.map_or(repeated, |ahead| ahead.min(repeated))),
                None => ahead,
            }
        } else {
            self.next_fixed(after, wall)
        }
    }

    /// Fixed times of day: each local time fires at its first occurrence, or at the end of the gap
    /// in which it would be.
    fn next_fixed(&self, after: i64, wall: NaiveDateTime) -> Option<i64> {
        let mut from = next_second(wall)?;
        loop {
            let found = self.next_wall(from)?;
            from = match zone::shown(self.zone, found)? {
                Shown::Once(at) | Shown::Twice(at, _) | Shown::Never { end: at, .. }
                    if at > after =>
                {
                    return Some(at);
                }
                // In the second half of a repeated stretch: all of it has fired.
                Shown::Twice(first, second) => {
                    next_second(zone::repeated(self.zone, found, second - first)?.1)?
                }
                Shown::Once(_) | Shown::Never { .. } => next_second(found)?,
            };
        }
    }

    /// The first instant at which clocks show a matching time that is later than `wall`.
    fn next_shown(&self, after: i64, wall: NaiveDateTime) -> Option<i64> {
        let mut from = next_second(wall)?;
        loop {
            let found = self.next_wall(from)?;
            from = match zone::shown(self.zone, found)? {
                Shown::Once(at) | Shown::Twice(at, _) | Shown::Twice(_, at) if at > after => {
                    return Some(at);
                }
                Shown::Never { wall, .. } => wall.max(next_second(found)?),
                Shown::Once(_) | Shown::Twice(..) => next_second(found)?,
            };
        }
    }

    /// If clocks will soon be set back to before `wall`: the first matching instant after that.
    fn next_repeated(&self, after: i64, wall: NaiveDateTime) -> Option<i64> {
        let Shown::Twice(first, second) = zone::shown(self.zone, wall)? else {
            return None;
        };
        if first != after {
            return None;
        }
        let (start, _) = zone::repeated(self.zone, wall, second - first)?;
        match zone::shown(self.zone, self.next_wall(start)?)? {
            Shown::Twice(_, again) => Some(again),
            _ => None,
        }
    }

    /// The first local time from `from` on that matches, as if clocks were never changed.
    fn next_wall(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        let date = self.next_date(from.date())?;
        if date == from.date()
            && let Some(time) = self.next_time(from.time())
        {
            return Some(date.and_time(time));
        }
        let date = match date == from.date() {
            true => self.next_date(date.succ_opt()?)?,
            false => date,
        };
        Some(date.and_time(self.next_time(NaiveTime::MIN)?))
    }

    fn next_date(&self, from: NaiveDate) -> Option<NaiveDate> {
        let (mut year, mut month, mut day) = (from.year(), from.month(), from.day());
        for _ in 0..=CYCLE_MONTHS {
            if self.months >> month & 1 == 1 {
                let first = NaiveDate::from_ymd_opt(year, month, 1)?;
                let length = days_in_month(year, month).checked_sub(28)?;
                let days = self
                    .days
                    .get(length as usize)?
                    .get(first.weekday().num_days_from_sunday() as usize)?;
                if let Some(day) = at_least(*days, day) {
                    return NaiveDate::from_ymd_opt(year, month, day);
                }
            }
            day = 1;
            month += 1;
            if month > 12 {
                month = 1;
                year = year.checked_add(1)?;
            }
        }
        None
    }

    fn next_time(&self, from: NaiveTime) -> Option<NaiveTime> {
        let (hour, minute, second) = (from.hour(), from.minute(), from.second());
        if at_least(self.hours, hour) == Some(hour) {
            if at_least(self.minutes, minute) == Some(minute)
                && let Some(second) = at_least(self.seconds, second)
            {
                return NaiveTime::from_hms_opt(hour, minute, second);
            }
            if let Some(minute) = at_least(self.minutes, minute + 1) {
                return NaiveTime::from_hms_opt(hour, minute, at_least(self.seconds, 0)?);
            }
        }
        let hour = at_least(self.hours, hour + 1)?;
        NaiveTime::from_hms_opt(hour, at_least(self.minutes, 0)?, at_least(self.seconds, 0)?)
    }
}

fn next_second(wall: NaiveDateTime) -> Option<NaiveDateTime> {
    wall.checked_add_signed(TimeDelta::seconds(1))
}

/// The smallest member of `set` that is not below `from`, for `from` up to 63.
fn at_least(set: u64, from: u32) -> Option<u32> {
    let rest = set >> from << from;
    (rest != 0).then(|| rest.trailing_zeros())
}

fn set(field: &CronComponent) -> u64 {
    let values = field.values().into_iter();
    values.fold(0, |set, value| set | 1 << value)
}

fn days_in_month(year: i32, month: u32) -> u32 {
    croner::time::days_in_month(year, month)
}

/// The matching days of a month of each length and weekday of its first day, as the cron library
/// says.
fn days(pattern: &CronPattern) -> Result<[[u64; 7]; 4], croner::errors::CronError> {
    // Months of 28, 29, 30 and 31 days.
    const MONTHS: [(i32, u32); 4] = [(2001, 2), (2000, 2), (2001, 4), (2001, 1)];
    let mut sets = [[0; 7]; 4];
    for (by_weekday, (year, month)) in sets.iter_mut().zip(MONTHS) {
        for (weekday, set) in (0..).zip(by_weekday.iter_mut()) {
            for day in 1..=days_in_month(year, month) {
                let weekday = Weekday::from_days_from_sunday(weekday + day - 1);
                if pattern.day_match(year, month, day, weekday)? {
                    *set |= 1 << day;
                }
            }
        }
    }
    Ok(sets)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
