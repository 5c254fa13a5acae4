//! What blocks cost: `eth_feeHistory`.

use airdrops_types::BlockRef;
use serde_json::{Value, json};

use crate::read::{ChainRead as _, ReadError};
use crate::rpc::{self, malformed};
use crate::view::View;

const METHOD: &str = "eth_feeHistory";

/// The most blocks that one request asks for (go-ethereum gives no more).
pub const MOST_BLOCKS: u16 = 1024;
/// The most percentiles (go-ethereum takes no more).
pub const MOST_PERCENTILES: usize = 100;

/// Fees of `n` blocks, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct FeeHistory {
    /// Height of the first block.
    pub oldest: u64,
    /// Base fee of each block, wei per gas: `n`, at least one.
    pub base_fees: Vec<u128>,
    /// Base fee of the block after the last, wei per gas.
    pub next_base_fee: u128,
    /// Share of each block's gas limit that was used, in [0, 1]: `n`.
    pub gas_used_ratios: Vec<f64>,
    /// Tips paid at each percentile asked for, by gas used, wei per gas: `n × percentiles`.
    pub rewards: Vec<Vec<u128>>,
    /// The same for blobs; `None` if the chain has none.
    pub blobs: Option<BlobFees>,
}

/// Blob fees of `n` blocks, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct BlobFees {
    /// Blob base fee of each block, wei per blob gas: `n`.
    pub base_fees: Vec<u128>,
    /// Blob base fee of the block after the last, wei per blob gas.
    pub next_base_fee: u128,
    /// Share of each block's most blob gas that was used, in [0, 1]: `n`.
    pub gas_used_ratios: Vec<f64>,
}

/// Why there is no fee history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeeHistoryError {
    /// No block, or too many, were asked for.
    #[error("a fee history of {0} blocks was asked for; ask for 1 to {MOST_BLOCKS}")]
    Count(u16),
    /// The percentiles are no ascending numbers up to 100, or too many.
    #[error("percentiles must ascend, be at most 100 and at most {MOST_PERCENTILES}")]
    Percentiles,
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The fees of the view's block and the `count` − 1 before it, with the tips at `percentiles`
/// (0 to 100, ascending). A node may know fewer blocks, and answers with those.
///
/// # Errors
/// [`FeeHistoryError`]; [`ReadError::Malformed`] if lengths, order or values do not fit.
pub async fn read_fee_history(
    view: &View,
    count: u16,
    percentiles: &[u8],
) -> Result<FeeHistory, FeeHistoryError> {
    if !(1..=MOST_BLOCKS).contains(&count) {
        return Err(FeeHistoryError::Count(count));
    }
    let ascending = percentiles.windows(2).all(|pair| pair[0] < pair[1]);
    let in_range = percentiles.last().is_none_or(|last| *last <= 100);
    if !ascending || !in_range || percentiles.len() > MOST_PERCENTILES {
        return Err(FeeHistoryError::Percentiles);
    }
    let params = json!([format!("{count:#x}"), view.tag(), percentiles]);
    let answer = view
        .client()
        .request(METHOD, params)
        .await
        .map_err(ReadError::from)?;
    let history = parse(&answer, view.block(), count, percentiles.len())
        .map_err(|detail| malformed(METHOD, detail))?;
    Ok(history)
}

fn parse(
    answer: &Value,
    newest: BlockRef,
    count: u16,
    percentiles: usize,
) -> Result<FeeHistory, String> {
    let oldest = rpc::parse_u64(&answer["oldestBlock"]).ok_or("there is no oldestBlock")?;
    let gas_used_ratios = ratios(answer, "gasUsedRatio")?;
    let blocks = gas_used_ratios.len();
    if blocks == 0 || blocks > usize::from(count) {
        return Err(format!("{count} blocks were asked for, {blocks} came"));
    }
    let after = u64::try_from(blocks)
        .ok()
        .and_then(|n| oldest.checked_add(n));
    if after != newest.number.checked_add(1) {
        return Err(format!(
            "{blocks} blocks from {oldest} do not end at block {}",
            newest.number
        ));
    }
    let (base_fees, next_base_fee) = fees(answer, "baseFeePerGas", blocks)?;
    let rewards = rewards(&answer["reward"], blocks, percentiles)?;
    let absent = |field: &str| match &answer[field] {
        Value::Null => true,
        Value::Array(entries) => entries.is_empty(),
        _ => false,
    };
    let blobs = if absent("baseFeePerBlobGas") && absent("blobGasUsedRatio") {
        None
    } else {
        let (base_fees, next_base_fee) = fees(answer, "baseFeePerBlobGas", blocks)?;
        let gas_used_ratios = ratios(answer, "blobGasUsedRatio")?;
        if gas_used_ratios.len() != blocks {
            return Err("blobGasUsedRatio does not have one entry per block".to_owned());
        }
        Some(BlobFees {
            base_fees,
            next_base_fee,
            gas_used_ratios,
        })
    };
    Ok(FeeHistory {
        oldest,
        base_fees,
        next_base_fee,
        gas_used_ratios,
        rewards,
        blobs,
    })
}

fn entries<'a>(answer: &'a Value, field: &str) -> Result<&'a Vec<Value>, String> {
    answer[field]
        .as_array()
        .ok_or_else(|| format!("there is no {field}"))
}

fn ratios(answer: &Value, field: &str) -> Result<Vec<f64>, String> {
    entries(answer, field)?
        .iter()
        .map(|entry| entry.as_f64().filter(|ratio| (0.0..=1.0).contains(ratio)))
        .collect::<Option<_>>()
        .ok_or_else(|| format!("{field} has an entry that is not in [0, 1]"))
}

/// The fees of the blocks and of the one after them.
fn fees(answer: &Value, field: &str, blocks: usize) -> Result<(Vec<u128>, u128), String> {
    let mut fees = entries(answer, field)?
        .iter()
        .map(rpc::parse_u128)
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| format!("{field} has an entry that is not a quantity"))?;
    match fees.pop() {
        Some(next) if fees.len() == blocks => Ok((fees, next)),
        _ => Err(format!("{field} does not have one entry more than blocks")),
    }
}

fn rewards(answer: &Value, blocks: usize, percentiles: usize) -> Result<Vec<Vec<u128>>, String> {
    if percentiles == 0 {
        return Ok(vec![Vec::new(); blocks]);
    }
    answer
        .as_array()
        .filter(|rewards| rewards.len() == blocks)
        .and_then(|rewards| {
            rewards
                .iter()
                .map(|tips| {
                    let tips = tips.as_array().filter(|tips| tips.len() == percentiles)?;
                    tips.iter().map(rpc::parse_u128).collect()
                })
                .collect()
        })
        .ok_or_else(|| "reward does not have one quantity per block and percentile".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use airdrops_types::{B256, Timestamp};

    fn newest(number: u64) -> BlockRef {
        BlockRef {
            number,
            hash: B256::ZERO,
            time: Timestamp::from_unix_seconds(1),
        }
    }

    fn good() -> Value {
        json!({
            "oldestBlock": "0x9",
            "baseFeePerGas": ["0x10", "0x12", "0x14"],
            "gasUsedRatio": [0.5, 1],
            "reward": [["0x1", "0x2"], ["0x0", "0x3"]],
            "baseFeePerBlobGas": ["0x1", "0x1", "0x2"],
            "blobGasUsedRatio": [0, 0.25],
        })
    }

    #[test]
    fn a_history_is_told_block_by_block_with_the_next_apart() {
        let history = parse(&good(), newest(10), 2, 2).unwrap();
        assert_eq!(history.base_fees, [0x10, 0x12]);
        assert_eq!(history.next_base_fee, 0x14);
        assert_eq!(history.gas_used_ratios, [0.5, 1.0]);
        assert_eq!(history.rewards, [vec![1, 2], vec![0, 3]]);
        let blobs = history.blobs.unwrap();
        assert_eq!((blobs.base_fees, blobs.next_base_fee), (vec![1, 1], 2));
        assert_eq!(blobs.gas_used_ratios, [0.0, 0.25]);
    }

    #[test]
    fn a_chain_without_blobs_has_no_blob_fees_and_half_of_them_is_refused() {
        let mut answer = good();
        answer["baseFeePerBlobGas"] = Value::Null;
        assert!(parse(&answer, newest(10), 2, 2).is_err());
        answer["blobGasUsedRatio"] = json!([]);
        assert_eq!(parse(&answer, newest(10), 2, 2).unwrap().blobs, None);
    }

    #[test]
    fn a_lying_history_is_refused() {
        for (field, lie) in [
            ("oldestBlock", json!(9)),
            ("oldestBlock", json!("0x8")),
            ("oldestBlock", json!("0xffffffffffffffff")),
            ("baseFeePerGas", json!(["0x10", "0x12"])),
            ("baseFeePerGas", json!(["0x10", "0x12", 20])),
            ("baseFeePerGas", json!(["0x10", "0x12", "20"])),
            ("baseFeePerGas", json!(["0x10", "0x12", "-0x1"])),
            ("baseFeePerGas", Value::Null),
            ("gasUsedRatio", json!([0.5])),
            ("gasUsedRatio", json!([0.5, 1.01])),
            ("gasUsedRatio", json!([0.5, "1"])),
            ("gasUsedRatio", json!([0.5, 0.5, 0.5])),
            ("gasUsedRatio", json!([])),
            ("reward", Value::Null),
            ("reward", json!([["0x1", "0x2"]])),
            ("reward", json!([["0x1", "0x2"], ["0x0"]])),
            ("baseFeePerBlobGas", json!(["0x1", "0x1"])),
            ("blobGasUsedRatio", json!([0])),
        ] {
            let mut answer = good();
            answer[field] = lie.clone();
            assert!(parse(&answer, newest(10), 2, 2).is_err(), "{field}: {lie}");
        }
    }
}
