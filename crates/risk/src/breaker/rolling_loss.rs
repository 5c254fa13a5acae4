//! The loss of equity within a rolling 24 h; see [`EquityHistory`] for what a loss is.
//!
//! A window that moves, and not a day that begins at midnight: a loss around midnight counts as a
//! whole.

use std::time::Duration;

use airdrops_types::{Bps, ControlState, Scope, Trip};

use super::{BreakerKind, EquityHistory, FallLimit, LossMeasure};

/// 10 % within 24 h, of every measurement.
pub const ROLLING_LOSS_LIMIT: FallLimit = FallLimit {
    limit: Bps(1000),
    window: Duration::from_secs(24 * 60 * 60),
    bucket: Duration::ZERO,
};

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
        history.measure()
    }

    /// The trip that the history demands. What cannot be measured, because a number does not fit
    /// or more was lost than there was, demands it too.
    #[must_use]
    pub fn assess(&self, history: &EquityHistory) -> Option<Trip> {
        let (since, evidence) = history.fall(self.limit)?;
        Some(Trip {
            scope: Scope::Everything,
            breaker: BreakerKind::RollingLoss.name().to_owned(),
            state: ControlState::Halted,
            since,
            evidence,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use airdrops_types::{EquityPoint, Timestamp, Usd};

    use super::*;
    use crate::control::ROLLING_LOSS;

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
    fn a_peak_of_a_day_ago_counts_and_an_older_one_does_not() {
        let mut history = EquityHistory::default();
        let mut see = |hour, equity| {
            let point = Some(point(hour, equity, 0));
            let demand = history.assess(BreakerKind::RollingLoss, point, &ROLLING_LOSS_LIMIT);
            demand.unwrap().state
        };
        see(0, 1000);
        see(1, 950);
        assert_eq!(see(24, 900), ControlState::Halted);
        assert_eq!(see(25, 900), ControlState::Active);
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
