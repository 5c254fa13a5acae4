//! Batches of reads on real chains: one call, and each read fails alone.

use airdrops_chain::{
    Batching, ChainClient, ChainRead as _, Query, ReadError, View, allowance, read_allowances,
    read_balances, read_batch, token_balance,
};
use airdrops_paper::{PaperChain, PaperConfig};
use airdrops_testkit::{AnvilOptions, DEV_ACCOUNTS, Fault, FaultProxy, World, anvil_or_skip};
use airdrops_types::{Address, Bytes, Timestamp, Token, U256};
use alloy::primitives::{address, hex};
use alloy::sol_types::{Revert, SolError as _, SolValue as _};

use crate::ground::{CHAIN, KEEPER, client, code, erc20, ether};

/// Loops until its gas is gone.
const BURNER: (Address, &[u8]) = (
    address!("00000000000000000000000000000000000b0001"),
    &hex!("5b600056"),
);
/// Returns 65,535 bytes.
const BOMB: (Address, &[u8]) = (
    address!("00000000000000000000000000000000000b0002"),
    &hex!("61ffff6000f3"),
);
/// Meets an invalid opcode.
const INVALID: (Address, &[u8]) = (
    address!("00000000000000000000000000000000000b0003"),
    &hex!("fe"),
);
/// Reverts with what follows the selector.
const ECHO: (Address, &[u8]) = (
    address!("00000000000000000000000000000000000b0004"),
    &hex!("600436036004600037600436036000fd"),
);
const REASON: &str = "StakingRewards: cannot be read while the keeper sleeps; later";
const NOTHING: Address = address!("00000000000000000000000000000000000b0005");
const HOSTILE: [(Address, &[u8]); 4] = [BURNER, BOMB, INVALID, ECHO];

fn balance_of(token: Address, owner: Address) -> Query {
    Query::Call {
        to: token,
        data: [&hex!("70a08231")[..], &owner.abi_encode()].concat().into(),
        limit: 32,
    }
}

#[tokio::test]
async fn balances_of_all_wallets_and_tokens_are_one_call_and_equal_single_reads() {
    let anvil = anvil_or_skip!();
    let world = World::deploy(&anvil, DEV_ACCOUNTS[5]).await.unwrap();
    let proxy = FaultProxy::start(anvil.address()).unwrap();
    let client = client(&proxy.url());
    let view = client.view().await.unwrap();
    let tokens: Vec<Token> = [world.weth, world.token, world.reward, world.pair]
        .map(erc20)
        .into_iter()
        .chain([ether()])
        .collect();
    let asked: Vec<(Address, &Token)> = DEV_ACCOUNTS
        .iter()
        .flat_map(|account| tokens.iter().map(|token| (*account, token)))
        .collect();
    let together = read_balances(&view, &asked).await;
    assert_eq!(proxy.calls("eth_call"), 1);
    assert_eq!(proxy.calls("eth_getBalance"), 0);
    assert_eq!(together.len(), 50);
    for ((account, token), amount) in asked.iter().zip(together) {
        let alone = token_balance(&view, token, *account).await;
        assert_eq!(amount, alone, "{account} {token:?}");
        assert!(amount.is_ok());
    }
    let (token, weth, native) = (erc20(world.token), erc20(world.weth), ether());
    let spent = read_allowances(
        &view,
        &[
            (KEEPER, &token, world.router),
            (KEEPER, &native, world.router),
            (KEEPER, &weth, world.router),
        ],
    )
    .await;
    assert_eq!(
        spent[0],
        allowance(&view, &token, KEEPER, world.router).await
    );
    assert!(matches!(spent[1], Err(ReadError::Unexpected { .. })));
    assert_eq!(
        spent[2],
        allowance(&view, &weth, KEEPER, world.router).await
    );
}

#[tokio::test]
async fn a_batch_sees_the_views_block_and_not_a_later_one() {
    let anvil = anvil_or_skip!();
    let view = client(&anvil.url()).view().await.unwrap();
    let (account, native) = (DEV_ACCOUNTS[1], ether());
    let before = anvil.balance(account).await.unwrap();
    anvil
        .must_send(account, DEV_ACCOUNTS[2], U256::from(7), &[])
        .await
        .unwrap();
    let asked = [(account, &native), (DEV_ACCOUNTS[2], &native)];
    assert_eq!(read_balances(&view, &asked).await[0], Ok(before));
}

/// The claim of the next two tests.
async fn each_hostile_contract_fails_alone(client: &ChainClient, token: Address, owner: Address) {
    let view: View = client.view().await.unwrap();
    let reason: Bytes = Revert::from(REASON).abi_encode().into();
    let queries = [
        balance_of(token, owner),
        balance_of(BURNER.0, owner),
        balance_of(BOMB.0, owner),
        balance_of(INVALID.0, owner),
        Query::Call {
            to: ECHO.0,
            data: [&[0; 4][..], &reason].concat().into(),
            limit: 32,
        },
        balance_of(NOTHING, owner),
        Query::Balance(owner),
        balance_of(token, owner),
    ];
    let answers = read_batch(&view, &queries).await;
    assert_eq!(client.batching(), Batching::Together);
    let amount = token_balance(&view, &erc20(token), owner).await.unwrap();
    assert!(!amount.is_zero());
    for place in [0, 7] {
        assert_eq!(answers[place], Ok(amount.abi_encode().into()), "{place}");
    }
    for place in [1, 3] {
        assert!(
            matches!(&answers[place], Err(ReadError::Reverted { reason, .. })
                if reason.contains("1000000 gas")),
            "{:?}",
            answers[place]
        );
    }
    assert!(
        matches!(&answers[2], Err(ReadError::Unexpected { detail, .. })
            if detail.contains("65535 bytes, at most 32")),
        "{:?}",
        answers[2]
    );
    assert_eq!(
        answers[4],
        Err(ReadError::Reverted {
            to: ECHO.0,
            reason: REASON.to_owned()
        })
    );
    assert_eq!(answers[5], Ok(Bytes::new()));
    let wei = view.native_balance(owner).await.unwrap();
    assert_eq!(answers[6], Ok(wei.abi_encode().into()));

    // What it costs to be burned 60 times is more than one call may use.
    let mut queries = vec![balance_of(BURNER.0, owner); 60];
    queries.push(balance_of(token, owner));
    let answers = read_batch(&view, &queries).await;
    assert_eq!(answers[60], Ok(amount.abi_encode().into()));
    assert!(
        answers[..60]
            .iter()
            .all(|answer| matches!(answer, Err(ReadError::Reverted { .. })))
    );
    assert_eq!(client.batching(), Batching::Together);

    // A token without a contract is no zero.
    let (nowhere, token) = (erc20(NOTHING), erc20(token));
    let amounts = read_balances(&view, &[(owner, &nowhere), (owner, &token)]).await;
    assert!(
        matches!(&amounts[0], Err(ReadError::Unexpected { detail, .. })
        if detail.contains("is there a contract?"))
    );
    assert_eq!(amounts[1], Ok(amount));
}

#[tokio::test]
async fn on_anvil_each_hostile_contract_fails_alone() {
    for hardfork in ["cancun", "osaka"] {
        let anvil = anvil_or_skip!(AnvilOptions {
            hardfork: hardfork.to_owned(),
            ..AnvilOptions::default()
        });
        for (address, code) in HOSTILE {
            let code = Bytes::copy_from_slice(code);
            anvil.set_code(address, &code).await.unwrap();
        }
        let arguments = ("Token".to_owned(), "TKN".to_owned(), U256::from(18)).abi_encode_params();
        let token = anvil.deploy(&code("DemoToken"), &arguments).await.unwrap();
        let mint = (KEEPER, U256::from(5)).abi_encode();
        let data = [&hex!("40c10f19")[..], &mint].concat();
        anvil
            .must_send(KEEPER, token, U256::ZERO, &data)
            .await
            .unwrap();
        each_hostile_contract_fails_alone(&client(&anvil.url()), token, KEEPER).await;
    }
}

#[tokio::test]
async fn on_the_paper_chain_a_batch_is_one_call_too() {
    let paper = PaperChain::new(PaperConfig::new(
        CHAIN,
        Timestamp::from_unix_seconds(1_700_000_000),
    ));
    paper
        .set_balance(KEEPER, U256::from(10).pow(U256::from(18)))
        .unwrap();
    let arguments = ("Token".to_owned(), "TKN".to_owned(), U256::from(18)).abi_encode_params();
    let creation = [code("DemoToken").as_ref(), &arguments].concat();
    let token = paper.deploy(KEEPER, creation.into()).unwrap();
    let mint = (KEEPER, U256::from(5)).abi_encode();
    let data = [&hex!("40c10f19")[..], &mint].concat();
    paper
        .transact(KEEPER, token, U256::ZERO, data.into())
        .unwrap();
    let client = ChainClient::from_rpc(CHAIN, paper.client());
    let view = client.view().await.unwrap();
    let (erc20, native) = (erc20(token), ether());
    let asked = [(KEEPER, &erc20), (NOTHING, &erc20), (KEEPER, &native)];
    let amounts = read_balances(&view, &asked).await;
    assert_eq!(client.batching(), Batching::Together);
    assert_eq!(amounts[0], Ok(U256::from(5)));
    assert_eq!(amounts[1], Ok(U256::ZERO));
    assert_eq!(amounts[2], view.native_balance(KEEPER).await);
}

#[tokio::test]
async fn a_thousand_reads_are_a_few_calls() {
    let anvil = anvil_or_skip!();
    let arguments = ("Token".to_owned(), "TKN".to_owned(), U256::from(18)).abi_encode_params();
    let token = anvil.deploy(&code("DemoToken"), &arguments).await.unwrap();
    let proxy = FaultProxy::start(anvil.address()).unwrap();
    let view = client(&proxy.url()).view().await.unwrap();
    let queries: Vec<Query> = (0..1_000u64)
        .map(|index| balance_of(token, Address::left_padding_from(&index.to_be_bytes())))
        .collect();
    let answers = read_batch(&view, &queries).await;
    assert!(
        answers
            .iter()
            .all(|answer| *answer == Ok(vec![0; 32].into()))
    );
    assert_eq!(proxy.calls("eth_call"), 14);
}

#[tokio::test]
async fn an_endpoint_that_refuses_batches_is_asked_one_by_one_from_then_on() {
    let anvil = anvil_or_skip!();
    let arguments = ("Token".to_owned(), "TKN".to_owned(), U256::from(18)).abi_encode_params();
    let token = anvil.deploy(&code("DemoToken"), &arguments).await.unwrap();
    let proxy = FaultProxy::start(anvil.address()).unwrap();
    let client = client(&proxy.url());
    let view = client.view().await.unwrap();
    let refusal = Fault::Error {
        code: -32_602,
        message: "missing field `to`".to_owned(),
    };
    let queries = vec![balance_of(token, KEEPER); 3];

    // While single reads fail as well, nothing is learned about batches.
    proxy.inject("eth_call", refusal.clone(), 4);
    let answers = read_batch(&view, &queries).await;
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Err(ReadError::Unreachable(_))))
    );
    assert_eq!(client.batching(), Batching::Together);

    proxy.inject("eth_call", refusal, 1);
    let answers = read_batch(&view, &queries).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let Batching::OneByOne { reason } = client.clone().batching() else {
        panic!("not remembered");
    };
    assert!(reason.contains("missing field `to`"), "{reason}");
    let calls = proxy.calls("eth_call");
    let answers = read_batch(&view, &queries).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(proxy.calls("eth_call"), calls + 3);
}

#[tokio::test]
async fn a_silent_endpoint_is_not_asked_for_every_read() {
    let anvil = anvil_or_skip!();
    let proxy = FaultProxy::start(anvil.address()).unwrap();
    let client = client(&proxy.url());
    let view = client.view().await.unwrap();
    proxy.inject_always("eth_call", Fault::bad_gateway());
    let queries = vec![balance_of(KEEPER, KEEPER); 20];
    let answers = read_batch(&view, &queries).await;
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Err(ReadError::Unreachable(_))))
    );
    assert_eq!(proxy.calls("eth_call"), 1);
    assert_eq!(client.batching(), Batching::Together);
}
