//! The way out that an operator asks for: open in a halt, and nowhere wider than before.

use airdrops_risk::MANUAL;
use airdrops_runtime::Clock as _;
use airdrops_runtime::replay::replay;
use airdrops_runtime::unwind::preview::Judgement;
use airdrops_store::{ControlChange, Store as _, StoreError};
use airdrops_types::{
    Action, Address, AmountSpec, Bps, ControlState, Entry, I256, Origin, Reason, Scope, TaskState,
    Trip, U256, UnwindOutcome, Verdict,
};

use crate::farm::Sent;
use crate::fuse::{FUSE, fuse, tick_or_crash};
use crate::world::{Farm, IToken, acts, as_anyone, ask, exact, once, task, usdc};

/// A vault position, LP tokens staked and held, and an allowance that nobody uses.
async fn invested() -> (Farm, Address) {
    let mut stake = task(
        "stake",
        "stake",
        Action::Stake,
        AmountSpec::Share(Bps(5000)),
    );
    stake.after = vec!["lp".into()];
    let mut farm = Farm::new(vec![once(
        "a",
        vec![
            task("vault", "one", Action::Supply, exact("5000")),
            task("lp", "pool", Action::AddLiquidity, exact("3000")),
            stake,
        ],
    )]);
    let staking = farm.add_staking();
    approve(&farm, farm.vaults[1], usdc(777));
    farm.run(40).await;
    for name in ["vault", "lp", "stake"] {
        assert_eq!(farm.state_of(&format!("a/{name}#1")), TaskState::Completed);
    }
    assert!(!lp(&farm).is_zero() && !staked(&farm, staking).is_zero());
    (farm, staking)
}

/// Before the first transaction of the program: afterwards its nonce would be a foreign one.
fn approve(farm: &Farm, spender: Address, amount: U256) {
    let call = IToken::approveCall { spender, amount };
    let at = farm.usdc.contract.unwrap();
    as_anyone(&farm.l1, farm.wallet, at, &call);
}

fn lp(farm: &Farm) -> U256 {
    let account = farm.wallet;
    ask(&farm.l1, farm.pool, &IToken::balanceOfCall { account })
}

fn staked(farm: &Farm, staking: Address) -> U256 {
    let account = farm.wallet;
    ask(&farm.l1, staking, &IToken::balanceOfCall { account })
}

fn ask_for(farm: &Farm, scope: &Scope) -> u64 {
    let asked = farm
        .store()
        .request_unwind(farm.clock.now(), scope, "fire drill", "ada");
    asked.unwrap().id
}

fn trip(farm: &Farm, scope: Scope, state: ControlState) {
    let trip = Trip {
        scope,
        breaker: MANUAL.into(),
        state,
        since: farm.clock.now(),
        evidence: "test".into(),
    };
    let change = ControlChange::Trip(trip);
    farm.store()
        .set_control(farm.clock.now(), &change, "operator")
        .unwrap();
}

fn outcome(farm: &Farm, request: u64) -> Option<UnwindOutcome> {
    let (_, progress) = farm.store().unwinds().unwrap();
    let unwind = progress.into_iter().find(|each| each.request == request)?;
    unwind.end.map(|end| end.outcome)
}

fn sent(farm: &Farm) -> Vec<Sent> {
    farm.sent(&farm.l1)
}

/// What the gate permitted of task runs with this prefix: each lowers exposure or leaves it.
fn assert_only_reduced(farm: &Farm, from: usize) {
    let mut permitted = 0;
    for stored in farm.journal().into_iter().skip(from) {
        let Entry::Decided {
            intent,
            verdict: Verdict::Permitted { .. },
            ..
        } = stored.entry
        else {
            continue;
        };
        permitted += 1;
        assert_eq!(intent.origin, Origin::Operator, "{}", intent.summary);
        assert!(
            intent.task.as_str().starts_with("unwind/"),
            "{}",
            intent.task
        );
        for change in &intent.positions {
            assert!(change.delta <= I256::ZERO, "{}", intent.summary);
        }
        for spend in &intent.spend {
            let receipt = ["LP", "v1"].contains(&spend.token.asset.as_str());
            assert!(receipt, "{}", intent.summary);
        }
    }
    assert!(permitted > 0);
}

#[tokio::test]
async fn everything_is_unwound_while_everything_is_halted_and_nothing_else_moves() {
    let (mut farm, staking) = invested().await;
    let supply = task("more", "two", Action::Supply, exact("2000"));
    farm.settings.campaigns.push(once("b", vec![supply]));
    acts(&mut farm.settings.campaigns[1].tasks[0]).wallet = farm.wallet;
    farm.halt();
    farm.stop();
    farm.run(3).await;
    let before = (sent(&farm).len(), farm.journal().len());
    let request = ask_for(&farm, &Scope::Everything);
    let report = farm.run(60).await;
    assert_eq!(report.state, ControlState::Halted);
    assert_eq!(farm.in_vault(0), U256::ZERO);
    assert_eq!(lp(&farm), U256::ZERO);
    assert_eq!(staked(&farm, staking), U256::ZERO);
    for spender in [farm.vaults[0], farm.vaults[1], farm.pool] {
        assert_eq!(farm.allowance(spender), U256::ZERO);
    }
    assert_eq!(outcome(&farm, request), Some(UnwindOutcome::Done));
    assert_only_reduced(&farm, before.1);
    // Withdrawal, exit, approval of LP tokens, removal, revocation.
    assert_eq!(sent(&farm).len(), before.0 + 5, "{:?}", sent(&farm));
    assert!(sent(&farm).iter().all(|sent| sent.succeeded));
    assert_ne!(farm.state_of("b/more#1"), TaskState::Completed);
    assert_eq!(replay(&farm.journal()).differences, []);
}

#[tokio::test]
async fn staked_tokens_come_out_before_the_pair_ends_them() {
    let (mut farm, staking) = invested().await;
    farm.halt();
    // Whoever wants to be out of the pair must leave the staking pool first.
    let request = ask_for(&farm, &Scope::Protocol("pool".into()));
    farm.run(40).await;
    assert_eq!(outcome(&farm, request), Some(UnwindOutcome::Done));
    assert_eq!(
        (lp(&farm), staked(&farm, staking)),
        (U256::ZERO, U256::ZERO)
    );
    assert!(farm.in_vault(0) > usdc(4_999), "out of scope");
    assert_eq!(farm.allowance(farm.vaults[1]), usdc(777), "out of scope");
    let order: Vec<String> = farm
        .tasks()
        .into_iter()
        .filter(|task| task.campaign.as_str() == "unwind")
        .map(|task| task.id.to_string())
        .collect();
    assert_eq!(order, ["unwind/001-stake#1", "unwind/002-pool#1"]);
}

#[tokio::test]
async fn nothing_moves_while_locked_and_the_unwind_goes_on_afterwards() {
    let (mut farm, _) = invested().await;
    trip(&farm, Scope::Everything, ControlState::Locked);
    farm.tick().await;
    let before = sent(&farm);
    let request = ask_for(&farm, &Scope::Protocol("one".into()));
    farm.run(30).await;
    assert_eq!(sent(&farm), before);
    assert_eq!(outcome(&farm, request), None, "it waits");
    let held = farm.tasks();
    let held = held
        .iter()
        .find(|task| task.id.as_str() == "unwind/001-one#1");
    let held = held.unwrap();
    assert_eq!(held.state, TaskState::Deferred);
    assert!(
        held.reason
            .as_ref()
            .unwrap()
            .contains("everything is locked")
    );
    farm.resume(Scope::Everything, MANUAL);
    farm.halt();
    farm.run(12).await;
    assert_eq!(outcome(&farm, request), Some(UnwindOutcome::Done));
    assert_eq!(farm.in_vault(0), U256::ZERO);
}

#[tokio::test]
async fn one_wallets_unwind_leaves_the_other_wallet_alone() {
    let supply = |name| task(name, "one", Action::Supply, exact("5000"));
    let mut farm = Farm::new(vec![once("a", vec![supply("x"), supply("y")])]);
    let second = farm.add_wallet();
    acts(&mut farm.settings.campaigns[0].tasks[1]).wallet = second;
    farm.run(12).await;
    assert!(farm.in_vault_of(second, 0) > usdc(4_999));
    farm.halt();
    let request = ask_for(&farm, &Scope::Wallet(second));
    farm.run(12).await;
    assert_eq!(outcome(&farm, request), Some(UnwindOutcome::Done));
    assert_eq!(farm.in_vault_of(second, 0), U256::ZERO);
    assert!(farm.in_vault(0) > usdc(4_999));
}

#[tokio::test]
async fn other_tasks_of_the_protocol_wait_for_the_end_of_the_unwind() {
    let (mut farm, _) = invested().await;
    let supply = |name, protocol| task(name, protocol, Action::Supply, exact("2000"));
    farm.stop();
    let tasks = vec![supply("same", "one"), supply("other", "two")];
    let mut campaign = once("b", tasks);
    for task in &mut campaign.tasks {
        acts(task).wallet = farm.wallet;
    }
    farm.settings.campaigns.push(campaign);
    // Locked, so that the unwind stays open; the rest is free.
    trip(&farm, Scope::Asset("LP".into()), ControlState::Cautious);
    trip(&farm, Scope::Protocol("one".into()), ControlState::Locked);
    let request = ask_for(&farm, &Scope::Protocol("one".into()));
    farm.run(10).await;
    let waiting = farm.tasks();
    let waiting = waiting.iter().find(|task| task.id.as_str() == "b/same#1");
    let waiting = waiting.unwrap();
    assert_eq!(waiting.state, TaskState::Deferred);
    let reason = waiting.reason.as_ref().unwrap();
    assert!(
        reason.contains("waits for the end of the unwind of protocol:one"),
        "{reason}"
    );
    assert_eq!(farm.state_of("b/other#1"), TaskState::Completed);
    farm.resume(Scope::Protocol("one".into()), MANUAL);
    farm.run(30).await;
    assert_eq!(outcome(&farm, request), Some(UnwindOutcome::Done));
    assert_eq!(farm.state_of("b/same#1"), TaskState::Completed);
    assert!(farm.in_vault(0) > usdc(1_999) && farm.in_vault(0) <= usdc(2_000));
}

#[tokio::test]
async fn a_deposit_between_its_approval_and_its_use_does_not_put_money_back() {
    let supply = task("x", "one", Action::Supply, exact("5000"));
    let mut farm = Farm::new(vec![once("a", vec![supply])]);
    farm.run(3).await;
    assert_eq!(farm.allowance(farm.vaults[0]), usdc(5_000));
    farm.halt();
    let request = ask_for(&farm, &Scope::Everything);
    farm.run(15).await;
    assert_eq!(outcome(&farm, request), Some(UnwindOutcome::Done));
    assert_eq!(farm.allowance(farm.vaults[0]), U256::ZERO);
    assert_eq!(farm.in_vault(0), U256::ZERO);
    // Resumed, it begins again.
    farm.resume(Scope::Everything, MANUAL);
    farm.run(15).await;
    assert_eq!(farm.state_of("a/x#1"), TaskState::Completed);
    assert!(farm.in_vault(0) > usdc(4_999) && farm.in_vault(0) <= usdc(5_000));
}

#[tokio::test]
async fn what_is_on_a_bridge_is_told_and_the_request_ends() {
    let go = task("go", "bridge", Action::Bridge, exact("900"));
    let mut farm = Farm::new(vec![once("a", vec![go])]);
    farm.run(10).await;
    assert_eq!(farm.state_of("a/go#1"), TaskState::Completed);
    farm.halt();
    let request = ask_for(&farm, &Scope::Everything);
    farm.run(3).await;
    let Some(UnwindOutcome::Stuck { reasons }) = outcome(&farm, request) else {
        panic!("{:?}", outcome(&farm, request));
    };
    assert!(
        reasons[0].contains("900 USDC") && reasons[0].contains("called back"),
        "{reasons:?}"
    );
}

#[tokio::test]
async fn a_step_that_the_gate_takes_for_an_increase_is_held_with_the_reason() {
    let (mut farm, staking) = invested().await;
    farm.halt();
    // Its price makes LP tokens a thing of value, and lending them out an increase.
    let lp = airdrops_types::AssetId::from("LP");
    let mut feed = farm.settings.feeds[1].clone();
    feed.asset = lp;
    farm.stop();
    farm.settings.feeds.push(feed);
    let request = ask_for(&farm, &Scope::Protocol("pool".into()));
    farm.run(30).await;
    assert_eq!(outcome(&farm, request), None);
    assert_eq!(staked(&farm, staking), U256::ZERO, "what may go goes");
    let held = farm.tasks();
    let held = held.iter().find(|task| task.name == "002-pool").unwrap();
    assert_eq!((held.state, held.attempts), (TaskState::Deferred, 0));
    assert!(
        held.reason
            .as_ref()
            .unwrap()
            .contains("everything is halted")
    );
    let refused = |entry: &Entry| {
        matches!(entry, Entry::Decided { intent, verdict: Verdict::Refused { reasons }, .. }
            if intent.task == held.id
                && reasons.iter().any(|reason| matches!(reason, Reason::Control { .. })))
    };
    assert!(farm.count(refused) > 0);
}

#[tokio::test]
async fn a_second_request_for_the_same_is_refused_while_the_first_is_open() {
    let (mut farm, _) = invested().await;
    farm.halt();
    let request = ask_for(&farm, &Scope::Everything);
    for scope in [Scope::Everything, Scope::Protocol("one".into())] {
        let again = farm
            .store()
            .request_unwind(farm.clock.now(), &scope, "again", "bob");
        assert!(matches!(again, Err(StoreError::UnwindOpen { id, .. }) if id == request));
        farm.run(2).await;
    }
    farm.run(50).await;
    assert_eq!(outcome(&farm, request), Some(UnwindOutcome::Done));
    let next = ask_for(&farm, &Scope::Everything);
    let before = sent(&farm).len();
    farm.run(3).await;
    assert_eq!(outcome(&farm, next), Some(UnwindOutcome::Done));
    assert_eq!(sent(&farm).len(), before, "nothing is left");
}

#[tokio::test]
async fn two_requests_that_overlap_make_no_step_twice() {
    let (mut farm, _) = invested().await;
    farm.halt();
    let narrow = ask_for(&farm, &Scope::Protocol("one".into()));
    let wide = ask_for(&farm, &Scope::Everything);
    let before = sent(&farm).len();
    farm.run(60).await;
    for request in [narrow, wide] {
        assert_eq!(outcome(&farm, request), Some(UnwindOutcome::Done));
    }
    assert_eq!(sent(&farm).len(), before + 5);
    let unwinds = |id: &str| id.starts_with("unwind/");
    let tasks = farm.tasks().into_iter().map(|task| task.id);
    let made = tasks.filter(|id| unwinds(id.as_str())).count();
    assert_eq!(made, 4, "one per protocol");
}

#[tokio::test]
async fn a_request_that_was_taken_back_signs_nothing_more() {
    let (mut farm, _) = invested().await;
    farm.halt();
    let request = ask_for(&farm, &Scope::Everything);
    farm.run(1).await;
    let under_way = sent(&farm).len() + 1;
    farm.store()
        .cancel_unwind(farm.clock.now(), &Scope::Everything, "a mistake", "ada")
        .unwrap();
    farm.run(20).await;
    assert_eq!(outcome(&farm, request), Some(UnwindOutcome::Cancelled));
    assert_eq!(sent(&farm).len(), under_way);
}

#[tokio::test]
async fn a_preview_tells_the_order_and_the_gates_answers_and_changes_nothing() {
    let (mut farm, staking) = invested().await;
    farm.halt();
    farm.run(1).await;
    let before = (sent(&farm), farm.journal().len(), farm.tasks());
    let engine = farm.engine.as_mut().unwrap();
    let preview = engine.preview_unwind(&Scope::Everything).await.unwrap();
    let order: Vec<&str> = preview
        .exits
        .iter()
        .map(|exit| exit.protocol.as_str())
        .collect();
    assert_eq!(order, ["one", "stake", "pool", "two"], "by value");
    assert!(preview.exits.iter().all(|exit| exit.value.is_some()));
    let steps = preview.exits.iter().flat_map(|exit| &exit.steps);
    let answers: Vec<&Judgement> = steps.map(|step| &step.judgement).collect();
    let last = &preview.exits[2].steps[1].judgement;
    assert_eq!(*last, Judgement::AfterTheStepBefore);
    assert!(
        answers
            .iter()
            .all(|answer| *answer == last || **answer == Judgement::Permitted)
    );
    trip(&farm, Scope::Protocol("one".into()), ControlState::Locked);
    let engine = farm.engine.as_mut().unwrap();
    let preview = engine.preview_unwind(&Scope::Everything).await.unwrap();
    let worst = &preview.exits[0];
    assert_eq!(
        (worst.protocol.as_str(), worst.control),
        ("one", ControlState::Locked)
    );
    assert!(matches!(
        &worst.steps[0].judgement,
        Judgement::Refused { .. }
    ));
    farm.run(3).await;
    assert_eq!((sent(&farm), farm.tasks()), (before.0, before.2));
    assert!(!staked(&farm, staking).is_zero());
}

/// Supplies, is halted and unwound, and crashes at checkpoint number `crash_at` of the unwind;
/// whether it came so far.
fn unwind_with_a_crash(crash_at: usize) -> (Farm, bool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let supply = task("x", "one", Action::Supply, exact("5000"));
    let mut farm = Farm::new(vec![once("a", vec![supply])]);
    approve(&farm, farm.vaults[1], usdc(777));
    farm.checkpoint = fuse;
    runtime.block_on(farm.run(10));
    farm.halt();
    ask_for(&farm, &Scope::Everything);
    FUSE.set(crash_at);
    let mut crashed = false;
    for _ in 0..9 {
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
fn a_crash_at_any_checkpoint_unwinds_once() {
    let (whole, crashed) = unwind_with_a_crash(usize::MAX - 1);
    assert!(!crashed);
    let expected = sent(&whole);
    assert_eq!(expected.len(), 5, "by hand, two in, two out: {expected:?}");
    let tasks = |farm: &Farm| -> Vec<(String, TaskState)> {
        let tasks = farm.tasks().into_iter();
        tasks
            .map(|task| (task.id.to_string(), task.state))
            .collect()
    };
    let mut crashes = 0;
    loop {
        let (farm, crashed) = unwind_with_a_crash(crashes);
        assert_eq!(sent(&farm), expected, "crash at checkpoint {crashes}");
        assert_eq!(outcome(&farm, 1), Some(UnwindOutcome::Done), "{crashes}");
        assert_eq!(tasks(&farm), tasks(&whole), "crash at checkpoint {crashes}");
        assert_eq!(farm.store().reservations().unwrap(), []);
        assert_eq!(replay(&farm.journal()).differences, []);
        if !crashed {
            break;
        }
        crashes += 1;
    }
    assert!(crashes > 40, "{crashes}");
}
