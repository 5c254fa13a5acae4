//! Taking in signed transactions.

use alloy::consensus::transaction::SignerRecoverable;
use alloy::consensus::{Transaction as _, TxEnvelope, Typed2718};
use alloy::eips::eip2718::Decodable2718;
use alloy::primitives::Bytes;
use revm::context_interface::cfg::gas::calculate_initial_tx_gas_for_tx;
use revm::primitives::hardfork::SpecId;

use crate::chain::Chain;
use crate::error::RpcError;
use crate::evm::tx_env;
use crate::rpc::params::Params;
use crate::rpc::{Answer, json};

/// go-ethereum's limit on the encoded size (core/txpool/legacypool: txMaxSize).
const MAX_SIZE: usize = 4 * 32 * 1024;
/// EIP-3860.
const MAX_INIT_CODE: usize = 49_152;
/// EIP-7825.
const OSAKA_GAS_CAP: u64 = 1 << 24;

impl Chain {
    pub(crate) fn send_raw(&mut self, params: &Params) -> Answer {
        let raw: Bytes = params.required(0)?;
        let mut rest = raw.as_ref();
        let tx = TxEnvelope::decode_2718(&mut rest)
            .map_err(|error| RpcError::server(format!("rlp: {error}")))?;
        if !rest.is_empty() {
            return Err(RpcError::server("rlp: trailing bytes after the transaction").into());
        }
        self.check(&tx, raw.len())?;
        let sender = tx
            .recover_signer()
            .map_err(|_| RpcError::server("invalid sender: invalid transaction v, r, s values"))?;
        let hash = *tx.tx_hash();
        let account = self.state.at(self.state.head()).record(sender)?;
        self.pool.add(tx, sender, account, false)?;
        if self.automine {
            self.mine(self.pending_time());
        }
        json(hash)
    }

    /// Whether the transaction is valid by itself: what go-ethereum checks in
    /// core/txpool/validation.go (`ValidateTransaction`), in its order.
    fn check(&self, tx: &TxEnvelope, size: usize) -> Result<(), RpcError> {
        let refuse = |words: String| Err(RpcError::server(words));
        if tx.is_eip4844() || (tx.is_eip7702() && !self.spec().is_enabled_in(SpecId::PRAGUE)) {
            return refuse(format!(
                "transaction type not supported: tx type {} not supported by this pool",
                tx.ty()
            ));
        }
        if size > MAX_SIZE {
            return refuse(format!(
                "oversized data: transaction size {size}, limit {MAX_SIZE}"
            ));
        }
        if tx.is_create() && tx.input().len() > MAX_INIT_CODE {
            return refuse(format!(
                "max initcode size exceeded: code size {}, limit {MAX_INIT_CODE}",
                tx.input().len()
            ));
        }
        if self.spec().is_enabled_in(SpecId::OSAKA) && tx.gas_limit() > OSAKA_GAS_CAP {
            return refuse(format!(
                "transaction gas limit too high (cap: {OSAKA_GAS_CAP}, tx: {})",
                tx.gas_limit()
            ));
        }
        if tx.gas_limit() > self.config.gas_limit {
            return refuse("exceeds block gas limit".to_owned());
        }
        if tx
            .max_priority_fee_per_gas()
            .is_some_and(|tip| tip > tx.max_fee_per_gas())
        {
            return refuse(format!(
                "max priority fee per gas higher than max fee per gas: \
                 maxPriorityFeePerGas: {}, maxFeePerGas: {}",
                tx.max_priority_fee_per_gas().unwrap_or_default(),
                tx.max_fee_per_gas()
            ));
        }
        let here = self.config.chain.0;
        match tx.chain_id() {
            None => {
                return refuse(
                    "only replay-protected (EIP-155) transactions allowed over RPC".to_owned(),
                );
            }
            Some(id) if id != here => {
                return refuse(format!(
                    "invalid sender: invalid chain id for signer: have {id} want {here}"
                ));
            }
            Some(_) => {}
        }
        if tx.nonce() == u64::MAX {
            return refuse("nonce has max value".to_owned());
        }
        if tx.authorization_list().is_some_and(<[_]>::is_empty) {
            return refuse("set code tx must have at least one authorization tuple".to_owned());
        }
        let env = tx_env(tx, Default::default());
        let needed = calculate_initial_tx_gas_for_tx(&env, self.spec(), None);
        let (gas, intrinsic) = (tx.gas_limit(), needed.initial_regular_gas());
        if gas < intrinsic {
            return refuse(format!(
                "intrinsic gas too low: gas {gas}, minimum needed {intrinsic}"
            ));
        }
        if self.spec().is_enabled_in(SpecId::PRAGUE) && gas < needed.floor_gas {
            return refuse(format!(
                "insufficient gas for floor data gas cost: gas {gas}, minimum needed {}",
                needed.floor_gas
            ));
        }
        Ok(())
    }
}
