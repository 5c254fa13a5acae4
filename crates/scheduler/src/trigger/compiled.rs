//! A trigger made ready: read once, asked often.

use airdrops_types::Timestamp;

use super::calendar::CalendarSchedule;
use super::combination::{all_after, any_after};
use super::cron::CronSchedule;
use super::{MIN_INTERVAL, TriggerError};
use crate::campaign::{Timing, Trigger};

/// How deep triggers may stand within triggers: `Any` of `All` of cron expressions is 3.
pub const MAX_DEPTH: usize = 5;

/// How many triggers one may hold, at all depths together.
pub const MAX_PARTS: usize = 64;

/// 0001-01-01T00:00:00Z: triggers know no earlier instants to start from.
pub(super) const EARLIEST: Timestamp = Timestamp(-62_135_596_800_000);

/// 9999-12-31T23:59:59.999Z: the last one; RFC 3339 has years of four digits.
const LATEST: Timestamp = Timestamp(253_402_300_799_999);

/// A trigger and its bounds, checked and made ready. To make one costs some microseconds to some tens
/// of them; the instants of one that is kept come at a fraction of that.
///
/// Its instants are one strictly increasing sequence of milliseconds since 1970, a function of the
/// trigger, its bounds and the instant at which it was first seen, and of nothing else. The sequence
/// ends with the year 9999.
#[derive(Debug, Clone)]
pub struct Compiled {
    pub(super) instants: Instants,
    pub(super) timing: Timing,
}

/// The instants of a trigger, without bounds.
#[derive(Debug, Clone)]
pub(super) enum Instants {
    Cron(Box<CronSchedule>),
    Calendar(Box<CalendarSchedule>),
    Interval {
        /// Milliseconds.
        every: i64,
        first: Option<Timestamp>,
    },
    Date(Timestamp),
    Once,
    All(Vec<Instants>),
    Any(Vec<Instants>),
    /// What fires by events, or by hand.
    Never,
}

impl Compiled {
    /// Reads and checks a trigger and its bounds.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn new(trigger: &Trigger, timing: &Timing) -> Result<Self, TriggerError> {
        if let (Some(start), Some(end)) = (timing.start, timing.end)
            && end < start
        {
            return Err(TriggerError::Bounds { start, end });
        }
        let mut parts = 0;
        let instants = Instants::new(trigger, 1, &mut parts)?;
        Ok(Self {
            instants,
            timing: timing.clone(),
        })
    }

    /// The same trigger within other bounds.
    pub(crate) fn within(&self, timing: Timing) -> Self {
        Self {
            instants: self.instants.clone(),
            timing,
        }
    }

    /// Its bounds and jitter.
    #[must_use]
    pub fn timing(&self) -> &Timing {
        &self.timing
    }

    /// The first instant after `after`, strictly; `None` if there is none.
    ///
    /// `first_seen`, or the start of the trigger's bounds if that is later, is the instant of
    /// [`Trigger::Once`], the first one of an interval without one of its own, and on the first date
    /// of a calendar interval without one. It must stay the same from call to call.
    #[must_use]
    pub fn next_after(&self, after: Timestamp, first_seen: Timestamp) -> Option<Timestamp> {
        self.next_until(after, first_seen, LATEST)
    }

    /// The first instant of a trigger that is seen for the first time at `first_seen`: the first one
    /// from then on. One that fires at most once has it even if it has passed: whether that is too
    /// late is for `misfire_grace` to say.
    #[must_use]
    pub fn first_instant(&self, first_seen: Timestamp) -> Option<Timestamp> {
        let before = Timestamp(first_seen.0.saturating_sub(1));
        let passed = |part: &Instants| {
            let after = if part.is_one_shot() { EARLIEST } else { before };
            self.bounded(part, after, first_seen, LATEST)
        };
        match &self.instants {
            Instants::Any(parts) => parts.iter().filter_map(passed).min(),
            other => passed(other),
        }
    }

    /// Whether it has at most one instant.
    #[must_use]
    pub fn is_one_shot(&self) -> bool {
        self.instants.is_one_shot()
    }

    /// The last instant up to and including `now`, given that `next`, one of its instants, is not
    /// later than `now`.
    #[must_use]
    pub fn latest_due(&self, next: Timestamp, now: Timestamp, first_seen: Timestamp) -> Timestamp {
        // "The next instant after t is not later than now" holds up to some t and never again.
        let mut due = next;
        let (mut holds, mut fails) = (next.0, now.0);
        while holds < fails {
            // The middle of two negative numbers is rounded up.
            let middle = holds.midpoint(fails).min(fails - 1);
            match self.next_until(Timestamp(middle), first_seen, now) {
                Some(found) => {
                    due = found;
                    holds = found.0;
                }
                None => fails = middle,
            }
        }
        due
    }

    /// The first instant after `after` that is not later than `until`.
    pub(super) fn next_until(
        &self,
        after: Timestamp,
        first_seen: Timestamp,
        until: Timestamp,
    ) -> Option<Timestamp> {
        self.bounded(&self.instants, after, first_seen, until)
    }

    fn bounded(
        &self,
        instants: &Instants,
        after: Timestamp,
        first_seen: Timestamp,
        until: Timestamp,
    ) -> Option<Timestamp> {
        let (mut after, mut first_seen) = (after.max(EARLIEST), first_seen);
        if let Some(start) = self.timing.start {
            after = after.max(Timestamp(start.0.saturating_sub(1)));
            first_seen = first_seen.max(start);
        }
        let until = self.timing.end.unwrap_or(LATEST).min(LATEST).min(until);
        instants
            .next_after(after, first_seen, until)
            .filter(|next| *next <= until)
    }
}

impl Instants {
    fn new(trigger: &Trigger, depth: usize, parts: &mut usize) -> Result<Self, TriggerError> {
        if depth > MAX_DEPTH {
            return Err(TriggerError::Depth);
        }
        *parts += 1;
        if *parts > MAX_PARTS {
            return Err(TriggerError::Parts);
        }
        Ok(match trigger {
            Trigger::Cron { expression, zone } => {
                Self::Cron(Box::new(CronSchedule::new(expression, zone)?))
            }
            Trigger::Calendar(calendar) => {
                Self::Calendar(Box::new(CalendarSchedule::new(calendar)?))
            }
            Trigger::Interval { every, .. } if *every < MIN_INTERVAL => {
                return Err(TriggerError::Interval { every: *every });
            }
            Trigger::Interval { every, first } => Self::Interval {
                every: i64::try_from(every.as_millis()).unwrap_or(i64::MAX),
                first: *first,
            },
            Trigger::Date { at } => Self::Date(*at),
            Trigger::Once => Self::Once,
            Trigger::All(list) => {
                let list = Self::list("all", list, depth, parts)?;
                if list.iter().any(Self::never_by_time) {
                    return Err(TriggerError::EventWithinAll);
                }
                let all = Self::All(list);
                // From 1970, where zones have their rules; else from as early as there is anything.
                let found = |after| all.next_after(after, EARLIEST, LATEST).is_some();
                if !all.floats() && !found(Timestamp(0)) && !found(EARLIEST) {
                    return Err(TriggerError::NeverTogether);
                }
                all
            }
            Trigger::Any(list) => Self::Any(Self::list("any", list, depth, parts)?),
            Trigger::Event(_) | Trigger::Manual => Self::Never,
        })
    }

    fn list(
        of: &'static str,
        triggers: &[Trigger],
        depth: usize,
        parts: &mut usize,
    ) -> Result<Vec<Self>, TriggerError> {
        if triggers.is_empty() {
            return Err(TriggerError::Empty { of });
        }
        triggers
            .iter()
            .map(|part| Self::new(part, depth + 1, parts))
            .collect()
    }

    /// Whether there is, at any depth, a part that has no instants.
    fn never_by_time(&self) -> bool {
        match self {
            Self::Never => true,
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::never_by_time),
            _ => false,
        }
    }

    /// Whether its instants depend on when it is first seen.
    fn floats(&self) -> bool {
        match self {
            Self::Once | Self::Interval { first: None, .. } => true,
            Self::Calendar(calendar) => calendar.floats(),
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::floats),
            _ => false,
        }
    }

    pub(super) fn is_one_shot(&self) -> bool {
        match self {
            Self::Date(_) | Self::Once => true,
            Self::All(parts) => parts.iter().any(Self::is_one_shot),
            Self::Any(parts) => matches!(parts.as_slice(), [only] if only.is_one_shot()),
            _ => false,
        }
    }

    /// The first instant after `after`. One that is later than `until` need not be found.
    pub(super) fn next_after(
        &self,
        after: Timestamp,
        first_seen: Timestamp,
        until: Timestamp,
    ) -> Option<Timestamp> {
        match self {
            Self::Cron(cron) => cron
                .next_after(after.0.div_euclid(1000))?
                .checked_mul(1000)
                .map(Timestamp),
            Self::Calendar(calendar) => calendar.next_after(after, first_seen),
            Self::Interval { every, first } => {
                let first = first.unwrap_or(first_seen);
                next_interval(*every, first, after)
            }
            Self::Date(at) => Some(*at).filter(|at| *at > after),
            Self::Once => Some(first_seen).filter(|at| *at > after),
            Self::All(parts) => all_after(parts, after, first_seen, until),
            Self::Any(parts) => any_after(parts, after, first_seen, until),
            Self::Never => None,
        }
    }
}

/// `first` plus the smallest whole number of periods that is after `after`.
fn next_interval(every: i64, first: Timestamp, after: Timestamp) -> Option<Timestamp> {
    if after < first {
        return Some(first);
    }
    let (every, first, after) = (i128::from(every), i128::from(first.0), i128::from(after.0));
    let next = first + ((after - first) / every + 1) * every;
    i64::try_from(next).ok().map(Timestamp)
}
