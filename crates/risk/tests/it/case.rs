//! One decision on a transaction that is otherwise in order.

use airdrops_risk::{Gate, GateState, MANUAL, Policy};
use airdrops_types::{ControlState, Intent, PermitTerms, Reason, Scope, Snapshot, Timestamp, Trip};

use crate::world::{GWEI, Kind, NOW, Wealth, intent, policy, snapshot};

pub(crate) struct Case {
    pub(crate) policy: Policy,
    pub(crate) state: GateState,
    pub(crate) snapshot: Snapshot,
    pub(crate) intent: Intent,
    pub(crate) tip: u128,
    pub(crate) now: Timestamp,
}

pub(crate) fn case(kind: Kind, dollars: u64) -> Case {
    Case {
        policy: policy(),
        state: GateState::default(),
        snapshot: snapshot(Wealth::PLENTY, GWEI),
        intent: intent(kind, 1, dollars),
        tip: GWEI / 10,
        now: NOW,
    }
}

impl Case {
    pub(crate) fn decide(&self) -> Result<PermitTerms, Vec<Reason>> {
        let mut gate = Gate::new(self.policy.clone(), self.state.clone());
        match gate.decide(&gate.mark(&self.snapshot), &self.intent, self.tip, self.now) {
            Ok(permit) => Ok(permit.into_parts().1),
            Err(refusal) => Err(refusal.reasons),
        }
    }

    #[track_caller]
    pub(crate) fn permitted(&self) -> PermitTerms {
        self.decide().unwrap()
    }

    /// Refused for exactly these reasons.
    #[track_caller]
    pub(crate) fn refused(&self, codes: &[&str]) -> Vec<Reason> {
        let reasons = self.decide().unwrap_err();
        let found: Vec<_> = reasons.iter().map(Reason::code).collect();
        assert_eq!(found, codes, "{reasons:#?}");
        reasons
    }

    pub(crate) fn trip(&mut self, scope: Scope, state: ControlState) {
        self.state.control.trip(Trip {
            scope,
            breaker: MANUAL.to_owned(),
            state,
            since: NOW,
            evidence: "the operator says so".to_owned(),
        });
    }

    pub(crate) fn ran(&mut self) -> &mut airdrops_types::Simulation {
        self.intent.simulation.as_mut().unwrap()
    }
}
