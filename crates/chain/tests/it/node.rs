//! A node inside the process: a pool, blocks with the state after each, and faults on demand.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use airdrops_chain::ChainClient;
use airdrops_types::{Address, B256, Bytes, ChainId, U256};
use alloy::consensus::transaction::SignerRecoverable as _;
use alloy::consensus::{Transaction as _, TxEnvelope};
use alloy::eips::eip2718::Decodable2718 as _;
use alloy::primitives::keccak256;
use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket, SerializedRequest};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use serde_json::{Value, json};
use tower::Service;

pub(crate) const CHAIN: ChainId = ChainId(31_337);
pub(crate) const BASE_FEE: u128 = 1_000_000_000;
/// A token contract; every successful transaction to [`FAUCET`] gives its sender 1,000 of it.
pub(crate) const TOKEN: Address = Address::repeat_byte(0x70);
pub(crate) const FAUCET: Address = Address::repeat_byte(0xfa);
/// Gas used by every transaction.
pub(crate) const GAS: u64 = 50_000;

/// What happens to the next transaction that is sent.
pub(crate) enum SendFault {
    /// It arrives, but the answer does not.
    AnswerLost,
    /// It does not arrive: HTTP 503.
    NotDelivered,
    /// The node refuses it in these words.
    Refused(&'static str),
}

#[derive(Clone, Default)]
pub(crate) struct State {
    pub(crate) native: BTreeMap<Address, U256>,
    pub(crate) tokens: BTreeMap<Address, U256>,
    pub(crate) nonces: BTreeMap<Address, u64>,
}

#[derive(Clone)]
struct Mined {
    tx: B256,
    from: Address,
    nonce: u64,
    succeeded: bool,
    gas_used: u64,
    price: u128,
}

#[derive(Clone)]
struct Block {
    hash: B256,
    transactions: Vec<Mined>,
    state: State,
}

#[derive(Default)]
pub(crate) struct World {
    blocks: Vec<Block>,
    pool: Vec<(B256, Address, TxEnvelope)>,
    fork: u64,
    /// Every raw transaction that arrived, in order.
    pub(crate) sent: Vec<Bytes>,
    /// How often `eth_sendRawTransaction` was called, delivered or not.
    pub(crate) sends: usize,
    pub(crate) faults: VecDeque<SendFault>,
    /// Transactions revert.
    pub(crate) reverts: bool,
    /// Reverting transactions use their whole limit.
    pub(crate) runs_out_of_gas: bool,
    /// No request is answered.
    pub(crate) silent: bool,
    /// Receipts name a block that is not canonical, as a node that lags behind tells them.
    pub(crate) stale_receipts: bool,
    /// Receipts are not found.
    pub(crate) hides_receipts: bool,
    /// Reported instead of the pool's count.
    pub(crate) pending_nonce: Option<u64>,
    pub(crate) chain_id: Option<u64>,
    /// The answer of `eth_simulateV1`; an object with `code` is an error.
    pub(crate) simulation: Option<Value>,
    pub(crate) simulated: Option<Value>,
    /// What `eth_call` answers for other calls than `balanceOf`, by selector.
    pub(crate) calls: BTreeMap<[u8; 4], Value>,
}

#[derive(Clone, Default)]
pub(crate) struct Node(Arc<Mutex<World>>);

impl Node {
    /// With a few blocks and 10 ether for `wallet`.
    pub(crate) fn new(wallet: Address) -> Self {
        let node = Self::default();
        {
            let mut world = node.world();
            let mut state = State::default();
            state
                .native
                .insert(wallet, U256::from(10_000_000_000_000_000_000u128));
            world.push_block(Vec::new(), state);
        }
        node.mine(3);
        node
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    pub(crate) fn client(&self) -> ChainClient {
        ChainClient::from_rpc(CHAIN, RpcClient::new(self.clone(), true))
    }

    pub(crate) fn mine(&self, blocks: usize) {
        for _ in 0..blocks {
            self.world().mine_one();
        }
    }

    /// Takes the last `depth` blocks away; their transactions vanish.
    pub(crate) fn reorg(&self, depth: usize) {
        let mut world = self.world();
        let keep = world.blocks.len() - depth;
        world.blocks.truncate(keep);
        world.fork += 1;
    }

    /// Puts the last transaction that arrived into the pool once more.
    pub(crate) fn deliver_again(&self) {
        let mut world = self.world();
        let raw = world.sent.last().unwrap().clone();
        world.send(raw).unwrap();
    }

    /// A transaction of `wallet` that we do not know.
    pub(crate) fn foreign_transaction(&self, wallet: Address) {
        let mut world = self.world();
        let mut state = world.state().clone();
        *state.nonces.entry(wallet).or_default() += 1;
        world.push_block(Vec::new(), state);
    }

    pub(crate) fn drop_pool(&self) {
        self.world().pool.clear();
    }

    pub(crate) fn mined_count(&self) -> usize {
        self.world()
            .blocks
            .iter()
            .map(|block| block.transactions.len())
            .sum()
    }

    /// The distinct raw transactions that arrived.
    pub(crate) fn distinct_sent(&self) -> Vec<Bytes> {
        let mut sent = self.world().sent.clone();
        sent.sort();
        sent.dedup();
        sent
    }
}

impl World {
    fn state(&self) -> &State {
        &self.blocks.last().unwrap().state
    }

    fn push_block(&mut self, transactions: Vec<Mined>, state: State) {
        let number = self.blocks.len();
        let hash = keccak256(format!("block {number} of fork {}", self.fork));
        self.blocks.push(Block {
            hash,
            transactions,
            state,
        });
    }

    fn mine_one(&mut self) {
        let mut state = self.state().clone();
        let mut transactions = Vec::new();
        self.pool.sort_by_key(|(_, _, tx)| tx.nonce());
        let mut rest = Vec::new();
        for (hash, from, tx) in std::mem::take(&mut self.pool) {
            let nonce = state.nonces.entry(from).or_default();
            if *nonce != tx.nonce() {
                rest.push((hash, from, tx));
                continue;
            }
            *nonce += 1;
            let gas_used = if self.runs_out_of_gas {
                tx.gas_limit()
            } else {
                GAS
            };
            let price = BASE_FEE + tx.max_priority_fee_per_gas().unwrap();
            let fee = U256::from(gas_used) * U256::from(price);
            *state.native.entry(from).or_default() -= fee;
            if !self.reverts && tx.to() == Some(FAUCET) {
                *state.tokens.entry(from).or_default() += U256::from(1000);
            }
            transactions.push(Mined {
                tx: hash,
                from,
                nonce: tx.nonce(),
                succeeded: !self.reverts,
                gas_used,
                price,
            });
        }
        self.pool = rest;
        self.push_block(transactions, state);
    }

    fn at(&self, tag: &Value) -> usize {
        match tag.as_str().unwrap() {
            "latest" | "pending" => self.blocks.len() - 1,
            number => usize::from_str_radix(number.trim_start_matches("0x"), 16).unwrap(),
        }
    }

    fn send(&mut self, raw: Bytes) -> Result<Value, Value> {
        let tx = TxEnvelope::decode_2718(&mut raw.as_ref()).unwrap();
        assert_eq!(tx.chain_id(), Some(CHAIN.0), "signed for another chain");
        let hash = *tx.tx_hash();
        let from = tx.recover_signer().unwrap();
        self.sent.push(raw);
        if self.pool.iter().any(|(known, _, _)| *known == hash) {
            return Err(json!({"code": -32000, "message": "already known"}));
        }
        if tx.nonce() < self.state().nonces.get(&from).copied().unwrap_or(0) {
            return Err(json!({"code": -32000, "message": "nonce too low"}));
        }
        self.pool
            .retain(|(_, other, old)| *other != from || old.nonce() != tx.nonce());
        self.pool.push((hash, from, tx));
        Ok(json!(hash))
    }

    fn receipt(&self, hash: &Value) -> Value {
        if self.hides_receipts {
            return Value::Null;
        }
        let hash: B256 = hash.as_str().unwrap().parse().unwrap();
        for (number, block) in self.blocks.iter().enumerate() {
            if let Some(mined) = block.transactions.iter().find(|mined| mined.tx == hash) {
                return json!({
                    "transactionHash": hash,
                    "blockHash": if self.stale_receipts { B256::ZERO } else { block.hash },
                    "blockNumber": format!("{number:#x}"),
                    "status": if mined.succeeded { "0x1" } else { "0x0" },
                    "gasUsed": format!("{:#x}", mined.gas_used),
                    "effectiveGasPrice": format!("{:#x}", mined.price),
                });
            }
        }
        Value::Null
    }

    fn block(&self, tag: &Value) -> Value {
        let number = self.at(tag);
        let Some(block) = self.blocks.get(number) else {
            return Value::Null;
        };
        let transactions: Vec<Value> = block
            .transactions
            .iter()
            .map(|mined| {
                json!({
                    "hash": mined.tx,
                    "from": mined.from,
                    "nonce": format!("{:#x}", mined.nonce),
                })
            })
            .collect();
        json!({
            "number": format!("{number:#x}"),
            "hash": block.hash,
            "timestamp": format!("{:#x}", 1_700_000_000 + 12 * number),
            "transactions": transactions,
        })
    }

    fn call(&self, params: &Value) -> Result<Value, Value> {
        let data: Bytes = params[0]["data"].as_str().unwrap().parse().unwrap();
        let selector: [u8; 4] = data[..4].try_into().unwrap();
        if selector == [0x70, 0xa0, 0x82, 0x31] && params[0]["to"] == json!(TOKEN) {
            let owner = Address::from_slice(&data[16..36]);
            let state = &self.blocks[self.at(&params[1])].state;
            let balance = state.tokens.get(&owner).copied().unwrap_or_default();
            return Ok(json!(B256::from(balance)));
        }
        match self.calls.get(&selector) {
            Some(error) if error.is_object() => Err(error.clone()),
            Some(answer) => Ok(answer.clone()),
            None => Ok(json!("0x")),
        }
    }

    fn answer(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        Ok(match method {
            "eth_chainId" => json!(format!("{:#x}", self.chain_id.unwrap_or(CHAIN.0))),
            "eth_feeHistory" => json!({"baseFeePerGas": ["0x1", format!("{BASE_FEE:#x}")]}),
            "eth_getBlockByNumber" => self.block(&params[0]),
            "eth_getTransactionReceipt" => self.receipt(&params[0]),
            "eth_getTransactionCount" => {
                let account: Address = params[0].as_str().unwrap().parse().unwrap();
                let state = &self.blocks[self.at(&params[1])].state;
                let mut count = state.nonces.get(&account).copied().unwrap_or(0);
                if params[1] == json!("pending") {
                    let queued = self.pool.iter().filter(|(_, from, _)| *from == account);
                    count += queued.count() as u64;
                    count = self.pending_nonce.unwrap_or(count);
                }
                json!(format!("{count:#x}"))
            }
            "eth_getBalance" => {
                let account: Address = params[0].as_str().unwrap().parse().unwrap();
                let state = &self.blocks[self.at(&params[1])].state;
                json!(state.native.get(&account).copied().unwrap_or_default())
            }
            "eth_call" => return self.call(params),
            "eth_simulateV1" => {
                self.simulated = Some(params.clone());
                return match self.simulation.clone() {
                    None => Err(json!({"code": -32601, "message": "method not found"})),
                    Some(error) if error.is_object() => Err(error),
                    Some(answer) => Ok(answer),
                };
            }
            other => panic!("unexpected method {other}"),
        })
    }

    fn handle(&mut self, request: &SerializedRequest) -> Result<ResponsePacket, TransportError> {
        if self.silent {
            return Err(TransportErrorKind::custom_str("connection refused"));
        }
        let params: Value =
            serde_json::from_str(request.params().map_or("null", |raw| raw.get())).unwrap();
        let outcome = if request.method() == "eth_sendRawTransaction" {
            self.sends += 1;
            let raw: Bytes = params[0].as_str().unwrap().parse().unwrap();
            match self.faults.pop_front() {
                None => self.send(raw),
                Some(SendFault::AnswerLost) => {
                    let _ = self.send(raw);
                    return Err(TransportErrorKind::custom_str("timed out"));
                }
                Some(SendFault::NotDelivered) => {
                    return Err(TransportErrorKind::http_error(503, "busy".to_owned()));
                }
                Some(SendFault::Refused(words)) => Err(json!({"code": -32000, "message": words})),
            }
        } else {
            self.answer(request.method(), &params)
        };
        let (name, value) = match outcome {
            Ok(value) => ("result", value),
            Err(error) => ("error", error),
        };
        let response = json!({"jsonrpc": "2.0", "id": request.id(), name: value});
        Ok(serde_json::from_value(response).unwrap())
    }
}

impl Service<RequestPacket> for Node {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        let request = packet.as_single().expect("no batches").clone();
        let node = self.clone();
        Box::pin(async move {
            // So that what runs at the same time is interleaved, as over a network.
            tokio::task::yield_now().await;
            node.world().handle(&request)
        })
    }
}
