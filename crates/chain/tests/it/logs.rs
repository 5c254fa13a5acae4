//! Logs of a real contract on a real chain, and each of them told once when the chain is reorganised.

use airdrops_chain::{ChainClient, LogFilter, LogsError, read_logs};
use airdrops_scheduler::{Happening, LogCursor, LogTrigger, Taken};
use airdrops_testkit::{Anvil, Fault, FaultProxy, anvil_or_skip};
use airdrops_types::{Address, B256, Bytes, CampaignId, Timestamp, U256};
use alloy::sol_types::{SolCall as _, SolEvent as _};
use serde_json::json;

use crate::ground::{CHAIN, KEEPER, client, code};

mod abi {
    alloy::sol! {
        event Deposit(address indexed account, uint256 amount);
        function deposit() external payable;
    }
}

async fn weth(anvil: &Anvil) -> Address {
    anvil.deploy(&code("WrappedEther"), &[]).await.unwrap()
}

fn deposits(address: Address) -> LogFilter {
    LogFilter {
        address,
        topics: vec![Some(abi::Deposit::SIGNATURE_HASH), Some(KEEPER.into_word())],
    }
}

async fn deposit(anvil: &Anvil, weth: Address) -> B256 {
    let call = abi::depositCall {}.abi_encode();
    anvil
        .must_send(KEEPER, weth, U256::from(5), &call)
        .await
        .unwrap()
        .transaction_hash
}

/// A signed deposit, sent to nobody.
async fn signed_deposit(anvil: &Anvil, weth: Address) -> Bytes {
    let nonce = anvil.nonce(KEEPER).await.unwrap();
    let call = json!([{
        "from": KEEPER, "to": weth, "value": "0x5", "data": Bytes::from(abi::depositCall {}.abi_encode()),
        "gas": "0x30000", "gasPrice": "0x77359400", "nonce": format!("{nonce:#x}"), "chainId": "0x7a69",
    }]);
    let raw = anvil.rpc("eth_signTransaction", call).await.unwrap();
    raw.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_logs_of_a_range_come_with_the_hashes_of_its_ends() {
    let anvil = anvil_or_skip!();
    let weth = weth(&anvil).await;
    let other = self::weth(&anvil).await;
    let client = client(&anvil.url());
    let start = client.head().await.unwrap().number;
    let first = deposit(&anvil, weth).await;
    deposit(&anvil, other).await;
    let second = deposit(&anvil, weth).await;
    let head = client.head().await.unwrap();
    let range = read_logs(&client, &deposits(weth), start + 1, head.number)
        .await
        .unwrap();
    assert_eq!(
        (range.from, range.to, range.end),
        (start + 1, head.number, head.hash)
    );
    assert_eq!(range.before, Some(anvil.block(start).await.unwrap().0));
    let found: Vec<_> = range
        .logs
        .iter()
        .map(|log| (log.transaction, log.block, log.block_hash))
        .collect();
    let hash = anvil.block(start + 1).await.unwrap().0;
    assert_eq!(
        found,
        [(first, start + 1, hash), (second, head.number, head.hash)]
    );
    let from_genesis = read_logs(&client, &deposits(weth), 0, start).await.unwrap();
    assert_eq!((from_genesis.before, from_genesis.logs), (None, vec![]));
    let filter = LogFilter {
        topics: vec![Some(B256::ZERO)],
        ..deposits(weth)
    };
    assert_eq!(
        read_logs(&client, &filter, 0, head.number)
            .await
            .unwrap()
            .logs,
        []
    );
}

#[tokio::test]
async fn ranges_are_bounded_and_a_block_that_is_not_there_is_no_empty_answer() {
    let anvil = anvil_or_skip!();
    let client = client(&anvil.url());
    let filter = deposits(Address::ZERO);
    assert_eq!(
        read_logs(&client, &filter, 0, 50).await,
        Err(LogsError::Behind(50))
    );
    for (from, to) in [(1, 0), (0, 10_000), (0, u64::MAX)] {
        assert_eq!(
            read_logs(&client, &filter, from, to).await,
            Err(LogsError::Range { from, to })
        );
    }
    let filter = LogFilter {
        topics: vec![None; 5],
        ..filter
    };
    assert_eq!(
        read_logs(&client, &filter, 0, 0).await,
        Err(LogsError::Topics(5))
    );
}

#[tokio::test]
async fn a_node_that_gives_less_at_once_is_told_from_one_that_fails() {
    let anvil = anvil_or_skip!();
    let proxy = FaultProxy::start(anvil.address()).unwrap();
    let client = client(&proxy.url());
    let filter = deposits(Address::ZERO);
    proxy.inject(
        "eth_getLogs",
        Fault::Error {
            code: -32005,
            message: "query returned more than 10000 results".to_owned(),
        },
        1,
    );
    assert!(matches!(
        read_logs(&client, &filter, 0, 0).await,
        Err(LogsError::TooLarge(_))
    ));
    proxy.inject("eth_getLogs", Fault::bad_gateway(), 1);
    assert!(matches!(
        read_logs(&client, &filter, 0, 0).await,
        Err(LogsError::Read(_))
    ));
    assert!(read_logs(&client, &filter, 0, 0).await.is_ok());
}

/// Reads what is deep enough, as the program does in each tick: the transactions that were told.
async fn tick(
    client: &ChainClient,
    filter: &LogFilter,
    cursor: &mut LogCursor,
) -> (Vec<B256>, bool) {
    let campaign = CampaignId::from("watch");
    let trigger = LogTrigger {
        campaign: &campaign,
        chain: CHAIN,
        address: filter.address,
        confirmations: 2,
    };
    let (mut told, mut reorganised) = (Vec::new(), false);
    let head = client.head().await.unwrap().number;
    while let Some(query) = cursor.query(trigger.confirmations, head) {
        let answer = read_logs(client, filter, query.from, query.to)
            .await
            .unwrap();
        match cursor.take(trigger, head, &answer, Timestamp(0)).unwrap() {
            Taken::Reorganised { .. } => reorganised = true,
            Taken::Events(events) => {
                told.extend(events.into_iter().map(|event| match event.what {
                    Happening::Log { transaction, .. } => transaction,
                    other => panic!("{other}"),
                }))
            }
        }
    }
    (told, reorganised)
}

#[tokio::test]
async fn a_log_that_a_reorganisation_takes_away_before_it_counts_is_never_told() {
    let anvil = anvil_or_skip!();
    let weth = weth(&anvil).await;
    let (client, filter) = (client(&anvil.url()), deposits(weth));
    let mut cursor = LogCursor::starting_at(client.head().await.unwrap().number + 1);
    deposit(&anvil, weth).await;
    anvil.mine(1).await.unwrap();
    assert_eq!(
        tick(&client, &filter, &mut cursor).await,
        (vec![], false),
        "one block lies on it"
    );
    anvil.reorg(2).await.unwrap();
    anvil.mine(10).await.unwrap();
    assert_eq!(tick(&client, &filter, &mut cursor).await, (vec![], false));
    let kept = deposit(&anvil, weth).await;
    anvil.mine(2).await.unwrap();
    assert_eq!(
        tick(&client, &filter, &mut cursor).await,
        (vec![kept], false)
    );
    assert_eq!(tick(&client, &filter, &mut cursor).await, (vec![], false));
}

#[tokio::test]
async fn a_log_that_moves_to_another_block_after_it_counted_is_told_once() {
    let anvil = anvil_or_skip!();
    let weth = weth(&anvil).await;
    let (client, filter) = (client(&anvil.url()), deposits(weth));
    let mut cursor = LogCursor::starting_at(client.head().await.unwrap().number + 1);
    let raw = signed_deposit(&anvil, weth).await;
    let sent = anvil
        .rpc("eth_sendRawTransaction", json!([raw]))
        .await
        .unwrap();
    let sent: B256 = sent.as_str().unwrap().parse().unwrap();
    let height = anvil
        .wait_for_receipt(sent)
        .await
        .unwrap()
        .block_number
        .unwrap();
    anvil.mine(3).await.unwrap();
    assert_eq!(
        tick(&client, &filter, &mut cursor).await,
        (vec![sent], false)
    );
    // Four blocks go, deeper than the two confirmations; the transaction is in the third of the new ones.
    anvil.reorg_with(4, &[(raw, 2)]).await.unwrap();
    let moved = anvil
        .wait_for_receipt(sent)
        .await
        .unwrap()
        .block_number
        .unwrap();
    assert_eq!(moved, height + 2);
    anvil.mine(5).await.unwrap();
    assert_eq!(tick(&client, &filter, &mut cursor).await, (vec![], true));
    let next = deposit(&anvil, weth).await;
    anvil.mine(2).await.unwrap();
    assert_eq!(
        tick(&client, &filter, &mut cursor).await,
        (vec![next], false)
    );
}
