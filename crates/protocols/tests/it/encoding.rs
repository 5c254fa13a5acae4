//! Exact call data, against selectors and layouts written down by hand.

use airdrops_chain::ReadError;
use airdrops_protocols::{BuildError, Views};
use airdrops_types::{B256, Intent, IntentId, Operation, Origin, TaskId, Token, U256};

use crate::scenery::*;
use crate::script::{Asked, NOW, Script, address_word, selector, word};

fn view() -> Script {
    Script::new(HERE)
        .says(VAULT, "previewDeposit(uint256)", &[word(500_000)])
        .says(VAULT, "previewWithdraw(uint256)", &[word(20_000)])
        .says(VAULT, "previewRedeem(uint256)", &[word(777_777)])
        .says(VAULT, "balanceOf(address)", &[word(900_000)])
        .says(PAIR, "token0()", &[address_word(WETH)])
        .says(PAIR, "token1()", &[address_word(USDC)])
        // token0 is WETH, which is configured as token_b.
        .says(
            PAIR,
            "getReserves()",
            &[word(1_000), word(2_000_000), word(1)],
        )
        .says(PAIR, "totalSupply()", &[word(10_000)])
        .says(
            ROUTER,
            "getAmountsOut(uint256,address[])",
            &[word(32), word(2), word(40_000), word(19)],
        )
        .says(STAKING, "balanceOf(address)", &[word(500)])
        .says(STAKING, "earned(address)", &[word(33)])
}

async fn build(protocol: &str, operation: Operation) -> Result<Intent, BuildError> {
    let registry = registry();
    let config = registry.get(&protocol.into()).unwrap();
    let task = TaskId::new("farm/daily#1");
    registry
        .build(
            config,
            &view(),
            WALLET,
            &operation,
            &task,
            3,
            Origin::Scheduler,
        )
        .await
}

fn data(selector: &str, words: &[Vec<u8>]) -> String {
    let words: String = words
        .concat()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("0x{selector}{words}")
}

fn number(amount: u128) -> U256 {
    U256::from(amount)
}

fn deltas(intent: &Intent) -> Vec<(&str, &Token, i128)> {
    let positions = intent.positions.iter();
    positions
        .map(|change| {
            let delta = i128::try_from(change.delta).unwrap();
            (change.protocol.as_str(), &change.token, delta)
        })
        .collect()
}

#[tokio::test]
async fn wrapping_sends_the_value_and_unwrapping_names_it() {
    let wrap = build("weth", Operation::Wrap { amount: number(5) })
        .await
        .unwrap();
    assert_eq!(wrap.call.data.to_string(), "0xd0e30db0");
    assert_eq!((wrap.call.to, wrap.call.value), (WETH, number(5)));
    assert_eq!(wrap.spend, [ether().amount(number(5))]);
    assert_eq!(wrap.receive, [weth().amount(number(5))]);
    assert_eq!(wrap.id, IntentId::derive(&TaskId::new("farm/daily#1"), 3));
    assert!(wrap.simulation.is_none());

    let unwrap = build("weth", Operation::Unwrap { amount: number(5) })
        .await
        .unwrap();
    assert_eq!(unwrap.call.data.to_string(), data("2e1a7d4d", &[word(5)]));
    assert_eq!(unwrap.call.value, U256::ZERO);
    assert_eq!(unwrap.spend, wrap.receive);
    assert_eq!(unwrap.receive, wrap.spend);
}

#[tokio::test]
async fn an_approval_changes_one_allowance_and_nothing_else() {
    let operation = |spender, amount| Operation::Approve {
        token: usdc(),
        spender,
        amount: number(amount),
    };
    let intent = build("vault", operation(VAULT, 250)).await.unwrap();
    let expected = data("095ea7b3", &[address_word(VAULT), word(250)]);
    assert_eq!(intent.call.data.to_string(), expected);
    assert_eq!(intent.call.to, USDC);
    assert_eq!(intent.allowances.len(), 1);
    assert_eq!(intent.allowances[0].amount, number(250));
    assert!(intent.spend.is_empty() && intent.receive.is_empty() && intent.positions.is_empty());
    let foreign = build("vault", operation(ROUTER, 250)).await;
    assert!(matches!(foreign, Err(BuildError::ForeignApproval { .. })));
}

#[tokio::test]
async fn supplying_bounds_the_shares_by_one_basis_point() {
    let amount = number(500_000_000);
    let intent = build("vault", Operation::Supply { amount }).await.unwrap();
    let expected = data("6e553f65", &[word(500_000_000), address_word(WALLET)]);
    assert_eq!(intent.call.data.to_string(), expected);
    assert_eq!(intent.spend, [usdc().amount(amount)]);
    assert_eq!(intent.receive, [share().amount(number(499_950))]);
    assert_eq!(deltas(&intent), [("vault", &usdc(), 500_000_000)]);
    assert_eq!(intent.summary, "supply 500 USDC to vault (chain 1)");
}

#[tokio::test]
async fn withdrawing_is_exact_and_withdrawing_all_redeems_every_share() {
    let some = Operation::Withdraw {
        amount: number(20),
        all: false,
    };
    let intent = build("vault", some).await.unwrap();
    let wallet = address_word(WALLET);
    let expected = data("b460af94", &[word(20), wallet.clone(), wallet.clone()]);
    assert_eq!(intent.call.data.to_string(), expected);
    assert_eq!(intent.spend, [share().amount(number(20_002))]);
    assert_eq!(intent.receive, [usdc().amount(number(20))]);
    assert_eq!(deltas(&intent), [("vault", &usdc(), -20)]);

    let all = Operation::Withdraw {
        amount: number(20),
        all: true,
    };
    let intent = build("vault", all).await.unwrap();
    let expected = data("ba087652", &[word(900_000), wallet.clone(), wallet]);
    assert_eq!(intent.call.data.to_string(), expected);
    assert_eq!(intent.spend, [share().amount(number(900_000))]);
    // 777,777 less one basis point, rounded up: 777,777 − 77.
    assert_eq!(intent.receive, [usdc().amount(number(777_700))]);
    assert_eq!(deltas(&intent), [("vault", &usdc(), -777_700)]);
}

#[tokio::test]
async fn a_swap_has_a_minimum_and_a_deadline() {
    let operation = Operation::Swap {
        from: usdc(),
        to: weth(),
        amount: number(40_000),
    };
    let intent = build("pool", operation).await.unwrap();
    let head = [word(40_000), word(19), word(160), address_word(WALLET)];
    let tail = [
        word(u128::from(NOW) + 1800),
        word(2),
        address_word(USDC),
        address_word(WETH),
    ];
    let words = [head, tail].concat();
    assert_eq!(intent.call.data.to_string(), data("38ed1739", &words));
    assert_eq!(intent.call.to, ROUTER);
    assert_eq!(intent.spend, [usdc().amount(number(40_000))]);
    assert_eq!(intent.receive, [weth().amount(number(19))]);
    assert!(intent.positions.is_empty());
    let foreign = Operation::Swap {
        from: usdc(),
        to: gov(),
        amount: number(1),
    };
    assert!(matches!(
        build("pool", foreign).await,
        Err(BuildError::ForeignTokens { .. })
    ));
}

#[tokio::test]
async fn liquidity_has_minimums_on_both_sides_in_the_configured_order() {
    let operation = Operation::AddLiquidity {
        amount_a: number(400_000),
        amount_b: number(300),
    };
    let intent = build("pool", operation).await.unwrap();
    // 400,000 USDC go with 200 WETH; half a percent less at worst.
    let words = [
        address_word(USDC),
        address_word(WETH),
        word(400_000),
        word(300),
        word(398_000),
        word(199),
        address_word(WALLET),
        word(u128::from(NOW) + 1800),
    ];
    assert_eq!(intent.call.data.to_string(), data("e8e33700", &words));
    assert_eq!(
        intent.spend,
        [usdc().amount(number(400_000)), weth().amount(number(300))]
    );
    assert_eq!(intent.receive, [lp().amount(number(1990))]);
    assert_eq!(
        deltas(&intent),
        [("pool", &usdc(), 400_000), ("pool", &weth(), 300)]
    );

    let operation = Operation::RemoveLiquidity {
        liquidity: number(2_000),
    };
    let intent = build("pool", operation).await.unwrap();
    let words = [
        address_word(USDC),
        address_word(WETH),
        word(2_000),
        word(398_000),
        word(199),
        address_word(WALLET),
        word(u128::from(NOW) + 1800),
    ];
    assert_eq!(intent.call.data.to_string(), data("baa2abde", &words));
    assert_eq!(intent.spend, [lp().amount(number(2_000))]);
    assert_eq!(
        intent.receive,
        [usdc().amount(number(398_000)), weth().amount(number(199))]
    );
    assert_eq!(
        deltas(&intent),
        [("pool", &usdc(), -398_000), ("pool", &weth(), -199)]
    );
}

#[tokio::test]
async fn staking_moves_exposure_from_the_pair_to_the_farm_and_exit_only_reduces() {
    let stake = build(
        "farm",
        Operation::Stake {
            amount: number(100),
        },
    )
    .await
    .unwrap();
    assert_eq!(stake.call.data.to_string(), data("a694fc3a", &[word(100)]));
    assert_eq!(stake.spend, [lp().amount(number(100))]);
    assert_eq!(
        deltas(&stake),
        [
            ("farm", &usdc(), 20_000),
            ("pool", &usdc(), -20_000),
            ("farm", &weth(), 10),
            ("pool", &weth(), -10),
        ]
    );
    let exit = build("farm", Operation::Exit).await.unwrap();
    assert_eq!(exit.call.data.to_string(), "0xe9fad8ee");
    assert_eq!(exit.call.to, STAKING);
    assert!(exit.spend.is_empty());
    assert_eq!(
        exit.receive,
        [lp().amount(number(500)), gov().amount(number(33))]
    );
    // Nothing grows, so that an exit stays possible where only reductions are.
    assert_eq!(
        deltas(&exit),
        [("farm", &usdc(), -100_000), ("farm", &weth(), -50)]
    );
}

#[tokio::test]
async fn a_bridge_is_paid_in_native_currency_or_by_allowance() {
    let operation = Operation::Bridge { amount: number(12) };
    let native = build("bridge", operation.clone()).await.unwrap();
    assert_eq!(native.call.data[..4], selector("send(uint256)"));
    assert_eq!(native.call.data[4..], word(12));
    assert_eq!((native.call.to, native.call.value), (BRIDGE, number(12)));
    assert_eq!(native.spend, [ether().amount(number(12))]);
    assert_eq!(deltas(&native), [("bridge", &ether(), 12)]);
    let token = build("token-bridge", operation).await.unwrap();
    assert_eq!(
        (token.call.to, token.call.value),
        (TOKEN_BRIDGE, U256::ZERO)
    );
    assert_eq!(deltas(&token), [("token-bridge", &usdc(), 12)]);
}

#[tokio::test]
async fn a_claim_is_the_configured_one_or_none() {
    let claim = |amount| Operation::Claim {
        index: 7,
        amount: number(amount),
        proof: vec![B256::repeat_byte(1), B256::repeat_byte(2)],
    };
    let intent = build("drop", claim(1000)).await.unwrap();
    let words = [
        word(7),
        address_word(WALLET),
        word(1000),
        word(128),
        word(2),
        vec![1; 32],
        vec![2; 32],
    ];
    assert_eq!(intent.call.data.to_string(), data("2e7ba6ef", &words));
    assert_eq!(intent.receive, [gov().amount(number(1000))]);
    assert!(intent.spend.is_empty());
    assert!(matches!(
        build("drop", claim(1001)).await,
        Err(BuildError::NotConfigured { .. })
    ));
}

#[tokio::test]
async fn the_wrong_module_chain_or_no_amount_gives_no_call() {
    let wrong = build("weth", Operation::Exit).await;
    assert_eq!(
        wrong,
        Err(BuildError::Unsupported {
            verb: "exit",
            module: "wrapped_native"
        })
    );
    for (protocol, operation) in [
        ("weth", Operation::Wrap { amount: U256::ZERO }),
        ("vault", Operation::Supply { amount: U256::ZERO }),
        ("farm", Operation::Stake { amount: U256::ZERO }),
        ("bridge", Operation::Bridge { amount: U256::ZERO }),
        (
            "pool",
            Operation::RemoveLiquidity {
                liquidity: U256::ZERO,
            },
        ),
        (
            "pool",
            Operation::Swap {
                from: usdc(),
                to: weth(),
                amount: U256::ZERO,
            },
        ),
    ] {
        let built = build(protocol, operation).await;
        assert!(
            matches!(built, Err(BuildError::Nothing { .. })),
            "{built:?}"
        );
    }
    let (registry, there) = (registry(), Script::new(THERE));
    let config = registry.get(&"weth".into()).unwrap();
    let task = TaskId::new("t");
    let operation = Operation::Wrap { amount: number(1) };
    let built = registry
        .build(
            config,
            &there,
            WALLET,
            &operation,
            &task,
            0,
            Origin::Scheduler,
        )
        .await;
    assert!(matches!(built, Err(BuildError::WrongChain { .. })));
}

#[tokio::test]
async fn a_pair_of_other_tokens_is_not_believed() {
    let registry = registry();
    let config = registry.get(&"pool".into()).unwrap();
    let other = view().says(PAIR, "token1()", &[address_word(GOV)]).says(
        PAIR,
        "balanceOf(address)",
        &[word(1)],
    );
    let views: Views<'_> = [&other as &dyn airdrops_chain::ChainRead]
        .into_iter()
        .collect();
    let position = registry.position(config, &views, WALLET).await;
    assert!(
        matches!(position, Err(ReadError::Unexpected { to: PAIR, .. })),
        "{position:?}"
    );
}

#[tokio::test]
async fn in_transit_reads_the_far_end_first_and_never_goes_below_zero() {
    let registry = registry();
    let config = registry.get(&"bridge".into()).unwrap();
    for (sent, received, in_transit) in [(50, 20, 30), (20, 50, 0)] {
        let asked = Asked::default();
        let near = Script::new(HERE)
            .says(BRIDGE, "sent(address)", &[word(sent)])
            .logging_to(&asked);
        let far = Script::new(THERE)
            .says(FAR_BRIDGE, "received(address)", &[word(received)])
            .logging_to(&asked);
        let both: [&dyn airdrops_chain::ChainRead; 2] = [&near, &far];
        let views: Views<'_> = both.into_iter().collect();
        let position = registry
            .position(config, &views, WALLET)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(position.legs[0].amount, ether().amount(number(in_transit)));
        let order: Vec<_> = asked
            .lock()
            .unwrap()
            .iter()
            .map(|(chain, ..)| *chain)
            .collect();
        assert_eq!(order, [THERE, HERE]);
        let near_only: Views<'_> = [both[0]].into_iter().collect();
        assert!(registry.position(config, &near_only, WALLET).await.is_err());
    }
}
