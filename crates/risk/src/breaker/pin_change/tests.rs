#![allow(clippy::unwrap_used)]
use airdrops_types::{B256, Reading};

use super::*;
use ControlState::{Active, Reducing};

const POOL: Address = Address::repeat_byte(0x11);
const MINUTE: i64 = 60_000;

fn facts() -> ContractFacts {
    ContractFacts {
        code_hash: B256::repeat_byte(1),
        implementation: Some(Address::repeat_byte(2)),
        implementation_code_hash: Some(B256::repeat_byte(3)),
        admin: Some(Address::repeat_byte(4)),
        beacon: None,
        owner: Some(Address::repeat_byte(5)),
        paused: Some(false),
    }
}

fn view(contract: Address, facts: Reading<ContractFacts>) -> ContractView {
    ContractView {
        chain: ChainId(1),
        contract,
        protocol: ProtocolId::new("pool-1"),
        facts,
    }
}

fn fresh(facts: ContractFacts) -> Reading<ContractFacts> {
    Reading::Fresh {
        value: facts,
        at: Timestamp(0),
    }
}

/// The states of pins and of data, with what they let ease.
fn see(
    breaker: &mut PinChange,
    minute: i64,
    views: &[ContractView],
) -> (Option<ControlState>, (ControlState, ControlState)) {
    let now = Timestamp(minute * MINUTE);
    let demands = breaker.assess(views, &PinLimits::default(), now);
    let scope = Scope::Protocol(ProtocolId::new("pool-1"));
    assert!(demands.iter().all(|demand| demand.scope == scope));
    let of = |kind| demands.iter().find(move |demand| demand.kind == kind);
    let data = of(BreakerKind::Data).unwrap();
    let pins = of(BreakerKind::PinChange);
    (pins.map(|demand| demand.state), (data.state, data.eases_to))
}

fn seen(breaker: &mut PinChange, minute: i64, facts: ContractFacts) -> ControlState {
    let found = see(breaker, minute, &[view(POOL, fresh(facts))]);
    assert_eq!(found.1, (Active, Active));
    found.0.unwrap()
}

fn pinned() -> PinChange {
    let mut breaker = PinChange::default();
    assert_eq!(seen(&mut breaker, 0, facts()), Active);
    breaker
}

#[test]
fn any_change_reduces_the_protocol_until_it_is_accepted() {
    let other = Some(Address::repeat_byte(9));
    type Alter = fn(&mut ContractFacts, Option<Address>);
    let changes: [(&str, Alter); 8] = [
        ("code hash was", |facts, _| facts.code_hash = B256::ZERO),
        ("implementation was", |facts, other| {
            facts.implementation = other;
        }),
        ("implementation code hash was", |facts, _| {
            facts.implementation_code_hash = None;
        }),
        ("admin was", |facts, other| facts.admin = other),
        ("beacon was none and is", |facts, other| {
            facts.beacon = other;
        }),
        ("owner was", |facts, _| facts.owner = None),
        ("it is paused", |facts, _| facts.paused = Some(true)),
        ("and is none", |facts, _| facts.implementation = None),
    ];
    for (words, change) in changes {
        let mut breaker = pinned();
        let mut after = facts();
        change(&mut after, other);
        assert_eq!(seen(&mut breaker, 1, after.clone()), Reducing, "{words}");
        let evidence = &breaker.pins()[0].change.as_ref().unwrap().evidence;
        assert!(evidence.contains(words), "{evidence}");
        assert!(evidence.contains(&POOL.to_string()), "{evidence}");
        assert!(!evidence.contains("was") || words != "it is paused");
        // Taken back, and not read: still.
        assert_eq!(seen(&mut breaker, 2, facts()), Reducing);
        assert_eq!(
            see(&mut breaker, 3, &[]),
            (Some(Reducing), (Active, Reducing))
        );
        // Accepted: the same is right from now on, and the former is a change.
        breaker.accept(&ProtocolId::new("other"));
        assert_eq!(seen(&mut breaker, 4, after.clone()), Reducing);
        breaker.accept(&ProtocolId::new("pool-1"));
        assert_eq!(seen(&mut breaker, 5, after.clone()), Active);
        if after.paused != Some(true) {
            assert_eq!(seen(&mut breaker, 6, facts()), Reducing);
        }
    }
}

#[test]
fn what_changed_after_the_evidence_is_not_accepted_with_it() {
    let mut breaker = pinned();
    let upgraded = |byte| ContractFacts {
        implementation: Some(Address::repeat_byte(byte)),
        ..facts()
    };
    seen(&mut breaker, 1, upgraded(7));
    seen(&mut breaker, 2, upgraded(8));
    breaker.accept(&ProtocolId::new("pool-1"));
    assert_eq!(breaker.pins()[0].facts, Some(upgraded(7)));
    assert_eq!(seen(&mut breaker, 3, upgraded(8)), Reducing);
}

#[test]
fn unpausing_does_not_clear_and_a_second_pause_trips_again() {
    let paused = || ContractFacts {
        paused: Some(true),
        ..facts()
    };
    let mut breaker = pinned();
    seen(&mut breaker, 1, paused());
    assert_eq!(seen(&mut breaker, 2, facts()), Reducing);
    breaker.accept(&ProtocolId::new("pool-1"));
    assert_eq!(seen(&mut breaker, 3, paused()), Active);
    assert_eq!(seen(&mut breaker, 4, facts()), Active);
    assert_eq!(seen(&mut breaker, 5, paused()), Reducing);
}

#[test]
fn a_contract_that_stops_saying_whether_it_is_paused_stays_pinned() {
    let mut breaker = pinned();
    let silent = ContractFacts {
        paused: None,
        ..facts()
    };
    assert_eq!(seen(&mut breaker, 1, silent), Active);
    assert_eq!(breaker.pins()[0].facts, Some(facts()));
}

#[test]
fn the_first_sight_is_trusted_and_told_but_a_pause_is_not() {
    let mut breaker = pinned();
    assert_eq!(breaker.trusted_at(Timestamp(0)).count(), 1);
    assert_eq!(breaker.trusted_at(Timestamp(1)).count(), 0);
    let paused = ContractFacts {
        paused: Some(true),
        ..facts()
    };
    let other = Address::repeat_byte(0x12);
    let found = see(
        &mut breaker,
        1,
        &[view(POOL, fresh(facts())), view(other, fresh(paused))],
    );
    assert_eq!(found.0, Some(Reducing));
    assert_eq!(breaker.facts().len(), 1);
    assert_eq!(breaker.facts()[0].kind, FactKind::Paused);
}

#[test]
fn expected_facts_take_the_place_of_trust() {
    let limits = PinLimits {
        expected: vec![ExpectedFacts {
            chain: ChainId(1),
            contract: POOL,
            facts: facts(),
        }],
        ..PinLimits::default()
    };
    let first = |facts, chain| {
        let mut breaker = PinChange::default();
        let view = ContractView {
            chain,
            ..view(POOL, fresh(facts))
        };
        let demands = breaker.assess(&[view], &limits, Timestamp(0));
        let trusted = breaker.trusted_at(Timestamp(0)).count();
        (demands[0].state, trusted, breaker.facts())
    };
    let upgraded = ContractFacts {
        admin: None,
        ..facts()
    };
    assert_eq!(first(facts(), ChainId(1)).0, Active);
    assert_eq!(first(facts(), ChainId(1)).1, 0);
    let (state, trusted, told) = first(upgraded.clone(), ChainId(1));
    assert_eq!((state, trusted), (Reducing, 0));
    assert_eq!(told[0].kind, FactKind::PinChange);
    assert_eq!(told[0].scope, Scope::Protocol(ProtocolId::new("pool-1")));
    let elsewhere = first(upgraded, ChainId(2));
    assert_eq!((elsewhere.0, elsewhere.1), (Active, 1));
}

#[test]
fn facts_that_are_not_read_do_not_count_as_unchanged_for_long() {
    let stale = Reading::Stale {
        value: facts(),
        at: Timestamp(0),
        reason: "old".to_owned(),
    };
    for blind in [
        vec![view(POOL, Reading::missing("no answer"))],
        vec![view(POOL, stale)],
        vec![],
    ] {
        let mut breaker = pinned();
        assert_eq!(see(&mut breaker, 15, &blind), (None, (Active, Reducing)));
        assert_eq!(see(&mut breaker, 16, &blind), (None, (Reducing, Reducing)));
        assert_eq!(seen(&mut breaker, 17, facts()), Active);
    }
}

#[test]
fn a_contract_that_was_never_read_is_not_healthy() {
    let mut breaker = PinChange::default();
    let blind = [view(POOL, Reading::missing("no answer"))];
    assert_eq!(see(&mut breaker, 0, &blind), (None, (Active, Reducing)));
    assert_eq!(see(&mut breaker, 0, &blind), (None, (Active, Reducing)));
    assert_eq!(see(&mut breaker, 16, &blind), (None, (Reducing, Reducing)));
}

#[test]
fn one_unread_contract_is_enough() {
    let mut breaker = PinChange::default();
    let other = Address::repeat_byte(0x12);
    let both = [view(POOL, fresh(facts())), view(other, fresh(facts()))];
    assert_eq!(
        see(&mut breaker, 0, &both),
        (Some(Active), (Active, Active))
    );
    assert_eq!(
        see(&mut breaker, 16, &both[..1]),
        (None, (Reducing, Reducing))
    );
    let demands = breaker.assess(&both[..1], &PinLimits::default(), Timestamp(16 * MINUTE));
    let told = &demands[0].evidence;
    assert!(
        told.contains(&other.to_string()) && told.contains("16 min; limit 15 min"),
        "{told}"
    );
}

#[test]
fn a_person_may_give_an_unread_protocol_more_time_or_stop_watching_it() {
    let mut breaker = pinned();
    assert_eq!(see(&mut breaker, 20, &[]), (None, (Reducing, Reducing)));
    breaker.wait_again(&ProtocolId::new("other"), Timestamp(20 * MINUTE));
    assert_eq!(see(&mut breaker, 20, &[]), (None, (Reducing, Reducing)));
    breaker.wait_again(&ProtocolId::new("pool-1"), Timestamp(20 * MINUTE));
    assert_eq!(see(&mut breaker, 35, &[]), (None, (Active, Reducing)));
    assert_eq!(see(&mut breaker, 36, &[]), (None, (Reducing, Reducing)));
    breaker.retain(|pin| pin.contract != POOL);
    assert_eq!(breaker, PinChange::default());
}

#[test]
fn two_protocols_may_share_a_contract() {
    let mut breaker = PinChange::default();
    let shared = |facts| {
        let vault = ContractView {
            protocol: ProtocolId::new("vault-1"),
            ..view(POOL, fresh(facts))
        };
        [view(POOL, vault.facts.clone()), vault]
    };
    let limits = PinLimits::default();
    breaker.assess(&shared(facts()), &limits, Timestamp(0));
    let upgraded = ContractFacts {
        owner: None,
        ..facts()
    };
    let states = |breaker: &mut PinChange, now| {
        let demands = breaker.assess(&shared(upgraded.clone()), &limits, Timestamp(now));
        let pins = demands.iter().filter(|d| d.kind == BreakerKind::PinChange);
        pins.map(|demand| demand.state).collect::<Vec<_>>()
    };
    assert_eq!(states(&mut breaker, 1), [Reducing, Reducing]);
    breaker.accept(&ProtocolId::new("vault-1"));
    assert_eq!(states(&mut breaker, 2), [Reducing, Active]);
}

#[test]
fn a_clock_that_was_ahead_does_not_keep_facts_young() {
    let mut breaker = pinned();
    seen(&mut breaker, 1_000_000, facts());
    assert_eq!(see(&mut breaker, 20, &[]), (None, (Active, Reducing)));
    assert_eq!(see(&mut breaker, 36, &[]), (None, (Reducing, Reducing)));
}

#[test]
fn a_restart_keeps_pins_and_changes() {
    let mut breaker = pinned();
    let upgraded = ContractFacts {
        owner: None,
        ..facts()
    };
    seen(&mut breaker, 1, upgraded);
    let text = serde_json::to_string(&breaker).unwrap();
    let mut after: PinChange = serde_json::from_str(&text).unwrap();
    assert_eq!(after, breaker);
    assert_eq!(seen(&mut after, 2, facts()), Reducing);
}

#[test]
fn a_contract_expected_twice_is_named() {
    let expected = |byte, chain| ExpectedFacts {
        chain: ChainId(chain),
        contract: Address::repeat_byte(byte),
        facts: facts(),
    };
    let count = |expected| {
        let mut wrong = Vec::new();
        PinLimits {
            expected,
            ..PinLimits::default()
        }
        .validate(&mut wrong);
        wrong.len()
    };
    assert_eq!(
        count(vec![expected(1, 1), expected(1, 2), expected(2, 1)]),
        0
    );
    assert_eq!(count(vec![expected(1, 1), expected(1, 1)]), 1);
}
