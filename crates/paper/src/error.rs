//! What goes wrong, in the words that nodes use.

use std::borrow::Cow;

use alloy::primitives::Bytes;
use alloy::rpc::json_rpc::ErrorPayload;
use alloy::sol_types::{Panic, Revert, SolError};
use revm::context::result::{HaltReason, InvalidTransaction};
use revm::database_interface::DBErrorMarker;

/// Why a call of [`crate::PaperChain`] itself failed. Requests over the transport fail with
/// [`RpcError`] instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaperError {
    /// The contract reverted.
    #[error("{}", revert_message(.0))]
    Reverted(Bytes),
    /// The execution stopped without a revert: out of gas, invalid opcode and the like.
    #[error("execution stopped: {0}")]
    Halted(String),
    /// The transaction is not valid.
    #[error("invalid transaction: {0}")]
    Invalid(String),
    /// The forked chain did not give what was needed. No value was assumed.
    #[error("upstream: {0}")]
    Upstream(String),
    /// The request does not fit this chain.
    #[error("{0}")]
    Unsupported(String),
}

/// A JSON-RPC error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct RpcError {
    /// JSON-RPC error code.
    pub code: i64,
    /// Text, as go-ethereum words it where it has the same error.
    pub message: String,
    /// Revert data.
    pub data: Option<Bytes>,
}

impl RpcError {
    /// A server error, code -32000: what go-ethereum uses for all that has no code of its own.
    #[must_use]
    pub fn server(message: impl Into<String>) -> Self {
        Self::new(-32000, message)
    }

    /// Any code.
    #[must_use]
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }

    pub(crate) fn invalid_params(detail: impl std::fmt::Display) -> Self {
        Self::new(-32602, format!("invalid params: {detail}"))
    }

    pub(crate) fn unknown_method(method: &str) -> Self {
        Self::new(
            -32601,
            format!("the method {method} does not exist/is not available"),
        )
    }

    pub(crate) fn reverted(data: Bytes) -> Self {
        Self {
            code: 3,
            message: revert_message(&data),
            data: Some(data),
        }
    }

    pub(crate) fn payload(self) -> ErrorPayload {
        let data = self
            .data
            .and_then(|data| serde_json::value::to_raw_value(&data).ok());
        ErrorPayload {
            code: self.code,
            message: Cow::Owned(self.message),
            data,
        }
    }
}

/// `execution reverted`, with the reason if the data is `Error(string)` or `Panic(uint256)`.
pub(crate) fn revert_message(data: &[u8]) -> String {
    if let Ok(revert) = Revert::abi_decode(data) {
        return format!("execution reverted: {}", revert.reason);
    }
    if let Ok(panic) = Panic::abi_decode(data) {
        let reason = panic.kind().map_or_else(
            || format!("unknown panic code: {:#x}", panic.code),
            |kind| kind.as_str().to_owned(),
        );
        return format!("execution reverted: {reason}");
    }
    "execution reverted".to_owned()
}

/// The state could not be read: only a fork can fail so.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", .0.message)]
pub(crate) struct StateError(pub(crate) RpcError);

impl DBErrorMarker for StateError {}

impl From<StateError> for RpcError {
    fn from(error: StateError) -> Self {
        error.0
    }
}

impl From<StateError> for PaperError {
    fn from(error: StateError) -> Self {
        Self::Upstream(error.0.message)
    }
}

/// Why a transaction was not executed at all.
#[derive(Debug)]
pub(crate) enum RunError {
    Invalid(InvalidTransaction),
    State(StateError),
    Other(String),
}

impl From<StateError> for RunError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl From<RunError> for RpcError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Invalid(invalid) => Self::server(format!("err: {}", invalid_words(&invalid))),
            RunError::State(state) => state.0,
            RunError::Other(detail) => Self::new(-32603, detail),
        }
    }
}

impl From<RunError> for PaperError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Invalid(invalid) => Self::Invalid(invalid_words(&invalid)),
            RunError::State(state) => state.into(),
            RunError::Other(detail) => Self::Halted(detail),
        }
    }
}

/// go-ethereum's words (core/error.go) for an invalid transaction.
pub(crate) fn invalid_words(invalid: &InvalidTransaction) -> String {
    use InvalidTransaction as I;
    match invalid {
        I::PriorityFeeGreaterThanMaxFee => {
            "max priority fee per gas higher than max fee per gas".to_owned()
        }
        I::GasPriceLessThanBasefee => "max fee per gas less than block base fee".to_owned(),
        I::CallerGasLimitMoreThanBlock => "exceeds block gas limit".to_owned(),
        I::CallGasCostMoreThanGasLimit {
            initial_gas,
            gas_limit,
        } => format!("intrinsic gas too low: have {gas_limit}, want {initial_gas}"),
        I::GasFloorMoreThanGasLimit {
            gas_floor,
            gas_limit,
        } => {
            format!("insufficient gas for floor data gas cost: have {gas_limit}, want {gas_floor}")
        }
        I::RejectCallerWithCode => "sender not an eoa".to_owned(),
        I::LackOfFundForMaxFee { fee, balance } => {
            format!("insufficient funds for gas * price + value: have {balance} want {fee}")
        }
        I::NonceTooHigh { tx, state } => {
            format!("nonce too high: next nonce {state}, tx nonce {tx}")
        }
        I::NonceTooLow { tx, state } => format!("nonce too low: next nonce {state}, tx nonce {tx}"),
        I::NonceOverflowInTransaction => "nonce has max value".to_owned(),
        I::CreateInitCodeSizeLimit => "max initcode size exceeded".to_owned(),
        I::InvalidChainId => "invalid chain id for signer".to_owned(),
        other => other.to_string(),
    }
}

/// go-ethereum's words (core/vm/errors.go) for an exceptional halt.
pub(crate) fn halt_words(reason: &HaltReason) -> String {
    use HaltReason as H;
    let words = match reason {
        H::OutOfGas(_) => "out of gas",
        H::OpcodeNotFound | H::NotActivated => "invalid opcode",
        H::InvalidFEOpcode => "invalid opcode: INVALID",
        H::InvalidJump => "invalid jump destination",
        H::StackUnderflow => "stack underflow",
        H::StackOverflow => "stack limit reached 1024 (1023)",
        H::OutOfOffset => "return data out of bounds",
        H::CreateCollision => "contract address collision",
        H::NonceOverflow => "nonce uint64 overflow",
        H::CreateContractSizeLimit => "max code size exceeded",
        H::CreateContractStartingWithEF => "invalid code: must not begin with 0xef",
        H::CreateInitCodeSizeLimit => "max initcode size exceeded",
        H::StateChangeDuringStaticCall | H::CallNotAllowedInsideStatic => "write protection",
        H::OutOfFunds => "insufficient balance for transfer",
        H::CallTooDeep => "max call depth exceeded",
        other => return other.to_string(),
    };
    words.to_owned()
}
