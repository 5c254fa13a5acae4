//! The local chain and what a test does to it.

use std::time::Duration;

use airdrops_testkit::primitives::{Address, Bytes, U256, address, keccak256};
use airdrops_testkit::{Anvil, AnvilOptions, DEV_ACCOUNTS, Mining, Rpc, StartError, anvil_or_skip};
use serde_json::json;

use crate::signed_transfer;

const STRANGER: Address = address!("00000000000000000000000000000000000a11ce");

#[tokio::test]
async fn chain_answers_with_its_id_and_ends_when_dropped() {
    let anvil = anvil_or_skip!(AnvilOptions::with_chain_id(4242));
    let rpc: Rpc = anvil.client();
    assert_eq!(
        rpc.request("eth_chainId", json!([])).await.unwrap(),
        json!("0x1092")
    );
    drop(anvil);
    assert!(rpc.request("eth_chainId", json!([])).await.is_err());
}

#[tokio::test]
async fn wrong_option_is_reported_with_what_anvil_said() {
    let _probe = anvil_or_skip!();
    let error = Anvil::start(AnvilOptions {
        hardfork: "no-such-fork".to_owned(),
        ..AnvilOptions::default()
    })
    .await
    .unwrap_err();
    assert!(
        matches!(&error, StartError::NotListening(text) if text.contains("no-such-fork")),
        "{error}"
    );
}

#[tokio::test]
async fn options_reach_the_chain() {
    let anvil = anvil_or_skip!(AnvilOptions {
        balance_ether: 7,
        base_fee: Some(3_000_000_000),
        genesis_time: Some(2_000_000_000),
        slots_in_an_epoch: 1,
        ..AnvilOptions::default()
    });
    let ether = U256::from(10).pow(U256::from(18));
    assert_eq!(
        anvil.balance(DEV_ACCOUNTS[9]).await.unwrap(),
        U256::from(7) * ether
    );
    let genesis = anvil
        .rpc("eth_getBlockByNumber", json!(["0x0", false]))
        .await
        .unwrap();
    assert_eq!(genesis["baseFeePerGas"], json!("0xb2d05e00"));
    assert_eq!(genesis["timestamp"], json!("0x77359400"));
    anvil.mine(10).await.unwrap();
    let finalized = anvil
        .rpc("eth_getBlockByNumber", json!(["finalized", false]))
        .await
        .unwrap();
    assert_eq!(finalized["number"], json!("0x8"));
}

#[tokio::test]
async fn any_account_sends_without_its_key_once_it_has_a_balance() {
    let anvil = anvil_or_skip!();
    assert!(
        anvil
            .send_unlocked(STRANGER, DEV_ACCOUNTS[1], U256::from(5), &[])
            .await
            .is_err()
    );
    anvil
        .set_balance(STRANGER, U256::from(10).pow(U256::from(18)))
        .await
        .unwrap();
    let before = anvil.balance(DEV_ACCOUNTS[1]).await.unwrap();
    let receipt = anvil
        .must_send(STRANGER, DEV_ACCOUNTS[1], U256::from(5), &[])
        .await
        .unwrap();
    assert_eq!(receipt.from, STRANGER);
    assert_eq!(
        anvil.balance(DEV_ACCOUNTS[1]).await.unwrap() - before,
        U256::from(5)
    );
    assert_eq!(anvil.nonce(STRANGER).await.unwrap(), 1);
}

#[tokio::test]
async fn manual_mining_holds_transactions_until_a_block_or_a_drop() {
    let anvil = anvil_or_skip!(AnvilOptions {
        mining: Mining::Manual,
        ..AnvilOptions::default()
    });
    let [a, b, ..] = DEV_ACCOUNTS;
    let kept = anvil
        .submit_unlocked(a, Some(b), U256::from(1), &[])
        .await
        .unwrap();
    let dropped = anvil
        .submit_unlocked(b, Some(a), U256::from(1), &[])
        .await
        .unwrap();
    assert!(anvil.receipt(kept).await.unwrap().is_none());
    assert!(anvil.drop_transaction(dropped).await.unwrap());
    assert!(!anvil.drop_transaction(dropped).await.unwrap());
    anvil.mine(1).await.unwrap();
    assert_eq!(
        anvil.wait_for_receipt(kept).await.unwrap().block_number,
        Some(1)
    );
    assert!(anvil.receipt(dropped).await.unwrap().is_none());
    anvil.set_automine(true).await.unwrap();
    anvil.must_send(b, a, U256::from(1), &[]).await.unwrap();
}

#[tokio::test]
async fn interval_mining_makes_blocks_by_itself() {
    let anvil = anvil_or_skip!(AnvilOptions {
        mining: Mining::Interval(Duration::from_secs(1)),
        ..AnvilOptions::default()
    });
    let hash = anvil
        .submit_unlocked(DEV_ACCOUNTS[0], Some(DEV_ACCOUNTS[1]), U256::from(1), &[])
        .await
        .unwrap();
    assert!(anvil.wait_for_receipt(hash).await.unwrap().status());
}

#[tokio::test]
async fn reorg_removes_transactions_and_rolls_the_nonce_back() {
    let anvil = anvil_or_skip!();
    let [a, b, ..] = DEV_ACCOUNTS;
    let receipt = anvil.must_send(a, b, U256::from(1), &[]).await.unwrap();
    anvil.mine(1).await.unwrap();
    let (old, _) = anvil.block(1).await.unwrap();
    assert_eq!(receipt.block_hash, Some(old));
    anvil.reorg(2).await.unwrap();
    assert_eq!(anvil.block_number().await.unwrap(), 2);
    assert_ne!(anvil.block(1).await.unwrap().0, old);
    assert!(
        anvil
            .receipt(receipt.transaction_hash)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(anvil.nonce(a).await.unwrap(), 0);
    assert!(anvil.reorg(3).await.is_err());
}

#[tokio::test]
async fn snapshot_brings_state_back_once() {
    let anvil = anvil_or_skip!();
    let snapshot = anvil.snapshot().await.unwrap();
    anvil.set_balance(STRANGER, U256::from(9)).await.unwrap();
    anvil.set_nonce(STRANGER, 4).await.unwrap();
    anvil.mine(2).await.unwrap();
    assert_eq!(anvil.nonce(STRANGER).await.unwrap(), 4);
    anvil.revert(snapshot.clone()).await.unwrap();
    assert_eq!(anvil.balance(STRANGER).await.unwrap(), U256::ZERO);
    assert_eq!(anvil.block_number().await.unwrap(), 0);
    assert!(anvil.revert(snapshot).await.is_err());
}

#[tokio::test]
async fn time_and_base_fee_move_as_told() {
    let anvil = anvil_or_skip!(AnvilOptions {
        genesis_time: Some(2_000_000_000),
        ..AnvilOptions::default()
    });
    anvil
        .increase_time(Duration::from_secs(86_400))
        .await
        .unwrap();
    assert!(anvil.block(1).await.unwrap().1 >= 2_000_086_400);
    anvil.set_next_block_time(2_100_000_000).await.unwrap();
    anvil.set_next_base_fee(77_000_000_000).await.unwrap();
    anvil.mine(1).await.unwrap();
    assert_eq!(anvil.block(2).await.unwrap().1, 2_100_000_000);
    let block = anvil
        .rpc("eth_getBlockByNumber", json!(["0x2", false]))
        .await
        .unwrap();
    assert_eq!(block["baseFeePerGas"], json!("0x11ed8ec200"));
}

#[tokio::test]
async fn state_file_carries_a_chain_over_to_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let options = AnvilOptions {
        state: Some(folder.path().join("state.json")),
        ..AnvilOptions::default()
    };
    let first = anvil_or_skip!(options.clone());
    first.set_balance(STRANGER, U256::from(123)).await.unwrap();
    first.mine(3).await.unwrap();
    first.stop().unwrap();
    let second = Anvil::start(options).await.unwrap();
    assert_eq!(second.balance(STRANGER).await.unwrap(), U256::from(123));
    assert_eq!(second.block_number().await.unwrap(), 3);
}

#[tokio::test]
async fn reorg_can_put_a_transaction_into_another_block() {
    let anvil = anvil_or_skip!();
    let raw = signed_transfer(&anvil, 0, 1);
    anvil
        .rpc("eth_sendRawTransaction", json!([raw]))
        .await
        .unwrap();
    let before = anvil.wait_for_receipt(keccak256(&raw)).await.unwrap();
    assert_eq!(before.block_number, Some(1));
    anvil.mine(2).await.unwrap();
    anvil.reorg_with(3, &[(raw.clone(), 1)]).await.unwrap();
    let after = anvil.wait_for_receipt(keccak256(&raw)).await.unwrap();
    assert_eq!(after.block_number, Some(2));
    assert_ne!(after.block_hash, before.block_hash);
}

#[tokio::test]
async fn fork_starts_from_the_other_chains_state_and_leaves_it_alone() {
    let origin = anvil_or_skip!();
    let code = Bytes::from_static(&[0x60, 0x00]);
    origin.set_code(STRANGER, &code).await.unwrap();
    origin.mine(1).await.unwrap();
    let fork = anvil_or_skip!(AnvilOptions {
        fork_url: Some(origin.url()),
        ..AnvilOptions::default()
    });
    assert_eq!(fork.code(STRANGER).await.unwrap(), code);
    fork.set_balance(STRANGER, U256::from(1)).await.unwrap();
    assert_eq!(origin.balance(STRANGER).await.unwrap(), U256::ZERO);
}
