//! The chain: blocks, state and pool under one lock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use airdrops_types::{BlockRef, ChainId, Timestamp};
use alloy::primitives::map::HashMap;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::rpc::client::RpcClient;
use revm::context::BlockEnv;
use revm::primitives::hardfork::SpecId;
use serde_json::Value;

use crate::block::{Block, Seal};
use crate::error::{PaperError, RpcError, StateError};
use crate::evm::{Checks, Env, block_env};
use crate::fork::Upstream;
use crate::pool::Pool;
use crate::state::State;
use crate::transport::PaperTransport;

/// The rules of execution. Older ones are not offered: before Cancun, accounts with storage could
/// be destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hardfork {
    /// March 2024.
    Cancun,
    /// May 2025.
    #[default]
    Prague,
    /// December 2025.
    Osaka,
}

impl Hardfork {
    fn spec(self) -> SpecId {
        match self {
            Self::Cancun => SpecId::CANCUN,
            Self::Prague => SpecId::PRAGUE,
            Self::Osaka => SpecId::OSAKA,
        }
    }
}

/// What a chain is like.
#[derive(Debug, Clone)]
pub struct PaperConfig {
    /// EIP-155 chain id.
    pub chain: ChainId,
    /// Header time of block 0. A fork has the time of the forked block.
    pub genesis_time: Timestamp,
    /// How far apart blocks are when nobody says when: automined and pending blocks. Whole
    /// seconds, at least one.
    pub block_time: Duration,
    /// Gas limit of each block.
    pub gas_limit: u64,
    /// Base fee of block 0 and, because block 0 counts as used to its target, of block 1; wei per
    /// gas. A fork goes on from the forked block.
    pub initial_base_fee: u128,
    /// For how many blocks bodies, receipts and state are kept. At least 256, because contracts
    /// may ask for that many block hashes.
    pub history: usize,
    /// How far behind the head the `safe` block is; `finalized` is twice as far. 32 on Ethereum.
    pub safe_distance: u64,
    /// The rules of execution.
    pub hardfork: Hardfork,
}

impl PaperConfig {
    /// Ethereum-like values: 12 s, 36 million gas, 1 gwei, 4,096 blocks of history.
    #[must_use]
    pub fn new(chain: ChainId, genesis_time: Timestamp) -> Self {
        Self {
            chain,
            genesis_time,
            block_time: Duration::from_secs(12),
            gas_limit: 36_000_000,
            initial_base_fee: 1_000_000_000,
            history: 4096,
            safe_distance: 32,
            hardfork: Hardfork::Prague,
        }
    }
}

/// Other people's transactions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Background {
    pub(crate) gas: u64,
    pub(crate) tip: u128,
}

/// Everything behind the lock.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) config: PaperConfig,
    /// Oldest first; never empty.
    pub(crate) blocks: VecDeque<Block>,
    pub(crate) by_hash: HashMap<B256, u64>,
    /// Transaction hash to block number and index.
    pub(crate) index: HashMap<B256, (u64, usize)>,
    pub(crate) state: State,
    pub(crate) pool: Pool,
    pub(crate) background: Background,
    pub(crate) automine: bool,
    pub(crate) reorgs: u64,
    pub(crate) upstream: Option<Arc<Upstream>>,
}

impl Chain {
    fn new(mut config: PaperConfig) -> Self {
        config.history = config.history.max(256);
        let base_fee = u64::try_from(config.initial_base_fee).unwrap_or(u64::MAX);
        let (timestamp, limit) = (config.genesis_time.unix_seconds(), config.gas_limit);
        let seal = Seal {
            parent: B256::ZERO,
            env: block_env(0, timestamp, limit, base_fee, Address::ZERO, B256::ZERO),
            spec: config.hardfork.spec(),
            number: 0,
            timestamp,
            gas_used: limit / 2,
            background_gas: limit / 2,
            background_tip: 0,
            extra_data: Bytes::new(),
        };
        Self::starting_with(config, Block::seal(seal, Vec::new()), None)
    }

    fn fork(mut config: PaperConfig, client: RpcClient, number: u64) -> Result<Self, PaperError> {
        config.history = config.history.max(256);
        let upstream =
            Upstream::start(client, number).map_err(|error| PaperError::Upstream(error.message))?;
        let there = upstream.chain_id()?;
        if there != config.chain.0 {
            return Err(PaperError::Unsupported(format!(
                "the forked chain has id {there}, expected {}",
                config.chain
            )));
        }
        let block = upstream.header(number)?;
        let block = Block {
            hash: block.header.hash,
            header: block.header.inner,
            transactions: Vec::new(),
            background_gas: 0,
            background_tip: 0,
        };
        Ok(Self::starting_with(config, block, Some(Arc::new(upstream))))
    }

    fn starting_with(config: PaperConfig, first: Block, upstream: Option<Arc<Upstream>>) -> Self {
        Self {
            state: State::new(first.header.number, first.hash, upstream.clone()),
            by_hash: HashMap::from_iter([(first.hash, first.header.number)]),
            blocks: VecDeque::from([first]),
            index: HashMap::default(),
            pool: Pool::default(),
            // 1 gwei is what go-ethereum suggests when it has seen no transactions.
            background: Background {
                gas: 0,
                tip: 1_000_000_000,
            },
            automine: false,
            reorgs: 0,
            upstream,
            config,
        }
    }

    pub(crate) fn head(&self) -> &Block {
        // `blocks` starts with one and `reorg` and pruning leave at least one.
        self.blocks
            .back()
            .unwrap_or_else(|| unreachable!("a chain has a head"))
    }

    /// Number of the oldest kept block.
    pub(crate) fn oldest(&self) -> u64 {
        self.head().header.number + 1 - self.blocks.len() as u64
    }

    pub(crate) fn block(&self, number: u64) -> Option<&Block> {
        let index = number.checked_sub(self.oldest())?;
        self.blocks.get(usize::try_from(index).ok()?)
    }

    pub(crate) fn block_seconds(&self) -> u64 {
        self.config.block_time.as_secs().max(1)
    }

    pub(crate) fn spec(&self) -> SpecId {
        self.config.hardfork.spec()
    }

    pub(crate) fn env(&self, block: BlockEnv, checks: Checks) -> Env {
        Env {
            chain_id: self.config.chain.0,
            spec: self.spec(),
            block,
            checks,
        }
    }

    /// The environment of the block after the head.
    pub(crate) fn next_block_env(&self, timestamp: u64) -> BlockEnv {
        let head = self.head();
        block_env(
            head.header.number + 1,
            timestamp,
            self.config.gas_limit,
            head.next_base_fee(),
            Address::ZERO,
            head.next_randao(),
        )
    }

    pub(crate) fn head_ref(&self) -> BlockRef {
        let head = self.head();
        BlockRef {
            number: head.header.number,
            hash: head.hash,
            time: Timestamp::from_unix_seconds(head.header.timestamp),
        }
    }

    fn set_balance(&mut self, address: Address, balance: U256) -> Result<(), StateError> {
        let mut overlay = self.state.at(self.state.head());
        let mut record = overlay.record(address)?;
        record.balance = balance;
        overlay.set_record(address, record);
        let changes = overlay.into_changes();
        self.state.amend(changes)
    }
}

/// A handle on a chain; clones share it. All methods are synchronous and cheap, except that those
/// of a fork may wait for the forked chain's node.
#[derive(Debug, Clone)]
pub struct PaperChain(Arc<Mutex<Chain>>);

impl PaperChain {
    /// An empty world at block 0.
    #[must_use]
    pub fn new(config: PaperConfig) -> Self {
        Self(Arc::new(Mutex::new(Chain::new(config))))
    }

    /// The world of the chain behind `upstream` after its block `block`, which becomes the head.
    ///
    /// Accounts, code, storage and block hashes are fetched when they are first read and never
    /// again; requests that name an older block are passed on. What cannot be fetched is an error
    /// of the request that needed it, never a zero. Requests are made on a thread with a runtime
    /// of its own, so `upstream` should be a client that nobody else uses.
    ///
    /// # Errors
    /// [`PaperError::Upstream`] if the block cannot be fetched, [`PaperError::Unsupported`] if the
    /// chain id differs from the configured one.
    pub fn fork(config: PaperConfig, upstream: RpcClient, block: u64) -> Result<Self, PaperError> {
        let chain = Chain::fork(config, upstream, block)?;
        Ok(Self(Arc::new(Mutex::new(chain))))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Chain> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client of this chain. No socket, no task: requests are answered when polled.
    #[must_use]
    pub fn client(&self) -> RpcClient {
        RpcClient::new(PaperTransport::new(self.clone()), true)
    }

    /// Answers one JSON-RPC request, as the transport does.
    ///
    /// # Errors
    /// The JSON-RPC error that a node would answer.
    pub fn request(&self, method: &str, params: Value) -> Result<Value, RpcError> {
        crate::rpc::dispatch(self, method, params)
    }

    /// Whether requests may have to wait for another node.
    pub(crate) fn is_fork(&self) -> bool {
        self.lock().upstream.is_some()
    }

    /// Mines one block from the pool with header time `at`, or one second after the head if `at`
    /// is not later. A transaction that needs state which a fork cannot fetch stays in the pool.
    pub fn mine(&self, at: Timestamp) -> BlockRef {
        let mut chain = self.lock();
        chain.mine(at.unix_seconds());
        chain.head_ref()
    }

    /// Sets how much gas other people use in each block from now on. It counts in the header, so
    /// that the base fee moves, and leaves less room. It is capped at the gas limit.
    pub fn set_background_gas(&self, gas: u64) {
        let mut chain = self.lock();
        chain.background.gas = gas.min(chain.config.gas_limit);
    }

    /// Sets what those other people pay above the base fee, wei per gas; 1 gwei at first. It shows
    /// in `eth_feeHistory` and `eth_maxPriorityFeePerGas`.
    pub fn set_background_tip(&self, tip: u128) {
        self.lock().background.tip = tip;
    }

    /// Sets a balance, wei. It becomes part of the head block's state: reads at the block before
    /// do not see it, and a reorganisation that removes the head removes it.
    ///
    /// # Errors
    /// [`PaperError::Upstream`] on a fork whose account cannot be fetched.
    pub fn set_balance(&self, address: Address, balance: U256) -> Result<(), PaperError> {
        Ok(self.lock().set_balance(address, balance)?)
    }

    /// Deploys a contract for world building. See [`PaperChain::transact`].
    ///
    /// # Errors
    /// As [`PaperChain::transact`].
    pub fn deploy(&self, from: Address, init_code: Bytes) -> Result<Address, PaperError> {
        let (created, _) = self.lock().world(from, None, U256::ZERO, init_code)?;
        created.ok_or_else(|| PaperError::Halted("no contract was created".to_owned()))
    }

    /// Changes the world in the name of anyone, contracts included: sets a price, relays a bridge
    /// message, deploys the scenery. Gives the return data.
    ///
    /// It is an ordinary type-2 transaction of `from` (its nonce counts) without signature and fee,
    /// alone in a block that is mined at once with the head's timestamp, so that world building
    /// takes no time. The block is filled up to its gas target, so that it does not move the base
    /// fee. Waiting transactions stay in the pool. A transaction that fails leaves no block.
    ///
    /// # Errors
    /// [`PaperError`]: why it failed. Nothing was changed.
    pub fn transact(
        &self,
        from: Address,
        to: Address,
        value: U256,
        data: Bytes,
    ) -> Result<Bytes, PaperError> {
        let (_, output) = self.lock().world(from, Some(to), value, data)?;
        Ok(output)
    }

    /// Calls a contract at the head, from the zero address, without effect.
    ///
    /// # Errors
    /// [`PaperError`]: why it failed.
    pub fn call(&self, to: Address, data: Bytes) -> Result<Bytes, PaperError> {
        self.lock().view(to, data)
    }

    /// The newest block.
    #[must_use]
    pub fn head(&self) -> BlockRef {
        self.lock().head_ref()
    }

    /// Base fee of the next block, wei per gas.
    #[must_use]
    pub fn base_fee(&self) -> u128 {
        u128::from(self.lock().head().next_base_fee())
    }

    /// Whether to mine a block, one block time after the head, as soon as a transaction is
    /// accepted. Off at first.
    pub fn automine(&self, on: bool) {
        self.lock().automine = on;
    }

    /// Removes the newest `depth` blocks and puts their transactions back into the pool, as
    /// go-ethereum does with those that the new branch does not have. Blocks mined afterwards
    /// differ in `extraData`, so that they never have a removed block's hash. On a fork the forked
    /// block stays.
    ///
    /// # Errors
    /// [`PaperError::Unsupported`] if fewer blocks are kept. Nothing was changed.
    pub fn reorg(&self, depth: u64) -> Result<(), PaperError> {
        self.lock().reorg(depth)
    }
}
