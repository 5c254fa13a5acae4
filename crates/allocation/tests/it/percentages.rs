//! Claims about targets.

use std::collections::BTreeMap;

use airdrops_allocation::percentages::MAX_EQUITY;
use airdrops_allocation::{AllocationError, Inputs, allocate, tranches};
use airdrops_types::{
    Bps, ControlState, ProtocolId, Restraint, Scope, Target, Timestamp, Trip, Usd,
};
use proptest::prelude::*;

/// $100,000 in `(protocol, family, current, weight)`, with the default limit of 20 %.
fn inputs(protocols: &[(&str, &str, i64, Option<u32>)]) -> Inputs {
    Inputs {
        equity: Usd::dollars(100_000),
        current: protocols
            .iter()
            .filter(|(_, _, current, _)| *current != 0)
            .map(|(id, _, current, _)| (ProtocolId::from(*id), Usd::dollars(*current)))
            .collect(),
        weights: protocols
            .iter()
            .filter_map(|(id, _, _, weight)| Some((ProtocolId::from(*id), Bps((*weight)?))))
            .collect(),
        families: protocols
            .iter()
            .map(|(id, family, _, _)| (ProtocolId::from(*id), (*family).to_owned()))
            .collect(),
        protocol_limit: Bps(2000),
        protocol_limits: BTreeMap::new(),
        min_change: Usd::dollars(500),
        control: ControlState::Active,
        restraints: BTreeMap::new(),
        plan: None,
    }
}

/// What a trip of this state and a scale hold back.
fn restraint(protocol: &str, state: ControlState, scale: u32) -> Restraint {
    let trip = Trip {
        scope: Scope::Protocol(ProtocolId::from(protocol)),
        breaker: "incident".to_owned(),
        state,
        since: Timestamp(1),
        evidence: "two sources".to_owned(),
    };
    let scale = Bps(scale);
    Restraint {
        trips: (state > ControlState::Active)
            .then_some(trip)
            .into_iter()
            .collect(),
        scale,
        scaled_by: (scale < Bps::WHOLE)
            .then(|| "volatility is high".to_owned())
            .into_iter()
            .collect(),
    }
}

fn restrain(inputs: &mut Inputs, protocol: &str, state: ControlState, scale: u32) {
    let restraint = restraint(protocol, state, scale);
    inputs
        .restraints
        .insert(ProtocolId::from(protocol), restraint);
}

/// `(protocol, target, reason)` of each.
fn targets(inputs: &Inputs) -> Vec<(String, Usd, String)> {
    let targets = allocate(inputs).unwrap();
    targets
        .into_iter()
        .map(|t| (t.protocol.0, t.target, t.reason))
        .collect()
}

/// The only target.
fn target(inputs: &Inputs) -> (Usd, String) {
    let mut targets = targets(inputs);
    assert_eq!(targets.len(), 1);
    let (_, target, reason) = targets.remove(0);
    (target, reason)
}

#[test]
fn a_target_is_the_weights_share_of_equity() {
    let (amount, reason) = target(&inputs(&[("vault", "aave", 0, Some(1500))]));
    assert_eq!(amount, Usd::dollars(15_000));
    assert_eq!(reason, "15 % of $100,000.00");
}

#[test]
fn a_family_over_its_limit_is_cut_in_proportion_and_leaves_two_percent_of_it_free() {
    let found = targets(&inputs(&[
        ("aerie-base", "aerie", 0, Some(1000)),
        ("aerie-op", "aerie", 0, Some(3000)),
        ("vault", "aave", 0, Some(1000)),
    ]));
    let cut = "cut by protocol limit 20 % of family aerie to";
    let row = |id: &str, dollars, reason: String| (id.to_owned(), Usd::dollars(dollars), reason);
    assert_eq!(
        found,
        [
            row(
                "aerie-base",
                4_900,
                format!("10 % of $100,000.00; {cut} $4,900.00")
            ),
            row(
                "aerie-op",
                14_700,
                format!("30 % of $100,000.00; {cut} $14,700.00")
            ),
            row("vault", 10_000, "10 % of $100,000.00".to_owned()),
        ]
    );
}

#[test]
fn a_family_has_its_own_limit_if_one_is_configured() {
    let mut inputs = inputs(&[("vault", "aave", 0, Some(5000))]);
    inputs
        .protocol_limits
        .insert("aave".to_owned(), Bps(10_000));
    assert_eq!(target(&inputs).0, Usd::dollars(50_000));
    inputs.protocol_limits.insert("aave".to_owned(), Bps(1000));
    assert_eq!(target(&inputs).0, Usd::dollars(9_800));
    inputs.protocol_limits.insert("aave".to_owned(), Bps(0));
    assert_eq!(target(&inputs).0, Usd::ZERO);
}

#[test]
fn what_has_no_weight_is_left() {
    let (amount, reason) = target(&inputs(&[("vault", "aave", 7_000, None)]));
    assert_eq!(
        (amount, reason.as_str()),
        (Usd::ZERO, "no weight is configured")
    );
}

#[test]
fn cautious_grows_to_half_the_limit_and_goes_all_the_way_down() {
    let mut up = inputs(&[("vault", "aave", 5_000, Some(1500))]);
    up.control = ControlState::Cautious;
    let (amount, reason) = target(&up);
    assert_eq!(amount, Usd::dollars(9_800));
    assert_eq!(
        reason,
        "15 % of $100,000.00; increase cut to $9,800.00, as 50 % of protocol limit 20 % of family aave is in force"
    );
    let mut small = inputs(&[("vault", "aave", 1_000, Some(900))]);
    small.control = ControlState::Cautious;
    assert_eq!(target(&small).0, Usd::dollars(9_000), "below the half");
    let mut down = inputs(&[("vault", "aave", 15_000, Some(500))]);
    down.control = ControlState::Cautious;
    assert_eq!(target(&down).0, Usd::dollars(5_000));
    let mut beyond = inputs(&[("vault", "aave", 12_000, Some(1500))]);
    beyond.control = ControlState::Cautious;
    assert_eq!(target(&beyond).0, Usd::dollars(12_000), "nothing is sold");
}

#[test]
fn a_stop_of_one_protocol_keeps_it_from_growing_and_the_others_go_on() {
    for state in [
        ControlState::Reducing,
        ControlState::Halted,
        ControlState::Locked,
    ] {
        let mut inputs = inputs(&[
            ("one", "aave", 2_000, Some(1500)),
            ("sibling", "aave", 0, Some(300)),
            ("two", "curve", 0, Some(1500)),
        ]);
        let free = targets(&inputs);
        restrain(&mut inputs, "one", state, 10_000);
        let found = targets(&inputs);
        assert_eq!(found[0].1, Usd::dollars(2_000));
        let why = format!(
            "15 % of $100,000.00; no increase: protocol:one is {state}: incident: two sources"
        );
        assert_eq!(found[0].2, why);
        assert_eq!(found[1..], free[1..], "what is not used stays cash");
        // What must go goes.
        inputs.weights[0].1 = Bps(100);
        assert_eq!(targets(&inputs)[0].1, Usd::dollars(1_000));
    }
}

#[test]
fn a_scale_cuts_increases_of_its_whole_family_and_says_what_it_rests_on() {
    let mut inputs = inputs(&[
        ("a", "aave", 3_000, Some(900)),
        ("b", "aave", 0, Some(900)),
        ("c", "curve", 0, Some(1500)),
    ]);
    // $10,000 less 2 % of it, of which $3,000 are there: $6,800 for increases of $15,000.
    restrain(&mut inputs, "b", ControlState::Active, 5_000);
    let found = targets(&inputs);
    assert_eq!(found[0].1, Usd::dollars(5_720));
    assert_eq!(found[1].1, Usd::dollars(4_080));
    assert_eq!(
        found[1].2,
        "9 % of $100,000.00; increase cut to $4,080.00, as 50 % of protocol limit 20 % of family aave is in force: volatility is high"
    );
    assert_eq!(found[2].1, Usd::dollars(15_000));
    // Of what holds in a cautious state nothing is left when the others took their share.
    restrain(&mut inputs, "b", ControlState::Cautious, 7_500);
    let found = targets(&inputs);
    assert_eq!(
        (found[0].1, found[1].1),
        (Usd::dollars(9_000), Usd::dollars(800))
    );
    assert_eq!(
        found[1].2,
        "9 % of $100,000.00; increase cut to $800.00, as 50 % of protocol limit 20 % of family aave is in force: protocol:b is cautious: incident: two sources"
    );
}

#[test]
fn inputs_from_before_there_were_restraints_are_read() {
    let inputs = inputs(&[("vault", "aave", 0, Some(1500))]);
    let mut stored = serde_json::to_value(&inputs).unwrap();
    stored.as_object_mut().unwrap().remove("restraints");
    assert_eq!(serde_json::from_value::<Inputs>(stored).unwrap(), inputs);
}

#[test]
fn reducing_and_worse_allow_no_increase() {
    for control in [
        ControlState::Reducing,
        ControlState::Halted,
        ControlState::Locked,
    ] {
        let mut up = inputs(&[("vault", "aave", 5_000, Some(1500))]);
        up.control = control;
        let (amount, reason) = target(&up);
        assert_eq!(amount, Usd::dollars(5_000));
        assert_eq!(
            reason,
            format!("15 % of $100,000.00; no increase: {control}")
        );
        let mut down = inputs(&[("vault", "aave", 15_000, Some(500))]);
        down.control = control;
        assert_eq!(target(&down).0, Usd::dollars(5_000));
    }
}

#[test]
fn a_small_difference_is_no_difference() {
    for (current, expected) in [
        (14_501, 14_501),
        (15_499, 15_499),
        (14_500, 15_000),
        (15_500, 15_000),
    ] {
        let (amount, reason) = target(&inputs(&[("vault", "aave", current, Some(1500))]));
        assert_eq!(amount, Usd::dollars(expected), "{current}");
        assert_eq!(
            reason.contains("less than the smallest change $500.00"),
            current == expected
        );
    }
}

#[test]
fn a_small_difference_counts_when_it_would_keep_a_breach_of_the_limit() {
    // The target is $19,600 and the limit $20,000.
    for (current, expected) in [(19_999, 19_999), (20_000, 19_600), (20_050, 19_600)] {
        let (amount, reason) = target(&inputs(&[("vault", "aave", current, Some(9000))]));
        assert_eq!(amount, Usd::dollars(expected), "{current}: {reason}");
    }
    // Within the limit each, together not: only one may stay above its target.
    let found = targets(&inputs(&[
        ("a", "aave", 10_100, Some(4000)),
        ("b", "aave", 10_100, Some(4000)),
    ]));
    let amounts: Vec<Usd> = found.iter().map(|(_, amount, _)| *amount).collect();
    assert_eq!(amounts, [Usd::dollars(10_100), Usd::dollars(9_800)]);
}

#[test]
fn room_that_a_held_back_increase_leaves_lets_a_small_difference_stay() {
    // Both targets are $9,800 of the $20,000; a stays at nothing, so b may stay at $10,250.
    let mut inputs = inputs(&[
        ("a", "aave", 0, Some(4000)),
        ("b", "aave", 10_250, Some(4000)),
    ]);
    inputs.control = ControlState::Reducing;
    let found = targets(&inputs);
    assert_eq!(found[0].1, Usd::ZERO);
    assert_eq!(found[1].1, Usd::dollars(10_250));
}

#[test]
fn several_exposures_of_one_protocol_add_up() {
    let mut inputs = inputs(&[("vault", "aave", 4_000, Some(1000))]);
    inputs
        .current
        .push((ProtocolId::from("vault"), Usd::dollars(6_000)));
    assert_eq!(allocate(&inputs).unwrap()[0].current, Usd::dollars(10_000));
}

#[test]
fn targets_that_cannot_be_justified_are_errors() {
    let good = inputs(&[
        ("a", "aave", 5_000, Some(6000)),
        ("b", "aave", 0, Some(4000)),
    ]);
    assert!(allocate(&good).is_ok());
    let error = |change: &dyn Fn(&mut Inputs)| {
        let mut inputs = good.clone();
        change(&mut inputs);
        allocate(&inputs).unwrap_err()
    };
    for equity in [Usd::ZERO, Usd(-1), Usd(MAX_EQUITY.0 + 1), Usd(i128::MAX)] {
        let found = error(&|inputs| inputs.equity = equity);
        assert_eq!(found, AllocationError::Equity { equity });
    }
    let sum = error(&|inputs| inputs.weights[1].1 = Bps(4001));
    assert_eq!(
        sum.to_string(),
        "the weights sum to 100.01 %, which is more than 100 %"
    );
    let huge = error(&|inputs| inputs.weights[1].1 = Bps(u32::MAX));
    assert!(matches!(huge, AllocationError::Weights { .. }));
    let twice = error(&|inputs| inputs.weights[1].0 = ProtocolId::from("a"));
    assert!(matches!(twice, AllocationError::DuplicateWeight { .. }));
    let negative = error(&|inputs| inputs.current[0].1 = Usd(-1));
    assert!(matches!(negative, AllocationError::NegativeExposure { .. }));
    for id in ["a", "b"] {
        let protocol = ProtocolId::from(id);
        let found = error(&|inputs| drop(inputs.families.remove(&protocol)));
        assert_eq!(found, AllocationError::NoFamily { protocol });
    }
}

fn any_state() -> impl Strategy<Value = ControlState> {
    prop_oneof![
        4 => Just(ControlState::Active),
        2 => Just(ControlState::Cautious),
        1 => Just(ControlState::Reducing),
        1 => Just(ControlState::Halted),
        1 => Just(ControlState::Locked),
    ]
}

fn any_scale() -> impl Strategy<Value = u32> {
    prop_oneof![2 => Just(10_000_u32), 1 => 0..10_000_u32]
}

fn state_of(inputs: &Inputs, protocol: &ProtocolId) -> ControlState {
    let own = inputs.restraints.get(protocol);
    inputs
        .control
        .max(own.map_or(ControlState::Active, Restraint::state))
}

fn any_inputs() -> impl Strategy<Value = Inputs> {
    let protocol = (
        0..3_usize,
        prop::option::of(0..4000_u32),
        0..2_u8,
        any::<u64>(),
    );
    let equity = prop_oneof![1..1_000_i128, 1..10_i128.pow(14), Just(MAX_EQUITY.0)];
    (
        equity,
        prop::collection::vec(protocol, 0..8),
        prop_oneof![Just(2000), 0..12_000_u32],
        prop::collection::btree_map(0..3_usize, 0..12_000_u32, 0..3),
        0..10_000_u32,
        any_state(),
        prop::collection::btree_map(0..8_usize, (any_state(), any_scale()), 0..8),
    )
        .prop_map(
            |(equity, protocols, limit, limits, min_change, control, held)| {
                let family = |index: usize| format!("f{index}");
                let mut inputs = Inputs {
                    equity: Usd(equity),
                    current: vec![],
                    weights: vec![],
                    families: BTreeMap::new(),
                    protocol_limit: Bps(limit),
                    protocol_limits: limits
                        .into_iter()
                        .map(|(f, l)| (family(f), Bps(l)))
                        .collect(),
                    // Up to equity, and usually around the differences.
                    min_change: Usd(equity * i128::from(min_change) / 10_000),
                    control,
                    restraints: BTreeMap::new(),
                    plan: None,
                };
                for (index, (state, scale)) in held {
                    restrain(&mut inputs, &format!("p{index}"), state, scale);
                }
                let mut left = 10_000;
                for (index, (of, weight, held, share)) in protocols.into_iter().enumerate() {
                    let id = ProtocolId::new(format!("p{index}"));
                    inputs.families.insert(id.clone(), family(of));
                    if let Some(weight) = weight {
                        let weight = weight.min(left);
                        left -= weight;
                        inputs.weights.push((id.clone(), Bps(weight)));
                    }
                    if held > 0 {
                        // Mostly below a third of equity.
                        let current = equity * i128::from(share % 10_000) / 30_000;
                        inputs.current.push((id, Usd(current)));
                    }
                }
                inputs
            },
        )
}

fn current_of(inputs: &Inputs, target: &Target) -> Usd {
    let of = inputs
        .current
        .iter()
        .filter(|(id, _)| *id == target.protocol);
    of.map(|(_, current)| *current).sum()
}

/// A target of each of at most eight protocols is rounded down to a micro-dollar.
const ROUNDING: Usd = Usd(8);

/// What the targets of each family add up to.
fn sums(inputs: &Inputs) -> BTreeMap<String, Usd> {
    let mut sums: BTreeMap<String, Usd> = BTreeMap::new();
    for target in allocate(inputs).unwrap() {
        let family = inputs.families[&target.protocol].clone();
        *sums.entry(family).or_default() += target.target;
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn targets_keep_every_limit_in_integers(inputs in any_inputs()) {
        let targets = allocate(&inputs).unwrap();
        let mut families: BTreeMap<&str, i128> = BTreeMap::new();
        for target in &targets {
            prop_assert!(target.target.0 >= 0);
            prop_assert_eq!(target.current, current_of(&inputs, target));
            let weight = inputs.weights.iter().find(|(id, _)| *id == target.protocol);
            let share = inputs.equity.0 * weight.map_or(0, |(_, w)| i128::from(w.0)) / 10_000;
            let (now, then) = (target.current.0, target.target.0);
            // Never more than the share, unless what is there stays.
            prop_assert!(then <= share || then == now || then < now, "{:?}", target);
            if then > now {
                prop_assert!(!state_of(&inputs, &target.protocol).forbids_growth());
                prop_assert!(then - now >= inputs.min_change.0);
            }
            *families.entry(&inputs.families[&target.protocol]).or_default() += then;
        }
        for (family, sum) in families {
            let limit = inputs.protocol_limits.get(family).unwrap_or(&inputs.protocol_limit);
            // sum / equity < limit, without rounding.
            prop_assert!(
                sum == 0 || sum * 10_000 < inputs.equity.0 * i128::from(limit.0),
                "{} holds {}", family, sum
            );
        }
    }

    /// The gate measures all that the family holds while a position grows.
    #[test]
    fn nothing_grows_beyond_what_the_gate_leaves_of_its_limit(inputs in any_inputs()) {
        let targets = allocate(&inputs).unwrap();
        for target in targets.iter().filter(|target| target.target > target.current) {
            let family = &inputs.families[&target.protocol];
            let scales = inputs.restraints.iter();
            let scales = scales.filter(|(id, _)| inputs.families.get(*id) == Some(family));
            let scale = scales.map(|(_, held)| held.scale).min().unwrap_or(Bps::WHOLE);
            let share = match state_of(&inputs, &target.protocol) {
                ControlState::Cautious => scale.min(Bps(5000)),
                _ => scale,
            };
            if share == Bps::WHOLE {
                continue;
            }
            let limit = inputs.protocol_limits.get(family).unwrap_or(&inputs.protocol_limit);
            let bound = inputs.equity.fraction(limit.times(share));
            let members = targets.iter();
            let members = members.filter(|other| inputs.families[&other.protocol] == *family);
            let held: Usd = members.map(|other| other.target.max(other.current)).sum();
            prop_assert!(held < bound, "{:?}: {} of {}", target, held, bound);
        }
    }

    #[test]
    fn a_worse_state_never_leads_to_a_higher_target(
        inputs in any_inputs(), index in 0..8_usize, worse in any_state(),
    ) {
        let id = ProtocolId::new(format!("p{index}"));
        let held = inputs.restraints.get(&id).cloned().unwrap_or_default();
        let mut bad = inputs.clone();
        restrain(&mut bad, &id.0, worse.max(held.state()), held.scale.0);
        let (good, bad) = (allocate(&inputs).unwrap(), allocate(&bad).unwrap());
        for (good, bad) in good.iter().zip(&bad) {
            if good.protocol == id {
                prop_assert!(bad.target <= good.target, "{:?} {:?}", good, bad);
            }
        }
    }

    #[test]
    fn a_worse_state_of_all_or_a_smaller_scale_never_raises_the_sum_of_a_family(
        mut inputs in any_inputs(), index in 0..8_usize, scale in 0..=10_000_u32,
        worse in any_state(),
    ) {
        inputs.min_change = Usd::ZERO;
        let id = ProtocolId::new(format!("p{index}"));
        let held = inputs.restraints.get(&id).cloned().unwrap_or_default();
        let mut bad = inputs.clone();
        bad.control = worse.max(inputs.control);
        restrain(&mut bad, &id.0, held.state(), held.scale.0.min(scale));
        let (good, bad) = (sums(&inputs), sums(&bad));
        for (family, bad) in bad {
            prop_assert!(bad <= good[&family] + ROUNDING, "{}", family);
        }
    }

    #[test]
    fn every_weight_and_every_exposure_has_one_target_in_order_of_ids(inputs in any_inputs()) {
        let targets = allocate(&inputs).unwrap();
        let ids: Vec<&ProtocolId> = targets.iter().map(|target| &target.protocol).collect();
        let mut expected: Vec<&ProtocolId> =
            inputs.weights.iter().map(|(id, _)| id)
                .chain(inputs.current.iter().map(|(id, _)| id)).collect();
        expected.sort();
        expected.dedup();
        prop_assert_eq!(ids, expected);
    }

    #[test]
    fn the_order_of_the_inputs_and_a_way_through_json_change_nothing(inputs in any_inputs()) {
        let mut reversed = inputs.clone();
        reversed.weights.reverse();
        reversed.current.reverse();
        let text = serde_json::to_string(&reversed).unwrap();
        let read: Inputs = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &reversed);
        prop_assert_eq!(allocate(&inputs), allocate(&read));
    }

    #[test]
    fn a_tighter_limit_never_raises_the_sum_of_a_family(
        inputs in any_inputs(), tighter in 0..12_000_u32,
    ) {
        let mut tight = inputs.clone();
        tight.min_change = Usd::ZERO;
        let mut loose = tight.clone();
        tight.protocol_limits = BTreeMap::new();
        loose.protocol_limits = BTreeMap::new();
        tight.protocol_limit = Bps(tighter.min(loose.protocol_limit.0));
        let (tight, loose) = (sums(&tight), sums(&loose));
        for (family, tight) in tight {
            prop_assert!(tight <= loose[&family] + ROUNDING, "{}", family);
        }
    }

    /// What the tranches of a rebalancing add up to is the target, and each passes the gate's
    /// limit of a transaction.
    #[test]
    fn tranches_reach_the_target(inputs in any_inputs(), limit in 1..=10_000_u32) {
        for target in allocate(&inputs).unwrap() {
            let change = Usd((target.target - target.current).0.abs());
            let parts = tranches(change, Bps(limit), inputs.equity);
            for part in &parts {
                prop_assert!(part.0 * 10_000 <= inputs.equity.0 * i128::from(limit));
            }
            if !parts.is_empty() {
                prop_assert_eq!(parts.into_iter().sum::<Usd>(), change);
            }
        }
    }
}
