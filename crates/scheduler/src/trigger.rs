//! The instants at which a trigger fires.

use std::time::Duration;

use airdrops_types::Timestamp;
use chrono::{DateTime, MappedLocalTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Year};
use thiserror::Error;

use crate::campaign::Trigger;

/// The shortest interval.
pub const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// 0001-01-01T00:00:00Z: cron knows no earlier instants.
const FIRST_YEAR_MS: i64 = -62_135_596_800_000;

/// Most fixed times of day that a cron expression may list and still be treated as fixed times.
const MAX_FIXED_TIMES: usize = 96;

/// Why a trigger cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TriggerError {
    /// Not a cron expression.
    #[error("cron expression {expression:?}: {defect}")]
    Cron {
        /// The expression.
        expression: String,
        /// What is wrong with it.
        defect: String,
    },
    /// A step that never makes a second value.
    #[error(
        "cron expression {expression:?}: the step {step} in the {field} field is larger than its \
         range {first}-{last}; write the one value instead, or use an interval"
    )]
    Step {
        /// The expression.
        expression: String,
        /// Which field.
        field: &'static str,
        /// The step.
        step: u32,
        /// First value of its range.
        first: u32,
        /// Last value of its range.
        last: u32,
    },
    /// An expression that no instant satisfies.
    #[error("cron expression {expression:?} never fires")]
    NeverFires {
        /// The expression.
        expression: String,
    },
    /// Not an IANA time zone.
    #[error("unknown time zone {zone:?}; use an IANA name such as `UTC` or `Europe/Berlin`")]
    Zone {
        /// The name.
        zone: String,
    },
    /// Too short a period.
    #[error("the interval is {} ms, it must be at least 1 s", .every.as_millis())]
    Interval {
        /// The period.
        every: Duration,
    },
}

impl Trigger {
    /// Checks that it can be used.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn validate(&self) -> Result<(), TriggerError> {
        match self {
            Self::Cron { expression, zone } => {
                parse_zone(zone)?;
                let times = parse_cron(expression)?;
                if !times.iter().any(ever_fires) {
                    let expression = expression.clone();
                    return Err(TriggerError::NeverFires { expression });
                }
                Ok(())
            }
            Self::Interval { every, .. } if *every < MIN_INTERVAL => {
                Err(TriggerError::Interval { every: *every })
            }
            _ => Ok(()),
        }
    }

    /// Whether it fires at most once.
    #[must_use]
    pub fn is_one_shot(&self) -> bool {
        matches!(self, Self::Date { .. } | Self::Once)
    }

    /// A text that stays the same across versions of the program as long as the trigger fires at
    /// the same instants. Stored with the trigger's state, to notice a changed trigger.
    #[must_use]
    pub fn definition(&self) -> String {
        match self {
            Self::Cron { expression, zone } => format!("cron {expression} in {zone}"),
            Self::Interval { every, first: None } => format!("every {} ms", every.as_millis()),
            Self::Interval {
                every,
                first: Some(first),
            } => format!("every {} ms from {} ms", every.as_millis(), first.0),
            Self::Date { at } => format!("at {} ms", at.0),
            Self::Once => "once".to_owned(),
            other => format!("{other:?}"),
        }
    }
}

/// The first instant after `after`, strictly, at which `trigger` fires; `None` if there is none.
/// `first_seen` is the instant of [`Trigger::Once`], and of the first fire of an interval without
/// a start of its own.
///
/// Cron expressions are read in wall-clock time. When clocks go forward, a fixed time of day that
/// does not exist fires once, at the end of the gap; when they go back, a fixed time that occurs
/// twice fires at its first occurrence only. A fixed time has only numbers, or lists of them, in
/// its second, minute and hour fields. Anything else (steps, ranges, `*`) fires whenever the
/// wall clock shows a matching time: not in the gap, and in both halves of an overlap. Intervals
/// count elapsed time and know nothing of clocks.
///
/// # Errors
///
/// As [`Trigger::validate`]; an expression that never fires gives `None` here.
pub fn next_fire(
    trigger: &Trigger,
    after: Timestamp,
    first_seen: Timestamp,
) -> Result<Option<Timestamp>, TriggerError> {
    match trigger {
        Trigger::Cron { expression, zone } => {
            let zone = parse_zone(zone)?;
            let crons = parse_cron(expression)?;
            // Cron instants are whole seconds.
            let seconds = after.0.max(FIRST_YEAR_MS).div_euclid(1000);
            let Some(start) = DateTime::from_timestamp(seconds, 0) else {
                return Ok(None);
            };
            let start = start.with_timezone(&zone);
            let next = crons
                .iter()
                .filter_map(|cron| next_cron(cron, &start))
                .min();
            Ok(next.map(|instant| Timestamp(instant.timestamp_millis())))
        }
        Trigger::Interval { every, first } => {
            if *every < MIN_INTERVAL {
                return Err(TriggerError::Interval { every: *every });
            }
            let first = i128::from(first.unwrap_or(first_seen).0);
            let every = i128::try_from(every.as_millis()).unwrap_or(i128::MAX);
            let elapsed = i128::from(after.0) - first;
            let next = if elapsed < 0 {
                Some(first)
            } else {
                (elapsed / every + 1)
                    .checked_mul(every)
                    .and_then(|ms| ms.checked_add(first))
            };
            Ok(next.and_then(|ms| i64::try_from(ms).ok()).map(Timestamp))
        }
        Trigger::Date { at } => Ok(Some(*at).filter(|at| *at > after)),
        Trigger::Once => Ok(Some(first_seen).filter(|at| *at > after)),
        _ => Ok(None),
    }
}

/// The last instant up to and including `now`, given that `next`, the trigger's next instant, is
/// not later than `now`.
pub(crate) fn latest_due(
    trigger: &Trigger,
    next: Timestamp,
    now: Timestamp,
) -> Result<Timestamp, TriggerError> {
    if trigger.is_one_shot() || next >= now {
        return Ok(next);
    }
    // "The next instant after t is not later than now" holds up to some t and never again.
    let mut due = next;
    let (mut holds, mut fails) = (next.0, now.0);
    while holds < fails {
        let middle = holds.midpoint(fails);
        match next_fire(trigger, Timestamp(middle), next)? {
            Some(found) if found <= now => {
                due = found;
                holds = found.0;
            }
            _ => fails = middle,
        }
    }
    Ok(due)
}

fn parse_zone(zone: &str) -> Result<Tz, TriggerError> {
    zone.parse().map_err(|_| TriggerError::Zone {
        zone: zone.to_owned(),
    })
}

/// One pattern; or several, when the expression lists fixed times of day: the cron library knows
/// a fixed time only by its single value.
fn parse_cron(expression: &str) -> Result<Vec<Cron>, TriggerError> {
    let parser = CronParser::builder().year(Year::Disallowed).build();
    let parse = |text: &str| {
        parser.parse(text).map_err(|error| TriggerError::Cron {
            expression: expression.to_owned(),
            defect: error.to_string(),
        })
    };
    let whole = parse(expression)?;
    let mut fields: Vec<&str> = expression.split_whitespace().collect();
    if fields.len() == 5 {
        fields.insert(0, "0");
    }
    let [second, minute, hour, rest @ ..] = fields.as_slice() else {
        return Ok(vec![whole]); // `@daily`
    };
    check_steps(expression, &fields)?;
    let is_list = |field: &str| field.chars().all(|c| c.is_ascii_digit() || c == ',');
    if ![second, minute, hour]
        .into_iter()
        .all(|field| is_list(field))
    {
        return Ok(vec![whole]);
    }
    let pattern = &whole.pattern;
    let (seconds, minutes, hours) = (
        pattern.seconds.values(),
        pattern.minutes.values(),
        pattern.hours.values(),
    );
    let count = seconds.len() * minutes.len() * hours.len();
    if count <= 1 || count > MAX_FIXED_TIMES {
        return Ok(vec![whole]);
    }
    let rest = rest.join(" ");
    let mut times = Vec::with_capacity(count);
    for hour in &hours {
        for minute in &minutes {
            for second in &seconds {
                times.push(parse(&format!("{second} {minute} {hour} {rest}"))?);
            }
        }
    }
    Ok(times)
}

/// Rejects `*/90` in the minute field, which the cron library reads as `0`.
fn check_steps(expression: &str, fields: &[&str]) -> Result<(), TriggerError> {
    const RANGES: [(&str, u32, u32); 6] = [
        ("second", 0, 59),
        ("minute", 0, 59),
        ("hour", 0, 23),
        ("day of month", 1, 31),
        ("month", 1, 12),
        ("day of week", 0, 6),
    ];
    for (text, (field, first, last)) in fields.iter().zip(RANGES) {
        for part in text.split(',') {
            let Some((range, Ok(step))) = part
                .split_once('/')
                .map(|(range, step)| (range, step.parse::<u32>()))
            else {
                continue;
            };
            // A range of names is measured against the whole field.
            let (first, last) = range
                .split_once('-')
                .and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)))
                .unwrap_or((first, last));
            if step > last.saturating_sub(first) {
                return Err(TriggerError::Step {
                    expression: expression.to_owned(),
                    field,
                    step,
                    first,
                    last,
                });
            }
        }
    }
    Ok(())
}

/// Whether some instant of a 400-year cycle of the calendar matches. Not left to the search alone:
/// it takes half a minute to give up on an empty field.
fn ever_fires(cron: &Cron) -> bool {
    let pattern = &cron.pattern;
    let fields = [
        &pattern.seconds,
        &pattern.minutes,
        &pattern.hours,
        &pattern.months,
    ];
    if fields.iter().any(|field| field.values().is_empty()) {
        return false;
    }
    let text = pattern.as_str();
    let seconds = match text.split_whitespace().count() {
        5 => "0 ",
        _ => "",
    };
    let cycle = CronParser::new().parse(&format!("{seconds}{text} 2000-2399"));
    let start = DateTime::from_timestamp(946_684_800, 0).unwrap_or(DateTime::<Utc>::UNIX_EPOCH);
    cycle.is_ok_and(|cron| cron.find_next_occurrence(&start, true).is_ok())
}

fn next_cron(cron: &Cron, start: &DateTime<Tz>) -> Option<DateTime<Tz>> {
    match cron.find_next_occurrence(start, false) {
        Ok(next) => Some(next).filter(|next| next > start),
        Err(CronError::TimeSearchLimitExceeded) => after_long_gap(cron, start),
        Err(_) => None,
    }
}

/// The cron library gives up at a fixed time in a gap of more than two hours: a zone that moved
/// across the date line and left a day out. Here the wall clock is followed as if it had no gaps,
/// and the first time that it shows is taken, or the end of the gap.
fn after_long_gap(cron: &Cron, start: &DateTime<Tz>) -> Option<DateTime<Tz>> {
    let zone = start.timezone();
    let mut wall = start.naive_local().and_utc();
    loop {
        wall = cron.find_next_occurrence(&wall, false).ok()?;
        let mut shown = wall.naive_utc();
        // No gap is longer than a day.
        for _ in 0..=86_400 {
            match zone.from_local_datetime(&shown) {
                MappedLocalTime::Single(instant) | MappedLocalTime::Ambiguous(instant, _) => {
                    if instant > *start {
                        return Some(instant);
                    }
                    break;
                }
                MappedLocalTime::None => shown = shown.checked_add_signed(TimeDelta::seconds(1))?,
            }
        }
    }
}
