//! Requests and their errors.

use alloy::primitives::{Address, B256, Bytes, U256, address};
use alloy::sol_types::{Panic, PanicKind, Revert, SolError};
use serde_json::{Value, json};

use crate::contracts::{FORWARDER, LOGGER, REVERTER, WRITER, init, word, words};
use crate::node::{GWEI, at, paper, plain, quantity, raw, send, sign, signer};

const BUILDER: Address = address!("00000000000000000000000000000000000b0b00");

#[test]
fn unknown_methods_and_bad_parameters_have_their_codes() {
    let paper = paper();
    let error = paper.request("eth_sign", json!([])).unwrap_err();
    assert_eq!(error.code, -32601);
    assert!(error.message.contains("eth_sign"));
    for (method, params) in [
        ("eth_getBalance", json!([])),
        ("eth_getBalance", json!(["0x12", "latest"])),
        ("eth_getBalance", json!([BUILDER, "newest"])),
        ("eth_getBalance", json!({"address": BUILDER})),
        ("eth_getStorageAt", json!([BUILDER, "slot", "latest"])),
        ("eth_getBlockByNumber", json!([])),
        ("eth_getTransactionReceipt", json!(["0x1234"])),
        ("eth_sendRawTransaction", json!(["zz"])),
        ("eth_call", json!(["latest"])),
        ("eth_feeHistory", json!(["0x1"])),
        (
            "eth_getLogs",
            json!([{"fromBlock": "0x2", "toBlock": "0x1"}]),
        ),
    ] {
        let error = paper.request(method, params.clone()).unwrap_err();
        assert_eq!(error.code, -32602, "{method} {params}: {error}");
    }
}

#[test]
fn unknown_things_are_null_and_future_states_are_errors() {
    let paper = paper();
    for (method, params) in [
        ("eth_getBlockByNumber", json!(["0x5", false])),
        ("eth_getBlockByHash", json!([B256::ZERO, false])),
        ("eth_getTransactionByHash", json!([B256::ZERO])),
        ("eth_getTransactionReceipt", json!([B256::ZERO])),
        ("eth_getBlockReceipts", json!(["0x5"])),
    ] {
        assert_eq!(paper.request(method, params), Ok(Value::Null), "{method}");
    }
    let error = paper
        .request("eth_getBalance", json!([BUILDER, "0x5"]))
        .unwrap_err();
    assert_eq!((error.code, &*error.message), (-32000, "header not found"));
}

#[test]
fn a_node_says_who_it_is() {
    let paper = paper();
    let ask = |method: &str| paper.request(method, Value::Null).unwrap();
    assert_eq!(ask("eth_chainId"), "0x7a69");
    assert_eq!(ask("net_version"), "31337");
    assert!(
        ask("web3_clientVersion")
            .as_str()
            .unwrap()
            .starts_with("airdrops-paper/")
    );
    assert_eq!(ask("eth_syncing"), json!(false));
    assert_eq!(ask("eth_blockNumber"), "0x0");
    assert_eq!(quantity(&ask("eth_maxPriorityFeePerGas")), 1_000_000_000);
    assert_eq!(quantity(&ask("eth_gasPrice")), 2_000_000_000);
}

#[test]
fn reverts_carry_their_reason_and_data() {
    let paper = paper();
    let reverter = paper.deploy(BUILDER, init(REVERTER)).unwrap();
    let cases: [(Vec<u8>, &str); 3] = [
        (Revert::from("no").abi_encode(), "execution reverted: no"),
        (
            Panic::from(PanicKind::UnderOverflow).abi_encode(),
            "execution reverted: arithmetic underflow or overflow",
        ),
        (vec![1, 2, 3, 4], "execution reverted"),
    ];
    for (data, words) in cases {
        let data = Bytes::from(data);
        for method in ["eth_call", "eth_estimateGas"] {
            let request = json!([{"to": reverter, "data": data}]);
            let error = paper.request(method, request).unwrap_err();
            assert_eq!((error.code, &*error.message), (3, words), "{method}");
            assert_eq!(error.data.as_ref(), Some(&data));
        }
    }
}

#[test]
fn calls_need_funds_for_value_and_price() {
    let paper = paper();
    let poor = json!([{"from": BUILDER, "to": BUILDER, "value": "0x1", "gas": "0x5208"}]);
    let error = paper.request("eth_call", poor).unwrap_err();
    assert_eq!(error.code, -32000);
    assert_eq!(
        error.message,
        format!(
            "err: insufficient funds for gas * price + value: address {BUILDER} have 0 want 1 \
             (supplied gas 21000)"
        )
    );
    let dear = json!([{"from": BUILDER, "to": BUILDER, "value": "0x1", "gasPrice": "0x1"}]);
    let error = paper.request("eth_estimateGas", dear).unwrap_err();
    assert_eq!(error.message, "insufficient funds for transfer");
    let both = json!([{"to": BUILDER, "gasPrice": "0x1", "maxFeePerGas": "0x1"}]);
    let error = paper.request("eth_call", both).unwrap_err();
    assert!(error.message.starts_with("both gasPrice and"));
}

#[test]
fn an_estimate_is_enough_also_with_refunds_and_nested_calls() {
    let paper = paper();
    let writer = paper.deploy(BUILDER, init(WRITER)).unwrap();
    let set = words(&[U256::from(1), U256::from(2)]);
    paper.transact(BUILDER, writer, U256::ZERO, set).unwrap();
    let clear = words(&[U256::from(1), U256::ZERO]);
    let request = json!({"from": signer(0).address(), "to": writer, "data": clear});
    let gas = quantity(&paper.request("eth_estimateGas", json!([request])).unwrap());
    let tx = alloy::consensus::TxEip1559 {
        gas_limit: gas,
        value: U256::ZERO,
        input: clear,
        ..plain(0, writer)
    };
    let tx = sign(&signer(0), tx);
    send(&paper, &tx).unwrap();
    paper.mine(at(12));
    let receipt = crate::node::receipt(&paper, &tx);
    assert_eq!(receipt["status"], "0x1");
    // The refund of clearing the slot came on top of what it needed.
    assert!(quantity(&receipt["gasUsed"]) < gas);
}

#[test]
fn storage_overrides_replace_all_or_some() {
    let paper = paper();
    // Returns slot 1 plus slot 2.
    let reader = paper
        .deploy(
            BUILDER,
            init(&alloy::primitives::hex!("600154600254015f5260205ff3")),
        )
        .unwrap();
    let code = paper
        .request("eth_getCode", json!([reader, "latest"]))
        .unwrap();
    let call = |overrides: Value| {
        let params = json!([{"to": reader}, "latest", {reader.to_string(): overrides}]);
        let answer = paper.request("eth_call", params).unwrap();
        quantity(&json!(format!(
            "0x{}",
            answer
                .as_str()
                .unwrap()
                .trim_start_matches("0x")
                .trim_start_matches('0')
        )))
    };
    let slots = |one: u8| json!({B256::with_last_byte(1).to_string(): B256::with_last_byte(one)});
    // A world where slot 2 is 5.
    let writer = init(WRITER);
    let place = paper.deploy(BUILDER, writer).unwrap();
    paper
        .transact(
            BUILDER,
            place,
            U256::ZERO,
            words(&[U256::from(2), U256::from(5)]),
        )
        .unwrap();
    let at_place = |overrides: Value| {
        let mut overrides = overrides;
        overrides["code"] = code.clone();
        let params = json!([{"to": place}, "latest", {place.to_string(): overrides}]);
        let answer: B256 =
            serde_json::from_value(paper.request("eth_call", params).unwrap()).unwrap();
        U256::from_be_bytes(answer.0)
    };
    assert_eq!(call(json!({"stateDiff": slots(3)})), 3);
    assert_eq!(at_place(json!({})), U256::from(5));
    assert_eq!(at_place(json!({"stateDiff": slots(3)})), U256::from(8));
    assert_eq!(at_place(json!({"state": slots(3)})), U256::from(3));
}

#[test]
fn the_pending_state_has_what_waits() {
    let paper = paper();
    let to = Address::repeat_byte(0x77);
    send(&paper, &sign(&signer(0), plain(0, to))).unwrap();
    let balance = |tag: &str| quantity(&paper.request("eth_getBalance", json!([to, tag])).unwrap());
    assert_eq!((balance("latest"), balance("pending")), (0, 1));
    let block = paper
        .request("eth_getBlockByNumber", json!(["pending", false]))
        .unwrap();
    assert_eq!(block["number"], "0x1");
    assert_eq!(block["transactions"].as_array().unwrap().len(), 1);
    paper.mine(at(12));
    assert_eq!(balance("latest"), 1);
}

#[test]
fn safe_and_finalized_follow_behind() {
    let paper = paper();
    for block in 1..=100 {
        paper.mine(at(block * 12));
    }
    for (tag, number) in [
        ("latest", 100),
        ("safe", 68),
        ("finalized", 36),
        ("earliest", 0),
    ] {
        let block = paper
            .request("eth_getBlockByNumber", json!([tag, false]))
            .unwrap();
        assert_eq!(quantity(&block["number"]), number, "{tag}");
    }
}

#[test]
fn logs_are_found_by_address_topic_and_block() {
    let paper = paper();
    let one = paper.deploy(BUILDER, init(LOGGER)).unwrap();
    let two = paper.deploy(BUILDER, init(LOGGER)).unwrap();
    for (logger, value) in [(one, 1), (two, 2), (one, 3)] {
        paper
            .transact(BUILDER, logger, U256::ZERO, words(&[U256::from(value)]))
            .unwrap();
    }
    let found = |filter: Value| -> Vec<u64> {
        let logs = paper.request("eth_getLogs", json!([filter])).unwrap();
        let logs = logs.as_array().unwrap().clone();
        logs.iter()
            .map(|log| {
                let data: B256 = serde_json::from_value(log["data"].clone()).unwrap();
                U256::from_be_bytes(data.0).to()
            })
            .collect()
    };
    let seven = B256::with_last_byte(7);
    assert_eq!(found(json!({"fromBlock": "earliest"})), [1, 2, 3]);
    assert_eq!(found(json!({"fromBlock": "0x0", "address": one})), [1, 3]);
    assert_eq!(found(json!({"fromBlock": "0x0", "toBlock": "0x4"})), [1, 2]);
    assert_eq!(
        found(json!({"fromBlock": "0x0", "topics": [seven]})),
        [1, 2, 3]
    );
    assert_eq!(
        found(json!({"fromBlock": "0x0", "topics": [null, seven]})),
        [0; 0]
    );
    assert_eq!(found(json!({"blockHash": paper.head().hash})), [3]);
    assert_eq!(found(json!({})), [3]);
}

#[test]
fn receipts_of_a_block_number_their_logs_through() {
    let paper = paper();
    let logger = paper.deploy(BUILDER, init(LOGGER)).unwrap();
    for index in 0..3 {
        let tx = alloy::consensus::TxEip1559 {
            gas_limit: 100_000,
            value: U256::ZERO,
            ..plain(0, logger)
        };
        send(&paper, &sign(&signer(index), tx)).unwrap();
    }
    paper.mine(at(12));
    let receipts = paper
        .request("eth_getBlockReceipts", json!(["latest"]))
        .unwrap();
    let receipts = receipts.as_array().unwrap();
    let mut cumulative = 0;
    for (index, receipt) in receipts.iter().enumerate() {
        cumulative += quantity(&receipt["gasUsed"]);
        assert_eq!(quantity(&receipt["cumulativeGasUsed"]), cumulative);
        assert_eq!(quantity(&receipt["transactionIndex"]), index as u64);
        assert_eq!(quantity(&receipt["logs"][0]["logIndex"]), index as u64);
    }
    assert_eq!(receipts.len(), 3);
}

#[test]
fn a_validated_simulation_refuses_what_a_block_could_not_hold() {
    let paper = paper();
    let from = signer(0).address();
    let simulate = |call: Value| {
        let block = json!([{"calls": [call]}]);
        let payload = json!([{"blockStateCalls": block, "validation": true}, "latest"]);
        paper.request("eth_simulateV1", payload)
    };
    let fine = json!({"from": from, "to": BUILDER, "value": "0x1", "gas": "0x5208",
        "maxFeePerGas": U256::from(2 * GWEI), "maxPriorityFeePerGas": "0x1", "nonce": "0x0"});
    assert_eq!(
        simulate(fine.clone()).unwrap()[0]["calls"][0]["status"],
        "0x1"
    );
    let with = |field: &str, value: &str| {
        let mut call = fine.clone();
        call[field] = json!(value);
        simulate(call).unwrap_err().code
    };
    assert_eq!(with("nonce", "0x1"), -38011);
    assert_eq!(with("gas", "0x5207"), -38013);
    assert_eq!(with("value", "0xffffffffffffffffffffff"), -38014);
    assert_eq!(with("maxFeePerGas", "0x1"), -38012);
    assert_eq!(with("gas", "0xfffffffff"), -38015);
}

/// As go-ethereum does (internal/ethapi/logtracer.go, onExit).
#[test]
fn a_simulation_drops_the_transfers_of_frames_that_failed() {
    let paper = paper();
    let reverter = paper.deploy(BUILDER, init(REVERTER)).unwrap();
    let forwarder = paper.deploy(BUILDER, init(FORWARDER)).unwrap();
    let simulate = |to: Address, target: Address| -> Vec<(Value, Value)> {
        let call = json!({"from": signer(0).address(), "to": to, "value": "0x9",
            "data": words(&[word(target)])});
        let block = json!([{"calls": [call]}]);
        let payload = json!([{"blockStateCalls": block, "traceTransfers": true}]);
        let answer = paper.request("eth_simulateV1", payload).unwrap();
        let logs = answer[0]["calls"][0]["logs"].as_array().unwrap().clone();
        logs.iter()
            .map(|log| (log["address"].clone(), log["topics"][2].clone()))
            .collect()
    };
    let native = json!(address!("eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"));
    let to = |address: Address| (native.clone(), json!(address.into_word()));
    assert_eq!(simulate(forwarder, BUILDER), [to(forwarder), to(BUILDER)]);
    assert_eq!(simulate(forwarder, reverter), [to(forwarder)]);
    assert_eq!(simulate(reverter, BUILDER), []);
}

#[test]
fn a_trace_shows_what_a_transaction_changed_and_nothing_else() {
    let paper = paper();
    let writer = paper.deploy(BUILDER, init(WRITER)).unwrap();
    let first = sign(&signer(1), plain(0, BUILDER));
    let tx = alloy::consensus::TxEip1559 {
        gas_limit: 100_000,
        value: U256::ZERO,
        input: words(&[U256::from(1), U256::from(2)]),
        ..plain(0, writer)
    };
    let tx = sign(&signer(0), tx);
    send(&paper, &first).unwrap();
    send(&paper, &tx).unwrap();
    paper.mine(at(12));
    // What came after does not show.
    paper
        .set_balance(signer(0).address(), U256::from(1))
        .unwrap();
    let options = json!({"tracer": "prestateTracer", "tracerConfig": {"diffMode": true}});
    let trace = paper
        .request("debug_traceTransaction", json!([tx.tx_hash(), options]))
        .unwrap();
    let key = |address: Address| format!("{address:#x}");
    let (from, to) = (key(signer(0).address()), key(writer));
    let amount = |value: &Value| serde_json::from_value::<U256>(value.clone()).unwrap();
    let receipt = crate::node::receipt(&paper, &tx);
    let fee = amount(&receipt["gasUsed"]) * amount(&receipt["effectiveGasPrice"]);
    let spent = amount(&trace["pre"][&from]["balance"]) - amount(&trace["post"][&from]["balance"]);
    assert_eq!(spent, fee);
    assert_eq!(trace["post"][&from]["nonce"], json!(1));
    let slots = json!({B256::with_last_byte(1).to_string(): B256::with_last_byte(2)});
    assert_eq!(trace["post"][&to], json!({"storage": slots}));
    assert!(trace["post"].get(key(BUILDER)).is_none());
    let error = paper
        .request(
            "debug_traceTransaction",
            json!([tx.tx_hash(), {"tracer": "callTracer"}]),
        )
        .unwrap_err();
    assert!(error.message.contains("callTracer"));
    // A call is traced without being made.
    let call = json!({"from": signer(2).address(), "to": BUILDER, "value": "0x5"});
    let trace = paper
        .request("debug_traceCall", json!([call, "latest", options]))
        .unwrap();
    let builder = key(BUILDER);
    let got =
        amount(&trace["post"][&builder]["balance"]) - amount(&trace["pre"][&builder]["balance"]);
    assert_eq!(got, U256::from(5));
    assert_eq!(raw(&tx)[0], 2);
}
