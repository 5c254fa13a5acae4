use airdrops_chain::{ChainRead as _, EndpointError, ReadError, read_feeds, token_balance};
use airdrops_types::{Address, B256, ChainId, Price, Timestamp, U256};
use alloy::sol_types::{Revert, SolError as _, SolValue as _};
use serde_json::json;

use crate::node::{BASE_FEE, CHAIN, Node};
use crate::permits::{native, token, wallet};

const FEED: Address = Address::repeat_byte(0xfe);
const DECIMALS: [u8; 4] = [0x31, 0x3c, 0xe5, 0x67];
const LATEST_ROUND: [u8; 4] = [0xfe, 0xaf, 0x96, 0x8c];

fn round(answer: U256, updated_at: u64) -> serde_json::Value {
    let words = (
        U256::from(1),
        answer,
        U256::ZERO,
        U256::from(updated_at),
        U256::from(1),
    );
    json!(alloy::primitives::Bytes::from(words.abi_encode()))
}

#[tokio::test]
async fn the_endpoint_must_serve_the_configured_chain() {
    let node = Node::new(wallet());
    node.client().verify_chain_id().await.unwrap();
    node.world().chain_id = Some(1);
    assert_eq!(
        node.client().verify_chain_id().await.unwrap_err(),
        EndpointError::WrongChain {
            expected: CHAIN,
            found: ChainId(1)
        }
    );
}

#[tokio::test]
async fn head_base_fee_and_balances_are_read_at_the_views_block() {
    let node = Node::new(wallet());
    let client = node.client();
    let head = client.head().await.unwrap();
    assert_eq!(head.number, 3);
    assert_eq!(client.next_base_fee().await.unwrap(), BASE_FEE);
    assert_eq!(client.canonical_hash(3).await.unwrap(), Some(head.hash));
    assert_eq!(client.canonical_hash(4).await.unwrap(), None);
    let view = client.view().await.unwrap();
    node.mine(5);
    assert_eq!(view.block(), head);
    let balance = token_balance(&view, &native(), wallet()).await.unwrap();
    assert_eq!(balance, U256::from(10_000_000_000_000_000_000u128));
    assert_eq!(
        token_balance(&view, &token(), wallet()).await.unwrap(),
        U256::ZERO
    );
}

#[tokio::test]
async fn a_token_without_a_contract_behind_it_is_an_error_and_not_zero() {
    let node = Node::new(wallet());
    let view = node.client().view().await.unwrap();
    let mut missing = token();
    missing.contract = Some(Address::repeat_byte(0x99));
    assert!(matches!(
        token_balance(&view, &missing, wallet()).await,
        Err(ReadError::Unexpected { .. })
    ));
    missing.chain = ChainId(1);
    assert!(matches!(
        token_balance(&view, &missing, wallet()).await,
        Err(ReadError::Unexpected { .. })
    ));
}

#[tokio::test]
async fn reverts_are_decoded_and_told_apart_from_node_errors() {
    let node = Node::new(wallet());
    let view = node.client().view().await.unwrap();
    let data = Revert::from("paused").abi_encode();
    let error = json!({
        "code": 3,
        "message": "execution reverted",
        "data": alloy::primitives::Bytes::from(data),
    });
    node.world().calls.insert(DECIMALS, error);
    let answer = view.call(FEED, DECIMALS.into()).await;
    assert_eq!(
        answer,
        Err(ReadError::Reverted {
            to: FEED,
            reason: "paused".to_owned()
        })
    );
    let error = json!({"code": -32000, "message": "header not found"});
    node.world().calls.insert(DECIMALS, error);
    assert!(matches!(
        view.call(FEED, DECIMALS.into()).await,
        Err(ReadError::Unreachable(_))
    ));
}

#[tokio::test]
async fn a_feed_gives_price_and_time_and_nothing_without_a_positive_answer() {
    let node = Node::new(wallet());
    let view = node.client().view().await.unwrap();
    let decimals = json!(B256::from(U256::from(8)));
    node.world().calls.insert(DECIMALS, decimals);
    let answer = round(U256::from(200_000_000_000u64), 1_700_000_000);
    node.world().calls.insert(LATEST_ROUND, answer);
    let said = read_feeds(&view, &[FEED]).await.remove(0).unwrap();
    assert_eq!(said.price, Price(2000 * Price::SCALE));
    assert_eq!(said.updated, Timestamp::from_unix_seconds(1_700_000_000));
    assert_eq!(said.at_bound, None);
    // The view's block is of 1,700,000,036.
    for (answer, updated) in [
        (U256::ZERO, 1),
        (U256::MAX, 1),
        (U256::from(1), 0),
        (U256::from(1), 1_700_000_037),
    ] {
        node.world()
            .calls
            .insert(LATEST_ROUND, round(answer, updated));
        assert!(
            matches!(
                read_feeds(&view, &[FEED]).await[0],
                Err(ReadError::Unexpected { .. })
            ),
            "{answer} at {updated}"
        );
    }
}
