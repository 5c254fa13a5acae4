//! The fault proxy in front of a real chain.

use std::time::{Duration, Instant};

use airdrops_testkit::primitives::{Address, B256, keccak256};
use airdrops_testkit::{
    Anvil, AnvilOptions, Fault, FaultProxy, Mining, Rpc, RpcError, TEST_WALLET, anvil_or_skip,
};
use serde_json::{Value, json};

use crate::signed_transfer;

const SEND: &str = "eth_sendRawTransaction";

fn in_front_of(anvil: &Anvil) -> (FaultProxy, Rpc) {
    let proxy = FaultProxy::start(anvil.address()).unwrap();
    let rpc = Rpc::new(proxy.address());
    (proxy, rpc)
}

async fn chain_id(rpc: &Rpc) -> Result<Value, RpcError> {
    rpc.request("eth_chainId", json!([])).await
}

#[tokio::test]
async fn without_faults_every_call_passes_and_is_counted() {
    let anvil = anvil_or_skip!();
    let (proxy, rpc) = in_front_of(&anvil);
    assert_eq!(chain_id(&rpc).await, Ok(json!("0x7a69")));
    let error = rpc.request("no_suchMethod", json!([])).await.unwrap_err();
    assert!(
        matches!(error, RpcError::Answer { code: -32601, .. }),
        "{error}"
    );
    assert_eq!(proxy.calls("eth_chainId"), 1);
    assert_eq!(proxy.all_calls().values().sum::<u64>(), 2);
}

#[tokio::test]
async fn lost_response_is_delivered_and_reset_is_not() {
    let anvil = anvil_or_skip!();
    let (proxy, rpc) = in_front_of(&anvil);
    let raw = signed_transfer(&anvil, 0, 1);

    proxy.inject(SEND, Fault::Reset, 1);
    let error = rpc.request(SEND, json!([raw])).await.unwrap_err();
    assert!(matches!(error, RpcError::Transport(_)), "{error}");
    assert_eq!(anvil.receipt(keccak256(&raw)).await.unwrap(), None);
    assert_eq!(anvil.nonce(TEST_WALLET).await.unwrap(), 0);

    proxy.inject(SEND, Fault::LoseResponse, 1);
    let error = rpc.request(SEND, json!([raw])).await.unwrap_err();
    assert!(matches!(error, RpcError::Transport(_)), "{error}");
    assert!(
        anvil
            .wait_for_receipt(keccak256(&raw))
            .await
            .unwrap()
            .status()
    );

    let seen = proxy.raw_transactions();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].slot, Some((TEST_WALLET, 0)));
    assert_eq!(seen[0].hash, keccak256(&raw));
}

#[tokio::test]
async fn reset_is_seen_as_a_reset_and_a_lost_response_as_an_orderly_end() {
    use std::io::{ErrorKind, Read, Write};
    let anvil = anvil_or_skip!();
    let (proxy, _) = in_front_of(&anvil);
    proxy.inject("eth_chainId", Fault::Reset, 1);
    proxy.inject("eth_chainId", Fault::LoseResponse, 1);
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}"#;
    let ask = || {
        let mut stream = std::net::TcpStream::connect(proxy.address()).unwrap();
        write!(
            stream,
            "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)
    };
    assert_eq!(ask().unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(ask().unwrap(), 0);
    assert!(ask_with_close(&proxy, body).ends_with(r#""result":"0x7a69"}"#));
}

fn ask_with_close(proxy: &FaultProxy, body: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(proxy.address()).unwrap();
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test]
async fn http_errors_carry_their_status_and_retry_after() {
    let anvil = anvil_or_skip!();
    let (proxy, rpc) = in_front_of(&anvil);
    proxy.inject("eth_chainId", Fault::bad_gateway(), 1);
    proxy.inject("eth_chainId", Fault::too_many_requests(7), 1);
    let error = chain_id(&rpc).await.unwrap_err();
    assert!(
        matches!(error, RpcError::Http { status: 502, .. }),
        "{error}"
    );
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}"#;
    let answer = ask_with_close(&proxy, body);
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    assert!(answer.contains("retry-after: 7\r\n"), "{answer}");
    assert_eq!(chain_id(&rpc).await, Ok(json!("0x7a69")));

    let delivered = Fault::Status {
        code: 504,
        retry_after: None,
        delivered: true,
    };
    proxy.inject(SEND, delivered, 1);
    let raw = signed_transfer(&anvil, 0, 1);
    assert!(rpc.request(SEND, json!([raw])).await.is_err());
    assert!(
        anvil
            .wait_for_receipt(keccak256(&raw))
            .await
            .unwrap()
            .status()
    );
}

#[tokio::test]
async fn receipt_is_null_for_the_planned_number_of_polls() {
    let anvil = anvil_or_skip!();
    let (proxy, rpc) = in_front_of(&anvil);
    let raw = signed_transfer(&anvil, 0, 1);
    let hash: B256 =
        serde_json::from_value(rpc.request(SEND, json!([raw])).await.unwrap()).unwrap();
    anvil.wait_for_receipt(hash).await.unwrap();
    proxy.inject("eth_getTransactionReceipt", Fault::Result(Value::Null), 3);
    let mut nulls = 0;
    while rpc
        .request("eth_getTransactionReceipt", json!([hash]))
        .await
        .unwrap()
        .is_null()
    {
        nulls += 1;
    }
    assert_eq!(nulls, 3);
    assert_eq!(proxy.calls("eth_getTransactionReceipt"), 4);
}

#[tokio::test]
async fn duplicate_delivery_reaches_the_pool_twice_and_the_chain_once() {
    let anvil = anvil_or_skip!(AnvilOptions {
        mining: Mining::Manual,
        ..AnvilOptions::default()
    });
    let (proxy, rpc) = in_front_of(&anvil);
    proxy.inject(SEND, Fault::Duplicate, 1);
    let raw = signed_transfer(&anvil, 0, 1);
    let error = rpc.request(SEND, json!([raw])).await.unwrap_err();
    assert!(
        matches!(&error, RpcError::Answer { message, .. } if message.contains("already")),
        "{error}"
    );
    anvil.mine(1).await.unwrap();
    assert!(
        anvil
            .wait_for_receipt(keccak256(&raw))
            .await
            .unwrap()
            .status()
    );
    assert_eq!(anvil.nonce(TEST_WALLET).await.unwrap(), 1);
    assert_eq!(proxy.raw_transactions().len(), 1);
}

#[tokio::test]
async fn two_different_transactions_for_one_nonce_are_told_apart() {
    let anvil = anvil_or_skip!(AnvilOptions {
        mining: Mining::Manual,
        ..AnvilOptions::default()
    });
    let (proxy, rpc) = in_front_of(&anvil);
    proxy.inject_always(
        SEND,
        Fault::Error {
            code: -32_000,
            message: "already known".to_owned(),
        },
    );
    for (nonce, tip) in [(0, 1), (0, 1), (0, 2), (1, 1)] {
        let error = rpc
            .request(SEND, json!([signed_transfer(&anvil, nonce, tip)]))
            .await
            .unwrap_err();
        assert!(
            matches!(error, RpcError::Answer { code: -32_000, .. }),
            "{error}"
        );
    }
    let slots = proxy.bytes_by_slot();
    let count = |nonce| slots[&(TEST_WALLET, nonce)].len();
    assert_eq!((slots.len(), count(0), count(1)), (2, 2, 1));
    anvil.mine(1).await.unwrap();
    assert_eq!(anvil.nonce(TEST_WALLET).await.unwrap(), 0);
    assert!(rpc.request(SEND, json!(["0x02c0"])).await.is_err());
    assert_eq!(proxy.raw_transactions().last().unwrap().slot, None);
}

#[tokio::test]
async fn wrong_chain_id_lasts_until_the_proxy_is_healed() {
    let anvil = anvil_or_skip!();
    let (proxy, rpc) = in_front_of(&anvil);
    proxy.inject_always("eth_chainId", Fault::chain_id(1));
    for _ in 0..3 {
        assert_eq!(chain_id(&rpc).await, Ok(json!("0x1")));
    }
    proxy.heal();
    assert_eq!(chain_id(&rpc).await, Ok(json!("0x7a69")));
}

#[tokio::test]
async fn late_request_arrives_though_its_caller_has_gone() {
    let anvil = anvil_or_skip!();
    let (proxy, rpc) = in_front_of(&anvil);
    let raw = signed_transfer(&anvil, 0, 1);
    proxy.inject(SEND, Fault::DelayRequest(Duration::from_secs(2)), 1);
    let call = tokio::spawn({
        let raw = raw.clone();
        async move { rpc.request(SEND, json!([raw])).await }
    });
    while proxy.calls(SEND) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    call.abort();
    assert_eq!(anvil.nonce(TEST_WALLET).await.unwrap(), 0);
    assert!(
        anvil
            .wait_for_receipt(keccak256(&raw))
            .await
            .unwrap()
            .status()
    );
}

#[tokio::test]
async fn late_response_is_of_a_call_that_was_delivered_at_once() {
    let anvil = anvil_or_skip!();
    let (proxy, rpc) = in_front_of(&anvil);
    let raw = signed_transfer(&anvil, 0, 1);
    let delay = Duration::from_secs(3_600);
    proxy.inject(SEND, Fault::DelayResponse(delay), 1);
    let call = tokio::spawn(async move { rpc.request(SEND, json!([raw])).await });
    let deadline = Instant::now() + Duration::from_secs(20);
    while anvil.nonce(TEST_WALLET).await.unwrap() == 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(anvil.nonce(TEST_WALLET).await.unwrap(), 1);
    assert!(!call.is_finished());
    // Ends every connection, also the one that waits for an hour.
    drop(proxy);
    assert!(call.await.unwrap().is_err());
}

#[tokio::test]
async fn fault_of_any_method_strikes_methods_without_their_own() {
    let anvil = anvil_or_skip!();
    let (proxy, rpc) = in_front_of(&anvil);
    proxy.inject_always(FaultProxy::ANY, Fault::bad_gateway());
    proxy.inject_always("eth_chainId", Fault::chain_id(5));
    assert_eq!(chain_id(&rpc).await, Ok(json!("0x5")));
    assert!(rpc.request("eth_blockNumber", json!([])).await.is_err());
    proxy.inject("eth_gasPrice", Fault::bad_gateway(), 0);
    proxy.heal();
    assert!(rpc.request("eth_gasPrice", json!([])).await.is_ok());
}

#[tokio::test]
async fn batch_is_answered_call_by_call() {
    let anvil = anvil_or_skip!();
    let (proxy, _) = in_front_of(&anvil);
    proxy.inject("eth_chainId", Fault::chain_id(9), 1);
    let call = |id: u64, method: &str| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": [] });
    let batch = json!([call(4, "eth_chainId"), call(5, "eth_blockNumber")]).to_string();
    let answer = ask_with_close(&proxy, &batch);
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        body,
        json!([
            { "jsonrpc": "2.0", "id": 4, "result": "0x9" },
            { "jsonrpc": "2.0", "id": 5, "result": "0x0" },
        ])
    );
}

#[tokio::test]
async fn upstream_can_be_exchanged_and_a_dead_one_is_a_bad_gateway() {
    let first = anvil_or_skip!(AnvilOptions::with_chain_id(1));
    let second = anvil_or_skip!(AnvilOptions::with_chain_id(2));
    let (proxy, rpc) = in_front_of(&first);
    assert_eq!(chain_id(&rpc).await, Ok(json!("0x1")));
    drop(first);
    let error = chain_id(&rpc).await.unwrap_err();
    assert!(
        matches!(error, RpcError::Http { status: 502, .. }),
        "{error}"
    );
    proxy.set_upstream(second.address());
    assert_eq!(chain_id(&rpc).await, Ok(json!("0x2")));
}

#[tokio::test]
async fn proxy_serves_while_the_test_blocks() {
    let anvil = anvil_or_skip!();
    let (proxy, _) = in_front_of(&anvil);
    let (url, caller) = (proxy.address(), Address::ZERO);
    let asked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(Rpc::new(url).request("eth_getBalance", json!([caller, "latest"])))
    });
    // Blocks this test's only runtime thread.
    assert_eq!(asked.join().unwrap(), Ok(json!("0x0")));
}
