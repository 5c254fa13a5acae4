//! Reverts, and transactions that do not move.

use airdrops_types::{Action, AlertLevel, Entry, TaskState, U256};

use crate::world::{Farm, IPool, IToken, KEEPER, as_anyone, exact, keeper, once, task, usdc};

/// Fills blocks until the next base fee is above `wei`, without mining anything of ours.
async fn spike(farm: &mut Farm, wei: u128) {
    farm.l1.set_background_gas(36_000_000);
    while farm.l1.base_fee() <= wei {
        farm.mine();
    }
    farm.l1.set_background_gas(18_000_000);
}

/// The supply's approval is final, and the supply is signed and in no block.
async fn signed_supply() -> Farm {
    let supply = task("x", "one", Action::Supply, exact("5000"));
    let mut farm = Farm::new(vec![once("a", vec![supply])]);
    farm.run(4).await;
    assert_eq!(farm.sent(&farm.l1).len(), 1);
    assert_eq!(signed(&farm), 2);
    farm
}

fn signed(farm: &Farm) -> usize {
    farm.count(|entry| matches!(entry, Entry::Signed { .. }))
}

#[tokio::test]
async fn an_underpriced_transaction_is_replaced_under_its_nonce() {
    let mut farm = signed_supply().await;
    spike(&mut farm, 4_000_000_000).await;
    farm.run(4).await;
    assert!(signed(&farm) >= 3, "signed again");
    farm.stop();
    farm.run(10).await;
    let sent = farm.sent(&farm.l1);
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert_eq!(sent[1].nonce, 1);
    assert!(sent[1].succeeded);
    assert_eq!(farm.state_of("a/x#1"), TaskState::Completed);
    assert!(farm.in_vault(0) <= usdc(5_000) && farm.in_vault(0) > usdc(4_999));
}

#[tokio::test]
async fn what_may_not_be_made_any_more_is_cancelled_and_its_allowance_goes() {
    let mut farm = signed_supply().await;
    spike(&mut farm, 4_000_000_000).await;
    farm.halt();
    farm.run(30).await;
    let sent = farm.sent(&farm.l1);
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert_eq!((sent[1].nonce, sent[1].to), (1, farm.wallet));
    assert_eq!(farm.in_vault(0), U256::ZERO);
    let told =
        |entry: &Entry| matches!(entry, Entry::Note { text } if text.contains("being cancelled"));
    assert_eq!(farm.count(told), 1);
    // Resumed, it is made as another intent.
    farm.resume(airdrops_types::Scope::Everything, airdrops_risk::MANUAL);
    farm.run(30).await;
    assert_eq!(farm.state_of("a/x#1"), TaskState::Completed);
    assert!(farm.in_vault(0) <= usdc(5_000) && farm.in_vault(0) > usdc(4_999));
    assert_eq!(farm.allowance(farm.vaults[0]), U256::ZERO);
}

#[tokio::test]
async fn a_reverted_step_is_retried_as_another_intent_and_succeeds() {
    let action = Action::Swap {
        from: "USDC".into(),
        to: "ETH".into(),
    };
    let swap = task("s", "pool", action, exact("1000"));
    let mut farm = Farm::new(vec![once("a", vec![swap])]);
    farm.run(4).await;
    assert_eq!(signed(&farm), 2);
    // The price moves by more than the slippage before the block.
    let call = IPool::swapExactTokensForTokensCall {
        amountIn: usdc(40_000),
        amountOutMin: U256::ZERO,
        path: vec![farm.usdc.contract.unwrap(), farm.weth.contract.unwrap()],
        to: KEEPER,
        deadline: U256::MAX,
    };
    keeper(&farm.l1, farm.pool, &call);
    farm.run(25).await;
    let sent = farm.sent(&farm.l1);
    let results: Vec<bool> = sent.iter().map(|sent| sent.succeeded).collect();
    assert_eq!(results, [true, false, true]);
    assert_eq!(farm.state_of("a/s#1"), TaskState::Completed);
    let mut intents: Vec<_> = farm
        .journal()
        .into_iter()
        .filter_map(|stored| match stored.entry {
            Entry::Settled { outcome, .. } => Some(outcome.intent),
            _ => None,
        })
        .collect();
    intents.dedup();
    assert_eq!(intents.len(), 3);
}

#[tokio::test]
async fn a_task_that_fails_between_approval_and_use_takes_the_allowance_back() {
    let mut farm = signed_supply().await;
    // The spender uses a part of the allowance, so that the deposit cannot.
    let take = IToken::transferFromCall {
        from: farm.wallet,
        to: KEEPER,
        amount: U256::from(1),
    };
    as_anyone(&farm.l1, farm.vaults[0], farm.usdc.contract.unwrap(), &take);
    for _ in 0..60 {
        farm.stop();
        farm.run(1).await;
    }
    assert_eq!(farm.state_of("a/x#1"), TaskState::Dead);
    let told = farm.count(|entry| {
        matches!(entry, Entry::Alerted { alert }
            if alert.matter == "dead:a/x#1" && alert.level == AlertLevel::Warning)
    });
    assert_eq!(told, 1, "an administrator is told of a dead letter");
    assert_eq!(farm.in_vault(0), U256::ZERO);
    assert_eq!(farm.allowance(farm.vaults[0]), U256::ZERO);
    assert_eq!(
        farm.sent(&farm.l1).len(),
        3,
        "approval, reverted use, revocation"
    );
}
