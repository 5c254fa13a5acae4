//! HTTP transport. Our own, because alloy's writes the URL, and with it the API key, into its
//! tracing span and into error texts, and reads answers of any length.

use std::task::{Context, Poll};
use std::time::Duration;

use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use tower::Service;

/// The longest answer that is read, bytes.
pub(crate) const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// How much of an error page is quoted, characters.
const QUOTED: usize = 200;

/// JSON-RPC over HTTP POST: no redirects, one time limit, bounded answers.
#[derive(Clone)]
pub(crate) struct HttpTransport {
    client: reqwest::Client,
    url: reqwest::Url,
}

impl HttpTransport {
    pub(crate) fn new(url: reqwest::Url, timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout)
            .build()
            .map_err(reqwest::Error::without_url)?;
        Ok(Self { client, url })
    }

    async fn exchange(self, packet: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let mut response = self
            .client
            .post(self.url)
            .json(&packet)
            .send()
            .await
            .map_err(|error| TransportErrorKind::custom(error.without_url()))?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| TransportErrorKind::custom(error.without_url()))?
        {
            if body.len().saturating_add(chunk.len()) > MAX_ANSWER {
                return Err(TransportErrorKind::custom_str(&format!(
                    "the answer is longer than {MAX_ANSWER} bytes"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        match serde_json::from_slice::<ResponsePacket>(&body) {
            Ok(packet) if status.is_success() || packet.is_error() => Ok(packet),
            Ok(_) => Err(TransportErrorKind::http_error(
                status.as_u16(),
                String::new(),
            )),
            Err(error) if status.is_success() => Err(TransportErrorKind::custom_str(&format!(
                "the answer is not JSON-RPC: {error}"
            ))),
            Err(_) => Err(TransportErrorKind::http_error(
                status.as_u16(),
                String::from_utf8_lossy(&body)
                    .chars()
                    .take(QUOTED)
                    .collect(),
            )),
        }
    }
}

impl Service<RequestPacket> for HttpTransport {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        Box::pin(self.clone().exchange(packet))
    }
}
