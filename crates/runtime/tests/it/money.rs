//! Profit, loss and flows.

use airdrops_risk::ROLLING_LOSS;
use airdrops_store::Store as _;
use airdrops_types::{
    Action, AmountSpec, ControlState, Entry, LedgerKind, Scope, TaskState, U256, Usd,
};

use crate::world::{BLOCK, Farm, IBridge, IToken, as_anyone, exact, keeper, once, task, usdc};

fn trips(farm: &Farm) -> usize {
    farm.count(|entry| matches!(entry, Entry::Tripped { trip, .. } if trip.breaker == ROLLING_LOSS))
}

/// Equity without flows.
fn earned(farm: &Farm) -> Usd {
    let point = farm.store().last_equity().unwrap().unwrap();
    point.equity - point.net_flows
}

fn near(value: Usd, dollars: i64) -> bool {
    (value - Usd::dollars(dollars)).0.abs() < Usd::dollars(5).0
}

#[tokio::test]
async fn a_crash_trips_once_and_not_again_on_the_same_evidence() {
    let mut farm = Farm::new(vec![once("a", vec![])]);
    farm.settings.campaigns.clear();
    farm.run(3).await;
    farm.price(700);
    let report = farm.run(3).await;
    assert_eq!(report.state, ControlState::Halted);
    assert_eq!(trips(&farm), 1);
    farm.stop();
    assert_eq!(farm.run(2).await.state, ControlState::Halted);
    farm.resume(Scope::Everything, ROLLING_LOSS);
    assert_eq!(farm.run(3).await.state, ControlState::Active);
    farm.stop();
    assert_eq!(farm.run(3).await.state, ControlState::Active);
    assert_eq!(trips(&farm), 1);
}

#[tokio::test]
async fn a_loss_during_a_long_stop_is_seen_afterwards() {
    let mut farm = Farm::new(Vec::new());
    farm.run(3).await;
    farm.stop();
    for _ in 0..3 * 24 * 60 {
        farm.mine();
    }
    farm.price(700);
    assert_eq!(farm.run(1).await.state, ControlState::Halted);
}

#[tokio::test]
async fn a_deposit_is_no_profit_and_an_outflow_is_a_loss() {
    let mut farm = Farm::new(Vec::new());
    farm.run(2).await;
    assert_eq!(earned(&farm), Usd::ZERO);
    farm.deposit(30_000);
    farm.run(2).await;
    assert_eq!(earned(&farm), Usd::ZERO);
    farm.stop();
    farm.run(1).await;
    assert_eq!(earned(&farm), Usd::ZERO);
    // The vault takes what it was never allowed to, as a bug in it would.
    let (to, amount) = (farm.vaults[0], usdc(20_000));
    let at = farm.usdc.contract.unwrap();
    as_anyone(
        &farm.l1,
        farm.wallet,
        at,
        &IToken::transferCall { to, amount },
    );
    let report = farm.run(2).await;
    assert!(near(earned(&farm), -20_000), "{}", earned(&farm));
    assert_eq!(report.state, ControlState::Halted, "15 % are gone");
}

#[tokio::test]
async fn a_deposit_while_a_transaction_is_under_way_is_no_loss_later() {
    let supply = task("x", "one", Action::Supply, exact("5000"));
    let mut farm = Farm::new(vec![once("a", vec![supply])]);
    farm.run(1).await;
    farm.deposit(40_000);
    for _ in 0..14 {
        let report = farm.run(1).await;
        assert_eq!(report.state, ControlState::Active);
    }
    assert_eq!(farm.state_of("a/x#1"), TaskState::Completed);
    assert!(near(earned(&farm), 0), "{}", earned(&farm));
    farm.stop();
    assert_eq!(farm.run(1).await.state, ControlState::Active);
}

#[tokio::test]
async fn bridged_value_is_neither_profit_nor_loss_nor_deposit() {
    for away in [false, true] {
        let go = task("go", "bridge", Action::Bridge, exact("18000"));
        let mut farm = Farm::new(vec![once("a", vec![go])]);
        farm.run(12).await;
        assert_eq!(farm.state_of("a/go#1"), TaskState::Completed);
        assert!(near(earned(&farm), 0), "{}", earned(&farm));
        farm.stop();
        if !away {
            farm.run(2).await;
        }
        let deliver = IBridge::deliverCall {
            to: farm.wallet,
            amount: usdc(18_000),
            nonce: U256::ZERO,
        };
        keeper(&farm.l2, farm.bridges[1], &deliver);
        let report = farm.run(3).await;
        assert_eq!(report.state, ControlState::Active);
        assert!(near(earned(&farm), 0), "{}", earned(&farm));
        assert_eq!(farm.balance(&farm.l2, &farm.usdc_l2), usdc(18_000));
        let flows = |kind: fn(&LedgerKind) -> bool| {
            farm.count(|entry| matches!(entry, Entry::Flow { entry, .. } if kind(&entry.kind)))
        };
        assert_eq!(flows(|kind| *kind == LedgerKind::BridgeArrival), 1);
        assert_eq!(flows(|kind| *kind == LedgerKind::External), 0);
    }
}

#[tokio::test]
async fn a_stale_price_defers_new_exposure_with_its_reason_but_not_an_exit() {
    let supply = task("x", "one", Action::Supply, exact("5000"));
    let mut leave = task("z", "one", Action::Withdraw, AmountSpec::All);
    leave.after = vec!["x".into()];
    let mut more = task("y", "two", Action::Supply, exact("5000"));
    more.after = vec!["x".into()];
    let mut farm = Farm::new(vec![once("a", vec![supply, leave, more])]);
    farm.run(6).await;
    assert!(farm.in_vault(0) > usdc(4_999));
    farm.clock
        .advance_to(airdrops_runtime::Clock::now(farm.clock.as_ref()).plus(BLOCK * 130));
    farm.run(30).await;
    assert_eq!(
        farm.state_of("a/z#1"),
        TaskState::Completed,
        "it only reduces"
    );
    assert_eq!(farm.in_vault(0), U256::ZERO);
    let waiting = farm.tasks().into_iter().find(|t| t.id.as_str() == "a/y#1");
    let waiting = waiting.unwrap();
    assert_eq!(waiting.state, TaskState::Deferred);
    let reason = waiting.reason.unwrap();
    assert!(
        reason.contains("fresh") || reason.contains("stale"),
        "{reason}"
    );
    assert_eq!(farm.in_vault(1), U256::ZERO);
    farm.price(2_000);
    farm.run(20).await;
    assert_eq!(farm.state_of("a/y#1"), TaskState::Completed);
}
