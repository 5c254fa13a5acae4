//! Every module on an EVM: plan, build, execute, and compare what was declared with what happened.

use std::time::Duration;

use airdrops_protocols::{Amounts, PlanError};
use airdrops_types::{Action, Operation, Origin, TaskId, U256};

use crate::world::{Contracts, GRANT, IWorld, WALLET, World, tell, units};

const DAY: Duration = Duration::from_secs(86_400);

fn tranches(amounts: &[U256]) -> Amounts {
    Amounts::Tranches(amounts.to_vec())
}

fn verbs(steps: &[Operation]) -> Vec<&'static str> {
    steps.iter().map(Operation::verb).collect()
}

async fn wrap_and_unwrap(world: World) {
    let weth = world
        .registry
        .tokens()
        .into_iter()
        .find(|token| token.asset.as_str() == "ETH" && !token.is_native())
        .unwrap();
    world
        .run(
            "weth",
            Action::Wrap,
            tranches(&[units(1, 18), units(2, 18)]),
        )
        .await;
    assert_eq!(world.balance(&weth), units(13, 18));
    world.run("weth", Action::Unwrap, Amounts::Everything).await;
    assert_eq!(world.balance(&weth), U256::ZERO);
    assert!(
        world
            .plan("weth", &Action::Unwrap, &Amounts::Everything)
            .await
            .unwrap()
            .is_empty()
    );
    let refused = world
        .plan("weth", &Action::Wrap, &tranches(&[units(101, 18)]))
        .await;
    assert!(
        matches!(refused, Err(PlanError::NotEnough { .. })),
        "{refused:?}"
    );
    assert_eq!(world.position("weth").await, None);
}

async fn supply_and_withdraw(world: World) {
    let steps = world
        .run(
            "vault",
            Action::Supply,
            tranches(&[units(300, 6), units(200, 6)]),
        )
        .await;
    assert_eq!(verbs(&steps), ["approve", "supply", "approve", "supply"]);
    let held = world.legs("vault").await[0];
    assert!(
        held <= units(500, 6) && held + U256::from(2) >= units(500, 6),
        "{held}"
    );
    world
        .run("vault", Action::Withdraw, tranches(&[units(100, 6)]))
        .await;
    let steps = world
        .run("vault", Action::Withdraw, Amounts::Everything)
        .await;
    assert!(matches!(
        steps.as_slice(),
        [Operation::Withdraw { all: true, .. }]
    ));
    let position = world.position("vault").await.unwrap();
    assert!(position.legs[0].amount.amount.is_zero() && position.receipts[0].amount.is_zero());
    assert!(
        world
            .plan("vault", &Action::Withdraw, &Amounts::Everything)
            .await
            .unwrap()
            .is_empty()
    );
    // More than there is takes all.
    world
        .run("vault", Action::Supply, tranches(&[units(50, 6)]))
        .await;
    let steps = world
        .run("vault", Action::Withdraw, tranches(&[units(51, 6)]))
        .await;
    assert!(matches!(
        steps.as_slice(),
        [Operation::Withdraw { all: true, .. }]
    ));
}

async fn swap_both_ways(world: World) {
    let there = Action::Swap {
        from: "USDC".into(),
        to: "ETH".into(),
    };
    let back = Action::Swap {
        from: "ETH".into(),
        to: "USDC".into(),
    };
    let steps = world
        .run("pool", there, tranches(&[units(700, 6), units(800, 6)]))
        .await;
    assert_eq!(verbs(&steps), ["approve", "swap", "approve", "swap"]);
    world.run("pool", back, Amounts::Everything).await;
}

async fn a_quote_that_worsened_too_much_reverts(world: World) {
    let config = world.registry.get(&"pool".into()).unwrap();
    let swap = Action::Swap {
        from: "USDC".into(),
        to: "ETH".into(),
    };
    let steps = world
        .plan("pool", &swap, &tranches(&[units(1000, 6)]))
        .await
        .unwrap();
    world.execute("pool", &steps[0]).await;
    let task = TaskId::new("test");
    let intent = world
        .registry
        .build(
            config,
            &world.view(),
            WALLET,
            &steps[1],
            &task,
            0,
            Origin::Scheduler,
        )
        .await
        .unwrap();
    // Someone else buys first, so that the price is a good percent worse.
    let weth = config_token(&world, "ETH");
    let usdc = config_token(&world, "USDC");
    let router = world.registry.spenders();
    let router = router
        .iter()
        .find(|(_, spender)| *spender == intent.call.to)
        .unwrap()
        .1;
    let ahead = alloy::sol_types::SolCall::abi_encode(&ISwap::swapExactTokensForTokensCall {
        amountIn: units(20_000, 6),
        amountOutMin: U256::ZERO,
        path: vec![usdc, weth],
        to: crate::world::DEPLOYER,
        deadline: U256::MAX,
    });
    world
        .near
        .transact(crate::world::DEPLOYER, router, U256::ZERO, ahead.into())
        .unwrap();
    let result = world
        .near
        .transact(WALLET, intent.call.to, U256::ZERO, intent.call.data.clone());
    assert!(result.is_err(), "executed below the minimum");
}

alloy::sol! {
    interface ISwap {
        function swapExactTokensForTokens(
            uint256 amountIn, uint256 amountOutMin, address[] path, address to, uint256 deadline
        ) external;
    }
}

fn config_token(world: &World, asset: &str) -> airdrops_types::Address {
    let tokens = world.registry.tokens();
    let here = tokens
        .iter()
        .filter(|token| token.chain.0 == 1 && token.asset.as_str() == asset);
    here.filter_map(|token| token.contract).next().unwrap()
}

async fn liquidity_farm_and_back(world: World) {
    let steps = world
        .run(
            "pool",
            Action::AddLiquidity,
            tranches(&[units(1000, 6), units(1500, 6)]),
        )
        .await;
    assert_eq!(
        verbs(&steps),
        ["approve", "approve", "add liquidity"].repeat(2)
    );
    let [usdc, _weth] = world.legs("pool").await.try_into().unwrap();
    assert!(
        usdc <= units(2500, 6) && usdc + U256::from(3) >= units(2500, 6),
        "{usdc}"
    );
    assert_eq!(world.legs("farm").await, [U256::ZERO, U256::ZERO]);

    // A part out, counted in USDC.
    world
        .run("pool", Action::RemoveLiquidity, tranches(&[units(400, 6)]))
        .await;
    let before = world.legs("pool").await;
    assert!(
        before[0] <= units(2100, 6) && before[0] + U256::from(3) >= units(2100, 6),
        "{}",
        before[0]
    );

    let steps = world.run("farm", Action::Stake, Amounts::Everything).await;
    assert_eq!(verbs(&steps), ["approve", "stake"]);
    assert_eq!(world.legs("farm").await, before);
    assert_eq!(world.legs("pool").await, [U256::ZERO, U256::ZERO]);

    world.pass(10 * DAY);
    let gov = world
        .registry
        .tokens()
        .into_iter()
        .find(|token| token.asset.as_str() == "GOV")
        .unwrap();
    world.run("farm", Action::Exit, Amounts::Everything).await;
    assert!(
        world.balance(&gov) > units(1000, 18),
        "ten days of sixty earn a sixth"
    );
    assert_eq!(world.legs("pool").await, before);
    assert!(
        world
            .plan("farm", &Action::Exit, &Amounts::Everything)
            .await
            .unwrap()
            .is_empty()
    );

    let steps = world
        .run("pool", Action::RemoveLiquidity, Amounts::Everything)
        .await;
    assert_eq!(verbs(&steps), ["approve", "remove liquidity"]);
    assert_eq!(world.legs("pool").await, [U256::ZERO, U256::ZERO]);
}

async fn liquidity_is_capped_by_the_other_token(world: World) {
    // 10 WETH go with some 28,500 USDC, of which there are 20,000: enough. Then WETH is short.
    world
        .run("weth", Action::Unwrap, tranches(&[units(9, 18)]))
        .await;
    let steps = world
        .run(
            "pool",
            Action::AddLiquidity,
            tranches(&[units(2000, 6), units(2000, 6)]),
        )
        .await;
    let added: Vec<_> = steps
        .iter()
        .filter_map(|step| match step {
            Operation::AddLiquidity { amount_a, amount_b } => Some((*amount_a, *amount_b)),
            _ => None,
        })
        .collect();
    assert_eq!(added.len(), 2);
    assert_eq!(added[0].0, units(2000, 6));
    assert!(added[1].0 < units(1000, 6));
    assert_eq!(added[0].1 + added[1].1, units(1, 18));
    let refused = world
        .plan("pool", &Action::AddLiquidity, &tranches(&[units(10, 6)]))
        .await;
    assert!(
        matches!(refused, Err(PlanError::NotEnough { have, .. }) if have < units(1, 12)),
        "{refused:?}"
    );
}

async fn bridging_is_in_transit_until_it_arrives(world: World) {
    world
        .run(
            "bridge",
            Action::Bridge,
            tranches(&[units(3, 18), units(1, 18)]),
        )
        .await;
    assert_eq!(world.legs("bridge").await, [units(4, 18)]);
    let deliver = |nonce: u64, amount| IWorld::deliverCall {
        to: WALLET,
        amount,
        nonce: U256::from(nonce),
    };
    tell(&world.far, world.far_bridge, &deliver(0, units(3, 18)));
    assert_eq!(world.legs("bridge").await, [units(1, 18)]);
    let again = alloy::sol_types::SolCall::abi_encode(&deliver(0, units(3, 18)));
    let again = world.far.transact(
        crate::world::DEPLOYER,
        world.far_bridge,
        U256::ZERO,
        again.into(),
    );
    assert!(again.is_err(), "delivered twice");
    let stranger = alloy::sol_types::SolCall::abi_encode(&deliver(1, units(1, 18)));
    assert!(
        world
            .far
            .transact(WALLET, world.far_bridge, U256::ZERO, stranger.into())
            .is_err()
    );
    tell(&world.far, world.far_bridge, &deliver(1, units(1, 18)));
    assert_eq!(world.legs("bridge").await, [U256::ZERO]);
    assert_ne!(world.bridge, world.far_bridge);

    let steps = world
        .run("token-bridge", Action::Bridge, tranches(&[units(25, 6)]))
        .await;
    assert_eq!(verbs(&steps), ["approve", "bridge"]);
    assert_eq!(world.legs("token-bridge").await, [units(25, 6)]);
    let everything = world
        .plan("bridge", &Action::Bridge, &Amounts::Everything)
        .await;
    assert_eq!(everything, Err(PlanError::NeedsAmount { action: "bridge" }));
}

async fn a_grant_is_claimed_once(world: World) {
    let gov = world
        .registry
        .tokens()
        .into_iter()
        .find(|token| token.asset.as_str() == "GOV")
        .unwrap();
    world.run("drop", Action::Claim, Amounts::Everything).await;
    assert_eq!(world.balance(&gov), U256::from(GRANT));
    assert!(
        world
            .plan("drop", &Action::Claim, &Amounts::Everything)
            .await
            .unwrap()
            .is_empty()
    );
    let config = world.registry.get(&"drop".into()).unwrap();
    let other = airdrops_types::Address::repeat_byte(5);
    let plan = world
        .registry
        .plan(
            config,
            &world.view(),
            other,
            &Action::Claim,
            &Amounts::Everything,
        )
        .await;
    assert!(
        matches!(plan, Err(PlanError::NotGranted { .. })),
        "{plan:?}"
    );
}

async fn unwinding_ends_positions_and_takes_allowances_back(world: World) {
    world
        .run("vault", Action::Supply, tranches(&[units(300, 6)]))
        .await;
    world
        .run("pool", Action::AddLiquidity, tranches(&[units(1000, 6)]))
        .await;
    world.run("farm", Action::Stake, Amounts::Everything).await;
    // An allowance that a task left behind.
    let plan = world
        .plan("vault", &Action::Supply, &tranches(&[units(5, 6)]))
        .await
        .unwrap();
    world.execute("vault", &plan[0]).await;
    for protocol in ["farm", "pool", "vault"] {
        let config = world.registry.get(&protocol.into()).unwrap();
        let steps = world
            .registry
            .unwind(config, &world.view(), WALLET)
            .await
            .unwrap();
        assert!(!steps.is_empty(), "{protocol}");
        for step in &steps {
            world.execute(protocol, step).await;
        }
    }
    let books = world.books().await;
    assert!(
        books.positions.values().all(U256::is_zero),
        "{:?}",
        books.positions
    );
    assert!(books.allowances.iter().all(U256::is_zero));
}

async fn a_sufficient_but_different_allowance_is_set_exactly(world: World) {
    let plan = world
        .plan("vault", &Action::Supply, &tranches(&[units(5, 6)]))
        .await
        .unwrap();
    world.execute("vault", &plan[0]).await;
    let same = world
        .plan("vault", &Action::Supply, &tranches(&[units(5, 6)]))
        .await
        .unwrap();
    assert_eq!(verbs(&same), ["supply"]);
    let less = world
        .plan("vault", &Action::Supply, &tranches(&[units(4, 6)]))
        .await
        .unwrap();
    assert_eq!(verbs(&less), ["approve", "supply"]);
}

macro_rules! on {
    ($($claim:ident),* $(,)?) => {
        mod our_contracts {
            use super::*;
            $(#[tokio::test]
            async fn $claim() {
                super::$claim(World::new(Contracts::Ours).unwrap()).await;
            })*
        }
        mod published_contracts {
            use super::*;
            $(#[tokio::test]
            async fn $claim() {
                if let Some(world) = World::new(Contracts::Real) {
                    super::$claim(world).await;
                }
            })*
        }
    };
}

on!(
    wrap_and_unwrap,
    supply_and_withdraw,
    swap_both_ways,
    a_quote_that_worsened_too_much_reverts,
    liquidity_farm_and_back,
    liquidity_is_capped_by_the_other_token,
    bridging_is_in_transit_until_it_arrives,
    a_grant_is_claimed_once,
    unwinding_ends_positions_and_takes_allowances_back,
    a_sufficient_but_different_allowance_is_set_exactly,
);
