//! A live chain underneath: what is not known here is asked there, once, at one block.

use std::sync::mpsc;
use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy::eips::BlockNumberOrTag;
use alloy::primitives::map::HashMap;
use alloy::primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U64, U256, keccak256};
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::Block;
use alloy::transports::{RpcError as TransportFailure, TransportError, TransportErrorKind};
use revm::state::Bytecode;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::error::{RpcError, StateError};
use crate::state::Record;

struct Job {
    method: String,
    params: Value,
    reply: mpsc::Sender<Result<Value, RpcError>>,
}

#[derive(Debug, Default)]
struct Cache {
    records: HashMap<Address, Record>,
    slots: HashMap<(Address, U256), U256>,
    codes: HashMap<B256, Bytecode>,
    hashes: HashMap<u64, B256>,
}

/// A client of the forked chain that may be used from synchronous code: requests go to a thread
/// with a runtime of its own, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Upstream {
    jobs: mpsc::Sender<Job>,
    block: u64,
    cache: Mutex<Cache>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.method)
    }
}

impl Upstream {
    pub(crate) fn start(client: RpcClient, block: u64) -> Result<Self, RpcError> {
        let (jobs, inbox) = mpsc::channel::<Job>();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| RpcError::new(-32603, format!("no runtime for the fork: {error}")))?;
        std::thread::Builder::new()
            .name("paper-fork".to_owned())
            .spawn(move || {
                while let Ok(job) = inbox.recv() {
                    let request = client.request::<_, Value>(job.method, job.params);
                    let answer = runtime.block_on(request).map_err(failure);
                    // The asker waits; if it is gone, nobody needs the answer.
                    let _ = job.reply.send(answer);
                }
            })
            .map_err(|error| RpcError::new(-32603, format!("no thread for the fork: {error}")))?;
        Ok(Self {
            jobs,
            block,
            cache: Mutex::default(),
        })
    }

    /// The block that is forked.
    pub(crate) fn block(&self) -> u64 {
        self.block
    }

    /// Sends a request as it is.
    pub(crate) fn request(&self, method: &str, params: Value) -> Result<Value, RpcError> {
        let gone = || RpcError::new(-32603, "the connection to the forked chain is closed");
        let (reply, answer) = mpsc::channel();
        let job = Job {
            method: method.to_owned(),
            params,
            reply,
        };
        self.jobs.send(job).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }

    fn get<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, StateError> {
        let value = self.request(method, params).map_err(StateError)?;
        serde_json::from_value(value).map_err(|error| {
            StateError(RpcError::new(
                -32603,
                format!("the forked chain answered {method} with something else: {error}"),
            ))
        })
    }

    /// The header of a block.
    pub(crate) fn header(&self, number: u64) -> Result<Block, StateError> {
        let tag = BlockNumberOrTag::Number(number);
        let block: Option<Block> = self.get("eth_getBlockByNumber", json!([tag, false]))?;
        block.ok_or_else(|| {
            StateError(RpcError::server(format!(
                "the forked chain has no block {number}"
            )))
        })
    }

    /// The chain id.
    pub(crate) fn chain_id(&self) -> Result<u64, StateError> {
        let id: U64 = self.get("eth_chainId", json!([]))?;
        Ok(id.to())
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn record(&self, address: Address) -> Result<Record, StateError> {
        if let Some(record) = self.cache().records.get(&address) {
            return Ok(*record);
        }
        let params = json!([address, BlockNumberOrTag::Number(self.block)]);
        let balance: U256 = self.get("eth_getBalance", params.clone())?;
        let nonce: U64 = self.get("eth_getTransactionCount", params.clone())?;
        let code: Bytes = self.get("eth_getCode", params)?;
        let code_hash = if code.is_empty() {
            KECCAK256_EMPTY
        } else {
            keccak256(&code)
        };
        let record = Record {
            balance,
            nonce: nonce.to(),
            code_hash,
        };
        let mut cache = self.cache();
        if !code.is_empty() {
            let code = Bytecode::new_raw_checked(code).map_err(|error| {
                StateError(RpcError::new(-32603, format!("code of {address}: {error}")))
            })?;
            cache.codes.insert(code_hash, code);
        }
        cache.records.insert(address, record);
        Ok(record)
    }

    /// Code of an account that was read before.
    pub(crate) fn code(&self, hash: B256) -> Option<Bytecode> {
        self.cache().codes.get(&hash).cloned()
    }

    pub(crate) fn slot(&self, address: Address, key: U256) -> Result<U256, StateError> {
        if let Some(value) = self.cache().slots.get(&(address, key)) {
            return Ok(*value);
        }
        let params = json!([address, key, BlockNumberOrTag::Number(self.block)]);
        let value: B256 = self.get("eth_getStorageAt", params)?;
        let value = U256::from_be_bytes(value.0);
        self.cache().slots.insert((address, key), value);
        Ok(value)
    }

    pub(crate) fn block_hash(&self, number: u64) -> Result<B256, StateError> {
        if let Some(hash) = self.cache().hashes.get(&number) {
            return Ok(*hash);
        }
        let hash = self.header(number)?.header.hash;
        self.cache().hashes.insert(number, hash);
        Ok(hash)
    }
}

/// An error answer keeps its words; a transport failure is described without them, because they
/// may hold the URL and with it a key.
fn failure(error: TransportError) -> RpcError {
    match error {
        TransportFailure::ErrorResp(payload) => {
            let data = payload
                .data
                .and_then(|data| serde_json::from_str(data.get()).ok());
            RpcError {
                code: payload.code,
                message: payload.message.into_owned(),
                data,
            }
        }
        TransportFailure::Transport(TransportErrorKind::HttpError(http)) => RpcError::new(
            -32603,
            format!(
                "the forked chain's node answered HTTP status {}",
                http.status
            ),
        ),
        TransportFailure::Transport(_) => {
            RpcError::new(-32603, "the forked chain's node did not answer")
        }
        _ => RpcError::new(-32603, "the forked chain's node gave an unreadable answer"),
    }
}
