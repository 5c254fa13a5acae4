//! Many reads of one block in one `eth_call`.
//!
//! The call has no `to`: it "creates" a contract whose constructor does the reads and returns
//! their answers (`contracts/src/BatchReader.sol`). Nothing has to be deployed, so it works on any
//! chain that executes EVM creation code as calls.

mod creation;

use std::collections::VecDeque;

use airdrops_types::{Address, Bytes};
use alloy::primitives::B256;
use serde_json::json;

use crate::read::ReadError;
use crate::revert;
use crate::rpc::{self, Fault, malformed};
use crate::view::{View, call_error};
use creation::{Entry, Outcome};

const CALL: &str = "eth_call";

/// One read of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// A static call. In a batch `msg.sender` is an address that nobody knows beforehand.
    Call {
        /// The contract.
        to: Address,
        /// ABI-encoded call data.
        data: Bytes,
        /// The longest return data that is taken, bytes.
        limit: u32,
    },
    /// The native balance of an account. Its answer is one word: wei, big-endian.
    Balance(Address),
}

/// How an endpoint reads batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Batching {
    /// In one call, as far as is known.
    Together,
    /// One by one: it refused a call without `to`, while it answered the same reads alone.
    OneByOne {
        /// What it said.
        reason: String,
    },
}

/// The return data of every query at the view's block, in their order. Each fails alone:
/// [`ReadError::Reverted`] also if it took more than 1,000,000 gas, [`ReadError::Unexpected`] if
/// the return data is longer than its limit.
///
/// As many queries share a call as its limits allow: 49,152 bytes of creation code (EIP-3860),
/// 24,576 bytes of answers at worst (EIP-170), and the gas that the node gives. An endpoint that
/// refuses such calls is asked one by one, from then on always; see
/// [`ChainClient::batching`](crate::ChainClient::batching). When the node falls silent nothing
/// more is asked.
pub async fn read_batch(view: &View, queries: &[Query]) -> Vec<Result<Bytes, ReadError>> {
    let mut batch = Batch {
        view,
        queries,
        answers: vec![None; queries.len()],
    };
    let silence = match batch.read().await {
        Ok(()) => ReadError::Unreachable("the read was not made".to_owned()),
        Err(silence) => silence,
    };
    batch
        .answers
        .into_iter()
        .map(|answer| answer.unwrap_or_else(|| Err(silence.clone())))
        .collect()
}

/// Queries by index, and the answers so far.
struct Batch<'a> {
    view: &'a View,
    queries: &'a [Query],
    answers: Vec<Option<Result<Bytes, ReadError>>>,
}

impl Batch<'_> {
    /// Answers every query; an error if the node falls silent meanwhile.
    async fn read(&mut self) -> Result<(), ReadError> {
        let client = self.view.client();
        let mut queue: VecDeque<usize> = (0..self.queries.len()).collect();
        while !queue.is_empty() {
            let mut chunk = match client.batching() {
                Batching::Together => creation::take(self.queries, &mut queue),
                Batching::OneByOne { .. } => Vec::new(),
            };
            if chunk.len() < 2 {
                // Alone it needs no batch, or fits into none.
                if chunk.is_empty() {
                    chunk.extend(queue.pop_front());
                }
                self.alone(&chunk).await?;
                continue;
            }
            match self.together(&chunk).await {
                Ok(untried) => {
                    for index in untried.into_iter().rev() {
                        queue.push_front(index);
                    }
                }
                Err(Refusal::Silent(error)) => return Err(error),
                Err(Refusal::Said(reason)) => {
                    if self.alone(&chunk).await? {
                        client.refuses_batches(reason);
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads `chunk` in one call; returns the part that the gas did not suffice for, never all.
    async fn together(&mut self, chunk: &[usize]) -> Result<Vec<usize>, Refusal> {
        let entries = create(self.view, self.queries, chunk).await?;
        let mut untried = Vec::new();
        for (index, entry) in chunk.iter().copied().zip(entries) {
            match answer(&self.queries[index], entry) {
                Some(answer) => self.answers[index] = Some(answer),
                None => untried.push(index),
            }
        }
        if untried.len() < chunk.len() {
            Ok(untried)
        } else {
            Err(Refusal::Said(
                "the node gives calls too little gas for a batch".to_owned(),
            ))
        }
    }

    /// Reads `indices` one by one; says whether a contract or the state answered any.
    async fn alone(&mut self, indices: &[usize]) -> Result<bool, ReadError> {
        let mut answered = false;
        for index in indices {
            let answer = single(self.view, &self.queries[*index]).await?;
            answered |= !matches!(
                answer,
                Err(ReadError::Unreachable(_) | ReadError::Malformed { .. })
            );
            self.answers[*index] = Some(answer);
        }
        Ok(answered)
    }
}

/// Why a batch gave nothing.
enum Refusal {
    /// No answer came.
    Silent(ReadError),
    /// An answer came, but no usable one.
    Said(String),
}

async fn create(view: &View, queries: &[Query], chunk: &[usize]) -> Result<Vec<Entry>, Refusal> {
    let chosen: Vec<&Query> = chunk.iter().map(|index| &queries[*index]).collect();
    let params = json!([
        {"data": creation::code(&chosen)},
        view.tag()
    ]);
    match view.client().request(CALL, params).await {
        Ok(answer) => rpc::parse_bytes(&answer)
            .and_then(|answer| creation::entries(&chosen, &answer))
            .ok_or_else(|| {
                Refusal::Said("the answer to a call without `to` is no batch".to_owned())
            }),
        Err(fault @ Fault::Silent(_)) => Err(Refusal::Silent(fault.into())),
        Err(fault) => Err(Refusal::Said(fault.text())),
    }
}

/// `None` if it was not tried.
fn answer(query: &Query, entry: Entry) -> Option<Result<Bytes, ReadError>> {
    let to = match query {
        Query::Call { to, .. } => *to,
        Query::Balance(account) => *account,
    };
    Some(match entry {
        Entry::Balance(wei) => Ok(B256::from(wei).to_vec().into()),
        Entry::Call(Outcome::Answered, _, data) => Ok(data),
        Entry::Call(Outcome::TooLong, length, _) => Err(too_long(query, to, length)),
        Entry::Call(Outcome::Reverted, _, data) => Err(ReadError::Reverted {
            to,
            reason: if data.is_empty() {
                format!("no reason given; it had {} gas", creation::STIPEND)
            } else {
                revert::reason(&data)
            },
        }),
        Entry::Call(Outcome::NotTried | Outcome::__Invalid, ..) => return None,
    })
}

fn too_long(query: &Query, to: Address, length: impl std::fmt::Display) -> ReadError {
    let limit = match query {
        Query::Call { limit, .. } => *limit,
        Query::Balance(_) => 32,
    };
    ReadError::Unexpected {
        to,
        detail: format!("the return data has {length} bytes, at most {limit} are taken"),
    }
}

/// The answer to one query by itself; an error only if the node is silent.
async fn single(view: &View, query: &Query) -> Result<Result<Bytes, ReadError>, ReadError> {
    let block = view.tag();
    let (method, params) = match query {
        Query::Call { to, data, .. } => (CALL, json!([{"to": to, "data": data}, block])),
        Query::Balance(account) => ("eth_getBalance", json!([account, block])),
    };
    let value = match (view.client().request(method, params).await, query) {
        (Ok(value), _) => value,
        (Err(fault @ Fault::Silent(_)), _) => return Err(fault.into()),
        (Err(fault), Query::Call { to, .. }) => return Ok(Err(call_error(*to, fault))),
        (Err(fault), Query::Balance(_)) => return Ok(Err(fault.into())),
    };
    Ok(match query {
        Query::Balance(_) => rpc::parse_u256(&value)
            .map(|wei| B256::from(wei).to_vec().into())
            .ok_or_else(|| malformed(method, "not a quantity")),
        Query::Call { to, limit, .. } => match rpc::parse_bytes(&value) {
            Some(data) if u32::try_from(data.len()).is_ok_and(|length| length <= *limit) => {
                Ok(data)
            }
            Some(data) => Err(too_long(query, *to, data.len())),
            None => Err(malformed(method, "not hex data")),
        },
    })
}
