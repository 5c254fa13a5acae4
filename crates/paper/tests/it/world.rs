//! World building: in anyone's name, at once, without a fee.

use airdrops_paper::PaperError;
use alloy::primitives::{Address, B256, Bytes, U256, address, b256};
use alloy::sol_types::{Revert, SolCall, SolError};
use serde_json::json;

use crate::contracts::{INVALID, LOGGER, REVERTER, Token, init, token_init, words};
use crate::node::{at, is_mined, paper, plain, quantity, send, sign, signer};

const BUILDER: Address = address!("00000000000000000000000000000000000b0b00");

#[test]
fn it_is_a_transaction_in_a_block_of_its_own() {
    let paper = paper();
    paper.mine(at(12));
    let fee = paper.base_fee();
    let logger = paper.deploy(BUILDER, init(LOGGER)).unwrap();
    paper
        .transact(BUILDER, logger, U256::ZERO, words(&[U256::from(5)]))
        .unwrap();
    assert_eq!(paper.head().number, 3);
    assert_eq!(paper.head().time, at(12));
    assert_eq!(paper.base_fee(), fee);
    let block = paper
        .request("eth_getBlockByNumber", json!(["latest", true]))
        .unwrap();
    let tx = &block["transactions"][0];
    assert_eq!(tx["from"], json!(BUILDER));
    assert_eq!(tx["to"], json!(logger));
    assert_eq!((&tx["type"], &tx["nonce"]), (&json!("0x2"), &json!("0x1")));
    let receipt = paper
        .request("eth_getTransactionReceipt", json!([tx["hash"]]))
        .unwrap();
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(receipt["effectiveGasPrice"], "0x0");
    assert_eq!(receipt["logs"][0]["data"], json!(words(&[U256::from(5)])));
    let balance = paper
        .request("eth_getBalance", json!([BUILDER, "latest"]))
        .unwrap();
    assert_eq!(balance, "0x0");
}

#[test]
fn equal_transactions_of_two_senders_have_two_hashes() {
    let paper = paper();
    let mut hashes = Vec::new();
    for sender in [1, 2] {
        let to = Address::repeat_byte(9);
        paper
            .transact(Address::repeat_byte(sender), to, U256::ZERO, Bytes::new())
            .unwrap();
        let block = paper
            .request("eth_getBlockByNumber", json!(["latest", false]))
            .unwrap();
        hashes.push(block["transactions"][0].clone());
    }
    assert_ne!(hashes[0], hashes[1]);
}

#[test]
fn a_contract_can_be_the_sender() {
    let paper = paper();
    let contract = paper.deploy(BUILDER, init(REVERTER)).unwrap();
    let token = paper.deploy(contract, token_init()).unwrap();
    let mint = Token::mintCall {
        to: BUILDER,
        amount: U256::from(3),
    };
    paper
        .transact(contract, token, U256::ZERO, mint.abi_encode().into())
        .unwrap();
    let balance = Token::balanceOfCall { owner: BUILDER };
    let answer = paper.call(token, balance.abi_encode().into()).unwrap();
    assert_eq!(U256::from_be_slice(&answer), U256::from(3));
    let stranger = paper.transact(BUILDER, token, U256::ZERO, mint.abi_encode().into());
    let data = Token::NotOwner { caller: BUILDER }.abi_encode();
    assert_eq!(stranger, Err(PaperError::Reverted(data.into())));
}

#[test]
fn what_fails_says_why_and_leaves_nothing() {
    let paper = paper();
    let reverter = paper.deploy(BUILDER, init(REVERTER)).unwrap();
    let invalid = paper.deploy(BUILDER, init(INVALID)).unwrap();
    let head = paper.head();
    let reason = Revert::from("too early").abi_encode();
    let error = paper
        .transact(BUILDER, reverter, U256::ZERO, reason.into())
        .unwrap_err();
    assert_eq!(error.to_string(), "execution reverted: too early");
    let error = paper
        .transact(BUILDER, invalid, U256::ZERO, Bytes::new())
        .unwrap_err();
    assert_eq!(
        error,
        PaperError::Halted("invalid opcode: INVALID".to_owned())
    );
    let error = paper
        .transact(BUILDER, reverter, U256::from(1), Bytes::new())
        .unwrap_err();
    assert!(matches!(error, PaperError::Invalid(_)), "{error}");
    let error = paper
        .deploy(BUILDER, Bytes::from_static(INVALID))
        .unwrap_err();
    assert!(matches!(error, PaperError::Halted(_)), "{error}");
    assert_eq!(paper.head(), head);
    let nonce = paper
        .request("eth_getTransactionCount", json!([BUILDER, "latest"]))
        .unwrap();
    assert_eq!(quantity(&nonce), 2);
}

#[test]
fn it_knows_no_code_size_limit_and_leaves_waiting_transactions_alone() {
    let paper = paper();
    let tx = sign(&signer(0), plain(0, BUILDER));
    send(&paper, &tx).unwrap();
    // 60,000 zero bytes of code: PUSH3 size, PUSH0, RETURN.
    let big = Bytes::from_static(&[0x62, 0, 0xea, 0x60, 0x5f, 0xf3]);
    let contract = paper.deploy(BUILDER, big).unwrap();
    let code = paper
        .request("eth_getCode", json!([contract, "latest"]))
        .unwrap();
    assert_eq!(code.as_str().unwrap().len(), 2 + 2 * 60_000);
    assert!(!is_mined(&paper, &tx));
    paper.mine(at(12));
    assert!(is_mined(&paper, &tx));
}

/// keccak256(rlp([sender, nonce])) and EIP-1014, of go-ethereum's crypto tests and the EIP.
#[test]
fn contracts_get_the_addresses_that_they_get_everywhere() {
    let paper = paper();
    let sender = address!("970e8128ab834e8eac17ab8e3812f010678cf791");
    let first = paper.deploy(sender, init(LOGGER)).unwrap();
    assert_eq!(first, address!("333c3310824b7c685133f2bedb2ca4b8b4df633d"));
    let root = b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
    paper.mine(at(12));
    let block = paper
        .request("eth_getBlockByNumber", json!(["latest", false]))
        .unwrap();
    assert_eq!(block["transactionsRoot"], json!(root));
    assert_eq!(block["stateRoot"], json!(B256::ZERO));
}
