//! The same transactions on anvil and here.

use airdrops_testkit::anvil_or_skip;
use alloy::consensus::{TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy::eips::eip2930::{AccessList, AccessListItem};
use alloy::eips::eip7702::Authorization;
use alloy::primitives::{Address, B256, Bytes, TxKind, U256, address};
use alloy::signers::SignerSync;
use alloy::sol_types::{Revert, SolCall, SolError};
use serde_json::{Value, json};

use crate::contracts::{
    BURNER, DESTRUCTOR, FACTORY, FORWARDER, INVALID, LOGGER, REVERTER, SURROUNDINGS, Token, WRITER,
    init, token_init, word, words,
};
use crate::node::{CHAIN, ETHER, GWEI, Pair, options, plain, quantity, sign, signer};

const STRANGER: Address = address!("00000000000000000000000000000000c0ffee00");

/// Deploys with signer 0 from `nonce` on, one contract a block.
async fn deploy(pair: &mut Pair, nonce: u64, code: Bytes) -> Address {
    let tx = TxEip1559 {
        gas_limit: 3_000_000,
        to: TxKind::Create,
        value: U256::ZERO,
        input: code,
        ..plain(nonce, STRANGER)
    };
    let receipts = pair.block(&[sign(&signer(0), tx)]).await;
    serde_json::from_value(receipts[0]["contractAddress"].clone()).unwrap()
}

fn call(nonce: u64, to: Address, input: Bytes) -> TxEip1559 {
    TxEip1559 {
        gas_limit: 500_000,
        value: U256::ZERO,
        input,
        ..plain(nonce, to)
    }
}

#[tokio::test]
async fn each_kind_of_transaction_does_what_it_does_on_anvil() {
    let mut pair = Pair::new(anvil_or_skip!(options())).await;
    let (a, b) = (signer(0), signer(1));
    // Transfers: plain, to oneself, of everything type 0 and 1 can say.
    pair.block(&[sign(&a, plain(0, STRANGER))]).await;
    pair.block(&[sign(&a, plain(1, a.address()))]).await;
    let legacy = TxLegacy {
        chain_id: Some(CHAIN),
        nonce: 0,
        gas_price: 3 * GWEI,
        gas_limit: 30_000,
        to: TxKind::Call(STRANGER),
        value: ETHER,
        input: Bytes::new(),
    };
    pair.block(&[sign(&b, legacy)]).await;
    pair.block(&[]).await;
    let mut nonce = 2;
    let mut place = Vec::new();
    for runtime in [
        LOGGER,
        REVERTER,
        BURNER,
        FORWARDER,
        WRITER,
        FACTORY,
        SURROUNDINGS,
        INVALID,
        DESTRUCTOR,
    ] {
        place.push(deploy(&mut pair, nonce, init(runtime)).await);
        nonce += 1;
    }
    let [
        logger,
        reverter,
        burner,
        forwarder,
        writer,
        factory,
        surroundings,
        invalid,
        destructor,
    ] = place[..]
    else {
        unreachable!()
    };
    let inputs = [
        (logger, words(&[U256::from(5)])),
        (reverter, Revert::from("not today").abi_encode().into()),
        (reverter, Bytes::from_static(&[0xde, 0xad, 0xbe, 0xef])),
        (burner, Bytes::new()),
        (writer, words(&[U256::from(1), U256::from(2)])),
        (writer, words(&[U256::from(1), U256::ZERO])),
        (factory, init(LOGGER)),
        // The second time the address is taken.
        (factory, init(LOGGER)),
        (surroundings, Bytes::new()),
        (invalid, Bytes::new()),
        (STRANGER, Bytes::from(vec![1; 400])),
    ];
    for (to, input) in inputs {
        pair.block(&[sign(&a, call(nonce, to, input))]).await;
        nonce += 1;
    }
    // Value through a contract: to an account, to one that reverts, out of one that ends.
    for (to, input) in [
        (forwarder, words(&[word(STRANGER)])),
        (forwarder, words(&[word(reverter)])),
        (forwarder, words(&[word(a.address())])),
        (destructor, Bytes::new()),
    ] {
        let tx = TxEip1559 {
            value: ETHER,
            ..call(nonce, to, input)
        };
        pair.block(&[sign(&a, tx)]).await;
        nonce += 1;
    }
    let listed = TxEip2930 {
        chain_id: CHAIN,
        nonce,
        gas_price: 4 * GWEI,
        gas_limit: 100_000,
        to: TxKind::Call(writer),
        value: U256::ZERO,
        access_list: AccessList(vec![AccessListItem {
            address: writer,
            storage_keys: vec![B256::with_last_byte(9)],
        }]),
        input: words(&[U256::from(9), U256::from(1)]),
    };
    pair.block(&[sign(&a, listed)]).await;
    nonce += 1;
    // Just enough gas for nothing: out of gas in a contract.
    let starved = TxEip1559 {
        gas_limit: 22_000,
        ..call(nonce, logger, words(&[U256::from(5)]))
    };
    pair.block(&[sign(&a, starved)]).await;
    nonce += 1;
    // An account that delegates to code, and then is called.
    let authorization = Authorization {
        chain_id: U256::from(CHAIN),
        address: logger,
        nonce: 1,
    };
    let signature = b.sign_hash_sync(&authorization.signature_hash()).unwrap();
    let delegation = TxEip7702 {
        chain_id: CHAIN,
        nonce,
        gas_limit: 200_000,
        max_fee_per_gas: 10 * GWEI,
        max_priority_fee_per_gas: GWEI,
        to: b.address(),
        value: U256::ZERO,
        access_list: AccessList::default(),
        authorization_list: vec![authorization.into_signed(signature)],
        input: words(&[U256::from(6)]),
    };
    let receipts = pair.block(&[sign(&a, delegation)]).await;
    assert_eq!(receipts[0]["logs"].as_array().unwrap().len(), 1);
    place.extend([a.address(), b.address(), STRANGER, Address::ZERO]);
    pair.same_accounts(&place).await;
    for slot in [0u64, 1, 9] {
        for account in [logger, writer, b.address()] {
            pair.same(
                "eth_getStorageAt",
                json!([account, U256::from(slot), "latest"]),
            )
            .await;
        }
    }
    let filter =
        json!([{"fromBlock": "0x0", "toBlock": "latest", "address": [logger, b.address()]}]);
    let (theirs, ours) = pair.ask("eth_getLogs", filter).await;
    let shape = |logs: Value| -> Vec<Value> {
        let logs = logs.as_array().unwrap().clone();
        logs.into_iter()
            .map(|mut log| {
                log.as_object_mut().unwrap().remove("blockHash");
                log
            })
            .collect()
    };
    let ours = shape(ours.unwrap());
    assert_eq!(shape(theirs.unwrap()), ours);
    assert_eq!(ours.len(), 2);
    same_fee_history(&pair).await;
}

async fn same_fee_history(pair: &Pair) {
    let (theirs, ours) = pair
        .ask(
            "eth_feeHistory",
            json!(["0xa", "latest", [10.0, 50.0, 90.0]]),
        )
        .await;
    let (theirs, ours) = (theirs.unwrap(), ours.unwrap());
    for field in ["oldestBlock", "baseFeePerGas", "reward"] {
        assert_eq!(theirs[field], ours[field], "{field}");
    }
    let ratios = |history: &Value| -> Vec<f64> {
        serde_json::from_value(history["gasUsedRatio"].clone()).unwrap()
    };
    let (theirs, ours) = (ratios(&theirs), ratios(&ours));
    assert_eq!(theirs.len(), 10);
    // Reading JSON rounds the last digit.
    assert!(theirs.iter().zip(&ours).all(|(a, b)| (a - b).abs() < 1e-12));
}

#[tokio::test]
async fn calls_estimates_and_simulations_answer_as_on_anvil() {
    let mut pair = Pair::new(anvil_or_skip!(options())).await;
    let (a, b) = (signer(0), signer(1));
    let token = deploy(&mut pair, 0, token_init()).await;
    let reverter = deploy(&mut pair, 1, init(REVERTER)).await;
    let forwarder = deploy(&mut pair, 2, init(FORWARDER)).await;
    let surroundings = deploy(&mut pair, 3, init(SURROUNDINGS)).await;
    let invalid = deploy(&mut pair, 4, init(INVALID)).await;
    let mint = Token::mintCall {
        to: a.address(),
        amount: U256::from(1000),
    };
    let mint: Bytes = mint.abi_encode().into();
    pair.block(&[sign(&a, call(5, token, mint.clone()))]).await;
    let transfer: Bytes = Token::transferCall {
        to: b.address(),
        amount: U256::from(10),
    }
    .abi_encode()
    .into();
    let balance_of = |owner: Address| Bytes::from(Token::balanceOfCall { owner }.abi_encode());

    // eth_call: values at two heights, reverts with their data, overrides.
    let data = balance_of(a.address());
    let balance = json!({"to": token, "data": data});
    let head = pair.paper.head().number;
    for number in [head - 1, head] {
        pair.same("eth_call", json!([balance, U256::from(number)]))
            .await;
    }
    for request in [
        json!({"from": b.address(), "to": token, "data": mint}),
        json!({"from": b.address(), "to": token, "data": transfer}),
        json!({"to": reverter, "data": Bytes::from(Revert::from("why").abi_encode())}),
        json!({"to": reverter, "data": "0x01020304"}),
    ] {
        let (theirs, ours) = pair.ask("eth_call", json!([request, "latest"])).await;
        let (theirs, ours) = (theirs.unwrap_err(), ours.unwrap_err());
        assert_eq!(theirs, ours, "{request}");
        assert_eq!(ours.0, 3);
        assert!(ours.1.as_str().unwrap().len() >= 10);
    }
    let fails = json!([{"to": invalid}, "latest"]);
    let (theirs, ours) = pair.ask("eth_call", fails).await;
    assert!(theirs.is_err() && ours.is_err());
    let priced = json!([
        {"from": a.address(), "to": surroundings, "gasPrice": "0x2540be400", "gas": "0x186a0"},
        "latest"
    ]);
    pair.same("eth_call", priced).await;
    // Without a price, go-ethereum (core/vm/evm.go) runs calls in a block without a base fee, so
    // that BASEFEE gives zero; anvil does not.
    let unpriced = pair.paper.call(surroundings, Bytes::new()).unwrap();
    assert_eq!(U256::from_be_slice(&unpriced[64..96]), U256::ZERO);
    let overridden = json!([
        {"from": STRANGER, "to": STRANGER, "data": "0x"},
        "latest",
        {STRANGER.to_string(): {"code": "0x4660005260206000f3", "balance": "0x1", "nonce": "0x7"}}
    ]);
    pair.same("eth_call", overridden).await;

    // eth_estimateGas: go-ethereum's search stops within 1.5 %, anvil's is exact.
    for request in [
        json!({"from": a.address(), "to": STRANGER, "value": "0x1"}),
        json!({"from": a.address(), "to": token, "data": transfer}),
        json!({"from": a.address(), "to": forwarder, "value": "0x5", "data": words(&[word(STRANGER)])}),
        json!({"from": a.address(), "data": token_init()}),
    ] {
        let (theirs, ours) = pair.ask("eth_estimateGas", json!([request])).await;
        let (theirs, ours) = (quantity(&theirs.unwrap()), quantity(&ours.unwrap()));
        assert!(
            ours >= theirs && ours - theirs <= ours * 15 / 1000,
            "{theirs} {ours}"
        );
        let mut enough = request.clone();
        enough["gas"] = json!(U256::from(ours));
        pair.same("eth_call", json!([enough, "latest"])).await;
    }
    let (theirs, ours) = pair
        .ask(
            "eth_estimateGas",
            json!([{"from": b.address(), "to": token, "data": mint}]),
        )
        .await;
    assert_eq!(theirs.unwrap_err(), ours.unwrap_err());

    same_simulation(&pair, token, reverter, forwarder, &transfer).await;

    // The trace of a transaction and of a call: what changed.
    let tx = sign(&a, call(6, token, transfer.clone()));
    pair.block(std::slice::from_ref(&tx)).await;
    let tracer = json!({"tracer": "prestateTracer", "tracerConfig": {"diffMode": true}});
    let trace = pair
        .same("debug_traceTransaction", json!([tx.tx_hash(), tracer]))
        .await;
    let token_key = format!("{token:#x}");
    assert_eq!(
        trace["post"][&token_key]["storage"]
            .as_object()
            .unwrap()
            .len(),
        2
    );
}

async fn same_simulation(
    pair: &Pair,
    token: Address,
    reverter: Address,
    forwarder: Address,
    transfer: &Bytes,
) {
    let (a, b) = (signer(0), signer(1));
    let balance: Bytes = Token::balanceOfCall { owner: b.address() }
        .abi_encode()
        .into();
    let payload = json!([{
        "traceTransfers": true,
        "validation": false,
        "blockStateCalls": [
            {"calls": [
                {"from": a.address(), "to": token, "data": transfer},
                {"from": a.address(), "to": token, "data": balance},
                {"from": a.address(), "to": forwarder, "value": "0x9", "data": words(&[word(STRANGER)])},
                {"from": a.address(), "to": forwarder, "value": "0x9", "data": words(&[word(reverter)])},
                {"from": a.address(), "to": reverter, "data": "0x01020304"}
            ]},
            {"calls": [{"from": b.address(), "to": token, "data": transfer}]}
        ]
    }, "latest"]);
    let (theirs, ours) = pair.ask("eth_simulateV1", payload).await;
    let (theirs, ours) = (theirs.unwrap(), ours.unwrap());
    assert_eq!(ours.as_array().unwrap().len(), 2);
    for block in 0..2 {
        let (theirs, ours) = (&theirs[block]["calls"], &ours[block]["calls"]);
        let count = ours.as_array().unwrap().len();
        assert_eq!(theirs.as_array().unwrap().len(), count);
        for index in 0..count {
            let (theirs, ours) = (&theirs[index], &ours[index]);
            for field in ["status", "returnData", "gasUsed"] {
                assert_eq!(
                    theirs[field], ours[field],
                    "{field} of call {index}: {ours}"
                );
            }
            let is_error = |call: &Value| call.get("error").is_some_and(|error| !error.is_null());
            assert_eq!(is_error(theirs), is_error(ours));
            let logs = |call: &Value| -> Vec<[Value; 4]> {
                let logs = call["logs"].as_array().unwrap();
                logs.iter()
                    .map(|log| ["address", "topics", "data", "logIndex"].map(|f| log[f].clone()))
                    .collect()
            };
            // Of the transfer to the contract that reverts, go-ethereum drops the log
            // (internal/ethapi/logtracer.go, onExit); anvil keeps it.
            if (block, index) != (0, 3) {
                assert_eq!(logs(theirs), logs(ours), "logs of call {index}");
            }
        }
    }
    // The transfer shows in the next call, and native value as logs: two hops, then one.
    let calls = &ours[0]["calls"];
    assert_eq!(calls[1]["returnData"], json!(B256::with_last_byte(10)));
    assert_eq!(calls[2]["logs"].as_array().unwrap().len(), 2);
    assert_eq!(calls[3]["logs"].as_array().unwrap().len(), 1);
    assert_eq!(calls[4]["status"], "0x0");
    // go-ethereum gives the revert data; anvil only the return data.
    assert_eq!(calls[4]["error"]["data"], calls[4]["returnData"]);
    assert_eq!(calls[4]["error"]["data"], "0x01020304");
}
