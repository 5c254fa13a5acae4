//! Fee history and suggestions.

use alloy::consensus::Transaction as _;
use alloy::eips::BlockNumberOrTag;
use alloy::primitives::U64;
use alloy::rpc::types::FeeHistory;
use serde_json::Value;

use crate::block::{Block, Mined};
use crate::chain::Chain;
use crate::error::RpcError;
use crate::rpc::params::Params;
use crate::rpc::{Answer, json};

/// The most blocks that one request gets (go-ethereum: `maxHeaderHistory`).
const MOST_BLOCKS: u64 = 1024;
/// The most percentiles (go-ethereum: `maxQueryLimit`).
const MOST_PERCENTILES: usize = 100;

impl Mined {
    /// Wei per gas above the base fee.
    fn tip(&self, base_fee: u64) -> u128 {
        if self.impersonated {
            return 0;
        }
        self.tx.effective_tip_per_gas(base_fee).unwrap_or_default()
    }
}

impl Block {
    /// (tip, gas) of each transaction by tip; other people's count as one.
    fn tips(&self) -> Vec<(u128, u64)> {
        let mut tips: Vec<_> = self
            .transactions
            .iter()
            .map(|mined| (mined.tip(self.base_fee()), mined.gas_used))
            .collect();
        if self.background_gas > 0 {
            tips.push((self.background_tip, self.background_gas));
        }
        tips.sort_unstable();
        tips
    }

    /// The tips at percentiles of the gas used (go-ethereum: eth/gasprice/feehistory.go).
    fn rewards(&self, percentiles: &[f64]) -> Vec<u128> {
        let tips = self.tips();
        let Some(last) = tips.len().checked_sub(1) else {
            return vec![0; percentiles.len()];
        };
        let mut index = 0;
        let mut sum = tips[0].1;
        percentiles
            .iter()
            .map(|percentile| {
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    clippy::cast_precision_loss
                )]
                let threshold = (self.header.gas_used as f64 * percentile / 100.0) as u64;
                while sum < threshold && index < last {
                    index += 1;
                    sum = sum.saturating_add(tips[index].1);
                }
                tips[index].0
            })
            .collect()
    }
}

impl Chain {
    pub(crate) fn fee_history(&self, params: &Params) -> Answer {
        let count: u64 = match params.required::<Value>(0)? {
            Value::Number(number) => number.as_u64().unwrap_or_default(),
            value => serde_json::from_value::<U64>(value)
                .map_err(|error| RpcError::invalid_params(format_args!("argument 0: {error}")))?
                .to(),
        };
        let newest: BlockNumberOrTag = params.required(1)?;
        let percentiles: Option<Vec<f64>> = params.optional(2)?;
        if let Some(percentiles) = &percentiles {
            if percentiles.len() > MOST_PERCENTILES {
                return Err(RpcError::server(format!(
                    "invalid reward percentile: over the query limit {MOST_PERCENTILES}"
                ))
                .into());
            }
            let in_range = percentiles.iter().all(|p| (0.0..=100.0).contains(p));
            if !in_range || !percentiles.is_sorted() {
                return Err(RpcError::server(
                    "invalid reward percentile: not ascending from 0 to 100",
                )
                .into());
            }
        }
        let head = self.head().header.number;
        let newest = self.number_of(newest).unwrap_or(head);
        if newest > head {
            return Err(RpcError::server(format!(
                "request beyond head block: requested {newest}, head {head}"
            ))
            .into());
        }
        self.kept(newest)?;
        let count = count.min(MOST_BLOCKS);
        if count == 0 {
            return json(FeeHistory {
                oldest_block: 0,
                ..FeeHistory::default()
            });
        }
        let oldest = (newest + 1).saturating_sub(count).max(self.oldest());
        let blocks: Vec<&Block> = (oldest..=newest).filter_map(|n| self.block(n)).collect();
        let next = blocks.last().map(|block| block.next_base_fee());
        #[allow(clippy::cast_precision_loss)]
        let gas_used_ratio = blocks
            .iter()
            .map(|block| block.header.gas_used as f64 / block.header.gas_limit.max(1) as f64)
            .collect();
        json(FeeHistory {
            base_fee_per_gas: blocks
                .iter()
                .map(|block| block.base_fee())
                .chain(next)
                .map(u128::from)
                .collect(),
            gas_used_ratio,
            base_fee_per_blob_gas: vec![1; blocks.len() + 1],
            blob_gas_used_ratio: vec![0.0; blocks.len()],
            oldest_block: oldest,
            reward: percentiles
                .filter(|percentiles| !percentiles.is_empty())
                .map(|percentiles| {
                    blocks
                        .iter()
                        .map(|block| block.rewards(&percentiles))
                        .collect()
                }),
        })
    }

    /// The 60th percentile of the tips in the newest 20 blocks, as go-ethereum's oracle
    /// (eth/gasprice/gasprice.go) has it; without any, what other people pay.
    pub(crate) fn suggested_tip(&self) -> u128 {
        let newest = self.blocks.iter().rev().take(20);
        let mut tips: Vec<u128> = newest
            .flat_map(Block::tips)
            .map(|(tip, _)| tip)
            .filter(|tip| *tip > 0)
            .collect();
        tips.sort_unstable();
        match tips.len().checked_sub(1) {
            Some(last) => tips[last * 60 / 100],
            None => self.background.tip,
        }
    }

    /// What a legacy transaction should pay, wei per gas.
    pub(crate) fn gas_price(&self) -> u128 {
        u128::from(self.head().next_base_fee()).saturating_add(self.suggested_tip())
    }
}
