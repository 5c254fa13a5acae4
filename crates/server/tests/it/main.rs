//! Signed webhooks over real HTTP on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod ending;
mod signing;
mod webhooks;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use airdrops_server::signature::{SIGNATURE_HEADER, sign};
use airdrops_server::webhook::DELIVERY_HEADER;
use airdrops_server::{Inbox, InboxError, Running, Webhooks, serve};
use airdrops_types::Timestamp;
use secrecy::SecretString;
use serde_json::Value;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const OTHER_SECRET: &str = "canary-canary-canary-canary-canary";
/// 2026-03-02T00:00:00Z.
const NOW: i64 = 1_772_409_600_000;

/// A store that keeps what came, can fail, and can be made to wait.
#[derive(Default)]
struct Store {
    kept: Mutex<BTreeMap<String, (String, Value)>>,
    fails: AtomicBool,
    /// Each post waits for one message.
    gate: Mutex<Option<mpsc::Receiver<()>>>,
}

impl Inbox for Store {
    fn post(&self, id: &str, name: &str, payload: Value) -> Result<bool, InboxError> {
        if let Some(gate) = self.gate.lock().unwrap().as_ref() {
            gate.recv().ok();
        }
        if self.fails.load(Ordering::SeqCst) {
            return Err(InboxError("disk full at /secret/place".to_owned()));
        }
        let mut kept = self.kept.lock().unwrap();
        if kept.contains_key(id) {
            return Ok(false);
        }
        kept.insert(id.to_owned(), (name.to_owned(), payload));
        Ok(true)
    }
}

struct World {
    store: Arc<Store>,
    now: Arc<AtomicI64>,
    running: Running,
    http: reqwest::Client,
}

struct Said {
    status: u16,
    retry_after: Option<String>,
    body: Value,
}

impl World {
    async fn start() -> Self {
        let store = Arc::new(Store::default());
        let now = Arc::new(AtomicI64::new(NOW));
        let clock = Arc::clone(&now);
        let clock = Arc::new(move || Timestamp(clock.load(Ordering::SeqCst)));
        let loopback: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let running = serve(loopback, hooks(), store.clone(), clock)
            .await
            .unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            store,
            now,
            running,
            http,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.address())
    }

    /// Now, by the server's clock.
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }

    async fn send(
        &self,
        name: &str,
        signature: Option<&str>,
        delivery: Option<&str>,
        body: &[u8],
    ) -> Said {
        let mut request = self
            .http
            .post(self.url(&format!("/events/{name}")))
            .body(body.to_vec());
        if let Some(signature) = signature {
            request = request.header(SIGNATURE_HEADER, signature);
        }
        if let Some(delivery) = delivery {
            request = request.header(DELIVERY_HEADER, delivery);
        }
        said(request.send().await.unwrap()).await
    }

    /// As a good sender does.
    async fn deliver(&self, delivery: &str, body: &[u8]) -> Said {
        let signature = sign(&SECRET.into(), self.now(), delivery, body).unwrap();
        self.send("deploy", Some(&signature), Some(delivery), body)
            .await
    }

    fn kept(&self) -> Vec<String> {
        self.store.kept.lock().unwrap().keys().cloned().collect()
    }
}

async fn said(response: reqwest::Response) -> Said {
    Said {
        status: response.status().as_u16(),
        retry_after: response
            .headers()
            .get("retry-after")
            .map(|value| value.to_str().unwrap().to_owned()),
        body: response.json().await.unwrap(),
    }
}

fn hooks() -> Webhooks {
    let hooks = [("deploy", SECRET), ("other", OTHER_SECRET)];
    Webhooks::new(hooks.map(|(name, secret)| (name.to_owned(), SecretString::from(secret))))
        .unwrap()
}
