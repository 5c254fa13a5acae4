//! Plans in the flow: when they are made, what follows from them, and what survives a crash.

use airdrops_allocation::estimate::hazard::Loss;
use airdrops_allocation::estimate::{
    Beta, Haircut, Hazard, Holders, NormalInverseGamma, Opportunity, Rule, Timing, Worth,
};
use airdrops_allocation::plan::{Mandate, Plan, Question};
use airdrops_allocation::rebalance::Policy as Triggers;
use airdrops_runtime::Planning;
use airdrops_runtime::learning::{Opinion, Stance};
use airdrops_runtime::replay::replay;
use airdrops_store::{ControlChange, Store as _};
use airdrops_types::{
    Action, AirdropFact, AirdropSeen, AmountSpec, Bps, ControlState, Entry, ProtocolId, Scope,
    TaskState, Trip, U256, Usd,
};

use crate::fuse::{fuse, run_with_a_crash};
use crate::world::{Farm, L1, once, task, usdc};

fn stance(id: &str, drop: f64) -> Stance {
    Stance {
        opportunity: Opportunity {
            id: ProtocolId::from(id),
            family: id.to_owned(),
            category: "lending".to_owned(),
            chain: L1,
            drop: Beta::from_mean(drop, 8.0).unwrap(),
            when: Timing::from_median(3.0, 1.0, 8.0).unwrap(),
            waited: 0.0,
            eligibility: Beta::from_mean(0.7, 8.0).unwrap(),
            rule: Rule::SquareRoot,
            presence: 1.0,
            worth: Worth::Wallet {
                value: NormalInverseGamma::from_median(1_000.0, 1.2, 8.0).unwrap(),
                mean_points: 50.0,
            },
            dispersion: 0.8,
            haircut: Haircut {
                lockup_days: 0.0,
                holders: Holders::BroadSmall,
                selling: 0.02,
            },
            base_yield: 0.0,
            forgone_yield: 0.0,
            gas: Usd::dollars(5),
            slippage: Bps(0),
            hazard: Hazard {
                own: 0.01,
                shared: Vec::new(),
                loss: Loss::Total,
            },
        },
        since: None,
        drop: Some(Opinion {
            said: drop,
            confidence: 1.0,
        }),
        eligible: Some(Opinion {
            said: 0.7,
            confidence: 1.0,
        }),
        own_timing: true,
    }
}

/// Two vaults, and tasks that follow the plan there.
fn farm() -> Farm {
    let supply = |protocol| task(protocol, protocol, Action::Supply, AmountSpec::Target);
    let mut farm = Farm::new(vec![
        once("a", vec![supply("one")]),
        once("b", vec![supply("two")]),
    ]);
    farm.settings.weights = Vec::new();
    farm.settings.planning = Some(Planning {
        mandate: Mandate {
            scenarios: 400,
            exploration: Bps(0),
            ..Mandate::default()
        },
        triggers: Triggers::default(),
        opportunities: vec![stance("one", 0.6), stance("two", 0.5)],
        wallet: None,
    });
    farm
}

/// Each plan: why, what it rested on, what it decided.
fn plans(farm: &Farm) -> Vec<(String, Question, Plan)> {
    let journal = farm.journal().into_iter();
    journal
        .filter_map(|stored| match stored.entry {
            Entry::Rebalanced {
                trigger,
                inputs,
                plan,
                ..
            } => Some((
                trigger,
                serde_json::from_value(inputs).unwrap(),
                serde_json::from_value(plan).unwrap(),
            )),
            _ => None,
        })
        .collect()
}

fn trip(farm: &Farm, state: ControlState) {
    let now = airdrops_runtime::Clock::now(farm.clock.as_ref());
    let trip = Trip {
        scope: Scope::Protocol("one".into()),
        breaker: "incident".to_owned(),
        state,
        since: now,
        evidence: "drained, say two sources".to_owned(),
    };
    let change = ControlChange::Trip(trip);
    farm.store().set_control(now, &change, "detector").unwrap();
}

fn see(farm: &Farm, family: &str, what: AirdropFact) {
    let now = airdrops_runtime::Clock::now(farm.clock.as_ref());
    let seen = AirdropSeen {
        family: family.to_owned(),
        category: "lending".to_owned(),
        at: now,
        what,
    };
    farm.store().note_airdrop(now, &seen, "ada").unwrap();
}

#[tokio::test]
async fn capital_follows_a_plan_that_can_be_computed_again() {
    let mut farm = farm();
    farm.run(80).await;
    let plans = plans(&farm);
    let (trigger, question, first) = &plans[0];
    assert_eq!(trigger, "nothing was evaluated before");
    assert_eq!(question.sites.len(), 2);
    assert!(
        question
            .bounds
            .iter()
            .any(|bound| bound.name == "protocol:one")
    );
    assert!(first.orders.len() >= 2);
    for id in ["a/one#1", "b/two#1"] {
        assert_eq!(farm.state_of(id), TaskState::Completed, "{id}");
    }
    for (index, id) in ["one", "two"].into_iter().enumerate() {
        let wanted = plans.last().unwrap().2.wanted[&ProtocolId::from(id)];
        let held = farm.in_vault(index);
        let dollars = u64::try_from(wanted.0 / 1_000_000).unwrap();
        assert!(held > usdc(1_000), "{id}");
        // Within the smallest change and the price's move.
        assert!(held < usdc(dollars + 400), "{id}: {held} of {dollars}");
    }
    let replayed = replay(&farm.journal());
    assert_eq!(replayed.differences, []);
    assert_eq!(replayed.plans, plans.len() as u64);
    // Nothing has changed since: no further plan, no trifles.
    let sent = farm.sent(&farm.l1).len();
    farm.run(20).await;
    assert_eq!(self::plans(&farm).len(), plans.len());
    assert_eq!(farm.sent(&farm.l1).len(), sent);
}

#[tokio::test]
async fn a_plan_is_carried_out_without_any_campaign_if_a_wallet_is_named_for_it() {
    let mut farm = farm();
    farm.settings.campaigns.clear();
    let wallet = farm.wallet;
    farm.settings.planning.as_mut().unwrap().wallet = Some(wallet);
    let done = |farm: &Farm, name: &str| {
        let mut tasks = farm.tasks().into_iter();
        tasks.any(|task| task.name == name && task.state == TaskState::Completed)
    };
    farm.run(80).await;
    let wanted = plans(&farm)[0].2.wanted.clone();
    for (index, id) in ["one", "two"].into_iter().enumerate() {
        assert!(done(&farm, &format!("grow-{id}")), "{id}");
        let dollars = u64::try_from(wanted[&ProtocolId::from(id)].0 / 1_000_000).unwrap();
        assert!(farm.in_vault(index) > usdc(dollars - 400), "{id}");
    }
    // What is above a new limit is taken out.
    farm.settings.policy.protocol_limits = [("one".to_owned(), Bps(500))].into();
    farm.settings.planning.as_mut().unwrap().triggers.drift = Bps(400);
    farm.stop();
    farm.run(60).await;
    assert!(done(&farm, "reduce-one"));
    assert!(farm.in_vault(0) < usdc(6_000), "{}", farm.in_vault(0));
    assert_eq!(replay(&farm.journal()).differences, []);
}

#[tokio::test]
async fn a_newer_plan_takes_the_place_of_what_has_not_begun() {
    let mut farm = farm();
    farm.settings.campaigns.clear();
    let wallet = farm.wallet;
    farm.settings.planning.as_mut().unwrap().wallet = Some(wallet);
    // One transaction at a time: the second order waits for the first one's end.
    farm.run(1).await;
    let second = "rebalance/grow-two#1";
    assert!(!farm.state_of(second).is_final());
    trip(&farm, ControlState::Cautious);
    farm.run(1).await;
    assert_eq!(plans(&farm).len(), 2);
    assert_eq!(farm.state_of(second), TaskState::Cancelled);
    assert_eq!(
        farm.named(second).reason.unwrap(),
        "a newer plan took its place"
    );
}

#[tokio::test]
async fn a_stop_is_planned_for_in_the_next_tick() {
    let mut farm = farm();
    farm.run(2).await;
    let before = plans(&farm).len();
    trip(&farm, ControlState::Reducing);
    farm.run(1).await;
    let plans = plans(&farm);
    assert_eq!(plans.len(), before + 1);
    let (trigger, question, plan) = plans.last().unwrap();
    assert!(trigger.contains("reducing"), "{trigger}");
    assert_eq!(question.sites[0].control, ControlState::Reducing);
    let one = ProtocolId::from("one");
    assert!(plan.orders.iter().all(|order| order.protocol != one));
}

#[tokio::test]
async fn a_drop_that_will_never_come_takes_its_capital_out_of_the_next_plan() {
    let mut farm = farm();
    farm.run(40).await;
    let one = ProtocolId::from("one");
    assert!(plans(&farm)[0].2.wanted[&one] > Usd::dollars(1_000));
    see(&farm, "one", AirdropFact::Never);
    // It is no trigger of its own.
    trip(&farm, ControlState::Cautious);
    farm.run(1).await;
    let plans = plans(&farm);
    let (_, question, plan) = plans.last().unwrap();
    assert!(question.sites[0].opportunity.drop.mean() < 0.01);
    assert_eq!(plan.wanted[&one], Usd::ZERO);
    assert_eq!(replay(&farm.journal()).differences, []);
}

#[tokio::test]
async fn a_plan_survives_a_restart_and_is_not_made_again() {
    let mut farm = farm();
    farm.run(6).await;
    let before = plans(&farm).len();
    farm.stop();
    farm.run(3).await;
    assert_eq!(plans(&farm).len(), before);
    farm.run(70).await;
    assert_eq!(farm.state_of("a/one#1"), TaskState::Completed);
    assert!(farm.in_vault(0) > usdc(1_000));
}

#[tokio::test]
async fn what_is_configured_anew_is_planned_anew() {
    let mut farm = farm();
    farm.run(6).await;
    let before = plans(&farm).len();
    farm.stop();
    let planning = farm.settings.planning.as_mut().unwrap();
    planning.opportunities.remove(1);
    farm.run(3).await;
    let plans = plans(&farm);
    assert_eq!(plans.len(), before + 1);
    let (trigger, question, _) = plans.last().unwrap();
    assert_eq!(trigger, "strategy or opportunities are configured anew");
    assert_eq!(question.sites.len(), 1);
}

#[tokio::test]
async fn beliefs_that_cannot_be_leave_the_last_plan_and_are_told_once() {
    let mut farm = farm();
    let planning = farm.settings.planning.as_mut().unwrap();
    planning.opportunities[1].opportunity.dispersion = f64::NAN;
    farm.run(5).await;
    assert!(plans(&farm).is_empty());
    let told = farm.count(
        |entry| matches!(entry, Entry::Note { text } if text.contains("no new plan") && text.contains("dispersion")),
    );
    assert_eq!(told, 1);
    assert_eq!(farm.in_vault(0), U256::ZERO);
}

/// Runs the whole farm, and crashes at checkpoint number `crash`.
fn with_a_crash(crash: usize) -> (Farm, bool) {
    let mut farm = farm();
    farm.checkpoint = fuse;
    farm.start().unwrap();
    let crashed = run_with_a_crash(&mut farm, 30, crash);
    (farm, crashed)
}

#[test]
fn a_crash_at_any_place_loses_no_plan_and_sends_nothing_twice() {
    let (whole, _) = with_a_crash(usize::MAX);
    let sent = whole.sent(&whole.l1).len();
    let held = [whole.in_vault(0), whole.in_vault(1)];
    assert!(held.iter().all(|held| *held > usdc(1_000)));
    let mut crash = 0;
    loop {
        let (farm, crashed) = with_a_crash(crash);
        if !crashed {
            break;
        }
        assert_eq!(farm.sent(&farm.l1).len(), sent, "{crash}");
        assert_eq!(replay(&farm.journal()).differences, [], "{crash}");
        for (index, held) in held.iter().enumerate() {
            let now = farm.in_vault(index);
            let (more, less) = (now.max(*held), now.min(*held));
            assert!(more - less < usdc(200), "{crash}: {now} and {held}");
        }
        // Neighbours are alike.
        crash += 23;
    }
    assert!(crash > 60, "{crash}");
}
