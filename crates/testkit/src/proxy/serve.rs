//! The proxy's connections.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::{Fault, Shared};
use crate::rpc::{RpcError, post};

/// How an exchange with a caller ends.
enum Ending {
    Answer(Value),
    Status { code: u16, retry_after: Option<u64> },
    Close,
    Reset,
}

/// Serves until `stopped` is closed.
pub(super) async fn serve(
    listener: StdListener,
    shared: Shared,
    stopped: oneshot::Receiver<Infallible>,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => panic!("the proxy cannot listen: {error}"),
    };
    let accept = async {
        loop {
            // A connection that could not be accepted is one fault more.
            if let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, shared.clone()));
            }
        }
    };
    tokio::select! {
        () = accept => {}
        _ = stopped => {}
    }
}

async fn connection(stream: TcpStream, shared: Shared) {
    let reset = Arc::new(AtomicBool::new(false));
    let service = service_fn({
        let reset = Arc::clone(&reset);
        // Boxed, because polling by hand asks for `Unpin`.
        move |request| -> Exchange {
            Box::pin(exchange(request, shared.clone(), Arc::clone(&reset)))
        }
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // An error is either ours, to end the connection, or the caller's, who has gone.
    let _ = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    if reset.load(Ordering::Relaxed) {
        let stream = connection.into_parts().io.into_inner();
        // Without it the caller sees an orderly end, which is the other fault.
        let _ = stream.set_zero_linger();
    }
}

type Exchange = Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, Closed>> + Send>>;

/// Ends a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed by a planned fault")]
struct Closed;

async fn exchange(
    request: Request<Incoming>,
    shared: Shared,
    reset: Arc<AtomicBool>,
) -> Result<Response<Full<Bytes>>, Closed> {
    let body = request.into_body().collect().await.map_err(|_| Closed)?;
    // A task of its own goes on when the caller hangs up.
    let ending = tokio::spawn(all(body.to_bytes(), shared))
        .await
        .map_err(|_| Closed)?;
    match ending {
        Ending::Answer(answer) => Ok(respond(StatusCode::OK, None, answer.to_string())),
        Ending::Status { code, retry_after } => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
            Ok(respond(status, retry_after, "planned fault".to_owned()))
        }
        Ending::Close => Err(Closed),
        Ending::Reset => {
            reset.store(true, Ordering::Relaxed);
            Err(Closed)
        }
    }
}

fn respond(status: StatusCode, retry_after: Option<u64>, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// One request or a batch. A fault of the connection or of HTTP strikes the whole batch.
async fn all(body: Bytes, shared: Shared) -> Ending {
    match serde_json::from_slice(&body) {
        Ok(Value::Array(batch)) => {
            let mut answers = Vec::new();
            for request in batch {
                match one(request, &shared).await {
                    Ending::Answer(answer) => answers.push(answer),
                    other => return other,
                }
            }
            Ending::Answer(Value::Array(answers))
        }
        Ok(request) => one(request, &shared).await,
        Err(_) => Ending::Status {
            code: 400,
            retry_after: None,
        },
    }
}

async fn one(request: Value, shared: &Shared) -> Ending {
    let method = request["method"].as_str().unwrap_or_default().to_owned();
    let (fault, upstream) = {
        let mut state = shared.lock();
        (state.arrive(&method, &request["params"]), state.upstream)
    };
    let id = request["id"].clone();
    let mut late = Duration::ZERO;
    match fault {
        None => {}
        Some(Fault::Reset) => return Ending::Reset,
        Some(Fault::LoseResponse) => {
            deliver(&request, upstream).await;
            return Ending::Close;
        }
        Some(Fault::Status {
            code,
            retry_after,
            delivered,
        }) => {
            if delivered {
                deliver(&request, upstream).await;
            }
            return Ending::Status { code, retry_after };
        }
        Some(Fault::Error { code, message }) => {
            let error = json!({ "code": code, "message": message });
            return Ending::Answer(json!({ "jsonrpc": "2.0", "id": id, "error": error }));
        }
        Some(Fault::Result(result)) => {
            return Ending::Answer(json!({ "jsonrpc": "2.0", "id": id, "result": result }));
        }
        Some(Fault::DelayRequest(by)) => sleep(by).await,
        Some(Fault::DelayResponse(by)) => late = by,
        Some(Fault::Duplicate) => {
            deliver(&request, upstream).await;
        }
    }
    let ending = deliver(&request, upstream).await;
    sleep(late).await;
    ending
}

/// The upstream's answer; a gateway's error without one.
async fn deliver(request: &Value, upstream: SocketAddr) -> Ending {
    let failed = |code| Ending::Status {
        code,
        retry_after: None,
    };
    match post(upstream, request.to_string().into()).await {
        Ok((status, body)) if status.is_success() => {
            serde_json::from_slice(&body).map_or_else(|_| failed(502), Ending::Answer)
        }
        Ok((status, _)) => failed(status.as_u16()),
        Err(RpcError::Transport(_)) => failed(502),
        Err(_) => failed(500),
    }
}
