//! The pool's rules, against the words of go-ethereum (core/txpool/validation.go,
//! core/txpool/legacypool/{legacypool,list}.go, core/txpool/errors.go, core/error.go), because
//! anvil's pool has others.

use airdrops_paper::PaperChain;
use alloy::consensus::{SignableTransaction, TxEip1559, TxEip4844, TxEnvelope, TxLegacy};
use alloy::primitives::{Address, Bytes, Signature, TxKind, U256, address};
use serde_json::json;

use crate::contracts::{BURNER, init};
use crate::node::{CHAIN, ETHER, GWEI, at, is_mined, paper, plain, quantity, send, sign, signer};

const TO: Address = address!("00000000000000000000000000000000c0ffee00");

fn priced(nonce: u64, cap: u128, tip: u128) -> TxEnvelope {
    let tx = TxEip1559 {
        max_fee_per_gas: cap,
        max_priority_fee_per_gas: tip,
        ..plain(nonce, TO)
    };
    sign(&signer(0), tx)
}

fn pending_nonce(paper: &PaperChain) -> u64 {
    let params = json!([signer(0).address(), "pending"]);
    quantity(&paper.request("eth_getTransactionCount", params).unwrap())
}

const UNDERPRICED: &str = "replacement transaction underpriced";

#[test]
fn a_replacement_must_raise_both_fee_fields_by_ten_percent() {
    let paper = paper();
    let first = priced(0, 100 * GWEI, 10 * GWEI);
    send(&paper, &first).unwrap();
    for (cap, tip) in [
        (101 * GWEI, 11 * GWEI),
        (110 * GWEI, 11 * GWEI - 1),
        (110 * GWEI - 1, 11 * GWEI),
        (200 * GWEI, 10 * GWEI),
        (100 * GWEI, 20 * GWEI),
    ] {
        let error = send(&paper, &priced(0, cap, tip)).unwrap_err();
        assert_eq!(error, UNDERPRICED, "{cap} {tip}");
    }
    let second = priced(0, 110 * GWEI, 11 * GWEI);
    send(&paper, &second).unwrap();
    let gone = paper.request("eth_getTransactionByHash", json!([first.tx_hash()]));
    assert_eq!(gone, Ok(json!(null)));
    paper.mine(at(12));
    assert!(is_mined(&paper, &second) && !is_mined(&paper, &first));
}

#[test]
fn ten_percent_of_little_still_must_be_more() {
    let paper = paper();
    send(&paper, &priced(0, 2 * GWEI, 1)).unwrap();
    let error = send(&paper, &priced(0, 3 * GWEI, 1)).unwrap_err();
    assert_eq!(error, UNDERPRICED);
    send(&paper, &priced(0, 3 * GWEI, 2)).unwrap();
}

#[test]
fn the_same_transaction_again_is_already_known_and_a_mined_one_has_too_low_a_nonce() {
    let paper = paper();
    let tx = priced(0, 10 * GWEI, GWEI);
    send(&paper, &tx).unwrap();
    assert_eq!(send(&paper, &tx).unwrap_err(), "already known");
    paper.mine(at(12));
    let words = "nonce too low: next nonce 1, tx nonce 0";
    assert_eq!(send(&paper, &tx).unwrap_err(), words);
}

#[test]
fn a_transaction_behind_a_gap_waits_for_it_to_close() {
    let paper = paper();
    let (first, second, third) = (
        priced(0, 10 * GWEI, GWEI),
        priced(1, 10 * GWEI, GWEI),
        priced(2, 10 * GWEI, GWEI),
    );
    send(&paper, &first).unwrap();
    send(&paper, &third).unwrap();
    assert_eq!(pending_nonce(&paper), 1);
    paper.mine(at(12));
    paper.mine(at(24));
    assert!(is_mined(&paper, &first) && !is_mined(&paper, &third));
    send(&paper, &second).unwrap();
    assert_eq!(pending_nonce(&paper), 3);
    paper.mine(at(36));
    assert!(is_mined(&paper, &second) && is_mined(&paper, &third));
}

#[test]
fn a_fee_cap_under_the_base_fee_stays_pending_until_the_base_fee_falls() {
    let paper = paper();
    let base_fee = paper.base_fee();
    let tx = priced(0, base_fee * 8 / 10, GWEI / 10);
    send(&paper, &tx).unwrap();
    assert_eq!(pending_nonce(&paper), 1);
    paper.mine(at(12));
    assert!(!is_mined(&paper, &tx));
    assert_eq!(paper.base_fee(), base_fee * 7 / 8);
    paper.mine(at(24));
    assert!(!is_mined(&paper, &tx));
    let found = paper
        .request("eth_getTransactionByHash", json!([tx.tx_hash()]))
        .unwrap();
    assert_eq!(found["blockNumber"], json!(null));
    assert_eq!(found["from"], json!(signer(0).address()));
    paper.mine(at(36));
    assert!(is_mined(&paper, &tx));
}

#[test]
fn funds_must_cover_the_transaction_and_all_that_wait() {
    let paper = paper();
    paper.set_balance(signer(0).address(), ETHER).unwrap();
    let rich = |nonce, value| {
        let tx = TxEip1559 {
            value,
            ..plain(nonce, TO)
        };
        sign(&signer(0), tx)
    };
    let fee = U256::from(21_000 * 10 * GWEI);
    assert_eq!(
        send(&paper, &rich(0, ETHER)).unwrap_err(),
        format!(
            "insufficient funds for gas * price + value: balance {ETHER}, tx cost {}, overshot {fee}",
            ETHER + fee
        )
    );
    send(&paper, &rich(0, ETHER - fee)).unwrap();
    let error = send(&paper, &rich(1, U256::ZERO)).unwrap_err();
    assert_eq!(
        error,
        format!(
            "insufficient funds for gas * price + value: balance {ETHER}, queued cost {ETHER}, \
             tx cost {fee}, overshot {fee}"
        )
    );
}

#[test]
fn a_transaction_that_became_unpayable_is_dropped() {
    let paper = paper();
    let tx = priced(1, 10 * GWEI, GWEI);
    send(&paper, &tx).unwrap();
    paper
        .set_balance(signer(0).address(), U256::from(1))
        .unwrap();
    paper.mine(at(12));
    let gone = paper.request("eth_getTransactionByHash", json!([tx.tx_hash()]));
    assert_eq!(gone, Ok(json!(null)));
}

#[test]
fn invalid_transactions_are_refused_in_the_words_of_go_ethereum() {
    let paper = paper();
    let base = || plain(0, TO);
    let cases = [
        (
            TxEip1559 {
                gas_limit: 20_999,
                ..base()
            },
            "intrinsic gas too low: gas 20999, minimum needed 21000",
        ),
        (
            TxEip1559 {
                gas_limit: 37_000,
                input: vec![1; 1000].into(),
                ..base()
            },
            "insufficient gas for floor data gas cost: gas 37000, minimum needed 61000",
        ),
        (
            TxEip1559 {
                chain_id: 5,
                ..base()
            },
            "invalid sender: invalid chain id for signer: have 5 want 31337",
        ),
        (
            TxEip1559 {
                gas_limit: 30_000_001,
                ..base()
            },
            "exceeds block gas limit",
        ),
        (
            TxEip1559 {
                max_fee_per_gas: 5,
                max_priority_fee_per_gas: 6,
                ..base()
            },
            "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: 6, \
             maxFeePerGas: 5",
        ),
        (
            TxEip1559 {
                to: TxKind::Create,
                gas_limit: 10_000_000,
                input: vec![0; 49_153].into(),
                ..base()
            },
            "max initcode size exceeded: code size 49153, limit 49152",
        ),
        (
            TxEip1559 {
                gas_limit: 10_000_000,
                input: vec![0; 200_000].into(),
                ..base()
            },
            "oversized data: transaction size 200118, limit 131072",
        ),
    ];
    for (tx, words) in cases {
        assert_eq!(send(&paper, &sign(&signer(0), tx)).unwrap_err(), words);
    }
    let unprotected = TxLegacy {
        chain_id: None,
        gas_price: 10 * GWEI,
        gas_limit: 21_000,
        to: TxKind::Call(TO),
        ..TxLegacy::default()
    };
    assert_eq!(
        send(&paper, &sign(&signer(0), unprotected)).unwrap_err(),
        "only replay-protected (EIP-155) transactions allowed over RPC"
    );
    let blob = TxEip4844 {
        chain_id: CHAIN,
        blob_versioned_hashes: vec![Default::default()],
        ..TxEip4844::default()
    };
    let blob: TxEnvelope = blob
        .into_signed(Signature::new(U256::from(1), U256::from(1), false))
        .into();
    assert_eq!(
        send(&paper, &blob).unwrap_err(),
        "transaction type not supported: tx type 3 not supported by this pool"
    );
    for junk in ["0x", "0x02", "0xdeadbeef"] {
        let error = paper
            .request("eth_sendRawTransaction", json!([junk]))
            .unwrap_err();
        assert!(error.message.starts_with("rlp: "), "{error}");
    }
}

#[test]
fn a_block_takes_the_best_tips_first_and_equal_ones_as_they_came() {
    let paper = paper();
    let from = |index: u8, tip: u128| {
        let tx = TxEip1559 {
            max_priority_fee_per_gas: tip,
            ..plain(0, TO)
        };
        sign(&signer(index), tx)
    };
    // Signer 3's second pays most, but cannot come before its first.
    let order = [
        from(1, 3 * GWEI),
        from(0, 2 * GWEI),
        from(2, 2 * GWEI),
        from(3, GWEI),
    ];
    let second = TxEip1559 {
        max_priority_fee_per_gas: 9 * GWEI,
        ..plain(1, TO)
    };
    let second = sign(&signer(3), second);
    for tx in [&second, &order[1], &order[2], &order[3], &order[0]] {
        send(&paper, tx).unwrap();
    }
    paper.mine(at(12));
    let block = paper
        .request("eth_getBlockByNumber", json!(["latest", false]))
        .unwrap();
    let hashes: Vec<_> = order
        .iter()
        .chain([&second])
        .map(TxEnvelope::tx_hash)
        .collect();
    assert_eq!(block["transactions"], json!(hashes));
}

#[test]
fn other_peoples_gas_moves_the_base_fee_and_leaves_less_room() {
    let paper = paper();
    let start = paper.base_fee();
    paper.set_background_gas(30_000_000);
    let tx = priced(0, 100 * GWEI, GWEI);
    send(&paper, &tx).unwrap();
    paper.mine(at(12));
    assert!(!is_mined(&paper, &tx));
    assert_eq!(paper.base_fee(), start * 9 / 8);
    paper.set_background_gas(15_000_000);
    let fee = paper.base_fee();
    paper.mine(at(24));
    assert!(is_mined(&paper, &tx));
    // 21,000 over the target of 15 million.
    assert_eq!(paper.base_fee(), fee + fee * 21_000 / 15_000_000 / 8);
    let history = paper
        .request("eth_feeHistory", json!(["0x2", "latest", [50]]))
        .unwrap();
    assert_eq!(history["gasUsedRatio"][0], json!(1.0));
    assert_eq!(history["reward"][0][0], json!("0x3b9aca00"));
}

#[test]
fn automining_makes_a_block_for_each_transaction() {
    let paper = paper();
    paper.automine(true);
    for nonce in 0..3 {
        let tx = priced(nonce, 10 * GWEI, GWEI);
        send(&paper, &tx).unwrap();
        assert!(is_mined(&paper, &tx));
    }
    assert_eq!(paper.head().number, 3);
    assert_eq!(paper.head().time, at(36));
}

#[test]
fn a_transaction_that_fails_still_pays() {
    let paper = paper();
    let burner = paper.deploy(TO, init(BURNER)).unwrap();
    let before = paper.base_fee();
    let tx = TxEip1559 {
        gas_limit: 100_000,
        to: TxKind::Call(burner),
        value: U256::ZERO,
        input: Bytes::new(),
        ..plain(0, TO)
    };
    send(&paper, &sign(&signer(0), tx)).unwrap();
    paper.mine(at(12));
    let balance = paper
        .request("eth_getBalance", json!([signer(0).address(), "latest"]))
        .unwrap();
    let balance: U256 = serde_json::from_value(balance).unwrap();
    let paid = U256::from(100_000 * (before + GWEI));
    assert_eq!(balance, ETHER * U256::from(100) - paid);
}
