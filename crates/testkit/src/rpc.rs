//! A JSON-RPC client for loopback: one connection per request, so that nothing outlives a test's
//! runtime.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes as Body;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// Longest that one request may take. Generous: the machine may be busy.
const LIMIT: Duration = Duration::from_secs(60);

/// Why a request gave no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RpcError {
    /// No HTTP answer.
    #[error("no answer: {0}")]
    Transport(String),
    /// An HTTP answer that is not a success.
    #[error("HTTP status {status}: {body}")]
    Http {
        /// The status code.
        status: u16,
        /// The body.
        body: String,
    },
    /// A JSON-RPC error.
    #[error("JSON-RPC error {code}: {message}")]
    Answer {
        /// The error code.
        code: i64,
        /// The message.
        message: String,
        /// The error data, `null` if there is none.
        data: Value,
    },
    /// An answer that the caller did not expect.
    #[error("unexpected answer: {0}")]
    Unexpected(String),
}

/// A JSON-RPC endpoint on loopback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rpc {
    address: SocketAddr,
}

impl Rpc {
    /// The endpoint at an address.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL: `http://127.0.0.1:8545`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The result of one call; `params` is the JSON array of its parameters.
    ///
    /// # Errors
    /// [`RpcError`] without a result.
    pub async fn request(&self, method: &str, params: Value) -> Result<Value, RpcError> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let (status, body) = post(self.address, request.to_string().into()).await?;
        if !status.is_success() {
            return Err(RpcError::Http {
                status: status.as_u16(),
                body: String::from_utf8_lossy(&body).into_owned(),
            });
        }
        let mut answer: Value = serde_json::from_slice(&body)
            .map_err(|error| RpcError::Unexpected(format!("not JSON: {error}")))?;
        if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
            return Err(RpcError::Answer {
                code: error.get("code").and_then(Value::as_i64).unwrap_or(0),
                message: error
                    .get("message")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned(),
                data: error.get("data").cloned().unwrap_or(Value::Null),
            });
        }
        match answer.get_mut("result") {
            Some(result) => Ok(result.take()),
            None => Err(RpcError::Unexpected(format!("no result: {answer}"))),
        }
    }
}

/// Posts JSON and returns the status and the whole body.
pub(crate) async fn post(address: SocketAddr, body: Body) -> Result<(StatusCode, Body), RpcError> {
    let exchange = async {
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| RpcError::Transport(format!("{address}: {error}")))?;
        let lost = |error: hyper::Error| RpcError::Transport(format!("{address}: {error}"));
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(lost)?;
        // Ends with the connection, when `sender` is dropped; its error also reaches `sender`.
        let connection = tokio::spawn(connection);
        let request = Request::post("/")
            .header(HOST, address.to_string())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| RpcError::Transport(error.to_string()))?;
        let answer = sender.send_request(request).await.map_err(lost)?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(lost)?.to_bytes();
        drop(sender);
        connection.abort();
        Ok((status, body))
    };
    tokio::time::timeout(LIMIT, exchange)
        .await
        .map_err(|_| RpcError::Transport(format!("{address}: no answer in {LIMIT:?}")))?
}
