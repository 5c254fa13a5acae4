//! `eth_call` and `eth_estimateGas`.

use alloy::eips::BlockId;
use alloy::primitives::{Bytes, TxKind, U256};
use alloy::rpc::types::state::StateOverride;
use alloy::rpc::types::{BlockOverrides, TransactionRequest};
use revm::context::result::{ExecutionResult, HaltReason, InvalidTransaction};
use revm::context::{BlockEnv, TxEnv};
use revm::context_interface::either::Either;
use revm::state::Bytecode;

use crate::chain::Chain;
use crate::error::{RpcError, RunError, halt_words};
use crate::evm::{Checks, Env, execute};
use crate::rpc::params::Params;
use crate::rpc::{Answer, Miss, json};
use crate::state::Overlay;

/// The most gas that a call may use: go-ethereum's default `--rpc.gascap`.
pub(crate) const CALL_GAS: u64 = 50_000_000;

/// A call with the state and the surroundings it runs in.
pub(crate) struct Prepared<'a> {
    pub(crate) overlay: Overlay<'a>,
    pub(crate) env: Env,
    pub(crate) tx: TxEnv,
}

impl Chain {
    /// Makes a transaction of a request at `id`, after overrides.
    pub(crate) fn prepare(
        &self,
        request: &TransactionRequest,
        id: BlockId,
        overrides: Option<StateOverride>,
        block: Option<BlockOverrides>,
    ) -> Result<Prepared<'_>, Miss> {
        let at = self.at(id)?;
        let mut overlay = self.overlay(at);
        override_state(&mut overlay, overrides.unwrap_or_default())?;
        let mut env = self.env(self.env_at(at), Checks::Call);
        override_block(&mut env.block, &block.unwrap_or_default())?;
        let tx = self.request_env(request, &overlay, CALL_GAS)?;
        Ok(Prepared { overlay, env, tx })
    }

    /// The request with its gaps filled: sender zero, gas `gas_cap`, no fees, the next nonce.
    pub(crate) fn request_env(
        &self,
        request: &TransactionRequest,
        overlay: &Overlay<'_>,
        gas_cap: u64,
    ) -> Result<TxEnv, Miss> {
        if request.gas_price.is_some()
            && (request.max_fee_per_gas.is_some() || request.max_priority_fee_per_gas.is_some())
        {
            return Err(RpcError::server(
                "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified",
            )
            .into());
        }
        if request.blob_versioned_hashes.is_some() || request.sidecar.is_some() {
            return Err(RpcError::server("blob transactions are not supported").into());
        }
        if let Some(chain) = request.chain_id
            && chain != self.config.chain.0
        {
            return Err(RpcError::server(format!(
                "chainId does not match node's (have={chain}, want={})",
                self.config.chain
            ))
            .into());
        }
        let dynamic = request.gas_price.is_none();
        let authorizations = request.authorization_list.clone().unwrap_or_default();
        let tx_type = match (&request.access_list, dynamic) {
            _ if !authorizations.is_empty() => 4,
            (_, true) => 2,
            (Some(_), false) => 1,
            (None, false) => 0,
        };
        let caller = request.from.unwrap_or_default();
        let nonce = match request.nonce {
            Some(nonce) => nonce,
            None => overlay.record(caller)?.nonce,
        };
        Ok(TxEnv {
            tx_type,
            caller,
            gas_limit: request.gas.unwrap_or(gas_cap).min(gas_cap),
            gas_price: request
                .gas_price
                .or(request.max_fee_per_gas)
                .unwrap_or_default(),
            kind: request.to.unwrap_or(TxKind::Create),
            value: request.value.unwrap_or_default(),
            data: request.input.input().cloned().unwrap_or_default(),
            nonce,
            chain_id: Some(self.config.chain.0),
            access_list: request.access_list.clone().unwrap_or_default(),
            gas_priority_fee: (dynamic || tx_type == 4)
                .then(|| request.max_priority_fee_per_gas.unwrap_or_default()),
            blob_hashes: Vec::new(),
            max_fee_per_blob_gas: 0,
            authorization_list: authorizations.into_iter().map(Either::Left).collect(),
        })
    }

    pub(crate) fn eth_call(&self, params: &Params) -> Answer {
        let request: TransactionRequest = params.required(0)?;
        let mut call = self.prepare(
            &request,
            params.block(1)?,
            params.optional(2)?,
            params.optional(3)?,
        )?;
        let gas = call.tx.gas_limit;
        let caller = call.tx.caller;
        let done = execute(&mut call.overlay, &call.env, call.tx)
            .map_err(|error| call_error(error, gas, caller))?;
        json(returned(done.result)?)
    }

    /// The least gas with which the call succeeds, to 1.5 %: go-ethereum's search
    /// (eth/gasestimator/gasestimator.go).
    pub(crate) fn estimate_gas(&self, params: &Params) -> Answer {
        /// Relative width at which the search stops.
        const ERROR_RATIO: f64 = 0.015;
        let request: TransactionRequest = params.required(0)?;
        let call = self.prepare(
            &request,
            params.block(1)?,
            params.optional(2)?,
            params.optional(3)?,
        )?;
        let mut high = match request.gas {
            Some(gas) if gas >= 21_000 => gas,
            _ => call.env.block.gas_limit,
        };
        if call.tx.gas_price > 0 {
            let balance = call.overlay.record(call.tx.caller)?.balance;
            let Some(available) = balance.checked_sub(call.tx.value) else {
                return Err(RpcError::server("insufficient funds for transfer").into());
            };
            let allowance = available / U256::from(call.tx.gas_price);
            high = u64::try_from(allowance).map_or(high, |allowance| allowance.min(high));
        }
        high = high.min(CALL_GAS);
        let attempt = |gas: u64| -> Result<Result<ExecutionResult, u64>, Miss> {
            let tx = TxEnv {
                gas_limit: gas,
                ..call.tx.clone()
            };
            let caller = tx.caller;
            match execute(&mut call.overlay.clone(), &call.env, tx) {
                Ok(done) => Ok(Ok(done.result)),
                Err(RunError::Invalid(
                    InvalidTransaction::CallGasCostMoreThanGasLimit { .. }
                    | InvalidTransaction::GasFloorMoreThanGasLimit { .. },
                )) => Ok(Err(gas)),
                Err(error) => Err(call_error(error, gas, caller)),
            }
        };
        let succeeds = |gas: u64| -> Result<bool, Miss> {
            Ok(attempt(gas)?.is_ok_and(|result| result.is_success()))
        };
        if let TxKind::Call(to) = call.tx.kind
            && call.tx.data.is_empty()
            && call.tx.authorization_list.is_empty()
            && call
                .overlay
                .code(call.overlay.record(to)?.code_hash)?
                .is_empty()
            && high >= 21_000
            && succeeds(21_000)?
        {
            return json(U256::from(21_000));
        }
        let result = match attempt(high)? {
            Ok(result) => result,
            Err(gas) => return Err(allowance_exceeded(gas)),
        };
        match &result {
            ExecutionResult::Success { .. } => {}
            ExecutionResult::Halt {
                reason: HaltReason::OutOfGas(_),
                ..
            } => return Err(allowance_exceeded(high)),
            _ => {
                returned(result)?;
                return Err(RpcError::server("execution failed").into());
            }
        }
        let used = result.tx_gas_used();
        let mut low = used.saturating_sub(1);
        // What the execution needed at its height, and 1/64 that calls hold back.
        let at_most = result.gas().total_gas_spent().max(used);
        let optimistic = at_most.saturating_add(2_300).saturating_mul(64) / 63;
        if optimistic < high {
            if succeeds(optimistic)? {
                high = optimistic;
            } else {
                low = optimistic;
            }
        }
        while low + 1 < high {
            #[allow(clippy::cast_precision_loss)]
            if ((high - low) as f64) / (high as f64) < ERROR_RATIO {
                break;
            }
            let middle = (low + (high - low) / 2).min(low.saturating_mul(2));
            if succeeds(middle)? {
                high = middle;
            } else {
                low = middle;
            }
        }
        json(U256::from(high))
    }
}

fn allowance_exceeded(gas: u64) -> Miss {
    RpcError::server(format!("gas required exceeds allowance ({gas})")).into()
}

/// Return data of a success, or the error that nodes answer.
pub(crate) fn returned(result: ExecutionResult) -> Result<Bytes, RpcError> {
    match result {
        ExecutionResult::Success { output, .. } => Ok(output.into_data()),
        ExecutionResult::Revert { output, .. } => Err(RpcError::reverted(output)),
        ExecutionResult::Halt { reason, .. } => Err(RpcError::server(halt_words(&reason))),
    }
}

/// go-ethereum adds the gas and, for lack of funds, whose they are.
fn call_error(error: RunError, gas: u64, caller: alloy::primitives::Address) -> Miss {
    match error {
        RunError::Invalid(InvalidTransaction::LackOfFundForMaxFee { fee, balance }) => {
            RpcError::server(format!(
                "err: insufficient funds for gas * price + value: address {caller} have {balance} \
                 want {fee} (supplied gas {gas})"
            ))
            .into()
        }
        RunError::Invalid(invalid) => RpcError::server(format!(
            "err: {} (supplied gas {gas})",
            crate::error::invalid_words(&invalid)
        ))
        .into(),
        other => Miss::Error(other.into()),
    }
}

pub(crate) fn override_state(
    overlay: &mut Overlay<'_>,
    overrides: StateOverride,
) -> Result<(), RpcError> {
    for (address, account) in overrides {
        if account.move_precompile_to.is_some() {
            return Err(RpcError::invalid_params(
                "movePrecompileToAddress is not supported",
            ));
        }
        let mut record = overlay.record(address)?;
        record.balance = account.balance.unwrap_or(record.balance);
        record.nonce = account.nonce.unwrap_or(record.nonce);
        overlay.set_record(address, record);
        if let Some(code) = account.code {
            let code = Bytecode::new_raw_checked(code)
                .map_err(|error| RpcError::invalid_params(format_args!("code: {error}")))?;
            overlay.set_code(address, code)?;
        }
        if account.state.is_some() && account.state_diff.is_some() {
            return Err(RpcError::server(format!(
                "account {address} has both 'state' and 'stateDiff'"
            )));
        }
        if account.state.is_some() {
            overlay.clear_storage(address);
        }
        for (key, value) in account.state.or(account.state_diff).unwrap_or_default() {
            overlay.set_slot(address, key.into(), value.into());
        }
    }
    Ok(())
}

pub(crate) fn override_block(
    block: &mut BlockEnv,
    overrides: &BlockOverrides,
) -> Result<(), RpcError> {
    if let Some(number) = overrides.number {
        block.number = number;
    }
    if let Some(time) = overrides.time {
        block.timestamp = U256::from(time);
    }
    if let Some(limit) = overrides.gas_limit {
        block.gas_limit = limit;
    }
    if let Some(coinbase) = overrides.coinbase {
        block.beneficiary = coinbase;
    }
    if let Some(random) = overrides.random {
        block.prevrandao = Some(random);
    }
    if let Some(fee) = overrides.base_fee {
        block.basefee = u64::try_from(fee)
            .map_err(|_| RpcError::invalid_params("baseFeePerGas is over 64 bits"))?;
    }
    Ok(())
}
