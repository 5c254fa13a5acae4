//! Clients of local chains, and our own compiled contracts.

use std::time::Duration;

use airdrops_chain::{ChainClient, RpcUrl};
use airdrops_testkit::{Anvil, DEV_ACCOUNTS};
use airdrops_types::U256;
use airdrops_types::{Address, AssetId, Bytes, ChainId, Token};
use alloy::sol_types::SolCall;

pub(crate) const CHAIN: ChainId = ChainId(31_337);
pub(crate) const KEEPER: Address = DEV_ACCOUNTS[0];

pub(crate) fn client(url: &str) -> ChainClient {
    let url = RpcUrl::parse(url).unwrap();
    ChainClient::http(CHAIN, &url, Duration::from_secs(30)).unwrap()
}

/// Creation code of one of our contracts.
pub(crate) fn code(contract: &str) -> Bytes {
    let path = format!(
        "{}/../../contracts/artifacts/{contract}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let artifact: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    artifact["bytecode"].as_str().unwrap().parse().unwrap()
}

pub(crate) fn erc20(contract: Address) -> Token {
    Token {
        contract: Some(contract),
        ..ether()
    }
}

pub(crate) fn ether() -> Token {
    Token {
        chain: CHAIN,
        contract: None,
        asset: AssetId::new("ETH"),
        decimals: 18,
    }
}

pub(crate) async fn tell<C: SolCall>(anvil: &Anvil, to: Address, call: &C) {
    anvil
        .must_send(KEEPER, to, U256::ZERO, &call.abi_encode())
        .await
        .unwrap();
}
