//! `eth_simulateV1`: blocks of calls, each on the state that the one before left.

use alloy::consensus::constants::{EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH, EMPTY_WITHDRAWALS};
use alloy::consensus::transaction::Recovered;
use alloy::consensus::{Header, TxEip1559};
use alloy::eips::eip1559::BaseFeeParams;
use alloy::primitives::{Address, B256, Bytes, Log, LogData, U256, address, b256, logs_bloom};
use alloy::rpc::types::simulate::{
    MAX_SIMULATE_BLOCKS, SimBlock, SimCallResult, SimulateError, SimulatePayload, SimulatedBlock,
};
use alloy::rpc::types::{
    Block as RpcBlock, BlockTransactions, Header as RpcHeader, Log as RpcLog, Transaction,
};
use revm::Inspector;
use revm::context::ContextTr;
use revm::context::result::{ExecutionResult, InvalidTransaction};
use revm::context_interface::JournalTr;
use revm::interpreter::{CallInputs, CallOutcome, CreateInputs, CreateOutcome};

use crate::chain::Chain;
use crate::error::{RpcError, RunError, halt_words, invalid_words, revert_message};
use crate::evm::{Checks, Env, block_env, inspect};
use crate::rpc::call::{CALL_GAS, override_block, override_state};
use crate::rpc::params::Params;
use crate::rpc::{Answer, Miss, json};
use crate::state::Overlay;
use crate::world::unsigned;

/// Where transfers of the native coin are logged from (ERC-7528).
const NATIVE: Address = address!("EeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE");
/// keccak256 of `Transfer(address,address,uint256)`.
const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// Collects logs in order, and transfers of the native coin as if they were logs. What a frame
/// logged before it failed is dropped.
#[derive(Debug, Default)]
struct Logger {
    transfers: bool,
    logs: Vec<Log>,
    /// How many logs there were when each open frame began.
    frames: Vec<usize>,
}

impl Logger {
    fn transfer(&mut self, from: Address, to: Address, value: U256) {
        if !self.transfers || value.is_zero() {
            return;
        }
        let topics = vec![TRANSFER, from.into_word(), to.into_word()];
        let data = Bytes::from(value.to_be_bytes::<32>());
        self.logs.push(Log {
            address: NATIVE,
            data: LogData::new_unchecked(topics, data),
        });
    }

    fn end(&mut self, success: bool) {
        let begin = self.frames.pop().unwrap_or_default();
        if !success {
            self.logs.truncate(begin);
        }
    }
}

impl<C: ContextTr> Inspector<C> for Logger {
    fn log(&mut self, _: &mut C, log: Log) {
        self.logs.push(log);
    }

    fn call(&mut self, _: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.frames.push(self.logs.len());
        if let Some(value) = inputs.transfer_value() {
            self.transfer(inputs.transfer_from(), inputs.transfer_to(), value);
        }
        None
    }

    fn call_end(&mut self, _: &mut C, _: &CallInputs, outcome: &mut CallOutcome) {
        self.end(outcome.result.is_ok());
    }

    fn create(&mut self, context: &mut C, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.frames.push(self.logs.len());
        if !inputs.value().is_zero() {
            let nonce = context
                .journal_mut()
                .load_account(inputs.caller())
                .map_or(0, |account| account.data.info.nonce);
            self.transfer(
                inputs.caller(),
                inputs.created_address(nonce),
                inputs.value(),
            );
        }
        None
    }

    fn create_end(&mut self, _: &mut C, _: &CreateInputs, outcome: &mut CreateOutcome) {
        self.end(outcome.result.is_ok());
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        self.transfer(contract, target, value);
    }
}

/// go-ethereum's codes (internal/ethapi/errors.go) for calls that cannot be part of a block.
fn invalid_call(error: RunError) -> Miss {
    use InvalidTransaction as I;
    let RunError::Invalid(invalid) = error else {
        return Miss::Error(error.into());
    };
    let code = match &invalid {
        I::NonceTooHigh { .. } => -38011,
        I::NonceTooLow { .. } => -38010,
        I::CallGasCostMoreThanGasLimit { .. } | I::GasFloorMoreThanGasLimit { .. } => -38013,
        I::LackOfFundForMaxFee { .. } | I::OverflowPaymentInTransaction => -38014,
        I::CallerGasLimitMoreThanBlock => -38015,
        I::RejectCallerWithCode => -38024,
        I::CreateInitCodeSizeLimit => -38025,
        I::GasPriceLessThanBasefee => -38012,
        _ => -32602,
    };
    RpcError::new(code, format!("err: {}", invalid_words(&invalid))).into()
}

/// What a simulated block follows on.
struct Parent {
    hash: B256,
    number: u64,
    timestamp: u64,
    gas_limit: u64,
    next_base_fee: u64,
}

impl Chain {
    pub(crate) fn simulate(&self, params: &Params) -> Answer {
        let payload: SimulatePayload = params.required(0)?;
        let count = payload.block_state_calls.len() as u64;
        if count == 0 {
            return Err(RpcError::invalid_params("empty input").into());
        }
        if count > MAX_SIMULATE_BLOCKS {
            return Err(RpcError::new(-38026, "too many blocks").into());
        }
        let at = self.at(params.block(1)?)?;
        let mut overlay = self.overlay(at);
        let env = self.env_at(at);
        let base = match at {
            crate::rpc::params::At::Number(number) => self.block(number),
            crate::rpc::params::At::Pending => None,
        };
        let mut parent = Parent {
            hash: base.map_or(B256::ZERO, |block| block.hash),
            number: env.number.saturating_to(),
            timestamp: env.timestamp.saturating_to(),
            gas_limit: env.gas_limit,
            next_base_fee: base.map_or(env.basefee, crate::block::Block::next_base_fee),
        };
        let mut blocks = Vec::new();
        for block in &payload.block_state_calls {
            let (done, next) = self.simulate_block(&mut overlay, &parent, block, &payload)?;
            blocks.push(done);
            parent = next;
        }
        json(blocks)
    }

    fn simulate_block(
        &self,
        overlay: &mut Overlay<'_>,
        parent: &Parent,
        wanted: &SimBlock,
        payload: &SimulatePayload,
    ) -> Result<(SimulatedBlock, Parent), Miss> {
        let mut env = block_env(
            parent.number + 1,
            parent.timestamp + self.block_seconds(),
            parent.gas_limit,
            if payload.validation {
                parent.next_base_fee
            } else {
                0
            },
            Address::ZERO,
            B256::ZERO,
        );
        override_block(
            &mut env,
            &wanted.block_overrides.clone().unwrap_or_default(),
        )?;
        let number: u64 = env.number.saturating_to();
        let timestamp: u64 = env.timestamp.saturating_to();
        if number <= parent.number {
            return Err(RpcError::new(
                -38020,
                format!(
                    "block numbers must be in order: {number} <= {}",
                    parent.number
                ),
            )
            .into());
        }
        if timestamp <= parent.timestamp {
            return Err(RpcError::new(
                -38021,
                format!(
                    "block timestamps must be in order: {timestamp} <= {}",
                    parent.timestamp
                ),
            )
            .into());
        }
        override_state(overlay, wanted.state_overrides.clone().unwrap_or_default())?;
        let checks = if payload.validation {
            Checks::Signed
        } else {
            Checks::Call
        };
        let env = self.env(env, checks);
        let (gas_limit, base_fee) = (env.block.gas_limit, env.block.basefee);
        let mut gas_used = 0;
        let mut calls = Vec::new();
        let mut transactions = Vec::new();
        for request in &wanted.calls {
            let room = gas_limit.saturating_sub(gas_used);
            let mut tx = self.request_env(request, overlay, u64::MAX)?;
            tx.gas_limit = request.gas.unwrap_or_else(|| room.min(CALL_GAS));
            if tx.gas_limit > room {
                return Err(RpcError::new(
                    -38015,
                    format!(
                        "block gas limit reached: {} >= {gas_limit}",
                        gas_used.saturating_add(tx.gas_limit)
                    ),
                )
                .into());
            }
            let envelope = unsigned(
                TxEip1559 {
                    chain_id: self.config.chain.0,
                    nonce: tx.nonce,
                    gas_limit: tx.gas_limit,
                    max_fee_per_gas: tx.gas_price,
                    max_priority_fee_per_gas: tx.gas_priority_fee.unwrap_or(tx.gas_price),
                    to: tx.kind,
                    value: tx.value,
                    access_list: tx.access_list.clone(),
                    input: tx.data.clone(),
                },
                tx.caller,
            );
            let caller = tx.caller;
            let (result, logs) = run(overlay, &env, tx, payload.trace_transfers)?;
            gas_used += result.tx_gas_used();
            calls.push((result, logs, *envelope.tx_hash()));
            transactions.push(Recovered::new_unchecked(envelope, caller));
        }
        let bloom = logs_bloom(calls.iter().flat_map(|(_, logs, _)| logs));
        let header = Header {
            parent_hash: parent.hash,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: env.block.beneficiary,
            transactions_root: EMPTY_ROOT_HASH,
            receipts_root: EMPTY_ROOT_HASH,
            logs_bloom: bloom,
            number,
            gas_limit,
            gas_used,
            timestamp,
            mix_hash: env.block.prevrandao.unwrap_or_default(),
            base_fee_per_gas: Some(base_fee),
            withdrawals_root: Some(EMPTY_WITHDRAWALS),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::ZERO),
            ..Header::default()
        };
        let hash = header.hash_slow();
        let mut log_index = 0..;
        let results = calls
            .into_iter()
            .zip(0u64..)
            .map(|((result, logs, tx_hash), index)| {
                let logs = logs
                    .into_iter()
                    .zip(&mut log_index)
                    .map(|(inner, log_index)| RpcLog {
                        inner,
                        block_hash: Some(hash),
                        block_number: Some(number),
                        block_timestamp: Some(timestamp),
                        transaction_hash: Some(tx_hash),
                        transaction_index: Some(index),
                        log_index: Some(log_index),
                        removed: false,
                    })
                    .collect();
                call_result(result, logs)
            })
            .collect();
        let transactions = if payload.return_full_transactions {
            let full = transactions.into_iter().zip(0u64..);
            BlockTransactions::Full(
                full.map(|(inner, index)| Transaction {
                    inner,
                    block_hash: Some(hash),
                    block_number: Some(number),
                    transaction_index: Some(index),
                    effective_gas_price: None,
                    block_timestamp: Some(timestamp),
                })
                .collect(),
            )
        } else {
            BlockTransactions::Hashes(
                transactions
                    .iter()
                    .map(|tx| *tx.inner().tx_hash())
                    .collect(),
            )
        };
        let next = Parent {
            hash,
            number,
            timestamp,
            gas_limit,
            next_base_fee: BaseFeeParams::ethereum()
                .next_block_base_fee(gas_used, gas_limit, base_fee),
        };
        let inner = RpcBlock {
            header: RpcHeader {
                hash,
                inner: header,
                total_difficulty: None,
                size: None,
            },
            uncles: Vec::new(),
            transactions,
            withdrawals: Some(Default::default()),
        };
        Ok((
            SimulatedBlock {
                inner,
                calls: results,
            },
            next,
        ))
    }
}

fn run(
    overlay: &mut Overlay<'_>,
    env: &Env,
    tx: revm::context::TxEnv,
    transfers: bool,
) -> Result<(ExecutionResult, Vec<Log>), Miss> {
    let mut logger = Logger {
        transfers,
        ..Logger::default()
    };
    let done = inspect(overlay, env, tx, &mut logger).map_err(invalid_call)?;
    overlay.commit(done.state);
    let logs = if done.result.is_success() {
        logger.logs
    } else {
        Vec::new()
    };
    Ok((done.result, logs))
}

fn call_result(result: ExecutionResult, logs: Vec<RpcLog>) -> SimCallResult {
    let error = match &result {
        ExecutionResult::Success { .. } => None,
        ExecutionResult::Revert { output, .. } => Some(SimulateError {
            code: SimulateError::EXECUTION_REVERTED_CODE,
            message: revert_message(output),
            data: Some(output.clone()),
        }),
        ExecutionResult::Halt { reason, .. } => Some(SimulateError {
            code: SimulateError::VM_EXECUTION_ERROR_CODE,
            message: halt_words(reason),
            data: None,
        }),
    };
    SimCallResult {
        gas_used: result.tx_gas_used(),
        max_used_gas: Some(result.gas().total_gas_spent()),
        status: result.is_success(),
        return_data: result.into_output().unwrap_or_default(),
        logs,
        error,
    }
}
