//! Total value locked: its past, and how fast it leaves.

use std::collections::VecDeque;
use std::time::Duration;

use airdrops_types::{Bps, Reading, Timestamp, Usd};
use serde::{Deserialize, Serialize};

use super::step;
use crate::term::Term;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// One point is kept per quarter of an hour.
const SLOT_MS: i64 = 15 * 60 * 1000;

/// Points lost where TVL is not known.
const MOST: u8 = 50;
/// Points lost for each span that the history does not reach: less than a fall costs, because no
/// source can take our own history away.
const UNREACHED: u8 = 5;

/// A span, its name, and the points from which fall on, in basis points.
type Span = (Duration, &'static str, [(u32, u8); 3]);

const SPANS: [Span; 3] = [
    (HOUR, "1 h", [(500, 15), (1000, 30), (2500, MOST)]),
    (DAY, "24 h", [(1000, 10), (2000, 25), (4000, 45)]),
    (WEEK, "7 d", [(2000, 5), (4000, 15), (6000, 30)]),
];

/// Value locked in a protocol over the last seven days, and the last point before. Bounded: one
/// point per quarter of an hour.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TvlHistory {
    /// By time.
    points: VecDeque<(Timestamp, Usd)>,
}

impl TvlHistory {
    /// Adds a fresh observation; within a quarter of an hour the last one counts. One that is not
    /// later than the last, or not above zero, is ignored. Returns whether it was taken.
    pub fn push(&mut self, at: Timestamp, tvl: Usd) -> bool {
        if tvl <= Usd::ZERO {
            return false;
        }
        let slot = |at: Timestamp| at.0.div_euclid(SLOT_MS);
        match self.points.back() {
            Some((last, _)) if at <= *last => return false,
            Some((last, _)) if slot(at) == slot(*last) => {
                self.points.pop_back();
            }
            _ => {}
        }
        self.points.push_back((at, tvl));
        let start = at.minus(WEEK);
        while self
            .points
            .get(1)
            .is_some_and(|(second, _)| *second <= start)
        {
            self.points.pop_front();
        }
        true
    }

    /// How many points are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether nothing was observed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// By how much `tvl` is below the last point that is at least `span` old, rounded up; zero if it
    /// is not below. `None` if there is no such point. A point that is older than `span`, because
    /// nothing was observed since, counts as if it were not: a fall whose time is not known may be
    /// recent.
    #[must_use]
    pub fn fall(&self, now: Timestamp, tvl: Usd, span: Duration) -> Option<Bps> {
        let until = now.minus(span);
        let (_, before) = self.points.iter().rev().find(|(at, _)| *at <= until)?;
        (*before - tvl.or_zero()).share_of(*before)
    }
}

pub(super) fn term(now: Timestamp, tvl: &Reading<Usd>, history: &TvlHistory) -> Term {
    let Some(tvl) = tvl.last_known() else {
        return Term::new("tvl", MOST, "unknown");
    };
    let mut greatest = if *tvl <= Usd::ZERO { MOST } else { 0 };
    let mut unreached = 0u8;
    let mut measured = tvl.to_string();
    for (span, name, steps) in SPANS {
        match history.fall(now, *tvl, span) {
            Some(fall) => {
                greatest = greatest.max(step(fall, &steps));
                measured.push_str(&format!(", {fall} below {name} ago"));
            }
            None => {
                unreached += UNREACHED;
                measured.push_str(&format!(", {name} ago unknown"));
            }
        }
    }
    Term::new(
        "tvl",
        greatest.saturating_add(unreached).min(MOST),
        measured,
    )
}
