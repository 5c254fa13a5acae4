//! Blocks, transactions, receipts, logs.

use alloy::consensus::Header;
use alloy::consensus::transaction::Recovered;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{B256, U256};
use alloy::rlp::Encodable;
use alloy::rpc::types::{
    Block as RpcBlock, BlockTransactions, Filter, FilterBlockOption, Header as RpcHeader, Log,
    Transaction, TransactionReceipt,
};
use serde_json::Value;

use crate::block::{Block, Mined};
use crate::chain::Chain;
use crate::error::RpcError;
use crate::rpc::params::{At, Params};
use crate::rpc::{Answer, Miss, json};

/// Where a transaction or log is.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    header: &'a Header,
    hash: B256,
}

impl Block {
    fn place(&self) -> Place<'_> {
        Place {
            header: &self.header,
            hash: self.hash,
        }
    }

    /// As `eth_getBlockBy…` answers.
    pub(crate) fn to_rpc(&self, full: bool) -> RpcBlock {
        let transactions = if full {
            let all = self.transactions.iter().enumerate();
            BlockTransactions::Full(
                all.map(|(index, mined)| mined.to_rpc(self.place(), index as u64))
                    .collect(),
            )
        } else {
            BlockTransactions::Hashes(self.transactions.iter().map(Mined::hash).collect())
        };
        RpcBlock {
            header: RpcHeader {
                hash: self.hash,
                inner: self.header.clone(),
                total_difficulty: None,
                size: Some(U256::from(self.size())),
            },
            uncles: Vec::new(),
            transactions,
            withdrawals: Some(Default::default()),
        }
    }

    /// Bytes of its RLP encoding: header, transactions, no ommers, no withdrawals.
    fn size(&self) -> usize {
        let transactions: usize = self
            .transactions
            .iter()
            .map(|mined| mined.tx.length())
            .sum();
        let list = |payload: usize| payload + alloy::rlp::length_of_length(payload);
        list(self.header.length() + list(transactions) + 2)
    }

    pub(crate) fn logs(&self) -> impl Iterator<Item = Log> + '_ {
        self.transactions
            .iter()
            .enumerate()
            .flat_map(|(index, mined)| mined.logs(self.place(), index as u64))
    }
}

impl Mined {
    fn to_rpc(&self, place: Place<'_>, index: u64) -> Transaction {
        Transaction {
            inner: Recovered::new_unchecked(self.tx.clone(), self.sender),
            block_hash: Some(place.hash),
            block_number: Some(place.header.number),
            transaction_index: Some(index),
            effective_gas_price: Some(self.effective_gas_price),
            block_timestamp: Some(place.header.timestamp),
        }
    }

    fn logs(&self, place: Place<'_>, index: u64) -> Vec<Log> {
        let logs = self.receipt.logs().iter().zip(self.first_log..);
        logs.map(|(log, log_index)| Log {
            inner: log.clone(),
            block_hash: Some(place.hash),
            block_number: Some(place.header.number),
            block_timestamp: Some(place.header.timestamp),
            transaction_hash: Some(self.hash()),
            transaction_index: Some(index),
            log_index: Some(log_index),
            removed: false,
        })
        .collect()
    }

    fn to_receipt(&self, place: Place<'_>, index: u64) -> TransactionReceipt {
        let mut logs = self.logs(place, index).into_iter();
        TransactionReceipt {
            // One RPC log for each log, in order.
            inner: self.receipt.clone().map_logs(|inner| {
                logs.next().unwrap_or(Log {
                    inner,
                    ..Log::default()
                })
            }),
            transaction_hash: self.hash(),
            transaction_index: Some(index),
            block_hash: Some(place.hash),
            block_number: Some(place.header.number),
            gas_used: self.gas_used,
            effective_gas_price: self.effective_gas_price,
            blob_gas_used: None,
            blob_gas_price: None,
            from: self.sender,
            to: alloy::consensus::Transaction::to(&self.tx),
            contract_address: self.created,
        }
    }
}

impl Chain {
    /// The block that would be mined now.
    fn pending_block(&self) -> Block {
        let timestamp = self.pending_time();
        self.following(timestamp, self.assemble(timestamp).transactions)
    }

    pub(crate) fn block_by_number(&self, params: &Params) -> Answer {
        let tag: BlockNumberOrTag = params.required(0)?;
        let full = params.optional(1)?.unwrap_or(false);
        match self.number_of(tag) {
            None => json(self.pending_block().to_rpc(full)),
            Some(number) => {
                let block = self.kept(number)?;
                self.with_body(block)?;
                json(block.map(|block| block.to_rpc(full)))
            }
        }
    }

    pub(crate) fn block_by_hash(&self, params: &Params) -> Answer {
        let hash: B256 = params.required(0)?;
        let full = params.optional(1)?.unwrap_or(false);
        let number = self.by_hash.get(&hash).ok_or(Miss::Upstream)?;
        let block = self.block(*number);
        self.with_body(block)?;
        json(block.map(|block| block.to_rpc(full)))
    }

    pub(crate) fn block_receipts(&self, params: &Params) -> Answer {
        let id: BlockId = params.required(0)?;
        let block = match id {
            BlockId::Hash(hash) => {
                let number = self.by_hash.get(&hash.block_hash);
                self.kept(*number.ok_or(Miss::Upstream)?)?
            }
            BlockId::Number(tag) => match self.number_of(tag) {
                Some(number) => self.kept(number)?,
                None => None,
            },
        };
        self.with_body(block)?;
        json(block.map(|block| {
            let all = block.transactions.iter().enumerate();
            all.map(|(index, mined)| mined.to_receipt(block.place(), index as u64))
                .collect::<Vec<_>>()
        }))
    }

    /// A miss if `block` is the forked one, whose body only the forked chain has.
    fn with_body(&self, block: Option<&Block>) -> Result<(), Miss> {
        match (block, &self.upstream) {
            (Some(block), Some(upstream)) if block.header.number == upstream.block() => {
                Err(Miss::Upstream)
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn transaction(&self, params: &Params) -> Answer {
        let hash: B256 = params.required(0)?;
        if let Some(waiting) = self.pool.get(hash) {
            return json(Transaction {
                inner: Recovered::new_unchecked(waiting.tx.clone(), waiting.sender),
                block_hash: None,
                block_number: None,
                transaction_index: None,
                effective_gas_price: None,
                block_timestamp: None,
            });
        }
        let (block, index, mined) = self.mined(hash)?;
        json(mined.to_rpc(block.place(), index))
    }

    pub(crate) fn receipt(&self, params: &Params) -> Answer {
        let hash: B256 = params.required(0)?;
        if self.pool.get(hash).is_some() {
            return Ok(Value::Null);
        }
        let (block, index, mined) = self.mined(hash)?;
        json(mined.to_receipt(block.place(), index))
    }

    /// A transaction in a kept block.
    pub(crate) fn mined(&self, hash: B256) -> Result<(&Block, u64, &Mined), Miss> {
        let (number, index) = self.index.get(&hash).ok_or(Miss::Upstream)?;
        let block = self.block(*number).ok_or(Miss::Upstream)?;
        let mined = block.transactions.get(*index).ok_or(Miss::Upstream)?;
        Ok((block, *index as u64, mined))
    }

    pub(crate) fn logs(&self, params: &Params) -> Answer {
        let filter: Filter = params.required(0)?;
        let (from, to) = match filter.block_option {
            FilterBlockOption::AtBlockHash(hash) => match self.by_hash.get(&hash) {
                Some(number) => (*number, *number),
                None if self.upstream.is_some() => return Err(Miss::Upstream),
                None => return Err(RpcError::server("unknown block").into()),
            },
            FilterBlockOption::Range {
                from_block,
                to_block,
            } => {
                let head = self.head().header.number;
                let number = |tag: Option<BlockNumberOrTag>| {
                    tag.and_then(|tag| self.number_of(tag)).unwrap_or(head)
                };
                (number(from_block), number(to_block))
            }
        };
        if from > to {
            return Err(RpcError::new(-32602, "invalid block range params").into());
        }
        let mut logs = Vec::new();
        let mut first = from;
        if let Some(upstream) = &self.upstream
            && from <= upstream.block()
        {
            let old = filter
                .clone()
                .from_block(from)
                .to_block(to.min(upstream.block()));
            let answer = upstream.request("eth_getLogs", serde_json::json!([old]))?;
            let old: Vec<Log> = serde_json::from_value(answer).map_err(|_| {
                RpcError::new(
                    -32603,
                    "the forked chain answered eth_getLogs with something else",
                )
            })?;
            logs.extend(old);
            first = upstream.block() + 1;
        }
        let to = to.min(self.head().header.number);
        if first <= to && first < self.oldest() {
            // Says what is missing.
            self.kept(first)?;
        }
        for number in first..=to {
            let Some(block) = self.block(number) else {
                continue;
            };
            if filter.matches_bloom(block.header.logs_bloom) {
                logs.extend(block.logs().filter(|log| filter.matches(&log.inner)));
            }
        }
        json(logs)
    }

    /// The block in whose environment a call at `at` runs.
    pub(crate) fn env_at(&self, at: At) -> revm::context::BlockEnv {
        match at {
            At::Number(number) => self
                .block(number)
                .map_or_else(|| self.head().env(), Block::env),
            At::Pending => self.next_block_env(self.pending_time()),
        }
    }
}
