//! What risk's signals mean for one opportunity of the allocator, and for one task of the scheduler.
//!
//! The control states are those of the board that the gate asks, the scales those that its limits
//! are multiplied by, so that neither room plans what the gate would refuse. The gate decides all
//! the same.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_protocols::ProtocolConfig;
use airdrops_scheduler::Change;
use airdrops_types::{
    Address, Bps, ControlSignal, ProtocolId, Restraint, Scope, TaskId, TaskRecord, Timestamp,
};

use crate::engine::Engine;
use crate::error::RunError;

impl Engine {
    /// What holds back each protocol. Of several wallets the freest counts: it can still go there.
    pub(crate) fn restraints(&self) -> BTreeMap<ProtocolId, Restraint> {
        self.registry
            .iter()
            .filter_map(|protocol| {
                let wallets = self.settings.wallets.iter();
                let restraints = wallets.map(|wallet| self.restraint(protocol, *wallet));
                let freest = restraints.min_by_key(Restraint::state)?;
                Some((protocol.id.clone(), freest))
            })
            .collect()
    }

    /// What holds back a wallet in a protocol.
    pub(crate) fn restraint(&self, protocol: &ProtocolConfig, wallet: Address) -> Restraint {
        let state = self.gate.state();
        let trips = state.control.trips().iter();
        let trips = trips.filter(|trip| self.touches(&trip.scope, protocol, wallet));
        let own = Scope::Protocol(protocol.id.clone());
        let scales = [Scope::Everything, own].map(|scope| (state.limits.scale(&scope), scope));
        Restraint {
            trips: trips.cloned().collect(),
            scale: scales
                .iter()
                .map(|(scale, _)| *scale)
                .fold(Bps::WHOLE, Bps::min),
            scaled_by: scales
                .iter()
                .filter(|(scale, _)| *scale < Bps::WHOLE)
                .filter_map(|(scale, scope)| Some((scale, self.signal_of(scope)?)))
                .map(|(scale, signal)| {
                    let reasons = signal.reasons.join(", ");
                    format!("limits of {} are at {scale}: {reasons}", signal.scope)
                })
                .collect(),
        }
    }

    /// Holds the tasks that a stop forbids, before they are planned, built and simulated in vain,
    /// and lets those go whose stop has ended.
    pub(crate) fn restrain(&mut self, now: Timestamp) -> Result<Vec<Change>, RunError> {
        let open = self.manager.open()?;
        let under_way: BTreeSet<&TaskId> = open.iter().map(|slot| &slot.intent.task).collect();
        let restraints: BTreeMap<TaskId, Restraint> = self
            .scheduler
            .tasks()
            .filter(|task| !task.state.is_final() && !under_way.contains(&task.id))
            .map(|task| (task.id.clone(), self.restraint_of(task)))
            .collect();
        let restraint_of = |task: &TaskRecord| restraints.get(&task.id).cloned();
        Ok(self.scheduler.restrain(restraint_of, now)?)
    }

    fn restraint_of(&self, task: &TaskRecord) -> Restraint {
        let Some(assignment) = task.assignment() else {
            return Restraint::default();
        };
        let Some(protocol) = self.registry.get(&assignment.protocol) else {
            // It ends, with a reason, as soon as it is looked at.
            return Restraint::default();
        };
        // What must stand aside for an unwind does so although a stop holds.
        match self.unwound(&assignment.action, protocol, assignment.wallet) {
            Some(_) => Restraint::default(),
            None => self.restraint(protocol, assignment.wallet),
        }
    }

    /// The most that one transaction of a wallet in a protocol may move at present.
    pub(crate) fn transaction_limit(&self, protocol: &ProtocolConfig, wallet: Address) -> Bps {
        let most = self.restraint(protocol, wallet).state().most_of_limits();
        let scale = self.gate.state().limits.overall();
        self.settings
            .policy
            .transaction_limit
            .times(scale.min(most))
    }

    /// What was last assessed of exactly this scope.
    pub(crate) fn signal_of(&self, scope: &Scope) -> Option<&ControlSignal> {
        self.signals.iter().find(|signal| signal.scope == *scope)
    }

    /// What a scope covers of what a wallet does in a protocol: as an unwind has it, and also the
    /// chain at the other end of a bridge.
    fn touches(&self, scope: &Scope, protocol: &ProtocolConfig, wallet: Address) -> bool {
        let arrives_there = |chain| {
            let tokens = self.registry.tokens_of(protocol);
            tokens.iter().any(|token| token.chain == chain)
        };
        self.covers(scope, protocol, wallet)
            || matches!(scope, Scope::Chain(chain) if arrives_there(*chain))
    }
}
