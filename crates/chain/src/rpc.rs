//! One JSON-RPC request, and what can become of it.

use std::error::Error as _;

use airdrops_types::{Address, B256, Bytes, U256};
use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::RpcError;
use alloy::transports::TransportError;
use serde_json::Value;

use crate::read::ReadError;

/// Why a request gave no result.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The node answered with an error object.
    Node {
        code: i64,
        message: String,
        data: Option<Value>,
    },
    /// No usable answer came: connection, time-out, HTTP status, broken JSON.
    Silent(String),
}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        Self::Unreachable(fault.text())
    }
}

impl Fault {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Node { code, message, .. } => format!("error {code}: {message}"),
            Self::Silent(text) => text.clone(),
        }
    }

    /// The revert data, wherever the node put it: a string, or an object with a `data` field.
    pub(crate) fn revert_data(&self) -> Option<Bytes> {
        let Self::Node { data, .. } = self else {
            return None;
        };
        let data = data.as_ref()?;
        let text = data
            .as_str()
            .or_else(|| data.get("data").and_then(Value::as_str))?;
        text.parse().ok()
    }

    /// Whether the node says that it does not know `method`.
    pub(crate) fn is_unsupported(&self, method: &str) -> bool {
        let Self::Node { code, message, .. } = self else {
            return false;
        };
        let message = message.to_lowercase();
        *code == -32601
            || (message.contains(&method.to_lowercase())
                && ["not supported", "unsupported", "not available", "not found"]
                    .iter()
                    .any(|words| message.contains(words)))
    }
}

impl From<TransportError> for Fault {
    fn from(error: TransportError) -> Self {
        match error {
            RpcError::ErrorResp(payload) => Self::Node {
                code: payload.code,
                message: payload.message.into_owned(),
                data: payload
                    .data
                    .and_then(|raw| serde_json::from_str(raw.get()).ok()),
            },
            // The text that failed to parse is left out: it may be 32 MiB.
            RpcError::DeserError { err, .. } => {
                Self::Silent(format!("the answer cannot be read: {err}"))
            }
            RpcError::Transport(kind) => {
                let mut text = kind.to_string();
                let mut source = kind.source();
                while let Some(cause) = source {
                    let cause_text = cause.to_string();
                    if !text.contains(&cause_text) {
                        text = format!("{text}: {cause_text}");
                    }
                    source = cause.source();
                }
                Self::Silent(text)
            }
            other => Self::Silent(other.to_string()),
        }
    }
}

/// Sends one request.
pub(crate) async fn request(
    rpc: &RpcClient,
    method: &'static str,
    params: Value,
) -> Result<Value, Fault> {
    rpc.request::<Value, Value>(method, params)
        .await
        .map_err(Fault::from)
}

pub(crate) fn malformed(method: &'static str, detail: impl Into<String>) -> ReadError {
    ReadError::Malformed {
        method,
        detail: detail.into(),
    }
}

/// A block number as JSON-RPC writes it.
pub(crate) fn quantity(number: u64) -> Value {
    Value::String(format!("{number:#x}"))
}

pub(crate) fn parse_u256(value: &Value) -> Option<U256> {
    let digits = value.as_str()?.strip_prefix("0x")?;
    U256::from_str_radix(digits, 16).ok()
}

pub(crate) fn parse_u64(value: &Value) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

pub(crate) fn parse_u128(value: &Value) -> Option<u128> {
    u128::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

pub(crate) fn parse_hash(value: &Value) -> Option<B256> {
    value.as_str()?.parse().ok()
}

pub(crate) fn parse_address(value: &Value) -> Option<Address> {
    value.as_str()?.parse().ok()
}

pub(crate) fn parse_bytes(value: &Value) -> Option<Bytes> {
    value.as_str()?.parse().ok()
}
