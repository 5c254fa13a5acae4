//! What the breaker of the rolling 24 h loss would have done.
//!
//! The portfolio holds its weights at every hour. When the breaker trips, it stays halted until an
//! administrator clears it after a stated time, and what was lost until then is used up. A halt
//! sells nothing: the portfolio goes on to be marked.

use std::time::Duration;

use airdrops_types::{Bps, EquityPoint, Scope, Timestamp, Usd};

use crate::breaker::{EquityHistory, RollingLoss};
use crate::control::{ControlBoard, ROLLING_LOSS};

/// Parts of a return of 1 in integer arithmetic.
const PARTS: f64 = 1e12;

/// One trip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LossTrip {
    /// When.
    pub at: Timestamp,
    /// The loss, as the breaker measured it; `None` if it cannot be.
    pub loss: Option<Bps>,
    /// The breaker's own words.
    pub evidence: String,
    /// When it was cleared; `None` if it stands at the end.
    pub cleared: Option<Timestamp>,
}

/// The portfolio, its breaker, and the trips so far.
#[derive(Debug, Clone, PartialEq)]
pub struct LossReplay {
    /// The trips, by time.
    pub trips: Vec<LossTrip>,
    /// The loss from which the breaker trips.
    pub limit: Bps,
    /// How long a trip stands.
    pub review: Duration,
    equity: Usd,
    history: EquityHistory,
    board: ControlBoard,
}

impl LossReplay {
    pub(super) fn new(start: Usd, limit: Bps, review: Duration) -> Self {
        Self {
            trips: Vec::new(),
            limit,
            review,
            equity: start,
            history: EquityHistory::default(),
            board: ControlBoard::default(),
        }
    }

    /// What the portfolio is worth.
    #[must_use]
    pub fn equity(&self) -> Usd {
        self.equity
    }

    /// Marks the portfolio at `now`, an hour after the last mark, with each asset's weight and simple
    /// return.
    pub(super) fn hour(&mut self, now: Timestamp, moves: impl Iterator<Item = (Bps, f64)>) {
        let before = self.equity;
        self.equity = moves.fold(before, |sum, (weight, change)| {
            sum + gain(before.fraction(weight), change)
        });
        self.clear_if_due(now);
        self.history.push(EquityPoint {
            at: now,
            equity: self.equity,
            net_flows: Usd::ZERO,
            gas: Usd::ZERO,
        });
        if self.board.since(&Scope::Everything, ROLLING_LOSS).is_some() {
            return;
        }
        let breaker = RollingLoss { limit: self.limit };
        if let Some(trip) = breaker.assess(&self.history) {
            self.trips.push(LossTrip {
                at: now,
                loss: RollingLoss::measure(&self.history).and_then(|measure| measure.share()),
                evidence: trip.evidence.clone(),
                cleared: None,
            });
            self.board.trip(trip);
        }
    }

    fn clear_if_due(&mut self, now: Timestamp) {
        let due = |since: Timestamp| now.since(since) >= self.review;
        let since = self.board.since(&Scope::Everything, ROLLING_LOSS);
        if !since.is_some_and(due) {
            return;
        }
        self.board.clear(&Scope::Everything, ROLLING_LOSS);
        self.history.restart_from(now);
        if let Some(trip) = self.trips.last_mut() {
            trip.cleared = Some(now);
        }
    }
}

/// What `held` gains or loses at a simple return, rounded down.
#[allow(clippy::cast_possible_truncation)]
fn gain(held: Usd, change: f64) -> Usd {
    // A quotient of prices is finite and at most 10³⁶; the cast saturates at 1.7 · 10³⁸.
    let parts = (change * PARTS).round() as i128;
    Usd(held.0.saturating_mul(parts).div_euclid(1_000_000_000_000))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn replay(weight: Bps, changes: &[f64]) -> LossReplay {
        let day = Duration::from_secs(24 * 3600);
        let mut replay = LossReplay::new(Usd::dollars(1000), Bps(1000), day);
        for (hour, change) in (1..).zip(changes) {
            replay.hour(Timestamp(hour * HOUR), [(weight, *change)].into_iter());
        }
        replay
    }

    #[test]
    fn one_fall_is_one_trip_and_a_further_fall_after_the_review_is_another() {
        let mut changes = vec![0.0, -0.12];
        changes.extend([0.0; 30]);
        let once = replay(Bps::WHOLE, &changes);
        assert_eq!(once.trips.len(), 1);
        assert_eq!(once.trips[0].at, Timestamp(2 * HOUR));
        assert_eq!(once.trips[0].loss, Some(Bps(1200)));
        assert_eq!(once.trips[0].cleared, Some(Timestamp(26 * HOUR)));
        assert!(once.trips[0].evidence.contains("12 %"));
        assert_eq!(once.equity(), Usd::dollars(880));
        changes.extend([-0.06, -0.05]);
        assert_eq!(replay(Bps::WHOLE, &changes).trips.len(), 2);
    }

    #[test]
    fn a_further_fall_before_the_review_is_the_same_trip() {
        let twice = replay(Bps::WHOLE, &[0.0, -0.12, -0.12, -0.12]);
        assert_eq!(twice.trips.len(), 1);
        assert_eq!(twice.trips[0].cleared, None);
    }

    #[test]
    fn a_cleared_loss_does_not_trip_again_within_its_window() {
        let mut replay = LossReplay::new(Usd::dollars(1000), Bps(1000), Duration::from_secs(3600));
        for (hour, change) in (1..).zip([0.0, -0.12, 0.0, 0.0, 0.0, -0.05]) {
            replay.hour(Timestamp(hour * HOUR), [(Bps::WHOLE, change)].into_iter());
        }
        assert_eq!(replay.trips.len(), 1);
        assert_eq!(replay.trips[0].cleared, Some(Timestamp(3 * HOUR)));
    }

    #[test]
    fn cash_softens_a_fall() {
        let half = replay(Bps(5000), &[0.0, -0.12, 0.0]);
        assert!(half.trips.is_empty());
        assert_eq!(half.equity(), Usd::dollars(940));
    }
}
