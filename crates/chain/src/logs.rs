//! Logs of a contract in a range of blocks, with the hashes that tell which blocks they were.

use airdrops_types::{Address, B256, ChainLog, LogRange};
use serde_json::{Value, json};

use crate::endpoint::ChainClient;
use crate::read::ReadError;
use crate::rpc::{self, Fault, malformed, quantity};

const METHOD: &str = "eth_getLogs";

/// Most blocks of one request.
pub const MOST_LOG_BLOCKS: u64 = 10_000;
/// Most logs of one answer.
pub const MOST_LOGS: usize = 10_000;
const MOST_TOPICS: usize = 4;

/// Which logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter {
    /// Of which contract.
    pub address: Address,
    /// Topics by position, at most four; `None` is any.
    pub topics: Vec<Option<B256>>,
}

/// Why there are no logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogsError {
    /// The range is empty, or too wide.
    #[error("logs of blocks {from} to {to} were asked for; ask for 1 to {MOST_LOG_BLOCKS} blocks")]
    Range {
        /// First.
        from: u64,
        /// Last.
        to: u64,
    },
    /// More topics than a log can have.
    #[error("a filter of {0} topics was asked for; a log has at most {MOST_TOPICS}")]
    Topics(usize),
    /// The range, or the number of logs in it, is more than the node gives at once, or than is taken.
    #[error("too much for one answer: {0}; ask for fewer blocks")]
    TooLarge(String),
    /// The node does not have the last block, though the chain may.
    #[error("the node does not have block {0} yet; ask again")]
    Behind(u64),
    /// The chain changed while it was read.
    #[error("block {0} was replaced while its logs were read; ask again")]
    Replaced(u64),
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The logs of `filter` in the blocks `from` to `to`, both included.
///
/// The hash of block `to` is read before and after the logs: if it is the same, they are all of one
/// chain of blocks, which ends with it. What does not fit the question is an error, so that a node that
/// answers nonsense is noticed; a node that leaves logs out cannot be.
///
/// # Errors
/// [`LogsError`].
pub async fn read_logs(
    client: &ChainClient,
    filter: &LogFilter,
    from: u64,
    to: u64,
) -> Result<LogRange, LogsError> {
    if to < from || to - from >= MOST_LOG_BLOCKS {
        return Err(LogsError::Range { from, to });
    }
    if filter.topics.len() > MOST_TOPICS {
        return Err(LogsError::Topics(filter.topics.len()));
    }
    let end = client
        .canonical_hash(to)
        .await?
        .ok_or(LogsError::Behind(to))?;
    let params = json!([{
        "address": filter.address,
        "topics": filter.topics,
        "fromBlock": quantity(from),
        "toBlock": quantity(to),
    }]);
    let answer = client.request(METHOD, params).await.map_err(refused)?;
    let before = match from.checked_sub(1) {
        None => None,
        Some(before) => {
            let hash = client.canonical_hash(before).await?;
            Some(hash.ok_or(LogsError::Behind(before))?)
        }
    };
    if client.canonical_hash(to).await? != Some(end) {
        return Err(LogsError::Replaced(to));
    }
    let logs = parse(&answer, filter, from, to, end)?;
    Ok(LogRange {
        from,
        to,
        before,
        end,
        logs,
    })
}

/// Nodes have no common code for too wide a range or too many logs; all say so in words.
fn refused(fault: Fault) -> LogsError {
    let Fault::Node { code, message, .. } = &fault else {
        return LogsError::Read(fault.into());
    };
    let lower = message.to_lowercase();
    let names_range = [
        "range",
        "blocks",
        "results",
        "logs",
        "response size",
        "too large",
        "too many",
    ];
    let names_limit = [
        "limit",
        "max",
        "exceed",
        "more than",
        "too",
        "greater than",
        "larger than",
        "up to",
    ];
    let rate = lower.contains("rate")
        || lower.contains("per second")
        || lower.contains("too many requests");
    let both = names_range.iter().any(|word| lower.contains(word))
        && names_limit.iter().any(|word| lower.contains(word));
    if *code == -32005 && !rate || both && !rate {
        return LogsError::TooLarge(message.clone());
    }
    LogsError::Read(fault.into())
}

fn parse(
    answer: &Value,
    filter: &LogFilter,
    from: u64,
    to: u64,
    end: B256,
) -> Result<Vec<ChainLog>, LogsError> {
    let entries = answer
        .as_array()
        .ok_or_else(|| malformed(METHOD, "not a list"))?;
    if entries.len() > MOST_LOGS {
        let found = entries.len();
        return Err(LogsError::TooLarge(format!(
            "{found} logs, at most {MOST_LOGS} are taken"
        )));
    }
    let mut logs = entries
        .iter()
        .map(|entry| {
            log(entry)
                .ok_or_else(|| malformed(METHOD, "a field of a log is missing or does not fit"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    logs.sort_by_key(|log| (log.block, log.index));
    logs.dedup();
    for log in &logs {
        let wrong = |what: &str| {
            let (block, index) = (log.block, log.index);
            malformed(METHOD, format!("log {index} of block {block} {what}"))
        };
        if log.address != filter.address || !matches(&filter.topics, &log.topics) {
            return Err(wrong("was not asked for").into());
        }
        if !(from..=to).contains(&log.block) {
            return Err(wrong("is out of the range").into());
        }
        if log.block == to && log.block_hash != end {
            return Err(LogsError::Replaced(to));
        }
    }
    let twice = logs.windows(2).find(|pair| {
        pair[0].block == pair[1].block
            && (pair[0].index == pair[1].index || pair[0].block_hash != pair[1].block_hash)
    });
    match twice {
        Some(pair) => Err(LogsError::Replaced(pair[0].block)),
        None => Ok(logs),
    }
}

/// `None` also for a log that the node says was removed: it is of no block of this chain.
fn log(entry: &Value) -> Option<ChainLog> {
    if entry["removed"].as_bool() == Some(true) {
        return None;
    }
    let topics = entry["topics"].as_array()?;
    if topics.len() > MOST_TOPICS {
        return None;
    }
    Some(ChainLog {
        address: rpc::parse_address(&entry["address"])?,
        topics: topics.iter().map(rpc::parse_hash).collect::<Option<_>>()?,
        block: rpc::parse_u64(&entry["blockNumber"])?,
        block_hash: rpc::parse_hash(&entry["blockHash"])?,
        transaction: rpc::parse_hash(&entry["transactionHash"])?,
        index: rpc::parse_u64(&entry["logIndex"])?,
    })
}

fn matches(wanted: &[Option<B256>], topics: &[B256]) -> bool {
    wanted.len() <= topics.len()
        && wanted
            .iter()
            .zip(topics)
            .all(|(wanted, topic)| wanted.is_none_or(|wanted| wanted == *topic))
}

#[cfg(test)]
mod tests;
