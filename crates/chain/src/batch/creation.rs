//! The creation code of `contracts/src/BatchReader.sol`, its arguments, its answer, and what fits.

use std::collections::VecDeque;
use std::sync::LazyLock;

use airdrops_types::{Address, Bytes, U256};
use alloy::sol_types::SolValue as _;
use serde_json::Value;

use super::Query;

mod abi {
    #![allow(missing_docs, unreachable_pub)]
    alloy::sol! {
        struct Read {
            address target;
            uint32 limit;
            bytes data;
        }

        #[derive(Debug, PartialEq, Eq)]
        enum Outcome {
            Reverted,
            Answered,
            TooLong,
            NotTried
        }

        struct Result {
            Outcome outcome;
            uint32 length;
            bytes data;
        }
    }
}
pub(super) use abi::Outcome;

/// Gas of each read: 20 times what a rebasing proxy token needs for `balanceOf`.
pub(super) const STIPEND: u64 = 1_000_000;

/// The longest creation code with its arguments, bytes (EIP-3860).
const MAX_CREATION: usize = 49_152;
/// The longest answer, bytes: that of a contract's code (EIP-170).
const MAX_ANSWER: usize = 24_576;
/// Gas per byte of the answer.
const GAS_PER_ANSWERED_BYTE: usize = 200;
/// Gas for putting the answer together.
const ASSEMBLY_GAS: usize = 200_000;
/// How much of a reason to revert is handed back at least, bytes: `Error(string)` with 64 bytes.
const REASON: usize = 132;
const WORD: usize = 32;
/// Two offsets, two numbers, two lengths.
const ARGUMENTS_HEAD: usize = 6 * WORD;
/// Two offsets, two lengths.
const ANSWER_HEAD: usize = 4 * WORD;
/// Of a read and of a result: its offset, two fields, the data's offset and length.
const ENTRY_HEAD: usize = 5 * WORD;

static CODE: LazyLock<Bytes> = LazyLock::new(|| {
    const ARTIFACT: &str = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../contracts/artifacts/BatchReader.json"
    ));
    // Without code every batch is refused and reads are made one by one; a test sees to it.
    serde_json::from_str::<Value>(ARTIFACT)
        .ok()
        .and_then(|artifact| artifact.get("bytecode")?.as_str()?.parse().ok())
        .unwrap_or_default()
});

/// What became of one query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// A balance, as a word.
    Balance(U256),
    /// A call: its outcome, the whole length of the return data, and its beginning.
    Call(Outcome, u32, Bytes),
}

/// Bytes of a query's arguments and, at most, of its answer.
fn sizes(query: &Query) -> (usize, usize) {
    match query {
        Query::Balance(_) => (WORD, WORD),
        Query::Call { data, limit, .. } => {
            let limit = usize::try_from(*limit).unwrap_or(usize::MAX).max(REASON);
            (
                ENTRY_HEAD.saturating_add(padded(data.len())),
                ENTRY_HEAD.saturating_add(padded(limit)),
            )
        }
    }
}

fn padded(length: usize) -> usize {
    length.div_ceil(WORD).saturating_mul(WORD)
}

/// Takes from the front of `queue` as many queries as fit into one creation: none if the first
/// does not fit by itself.
pub(super) fn take(queries: &[Query], queue: &mut VecDeque<usize>) -> Vec<usize> {
    let (mut input, mut output) = (CODE.len() + ARGUMENTS_HEAD, ANSWER_HEAD);
    let mut taken = Vec::new();
    while let Some(query) = queue.front().and_then(|index| queries.get(*index)) {
        let (more_input, more_output) = sizes(query);
        input = input.saturating_add(more_input);
        output = output.saturating_add(more_output);
        if input > MAX_CREATION || output > MAX_ANSWER {
            break;
        }
        taken.extend(queue.pop_front());
    }
    taken
}

/// The creation code with its arguments.
pub(super) fn code(queries: &[&Query]) -> Bytes {
    let mut reads = Vec::new();
    let mut accounts: Vec<Address> = Vec::new();
    let mut output = ANSWER_HEAD;
    for query in queries {
        output = output.saturating_add(sizes(query).1);
        match query {
            Query::Balance(account) => accounts.push(*account),
            Query::Call { to, data, limit } => reads.push(abi::Read {
                target: *to,
                limit: *limit,
                data: data.clone(),
            }),
        }
    }
    let reserve = output
        .saturating_mul(GAS_PER_ANSWERED_BYTE)
        .saturating_add(ASSEMBLY_GAS);
    let arguments = (reads, accounts, U256::from(STIPEND), U256::from(reserve));
    [CODE.as_ref(), &arguments.abi_encode_params()]
        .concat()
        .into()
}

/// One entry per query, in their order; `None` if `answer` is not that of [`code`].
pub(super) fn entries(queries: &[&Query], answer: &[u8]) -> Option<Vec<Entry>> {
    let (results, balances) = <(Vec<abi::Result>, Vec<U256>)>::abi_decode_params(answer).ok()?;
    let (mut results, mut balances) = (results.into_iter(), balances.into_iter());
    let entries = queries
        .iter()
        .map(|query| {
            Some(match query {
                Query::Balance(_) => Entry::Balance(balances.next()?),
                Query::Call { .. } => {
                    let result = results.next()?;
                    if result.outcome == Outcome::__Invalid {
                        return None;
                    }
                    Entry::Call(result.outcome, result.length, result.data)
                }
            })
        })
        .collect::<Option<Vec<_>>>()?;
    (results.next().is_none() && balances.next().is_none()).then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(data: usize, limit: u32) -> Query {
        Query::Call {
            to: Address::ZERO,
            data: vec![1; data].into(),
            limit,
        }
    }

    #[test]
    fn the_artifact_holds_creation_code() {
        assert!(CODE.len() > 500, "{}", CODE.len());
    }

    #[test]
    fn a_chunk_respects_the_limits_of_creation_code_and_of_answers() {
        for query in [call(36, 32), call(1_000, 0), call(4, 3_000)] {
            let queries = vec![query; 1_000];
            let mut queue: VecDeque<usize> = (0..queries.len()).collect();
            let taken = take(&queries, &mut queue);
            assert!(!taken.is_empty() && taken.len() < 1_000, "{}", taken.len());
            let chosen: Vec<&Query> = taken.iter().map(|index| &queries[*index]).collect();
            assert!(code(&chosen).len() <= MAX_CREATION);
            let output: usize = chosen.iter().map(|query| sizes(query).1).sum();
            assert!(output + ANSWER_HEAD <= MAX_ANSWER);
            // One more would not fit.
            let (more_input, more_output) = sizes(&queries[0]);
            assert!(
                code(&chosen).len() + more_input > MAX_CREATION
                    || output + ANSWER_HEAD + more_output > MAX_ANSWER
            );
        }
    }

    #[test]
    fn the_reckoned_size_of_arguments_is_their_size() {
        let queries = [
            call(0, 9),
            call(36, 32),
            call(33, 1),
            Query::Balance(Address::ZERO),
        ];
        let chosen: Vec<&Query> = queries.iter().collect();
        let reckoned: usize = queries.iter().map(|query| sizes(query).0).sum();
        assert_eq!(code(&chosen).len(), CODE.len() + ARGUMENTS_HEAD + reckoned);
    }

    #[test]
    fn a_query_that_never_fits_is_not_taken() {
        let mut queue = VecDeque::from([0]);
        assert!(take(&[call(50_000, 0)], &mut queue).is_empty());
        assert!(take(&[call(0, u32::MAX)], &mut queue).is_empty());
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn an_answer_with_other_counts_is_none() {
        let query = Query::Balance(Address::ZERO);
        let encode =
            |balances: Vec<U256>| (Vec::<abi::Result>::new(), balances).abi_encode_params();
        let one = encode(vec![U256::from(7)]);
        assert_eq!(
            entries(&[&query], &one),
            Some(vec![Entry::Balance(U256::from(7))])
        );
        assert_eq!(entries(&[&query, &query], &one), None);
        assert_eq!(entries(&[], &one), None);
        assert_eq!(entries(&[&query], &one[..one.len() - 1]), None);
        assert_eq!(entries(&[&query], &[]), None);
    }
}
