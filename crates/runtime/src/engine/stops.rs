//! Stops: those of this process, stored before they hold, and those that others set or cleared.

use airdrops_risk::{ControlBoard, FOREIGN_NONCE};
use airdrops_store::Batch;
use airdrops_types::{Address, ControlState, Entry, Scope, Timestamp, Trip};

use super::Engine;
use crate::error::RunError;

impl Engine {
    /// Tells the listener what another process changed: halts and resumes are in the journal
    /// already, but whoever watches this process wants to see them here.
    pub(crate) fn tell_foreign_changes(&mut self, before: &[Trip], now: Timestamp) {
        let after = self.gate.state().control.trips().to_vec();
        let by = "another process";
        for trip in after.iter().filter(|trip| !before.contains(trip)) {
            let (trip, by) = (trip.clone(), by.to_owned());
            (self.listener)(now, &Entry::Tripped { trip, by });
        }
        for trip in before.iter().filter(|trip| {
            !after
                .iter()
                .any(|other| (&other.scope, &other.breaker) == (&trip.scope, &trip.breaker))
        }) {
            (self.listener)(
                now,
                &Entry::Cleared {
                    scope: trip.scope.clone(),
                    breaker: trip.breaker.clone(),
                    by: by.to_owned(),
                    reason: "see the journal".to_owned(),
                },
            );
        }
    }

    /// Takes over control states that others may have changed, and evidence that was consumed.
    pub(crate) fn refresh_control(&mut self) -> Result<(), RunError> {
        let (trips, revision) = self.store.control()?;
        if revision == self.gate.state().control.revision() {
            return Ok(());
        }
        let before = std::mem::replace(
            self.gate.control_mut(),
            ControlBoard::restore(trips, revision),
        );
        for wallet in self.settings.wallets.clone() {
            let scope = Scope::Wallet(wallet);
            let stands = |board: &ControlBoard| board.since(&scope, FOREIGN_NONCE).is_some();
            if stands(&before) && !stands(&self.gate.state().control) {
                self.manager.adopt_nonces(wallet);
            }
        }
        self.consume_cleared(before.trips())
    }

    /// Trips a breaker: stored before it takes effect.
    pub(crate) fn trip(&mut self, trip: Trip, now: Timestamp) -> Result<(), RunError> {
        let entries = vec![Entry::Tripped {
            trip: trip.clone(),
            by: "breaker".to_owned(),
        }];
        let stop = trip.clone();
        self.commit(Batch {
            at: now,
            trips: vec![trip],
            entries,
            ..Batch::default()
        })?;
        self.take_effect(stop)
    }

    /// A stop that was stored holds from now on; in a dry run, which stores nothing, too.
    pub(crate) fn take_effect(&mut self, stop: Trip) -> Result<(), RunError> {
        if self.dry_run {
            self.gate.trip(stop);
            return Ok(());
        }
        self.refresh_control()
    }

    /// Locks a wallet whose nonce somebody else used, unless it is locked for that.
    pub(crate) fn lock_wallet(
        &mut self,
        wallet: Address,
        evidence: String,
        now: Timestamp,
    ) -> Result<(), RunError> {
        let scope = Scope::Wallet(wallet);
        self.refresh_control()?;
        let control = &self.gate.state().control;
        if control.since(&scope, FOREIGN_NONCE).is_some() {
            return Ok(());
        }
        self.trip(
            Trip {
                scope,
                breaker: FOREIGN_NONCE.to_owned(),
                state: ControlState::Locked,
                since: now,
                evidence,
            },
            now,
        )
    }
}
