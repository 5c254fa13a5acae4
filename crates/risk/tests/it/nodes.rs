//! What positions depend on, how much of the limits holds, and what gas may cost by kind of task.

use std::collections::BTreeMap;

use airdrops_risk::gas::{GasLimit, GasLimits, ShortHistory};
use airdrops_risk::look_through::{Node, NodeClass};
use airdrops_risk::{AdaptiveBounds, AdaptiveLimits};
use airdrops_types::{Bps, ControlState, ProtocolId, Reason, Reservation, Scope, Usd};

use crate::case::{Case, case};
use crate::world::{GWEI, HERE, Kind, NOW, id};

fn hop() -> Node {
    Node::new(NodeClass::Bridge, "hop").unwrap()
}

/// The vault holds $10,000 of $100,000, and stands on a bridge.
fn on_a_bridge(dollars: u64, limit: u32) -> Case {
    let mut case = case(Kind::Supply, dollars);
    let vault = Node::protocol("vault");
    case.policy.dependencies.add(vault, hop(), Bps::WHOLE);
    case.policy.node_limits.by_node.insert(hop(), Bps(limit));
    case
}

fn scaled(case: &mut Case, scope: Scope, scale: u32) {
    let mut limits = AdaptiveLimits::default();
    let targets = BTreeMap::from([(scope, Bps(scale))]);
    limits.update(&targets, &AdaptiveBounds::default(), NOW);
    case.state.limits = limits;
}

#[test]
fn what_a_protocol_depends_on_has_a_limit_of_its_own() {
    let terms = on_a_bridge(1_000, 1_100).permitted();
    let claims = &terms.reservation.nodes;
    assert!(claims.contains(&("bridge:hop".into(), Usd::dollars(1_000))));
    let reasons = on_a_bridge(1_001, 1_100).refused(&["node_limit"]);
    assert_eq!(
        reasons[0],
        Reason::NodeLimit {
            node: "bridge:hop".to_owned(),
            measured: Usd::dollars(11_001),
            bound: Usd::dollars(11_000),
            limit: Bps(1_100),
        }
    );
    // What leaves it is no growth.
    let mut exit = on_a_bridge(1_000, 1);
    exit.intent = crate::world::intent(Kind::Withdraw, 1, 1_000);
    exit.permitted();
}

#[test]
fn a_reservation_of_another_intent_counts_at_nodes() {
    let mut case = on_a_bridge(1_000, 1_100);
    case.state.reservations.reserve(Reservation {
        intent: id(77),
        chain: HERE,
        protocols: Vec::new(),
        assets: Vec::new(),
        nodes: vec![("bridge:hop".into(), Usd::dollars(1))],
        booked_at: None,
    });
    case.refused(&["node_limit"]);
}

#[test]
fn dependencies_that_make_no_sense_deny_new_exposure() {
    let mut case = on_a_bridge(1_000, 1_100);
    let vault = Node::protocol("vault");
    case.policy.dependencies.add(hop(), vault, Bps::WHOLE);
    case.refused(&["unmeasurable"]);
    // A family's own limit is still told.
    scaled(
        &mut case,
        Scope::Protocol(ProtocolId::new("vault-1")),
        5_000,
    );
    case.refused(&["protocol_limit", "unmeasurable"]);
    case.intent = crate::world::intent(Kind::Withdraw, 1, 1_000);
    case.permitted();
}

#[test]
fn limits_follow_their_scale_and_a_cautious_state_does_not_halve_them_again() {
    let mut case = case(Kind::Supply, 2_500);
    let limits = &mut case.policy.protocol_limits;
    limits.insert("vault".to_owned(), Bps(2_500));
    scaled(&mut case, Scope::Everything, 5_000);
    // Half of 25 % and half of 5 % of $100,000.
    case.permitted();
    case.trip(Scope::Everything, ControlState::Cautious);
    case.permitted();
    case.intent = crate::world::intent(Kind::Supply, 1, 2_501);
    case.refused(&["protocol_limit", "transaction_limit"]);
}

#[test]
fn the_scale_of_a_protocol_binds_its_family_alone() {
    for (scope, bound) in [("vault-1", true), ("pool-1", false)] {
        let mut case = case(Kind::Supply, 1_000);
        scaled(&mut case, Scope::Protocol(ProtocolId::new(scope)), 5_000);
        if bound {
            case.refused(&["protocol_limit"]);
        } else {
            case.permitted();
        }
    }
}

fn with_gas(limit: GasLimit, rank: Option<Result<Bps, ShortHistory>>) -> Case {
    let mut case = case(Kind::Supply, 1_000);
    case.policy.gas = Some(GasLimits {
        default: GasLimit::Gwei(u128::MAX),
        verbs: BTreeMap::from([("Supply".to_owned(), limit)]),
        fallbacks: BTreeMap::new(),
    });
    case.state.gas_ranks.extend(rank.map(|rank| (HERE, rank)));
    case
}

#[test]
fn gas_may_cost_what_its_kind_of_task_allows() {
    with_gas(GasLimit::Gwei(GWEI), None).permitted();
    with_gas(GasLimit::Gwei(GWEI - 1), None).refused(&["gas_limit"]);
    with_gas(GasLimit::Quantile(Bps(8_000)), Some(Ok(Bps(8_000)))).permitted();
    with_gas(GasLimit::Quantile(Bps(8_000)), Some(Ok(Bps(8_001)))).refused(&["gas_limit"]);
    // 120,000 gas at 1.1 gwei and $2,000 an ether are $0.264.
    with_gas(GasLimit::Usd(Usd(264_000)), None).permitted();
    with_gas(GasLimit::Usd(Usd(263_999)), None).refused(&["gas_limit"]);
    // Other kinds of task, and what only reduces, are not bound by it.
    let mut exit = with_gas(GasLimit::Gwei(0), None);
    exit.intent = crate::world::intent(Kind::Withdraw, 1, 1_000);
    exit.permitted();
}

#[test]
fn an_unknown_rank_of_gas_denies_new_exposure_without_a_fallback() {
    let short = ShortHistory {
        hours: 5,
        required: 168,
    };
    for rank in [None, Some(Err(short))] {
        with_gas(GasLimit::Quantile(Bps(9_999)), rank).refused(&["gas_limit"]);
    }
}
