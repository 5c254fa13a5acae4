//! A chain at one block, read through an endpoint.

use airdrops_types::{Address, B256, BlockRef, Bytes, ChainId, U256};
use serde_json::{Value, json};

use crate::endpoint::ChainClient;
use crate::read::{ChainRead, ReadError, ReadFuture};
use crate::revert;
use crate::rpc::{self, Fault, malformed, quantity};

/// A chain at one block. Every read names the block's number, so all see the same state unless the
/// chain is reorganised in between.
#[derive(Debug, Clone)]
pub struct View {
    client: ChainClient,
    block: BlockRef,
}

impl View {
    pub(crate) fn new(client: ChainClient, block: BlockRef) -> Self {
        Self { client, block }
    }

    pub(crate) fn client(&self) -> &ChainClient {
        &self.client
    }

    /// The block as JSON-RPC parameters name it.
    pub(crate) fn tag(&self) -> Value {
        quantity(self.block.number)
    }

    /// The code of `account`; empty if it is no contract.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn code(&self, account: Address) -> Result<Bytes, ReadError> {
        const METHOD: &str = "eth_getCode";
        let params = json!([account, self.tag()]);
        let answer = self.client.request(METHOD, params).await?;
        rpc::parse_bytes(&answer).ok_or_else(|| malformed(METHOD, "not hex data"))
    }

    /// The word in a storage slot of `account`; zero if nothing was ever written there.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn storage(&self, account: Address, slot: B256) -> Result<B256, ReadError> {
        const METHOD: &str = "eth_getStorageAt";
        let params = json!([account, slot, self.tag()]);
        let answer = self.client.request(METHOD, params).await?;
        // Some nodes leave leading zeros out.
        rpc::parse_u256(&answer)
            .map(B256::from)
            .ok_or_else(|| malformed(METHOD, "not a word"))
    }
}

impl ChainRead for View {
    fn chain(&self) -> ChainId {
        self.client.chain()
    }

    fn block(&self) -> BlockRef {
        self.block
    }

    fn call(&self, to: Address, data: Bytes) -> ReadFuture<'_, Bytes> {
        const METHOD: &str = "eth_call";
        Box::pin(async move {
            let params = json!([{"to": to, "data": data}, self.tag()]);
            match self.client.request(METHOD, params).await {
                Ok(answer) => {
                    rpc::parse_bytes(&answer).ok_or_else(|| malformed(METHOD, "not hex data"))
                }
                Err(fault) => Err(call_error(to, fault)),
            }
        })
    }

    fn native_balance(&self, account: Address) -> ReadFuture<'_, U256> {
        const METHOD: &str = "eth_getBalance";
        Box::pin(async move {
            let params = json!([account, self.tag()]);
            let answer = self.client.request(METHOD, params).await?;
            rpc::parse_u256(&answer).ok_or_else(|| malformed(METHOD, "not a quantity"))
        })
    }
}

/// A revert is the contract's answer; every other error is the node's.
pub(crate) fn call_error(to: Address, fault: Fault) -> ReadError {
    let data = fault.revert_data();
    match &fault {
        Fault::Node { code, message, .. } => {
            let lower = message.to_lowercase();
            if *code == 3 || lower.contains("revert") || data.is_some() {
                let reason = match data {
                    Some(data) if !data.is_empty() => revert::reason(&data),
                    _ => message.clone(),
                };
                ReadError::Reverted { to, reason }
            } else {
                fault.into()
            }
        }
        Fault::Silent(_) => fault.into(),
    }
}
