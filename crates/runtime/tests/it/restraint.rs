//! What stops and scales mean for targets and tasks, before the gate is asked.

use airdrops_allocation::Inputs;
use airdrops_runtime::replay::replay;
use airdrops_store::{ControlChange, Store as _};
use airdrops_types::{
    Action, AmountSpec, Bps, ControlState, Entry, Scope, Target, TaskState, Trip, U256, Usd,
};

use crate::fuse::{FUSE, fuse, tick_or_crash};
use crate::world::{Farm, exact, once, task, usdc};

/// Trips a breaker of a protocol from outside, as a detector of another process would.
fn trip(farm: &Farm, scope: Scope, state: ControlState, evidence: &str) {
    let trip = Trip {
        scope,
        breaker: "incident".to_owned(),
        state,
        since: airdrops_runtime::Clock::now(farm.clock.as_ref()),
        evidence: evidence.to_owned(),
    };
    let now = trip.since;
    let change = ControlChange::Trip(trip);
    farm.store().set_control(now, &change, "detector").unwrap();
}

fn one() -> Scope {
    Scope::Protocol("one".into())
}

/// The latest allocation.
fn allocated(farm: &Farm) -> (Inputs, Vec<Target>) {
    let journal = farm.journal();
    let found = journal
        .into_iter()
        .rev()
        .find_map(|stored| match stored.entry {
            Entry::Allocated {
                inputs, targets, ..
            } => Some((serde_json::from_value(inputs).unwrap(), targets)),
            _ => None,
        });
    found.unwrap()
}

fn target_of(farm: &Farm, protocol: &str) -> Target {
    let (_, targets) = allocated(farm);
    let found = targets
        .into_iter()
        .find(|target| target.protocol.as_str() == protocol);
    found.unwrap()
}

fn decided_on(farm: &Farm, id: &str) -> usize {
    farm.count(|entry| matches!(entry, Entry::Decided { intent, .. } if intent.task.as_str() == id))
}

fn deferrals(farm: &Farm, id: &str) -> usize {
    farm.count(|entry| {
        matches!(entry, Entry::Task { task, to: TaskState::Deferred, .. } if task.as_str() == id)
    })
}

/// 15 % of equity belong to each of two vaults.
fn two_targets() -> Farm {
    let supply = |protocol| task(protocol, protocol, Action::Supply, AmountSpec::Target);
    let mut farm = Farm::new(vec![
        once("a", vec![supply("one")]),
        once("b", vec![supply("two")]),
    ]);
    farm.settings.weights.push(("two".into(), Bps(1500)));
    // In several parts.
    farm.settings.policy.transaction_limit = Bps(500);
    farm
}

#[tokio::test]
async fn a_trip_between_two_ticks_stops_growth_there_and_what_is_elsewhere_goes_on() {
    let mut farm = two_targets();
    while farm.in_vault(0).is_zero() {
        farm.run(1).await;
    }
    assert!(target_of(&farm, "one").target > Usd::dollars(14_000));
    trip(
        &farm,
        one(),
        ControlState::Reducing,
        "drained, say two sources",
    );
    let tick = farm.journal().len();
    farm.run(1).await;

    let stopped = target_of(&farm, "one");
    assert!(farm.journal().len() > tick);
    assert_eq!(stopped.target, stopped.current, "in the next tick");
    assert!(
        stopped.reason.ends_with(
            "; no increase: protocol:one is reducing: incident: drained, say two sources"
        ),
        "{}",
        stopped.reason
    );
    assert!(target_of(&farm, "two").target > Usd::dollars(14_000));
    // What was signed comes to its end.
    farm.run(3).await;
    let held = farm.in_vault(0);
    farm.run(60).await;
    assert_eq!(farm.in_vault(0), held);
    assert_eq!(farm.state_of("b/two#1"), TaskState::Completed);
    let waiting = farm.named("a/one#1");
    assert!(waiting.is_held() && waiting.attempts == 0);
    assert_eq!(replay(&farm.journal()).differences, []);

    farm.resume(one(), "incident");
    let signed = decided_on(&farm, "a/one#1");
    farm.run(1).await;
    assert!(decided_on(&farm, "a/one#1") > signed, "within one tick");
    assert!(target_of(&farm, "one").target > Usd::dollars(14_000));
    farm.run(60).await;
    assert_eq!(farm.state_of("a/one#1"), TaskState::Completed);
    assert!(farm.in_vault(0) > usdc(14_000));
}

/// A supply, a supply elsewhere, and a way out of what was supplied.
fn in_out_and_elsewhere() -> Farm {
    let supply = task("x", "one", Action::Supply, exact("5000"));
    let mut more = task("y", "one", Action::Supply, exact("4000"));
    more.after = vec!["x".into()];
    let mut leave = task("z", "one", Action::Withdraw, AmountSpec::All);
    leave.after = vec!["x".into()];
    let mut elsewhere = task("w", "two", Action::Supply, exact("3000"));
    elsewhere.after = vec!["x".into()];
    Farm::new(vec![once("a", vec![supply, more, leave, elsewhere])])
}

async fn until_completed(farm: &mut Farm, id: &str) {
    for _ in 0..100 {
        if farm.state_of(id) == TaskState::Completed {
            return;
        }
        farm.run(1).await;
    }
    panic!("{id} is {}", farm.state_of(id));
}

#[tokio::test]
async fn a_held_task_is_told_once_asks_nobody_and_goes_on_when_its_stop_ends() {
    for restart in [false, true] {
        let mut farm = in_out_and_elsewhere();
        farm.run(1).await;
        trip(&farm, one(), ControlState::Reducing, "drained");
        // What is under way between the steps waits as well.
        farm.run(10).await;
        let begun = farm.named("a/x#1");
        assert!(begun.is_held() && begun.cursor == 1, "{begun:?}");
        let (asked, told) = (decided_on(&farm, "a/x#1"), deferrals(&farm, "a/x#1"));
        for _ in 0..30 {
            if restart {
                farm.stop();
            }
            farm.run(1).await;
        }
        assert_eq!(decided_on(&farm, "a/x#1"), asked);
        assert_eq!(deferrals(&farm, "a/x#1"), told);
        assert_eq!(told, 1);
        let waiting = farm.named("a/x#1");
        assert_eq!((waiting.attempts, waiting.step), (0, begun.step));
        assert_eq!(
            waiting.reason.as_deref(),
            Some("held by a stop: protocol:one is reducing: incident: drained")
        );
        // Another cause is told.
        farm.halt();
        farm.run(5).await;
        assert_eq!(deferrals(&farm, "a/x#1"), 2);
        farm.resume(Scope::Everything, airdrops_risk::MANUAL);
        farm.run(5).await;
        assert_eq!(deferrals(&farm, "a/x#1"), 3);

        if restart {
            farm.stop();
        }
        farm.resume(one(), "incident");
        farm.run(1).await;
        assert_eq!(decided_on(&farm, "a/x#1"), asked + 1, "within one tick");
        until_completed(&mut farm, "a/x#1").await;
    }
}

#[tokio::test]
async fn in_reducing_exits_go_on_and_in_cautious_all_goes_on() {
    for (state, open) in [
        (ControlState::Cautious, true),
        (ControlState::Reducing, false),
    ] {
        let mut farm = in_out_and_elsewhere();
        until_completed_of_first(&mut farm).await;
        trip(&farm, one(), state, "drained");
        until_completed(&mut farm, "a/z#1").await;
        until_completed(&mut farm, "a/w#1").await;
        farm.run(10).await;
        let more = farm.named("a/y#1");
        assert_eq!(more.state == TaskState::Completed, open, "{state}");
        assert_eq!(more.is_held(), !open, "{state}");
        assert_eq!(more.attempts, 0, "{state}");
    }
}

async fn until_completed_of_first(farm: &mut Farm) {
    farm.run(1).await;
    until_completed(farm, "a/x#1").await;
}

#[tokio::test]
async fn every_scope_that_covers_a_task_holds_it_and_no_other_does() {
    let wallet = Farm::new(Vec::new()).wallet;
    for (scope, covers) in [
        (Scope::Everything, true),
        (Scope::Chain(crate::world::L1), true),
        (Scope::Chain(crate::world::L2), false),
        (one(), true),
        (Scope::Protocol("two".into()), false),
        (Scope::Asset("USDC".into()), true),
        (Scope::Asset("ETH".into()), false),
        (Scope::Wallet(wallet), true),
        (Scope::Wallet(crate::world::KEEPER), false),
    ] {
        let supply = task("x", "one", Action::Supply, exact("5000"));
        let mut farm = Farm::new(vec![once("a", vec![supply])]);
        farm.start().unwrap();
        trip(&farm, scope.clone(), ControlState::Reducing, "drained");
        farm.run(2).await;
        assert_eq!(farm.named("a/x#1").is_held(), covers, "{scope}");
        let (inputs, targets) = allocated(&farm);
        let held = &inputs.restraints[&"one".into()];
        assert_eq!(held.state().forbids_growth(), covers, "{scope}");
        assert_eq!(targets[0].target == Usd::ZERO, covers, "{scope}");
    }
}

#[tokio::test]
async fn the_freest_wallet_decides_what_a_protocol_may_grow_to() {
    let mut farm = Farm::new(Vec::new());
    let second = farm.add_wallet();
    farm.run(2).await;
    trip(
        &farm,
        Scope::Wallet(farm.wallet),
        ControlState::Locked,
        "lost",
    );
    farm.run(1).await;
    assert!(target_of(&farm, "one").target > Usd::dollars(14_000));
    trip(&farm, Scope::Wallet(second), ControlState::Reducing, "lost");
    farm.run(1).await;
    let stopped = target_of(&farm, "one");
    assert_eq!(stopped.target, Usd::ZERO);
    assert!(
        stopped.reason.contains("is reducing: incident: lost"),
        "{}",
        stopped.reason
    );
}

/// The whole limit of the family is $20,400 and the target $15,300: half of it holds.
#[tokio::test]
async fn in_cautious_a_target_is_what_half_the_limit_allows_and_the_gate_permits_it() {
    let supply = task("x", "one", Action::Supply, AmountSpec::Target);
    let mut farm = Farm::new(vec![once("a", vec![supply])]);
    // In parts of which each keeps half of this limit, too.
    farm.settings.policy.transaction_limit = Bps(500);
    farm.start().unwrap();
    trip(&farm, one(), ControlState::Cautious, "shaky");
    until_completed_of_first(&mut farm).await;
    let held = farm.in_vault(0);
    assert!(held > usdc(9_900) && held < usdc(10_200), "{held}");
    let reason = target_of(&farm, "one").reason;
    assert!(
        reason.contains("as 50 % of protocol limit 20 % of family one is in force: protocol:one is cautious: incident: shaky"),
        "{reason}"
    );
    let refused = |entry: &Entry| {
        matches!(
            entry,
            Entry::Decided {
                verdict: airdrops_types::Verdict::Refused { .. },
                ..
            }
        )
    };
    assert_eq!(farm.count(refused), 0);
    assert_eq!(replay(&farm.journal()).differences, []);
}

#[tokio::test]
async fn a_part_that_a_cautious_state_made_too_large_waits_and_counts_no_attempt() {
    let supply = task("x", "one", Action::Supply, exact("8000"));
    let mut farm = Farm::new(vec![once("a", vec![supply])]);
    farm.settings.policy.transaction_limit = Bps(500);
    while farm.in_vault(0).is_zero() {
        farm.run(1).await;
    }
    trip(&farm, one(), ControlState::Cautious, "shaky");
    farm.run(60).await;
    let waiting = farm.named("a/x#1");
    assert_eq!(
        (waiting.state, waiting.attempts),
        (TaskState::Deferred, 0),
        "{:?}",
        waiting.reason
    );
    assert!(waiting.reason.unwrap().contains("limit 2.5 % of equity"));
    farm.resume(one(), "incident");
    until_completed(&mut farm, "a/x#1").await;
    assert!(farm.in_vault(0) > usdc(7_999));
}

/// Halts in the middle, resumes, and crashes at checkpoint number `crash`.
fn held_with_a_crash(crash: usize) -> (Farm, bool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let supply = task("x", "one", Action::Supply, exact("5000"));
    let mut farm = Farm::new(vec![once("a", vec![supply])]);
    farm.checkpoint = fuse;
    farm.start().unwrap();
    FUSE.set(crash);
    let mut crashed = false;
    for step in 0..24 {
        // Not while the test itself writes.
        let left = FUSE.replace(usize::MAX);
        match step {
            1 => trip(&farm, one(), ControlState::Reducing, "drained"),
            9 => farm.resume(one(), "incident"),
            _ => {}
        }
        FUSE.set(left);
        farm.mine();
        if tick_or_crash(&runtime, &mut farm) {
            assert!(!crashed);
            crashed = true;
        }
    }
    FUSE.set(usize::MAX);
    (farm, crashed)
}

#[test]
fn a_crash_at_any_place_holds_the_task_once_and_loses_nothing() {
    let (whole, crashed) = held_with_a_crash(usize::MAX);
    assert!(!crashed);
    let sent = whole.sent(&whole.l1).len();
    assert_eq!(sent, 2);
    let mut crash = 0;
    loop {
        let (farm, crashed) = held_with_a_crash(crash);
        if !crashed {
            break;
        }
        let done = farm.named("a/x#1");
        assert_eq!(done.state, TaskState::Completed, "{crash}");
        assert_eq!(done.attempts, 0, "{crash}");
        assert_eq!(deferrals(&farm, "a/x#1"), 1, "{crash}");
        assert_eq!(farm.sent(&farm.l1).len(), sent, "{crash}");
        assert!(farm.in_vault(0) > usdc(4_999), "{crash}");
        assert_eq!(farm.allowance(farm.vaults[0]), U256::ZERO, "{crash}");
        // Neighbours are alike.
        crash += 7;
    }
    assert!(crash > 30, "{crash}");
}
