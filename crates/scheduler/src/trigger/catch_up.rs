//! Catch-up: which of the instants that are due are still to run.

use std::fmt;
use std::time::Duration;

use airdrops_types::{CampaignId, Timestamp};

use super::compiled::Compiled;
use crate::campaign::CatchUp;

/// With [`CatchUp::Skip`] and no `misfire_grace`: a fire that is seen within this long of its moment
/// was not missed.
pub const ON_TIME: Duration = Duration::from_secs(60);

/// How many instants are handed out at once to run.
pub const MAX_CATCH_UP: usize = 1_000;

/// How far instants that do not run are counted.
pub const MAX_COUNTED: usize = 10_000;

/// What [`missed`] has to know beside the trigger.
#[derive(Debug, Clone, Copy)]
pub struct Lookback<'a> {
    /// The earliest instant of the trigger that has not been dealt with.
    pub next: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// When the trigger was first seen.
    pub first_seen: Timestamp,
    /// What becomes of what was missed.
    pub catch_up: CatchUp,
    /// A fire that is seen later than this after its moment does not run.
    pub misfire_grace: Option<Duration>,
    /// How many instants to hand out at most; at least 1, at most [`MAX_CATCH_UP`] count.
    pub limit: usize,
    /// Of the jitter.
    pub seed: u64,
    /// Of the jitter.
    pub campaign: &'a CampaignId,
}

/// What becomes of the instants that are due.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Missed {
    /// To run, oldest first.
    pub instants: Vec<Timestamp>,
    /// Due, but they do not run: others run for them, the rule skips them, or they are too late.
    pub passed: Option<Stretch>,
    /// Due, but more than were asked for: the trigger's next instant is still the first of these.
    pub more: Option<Stretch>,
    /// The trigger's next instant: the first of `more`, else the first one that is not due. `None` if
    /// there is none.
    pub next: Option<Timestamp>,
}

/// Neighbouring instants of a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The first one.
    pub first: Timestamp,
    /// The last one.
    pub last: Timestamp,
    /// How many, up to [`MAX_COUNTED`].
    pub count: usize,
    /// Whether there are more than that.
    pub uncounted: bool,
}

impl fmt::Display for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.uncounted {
            write!(f, "more than ")?;
        }
        match self.count {
            1 if !self.uncounted => write!(f, "the fire of {}", self.first),
            count => write!(f, "{count} fires from {} to {}", self.first, self.last),
        }
    }
}

/// What becomes of the instants from `lookback.next` to now. An instant is due when its
/// [moment](Compiled::fire_moment) has come, and late by the time since then.
///
/// - [`CatchUp::Skip`]: the latest one runs, if it is at most `misfire_grace` late; without one, at
///   most [`ON_TIME`].
/// - [`CatchUp::One`]: the latest one runs, if it is at most `misfire_grace` late.
/// - [`CatchUp::All`]: each that is at most `misfire_grace` late runs.
#[must_use]
pub fn missed(trigger: &Compiled, lookback: &Lookback<'_>) -> Missed {
    let Lookback {
        next,
        now,
        first_seen,
        ..
    } = *lookback;
    let moment =
        |instant| trigger.fire_moment(instant, first_seen, lookback.seed, lookback.campaign);
    if next > now || moment(next) > now {
        return Missed {
            next: Some(next),
            ..Missed::default()
        };
    }
    // Moments are in the order of instants, and each is before the next instant: all but the last
    // one have come.
    let mut last = trigger.latest_due(next, now, first_seen);
    if moment(last) > now {
        last = trigger.latest_due(next, Timestamp(last.0.saturating_sub(1)), first_seen);
    }
    let grace = match lookback.catch_up {
        CatchUp::Skip => Some(lookback.misfire_grace.unwrap_or(ON_TIME)),
        CatchUp::One | CatchUp::All => lookback.misfire_grace,
    };
    let in_time = |instant| grace.is_none_or(|grace| now.since(moment(instant)) <= grace);
    let first_to_run = match lookback.catch_up {
        _ if !in_time(last) => None,
        CatchUp::Skip | CatchUp::One => Some(last),
        CatchUp::All if in_time(next) => Some(next),
        CatchUp::All => {
            // The last that is too late is found by bisection; the one after it runs.
            let (mut late, mut timely) = (next, last);
            while let Some(between) = middle(trigger, late, timely, first_seen) {
                if in_time(between) {
                    timely = between;
                } else {
                    late = between;
                }
            }
            Some(timely)
        }
    };
    let walk = |from: Timestamp| {
        std::iter::successors(Some(from), move |&instant| {
            trigger.next_until(instant, first_seen, last)
        })
    };
    let stretch = |first: Timestamp, last: Timestamp| {
        let counted = walk(first).take_while(|instant| *instant <= last);
        let count = counted.take(MAX_COUNTED + 1).count();
        Stretch {
            first,
            last,
            count: count.min(MAX_COUNTED),
            uncounted: count > MAX_COUNTED,
        }
    };
    let limit = lookback.limit.clamp(1, MAX_CATCH_UP);
    let instants: Vec<Timestamp> = first_to_run
        .map(|first| walk(first).take(limit).collect())
        .unwrap_or_default();
    let passed_until = match first_to_run {
        None => Some(last),
        Some(first) if first > next => {
            let before = Timestamp(first.0.saturating_sub(1));
            Some(trigger.latest_due(next, before, first_seen))
        }
        Some(_) => None,
    };
    let handed_out = instants.last().copied().unwrap_or(last);
    let more = trigger
        .next_until(handed_out, first_seen, last)
        .map(|first| stretch(first, last));
    Missed {
        passed: passed_until.map(|last| stretch(next, last)),
        next: match more {
            Some(more) => Some(more.first),
            None => trigger.next_after(last, first_seen),
        },
        instants,
        more,
    }
}

/// An instant between two others, about in the middle of them.
fn middle(
    trigger: &Compiled,
    low: Timestamp,
    high: Timestamp,
    first_seen: Timestamp,
) -> Option<Timestamp> {
    let before = Timestamp(high.0.saturating_sub(1));
    let half = Timestamp(low.0.midpoint(high.0));
    trigger
        .next_until(half, first_seen, before)
        .or_else(|| trigger.next_until(low, first_seen, before.min(half)))
}
