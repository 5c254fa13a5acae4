//! Balances, code, storage, nonces.

use alloy::eips::BlockId;
use alloy::primitives::{Address, B256, U64, U256};
use serde_json::Value;

use crate::chain::Chain;
use crate::error::RpcError;
use crate::rpc::params::{At, Params};
use crate::rpc::{Answer, Miss, json};
use crate::state::Overlay;

impl Chain {
    /// The state after a block; for `pending`, after the block that would be mined now.
    pub(crate) fn overlay(&self, at: At) -> Overlay<'_> {
        match at {
            At::Number(number) => self.state.at(number),
            At::Pending => self.assemble(self.pending_time()).overlay,
        }
    }

    /// Header time of the pending block.
    pub(crate) fn pending_time(&self) -> u64 {
        self.head().header.timestamp + self.block_seconds()
    }

    fn overlay_of(&self, id: BlockId) -> Result<Overlay<'_>, Miss> {
        Ok(self.overlay(self.at(id)?))
    }

    pub(crate) fn balance(&self, params: &Params) -> Answer {
        let address: Address = params.required(0)?;
        json(self.overlay_of(params.block(1)?)?.record(address)?.balance)
    }

    pub(crate) fn code(&self, params: &Params) -> Answer {
        let address: Address = params.required(0)?;
        let overlay = self.overlay_of(params.block(1)?)?;
        json(
            overlay
                .code(overlay.record(address)?.code_hash)?
                .original_bytes(),
        )
    }

    pub(crate) fn storage(&self, params: &Params) -> Answer {
        let address: Address = params.required(0)?;
        let key = storage_key(&params.required::<Value>(1)?)?;
        let value = self.overlay_of(params.block(2)?)?.slot(address, key)?;
        json(B256::from(value))
    }

    pub(crate) fn transaction_count(&self, params: &Params) -> Answer {
        let address: Address = params.required(0)?;
        let nonce = match self.at(params.block(1)?)? {
            At::Number(number) => self.state.at(number).record(address)?.nonce,
            // Like go-ethereum: what waits counts, whether or not it would be mined now.
            At::Pending => {
                let head = self.state.at(self.state.head());
                self.pool.next_nonce(address, head.record(address)?.nonce)
            }
        };
        json(U64::from(nonce))
    }
}

/// A slot: a quantity, or up to 32 bytes of hex.
fn storage_key(value: &Value) -> Result<U256, RpcError> {
    let text = value.as_str().unwrap_or_default();
    let digits = text.strip_prefix("0x").unwrap_or_default();
    if digits.is_empty() || digits.len() > 64 {
        return Err(RpcError::invalid_params(
            "argument 1: a storage slot is 1 to 64 hex digits after 0x",
        ));
    }
    U256::from_str_radix(digits, 16)
        .map_err(|error| RpcError::invalid_params(format_args!("argument 1: {error}")))
}
