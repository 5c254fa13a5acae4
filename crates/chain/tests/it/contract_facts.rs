//! Facts about OpenZeppelin's proxies, before and after they are changed.

use airdrops_chain::{ChainClient, ReadError, View, read_facts};
use airdrops_testkit::{Anvil, DEV_ACCOUNTS, Fault, FaultProxy, anvil_or_skip, npm};
use airdrops_types::{Address, B256, Bytes, ContractFacts, U256};
use alloy::primitives::keccak256;
use alloy::sol_types::SolValue as _;

use crate::ground::{KEEPER, client, code, tell};

mod abi {
    alloy::sol! {
        function upgrade(address proxy, address implementation) external;
        function upgradeTo(address implementation) external;
        function transferOwnership(address owner) external;
        function pause() external;
    }
}

async fn deploy(anvil: &Anvil, contract: &str, arguments: &[u8]) -> Address {
    let path = format!("@openzeppelin/contracts/build/contracts/{contract}.json");
    let code = npm::ensure().unwrap().artifact(&path).unwrap().bytecode;
    anvil.deploy(&code, arguments).await.unwrap()
}

async fn token(anvil: &Anvil) -> Address {
    let arguments = ("Token".to_owned(), "TKN".to_owned()).abi_encode_params();
    deploy(anvil, "ERC20PresetMinterPauser", &arguments).await
}

async fn implementation(anvil: &Anvil, version: u64) -> Address {
    let arguments = U256::from(version).abi_encode();
    anvil
        .deploy(&code("DemoUpgradeable"), &arguments)
        .await
        .unwrap()
}

async fn facts(client: &ChainClient, contract: Address) -> ContractFacts {
    read_facts(&client.view().await.unwrap(), contract)
        .await
        .unwrap()
}

async fn hash(anvil: &Anvil, contract: Address) -> B256 {
    keccak256(anvil.code(contract).await.unwrap())
}

#[tokio::test]
async fn an_upgrade_of_a_transparent_proxy_changes_its_facts_and_not_those_of_the_block_before() {
    let anvil = anvil_or_skip!();
    let client = client(&anvil.url());
    let (old, new) = (token(&anvil).await, implementation(&anvil, 2).await);
    let admin = deploy(&anvil, "ProxyAdmin", &[]).await;
    let arguments = (old, admin, Bytes::new()).abi_encode_params();
    let proxy = deploy(&anvil, "TransparentUpgradeableProxy", &arguments).await;
    let view: View = client.view().await.unwrap();
    let before = read_facts(&view, proxy).await.unwrap();
    assert_eq!(
        before,
        ContractFacts {
            code_hash: hash(&anvil, proxy).await,
            implementation: Some(old),
            implementation_code_hash: Some(hash(&anvil, old).await),
            admin: Some(admin),
            beacon: None,
            owner: None,
            paused: Some(false),
        }
    );
    let upgrade = abi::upgradeCall {
        proxy,
        implementation: new,
    };
    tell(&anvil, admin, &upgrade).await;
    let after = facts(&client, proxy).await;
    assert_eq!(after.implementation, Some(new));
    assert_eq!(
        after.implementation_code_hash,
        Some(hash(&anvil, new).await)
    );
    assert_eq!((after.admin, after.paused), (Some(admin), None));
    assert_eq!(read_facts(&view, proxy).await.unwrap(), before);
}

#[tokio::test]
async fn an_implementation_that_upgrades_itself_is_seen() {
    let anvil = anvil_or_skip!();
    let client = client(&anvil.url());
    let old = implementation(&anvil, 1).await;
    let new = implementation(&anvil, 2).await;
    let arguments = (old, Bytes::new()).abi_encode_params();
    let proxy = deploy(&anvil, "ERC1967Proxy", &arguments).await;
    let before = facts(&client, proxy).await;
    assert_eq!(before.implementation, Some(old));
    let upgrade = abi::upgradeToCall {
        implementation: new,
    };
    tell(&anvil, proxy, &upgrade).await;
    let after = facts(&client, proxy).await;
    assert_eq!(after.implementation, Some(new));
    assert_ne!(
        after.implementation_code_hash,
        before.implementation_code_hash
    );
    assert_eq!(after.code_hash, before.code_hash);
}

#[tokio::test]
async fn an_upgrade_of_the_beacon_is_seen_behind_it() {
    let anvil = anvil_or_skip!();
    let client = client(&anvil.url());
    let old = implementation(&anvil, 1).await;
    let new = implementation(&anvil, 2).await;
    let beacon = deploy(&anvil, "UpgradeableBeacon", &old.abi_encode()).await;
    let arguments = (beacon, Bytes::new()).abi_encode_params();
    let proxy = deploy(&anvil, "BeaconProxy", &arguments).await;
    let before = facts(&client, proxy).await;
    assert_eq!(before.beacon, Some(beacon));
    assert_eq!(before.implementation, Some(old));
    let upgrade = abi::upgradeToCall {
        implementation: new,
    };
    tell(&anvil, beacon, &upgrade).await;
    let after = facts(&client, proxy).await;
    assert_eq!(after.implementation, Some(new));
    assert_eq!(
        after.implementation_code_hash,
        Some(hash(&anvil, new).await)
    );
    assert_eq!(facts(&client, beacon).await.owner, Some(KEEPER));
    let owner = DEV_ACCOUNTS[3];
    tell(&anvil, beacon, &abi::transferOwnershipCall { owner }).await;
    assert_eq!(facts(&client, beacon).await.owner, Some(owner));
}

#[tokio::test]
async fn a_pause_is_seen_and_an_account_without_code_has_no_facts_but_its_hash() {
    let anvil = anvil_or_skip!();
    let client = client(&anvil.url());
    let token = token(&anvil).await;
    assert_eq!(facts(&client, token).await.paused, Some(false));
    tell(&anvil, token, &abi::pauseCall {}).await;
    assert_eq!(facts(&client, token).await.paused, Some(true));
    let nothing = facts(&client, Address::repeat_byte(0x99)).await;
    assert_eq!(
        nothing,
        ContractFacts {
            code_hash: keccak256([]),
            implementation: None,
            implementation_code_hash: None,
            admin: None,
            beacon: None,
            owner: None,
            paused: None,
        }
    );
}

#[tokio::test]
async fn what_could_not_be_read_is_an_error_and_never_absent() {
    let anvil = anvil_or_skip!();
    let token = token(&anvil).await;
    let proxy = FaultProxy::start(anvil.address()).unwrap();
    let view = client(&proxy.url()).view().await.unwrap();
    for method in ["eth_getCode", "eth_getStorageAt", "eth_call"] {
        for fault in [
            Fault::bad_gateway(),
            Fault::Error {
                code: -32_000,
                message: "header not found".to_owned(),
            },
            Fault::Result(serde_json::json!(7)),
        ] {
            proxy.inject_always(method, fault.clone());
            let facts = read_facts(&view, token).await;
            assert!(
                matches!(
                    facts,
                    Err(ReadError::Unreachable(_) | ReadError::Malformed { .. })
                ),
                "{method} {fault:?}: {facts:?}"
            );
            proxy.heal();
        }
    }
    assert!(read_facts(&view, token).await.is_ok());
}
