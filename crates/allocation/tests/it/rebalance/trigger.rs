//! What starts an evaluation, and what does not.

use std::time::Duration;

use airdrops_allocation::rebalance::{Baseline, Policy, Risk, Situation, Trigger};
use airdrops_types::{Bps, ControlState, ProtocolId, Timestamp, Usd, VolatilityState};

const HOUR: i64 = 3_600_000;

/// $10,000, of which `vault` holds $2,000, as it should.
fn calm() -> Situation {
    let vault = ProtocolId::from("vault");
    let risk = Risk {
        control: ControlState::Active,
        scale: Bps::WHOLE,
        score: 10,
    };
    Situation {
        equity: Usd::dollars(10_000),
        positions: [(vault.clone(), (Usd::dollars(2_000), Usd::dollars(2_000)))].into(),
        control: ControlState::Active,
        risks: [(vault, risk)].into(),
        volatility: Some(VolatilityState::Medium),
        contributed: Usd::dollars(8_000),
    }
}

fn risk(situation: &mut Situation) -> &mut Risk {
    situation.risks.get_mut(&ProtocolId::from("vault")).unwrap()
}

fn size(situation: &mut Situation, size: i64) {
    let vault = situation.positions.get_mut(&ProtocolId::from("vault"));
    vault.unwrap().0 = Usd::dollars(size);
}

/// What starts an evaluation an hour after one that saw calm.
fn after(change: impl Fn(&mut Situation)) -> Option<String> {
    let seen = Baseline::of(&calm(), &Baseline::default(), Timestamp(0));
    let mut situation = calm();
    change(&mut situation);
    let trigger = seen.trigger(&Policy::default(), &situation, Timestamp(HOUR));
    trigger.map(|trigger| trigger.to_string())
}

#[test]
fn calm_starts_nothing_until_the_interval_is_over() {
    assert_eq!(after(|_| ()), None);
    let policy = Policy::default();
    assert_eq!(
        Baseline::default().trigger(&policy, &calm(), Timestamp(0)),
        Some(Trigger::First)
    );
    let seen = Baseline::of(&calm(), &Baseline::default(), Timestamp(0));
    let week = 7 * 24 * HOUR;
    assert_eq!(seen.trigger(&policy, &calm(), Timestamp(week - 1)), None);
    assert_eq!(
        seen.trigger(&policy, &calm(), Timestamp(week)),
        Some(Trigger::Schedule {
            since: Duration::from_secs(7 * 24 * 3600)
        })
    );
}

#[test]
fn a_changed_control_state_scale_or_score_starts_one_at_the_next_look() {
    assert_eq!(
        after(|now| risk(now).control = ControlState::Reducing).as_deref(),
        Some("`vault` is reducing, it was active")
    );
    assert_eq!(
        after(|now| now.control = ControlState::Halted).as_deref(),
        Some("everything is halted, it was active")
    );
    assert_eq!(
        after(|now| risk(now).scale = Bps(5_000)).as_deref(),
        Some("50 % is left of the limits of `vault`, it was 100 %")
    );
    assert_eq!(
        after(|now| risk(now).score = 15).as_deref(),
        Some("the risk score of `vault` is 15, it was 10")
    );
    assert_eq!(after(|now| risk(now).score = 14), None);
    // A restraint that ended is a change too.
    assert_eq!(
        after(|now| now.risks.clear()).as_deref(),
        Some("the risk score of `vault` is 0, it was 10")
    );
}

#[test]
fn drift_is_measured_in_points_of_equity_and_not_in_parts_of_a_target() {
    assert_eq!(after(|now| size(now, 2_499)), None);
    assert_eq!(
        after(|now| size(now, 1_500)).as_deref(),
        Some("`vault` is worth $1,500.00, 5 % of equity from its target of $2,000.00")
    );
    // A tenth of a small target is no drift.
    let small = |now: &mut Situation| {
        let position = (Usd::dollars(11), Usd::dollars(10));
        now.positions.insert(ProtocolId::from("small"), position);
    };
    assert_eq!(after(small), None);
}

#[test]
fn a_drift_that_was_seen_starts_nothing_again_until_it_grows_or_a_day_is_over() {
    let policy = Policy::default();
    let mut drifted = calm();
    size(&mut drifted, 1_400);
    let seen = Baseline::of(&drifted, &Baseline::default(), Timestamp(0));
    assert_eq!(seen.trigger(&policy, &drifted, Timestamp(HOUR)), None);
    assert!(
        seen.trigger(&policy, &drifted, Timestamp(24 * HOUR))
            .is_some()
    );
    size(&mut drifted, 900);
    let grown = seen.trigger(&policy, &drifted, Timestamp(HOUR));
    assert!(
        matches!(
            grown,
            Some(Trigger::Drift {
                drift: Bps(1_100),
                ..
            })
        ),
        "{grown:?}"
    );
}

#[test]
fn the_market_and_capital_start_one() {
    assert_eq!(
        after(|now| now.volatility = Some(VolatilityState::Extreme)).as_deref(),
        Some("volatility is extreme, it was medium")
    );
    assert_eq!(after(|now| now.volatility = None), None);
    assert_eq!(
        after(|now| now.contributed = Usd::dollars(7_900)).as_deref(),
        Some("capital changed by -$100.00, 1 % of equity")
    );
    assert_eq!(after(|now| now.contributed = Usd::dollars(8_098)), None);
    // What was known before a gap is compared with what is known after it.
    let mut gap = calm();
    gap.volatility = None;
    let seen = Baseline::of(&calm(), &Baseline::default(), Timestamp(0));
    let seen = Baseline::of(&gap, &seen, Timestamp(HOUR));
    let mut wild = calm();
    wild.volatility = Some(VolatilityState::High);
    let market = seen.trigger(&Policy::default(), &wild, Timestamp(2 * HOUR));
    assert!(matches!(market, Some(Trigger::Market { .. })));
}

#[test]
fn a_baseline_survives_being_stored() {
    let seen = Baseline::of(&calm(), &Baseline::default(), Timestamp(5));
    let stored = serde_json::to_string(&seen).unwrap();
    assert_eq!(serde_json::from_str::<Baseline>(&stored).unwrap(), seen);
}

#[test]
fn without_equity_any_distance_is_a_drift() {
    let broke = |now: &mut Situation| now.equity = Usd::ZERO;
    assert_eq!(after(broke), None, "at its target");
    let broke = |now: &mut Situation| {
        now.equity = Usd::ZERO;
        size(now, 0);
    };
    assert!(after(broke).is_some());
}
