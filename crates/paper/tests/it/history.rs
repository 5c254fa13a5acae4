//! Old states, pruning, reorganisations, determinism.

use airdrops_paper::{PaperChain, PaperConfig};
use alloy::primitives::{Address, B256, Bytes, U256, address};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::contracts::{BLOCKHASH, LOGGER, WRITER, init, words};
use crate::node::{GWEI, at, config, is_mined, paper, plain, raw, send, sign, signer};

const BUILDER: Address = address!("00000000000000000000000000000000000b0b00");
const TO: Address = address!("00000000000000000000000000000000c0ffee00");

fn balance(paper: &PaperChain, address: Address, number: u64) -> U256 {
    let params = json!([address, U256::from(number)]);
    serde_json::from_value(paper.request("eth_getBalance", params).unwrap()).unwrap()
}

fn slot(paper: &PaperChain, address: Address, key: u64, number: u64) -> U256 {
    let params = json!([address, U256::from(key), U256::from(number)]);
    let value = paper.request("eth_getStorageAt", params).unwrap();
    serde_json::from_value::<B256>(value).unwrap().into()
}

/// The state at every height, seen at the time, is what is read later, after any sequence of
/// writes; and after a reorganisation what is left is what was there.
#[test]
fn every_old_state_reads_as_it_was_then() {
    let paper = paper();
    let writer = paper.deploy(BUILDER, init(WRITER)).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let accounts: Vec<Address> = (1..6).map(Address::repeat_byte).collect();
    let picture = |number: u64| -> Vec<U256> {
        let mut values: Vec<U256> = accounts
            .iter()
            .map(|a| balance(&paper, *a, number))
            .collect();
        values.extend((0..4).map(|key| slot(&paper, writer, key, number)));
        values
    };
    let mut seen: Vec<(u64, Vec<U256>)> = Vec::new();
    for _ in 0..60 {
        match random.random_range(0..3) {
            0 => {
                let key = U256::from(random.random_range(0..4u8));
                let value = U256::from(random.random_range(0..3u8));
                let input = words(&[key, value]);
                paper.transact(BUILDER, writer, U256::ZERO, input).unwrap();
            }
            1 => {
                let account = accounts[random.random_range(0..accounts.len())];
                paper.set_balance(BUILDER, U256::from(1000)).unwrap();
                let value = U256::from(random.random_range(0..9u8));
                paper
                    .transact(BUILDER, account, value, Bytes::new())
                    .unwrap();
            }
            _ => {
                paper.mine(at(0));
                let account = accounts[random.random_range(0..accounts.len())];
                let value = U256::from(random.random_range(0..9u8));
                paper.set_balance(account, value).unwrap();
            }
        }
        let number = paper.head().number;
        seen.push((number, picture(number)));
    }
    for (number, then) in &seen {
        assert_eq!(&picture(*number), then, "block {number}");
    }
    assert!(seen.first().unwrap().1 != seen.last().unwrap().1);
    paper.reorg(25).unwrap();
    let head = paper.head().number;
    for (number, then) in seen.iter().filter(|(number, _)| *number <= head) {
        assert_eq!(
            &picture(*number),
            then,
            "block {number} after the reorganisation"
        );
    }
    assert_eq!(seen.iter().filter(|(number, _)| *number > head).count(), 25);
}

#[test]
fn old_blocks_are_forgotten_and_say_so() {
    let paper = PaperChain::new(PaperConfig {
        history: 256,
        ..config()
    });
    let tx = sign(&signer(0), plain(0, TO));
    paper.set_balance(signer(0).address(), U256::MAX).unwrap();
    send(&paper, &tx).unwrap();
    for block in 1..=300 {
        paper.mine(at(block * 12));
    }
    assert_eq!(balance(&paper, TO, 45), U256::from(1));
    for (method, params) in [
        ("eth_getBalance", json!([TO, "0x2c"])),
        ("eth_getBlockByNumber", json!(["0x2c", false])),
        ("eth_call", json!([{"to": TO}, "0x2c"])),
        ("eth_getLogs", json!([{"fromBlock": "0x2c"}])),
    ] {
        let error = paper.request(method, params).unwrap_err();
        assert_eq!(
            error.message,
            "block #44 is no longer kept, the oldest is #45"
        );
    }
    assert!(!is_mined(&paper, &tx));
    let blockhash = paper.deploy(BUILDER, init(BLOCKHASH)).unwrap();
    let block = paper
        .request("eth_getBlockByNumber", json!(["0x64", false]))
        .unwrap();
    let hash = paper.call(blockhash, words(&[U256::from(100)])).unwrap();
    assert_eq!(json!(hash), block["hash"]);
}

#[test]
fn each_block_names_its_parent() {
    let paper = paper();
    for block in 1..5 {
        paper.mine(at(block * 12));
    }
    paper.deploy(BUILDER, init(LOGGER)).unwrap();
    for number in 1..=5u64 {
        let block = |number: u64| {
            let params = json!([U256::from(number), false]);
            paper.request("eth_getBlockByNumber", params).unwrap()
        };
        assert_eq!(block(number)["parentHash"], block(number - 1)["hash"]);
        // The hash is that of the header that is shown.
        let header: alloy::rpc::types::Header = serde_json::from_value(block(number)).unwrap();
        assert_eq!(header.inner.hash_slow(), header.hash);
    }
}

#[test]
fn a_reorganisation_puts_transactions_back_and_never_repeats_a_hash() {
    let paper = paper();
    let first = sign(&signer(0), plain(0, TO));
    let second = sign(&signer(0), plain(1, TO));
    send(&paper, &first).unwrap();
    paper.mine(at(12));
    send(&paper, &second).unwrap();
    paper.mine(at(24));
    let old = paper.head();
    paper.reorg(2).unwrap();
    assert_eq!(paper.head().number, 0);
    assert_eq!(balance(&paper, TO, 0), U256::ZERO);
    assert!(!is_mined(&paper, &first) && !is_mined(&paper, &second));
    let waiting = paper
        .request("eth_getTransactionByHash", json!([second.tx_hash()]))
        .unwrap();
    assert_eq!(waiting["blockNumber"], json!(null));
    let lost = paper.request("eth_getBlockByHash", json!([old.hash, false]));
    assert_eq!(lost, Ok(Value::Null));
    paper.mine(at(12));
    assert!(is_mined(&paper, &first) && is_mined(&paper, &second));
    paper.mine(at(24));
    assert_ne!(paper.head().hash, old.hash);
    assert_eq!(paper.head().number, old.number);
    // Nor does an empty block at the same time.
    paper.mine(at(36));
    let empty = paper.head();
    paper.reorg(1).unwrap();
    paper.mine(at(36));
    assert_ne!(paper.head().hash, empty.hash);
    paper.reorg(1).unwrap();
    assert!(paper.reorg(3).unwrap_err().to_string().contains("only 2"));
}

#[test]
fn world_building_survives_a_reorganisation_like_any_transaction() {
    let paper = paper();
    let writer = paper.deploy(BUILDER, init(WRITER)).unwrap();
    let input = words(&[U256::from(1), U256::from(2)]);
    paper.transact(BUILDER, writer, U256::ZERO, input).unwrap();
    paper.reorg(1).unwrap();
    assert_eq!(slot(&paper, writer, 1, 1), U256::ZERO);
    let head = paper.mine(at(12)).number;
    assert_eq!(slot(&paper, writer, 1, head), U256::from(2));
}

#[test]
fn equal_calls_give_equal_hashes() {
    let run = |seed: u64| -> B256 {
        let paper = paper();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut nonces = [0; 4];
        let logger = paper.deploy(BUILDER, init(LOGGER)).unwrap();
        for block in 1..30 {
            paper.set_background_gas(random.random_range(0..30_000_000));
            for _ in 0..random.random_range(0..5) {
                let who = random.random_range(0..4u8);
                let nonce = &mut nonces[usize::from(who)];
                let tx = alloy::consensus::TxEip1559 {
                    gas_limit: 100_000,
                    max_fee_per_gas: 200 * GWEI,
                    max_priority_fee_per_gas: random.random_range(0..5) * GWEI,
                    ..plain(*nonce, logger)
                };
                *nonce += 1;
                let tx = sign(&signer(who), tx);
                paper
                    .request("eth_sendRawTransaction", json!([raw(&tx)]))
                    .unwrap();
            }
            paper.mine(at(block * 12));
            if random.random_bool(0.1) {
                paper.reorg(1).unwrap();
            }
        }
        paper.head().hash
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
