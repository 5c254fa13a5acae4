//! A chain that answers what it is told to, and remembers what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use airdrops_chain::{ChainRead, ReadError, ReadFuture};
use airdrops_types::{Address, B256, BlockRef, Bytes, ChainId, Timestamp, U256};
use alloy::primitives::keccak256;

/// Chain, contract and selector of each question, in order.
pub(crate) type Asked = Arc<Mutex<Vec<(ChainId, Address, [u8; 4])>>>;

pub(crate) struct Script {
    chain: ChainId,
    answers: HashMap<(Address, [u8; 4]), Bytes>,
    pub(crate) asked: Asked,
}

/// Block time of every script, seconds.
pub(crate) const NOW: u64 = 1_900_000_000;

pub(crate) fn word(number: u128) -> Vec<u8> {
    U256::from(number).to_be_bytes::<32>().to_vec()
}

pub(crate) fn address_word(address: Address) -> Vec<u8> {
    address.into_word().to_vec()
}

pub(crate) fn selector(signature: &str) -> [u8; 4] {
    keccak256(signature)[..4].try_into().unwrap()
}

impl Script {
    pub(crate) fn new(chain: ChainId) -> Self {
        Self {
            chain,
            answers: HashMap::new(),
            asked: Asked::default(),
        }
    }

    /// Answers `signature` with words, whatever the arguments.
    pub(crate) fn says(mut self, to: Address, signature: &str, words: &[Vec<u8>]) -> Self {
        self.answers
            .insert((to, selector(signature)), words.concat().into());
        self
    }

    pub(crate) fn logging_to(mut self, asked: &Asked) -> Self {
        self.asked = asked.clone();
        self
    }
}

impl ChainRead for Script {
    fn chain(&self) -> ChainId {
        self.chain
    }

    fn block(&self) -> BlockRef {
        BlockRef {
            number: 100,
            hash: B256::repeat_byte(9),
            time: Timestamp::from_unix_seconds(NOW),
        }
    }

    fn call(&self, to: Address, data: Bytes) -> ReadFuture<'_, Bytes> {
        let selector: [u8; 4] = data[..4].try_into().unwrap();
        self.asked.lock().unwrap().push((self.chain, to, selector));
        let answer = self.answers.get(&(to, selector)).cloned();
        Box::pin(async move {
            answer.ok_or(ReadError::Reverted {
                to,
                reason: "not in the script".to_owned(),
            })
        })
    }

    fn native_balance(&self, _: Address) -> ReadFuture<'_, U256> {
        Box::pin(async { Ok(U256::from(10).pow(U256::from(18))) })
    }
}
