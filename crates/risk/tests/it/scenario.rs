//! Random worlds that are plausible: most are sound, some have something wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use airdrops_risk::gas::{GasLimit, GasLimits};
use airdrops_risk::look_through::{Node, NodeClass};
use airdrops_risk::{ControlBoard, GateState, Marked, Policy, ReservationBook, verdict};
use airdrops_types::{
    AssetId, Bps, ControlState, Intent, Origin, ProtocolId, Reading, Reservation, Scope, Snapshot,
    Timestamp, Trip, Usd, Verdict,
};
use proptest::prelude::*;

use crate::world::{self, GWEI, HERE, Kind, NOW, WALLET, Wealth};

/// Everything that a verdict rests on.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) kind: Kind,
    pub(crate) policy: Policy,
    pub(crate) state: GateState,
    pub(crate) snapshot: Snapshot,
    pub(crate) intent: Intent,
    pub(crate) tip: u128,
    pub(crate) now: Timestamp,
}

impl Scenario {
    pub(crate) fn verdict(&self) -> Verdict {
        verdict(
            &self.policy,
            &self.state,
            &Marked::new(&self.snapshot, &self.policy),
            &self.intent,
            self.tip,
            self.now,
        )
    }

    pub(crate) fn permitted(&self) -> bool {
        matches!(self.verdict(), Verdict::Permitted { .. })
    }
}

/// How a reading gets worse.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Decay {
    Stale,
    Missing,
}

pub(crate) fn decay() -> impl Strategy<Value = Decay> {
    prop_oneof![Just(Decay::Stale), Just(Decay::Missing)]
}

pub(crate) fn worsen<T: Clone>(reading: &mut Reading<T>, decay: Decay) {
    *reading = match (&*reading, decay) {
        (Reading::Fresh { value, at }, Decay::Stale) => Reading::Stale {
            value: value.clone(),
            at: *at,
            reason: "old".to_owned(),
        },
        (reading, Decay::Stale) => reading.clone(),
        (_, Decay::Missing) => Reading::missing("gone"),
    };
}

/// A bridge that the vault stands on.
pub(crate) fn hop() -> Node {
    Node::new(NodeClass::Bridge, "hop").unwrap()
}

pub(crate) fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope::Everything),
        Just(Scope::Chain(HERE)),
        Just(Scope::Protocol(ProtocolId::new("vault-1"))),
        Just(Scope::Asset(AssetId::new("USDC"))),
        Just(Scope::Wallet(WALLET)),
    ]
}

pub(crate) fn trip() -> impl Strategy<Value = Trip> {
    let scope = scope();
    let state = prop_oneof![
        3 => Just(ControlState::Cautious),
        1 => Just(ControlState::Reducing),
        1 => Just(ControlState::Halted),
        1 => Just(ControlState::Locked),
    ];
    (scope, state, prop_oneof!["manual", "rolling-loss"]).prop_map(|(scope, state, breaker)| Trip {
        scope,
        breaker,
        state,
        since: NOW,
        evidence: "measured".to_owned(),
    })
}

pub(crate) fn reservation() -> impl Strategy<Value = Reservation> {
    let family = prop_oneof!["vault", "pool", "farm"];
    let asset = prop_oneof!["ETH", "USDC"];
    (1000u64..2000, family, asset, 1i64..8_000).prop_map(|(number, family, asset, dollars)| {
        Reservation {
            intent: world::id(number),
            chain: HERE,
            protocols: vec![(family, Usd::dollars(dollars))],
            assets: vec![(AssetId(asset), Usd::dollars(dollars))],
            nodes: Vec::new(),
            booked_at: None,
        }
    })
}

pub(crate) fn kind() -> impl Strategy<Value = Kind> {
    proptest::sample::select(&Kind::ALL[..])
}

fn wealth() -> impl Strategy<Value = Wealth> {
    (
        50u64..10_000,
        0u64..40_000,
        0u64..90_000,
        0u64..20_000,
        0u64..15_000,
        0u64..15_000,
    )
        .prop_map(|(eth, weth, usdc, remote, vault, pool)| Wealth {
            eth,
            weth,
            usdc,
            remote,
            vault,
            pool,
        })
}

fn policy() -> impl Strategy<Value = Policy> {
    (
        500u32..4000,
        proptest::option::of(500u32..5000),
        200u32..1500,
        3000u32..9000,
        20u128..80,
        5i64..200,
        10u64..60,
        (800u32..4000, proptest::option::of(2_000u32..9_000)),
    )
        .prop_map(
            |(protocol, vault, transaction, eth, ceiling, fee, age, (bridge, gas))| {
                let mut policy = world::policy();
                policy.protocol_limit = Bps(protocol);
                if let Some(limit) = vault {
                    policy
                        .protocol_limits
                        .insert("vault".to_owned(), Bps(limit));
                }
                policy.transaction_limit = Bps(transaction);
                policy.asset_limits.insert(AssetId::new("ETH"), Bps(eth));
                policy.gas_ceilings.insert(HERE, ceiling * GWEI);
                policy.fee_limit = Usd::dollars(fee);
                policy.max_simulation_age = Duration::from_secs(age);
                let vault = Node::protocol("vault");
                policy.dependencies.add(vault, hop(), Bps::WHOLE);
                policy.node_limits.by_node.insert(hop(), Bps(bridge));
                policy.gas = gas.map(|limit| GasLimits {
                    default: GasLimit::Quantile(Bps(limit)),
                    verbs: BTreeMap::new(),
                    fallbacks: BTreeMap::new(),
                });
                policy
            },
        )
}

/// A scenario of the given kinds.
pub(crate) fn scenario_of(kinds: impl Strategy<Value = Kind>) -> impl Strategy<Value = Scenario> {
    let state = (
        prop_oneof![4 => Just(None), 1 => trip().prop_map(Some)],
        proptest::collection::vec(reservation(), 0..3),
    );
    let defect = prop_oneof![5 => Just(None), 1 => (0usize..40, decay()).prop_map(Some)];
    let timing = (-20i64..40, 1u64..2_000_000, 0u128..5, 1u128..45);
    (
        (kinds, 2u64..6_000, any::<bool>()),
        wealth(),
        policy(),
        state,
        defect,
        timing,
    )
        .prop_map(
            |((kind, dollars, operator), wealth, policy, (trip, reserved), defect, timing)| {
                let (age, gas, tip, base_fee) = timing;
                let mut snapshot = world::snapshot(wealth, base_fee * GWEI);
                if let Some((index, decay)) = defect {
                    decay_input(&mut snapshot, index, decay);
                }
                let mut intent = world::intent(kind, 1, dollars);
                if operator {
                    intent.origin = Origin::Operator;
                }
                if let Some(ran) = &mut intent.simulation {
                    ran.at = Timestamp(NOW.0 - age * 1000);
                    ran.gas_used = gas % 600_000 + 21_000;
                }
                let mut control = ControlBoard::default();
                if let Some(trip) = trip {
                    control.trip(trip);
                }
                Scenario {
                    kind,
                    policy,
                    state: GateState {
                        control,
                        reservations: ReservationBook::restore(reserved),
                        gas_ranks: BTreeMap::from([(HERE, Ok(Bps(3_000)))]),
                        ..GateState::default()
                    },
                    snapshot,
                    intent,
                    tip: tip * GWEI,
                    now: NOW,
                }
            },
        )
}

pub(crate) fn scenario() -> impl Strategy<Value = Scenario> {
    scenario_of(kind())
}

/// How many inputs [`decay_input`] knows: all prices, heads, base fee here, balances, positions,
/// allowances.
pub(crate) fn inputs(snapshot: &Snapshot) -> usize {
    snapshot.prices.len()
        + snapshot.chains.len()
        + 1
        + snapshot.holdings.len()
        + snapshot.positions.len()
        + snapshot.allowances.len()
}

/// Makes one input worse, by its number modulo how many there are.
pub(crate) fn decay_input(snapshot: &mut Snapshot, index: usize, decay: Decay) {
    let index = index % inputs(snapshot);
    let mut left = index;
    for price in snapshot.prices.values_mut() {
        if left == 0 {
            return worsen(price, decay);
        }
        left -= 1;
    }
    for chain in snapshot.chains.values_mut() {
        if left == 0 {
            return worsen(&mut chain.head, decay);
        }
        left -= 1;
    }
    if left == 0 {
        let here = snapshot.chains.get_mut(&HERE).unwrap();
        return worsen(&mut here.base_fee, decay);
    }
    left -= 1;
    for holding in &mut snapshot.holdings {
        if left == 0 {
            return worsen(&mut holding.amount, decay);
        }
        left -= 1;
    }
    for view in &mut snapshot.positions {
        if left == 0 {
            return worsen(&mut view.position, decay);
        }
        left -= 1;
    }
    for allowances in snapshot.allowances.values_mut() {
        if left == 0 {
            return worsen(allowances, decay);
        }
        left -= 1;
    }
}
