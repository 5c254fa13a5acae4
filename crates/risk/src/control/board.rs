//! The board of standing trips.

use airdrops_types::{ControlState, Scope, Timestamp, Trip};
use serde::{Deserialize, Serialize};

use super::Touched;
use super::recovery::Recovery;
use crate::breaker::{BreakerPolicy, ClearedBy, Demand};

/// All standing trips. A breaker has at most one trip per scope, and it only gets worse until it
/// is cleared.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ControlBoard {
    /// Sorted by scope, then breaker.
    trips: Vec<Trip>,
    /// Number of changes ever made.
    revision: u64,
    /// Which trips have healthy evidence, and since when; sorted like the trips.
    #[serde(default)]
    recoveries: Vec<Recovery>,
}

/// What [`ControlBoard::apply`] changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A trip is new, or worse than before.
    Tripped {
        /// As it stands now.
        trip: Trip,
    },
    /// A trip holds on, in a better state.
    Eased {
        /// The state before.
        from: ControlState,
        /// As it stands now.
        trip: Trip,
    },
    /// A trip ended by itself.
    Cleared {
        /// As it stood.
        trip: Trip,
        /// The healthy evidence.
        evidence: String,
    },
}

impl ControlBoard {
    /// The board as it was stored. Of two trips of one breaker and scope, the worse is kept. No
    /// trip has healthy evidence yet: every cool-down starts again.
    #[must_use]
    pub fn restore(trips: Vec<Trip>, revision: u64) -> Self {
        let mut board = Self::default();
        for trip in trips {
            board.trip(trip);
        }
        board.revision = revision;
        board
    }

    /// The standing trips, by scope and breaker.
    #[must_use]
    pub fn trips(&self) -> &[Trip] {
        &self.trips
    }

    /// Grows with each change. A permit given under another revision is not used any more.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Adds a trip. If the breaker already tripped in this scope, the worse state stays, with its
    /// own evidence. Returns whether anything changed. A trip to `Active` changes nothing.
    pub fn trip(&mut self, trip: Trip) -> bool {
        if trip.state == ControlState::Active {
            return false;
        }
        match self.find(&trip.scope, &trip.breaker) {
            Ok(index) if self.trips[index].state >= trip.state => return false,
            Ok(index) => {
                self.forget_recovery(&trip.scope, &trip.breaker);
                self.trips[index] = trip;
            }
            Err(index) => self.trips.insert(index, trip),
        }
        self.revision = self.revision.saturating_add(1);
        true
    }

    /// Answers what all breakers demand at `now`; to be called once per tick with all of it, and
    /// its changes to be stored before anything relies on them.
    ///
    /// - A demand worse than its standing trip, or without one, trips at once.
    /// - A trip that [`BreakerPolicy::clearing`] lets end by itself eases to the calmest state that
    ///   no evidence was worse than for the cool-down, without a break: an `apply` without a demand
    ///   of that breaker and scope starts the cool-down again, and so does a pause of more than
    ///   [`BreakerPolicy::evidence_gap`] between two of them or a clock that goes back.
    /// - Every other trip stays.
    ///
    /// Returns the changes, sorted by scope and breaker.
    pub fn apply(
        &mut self,
        demands: &[Demand],
        now: Timestamp,
        policy: &BreakerPolicy,
    ) -> Vec<Change> {
        let demands = Demand::merge(demands.to_vec());
        self.recoveries.retain(|recovery| {
            demands.iter().any(|demand| {
                (&demand.scope, demand.kind.name()) == (&recovery.scope, recovery.breaker.as_str())
            })
        });
        demands
            .into_iter()
            .filter_map(|demand| self.answer(demand, now, policy))
            .collect()
    }

    fn answer(&mut self, demand: Demand, now: Timestamp, policy: &BreakerPolicy) -> Option<Change> {
        let breaker = demand.kind.name();
        let standing = match self.find(&demand.scope, breaker) {
            Ok(index) => self.trips[index].state,
            Err(_) => ControlState::Active,
        };
        if demand.state > standing {
            let trip = Trip {
                scope: demand.scope,
                breaker: breaker.to_owned(),
                state: demand.state,
                since: now,
                evidence: demand.evidence,
            };
            self.trip(trip.clone());
            return Some(Change::Tripped { trip });
        }
        let clearing = policy.clearing(demand.kind, standing);
        let eases_to = demand.eases_to.max(demand.state);
        if eases_to >= standing || clearing.by == ClearedBy::Administrator {
            self.forget_recovery(&demand.scope, breaker);
            return None;
        }
        let recovery = self.recovery(&demand.scope, breaker, now);
        recovery.observe(eases_to, standing, now, policy.evidence_gap);
        let state = recovery.reached(now, clearing.cool_down)?;
        self.ease(state, demand, now)
    }

    /// Takes a standing trip down to `state`.
    fn ease(&mut self, state: ControlState, demand: Demand, now: Timestamp) -> Option<Change> {
        let index = self.find(&demand.scope, demand.kind.name()).ok()?;
        if state == ControlState::Active {
            let trip = self.clear(&demand.scope, demand.kind.name())?;
            let evidence = demand.evidence;
            return Some(Change::Cleared { trip, evidence });
        }
        let trip = &mut self.trips[index];
        let from = std::mem::replace(&mut trip.state, state);
        trip.since = now;
        trip.evidence = demand.evidence;
        self.revision = self.revision.saturating_add(1);
        let trip = self.trips[index].clone();
        Some(Change::Eased { from, trip })
    }

    /// Takes the trip of `breaker` in `scope` away and returns it: an administrator's act. Its
    /// evidence must be used up with it, or it trips again; see
    /// [`Breakers::consume`](crate::Breakers::consume).
    pub fn clear(&mut self, scope: &Scope, breaker: &str) -> Option<Trip> {
        let index = self.find(scope, breaker).ok()?;
        self.forget_recovery(scope, breaker);
        self.revision = self.revision.saturating_add(1);
        Some(self.trips.remove(index))
    }

    /// The trips that cover any of what is touched, by scope and breaker.
    pub fn covering<'a>(&'a self, touched: &'a Touched<'_>) -> impl Iterator<Item = &'a Trip> {
        self.trips.iter().filter(|trip| touched.is_in(&trip.scope))
    }

    /// The worst state of all trips that cover any of what is touched, and the trip that demands
    /// it; of equals, the first by scope and breaker.
    #[must_use]
    pub fn state_for(&self, touched: &Touched<'_>) -> (ControlState, Option<&Trip>) {
        worst(self.trips.iter().filter(|trip| touched.is_in(&trip.scope)))
    }

    /// The worst state of the scope `Everything`, and the trip that demands it.
    #[must_use]
    pub fn overall(&self) -> (ControlState, Option<&Trip>) {
        worst(
            self.trips
                .iter()
                .filter(|trip| trip.scope == Scope::Everything),
        )
    }

    /// Since when `breaker` stands tripped in `scope`.
    #[must_use]
    pub fn since(&self, scope: &Scope, breaker: &str) -> Option<Timestamp> {
        let index = self.find(scope, breaker).ok()?;
        Some(self.trips[index].since)
    }

    fn recovery(&mut self, scope: &Scope, breaker: &str, now: Timestamp) -> &mut Recovery {
        let place =
            |noted: &Recovery| (&noted.scope, noted.breaker.as_str()).cmp(&(scope, breaker));
        let index = match self.recoveries.binary_search_by(place) {
            Ok(index) => index,
            Err(index) => {
                let recovery = Recovery::new(scope.clone(), breaker, now);
                self.recoveries.insert(index, recovery);
                index
            }
        };
        &mut self.recoveries[index]
    }

    fn forget_recovery(&mut self, scope: &Scope, breaker: &str) {
        self.recoveries
            .retain(|noted| (&noted.scope, noted.breaker.as_str()) != (scope, breaker));
    }

    fn find(&self, scope: &Scope, breaker: &str) -> Result<usize, usize> {
        self.trips
            .binary_search_by(|trip| (&trip.scope, trip.breaker.as_str()).cmp(&(scope, breaker)))
    }
}

fn worst<'a>(trips: impl Iterator<Item = &'a Trip>) -> (ControlState, Option<&'a Trip>) {
    trips.fold((ControlState::Active, None), |(state, found), trip| {
        if trip.state > state {
            (trip.state, Some(trip))
        } else {
            (state, found)
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use airdrops_types::{Address, ChainId, ProtocolId};

    use super::*;
    use crate::control::{FOREIGN_NONCE, MANUAL, ROLLING_LOSS};

    fn trip(scope: Scope, breaker: &str, state: ControlState) -> Trip {
        Trip {
            scope,
            breaker: breaker.to_owned(),
            state,
            since: Timestamp(1),
            evidence: format!("{breaker} says {state}"),
        }
    }

    fn touching(chain: u64, protocol: &ProtocolId) -> Touched<'_> {
        Touched {
            chains: vec![ChainId(chain)],
            protocols: vec![protocol],
            ..Touched::default()
        }
    }

    #[test]
    fn a_breaker_only_gets_worse_until_it_is_cleared() {
        let mut board = ControlBoard::default();
        assert!(board.trip(trip(Scope::Everything, MANUAL, ControlState::Halted)));
        assert!(!board.trip(trip(Scope::Everything, MANUAL, ControlState::Reducing)));
        assert!(!board.trip(trip(Scope::Everything, MANUAL, ControlState::Halted)));
        assert_eq!(board.revision(), 1);
        assert_eq!(board.overall().0, ControlState::Halted);
        assert!(board.trip(trip(Scope::Everything, MANUAL, ControlState::Locked)));
        assert_eq!(board.trips().len(), 1);
        assert_eq!(
            board.clear(&Scope::Everything, MANUAL).unwrap().state,
            ControlState::Locked
        );
        assert_eq!(board.overall(), (ControlState::Active, None));
        assert_eq!(board.revision(), 3);
        assert_eq!(board.clear(&Scope::Everything, MANUAL), None);
        assert_eq!(board.revision(), 3);
    }

    #[test]
    fn clearing_one_breaker_leaves_the_others() {
        let mut board = ControlBoard::default();
        board.trip(trip(Scope::Everything, MANUAL, ControlState::Locked));
        board.trip(trip(Scope::Everything, ROLLING_LOSS, ControlState::Halted));
        board.clear(&Scope::Everything, MANUAL);
        let (state, by) = board.overall();
        assert_eq!(state, ControlState::Halted);
        assert_eq!(by.unwrap().breaker, ROLLING_LOSS);
    }

    #[test]
    fn of_equally_bad_trips_the_first_is_named() {
        let mut board = ControlBoard::default();
        for breaker in [ROLLING_LOSS, MANUAL] {
            board.trip(trip(Scope::Everything, breaker, ControlState::Halted));
        }
        assert_eq!(board.overall().1.unwrap().breaker, MANUAL);
    }

    #[test]
    fn a_scope_covers_only_what_touches_it() {
        let (pool, vault) = (ProtocolId::new("pool"), ProtocolId::new("vault"));
        let mut board = ControlBoard::default();
        board.trip(trip(
            Scope::Protocol(pool.clone()),
            MANUAL,
            ControlState::Halted,
        ));
        board.trip(trip(
            Scope::Chain(ChainId(10)),
            MANUAL,
            ControlState::Cautious,
        ));
        assert_eq!(board.state_for(&touching(1, &pool)).0, ControlState::Halted);
        assert_eq!(
            board.state_for(&touching(1, &vault)).0,
            ControlState::Active
        );
        assert_eq!(
            board.state_for(&touching(10, &vault)).0,
            ControlState::Cautious
        );
        assert_eq!(
            board.state_for(&touching(10, &pool)).0,
            ControlState::Halted
        );
        assert_eq!(board.overall().0, ControlState::Active);
    }

    #[test]
    fn a_restored_board_is_the_stored_one() {
        let mut board = ControlBoard::default();
        board.trip(trip(
            Scope::Wallet(Address::repeat_byte(1)),
            FOREIGN_NONCE,
            ControlState::Locked,
        ));
        board.trip(trip(Scope::Everything, MANUAL, ControlState::Cautious));
        let restored = ControlBoard::restore(board.trips().to_vec(), board.revision());
        assert_eq!(restored, board);
        let text = serde_json::to_string(&board).unwrap();
        assert_eq!(serde_json::from_str::<ControlBoard>(&text).unwrap(), board);
    }
}
