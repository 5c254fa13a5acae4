//! The listener, its bounds, and its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use airdrops_types::Timestamp;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::webhook::{Inbox, Webhooks, router};

/// Connections at once; more wait to be accepted.
const MOST_CONNECTIONS: usize = 64;
/// A request's head must have come within this, also the first of a connection and the next.
const HEAD: Duration = Duration::from_secs(10);
/// Largest head of a request, bytes.
const MOST_HEAD: usize = 16_384;
/// After an error of `accept`, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Now.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Why it does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It would be reached from other machines, without encryption.
    #[error(
        "{0} is no loopback address; use 127.0.0.1 or [::1], and a reverse proxy with TLS for senders \
         on other machines"
    )]
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}; choose another port, or end what uses it")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        reason: std::io::Error,
    },
}

/// A server that runs. Dropped, it ends as with [`Running::shutdown`], and nobody waits for it.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    /// Where it listens: the port is chosen by the system if 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no connection any more, lets those that are there answer what they were asked, and
    /// ends; after `grace` at the latest.
    pub async fn shutdown(self, grace: Duration) {
        drop(self.stop);
        let abort = self.task.abort_handle();
        if tokio::time::timeout(grace, self.task).await.is_err() {
            tracing::warn!("connections are cut: they did not end in time");
            abort.abort();
        }
    }
}

/// Takes webhooks on `address`, which must be a loopback address.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(
    address: SocketAddr,
    hooks: Webhooks,
    inbox: Arc<dyn Inbox>,
    clock: Clock,
) -> Result<Running, ServeError> {
    if !address.ip().is_loopback() {
        return Err(ServeError::NotLoopback(address));
    }
    let failed = |reason| ServeError::Listen { address, reason };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let (stop, stopped) = watch::channel(());
    let service = TowerToHyperService::new(router(hooks, inbox, clock));
    let task = tokio::spawn(accept(listener, service, stopped));
    Ok(Running {
        address,
        stop,
        task,
    })
}

async fn accept(
    listener: TcpListener,
    service: TowerToHyperService<axum::Router>,
    mut stopped: watch::Receiver<()>,
) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    // Aborts what is left when this task is aborted.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = accepted => accepted,
            // Only its sender's end makes this ready.
            _ = stopped.changed() => break,
        };
        while connections.try_join_next().is_some() {}
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "no connection was accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(MOST_HEAD)
            .serve_connection(TokioIo::new(stream), service.clone());
        let connection = graceful.watch(connection);
        connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}
