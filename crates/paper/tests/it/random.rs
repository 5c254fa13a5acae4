//! A long seeded sequence of transactions on anvil and here.

use airdrops_testkit::anvil_or_skip;
use alloy::consensus::{TxEip1559, TxEnvelope};
use alloy::primitives::{Address, Bytes, TxKind, U256};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::contracts::{BURNER, FACTORY, FORWARDER, LOGGER, REVERTER, WRITER, init, word, words};
use crate::node::{GWEI, Pair, options, plain, sign, signer};

#[tokio::test]
async fn a_hundred_and_fifty_random_transactions_do_what_they_do_on_anvil() {
    let mut pair = Pair::new(anvil_or_skip!(options())).await;
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut nonces = [0u64; 4];
    let mut places: Vec<Address> = Vec::new();
    for runtime in [LOGGER, REVERTER, BURNER, FORWARDER, WRITER, FACTORY] {
        let tx = TxEip1559 {
            gas_limit: 500_000,
            to: TxKind::Create,
            value: U256::ZERO,
            input: init(runtime),
            ..plain(nonces[0], Address::ZERO)
        };
        nonces[0] += 1;
        let receipts = pair.block(&[sign(&signer(0), tx)]).await;
        places.push(serde_json::from_value(receipts[0]["contractAddress"].clone()).unwrap());
    }
    let accounts: Vec<Address> = (0..4).map(|index| signer(index).address()).collect();
    let mut sent = 0u32;
    let mut failed = 0;
    while sent < 150 {
        let mut transactions: Vec<TxEnvelope> = Vec::new();
        for _ in 0..random.random_range(0..6) {
            let who = random.random_range(0..4usize);
            let some = places[random.random_range(0..places.len())];
            let someone = accounts[random.random_range(0..4)];
            // Anvil orders by fee cap, go-ethereum by tip: let both rise together.
            let tip = GWEI + u128::from(sent) * 1_000;
            let (to, input) = match random.random_range(0..6) {
                0 => (TxKind::Call(someone), Bytes::new()),
                1 => (TxKind::Create, init(LOGGER)),
                2 => {
                    let slot = U256::from(random.random_range(0..4u8));
                    let value = U256::from(random.random_range(0..3u8));
                    (TxKind::Call(some), words(&[slot, value]))
                }
                3 => (TxKind::Call(some), words(&[word(someone)])),
                4 => (TxKind::Call(places[5]), init(WRITER)),
                _ => {
                    let length = random.random_range(0..200);
                    let bytes: Vec<u8> = (0..length).map(|_| random.random()).collect();
                    (TxKind::Call(some), bytes.into())
                }
            };
            let value = if random.random_bool(0.5) {
                U256::from(random.random_range(0..1_000_000u32))
            } else {
                U256::ZERO
            };
            let tx = TxEip1559 {
                gas_limit: random.random_range(90_000..400_000),
                max_fee_per_gas: 100 * GWEI + tip,
                max_priority_fee_per_gas: tip,
                to,
                value,
                input,
                ..plain(nonces[who], someone)
            };
            nonces[who] += 1;
            sent += 1;
            transactions.push(sign(&signer(u8::try_from(who).unwrap()), tx));
        }
        for receipt in pair.block(&transactions).await {
            failed += u32::from(receipt["status"] == "0x0");
        }
    }
    assert!(
        failed > 10 && failed < sent / 2,
        "{failed} of {sent} failed"
    );
    let mut all = accounts;
    all.extend(places);
    pair.same_accounts(&all).await;
}
