//! JSON-RPC: which method is answered by whom.

mod accounts;
mod blocks;
mod call;
mod fees;
mod params;
mod send;
mod simulate;
mod traces;

use alloy::primitives::{U64, U256};
use serde::Serialize;
use serde_json::Value;

use crate::chain::{Chain, PaperChain};
use crate::error::RpcError;

use params::Params;

/// Why a request has no answer from here.
#[derive(Debug)]
pub(crate) enum Miss {
    /// There is none.
    Error(RpcError),
    /// The forked chain has it, if anyone.
    Upstream,
}

impl<E: Into<RpcError>> From<E> for Miss {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// An answer, or why there is none.
pub(crate) type Answer = Result<Value, Miss>;

/// `value` as JSON.
fn json(value: impl Serialize) -> Answer {
    serde_json::to_value(value)
        .map_err(|error| Miss::Error(RpcError::new(-32603, error.to_string())))
}

/// Answers one request.
pub(crate) fn dispatch(chain: &PaperChain, method: &str, params: Value) -> Result<Value, RpcError> {
    tracing::trace!(method, "request");
    let mut locked = chain.lock();
    let result = Params::new(params.clone())
        .map_err(Miss::Error)
        .and_then(|params| answer(&mut locked, method, &params));
    let last = locked.upstream.clone();
    drop(locked);
    match (result, last) {
        (Ok(value), _) => Ok(value),
        (Err(Miss::Error(error)), _) => Err(error),
        (Err(Miss::Upstream), None) => Ok(Value::Null),
        (Err(Miss::Upstream), Some(upstream)) => {
            let value = upstream.request(method, params)?;
            Ok(not_after(value, upstream.block()))
        }
    }
}

/// What the forked chain did after the fork did not happen here.
fn not_after(value: Value, block: u64) -> Value {
    let number = value.get("blockNumber").or_else(|| value.get("number"));
    let Some(number) = number else { return value };
    match serde_json::from_value::<U64>(number.clone()) {
        Ok(number) if number.to::<u64>() <= block => value,
        _ => Value::Null,
    }
}

fn answer(chain: &mut Chain, method: &str, params: &Params) -> Answer {
    match method {
        "eth_chainId" => json(U64::from(chain.config.chain.0)),
        "net_version" => json(chain.config.chain.to_string()),
        "net_listening" => json(false),
        "web3_clientVersion" => json(concat!("airdrops-paper/", env!("CARGO_PKG_VERSION"))),
        "eth_syncing" => json(false),
        "eth_accounts" => json([(); 0]),
        "eth_blockNumber" => json(U64::from(chain.head().header.number)),
        "eth_getBlockByNumber" => chain.block_by_number(params),
        "eth_getBlockByHash" => chain.block_by_hash(params),
        "eth_getBlockReceipts" => chain.block_receipts(params),
        "eth_getTransactionByHash" => chain.transaction(params),
        "eth_getTransactionReceipt" => chain.receipt(params),
        "eth_getLogs" => chain.logs(params),
        "eth_getBalance" => chain.balance(params),
        "eth_getCode" => chain.code(params),
        "eth_getStorageAt" => chain.storage(params),
        "eth_getTransactionCount" => chain.transaction_count(params),
        "eth_call" => chain.eth_call(params),
        "eth_estimateGas" => chain.estimate_gas(params),
        "eth_simulateV1" => chain.simulate(params),
        "eth_sendRawTransaction" => chain.send_raw(params),
        "eth_feeHistory" => chain.fee_history(params),
        "eth_gasPrice" => json(U256::from(chain.gas_price())),
        "eth_maxPriorityFeePerGas" => json(U256::from(chain.suggested_tip())),
        "debug_traceTransaction" => chain.trace_transaction(params),
        "debug_traceCall" => chain.trace_call(params),
        other => Err(Miss::Error(RpcError::unknown_method(other))),
    }
}
