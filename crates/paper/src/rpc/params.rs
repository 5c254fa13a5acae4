//! Positional parameters, and which block a request is about.

use alloy::eips::{BlockId, BlockNumberOrTag};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::block::Block;
use crate::chain::Chain;
use crate::error::RpcError;
use crate::rpc::Miss;

/// The parameters of one request.
#[derive(Debug)]
pub(crate) struct Params(Vec<Value>);

impl Params {
    pub(crate) fn new(params: Value) -> Result<Self, RpcError> {
        match params {
            Value::Null => Ok(Self(Vec::new())),
            Value::Array(values) => Ok(Self(values)),
            _ => Err(RpcError::invalid_params("non-array args")),
        }
    }

    /// The parameter at `index`; `None` if it is absent or null.
    pub(crate) fn optional<T: DeserializeOwned>(
        &self,
        index: usize,
    ) -> Result<Option<T>, RpcError> {
        match self.0.get(index) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::deserialize(value).map(Some).map_err(|error| {
                RpcError::invalid_params(format_args!("argument {index}: {error}"))
            }),
        }
    }

    /// The parameter at `index`.
    pub(crate) fn required<T: DeserializeOwned>(&self, index: usize) -> Result<T, RpcError> {
        self.optional(index)?.ok_or_else(|| {
            RpcError::invalid_params(format_args!("missing value for required argument {index}"))
        })
    }

    /// The block parameter at `index`; `latest` if it is absent.
    pub(crate) fn block(&self, index: usize) -> Result<BlockId, RpcError> {
        Ok(self.optional(index)?.unwrap_or(BlockId::latest()))
    }
}

/// A block that requests can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// One that is kept.
    Number(u64),
    /// The one that would be mined now.
    Pending,
}

impl Chain {
    /// Which block number a tag means; `None` for `pending`.
    pub(crate) fn number_of(&self, tag: BlockNumberOrTag) -> Option<u64> {
        let head = self.head().header.number;
        let first = self
            .upstream
            .as_ref()
            .map_or(0, |upstream| upstream.block());
        // A fork takes the forked block for final.
        let behind = |distance: u64| head.saturating_sub(distance).max(first);
        match tag {
            BlockNumberOrTag::Latest => Some(head),
            BlockNumberOrTag::Safe => Some(behind(self.config.safe_distance)),
            BlockNumberOrTag::Finalized => {
                Some(behind(self.config.safe_distance.saturating_mul(2)))
            }
            BlockNumberOrTag::Earliest => Some(0),
            BlockNumberOrTag::Number(number) => Some(number),
            BlockNumberOrTag::Pending => None,
        }
    }

    /// The block with `number`: `Ok(None)` if the chain has not come so far, an error if it is no
    /// longer kept.
    pub(crate) fn kept(&self, number: u64) -> Result<Option<&Block>, Miss> {
        if number > self.head().header.number {
            return Ok(None);
        }
        match (self.block(number), &self.upstream) {
            (Some(block), _) => Ok(Some(block)),
            (None, Some(upstream)) if number <= upstream.block() => Err(Miss::Upstream),
            (None, _) => Err(Miss::Error(RpcError::server(format!(
                "block #{number} is no longer kept, the oldest is #{}",
                self.oldest()
            )))),
        }
    }

    /// The block that a request for state is about.
    pub(crate) fn at(&self, id: BlockId) -> Result<At, Miss> {
        let number = match id {
            BlockId::Hash(hash) => match self.by_hash.get(&hash.block_hash) {
                Some(number) => *number,
                None if self.upstream.is_some() => return Err(Miss::Upstream),
                None => return Err(RpcError::server("header for hash not found").into()),
            },
            BlockId::Number(tag) => match self.number_of(tag) {
                Some(number) => number,
                None => return Ok(At::Pending),
            },
        };
        match self.kept(number)? {
            Some(_) => Ok(At::Number(number)),
            None => Err(RpcError::server("header not found").into()),
        }
    }
}
