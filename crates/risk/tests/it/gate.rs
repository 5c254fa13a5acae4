//! A gate between decisions: its stops, how much of its limits holds, and what it says.

use std::collections::BTreeMap;

use airdrops_risk::{AdaptiveBounds, AdaptiveLimits, Gate, MANUAL, Permit, Refusal};
use airdrops_types::{Bps, ControlState, ProtocolId, Reason, Scope, Trip};

use crate::case::{Case, case};
use crate::world::{GWEI, HERE, Kind, NOW};

fn gate(case: &Case) -> Gate {
    Gate::new(case.policy.clone(), case.state.clone())
}

fn decide(gate: &mut Gate, case: &Case) -> Result<Permit, Refusal> {
    gate.decide(&gate.mark(&case.snapshot), &case.intent, case.tip, case.now)
}

fn stop(state: ControlState) -> Trip {
    Trip {
        scope: Scope::Everything,
        breaker: MANUAL.to_owned(),
        state,
        since: NOW,
        evidence: "the operator says so".to_owned(),
    }
}

#[test]
fn a_stop_holds_from_the_next_decision_until_it_is_cleared() {
    let case = case(Kind::Supply, 1_000);
    let mut gate = gate(&case);
    assert!(gate.trip(stop(ControlState::Halted)));
    assert!(!gate.trip(stop(ControlState::Reducing)));
    assert!(decide(&mut gate, &case).is_err());
    assert_eq!(
        gate.clear(&Scope::Everything, MANUAL),
        Some(stop(ControlState::Halted))
    );
    assert_eq!(gate.clear(&Scope::Everything, MANUAL), None);
    assert!(decide(&mut gate, &case).is_ok());
    gate.control_mut().trip(stop(ControlState::Reducing));
    assert!(decide(&mut gate, &case).is_err());
}

#[test]
fn limits_and_ranks_of_gas_hold_from_the_next_decision() {
    let case = case(Kind::Supply, 1_000);
    let mut gate = gate(&case);
    assert!(decide(&mut gate, &case).is_ok());
    let mut limits = AdaptiveLimits::default();
    let half = BTreeMap::from([(Scope::Protocol(ProtocolId::new("vault-1")), Bps(5_000))]);
    limits.update(&half, &AdaptiveBounds::default(), NOW);
    let ranks = BTreeMap::from([(HERE, Ok(Bps(9_000)))]);
    gate.adjust(limits.clone(), ranks.clone());
    assert_eq!(gate.state().limits, limits);
    assert_eq!(gate.state().gas_ranks, ranks);
    let refusal = decide(&mut gate, &case).unwrap_err();
    let codes: Vec<_> = refusal.reasons.iter().map(Reason::code).collect();
    assert_eq!(codes, ["protocol_limit"]);
}

#[test]
fn a_refusal_tells_its_reasons_one_after_the_other() {
    let mut case = case(Kind::Supply, 1_000);
    case.policy.gas_ceilings.insert(HERE, GWEI / 2);
    let mut gate = gate(&case);
    gate.trip(stop(ControlState::Halted));
    let refusal = decide(&mut gate, &case).unwrap_err();
    assert_eq!(refusal.reasons.len(), 2);
    assert_eq!(
        refusal.to_string(),
        format!("{}; {}", refusal.reasons[0], refusal.reasons[1])
    );
}
