//! The chain as an alloy transport.

use std::task::{Context, Poll};

use alloy::rpc::json_rpc::{
    RequestPacket, Response, ResponsePacket, ResponsePayload, SerializedRequest,
};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use serde_json::Value;
use tower::Service;

use crate::chain::PaperChain;
use crate::error::RpcError;
use crate::rpc::dispatch;

/// Answers request packets from a [`PaperChain`]. The answers of a fork, which may have to wait
/// for another node, are made on tokio's blocking threads if there is a runtime.
#[derive(Debug, Clone)]
pub struct PaperTransport {
    chain: PaperChain,
    may_wait: bool,
}

impl PaperTransport {
    /// A transport to `chain`.
    #[must_use]
    pub fn new(chain: PaperChain) -> Self {
        let may_wait = chain.is_fork();
        Self { chain, may_wait }
    }

    fn answer(&self, request: &SerializedRequest) -> Response {
        let params = match request.params() {
            None => Ok(Value::Null),
            Some(raw) => serde_json::from_str(raw.get()).map_err(RpcError::invalid_params),
        };
        let payload = params
            .and_then(|params| dispatch(&self.chain, request.method(), params))
            .and_then(|value| {
                serde_json::value::to_raw_value(&value)
                    .map_err(|error| RpcError::new(-32603, error.to_string()))
            });
        Response {
            id: request.id().clone(),
            payload: match payload {
                Ok(value) => ResponsePayload::Success(value),
                Err(error) => ResponsePayload::Failure(error.payload()),
            },
        }
    }

    fn answer_all(&self, packet: &RequestPacket) -> ResponsePacket {
        match packet {
            RequestPacket::Single(request) => ResponsePacket::Single(self.answer(request)),
            RequestPacket::Batch(requests) => {
                ResponsePacket::Batch(requests.iter().map(|one| self.answer(one)).collect())
            }
        }
    }
}

impl Service<RequestPacket> for PaperTransport {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> TransportFut<'static> {
        let this = self.clone();
        Box::pin(async move {
            if this.may_wait && tokio::runtime::Handle::try_current().is_ok() {
                tokio::task::spawn_blocking(move || this.answer_all(&packet))
                    .await
                    .map_err(TransportErrorKind::custom)
            } else {
                Ok(this.answer_all(&packet))
            }
        })
    }
}
