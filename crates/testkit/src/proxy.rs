//! A JSON-RPC reverse proxy on loopback that injects faults and remembers what passed through it.
//!
//! It runs on a thread of its own, so that a test may block while the program under test talks to
//! it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use airdrops_types::{Address, B256, Bytes};
use alloy::consensus::transaction::SignerRecoverable;
use alloy::consensus::{Transaction, TxEnvelope};
use alloy::eips::Decodable2718;
use alloy::primitives::keccak256;
use serde_json::{Value, json};
use tokio::sync::oneshot;

mod serve;

/// What goes wrong with one call.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// The call is delivered, and the connection is closed without an answer.
    LoseResponse,
    /// The connection is reset (`RST`), and the call is not delivered.
    Reset,
    /// An HTTP error.
    Status {
        /// The status code: 429, 502, 503.
        code: u16,
        /// Seconds in the `Retry-After` header, if there is one.
        retry_after: Option<u64>,
        /// Whether the call is delivered all the same.
        delivered: bool,
    },
    /// A JSON-RPC error; the call is not delivered.
    Error {
        /// The error code.
        code: i64,
        /// The message.
        message: String,
    },
    /// This result; the call is not delivered.
    Result(Value),
    /// The call is delivered late, even if the caller has gone meanwhile.
    DelayRequest(Duration),
    /// The call is delivered at once, and the answer is late.
    DelayResponse(Duration),
    /// The call is delivered twice; the second answer is the answer.
    Duplicate,
}

impl Fault {
    /// HTTP 429, not delivered.
    #[must_use]
    pub fn too_many_requests(retry_after: u64) -> Self {
        Self::Status {
            code: 429,
            retry_after: Some(retry_after),
            delivered: false,
        }
    }

    /// HTTP 502, not delivered.
    #[must_use]
    pub fn bad_gateway() -> Self {
        Self::Status {
            code: 502,
            retry_after: None,
            delivered: false,
        }
    }

    /// The answer of another chain to `eth_chainId`.
    #[must_use]
    pub fn chain_id(id: u64) -> Self {
        Self::Result(json!(format!("0x{id:x}")))
    }
}

/// A signed transaction that a caller handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawTransaction {
    /// The signed bytes.
    pub bytes: Bytes,
    /// Their hash.
    pub hash: B256,
    /// Who signed, and which nonce; `None` when the bytes are not a signed transaction.
    pub slot: Option<(Address, u64)>,
}

impl RawTransaction {
    fn new(bytes: Bytes) -> Self {
        let slot = TxEnvelope::decode_2718(&mut bytes.as_ref())
            .ok()
            .and_then(|envelope| Some((envelope.recover_signer().ok()?, envelope.nonce())));
        Self {
            hash: keccak256(&bytes),
            bytes,
            slot,
        }
    }
}

/// A fault and how often it still strikes; `None` is always.
struct Planned {
    fault: Fault,
    left: Option<u64>,
}

struct State {
    upstream: SocketAddr,
    faults: BTreeMap<String, VecDeque<Planned>>,
    calls: BTreeMap<String, u64>,
    raw: Vec<RawTransaction>,
}

impl State {
    /// Counts a call, and takes the fault that strikes it.
    fn arrive(&mut self, method: &str, params: &Value) -> Option<Fault> {
        *self.calls.entry(method.to_owned()).or_default() += 1;
        if method == "eth_sendRawTransaction"
            && let Some(bytes) = params.get(0).and_then(Value::as_str)
            && let Ok(bytes) = bytes.parse()
        {
            self.raw.push(RawTransaction::new(bytes));
        }
        self.strike(method).or_else(|| self.strike(FaultProxy::ANY))
    }

    fn strike(&mut self, method: &str) -> Option<Fault> {
        let queue = self.faults.get_mut(method)?;
        let next = queue.front_mut()?;
        let fault = next.fault.clone();
        if let Some(left) = &mut next.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                queue.pop_front();
            }
        }
        Some(fault)
    }
}

/// The state, shared by the test and the proxy's thread.
#[derive(Clone)]
struct Shared(Arc<Mutex<State>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock leaves the state half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running proxy. Dropping it closes all its connections.
pub struct FaultProxy {
    address: SocketAddr,
    shared: Shared,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// In place of a method's name: every method that has no fault of its own.
    pub const ANY: &'static str = "*";

    /// Starts a proxy on a free port, in front of an HTTP endpoint on loopback.
    ///
    /// # Errors
    /// The operating system's.
    pub fn start(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Shared(Arc::new(Mutex::new(State {
            upstream,
            faults: BTreeMap::new(),
            calls: BTreeMap::new(),
            raw: Vec::new(),
        })));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn({
            let shared = shared.clone();
            // Dropping the runtime at the end cancels every task, and so closes every connection.
            move || runtime.block_on(serve::serve(listener, shared, stopped))
        });
        Ok(Self {
            address,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends what arrives from now on to another endpoint.
    pub fn set_upstream(&self, upstream: SocketAddr) {
        self.shared.lock().upstream = upstream;
    }

    /// Plans a fault for the next `times` calls of a method, after the faults planned before.
    pub fn inject(&self, method: &str, fault: Fault, times: u64) {
        if times > 0 {
            self.plan(method, fault, Some(times));
        }
    }

    /// Plans a fault for every further call of a method, after the faults planned before.
    pub fn inject_always(&self, method: &str, fault: Fault) {
        self.plan(method, fault, None);
    }

    fn plan(&self, method: &str, fault: Fault, left: Option<u64>) {
        let mut state = self.shared.lock();
        let queue = state.faults.entry(method.to_owned()).or_default();
        queue.push_back(Planned { fault, left });
    }

    /// Forgets the planned faults. What was seen stays.
    pub fn heal(&self) {
        self.shared.lock().faults.clear();
    }

    /// How many calls of a method arrived.
    #[must_use]
    pub fn calls(&self, method: &str) -> u64 {
        self.shared.lock().calls.get(method).copied().unwrap_or(0)
    }

    /// How many calls of each method arrived.
    #[must_use]
    pub fn all_calls(&self) -> BTreeMap<String, u64> {
        self.shared.lock().calls.clone()
    }

    /// Every signed transaction that a caller handed in, in order, delivered or not.
    #[must_use]
    pub fn raw_transactions(&self) -> Vec<RawTransaction> {
        self.shared.lock().raw.clone()
    }

    /// The different signed bytes that were handed in for each sender and nonce. More than one for
    /// a nonce is a replacement, or a defect.
    #[must_use]
    pub fn bytes_by_slot(&self) -> BTreeMap<(Address, u64), BTreeSet<Bytes>> {
        let mut slots: BTreeMap<_, BTreeSet<Bytes>> = BTreeMap::new();
        for raw in &self.shared.lock().raw {
            if let Some(slot) = raw.slot {
                slots.entry(slot).or_default().insert(raw.bytes.clone());
            }
        }
        slots
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its panic, if any, was printed by the thread itself.
            let _ = thread.join();
        }
    }
}
