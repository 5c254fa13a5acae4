//! A chain on top of another.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use airdrops_paper::{PaperChain, PaperConfig, PaperError, PaperTransport};
use airdrops_testkit::{AnvilOptions, anvil_or_skip};
use airdrops_types::ChainId;
use alloy::primitives::{Address, B256, Bytes, U256, address};
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::{RequestPacket, Response, ResponsePacket, ResponsePayload};
use alloy::sol_types::SolCall;
use alloy::transports::{TransportErrorKind, TransportFut};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::contracts::{BLOCKHASH, LOGGER, Token, WRITER, init, token_init, words};
use crate::node::{
    ETHER, at, config, is_mined, options, paper, plain, quantity, send, sign, signer,
};

const BUILDER: Address = address!("00000000000000000000000000000000000b0b00");

/// A node that can be cut off, and counts what it is asked.
#[derive(Clone)]
struct Line {
    node: PaperTransport,
    cut: Arc<AtomicBool>,
    /// Does not answer this method.
    deaf: Arc<Mutex<&'static str>>,
    asked: Arc<AtomicU64>,
}

impl Line {
    fn new(node: &PaperChain) -> Self {
        Self {
            node: PaperTransport::new(node.clone()),
            cut: Arc::default(),
            deaf: Arc::default(),
            asked: Arc::default(),
        }
    }

    fn client(&self) -> RpcClient {
        RpcClient::new(self.clone(), true)
    }
}

impl tower::Service<RequestPacket> for Line {
    type Response = ResponsePacket;
    type Error = alloy::transports::TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let deaf = *self.deaf.lock().unwrap();
        if self.cut.load(Ordering::SeqCst) || packet.method_names().any(|name| name == deaf) {
            let secret = "https://node.example/key-of-the-owner";
            return Box::pin(async move { Err(TransportErrorKind::custom_str(secret)) });
        }
        self.node.call(packet)
    }
}

/// A node behind a socket.
#[derive(Clone)]
struct Wire(airdrops_testkit::Rpc);

impl tower::Service<RequestPacket> for Wire {
    type Response = ResponsePacket;
    type Error = alloy::transports::TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        let Self(rpc) = self.clone();
        Box::pin(async move {
            let request = packet.as_single().unwrap();
            let params = serde_json::from_str(request.params().unwrap().get()).unwrap();
            let answer = rpc.request(request.method(), params).await;
            let answer = answer.map_err(TransportErrorKind::custom)?;
            let payload = ResponsePayload::Success(to_raw_value(&answer).unwrap());
            let id = request.id().clone();
            Ok(ResponsePacket::Single(Response { id, payload }))
        })
    }
}

fn balance(chain: &PaperChain, address: Address, tag: &str) -> U256 {
    let answer = chain
        .request("eth_getBalance", json!([address, tag]))
        .unwrap();
    serde_json::from_value(answer).unwrap()
}

#[test]
fn a_fork_has_the_world_of_its_block_and_goes_its_own_way() {
    let below = paper();
    let writer = below.deploy(BUILDER, init(WRITER)).unwrap();
    let set = |slot: u64, value: u64| words(&[U256::from(slot), U256::from(value)]);
    below
        .transact(BUILDER, writer, U256::ZERO, set(1, 7))
        .unwrap();
    below.mine(at(24));
    let forked = below.head();
    let fork = PaperChain::fork(config(), Line::new(&below).client(), forked.number).unwrap();
    // What happens below afterwards is not seen.
    below
        .transact(BUILDER, writer, U256::ZERO, set(1, 8))
        .unwrap();
    below.set_balance(signer(0).address(), U256::ZERO).unwrap();

    assert_eq!(fork.head(), forked);
    let slot = |chain: &PaperChain, key: u64, tag: &str| -> U256 {
        let params = json!([writer, U256::from(key), tag]);
        let value = chain.request("eth_getStorageAt", params).unwrap();
        serde_json::from_value::<B256>(value).unwrap().into()
    };
    assert_eq!(slot(&fork, 1, "latest"), U256::from(7));
    assert_eq!(
        balance(&fork, signer(0).address(), "latest"),
        ETHER * U256::from(100)
    );
    let tx = sign(&signer(0), plain(0, BUILDER));
    send(&fork, &tx).unwrap();
    fork.mine(at(36));
    assert!(is_mined(&fork, &tx) && !is_mined(&below, &tx));
    fork.transact(BUILDER, writer, U256::ZERO, set(2, 9))
        .unwrap();
    assert_eq!(slot(&fork, 2, "latest"), U256::from(9));
    assert_eq!(slot(&below, 2, "latest"), U256::ZERO);
    // Below the fork, the node below answers; of what it did later nothing is known.
    assert_eq!(slot(&fork, 1, "0x1"), U256::ZERO);
    assert_eq!(slot(&fork, 1, "0x2"), U256::from(7));
    let at_height = |chain: &PaperChain, number: &str| {
        chain
            .request("eth_getBlockByNumber", json!([number, false]))
            .unwrap()
    };
    for number in ["0x1", "0x2", "0x3"] {
        assert_eq!(at_height(&fork, number), at_height(&below, number));
    }
    assert_eq!(at_height(&fork, "0x4")["parentHash"], json!(forked.hash));
    let later = at_height(&below, "0x4");
    let params = json!([later["transactions"][0]]);
    assert_eq!(
        fork.request("eth_getTransactionByHash", params),
        Ok(Value::Null)
    );
    fork.reorg(2).unwrap();
    assert_eq!(fork.head(), forked);
    assert!(fork.reorg(1).is_err());
}

#[test]
fn logs_and_block_hashes_reach_through_the_fork() {
    let below = paper();
    let logger = below.deploy(BUILDER, init(LOGGER)).unwrap();
    let blockhash = below.deploy(BUILDER, init(BLOCKHASH)).unwrap();
    let log = |chain: &PaperChain, value: u64| {
        let input = words(&[U256::from(value)]);
        chain.transact(BUILDER, logger, U256::ZERO, input).unwrap();
    };
    log(&below, 1);
    let fork = PaperChain::fork(config(), Line::new(&below).client(), 3).unwrap();
    log(&below, 2);
    log(&fork, 3);
    let logs = fork
        .request(
            "eth_getLogs",
            json!([{"fromBlock": "0x0", "address": logger}]),
        )
        .unwrap();
    let data: Vec<&Value> = logs
        .as_array()
        .unwrap()
        .iter()
        .map(|log| &log["data"])
        .collect();
    assert_eq!(
        data,
        [
            &json!(words(&[U256::from(1)])),
            &json!(words(&[U256::from(3)]))
        ]
    );
    let hash = fork.call(blockhash, words(&[U256::from(1)])).unwrap();
    let block = below
        .request("eth_getBlockByNumber", json!(["0x1", false]))
        .unwrap();
    assert_eq!(json!(hash), block["hash"]);
}

#[test]
fn a_node_that_is_gone_is_an_error_and_never_a_zero() {
    let below = paper();
    let writer = below.deploy(BUILDER, init(WRITER)).unwrap();
    let line = Line::new(&below);
    let fork = PaperChain::fork(config(), line.client(), 1).unwrap();
    let (known, unknown) = (signer(0).address(), signer(1).address());
    let hundred = ETHER * U256::from(100);
    assert_eq!(balance(&fork, known, "latest"), hundred);
    let asked = line.asked.load(Ordering::SeqCst);
    assert_eq!(balance(&fork, known, "latest"), hundred);
    assert_eq!(line.asked.load(Ordering::SeqCst), asked, "asked twice");

    line.cut.store(true, Ordering::SeqCst);
    assert_eq!(balance(&fork, known, "latest"), hundred);
    let call =
        json!({"from": unknown, "to": writer, "data": words(&[U256::from(1), U256::from(1)])});
    for (method, params) in [
        ("eth_getBalance", json!([unknown, "latest"])),
        ("eth_getTransactionCount", json!([unknown, "latest"])),
        ("eth_getCode", json!([unknown, "latest"])),
        ("eth_getStorageAt", json!([writer, "0x5", "latest"])),
        ("eth_getBalance", json!([known, "0x0"])),
        ("eth_call", json!([call, "latest"])),
        ("eth_estimateGas", json!([call, "latest"])),
        ("eth_getBlockByNumber", json!(["0x0", false])),
    ] {
        let error = fork.request(method, params).unwrap_err();
        assert_eq!(error.code, -32603, "{method}: {error}");
        assert!(!error.message.contains("key-of-the-owner"), "{error}");
    }
    let error = fork.set_balance(unknown, ETHER).unwrap_err();
    assert!(matches!(error, PaperError::Upstream(_)));
    // A transaction that needs what cannot be read waits, and is mined when it can be.
    let tx = sign(&signer(0), plain(0, writer));
    send(&fork, &tx).unwrap();
    fork.mine(at(12));
    assert!(!is_mined(&fork, &tx));
    line.cut.store(false, Ordering::SeqCst);
    fork.mine(at(24));
    assert!(is_mined(&fork, &tx));
}

/// Each thing that an account is made of is missed by itself.
#[test]
fn an_account_that_is_only_partly_known_is_an_error() {
    let below = paper();
    for method in ["eth_getBalance", "eth_getTransactionCount", "eth_getCode"] {
        let line = Line::new(&below);
        let fork = PaperChain::fork(config(), line.client(), 0).unwrap();
        *line.deaf.lock().unwrap() = method;
        for asked in ["eth_getBalance", "eth_getTransactionCount", "eth_getCode"] {
            let answer = fork.request(asked, json!([signer(0).address(), "latest"]));
            assert_eq!(answer.unwrap_err().code, -32603, "{asked} without {method}");
        }
    }
}

#[test]
fn a_fork_of_the_wrong_chain_or_a_missing_block_is_refused() {
    let below = paper();
    let other = PaperConfig {
        chain: ChainId(5),
        ..config()
    };
    let error = PaperChain::fork(other, below.client(), 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the forked chain has id 31337, expected 5"
    );
    let error = PaperChain::fork(config(), below.client(), 9).unwrap_err();
    assert_eq!(
        error.to_string(),
        "upstream: the forked chain has no block 9"
    );
}

/// On a runtime with one thread, over HTTP: waiting for the node must not stop the runtime.
#[tokio::test]
async fn a_fork_of_anvil_runs_what_was_deployed_there() {
    let anvil = anvil_or_skip!(AnvilOptions {
        mining: airdrops_testkit::Mining::Automine,
        ..options()
    });
    let token = anvil.deploy(&token_init(), &[]).await.unwrap();
    let owner = airdrops_testkit::DEV_ACCOUNTS[0];
    let mint = Token::mintCall {
        to: owner,
        amount: U256::from(50),
    };
    let minted = anvil
        .send_unlocked(owner, token, U256::ZERO, &mint.abi_encode())
        .await;
    minted.unwrap();
    let number = anvil.block_number().await.unwrap();
    let upstream = RpcClient::new(Wire(anvil.client()), true);
    let fork = PaperChain::fork(config(), upstream, number).unwrap();
    let provider: RootProvider = RootProvider::new(fork.client());
    assert_eq!(provider.get_block_number().await.unwrap(), number);
    let to = Address::repeat_byte(5);
    let transfer = Token::transferCall {
        to,
        amount: U256::from(20),
    };
    fork.transact(owner, token, U256::ZERO, transfer.abi_encode().into())
        .unwrap();
    for (who, amount) in [(owner, 30u64), (to, 20)] {
        let data = Bytes::from(Token::balanceOfCall { owner: who }.abi_encode());
        let answer = fork.call(token, data).unwrap();
        assert_eq!(U256::from_be_slice(&answer), U256::from(amount));
    }
    let head = fork.request("eth_blockNumber", json!([])).unwrap();
    assert_eq!(quantity(&head), number + 1);
    let code = provider.get_code_at(token).await.unwrap();
    assert_eq!(code, anvil.code(token).await.unwrap());
}
