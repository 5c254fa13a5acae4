//! The fall of equity from its highest within weeks: what a daily limit lets through in small
//! pieces. See [`EquityHistory`](super::EquityHistory) for what a loss is.

use std::time::Duration;

use airdrops_types::Bps;

use super::FallLimit;

/// 20 % within 30 days, of the highest measurement of each hour.
pub const DRAWDOWN_LIMIT: FallLimit = FallLimit {
    limit: Bps(2000),
    window: Duration::from_secs(30 * 24 * 60 * 60),
    bucket: Duration::from_secs(60 * 60),
};

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use airdrops_types::{ControlState, EquityPoint, Scope, Timestamp, Usd};

    use super::*;
    use crate::breaker::{BreakerKind, EquityHistory};

    const HOUR: i64 = 3_600_000;

    fn point(hour: i64, equity: i64, net_flows: i64) -> EquityPoint {
        EquityPoint {
            at: Timestamp(hour * HOUR),
            equity: Usd::dollars(equity),
            net_flows: Usd::dollars(net_flows),
            gas: Usd::ZERO,
        }
    }

    fn see(history: &mut EquityHistory, point: EquityPoint) -> ControlState {
        let demand = history.assess(BreakerKind::Drawdown, Some(point), &DRAWDOWN_LIMIT);
        demand.unwrap().state
    }

    #[test]
    fn a_slow_fall_trips_exactly_at_the_limit() {
        let mut history = EquityHistory::default();
        for hour in 0..200 {
            assert_eq!(
                see(&mut history, point(hour, 1000 - hour, 0)),
                ControlState::Active,
                "hour {hour}"
            );
        }
        let last = Some(point(200, 800, 0));
        let demand = history.assess(BreakerKind::Drawdown, last, &DRAWDOWN_LIMIT);
        let demand = demand.unwrap();
        assert_eq!(demand.state, ControlState::Halted);
        assert_eq!(demand.scope, Scope::Everything);
        assert_eq!(demand.kind, BreakerKind::Drawdown);
        for fact in [
            "$1,000.00",
            "$800.00",
            "$200.00",
            "20 %",
            "720 h",
            "1970-01-09T08:00:00Z",
        ] {
            assert!(
                demand.evidence.contains(fact),
                "{fact}: {}",
                demand.evidence
            );
        }
    }

    #[test]
    fn a_peak_older_than_the_window_does_not_count() {
        let mut history = EquityHistory::default();
        see(&mut history, point(0, 1000, 0));
        see(&mut history, point(1, 850, 0));
        assert_eq!(see(&mut history, point(720, 800, 0)), ControlState::Halted);
        assert_eq!(see(&mut history, point(721, 800, 0)), ControlState::Active);
    }

    #[test]
    fn of_each_hour_one_measurement_is_kept_beside_the_latest() {
        let mut history = EquityHistory::default();
        for minute in 0..=24 * 60 {
            let at = Timestamp(minute * HOUR / 60);
            see(
                &mut history,
                EquityPoint {
                    at,
                    ..point(0, 1000, 0)
                },
            );
        }
        assert_eq!(history.points().count(), 25);
    }

    #[test]
    fn a_withdrawal_is_no_drawdown() {
        let mut history = EquityHistory::default();
        see(&mut history, point(0, 1000, 0));
        assert_eq!(
            see(&mut history, point(48, 300, -700)),
            ControlState::Active
        );
        assert_eq!(
            see(&mut history, point(50, 239, -700)),
            ControlState::Halted
        );
    }

    #[test]
    fn a_restart_within_a_drawdown_keeps_its_peak_and_a_clearing_uses_it_up() {
        let mut before = EquityHistory::default();
        see(&mut before, point(0, 1000, 0));
        see(&mut before, point(100, 850, 0));
        let text = serde_json::to_string(&before).unwrap();
        let mut history: EquityHistory = serde_json::from_str(&text).unwrap();
        assert_eq!(history, before);
        assert_eq!(see(&mut history, point(200, 790, 0)), ControlState::Halted);
        history.restart_from(Timestamp(200 * HOUR));
        assert_eq!(see(&mut history, point(201, 780, 0)), ControlState::Active);
        assert_eq!(see(&mut history, point(300, 632, 0)), ControlState::Halted);
    }

    #[test]
    fn without_a_fresh_equity_nothing_is_said() {
        let mut history = EquityHistory::default();
        see(&mut history, point(0, 1000, 0));
        assert_eq!(
            history.assess(BreakerKind::Drawdown, None, &DRAWDOWN_LIMIT),
            None
        );
    }
}
