//! The world's contracts do what their names say.

use std::time::{Duration, Instant};

use airdrops_testkit::contracts::{Distributor, Erc20, Feed, Pair, Router, Staking, Weth};
use airdrops_testkit::control::SendError;
use airdrops_testkit::merkle::{Grant, verifies};
use airdrops_testkit::primitives::{Address, I256, U256};
use airdrops_testkit::world::{DEPLOYER, NO_DEADLINE, whole};
use airdrops_testkit::{Anvil, DEV_ACCOUNTS, TEST_WALLET, World, anvil_or_skip};
use alloy::sol_types::SolCall;

async fn balance(anvil: &Anvil, token: Address, owner: Address) -> U256 {
    anvil
        .view(token, &Erc20::balanceOfCall { owner })
        .await
        .unwrap()
}

/// The wallet does something, which succeeds.
async fn act<C: SolCall>(anvil: &Anvil, to: Address, value: U256, call: &C) {
    anvil
        .must_send(TEST_WALLET, to, value, &call.abi_encode())
        .await
        .unwrap();
}

async fn approve(anvil: &Anvil, token: Address, spender: Address, amount: U256) {
    act(
        anvil,
        token,
        U256::ZERO,
        &Erc20::approveCall { spender, amount },
    )
    .await;
}

/// The wallet adds 2,000 `TOKEN` and 1 ether to the pair; returns its LP tokens.
async fn add_liquidity(anvil: &Anvil, world: &World) -> U256 {
    approve(anvil, world.token, world.router, whole(2_000)).await;
    let add = Router::addLiquidityETHCall {
        token: world.token,
        tokenDesired: whole(2_000),
        tokenMin: whole(2_000),
        ethMin: whole(1),
        to: TEST_WALLET,
        deadline: U256::from(NO_DEADLINE),
    };
    act(anvil, world.router, whole(1), &add).await;
    balance(anvil, world.pair, TEST_WALLET).await
}

#[tokio::test]
async fn wallet_starts_with_what_the_world_promises() {
    let anvil = anvil_or_skip!();
    let world = World::deploy(&anvil, TEST_WALLET).await.unwrap();
    assert_eq!(anvil.balance(TEST_WALLET).await.unwrap(), whole(100));
    assert_eq!(anvil.nonce(TEST_WALLET).await.unwrap(), 0);
    assert_eq!(
        balance(&anvil, world.token, TEST_WALLET).await,
        whole(10_000)
    );
    assert_eq!(balance(&anvil, world.reward, TEST_WALLET).await, U256::ZERO);
    for (token, symbol) in [
        (world.weth, "WETH"),
        (world.token, "TOKEN"),
        (world.reward, "DROP"),
    ] {
        assert_eq!(
            anvil.view(token, &Erc20::symbolCall {}).await.unwrap(),
            symbol
        );
        assert_eq!(
            anvil.view(token, &Erc20::decimalsCall {}).await.unwrap(),
            18
        );
    }
    let again: World = serde_json::from_value(serde_json::to_value(&world).unwrap()).unwrap();
    assert_eq!(again, world);
}

#[tokio::test]
async fn ether_is_wrapped_and_unwrapped_one_to_one() {
    let anvil = anvil_or_skip!();
    let world = World::deploy(&anvil, TEST_WALLET).await.unwrap();
    act(&anvil, world.weth, whole(3), &Weth::depositCall {}).await;
    assert_eq!(balance(&anvil, world.weth, TEST_WALLET).await, whole(3));
    act(
        &anvil,
        world.weth,
        U256::ZERO,
        &Weth::withdrawCall { amount: whole(2) },
    )
    .await;
    assert_eq!(balance(&anvil, world.weth, TEST_WALLET).await, whole(1));
    let spent = whole(100) - anvil.balance(TEST_WALLET).await.unwrap();
    assert!(
        spent > whole(1) && spent < whole(1) + whole(1) / U256::from(100),
        "{spent}"
    );

    let too_much = Weth::withdrawCall { amount: whole(2) }.abi_encode();
    let error = anvil
        .must_send(TEST_WALLET, world.weth, U256::ZERO, &too_much)
        .await
        .unwrap_err();
    assert!(matches!(error, SendError::Reverted(_)), "{error}");
}

#[tokio::test]
async fn market_quotes_the_feeds_price_and_takes_and_returns_liquidity() {
    let anvil = anvil_or_skip!();
    let world = World::deploy(&anvil, TEST_WALLET).await.unwrap();
    let path = vec![world.weth, world.token];
    let quote = Router::getAmountsOutCall {
        amountIn: whole(1),
        path,
    };
    let out = anvil.view(world.router, &quote).await.unwrap()[1];
    // 2,000 less the 0.3 % fee and the price impact of 1 in 500.
    assert!(out > whole(1_985) && out < whole(1_994), "{out}");

    let liquidity = add_liquidity(&anvil, &world).await;
    let reserves = anvil
        .view(world.pair, &Pair::getReservesCall {})
        .await
        .unwrap();
    let (token, weth) = if world.token < world.weth {
        (reserves.reserve0, reserves.reserve1)
    } else {
        (reserves.reserve1, reserves.reserve0)
    };
    assert_eq!(U256::from(token), whole(1_002_000));
    assert_eq!(U256::from(weth), whole(501));
    // Own share of 1 in 501, and √(1,000,000 × 500) whole LP tokens before.
    let supply = anvil
        .view(world.pair, &Erc20::totalSupplyCall {})
        .await
        .unwrap();
    assert!((supply / liquidity) == U256::from(500) || (supply / liquidity) == U256::from(501));

    approve(&anvil, world.pair, world.router, liquidity).await;
    let remove = Router::removeLiquidityCall {
        a: world.token,
        b: world.weth,
        liquidity,
        aMin: whole(1_999),
        bMin: U256::ZERO,
        to: TEST_WALLET,
        deadline: U256::from(NO_DEADLINE),
    };
    act(&anvil, world.router, U256::ZERO, &remove).await;
    assert_eq!(balance(&anvil, world.pair, TEST_WALLET).await, U256::ZERO);
    assert!(balance(&anvil, world.token, TEST_WALLET).await >= whole(9_999));
}

#[tokio::test]
async fn swap_reverts_when_it_gives_less_than_asked() {
    let anvil = anvil_or_skip!();
    let world = World::deploy(&anvil, TEST_WALLET).await.unwrap();
    approve(&anvil, world.token, world.router, whole(4_000)).await;
    let swap = |minimum| Router::swapExactTokensForTokensCall {
        amountIn: whole(2_000),
        amountOutMin: minimum,
        path: vec![world.token, world.weth],
        to: TEST_WALLET,
        deadline: U256::from(NO_DEADLINE),
    };
    let greedy = swap(whole(1)).abi_encode();
    let receipt = anvil
        .send_unlocked(TEST_WALLET, world.router, U256::ZERO, &greedy)
        .await
        .unwrap();
    assert!(!receipt.status());
    act(&anvil, world.router, U256::ZERO, &swap(U256::from(1))).await;
    let got = balance(&anvil, world.weth, TEST_WALLET).await;
    assert!(got > whole(99) / U256::from(100) && got < whole(1), "{got}");
}

#[tokio::test]
async fn stake_earns_the_stated_rate_and_exit_returns_everything() {
    let anvil = anvil_or_skip!();
    let world = World::deploy(&anvil, TEST_WALLET).await.unwrap();
    let liquidity = add_liquidity(&anvil, &world).await;
    approve(&anvil, world.pair, world.staking, liquidity).await;
    let staked = Instant::now();
    act(
        &anvil,
        world.staking,
        U256::ZERO,
        &Staking::stakeCall { amount: liquidity },
    )
    .await;
    assert_eq!(balance(&anvil, world.pair, TEST_WALLET).await, U256::ZERO);

    anvil
        .increase_time(Duration::from_secs(1_000))
        .await
        .unwrap();
    let earned = anvil
        .view(
            world.staking,
            &Staking::earnedCall {
                account: TEST_WALLET,
            },
        )
        .await
        .unwrap();
    // 0.1 per second, as the only staker, over 1,000 s and what passed on the clock meanwhile.
    let meanwhile = whole(10 + staked.elapsed().as_secs()) / U256::from(10);
    let exact = whole(100);
    assert!(
        earned >= exact - whole(1) && earned <= exact + meanwhile,
        "{earned}"
    );

    act(&anvil, world.staking, U256::ZERO, &Staking::exitCall {}).await;
    assert_eq!(balance(&anvil, world.pair, TEST_WALLET).await, liquidity);
    assert!(balance(&anvil, world.reward, TEST_WALLET).await >= earned);
}

#[tokio::test]
async fn grant_is_claimed_once_by_its_amount_and_by_anyone() {
    let anvil = anvil_or_skip!();
    let world = World::deploy(&anvil, TEST_WALLET).await.unwrap();
    assert_eq!(
        anvil
            .view(world.distributor, &Distributor::merkleRootCall {})
            .await
            .unwrap(),
        world.root
    );
    assert_eq!(
        anvil
            .view(world.distributor, &Distributor::tokenCall {})
            .await
            .unwrap(),
        world.reward
    );
    assert!(verifies(&world.grant, &world.proof, world.root));

    let richer = World {
        grant: Grant {
            amount: world.grant.amount + U256::from(1),
            ..world.grant
        },
        ..world.clone()
    };
    let claim = |of: &World, by| {
        let data = of.claim();
        let (anvil, to) = (&anvil, of.distributor);
        async move {
            anvil
                .send_unlocked(by, to, U256::ZERO, &data)
                .await
                .unwrap()
                .status()
        }
    };
    assert!(!claim(&richer, TEST_WALLET).await);
    assert!(claim(&world, DEV_ACCOUNTS[7]).await);
    assert_eq!(
        balance(&anvil, world.reward, TEST_WALLET).await,
        whole(1_003)
    );
    let claimed = Distributor::isClaimedCall {
        index: U256::from(world.grant.index),
    };
    assert!(anvil.view(world.distributor, &claimed).await.unwrap());
    assert!(!claim(&world, TEST_WALLET).await);
}

#[tokio::test]
async fn feeds_give_price_decimals_and_time_and_take_a_new_price() {
    let anvil = anvil_or_skip!();
    let world = World::deploy(&anvil, TEST_WALLET).await.unwrap();
    for (feed, price) in [
        (world.eth_usd, 200_000_000_000_u64),
        (world.token_usd, 100_000_000),
    ] {
        assert_eq!(anvil.view(feed, &Feed::decimalsCall {}).await.unwrap(), 8);
        let round = anvil
            .view(feed, &Feed::latestRoundDataCall {})
            .await
            .unwrap();
        assert_eq!(round.answer, I256::try_from(price).unwrap());
    }
    anvil
        .increase_time(Duration::from_secs(3_600))
        .await
        .unwrap();
    let stale = anvil
        .view(world.eth_usd, &Feed::latestRoundDataCall {})
        .await
        .unwrap();
    let (_, now) = anvil
        .block(anvil.block_number().await.unwrap())
        .await
        .unwrap();
    assert!(U256::from(now) - stale.updatedAt >= U256::from(3_600));

    let crash = I256::try_from(150_000_000_000_u64).unwrap();
    World::publish(&anvil, world.eth_usd, crash).await.unwrap();
    let fresh = anvil
        .view(world.eth_usd, &Feed::latestRoundDataCall {})
        .await
        .unwrap();
    assert_eq!(fresh.answer, crash);
    assert!(fresh.updatedAt > stale.updatedAt);
}

#[tokio::test]
async fn view_of_an_address_without_code_is_an_error() {
    let anvil = anvil_or_skip!();
    assert!(anvil.view(DEPLOYER, &Erc20::symbolCall {}).await.is_err());
}
