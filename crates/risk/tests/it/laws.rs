//! The laws that hold in every world.

use std::collections::BTreeMap;
use std::time::Duration;

use airdrops_risk::gas::{GasLimit, GasLimits};
use airdrops_risk::look_through::Node;
use airdrops_risk::{AdaptiveBounds, Exposure, Gate, GateState};
use airdrops_types::{
    AssetId, B256, BlockRef, Bps, I256, Reading, Reason, Reservation, Scope, SimulationFailure,
    Timestamp, TokenDelta, Trip, U256, Usd, Verdict,
};
use proptest::prelude::*;
use proptest::strategy::{Union, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::scenario::{
    Decay, Scenario, decay, decay_input, hop, inputs, kind, reservation, scenario, scenario_of,
    scope, trip,
};
use crate::world::{self, GWEI, HERE, Kind};

/// One way to make a scenario worse.
#[derive(Debug, Clone)]
enum Worse {
    ProtocolLimit(u32),
    FamilyLimit(u32),
    TransactionLimit(u32),
    AssetLimit(u32),
    GasCeiling(u32),
    NoGasCeiling,
    FeeLimit(u32),
    SimulationAge(u32),
    NoWallet,
    NoToken(usize),
    NoCall(usize),
    NoSpender(usize),
    Trip(Trip),
    Input(usize, Decay),
    BaseFee(u128),
    Tip(u128),
    OlderSimulation(i64),
    OlderSnapshot(i64),
    NoSimulation,
    FailedSimulation,
    MoreLeaves(usize, u32),
    Reservation(Reservation),
    Scale(Scope, u32),
    NodeLimit(u32),
    Depends(u32),
    GasLimit(u32),
    GasRank(Option<u32>),
    DataFee(u64),
}

fn worse() -> impl Strategy<Value = Worse> {
    // A share of the present number, in 1/1000.
    let part = 0u32..1000;
    let index = 0usize..8;
    Union::new_weighted(vec![
        (1, part.clone().prop_map(Worse::ProtocolLimit).boxed()),
        (1, part.clone().prop_map(Worse::FamilyLimit).boxed()),
        (1, part.clone().prop_map(Worse::TransactionLimit).boxed()),
        (1, part.clone().prop_map(Worse::AssetLimit).boxed()),
        (3, part.clone().prop_map(Worse::GasCeiling).boxed()),
        (1, Just(Worse::NoGasCeiling).boxed()),
        (1, part.clone().prop_map(Worse::FeeLimit).boxed()),
        (1, part.prop_map(Worse::SimulationAge).boxed()),
        (1, Just(Worse::NoWallet).boxed()),
        (1, index.clone().prop_map(Worse::NoToken).boxed()),
        (1, index.clone().prop_map(Worse::NoCall).boxed()),
        (1, index.clone().prop_map(Worse::NoSpender).boxed()),
        (1, trip().prop_map(Worse::Trip).boxed()),
        (
            6,
            (0usize..40, decay())
                .prop_map(|(index, decay)| Worse::Input(index, decay))
                .boxed(),
        ),
        (1, (1u128..100).prop_map(Worse::BaseFee).boxed()),
        (1, (1u128..100).prop_map(Worse::Tip).boxed()),
        (1, (1i64..100).prop_map(Worse::OlderSimulation).boxed()),
        (1, (1i64..300).prop_map(Worse::OlderSnapshot).boxed()),
        (1, Just(Worse::NoSimulation).boxed()),
        (1, Just(Worse::FailedSimulation).boxed()),
        (
            1,
            (index, 1u32..1_000_000)
                .prop_map(|(token, amount)| Worse::MoreLeaves(token, amount))
                .boxed(),
        ),
        (2, reservation().prop_map(Worse::Reservation).boxed()),
        (
            2,
            (scope(), 0u32..10_000)
                .prop_map(|(scope, scale)| Worse::Scale(scope, scale))
                .boxed(),
        ),
        (1, (0u32..1000).prop_map(Worse::NodeLimit).boxed()),
        (1, (1u32..10_000).prop_map(Worse::Depends).boxed()),
        (1, (0u32..1000).prop_map(Worse::GasLimit).boxed()),
        (
            1,
            proptest::option::of(1u32..10_000)
                .prop_map(Worse::GasRank)
                .boxed(),
        ),
        (
            1,
            (1u64..10_000_000_000_000_000)
                .prop_map(Worse::DataFee)
                .boxed(),
        ),
    ])
}

fn lower(limit: &mut Bps, part: u32) {
    limit.0 = limit.0 * part / 1000;
}

impl Worse {
    fn apply(self, scenario: &mut Scenario) {
        let policy = &mut scenario.policy;
        match self {
            Self::ProtocolLimit(part) => lower(&mut policy.protocol_limit, part),
            Self::FamilyLimit(part) => {
                for limit in policy.protocol_limits.values_mut() {
                    lower(limit, part);
                }
            }
            Self::TransactionLimit(part) => lower(&mut policy.transaction_limit, part),
            Self::AssetLimit(part) => {
                lower(&mut policy.asset_limit, part);
                for limit in policy.asset_limits.values_mut() {
                    lower(limit, part);
                }
            }
            Self::GasCeiling(part) => {
                let ceiling = policy.gas_ceilings.get_mut(&HERE);
                if let Some(ceiling) = ceiling {
                    *ceiling = *ceiling * u128::from(part) / 1000;
                }
            }
            Self::NoGasCeiling => {
                policy.gas_ceilings.remove(&HERE);
            }
            Self::FeeLimit(part) => {
                policy.fee_limit = Usd(policy.fee_limit.0 * i128::from(part) / 1000);
            }
            Self::SimulationAge(part) => {
                policy.max_simulation_age = policy.max_simulation_age * part / 1000;
            }
            Self::NoWallet => policy.wallets.clear(),
            Self::NoToken(index) => remove(&mut policy.tokens, index),
            Self::NoCall(index) => remove(&mut policy.calls, index),
            Self::NoSpender(index) => remove(&mut policy.spenders, index),
            Self::Trip(trip) => {
                scenario.state.control.trip(trip);
            }
            Self::Input(index, decay) => decay_input(&mut scenario.snapshot, index, decay),
            Self::BaseFee(gwei) => {
                let chain = scenario.snapshot.chains.get_mut(&HERE).unwrap();
                if let Reading::Fresh { value, .. } | Reading::Stale { value, .. } =
                    &mut chain.base_fee
                {
                    *value += gwei * GWEI;
                }
            }
            Self::Tip(gwei) => scenario.tip += gwei * GWEI,
            Self::OlderSimulation(seconds) => {
                let now = scenario.now;
                if let Some(ran) = &mut scenario.intent.simulation {
                    let away = if ran.at > now { seconds } else { -seconds };
                    ran.at = Timestamp(ran.at.0 + away * 1000);
                }
            }
            Self::OlderSnapshot(seconds) => {
                scenario.snapshot.at = Timestamp(scenario.snapshot.at.0 - seconds * 1000);
            }
            Self::NoSimulation => scenario.intent.simulation = None,
            Self::FailedSimulation => {
                if let Some(ran) = &mut scenario.intent.simulation {
                    ran.failure = Some(SimulationFailure {
                        reason: "reverted".to_owned(),
                        data: Default::default(),
                    });
                }
            }
            Self::MoreLeaves(index, amount) => {
                let tokens = world::policy().tokens;
                let token = tokens[index % tokens.len()].clone();
                if let Some(ran) = &mut scenario.intent.simulation {
                    let delta = -I256::try_from(amount).unwrap();
                    ran.deltas.push(TokenDelta { token, delta });
                }
            }
            Self::Scale(scope, scale) => {
                let present = scenario.state.limits.scale(&scope);
                let target = BTreeMap::from([(scope, Bps(scale).min(present))]);
                let bounds = AdaptiveBounds {
                    floor: Bps(1),
                    ..AdaptiveBounds::default()
                };
                scenario.state.limits.update(&target, &bounds, scenario.now);
            }
            Self::NodeLimit(part) => {
                for limit in policy.node_limits.by_node.values_mut() {
                    lower(limit, part);
                    limit.0 = limit.0.max(1);
                }
            }
            Self::Depends(weight) => {
                let pool = Node::protocol("pool");
                policy.dependencies.add(pool, hop(), Bps(weight));
            }
            Self::GasLimit(part) => {
                if let Some(GasLimits {
                    default: GasLimit::Quantile(limit),
                    ..
                }) = &mut policy.gas
                {
                    lower(limit, part);
                }
            }
            Self::GasRank(more) => match more {
                None => {
                    scenario.state.gas_ranks.clear();
                }
                Some(more) => {
                    for rank in scenario.state.gas_ranks.values_mut().flatten() {
                        rank.0 += more;
                    }
                }
            },
            Self::DataFee(more) => {
                if let Some(ran) = &mut scenario.intent.simulation {
                    let fee = ran.data_fee.unwrap_or_default();
                    ran.data_fee = Some(fee + U256::from(more));
                }
            }
            Self::Reservation(reservation) => {
                // A reservation in place of another could be a smaller one.
                if scenario.state.reservations.of(reservation.intent).is_none() {
                    scenario.state.reservations.reserve(reservation);
                }
            }
        }
    }
}

fn remove<T>(list: &mut Vec<T>, index: usize) {
    if !list.is_empty() {
        list.remove(index % list.len());
    }
}

fn sampled(seed: u8, count: usize) -> impl Iterator<Item = Scenario> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = scenario();
    (0..count).map(move |_| strategy.new_tree(&mut runner).unwrap().current())
}

/// Without this, the laws below could hold because nothing is ever permitted.
#[test]
fn a_good_share_of_the_generated_worlds_is_permitted_and_refused() {
    let all: Vec<Scenario> = sampled(1, 2000).collect();
    let permitted = all.iter().filter(|one| one.permitted()).count();
    assert!((400..=1600).contains(&permitted), "{permitted} of 2000");
    for kind in Kind::ALL {
        let of_kind: Vec<&Scenario> = all.iter().filter(|one| one.kind == kind).collect();
        let permitted = of_kind.iter().filter(|one| one.permitted()).count();
        assert!(
            permitted * 100 >= of_kind.len() * 5,
            "{kind:?}: {permitted}"
        );
    }
}

/// Without this, the law of monotony could hold because no refusal is ever near a limit.
#[test]
fn the_generated_worlds_are_refused_for_every_kind_of_limit() {
    let mut alone = std::collections::BTreeSet::new();
    for scenario in sampled(2, 4000) {
        if let Verdict::Refused { reasons } = scenario.verdict()
            && let [only] = reasons.as_slice()
        {
            alone.insert(only.code());
        }
    }
    for code in [
        "asset_limit",
        "control",
        "fee_limit",
        "gas_ceiling",
        "gas_limit",
        "insufficient_funds",
        "node_limit",
        "not_fresh",
        "protocol_limit",
        "simulation",
        "transaction_limit",
    ] {
        assert!(alone.contains(code), "{code} is never the only reason");
    }
}

#[test]
fn no_single_input_that_gets_worse_turns_a_refusal_into_a_permit() {
    for before in sampled(3, 1000) {
        if before.permitted() {
            continue;
        }
        for index in 0..inputs(&before.snapshot) {
            for decay in [Decay::Stale, Decay::Missing] {
                let mut after = before.clone();
                decay_input(&mut after.snapshot, index, decay);
                assert!(!after.permitted(), "input {index} {decay:?}: {before:?}");
            }
        }
    }
}

fn config(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config(6000))]

    #[test]
    fn making_anything_worse_never_turns_a_refusal_into_a_permit(
        before in scenario(),
        changes in proptest::collection::vec(worse(), 1..4),
    ) {
        let mut after = before.clone();
        for change in changes {
            change.apply(&mut after);
        }
        if after.permitted() {
            prop_assert!(before.permitted(), "before: {:?}", before.verdict());
        }
    }

    #[test]
    fn no_stale_or_missing_input_permits_new_exposure(
        mut world in scenario_of(kind().prop_filter("reduces", |kind| kind.increases())),
        index in 0usize..40,
        decay in decay(),
    ) {
        prop_assert!(index < 40 && inputs(&world.snapshot) <= 40);
        decay_input(&mut world.snapshot, index, decay);
        match world.verdict() {
            Verdict::Permitted { .. } => prop_assert!(false, "permitted"),
            Verdict::Refused { reasons } => {
                prop_assert!(reasons.iter().any(|reason| reason.code() == "not_fresh"));
            }
        }
    }

    #[test]
    fn what_is_not_declared_is_never_permitted(
        mut world in scenario_of(kind().prop_filter("no simulation", |kind| *kind != Kind::Cancel)),
        token in 0usize..8,
        excess in 1u64..1_000_000_000,
    ) {
        let token = world.policy.tokens[token].clone();
        let declared: U256 = world.intent.spend.iter()
            .filter(|spend| spend.token == token)
            .map(|spend| spend.amount)
            .sum();
        let ran = world.intent.simulation.as_mut().unwrap();
        ran.deltas.retain(|moved| moved.token != token);
        let outflow = declared + U256::from(excess);
        ran.deltas.push(TokenDelta { token, delta: world::minus(outflow) });
        prop_assert!(!world.permitted());
    }

    #[test]
    fn a_second_decision_on_an_intent_claims_nothing_more(world in scenario()) {
        let mut gate = Gate::new(world.policy.clone(), world.state.clone());
        if let Ok(permit) = gate.decide(&gate.mark(&world.snapshot), &world.intent, world.tip, world.now) {
            let once = gate.state().clone();
            let (intent, terms) = permit.into_parts();
            prop_assert_eq!(&intent, &world.intent);
            prop_assert_eq!(terms.max_priority_fee_per_gas, world.tip.min(terms.max_fee_per_gas));
            prop_assert_eq!(terms.expires_at, world.now.plus(world.policy.permit_ttl));
            let again = gate.decide(&gate.mark(&world.snapshot), &world.intent, world.tip, world.now);
            let again = again.map(|permit| permit.terms().clone());
            prop_assert_eq!(again.as_ref(), Ok(&terms));
            prop_assert_eq!(gate.state(), &once);
        } else {
            prop_assert_eq!(gate.state(), &world.state);
        }
    }

    #[test]
    fn a_verdict_can_be_replayed_from_stored_state(world in scenario()) {
        let stored = serde_json::to_value(&world.state).unwrap();
        let state: GateState = serde_json::from_value(stored).unwrap();
        let mut gate = Gate::new(world.policy.clone(), world.state.clone());
        let decided = gate.decide(&gate.mark(&world.snapshot), &world.intent, world.tip, world.now);
        let replayed = Scenario { state, ..world }.verdict();
        match (decided, replayed) {
            (Ok(permit), Verdict::Permitted { terms }) => prop_assert_eq!(permit.terms(), &terms),
            (Err(refusal), Verdict::Refused { reasons }) => {
                prop_assert!(!reasons.is_empty());
                prop_assert_eq!(refusal.reasons, reasons);
            }
            (decided, replayed) => prop_assert!(false, "{decided:?} but {replayed:?}"),
        }
    }
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn permits_together_never_exceed_a_limit(
        world in scenario(),
        wanted in proptest::collection::vec((kind(), 1u64..6_000), 1..40),
    ) {
        let mut gate = Gate::new(world.policy.clone(), GateState {
            reservations: Default::default(),
            ..world.state
        });
        let exposure = Exposure::last_known(&world.snapshot, &world.policy);
        for (number, (kind, dollars)) in (2u64..).zip(wanted) {
            let intent = world::intent(kind, number, dollars);
            let _ = gate.decide(&gate.mark(&world.snapshot), &intent, world.tip, world.now);
            let reservations = &gate.state().reservations;
            for family in ["vault", "pool", "farm", "wrap"] {
                let reserved = reservations.protocol(family, None);
                let bound = exposure.equity.fraction(world.policy.limit_of_family(family));
                prop_assert!(
                    reserved == Usd::ZERO || exposure.protocol(family) + reserved <= bound,
                    "{family}: {} + {reserved} > {bound}", exposure.protocol(family)
                );
            }
            for asset in ["ETH", "USDC"].map(AssetId::new) {
                let reserved = reservations.asset(&asset, None);
                let bound = exposure.equity.fraction(world.policy.limit_of_asset(&asset));
                prop_assert!(
                    reserved == Usd::ZERO || exposure.asset(&asset) + reserved <= bound,
                    "{asset}: {} + {reserved} > {bound}", exposure.asset(&asset)
                );
            }
        }
    }
}

/// Without this, the law above could hold because no sequence ever reaches a limit.
#[test]
fn many_small_permits_are_stopped_exactly_at_the_limit() {
    let snapshot = world::snapshot(world::Wealth::PLENTY, GWEI);
    let mut gate = Gate::new(world::policy(), GateState::default());
    // $100,000 of equity, $10,000 in the vault, limit 20 %: four more of $2,500.
    let mut granted = 0;
    for number in 1..=10 {
        let intent = world::intent(Kind::Supply, number, 2_500);
        match gate.decide(&gate.mark(&snapshot), &intent, GWEI, world::NOW) {
            Ok(_) => granted += 1,
            Err(refusal) => {
                let codes: Vec<_> = refusal.reasons.iter().map(Reason::code).collect();
                assert_eq!(codes, ["protocol_limit"]);
            }
        }
    }
    assert_eq!(granted, 4);
    assert_eq!(
        gate.state().reservations.protocol("vault", None),
        Usd::dollars(10_000)
    );
    // One reverts: there is room for one more. One succeeds: its room stays taken until a
    // snapshot shows it.
    gate.release(world::id(1)).unwrap();
    let next = world::intent(Kind::Supply, 11, 2_500);
    let _permit = gate
        .decide(&gate.mark(&snapshot), &next, GWEI, world::NOW)
        .unwrap();
    assert!(gate.book(world::id(2), 101));
    assert!(gate.retire(&snapshot).is_empty());
    let mut later = world::snapshot(
        world::Wealth {
            vault: 12_500,
            usdc: 57_500,
            ..world::Wealth::PLENTY
        },
        GWEI,
    );
    later.chains.get_mut(&HERE).unwrap().head = world::fresh(BlockRef {
        number: 101,
        hash: B256::ZERO,
        time: world::NOW,
    });
    assert_eq!(gate.retire(&later), [world::id(2)]);
    let over = world::intent(Kind::Supply, 12, 1);
    assert!(
        gate.decide(&gate.mark(&later), &over, GWEI, world::NOW)
            .is_err()
    );
}

#[test]
fn a_permit_lives_as_long_as_the_policy_says() {
    let policy = airdrops_risk::Policy {
        permit_ttl: Duration::from_secs(7),
        ..world::policy()
    };
    let mut gate = Gate::new(policy, GateState::default());
    let snapshot = world::snapshot(world::Wealth::PLENTY, GWEI);
    let intent = world::intent(Kind::Swap, 1, 100);
    let permit = gate
        .decide(&gate.mark(&snapshot), &intent, GWEI, world::NOW)
        .unwrap();
    assert_eq!(permit.terms().granted_at, world::NOW);
    assert_eq!(permit.terms().expires_at, Timestamp(world::NOW.0 + 7_000));
}
