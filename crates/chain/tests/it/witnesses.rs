//! A second endpoint that is asked whether the first tells the truth.

use std::time::Duration;

use airdrops_chain::{ChainClient, EndpointError, Witness};
use airdrops_testkit::{AnvilOptions, Fault, FaultProxy, anvil_or_skip};
use airdrops_types::{BlockRef, ChainId, Reading};

use crate::ground::client;

fn witness(url: &str, required: bool) -> Witness {
    Witness {
        client: client(url),
        depth: 2,
        max_lead: 5,
        required,
    }
}

async fn head(client: &ChainClient) -> Reading<BlockRef> {
    let head = client.head().await.unwrap();
    Reading::aged(head, head.time, head.time, Duration::from_secs(60))
}

#[tokio::test]
async fn a_witness_that_agrees_leaves_the_head_fresh() {
    let anvil = anvil_or_skip!();
    anvil.mine(10).await.unwrap();
    let client = client(&anvil.url())
        .with_witness(witness(&anvil.url(), true))
        .unwrap();
    client.verify_chain_id().await.unwrap();
    let told = head(&client).await;
    assert_eq!(client.attest(told.clone()).await, (told, None));
    let missing: Reading<BlockRef> = Reading::missing("dead");
    assert_eq!(client.attest(missing.clone()).await, (missing, None));
}

#[tokio::test]
async fn a_witness_on_another_fork_makes_the_head_stale_and_names_both_hashes() {
    let anvil = anvil_or_skip!();
    let other = anvil_or_skip!(AnvilOptions {
        genesis_time: Some(1_600_000_000),
        ..AnvilOptions::default()
    });
    anvil.mine(10).await.unwrap();
    other.mine(10).await.unwrap();
    let client = client(&anvil.url())
        .with_witness(witness(&other.url(), false))
        .unwrap();
    let (judged, defect) = client.attest(head(&client).await).await;
    assert_eq!(defect, None);
    let Reading::Stale { reason, .. } = judged else {
        panic!("{judged:?}");
    };
    for chain in [&anvil, &other] {
        let hash = chain.block(8).await.unwrap().0.to_string();
        assert!(reason.contains(&hash), "{reason}");
    }
    assert!(!reason.contains("127.0.0.1"), "{reason}");
}

#[tokio::test]
async fn an_endpoint_far_behind_its_witness_is_stale_and_one_a_little_behind_is_not() {
    let anvil = anvil_or_skip!();
    anvil.mine(10).await.unwrap();
    let client = client(&anvil.url())
        .with_witness(witness(&anvil.url(), false))
        .unwrap();
    let told = head(&client).await;
    anvil.mine(5).await.unwrap();
    assert_eq!(client.attest(told.clone()).await, (told.clone(), None));
    anvil.mine(1).await.unwrap();
    let (judged, _) = client.attest(told).await;
    assert!(
        judged
            .defect()
            .unwrap()
            .contains("block 10, the witness endpoint at block 16"),
        "{judged:?}"
    );
}

#[tokio::test]
async fn a_dead_or_lagging_witness_is_a_defect_and_stops_only_where_it_is_required() {
    let anvil = anvil_or_skip!();
    let behind = anvil_or_skip!();
    anvil.mine(10).await.unwrap();
    let proxy = FaultProxy::start(anvil.address()).unwrap();
    proxy.inject_always(FaultProxy::ANY, Fault::bad_gateway());
    for url in [proxy.url(), behind.url()] {
        for required in [false, true] {
            let client = client(&anvil.url())
                .with_witness(witness(&url, required))
                .unwrap();
            let (judged, defect) = client.attest(head(&client).await).await;
            assert!(defect.unwrap().contains("the witness endpoint"));
            assert_eq!(judged.fresh().is_none(), required, "{judged:?}");
        }
    }
    let connect = async |required| {
        let client = client(&anvil.url());
        let client = client
            .with_witness(witness(&proxy.url(), required))
            .unwrap();
        client.verify_chain_id().await
    };
    assert_eq!(connect(false).await, Ok(()));
    assert!(matches!(connect(true).await, Err(EndpointError::Read(_))));
}

#[tokio::test]
async fn a_witness_of_another_chain_is_refused() {
    let anvil = anvil_or_skip!();
    let proxy = FaultProxy::start(anvil.address()).unwrap();
    proxy.inject_always("eth_chainId", Fault::chain_id(1));
    let told = client(&anvil.url()).with_witness(witness(&proxy.url(), false));
    let wrong = EndpointError::WrongWitness {
        expected: ChainId(31_337),
        found: ChainId(1),
    };
    assert_eq!(told.unwrap().verify_chain_id().await, Err(wrong.clone()));
    let url = airdrops_chain::RpcUrl::parse(&anvil.url()).unwrap();
    let meant = ChainClient::http(ChainId(1), &url, Duration::from_secs(5)).unwrap();
    let witness = Witness {
        client: meant,
        ..witness(&anvil.url(), false)
    };
    let refused = client(&anvil.url()).with_witness(witness);
    assert_eq!(refused.unwrap_err(), wrong);
}
