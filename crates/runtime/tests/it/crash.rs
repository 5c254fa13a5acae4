//! Limits, stops, restarts, reorganisations and replay.

use std::sync::atomic::Ordering;

use airdrops_risk::{FOREIGN_NONCE, MANUAL};
use airdrops_runtime::replay::replay;
use airdrops_store::Store as _;
use airdrops_types::{
    Action, AmountSpec, ControlState, Entry, Reason, Scope, TaskState, U256, Verdict,
};

use crate::fuse::{FUSE, fuse, tick_or_crash};
use crate::world::{Farm, IToken, acts, as_anyone, exact, once, set, task, usdc};

#[tokio::test]
async fn two_campaigns_that_want_more_than_the_limit_together_never_exceed_it() {
    let supply = |name: &str| vec![task(name, "one", Action::Supply, exact("15000"))];
    let mut farm = Farm::new(vec![once("a", supply("x")), once("b", supply("y"))]);
    for _ in 0..40 {
        farm.run(1).await;
        // 20 % of $102,000, less fees.
        assert!(farm.in_vault(0) <= usdc(20_400), "{}", farm.in_vault(0));
    }
    assert!(farm.in_vault(0) >= usdc(14_999));
    assert_eq!(farm.state_of("a/x#1"), TaskState::Completed);
    let refused = |entry: &Entry| {
        matches!(entry, Entry::Decided { verdict: Verdict::Refused { reasons }, .. }
            if reasons.iter().any(|reason| matches!(reason, Reason::ProtocolLimit { .. })))
    };
    // The looks get rarer: 40 minutes hold fewer than 40 / 4.
    let looks = farm.count(refused);
    assert!((1..=6).contains(&looks), "{looks}");
    // It is told.
    let waiting = farm.tasks().into_iter().find(|t| t.id.as_str() == "b/y#1");
    let waiting = waiting.unwrap();
    assert!(waiting.reason.unwrap().contains("limit 20"));
}

#[tokio::test]
async fn two_targets_at_one_protocol_do_not_overshoot_it() {
    let supply = |name: &str| vec![task(name, "one", Action::Supply, AmountSpec::Target)];
    let mut farm = Farm::new(vec![once("a", supply("x")), once("b", supply("y"))]);
    farm.settings.policy.transaction_limit = airdrops_types::Bps(500);
    // From two wallets, whose transactions do not wait for each other.
    let second = farm.add_wallet();
    acts(&mut farm.settings.campaigns[1].tasks[0]).wallet = second;
    farm.run(60).await;
    assert_eq!(farm.state_of("a/x#1"), TaskState::Completed);
    assert_eq!(farm.state_of("b/y#1"), TaskState::Completed);
    // 15 % of $144,000.
    let target = usdc(21_600);
    let held = farm.in_vault(0) + farm.in_vault_of(second, 0);
    assert!(held <= target && held + usdc(200) >= target, "{held}");
}

fn busy_farm() -> Farm {
    Farm::new(vec![
        once(
            "a",
            vec![
                task("one", "one", Action::Supply, exact("5000")),
                task("swap", "pool", swap(), exact("700")),
            ],
        ),
        once("b", vec![task("two", "two", Action::Supply, exact("3000"))]),
        once(
            "c",
            vec![task("go", "bridge", Action::Bridge, exact("900"))],
        ),
    ])
}

fn swap() -> Action {
    Action::Swap {
        from: "USDC".into(),
        to: "ETH".into(),
    }
}

#[tokio::test]
async fn a_restart_at_every_tick_changes_no_transaction() {
    let mut straight = busy_farm();
    straight.run(40).await;
    let mut broken = busy_farm();
    for _ in 0..40 {
        broken.stop();
        broken.run(1).await;
    }
    let sent = straight.sent(&straight.l1);
    assert_eq!(sent.len(), 8, "four approvals and their uses: {sent:?}");
    assert_eq!(sent, broken.sent(&broken.l1));
    assert_eq!(straight.in_vault(0), broken.in_vault(0));
    let nonces: Vec<u64> = sent.iter().map(|sent| sent.nonce).collect();
    assert_eq!(nonces, (0..8).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_halt_between_two_ticks_stops_everything_and_survives_a_restart() {
    let mut farm = busy_farm();
    farm.run(2).await;
    farm.halt();
    farm.run(4).await;
    let signed = farm.count(|entry| matches!(entry, Entry::Signed { .. }));
    farm.stop();
    let report = farm.run(20).await;
    assert_eq!(report.state, ControlState::Halted);
    assert_eq!(
        farm.count(|entry| matches!(entry, Entry::Signed { .. })),
        signed
    );
    assert!(signed < 8);
    farm.resume(Scope::Everything, MANUAL);
    farm.run(1).await;
    assert!(
        farm.count(|entry| matches!(entry, Entry::Signed { .. })) > signed,
        "it goes on at once, however rare the looks were"
    );
    farm.run(40).await;
    assert_eq!(farm.sent(&farm.l1).len(), 8);
}

#[tokio::test]
async fn a_reorganised_transaction_is_made_once() {
    let supply = task("x", "one", Action::Supply, exact("5000"));
    let mut farm = Farm::new(vec![once("a", vec![supply])]);
    // Approval signed at the first tick and final two blocks after its own.
    farm.run(5).await;
    let before = farm.sent(&farm.l1);
    assert_eq!(before.len(), 2, "the deposit is in a block, and not final");
    farm.l1.reorg(1).unwrap();
    assert_eq!(farm.sent(&farm.l1).len(), 1);
    farm.tick().await;
    farm.stop();
    farm.run(10).await;
    assert_eq!(farm.sent(&farm.l1), before, "the same bytes, once");
    assert_eq!(farm.state_of("a/x#1"), TaskState::Completed);
    assert!(farm.in_vault(0) <= usdc(5_000));
    let told = |entry: &Entry| matches!(entry, Entry::Note { text } if text.contains("canonical"));
    assert_eq!(farm.count(told), 1);
}

#[tokio::test]
async fn a_head_behind_our_own_outcome_is_not_believed() {
    let supply = task("x", "one", Action::Supply, exact("5000"));
    let mut farm = Farm::new(vec![once("a", vec![supply])]);
    farm.run(12).await;
    assert_eq!(farm.state_of("a/x#1"), TaskState::Completed);
    let flows = |farm: &Farm| farm.count(|entry| matches!(entry, Entry::Flow { .. }));
    let known = flows(&farm);
    // Deeper than any confirmation: what a lagging node shows.
    farm.l1.reorg(8).unwrap();
    assert_eq!(farm.in_vault(0), U256::ZERO);
    for restart in [false, true] {
        if restart {
            farm.stop();
        }
        let report = farm.tick().await;
        assert_eq!(report.state, ControlState::Active);
        assert_eq!(flows(&farm), known, "no deposit of 5,000 USDC is invented");
    }
}

#[tokio::test]
async fn a_foreign_nonce_locks_again_after_a_resume_while_it_stands() {
    let supply = task("x", "one", Action::Supply, exact("5000"));
    let mut farm = Farm::new(vec![once("a", vec![supply])]);
    farm.run(1).await;
    // Somebody else signs with the key while ours waits.
    let (to, amount) = (farm.vaults[1], U256::ZERO);
    let at = farm.usdc.contract.unwrap();
    as_anyone(
        &farm.l1,
        farm.wallet,
        at,
        &IToken::transferCall { to, amount },
    );
    farm.run(6).await;
    let scope = Scope::Wallet(farm.wallet);
    let locks = |farm: &Farm| farm.count(|entry| matches!(entry, Entry::Tripped { .. }));
    assert_eq!(locks(&farm), 1, "once, however long it stands");
    farm.resume(scope.clone(), FOREIGN_NONCE);
    farm.run(2).await;
    assert_eq!(locks(&farm), 2, "it is still so");
    farm.stop();
    farm.run(2).await;
    assert_eq!(locks(&farm), 2);
}

#[tokio::test]
async fn a_tick_that_takes_too_long_permits_nothing_on_what_it_saw_at_its_beginning() {
    let mut supply = task("x", "one", Action::Supply, exact("4000"));
    set(&mut supply).retry.max_attempts = 50;
    let mut farm = Farm::new(vec![once("a", vec![supply])]);
    let signed = |farm: &Farm| farm.count(|entry| matches!(entry, Entry::Signed { .. }));
    // A minute for each step: the simulation and the snapshot are old when the gate decides.
    farm.slowness.store(61_000, Ordering::SeqCst);
    farm.run(3).await;
    let old = |entry: &Entry| {
        matches!(entry, Entry::Decided { verdict: Verdict::Refused { reasons }, .. }
            if reasons.iter().any(|reason| matches!(reason,
                Reason::Simulation { .. } | Reason::NotFresh { .. })))
    };
    assert!(farm.count(old) > 0, "the gate saw that they are old");
    assert_eq!(signed(&farm), 0);
    farm.slowness.store(0, Ordering::SeqCst);
    farm.price(2_000);
    farm.run(120).await;
    assert!(signed(&farm) > 0, "it goes on when the machine does");
}

#[tokio::test]
async fn after_a_look_at_a_foreign_nonce_the_wallet_goes_on() {
    for restart in [false, true] {
        let mut supply = task("x", "one", Action::Supply, exact("5000"));
        set(&mut supply).retry.max_attempts = 50;
        let mut farm = Farm::new(vec![
            once("a", vec![supply.clone()]),
            once("b", vec![task("y", "two", Action::Supply, exact("4000"))]),
        ]);
        farm.run(8).await;
        // The owner sends something by hand while nothing of ours is under way.
        let (to, amount) = (farm.vaults[1], U256::from(1));
        let at = farm.usdc.contract.unwrap();
        let call = IToken::transferCall { to, amount };
        as_anyone(&farm.l1, farm.wallet, at, &call);
        farm.run(8).await;
        let locked = farm.count(|entry| matches!(entry, Entry::Tripped { .. }));
        if restart {
            farm.stop();
        }
        farm.resume(Scope::Wallet(farm.wallet), FOREIGN_NONCE);
        farm.run(40).await;
        assert_eq!(
            farm.count(|entry| matches!(entry, Entry::Tripped { .. })),
            locked,
            "it does not lock again"
        );
        assert_eq!(locked, 1, "it locked");
        let completed = |name: &str| {
            farm.count(|entry| {
                matches!(entry, Entry::Task { task, to: TaskState::Completed, .. }
                    if task.as_str().starts_with(name))
            })
        };
        assert_eq!((completed("a/"), completed("b/")), (1, 1));
    }
}

#[tokio::test]
async fn a_replay_finds_no_difference_and_sees_a_tampered_verdict() {
    let mut farm = busy_farm();
    farm.run(30).await;
    farm.halt();
    farm.run(3).await;
    let mut journal = farm.journal();
    let replayed = replay(&journal);
    assert!(replayed.verdicts >= 8 && replayed.allocations >= 1);
    assert_eq!(replayed.differences, []);
    let tampered = journal
        .iter_mut()
        .find_map(|stored| match &mut stored.entry {
            Entry::Decided {
                verdict: Verdict::Permitted { terms },
                ..
            } => {
                terms.max_fee_per_gas += 1;
                Some(stored.seq)
            }
            _ => None,
        });
    let found: Vec<u64> = replay(&journal).differences.iter().map(|d| d.0).collect();
    assert_eq!(found, [tampered.unwrap()]);
}

#[tokio::test]
async fn a_task_whose_protocol_left_the_configuration_waits_for_its_transaction() {
    let supply = task("x", "one", Action::Supply, exact("5000"));
    let mut farm = Farm::new(vec![once("a", vec![supply])]);
    farm.run(1).await;
    farm.stop();
    farm.settings
        .protocols
        .retain(|each| each.id.as_str() != "one");
    farm.settings.weights.clear();
    farm.settings.campaigns.clear();
    let report = farm.run(8).await;
    assert_eq!(report.open_transactions, 0, "its outcome is booked");
    assert_eq!(farm.state_of("a/x#1"), TaskState::Failed);
    let told = |entry: &Entry| matches!(entry, Entry::Note { text } if text.contains("stays"));
    assert_eq!(
        farm.count(told),
        1,
        "the allowance that cannot be taken back"
    );
}

/// Farms for 11 blocks and crashes at checkpoint number `crash_at`; whether it came so far.
fn farm_with_a_crash(crash_at: usize) -> (Farm, bool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let supply = task("x", "one", Action::Supply, exact("5000"));
    let mut farm = Farm::new(vec![once("a", vec![supply])]);
    farm.checkpoint = fuse;
    FUSE.set(crash_at);
    let mut crashed = false;
    for _ in 0..11 {
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
fn a_crash_at_any_checkpoint_changes_no_transaction_and_no_booking() {
    let (whole, crashed) = farm_with_a_crash(usize::MAX - 1);
    assert!(!crashed);
    let sent = whole.sent(&whole.l1);
    assert_eq!(sent.len(), 2);
    let balances = whole.store().ledger_balances().unwrap();
    let gas = whole.store().last_equity().unwrap().unwrap().gas;
    let mut crashes = 0;
    loop {
        let (farm, crashed) = farm_with_a_crash(crashes);
        assert_eq!(farm.sent(&farm.l1), sent, "crash at checkpoint {crashes}");
        assert_eq!(farm.store().ledger_balances().unwrap(), balances);
        assert_eq!(farm.store().reservations().unwrap(), []);
        let last = farm.store().last_equity().unwrap().unwrap();
        assert_eq!(last.gas, gas, "crash at checkpoint {crashes}");
        assert_eq!(farm.state_of("a/x#1"), TaskState::Completed);
        assert_eq!(replay(&farm.journal()).differences, []);
        if !crashed {
            break;
        }
        crashes += 1;
    }
    assert!(crashes > 60, "{crashes}");
}
