//! The loss of equity within a rolling 24 h.
//!
//! Deposits and withdrawals are taken out, and fees count, because they leave equity. With `A(t) =
//! equity(t) − net_flows(t)`, the loss is the fall of `A` from its highest value in the window to
//! now, as a share of the equity that there would be now had nothing been lost since then:
//!
//! `loss = (A(peak) − A(now)) / (A(peak) + net_flows(now))`
//!
//! From the peak, and not from the first point: a fall within the day counts even if the day began
//! lower. A window that moves, and not a day that begins at midnight: a loss around midnight counts
//! as a whole.

use std::collections::VecDeque;
use std::time::Duration;

use airdrops_types::{Bps, ControlState, EquityPoint, Scope, Timestamp, Trip, Usd};
use serde::{Deserialize, Serialize};

use crate::control::ROLLING_LOSS;

/// Length of the window.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// Equity of the last 24 h, and the last point before, which stands for the equity at the window's
/// start. If nothing was measured for longer, that point may be much older: a loss whose time is
/// not known counts as if it were recent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EquityHistory {
    /// By time, no two at one instant.
    points: VecDeque<EquityPoint>,
    /// Earlier points are used up.
    evidence_from: Option<Timestamp>,
}

impl EquityHistory {
    /// The history as it was stored, in any order. Points before `evidence_from` are used up.
    #[must_use]
    pub fn from_points(mut points: Vec<EquityPoint>, evidence_from: Option<Timestamp>) -> Self {
        points.sort_by_key(|point| point.at);
        let mut history = Self {
            points: VecDeque::new(),
            evidence_from,
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
            _ => {}
        }
        self.points.push_back(point);
        let start = point.at.minus(WINDOW);
        while self.points.get(1).is_some_and(|second| second.at <= start) {
            self.points.pop_front();
        }
        true
    }

    /// Uses up all points before `at`, so that the same loss does not trip twice. To be called
    /// when a trip is cleared.
    pub fn restart_from(&mut self, at: Timestamp) {
        self.evidence_from = self.evidence_from.max(Some(at));
        self.points.retain(|point| point.at >= at);
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
}

/// The breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollingLoss {
    /// The loss, as a share of the base, from which everything is halted.
    pub limit: Bps,
}

impl RollingLoss {
    /// The present loss; `None` without any point, or if a sum does not fit.
    #[must_use]
    pub fn measure(history: &EquityHistory) -> Option<LossMeasure> {
        let now = *history.points.back()?;
        let adjusted = |point: &EquityPoint| point.equity.0.checked_sub(point.net_flows.0);
        let mut peak = (adjusted(&now)?, now);
        for point in &history.points {
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

    /// The trip that the history demands. What cannot be measured, because a number does not fit
    /// or more was lost than there was, demands it too.
    #[must_use]
    pub fn assess(&self, history: &EquityHistory) -> Option<Trip> {
        let now = history.points.back()?;
        let limit = self.limit;
        let evidence = match Self::measure(history) {
            Some(measure) if !reaches(measure, limit) => return None,
            Some(measure) => format!(
                "equity fell from {} at {} to {} at {}, deposits and withdrawals taken out: \
                 a loss of {}, {}; limit {limit} in 24 h",
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
                "the loss in 24 h cannot be measured: equity {} and net flows {} do not fit; \
                 limit {limit}",
                now.equity, now.net_flows
            ),
        };
        Some(Trip {
            scope: Scope::Everything,
            breaker: ROLLING_LOSS.to_owned(),
            state: ControlState::Halted,
            since: now.at,
            evidence,
        })
    }
}

/// Whether `loss / base >= limit`.
fn reaches(measure: LossMeasure, limit: Bps) -> bool {
    if measure.loss == Usd::ZERO {
        return false;
    }
    let loss = measure.loss.0.checked_mul(10_000);
    let bound = measure.base.0.checked_mul(i128::from(limit.0));
    match (loss, bound) {
        (Some(loss), Some(bound)) => measure.base.0 <= 0 || loss >= bound,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HOUR: i64 = 3_600_000;
    const TEN_PERCENT: RollingLoss = RollingLoss { limit: Bps(1000) };

    fn point(hour: i64, equity: i64, net_flows: i64) -> EquityPoint {
        EquityPoint {
            at: Timestamp(hour * HOUR),
            equity: Usd::dollars(equity),
            net_flows: Usd::dollars(net_flows),
            gas: Usd::ZERO,
        }
    }

    fn history(points: &[(i64, i64, i64)]) -> EquityHistory {
        let points = points.iter().map(|(h, e, f)| point(*h, *e, *f));
        EquityHistory::from_points(points.collect(), None)
    }

    #[test]
    fn a_loss_at_the_limit_halts_everything_and_names_the_facts() {
        assert_eq!(
            TEN_PERCENT.assess(&history(&[(0, 1000, 0), (5, 901, 0)])),
            None
        );
        let trip = TEN_PERCENT
            .assess(&history(&[(0, 1000, 0), (5, 900, 0)]))
            .unwrap();
        assert_eq!(trip.state, ControlState::Halted);
        assert_eq!(trip.scope, Scope::Everything);
        assert_eq!(trip.breaker, ROLLING_LOSS);
        for fact in [
            "$1,000.00",
            "$900.00",
            "$100.00",
            "10 %",
            "1970-01-01T05:00:00Z",
        ] {
            assert!(trip.evidence.contains(fact), "{fact}: {}", trip.evidence);
        }
    }

    #[test]
    fn a_loss_across_midnight_and_from_an_intraday_peak_counts() {
        // First and last point are equal; the fall from the peak is 10 %.
        let trip = TEN_PERCENT.assess(&history(&[(20, 900, 0), (23, 1000, 0), (25, 900, 0)]));
        assert!(trip.is_some());
    }

    #[test]
    fn a_withdrawal_is_no_loss_and_a_deposit_is_no_profit() {
        assert_eq!(
            TEN_PERCENT.assess(&history(&[(0, 1000, 0), (5, 200, -800)])),
            None
        );
        // 100 lost behind a deposit of 100: 100 of 1,100.
        let hidden = RollingLoss::measure(&history(&[(0, 1000, 0), (5, 1000, 100)])).unwrap();
        assert_eq!(hidden.loss, Usd::dollars(100));
        assert_eq!(hidden.base, Usd::dollars(1100));
        assert_eq!(hidden.share(), Some(Bps(910)));
        // What stays after a withdrawal is the base: 30 of 200.
        let after = history(&[(0, 1000, 0), (5, 200, -800), (6, 170, -800)]);
        assert!(TEN_PERCENT.assess(&after).is_some());
    }

    #[test]
    fn a_slow_fall_over_two_days_does_not_trip_a_daily_limit() {
        let mut history = EquityHistory::default();
        for hour in 0..=48 {
            history.push(point(hour, 1000 - 3 * hour, 0));
            assert_eq!(TEN_PERCENT.assess(&history), None, "hour {hour}");
        }
        // The window and the point at its start.
        assert_eq!(history.points().count(), 25);
        assert_eq!(history.points().next().unwrap().at, Timestamp(24 * HOUR));
    }

    #[test]
    fn a_loss_over_a_gap_in_the_measurements_counts_as_recent() {
        assert!(
            TEN_PERCENT
                .assess(&history(&[(0, 1000, 0), (72, 850, 0)]))
                .is_some()
        );
    }

    #[test]
    fn used_up_evidence_does_not_trip_again_but_a_further_loss_does() {
        let mut history = history(&[(0, 1000, 0), (5, 880, 0)]);
        assert!(TEN_PERCENT.assess(&history).is_some());
        history.restart_from(Timestamp(5 * HOUR));
        assert_eq!(TEN_PERCENT.assess(&history), None);
        history.push(point(6, 870, 0));
        assert_eq!(TEN_PERCENT.assess(&history), None);
        let restarted = EquityHistory::from_points(
            vec![point(0, 1000, 0), point(5, 880, 0), point(6, 870, 0)],
            history.evidence_from(),
        );
        assert_eq!(restarted, history);
        history.push(point(7, 791, 0));
        assert!(TEN_PERCENT.assess(&history).is_some());
    }

    #[test]
    fn a_restart_keeps_the_evidence() {
        let before = history(&[(0, 1000, 0), (3, 950, 0)]);
        let text = serde_json::to_string(&before).unwrap();
        let mut after: EquityHistory = serde_json::from_str(&text).unwrap();
        after.push(point(4, 890, 0));
        assert!(TEN_PERCENT.assess(&after).is_some());
    }

    #[test]
    fn out_of_order_points_do_not_rewrite_history() {
        let mut history = history(&[(5, 1000, 0)]);
        assert!(!history.push(point(4, 5000, 0)));
        assert!(history.push(point(5, 990, 0)));
        assert_eq!(history.points().count(), 1);
    }

    #[test]
    fn what_cannot_be_measured_trips() {
        let mut history = EquityHistory::default();
        assert_eq!(TEN_PERCENT.assess(&history), None);
        history.push(EquityPoint {
            equity: Usd(i128::MAX),
            net_flows: Usd(-1),
            ..point(0, 0, 0)
        });
        assert!(TEN_PERCENT.assess(&history).is_some());
        // All gone and a debt besides.
        let debt = EquityHistory::from_points(vec![point(0, 0, 0), point(1, -5, 0)], None);
        assert!(TEN_PERCENT.assess(&debt).is_some());
    }
}
