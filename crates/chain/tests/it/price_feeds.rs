//! Price feeds and the uptime feed, with Chainlink's own contracts and a feed with bounds.

use std::time::Duration;

use airdrops_chain::{ReadError, UPTIME_GRACE, Uptime, read_feeds, read_uptime};
use airdrops_testkit::contracts::Feed;
use airdrops_testkit::{Anvil, AnvilOptions, Fault, FaultProxy, anvil_or_skip, npm};
use airdrops_types::{Address, I256, Price, Timestamp, U256};
use alloy::sol_types::SolValue as _;

use crate::ground::{client, code, tell};

const GENESIS: u64 = 1_700_000_000;
const HOUR: Duration = Duration::from_secs(3_600);

mod abi {
    alloy::sol! {
        function set(int256 answer, uint256 updatedAt) external;
    }
}

fn options() -> AnvilOptions {
    AnvilOptions {
        genesis_time: Some(GENESIS),
        ..AnvilOptions::default()
    }
}

async fn mock(anvil: &Anvil, decimals: u8, answer: u64) -> Address {
    let path = "@chainlink/abi/v0.7/tests/MockV3Aggregator.json";
    let code = npm::ensure().unwrap().artifact(path).unwrap().bytecode;
    let arguments = (U256::from(decimals), U256::from(answer)).abi_encode_params();
    anvil.deploy(&code, &arguments).await.unwrap()
}

async fn now(anvil: &Anvil) -> u64 {
    let number = anvil.block_number().await.unwrap();
    anvil.block(number).await.unwrap().1
}

#[tokio::test]
async fn many_feeds_are_two_calls_and_a_broken_one_fails_alone() {
    let anvil = anvil_or_skip!(options());
    let plain = mock(&anvil, 8, 200_000_000_000).await;
    let path = "@chainlink/abi/v0.6/EACAggregatorProxy.json";
    let creation = npm::ensure().unwrap().artifact(path).unwrap().bytecode;
    let arguments = (plain, Address::ZERO).abi_encode_params();
    let proxied = anvil.deploy(&creation, &arguments).await.unwrap();
    let negative = mock(&anvil, 8, 1).await;
    let update = Feed::updateAnswerCall {
        answer: I256::MINUS_ONE,
    };
    tell(&anvil, negative, &update).await;
    let proxy = FaultProxy::start(anvil.address()).unwrap();
    let view = client(&proxy.url()).view().await.unwrap();
    let nothing = Address::repeat_byte(0x99);
    let said = read_feeds(&view, &[plain, nothing, negative, proxied]).await;
    assert_eq!(proxy.calls("eth_call"), 2);
    for place in [0, 3] {
        let said = said[place].as_ref().unwrap();
        assert_eq!(said.price, Price(2_000 * Price::SCALE), "{place}");
        assert_eq!(said.at_bound, None);
    }
    for place in [1, 2] {
        assert!(matches!(said[place], Err(ReadError::Unexpected { .. })));
    }
}

#[tokio::test]
async fn a_feed_stuck_at_its_bound_is_stale_and_one_from_the_future_is_refused() {
    let anvil = anvil_or_skip!(options());
    // LUNA's feed could not say less than 0.10 dollars.
    let bounds = (
        I256::try_from(10_000_000).unwrap(),
        I256::try_from(10u64.pow(15)).unwrap(),
    );
    let feed = anvil
        .deploy(&code("DemoBoundedFeed"), &bounds.abi_encode_params())
        .await
        .unwrap();
    let client = client(&anvil.url());
    for (answer, fresh) in [
        (10_000_000i64, false),
        (10_000_001, true),
        (10i64.pow(15), false),
    ] {
        let at = now(&anvil).await;
        let set = abi::setCall {
            answer: I256::try_from(answer).unwrap(),
            updatedAt: U256::from(at),
        };
        tell(&anvil, feed, &set).await;
        let view = client.view().await.unwrap();
        let said = read_feeds(&view, &[feed]).await.remove(0).unwrap();
        let reading = said.reading(Timestamp::from_unix_seconds(at), HOUR);
        assert_eq!(reading.fresh().is_some(), fresh, "{answer}: {reading:?}");
        let late = Timestamp::from_unix_seconds(at + 3_601);
        assert_eq!(said.reading(late, HOUR).fresh(), None);
    }
    let future = now(&anvil).await + 1_000;
    let set = abi::setCall {
        answer: I256::try_from(20_000_000).unwrap(),
        updatedAt: U256::from(future),
    };
    tell(&anvil, feed, &set).await;
    let view = client.view().await.unwrap();
    assert!(matches!(
        read_feeds(&view, &[feed]).await[0],
        Err(ReadError::Unexpected { .. })
    ));
}

#[tokio::test]
async fn bounds_that_cannot_be_read_are_not_taken_for_absent() {
    let anvil = anvil_or_skip!(options());
    let bounds = (I256::ONE, I256::try_from(10u64.pow(15)).unwrap());
    let feed = anvil
        .deploy(&code("DemoBoundedFeed"), &bounds.abi_encode_params())
        .await
        .unwrap();
    let set = abi::setCall {
        answer: I256::try_from(7).unwrap(),
        updatedAt: U256::from(GENESIS),
    };
    tell(&anvil, feed, &set).await;
    let proxy = FaultProxy::start(anvil.address()).unwrap();
    let view = client(&proxy.url()).view().await.unwrap();
    assert!(read_feeds(&view, &[feed]).await[0].is_ok());
    // The first call passes, the one for the bounds does not.
    proxy.inject("eth_call", Fault::DelayResponse(Duration::ZERO), 1);
    proxy.inject_always("eth_call", Fault::bad_gateway());
    assert!(matches!(
        read_feeds(&view, &[feed]).await[0],
        Err(ReadError::Unreachable(_))
    ));
}

#[tokio::test]
async fn a_sequencer_is_up_only_after_its_grace_period() {
    let anvil = anvil_or_skip!(options());
    let feed = mock(&anvil, 0, 0).await;
    let client = client(&anvil.url());
    let report = async |answer: i64, started: u64| {
        let update = Feed::updateRoundDataCall {
            roundId: alloy::primitives::Uint::from(2),
            answer: I256::try_from(answer).unwrap(),
            timestamp: U256::from(GENESIS),
            startedAt: U256::from(started),
        };
        tell(&anvil, feed, &update).await;
        read_uptime(&client.view().await.unwrap(), feed)
            .await
            .unwrap()
    };
    let since = Timestamp::from_unix_seconds(GENESIS);
    let up = report(0, GENESIS).await;
    assert_eq!(up, Uptime::Up { since });
    assert!(up.defect(since.plus(HOUR / 2), UPTIME_GRACE).is_some());
    assert_eq!(up.defect(since.plus(HOUR), UPTIME_GRACE), None);
    assert_eq!(report(1, GENESIS).await, Uptime::Down { since });
    assert_eq!(report(0, 0).await, Uptime::Unknown);
    assert_eq!(report(2, GENESIS).await, Uptime::Unknown);
    assert_eq!(report(0, GENESIS * 2).await, Uptime::Unknown);
    let view = client.view().await.unwrap();
    let nothing = read_uptime(&view, Address::repeat_byte(0x99)).await;
    assert!(matches!(nothing, Err(ReadError::Unexpected { .. })));
}
