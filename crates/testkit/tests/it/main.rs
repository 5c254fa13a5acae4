//! The claims of the test kit, on a real local chain with real contracts.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod chain;
mod keystore;
mod owner;
mod packages;
mod process;
mod proxy;
mod skipping;
mod world;

use airdrops_testkit::anvil::TEST_WALLET_KEY;
use airdrops_testkit::primitives::{Bytes, U256};
use airdrops_testkit::{Anvil, DEV_ACCOUNTS};
use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::Encodable2718;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;

/// A signed transfer of one wei from the test wallet; `tip` in wei per gas.
fn signed_transfer(anvil: &Anvil, nonce: u64, tip: u128) -> Bytes {
    let transaction = TxEip1559 {
        chain_id: anvil.chain_id(),
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 10_000_000_000,
        max_priority_fee_per_gas: tip,
        to: DEV_ACCOUNTS[1].into(),
        value: U256::from(1),
        ..TxEip1559::default()
    };
    let signer = PrivateKeySigner::from_bytes(&TEST_WALLET_KEY).unwrap();
    let signature = signer
        .sign_hash_sync(&transaction.signature_hash())
        .unwrap();
    TxEnvelope::from(transaction.into_signed(signature))
        .encoded_2718()
        .into()
}
