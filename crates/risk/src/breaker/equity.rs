//! Equity over time with deposits and withdrawals taken out, and how far it fell.
//!
//! Fees count, because they leave equity. With `A(t) = equity(t) − net_flows(t)`, the loss is the
//! fall of `A` from its highest value in the window to now, as a share of the equity that there
//! would be now had nothing been lost since then:
//!
//! `loss = (A(peak) − A(now)) / (A(peak) + net_flows(now))`
//!
//! From the peak, and not from the first point: a fall within the window counts even if the window
//! began lower.

use std::collections::VecDeque;
use std::time::Duration;

use airdrops_types::{Bps, ControlState, EquityPoint, Scope, Timestamp, Usd};
use serde::{Deserialize, Serialize};

use super::episode::span;
use super::{BreakerKind, Demand};
use super::{Durations, Shares};

/// Equity without external flows, in micro-dollars; `None` if it does not fit.
fn adjusted(point: &EquityPoint) -> Option<i128> {
    point.equity.0.checked_sub(point.net_flows.0)
}

/// Whether `a` is at least as high as `b`. What cannot be measured is higher than all that can, so
/// that it is kept, and trips.
fn at_least_as_high(a: &EquityPoint, b: &EquityPoint) -> bool {
    match (adjusted(a), adjusted(b)) {
        (Some(a), Some(b)) => a >= b,
        (a, _) => a.is_none(),
    }
}

/// Equity within a window, and the last point before, which stands for the equity at the window's
/// start. If nothing was measured for longer, that point may be much older: a loss whose time is
/// not known counts as if it were recent.
///
/// At most `window / bucket + 3` points: of all points in one bucket of time except the latest,
/// only the highest is kept. A bucket of zero keeps every point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EquityHistory {
    /// By time, no two at one instant.
    points: VecDeque<EquityPoint>,
    /// Earlier points are used up.
    evidence_from: Option<Timestamp>,
    window: Duration,
    bucket: Duration,
}

impl Default for EquityHistory {
    /// The history of a rolling day, with every point.
    fn default() -> Self {
        Self::new(Duration::from_secs(24 * 60 * 60), Duration::ZERO)
    }
}

impl EquityHistory {
    /// An empty history of a window.
    #[must_use]
    pub fn new(window: Duration, bucket: Duration) -> Self {
        Self {
            points: VecDeque::new(),
            evidence_from: None,
            window,
            bucket,
        }
    }

    /// The history of a rolling day as it was stored, in any order. Points before `evidence_from`
    /// are used up.
    #[must_use]
    pub fn from_points(mut points: Vec<EquityPoint>, evidence_from: Option<Timestamp>) -> Self {
        points.sort_by_key(|point| point.at);
        let mut history = Self {
            evidence_from,
            ..Self::default()
        };
        for point in points {
            history.push(point);
        }
        history
    }

    /// The points, by time.
    pub fn points(&self) -> impl DoubleEndedIterator<Item = &EquityPoint> {
        self.points.iter()
    }

    /// From when on points count; `None`: all of them.
    #[must_use]
    pub fn evidence_from(&self) -> Option<Timestamp> {
        self.evidence_from
    }

    /// Takes over another window and bucket, as a changed configuration wants it. What was
    /// dropped already does not come back.
    pub fn resize(&mut self, window: Duration, bucket: Duration) {
        self.window = window;
        self.bucket = bucket;
    }

    /// Adds a point that rests on fresh inputs only. One of the same instant replaces the last;
    /// an earlier or used-up one is ignored. Returns whether it was taken.
    pub fn push(&mut self, point: EquityPoint) -> bool {
        if self.evidence_from.is_some_and(|from| point.at < from) {
            return false;
        }
        match self.points.back() {
            Some(last) if point.at < last.at => return false,
            Some(last) if point.at == last.at => {
                self.points.pop_back();
            }
            _ => self.thin(),
        }
        self.points.push_back(point);
        let start = point.at.minus(self.window);
        while self.points.get(1).is_some_and(|second| second.at <= start) {
            self.points.pop_front();
        }
        true
    }

    /// Of the last two points, if they lie in one bucket, keeps the higher; of equals the later.
    fn thin(&mut self) {
        let Some(bucket) = i64::try_from(self.bucket.as_millis())
            .ok()
            .filter(|bucket| *bucket > 0)
        else {
            return;
        };
        let [before, last] = [2, 1].map(|back| {
            let index = self.points.len().checked_sub(back)?;
            self.points.get(index)
        });
        let (Some(before), Some(last)) = (before, last) else {
            return;
        };
        if before.at.0.div_euclid(bucket) != last.at.0.div_euclid(bucket) {
            return;
        }
        let dropped = if at_least_as_high(last, before) { 2 } else { 1 };
        self.points.remove(self.points.len() - dropped);
    }

    /// Uses up all points before `at`, so that the same loss does not trip twice. To be called
    /// when a trip is cleared.
    pub fn restart_from(&mut self, at: Timestamp) {
        self.evidence_from = self.evidence_from.max(Some(at));
        self.points.retain(|point| point.at >= at);
    }

    /// Takes a flow that was booked late out of all points after `since`: it was in their equity
    /// already.
    pub fn date_back(&mut self, flow: Usd, since: Timestamp) {
        for point in self.points.iter_mut().filter(|point| point.at > since) {
            point.net_flows += flow;
        }
    }

    /// Moves what a clock dated after `at` to `at`, so that later points count again. Of several,
    /// the highest stays.
    pub fn correct_clock(&mut self, at: Timestamp) {
        self.evidence_from = self.evidence_from.map(|from| from.min(at));
        let from = self.points.partition_point(|point| point.at < at);
        let ahead = self.points.split_off(from);
        let highest = ahead.into_iter().reduce(|highest, point| {
            if at_least_as_high(&point, &highest) {
                point
            } else {
                highest
            }
        });
        self.points
            .extend(highest.map(|point| EquityPoint { at, ..point }));
    }

    /// The present loss; `None` without any point, or if a sum does not fit.
    #[must_use]
    pub fn measure(&self) -> Option<LossMeasure> {
        let now = *self.points.back()?;
        let mut peak = (adjusted(&now)?, now);
        for point in &self.points {
            let value = adjusted(point)?;
            if value > peak.0 {
                peak = (value, *point);
            }
        }
        Some(LossMeasure {
            peak: peak.1,
            now,
            loss: Usd(peak.0.checked_sub(adjusted(&now)?)?),
            base: Usd(peak.0.checked_add(now.net_flows.0)?),
        })
    }

    /// Takes over a new point, if there is one that rests on fresh inputs only, and says what the
    /// history demands on behalf of `kind`: a halt of everything for a loss of the limit or more.
    /// Nothing without a point.
    pub(super) fn assess(
        &mut self,
        kind: BreakerKind,
        point: Option<EquityPoint>,
        limit: &FallLimit,
    ) -> Option<Demand> {
        self.resize(limit.window, limit.bucket);
        self.push(point?);
        let (state, evidence) = match self.fall(limit.limit) {
            Some((_, evidence)) => (ControlState::Halted, evidence),
            None => (
                ControlState::Active,
                format!("no loss of {} in {}", limit.limit, span(limit.window)),
            ),
        };
        Some(Demand::new(Scope::Everything, kind, state, evidence))
    }

    /// The facts about a loss of at least `limit` of the base, and when it was measured; `None` if
    /// there is no such loss. What cannot be measured, because a number does not fit or more was
    /// lost than there was, counts as one.
    #[must_use]
    pub fn fall(&self, limit: Bps) -> Option<(Timestamp, String)> {
        let now = self.points.back()?;
        let window = span(self.window);
        let evidence = match self.measure() {
            Some(measure) if !measure.reaches(limit) => return None,
            Some(measure) => format!(
                "equity fell from {} at {} to {} at {}, deposits and withdrawals taken out: \
                 a loss of {}, {}; limit {limit} in {window}",
                measure.base,
                measure.peak.at,
                measure.now.equity,
                measure.now.at,
                measure.loss,
                measure
                    .share()
                    .map_or_else(|| "more than all".to_owned(), |share| share.to_string()),
            ),
            None => format!(
                "the loss in {window} cannot be measured: equity {} and net flows {} do not fit; \
                 limit {limit}",
                now.equity, now.net_flows
            ),
        };
        Some((now.at, evidence))
    }
}

/// A loss, measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LossMeasure {
    /// The point in the window with the highest equity, flows taken out.
    pub peak: EquityPoint,
    /// The latest point.
    pub now: EquityPoint,
    /// What was lost from the peak until now; never negative.
    pub loss: Usd,
    /// What equity would be now had nothing been lost.
    pub base: Usd,
}

impl LossMeasure {
    /// The loss as a share of the base, rounded up; `None` if there is a loss and no positive base.
    #[must_use]
    pub fn share(&self) -> Option<Bps> {
        if self.loss == Usd::ZERO {
            Some(Bps(0))
        } else {
            self.loss.share_of(self.base)
        }
    }

    /// Whether `loss / base >= limit`. What does not fit, does.
    fn reaches(&self, limit: Bps) -> bool {
        if self.loss == Usd::ZERO {
            return false;
        }
        let loss = self.loss.0.checked_mul(10_000);
        let bound = self.base.0.checked_mul(i128::from(limit.0));
        match (loss, bound) {
            (Some(loss), Some(bound)) => self.base.0 <= 0 || loss >= bound,
            _ => true,
        }
    }
}

/// How much may be lost within which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FallLimit {
    /// The loss, as a share of the base, from which everything is halted.
    pub limit: Bps,
    /// Within which time.
    pub window: Duration,
    /// Of all measurements in this time only the highest is kept; zero keeps all.
    pub bucket: Duration,
}

impl FallLimit {
    pub(super) fn validate(
        &self,
        name: &str,
        limits: Shares,
        windows: Durations,
        wrong: &mut Vec<String>,
    ) {
        limits.check(&format!("{name}.limit"), self.limit, wrong);
        windows.check(&format!("{name}.window"), self.window, wrong);
        if self.bucket > self.window / 10 {
            wrong.push(format!(
                "{name}.bucket is {} s: it must be at most a tenth of the window, {} s",
                self.bucket.as_secs(),
                (self.window / 10).as_secs()
            ));
        }
    }
}

#[cfg(test)]
mod tests;
