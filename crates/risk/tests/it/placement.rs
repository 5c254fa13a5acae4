//! What limits leave for money that may be placed, against what the gate says.

use airdrops_risk::look_through::{Node, NodeClass};
use airdrops_risk::{Marked, Placement, PlacementLimit, placement_limits};
use airdrops_types::{Bps, ControlState, ProtocolId, Reading, Reason, Scope, Usd};

use crate::case::{Case, case};
use crate::world::{Kind, usdc, weth};

fn vault() -> Placement {
    Placement {
        protocol: ProtocolId::new("vault-1"),
        legs: vec![(usdc(), Bps::WHOLE)],
    }
}

fn pool() -> Placement {
    Placement {
        protocol: ProtocolId::new("pool-1"),
        legs: vec![(usdc(), Bps(5_000)), (weth(), Bps(5_000))],
    }
}

fn limits(case: &Case, placements: &[Placement]) -> Vec<PlacementLimit> {
    let marked = Marked::new(&case.snapshot, &case.policy);
    placement_limits(&case.policy, &case.state, &marked, placements).unwrap()
}

fn at<'a>(limits: &'a [PlacementLimit], node: &str) -> &'a PlacementLimit {
    limits.iter().find(|limit| limit.node == node).unwrap()
}

/// Whether a placement of so much in the vault, which holds $10,000, is within its rows.
fn within(case: &Case, more: u64) -> bool {
    limits(case, &[vault()]).iter().all(|limit| {
        let placed = 10_000_000_000 + i128::from(more) * 1_000_000;
        limit.elsewhere.0 + placed * i128::from(limit.weights[0].0) / 10_000 <= limit.bound_now.0
    })
}

#[test]
fn rows_name_what_the_gate_limits_and_the_share_that_counts() {
    let mut case = case(Kind::Supply, 1_000);
    let hop = Node::new(NodeClass::Bridge, "hop").unwrap();
    let weth_wrapper = Node::new(NodeClass::Wrapper, "weth").unwrap();
    let asset = Node::asset(&weth().asset);
    case.policy
        .dependencies
        .add(Node::protocol("vault"), hop, Bps(2_500));
    case.policy
        .dependencies
        .add(asset, weth_wrapper, Bps::WHOLE);
    let rows = limits(&case, &[vault(), pool()]);
    assert_eq!(at(&rows, "bridge:hop").weights, [Bps(2_500), Bps(0)]);
    assert_eq!(at(&rows, "wrapper:weth").weights, [Bps(0), Bps(5_000)]);
    assert_eq!(at(&rows, "protocol:vault").weights, [Bps::WHOLE, Bps(0)]);
    let family = at(&rows, "protocol:vault");
    assert_eq!(family.bound, Usd::dollars(20_000));
    assert_eq!(family.elsewhere, Usd::ZERO);
    // A position that is no placement counts as what is there already.
    let rows = limits(&case, &[pool()]);
    assert!(rows.iter().all(|row| row.node != "protocol:vault"));
    let mut same_family = vault();
    same_family.protocol = ProtocolId::new("vault-2");
    case.policy
        .families
        .insert(ProtocolId::new("vault-2"), "vault".to_owned());
    let rows = limits(&case, &[same_family]);
    assert_eq!(at(&rows, "protocol:vault").elsewhere, Usd::dollars(10_000));
}

#[test]
fn what_is_within_the_rows_the_gate_does_not_refuse_for_exposure() {
    let hop = || Node::new(NodeClass::Bridge, "hop").unwrap();
    for (limit, cautious) in [
        (1_050, false),
        (1_300, false),
        (1_900, false),
        (3_000, true),
    ] {
        for dollars in [100, 400, 500, 501, 2_000, 2_999, 3_001, 4_900] {
            let mut case = case(Kind::Supply, dollars);
            let vault = Node::protocol("vault");
            case.policy.dependencies.add(vault, hop(), Bps::WHOLE);
            case.policy.node_limits.by_node.insert(hop(), Bps(limit));
            if cautious {
                case.trip(Scope::Everything, ControlState::Cautious);
            }
            let exposed = |reason: &Reason| {
                matches!(
                    reason,
                    Reason::NodeLimit { .. }
                        | Reason::ProtocolLimit { .. }
                        | Reason::AssetLimit { .. }
                )
            };
            let refused = case
                .decide()
                .is_err_and(|reasons| reasons.iter().any(exposed));
            assert_eq!(
                within(&case, dollars),
                !refused,
                "{limit} {cautious} {dollars}"
            );
        }
    }
}

#[test]
fn what_cannot_be_measured_leaves_no_rows_to_rely_on() {
    let mut case = case(Kind::Supply, 1_000);
    for price in case.snapshot.prices.values_mut() {
        *price = Reading::missing("no source answers");
    }
    let marked = Marked::new(&case.snapshot, &case.policy);
    let answer = placement_limits(&case.policy, &case.state, &marked, &[vault()]);
    assert!(answer.is_err(), "{answer:?}");
}
