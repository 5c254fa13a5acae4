//! The stops that hold at present, and what they cover.

use std::collections::BTreeSet;

use airdrops_types::{
    Address, AssetId, ChainId, ControlState, Intent, ProtocolId, Scope, Timestamp, Trip,
};
use serde::{Deserialize, Serialize};

/// The breaker of a person's own stop.
pub const MANUAL: &str = "manual";
/// The breaker of the rolling 24 h loss.
pub const ROLLING_LOSS: &str = "rolling-loss";
/// The breaker of a nonce that was used by somebody else.
pub const FOREIGN_NONCE: &str = "foreign-nonce";

/// All standing trips. A breaker has at most one trip per scope, and it only gets worse until it
/// is cleared.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ControlBoard {
    /// Sorted by scope, then breaker.
    trips: Vec<Trip>,
    /// Number of changes ever made.
    revision: u64,
}

impl ControlBoard {
    /// The board as it was stored. Of two trips of one breaker and scope, the worse is kept.
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
            Ok(index) => self.trips[index] = trip,
            Err(index) => self.trips.insert(index, trip),
        }
        self.revision = self.revision.saturating_add(1);
        true
    }

    /// Takes the trip of `breaker` in `scope` away and returns it.
    pub fn clear(&mut self, scope: &Scope, breaker: &str) -> Option<Trip> {
        let index = self.find(scope, breaker).ok()?;
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

/// Everything that a transaction touches, in the terms of [`Scope`].
#[derive(Debug, Clone, Default)]
pub struct Touched<'a> {
    /// Its chain, and the chains of the positions that it changes.
    pub chains: BTreeSet<ChainId>,
    /// The wallet that sends it.
    pub wallets: BTreeSet<Address>,
    /// Its protocol, and those whose positions it changes.
    pub protocols: BTreeSet<&'a ProtocolId>,
    /// The assets that it spends, receives, approves or changes a position of.
    pub assets: BTreeSet<&'a AssetId>,
}

impl<'a> Touched<'a> {
    /// What `intent` touches.
    #[must_use]
    pub fn by(intent: &'a Intent) -> Self {
        let mut touched = Self {
            chains: BTreeSet::from([intent.chain]),
            wallets: BTreeSet::from([intent.wallet]),
            protocols: BTreeSet::from([&intent.protocol]),
            assets: BTreeSet::new(),
        };
        let amounts = intent.spend.iter().chain(&intent.receive);
        touched
            .assets
            .extend(amounts.map(|amount| &amount.token.asset));
        let allowances = intent.allowances.iter();
        touched
            .assets
            .extend(allowances.map(|allowance| &allowance.token.asset));
        for change in &intent.positions {
            touched.chains.insert(change.token.chain);
            touched.protocols.insert(&change.protocol);
            touched.assets.insert(&change.token.asset);
        }
        touched
    }

    /// Whether any of it lies in `scope`.
    #[must_use]
    pub fn is_in(&self, scope: &Scope) -> bool {
        match scope {
            Scope::Everything => true,
            Scope::Chain(chain) => self.chains.contains(chain),
            Scope::Protocol(protocol) => self.protocols.contains(protocol),
            Scope::Asset(asset) => self.assets.contains(asset),
            Scope::Wallet(wallet) => self.wallets.contains(wallet),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
            chains: BTreeSet::from([ChainId(chain)]),
            protocols: BTreeSet::from([protocol]),
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
