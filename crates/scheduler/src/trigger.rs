//! The instants at which a trigger fires.
//!
//! A [`Compiled`] trigger is read and checked once, and asked for instants often. Its instants are
//! strictly increasing, and each is one at which the clocks of its zone show what it says; which
//! one, when clocks are set forward or back:
//!
//! - **Cron** keeps the rules of Vixie cron (Paul Vixie's cron 3.0 and its successors). A job *with a
//!   wildcard* has a `*` or a step, such as `*/15` or `8-18/2`, in its second, minute or hour: it
//!   runs by elapsed time, whenever clocks show a matching time: not in a gap, and in both halves of
//!   an overlap. All other jobs have *fixed times*: numbers, lists and ranges (`30 2`, `0,30 1`,
//!   `0 22-3`). A fixed time in a gap runs once, at the gap's end; one in an overlap runs once, at
//!   its first occurrence. Fixed times that meet at a gap's end are one fire.
//!   The rules hold for every change of an offset, also for whole days that a zone left out.
//! - A **calendar interval** leaves out a date, and a local time, that does not exist; a local time
//!   that exists twice fires at its first occurrence.
//! - An **interval** counts elapsed time, and knows nothing of clocks.
//!
//! Cron expressions have 5 fields (minute, hour, day of month, month, day of week), 6 with a second
//! before them, or are a nickname such as `@daily`. They know names (`MON`, `JAN`), lists, ranges, also
//! wrapped ones (`FRI-MON`, `22-3`), steps, `L` (last day), `15W` (nearest weekday), `LW` (last
//! weekday), `FRI#2` (second Friday) and `5L` (last Friday). Sunday is 0 and 7. When both day of month
//! and day of week are given, either matches; with a `+` before the day of week, both must.
//!
//! Zones are those of the IANA data that the program was built with; it knows changes of clocks up to
//! 2099.

mod calendar;
mod calendar_spec;
mod catch_up;
mod combination;
mod compiled;
mod cron;
mod definition;
mod jitter;
mod zone;

use std::time::Duration;

use airdrops_types::Timestamp;
use thiserror::Error;

use crate::campaign::{Timing, Trigger};

pub use catch_up::{Lookback, MAX_CATCH_UP, MAX_COUNTED, Missed, ON_TIME, Stretch, missed};
pub use combination::MAX_SEARCH_STEPS;
pub use compiled::{Compiled, MAX_DEPTH, MAX_PARTS};
pub use zone::local_text;

/// The shortest interval.
pub const MIN_INTERVAL: Duration = Duration::from_secs(1);

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
    #[error(
        "cron expression {expression:?} never fires; name a day that one of its months has, and leave no \
         field empty"
    )]
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
    /// A calendar interval that stands still.
    #[error("the calendar interval has no step; give it years, months, weeks or days")]
    CalendarStep,
    /// Not a date.
    #[error("{text:?} is no date; write one that exists, as `2024-01-31`")]
    Date {
        /// The text.
        text: String,
    },
    /// Not a time of day.
    #[error("{time} s after midnight is no time of day, it must be below 86,400 s")]
    TimeOfDay {
        /// Seconds after midnight.
        time: u32,
    },
    /// Not a calendar interval as text.
    #[error(
        "calendar interval {spec:?}: {defect}; write it as `1 month at 09:00 from 2024-01-31`, with \
         years, months, weeks and days"
    )]
    CalendarSpec {
        /// The text.
        spec: String,
        /// What is wrong with it.
        defect: String,
    },
    /// A combination of nothing.
    #[error("`{of}` of no triggers never fires; name at least one")]
    Empty {
        /// `all` or `any`.
        of: &'static str,
    },
    /// Something without instants within `All`.
    #[error(
        "events and manual starts have no instants that could be those of other triggers; take them \
         out of `all`, or use `any`"
    )]
    EventWithinAll,
    /// The parts of `All` do not meet.
    #[error(
        "`all`: no instant at which all of its triggers fire was found in {MAX_SEARCH_STEPS} steps; \
         choose triggers that fire in the same second"
    )]
    NeverTogether,
    /// Triggers within triggers within triggers.
    #[error("triggers stand within triggers more than {MAX_DEPTH} deep; make it flatter")]
    Depth,
    /// Too many triggers in one.
    #[error("it has more than {MAX_PARTS} triggers within it; write several campaigns")]
    Parts,
    /// It ends before it starts.
    #[error("its end, {end}, is before its start, {start}; no instant is left")]
    Bounds {
        /// No fire before.
        start: Timestamp,
        /// No fire after.
        end: Timestamp,
    },
}

impl Trigger {
    /// Checks that it can be used.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn validate(&self) -> Result<(), TriggerError> {
        Compiled::new(self, &Timing::default()).map(drop)
    }

    /// Whether it fires at most once.
    #[must_use]
    pub fn is_one_shot(&self) -> bool {
        match self {
            Self::Date { .. } | Self::Once => true,
            Self::All(parts) => parts.iter().any(Self::is_one_shot),
            Self::Any(parts) => matches!(parts.as_slice(), [only] if only.is_one_shot()),
            _ => false,
        }
    }
}

/// The first instant after `after`, strictly, at which `trigger` fires; `None` if there is none. For
/// one question; who asks more often keeps a [`Compiled`] trigger.
///
/// # Errors
///
/// As [`Trigger::validate`].
pub fn next_fire(
    trigger: &Trigger,
    after: Timestamp,
    first_seen: Timestamp,
) -> Result<Option<Timestamp>, TriggerError> {
    Ok(Compiled::new(trigger, &Timing::default())?.next_after(after, first_seen))
}
