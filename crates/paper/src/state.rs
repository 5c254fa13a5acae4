//! Accounts, code and storage: the state at the head, and for each kept block what it changed.
//!
//! An old state is read by looking, in the blocks after it, for the first that changed the value:
//! that block remembers the value before.

use std::collections::VecDeque;
use std::sync::Arc;

use alloy::primitives::map::{HashMap, HashSet};
use alloy::primitives::{Address, B256, KECCAK256_EMPTY, U256};
use revm::Database;
use revm::state::{AccountInfo, Bytecode, EvmState};

use crate::error::{RpcError, StateError};
use crate::fork::Upstream;

/// An account without its storage. The default is the account that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) balance: U256,
    pub(crate) nonce: u64,
    pub(crate) code_hash: B256,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            balance: U256::ZERO,
            nonce: 0,
            code_hash: KECCAK256_EMPTY,
        }
    }
}

impl From<&AccountInfo> for Record {
    fn from(info: &AccountInfo) -> Self {
        let code_hash = if info.code_hash.is_zero() {
            KECCAK256_EMPTY
        } else {
            info.code_hash
        };
        Self {
            balance: info.balance,
            nonce: info.nonce,
            code_hash,
        }
    }
}

/// New values: what a block or a call wrote.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    pub(crate) accounts: HashMap<Address, Record>,
    pub(crate) slots: HashMap<(Address, U256), U256>,
    pub(crate) codes: HashMap<B256, Bytecode>,
}

/// Old values: how a block is undone.
#[derive(Debug, Default)]
struct Undo {
    accounts: HashMap<Address, Record>,
    slots: HashMap<(Address, U256), U256>,
}

#[derive(Debug)]
struct Layer {
    hash: B256,
    undo: Undo,
}

/// The state at the head and the way back.
#[derive(Debug)]
pub(crate) struct State {
    accounts: HashMap<Address, Record>,
    slots: HashMap<(Address, U256), U256>,
    codes: HashMap<B256, Bytecode>,
    /// One per kept block, oldest first. The first is the oldest state that can be read.
    layers: VecDeque<Layer>,
    oldest: u64,
    upstream: Option<Arc<Upstream>>,
}

impl State {
    /// The empty world, or the world of `upstream`, whose block `number` has `hash`.
    pub(crate) fn new(number: u64, hash: B256, upstream: Option<Arc<Upstream>>) -> Self {
        Self {
            accounts: HashMap::default(),
            slots: HashMap::default(),
            codes: HashMap::default(),
            layers: VecDeque::from([Layer {
                hash,
                undo: Undo::default(),
            }]),
            oldest: number,
            upstream,
        }
    }

    pub(crate) fn head(&self) -> u64 {
        self.oldest + self.layers.len() as u64 - 1
    }

    fn layers_after(&self, at: u64) -> impl Iterator<Item = &Layer> {
        let skip = usize::try_from((at + 1).saturating_sub(self.oldest)).unwrap_or(usize::MAX);
        self.layers.iter().skip(skip)
    }

    fn record(&self, address: Address, at: u64) -> Result<Record, StateError> {
        for layer in self.layers_after(at) {
            if let Some(record) = layer.undo.accounts.get(&address) {
                return Ok(*record);
            }
        }
        match (self.accounts.get(&address), &self.upstream) {
            (Some(record), _) => Ok(*record),
            (None, Some(upstream)) => upstream.record(address),
            (None, None) => Ok(Record::default()),
        }
    }

    fn slot(&self, address: Address, key: U256, at: u64) -> Result<U256, StateError> {
        for layer in self.layers_after(at) {
            if let Some(value) = layer.undo.slots.get(&(address, key)) {
                return Ok(*value);
            }
        }
        match (self.slots.get(&(address, key)), &self.upstream) {
            (Some(value), _) => Ok(*value),
            (None, Some(upstream)) => upstream.slot(address, key),
            (None, None) => Ok(U256::ZERO),
        }
    }

    fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
        if hash == KECCAK256_EMPTY {
            return Ok(Bytecode::default());
        }
        if let Some(code) = self.codes.get(&hash) {
            return Ok(code.clone());
        }
        self.upstream
            .as_ref()
            .and_then(|upstream| upstream.code(hash))
            .ok_or_else(|| StateError(RpcError::new(-32603, format!("code {hash} is not known"))))
    }

    fn block_hash(&self, number: u64) -> Result<B256, StateError> {
        if let Some(index) = number.checked_sub(self.oldest)
            && let Some(layer) = usize::try_from(index).ok().and_then(|i| self.layers.get(i))
        {
            return Ok(layer.hash);
        }
        match &self.upstream {
            Some(upstream) if number <= upstream.block() => upstream.block_hash(number),
            _ => Ok(B256::ZERO),
        }
    }

    /// Adds block `hash` with what it changed.
    pub(crate) fn push(&mut self, hash: B256, changes: Changes) -> Result<(), StateError> {
        self.layers.push_back(Layer {
            hash,
            undo: Undo::default(),
        });
        self.amend(changes).inspect_err(|_| {
            self.layers.pop_back();
        })
    }

    /// Writes `changes` as if the head block had made them.
    pub(crate) fn amend(&mut self, changes: Changes) -> Result<(), StateError> {
        let head = self.head();
        let mut undo = Undo::default();
        for address in changes.accounts.keys() {
            undo.accounts.insert(*address, self.record(*address, head)?);
        }
        for (address, key) in changes.slots.keys() {
            let old = self.slot(*address, *key, head)?;
            undo.slots.insert((*address, *key), old);
        }
        self.accounts.extend(changes.accounts);
        self.slots.extend(changes.slots);
        self.codes.extend(changes.codes);
        if let Some(layer) = self.layers.back_mut() {
            for (address, old) in undo.accounts {
                layer.undo.accounts.entry(address).or_insert(old);
            }
            for (key, old) in undo.slots {
                layer.undo.slots.entry(key).or_insert(old);
            }
        }
        Ok(())
    }

    /// Undoes the head block. The oldest kept block cannot be undone.
    pub(crate) fn pop(&mut self) -> bool {
        if self.layers.len() < 2 {
            return false;
        }
        let Some(layer) = self.layers.pop_back() else {
            return false;
        };
        self.accounts.extend(layer.undo.accounts);
        self.slots.extend(layer.undo.slots);
        true
    }

    /// Forgets all but the newest `keep` blocks.
    pub(crate) fn prune(&mut self, keep: usize) {
        while self.layers.len() > keep.max(1) {
            self.layers.pop_front();
            self.oldest += 1;
        }
    }

    /// The state after block `at`, which must be kept.
    pub(crate) fn at(&self, at: u64) -> Overlay<'_> {
        Overlay {
            state: self,
            at,
            changes: Changes::default(),
            replaced: HashSet::default(),
        }
    }
}

/// The state after one block, with changes on top that touch nobody else.
#[derive(Debug, Clone)]
pub(crate) struct Overlay<'a> {
    state: &'a State,
    at: u64,
    changes: Changes,
    /// Accounts whose whole storage was overridden.
    replaced: HashSet<Address>,
}

impl Overlay<'_> {
    pub(crate) fn record(&self, address: Address) -> Result<Record, StateError> {
        match self.changes.accounts.get(&address) {
            Some(record) => Ok(*record),
            None => self.state.record(address, self.at),
        }
    }

    pub(crate) fn slot(&self, address: Address, key: U256) -> Result<U256, StateError> {
        match self.changes.slots.get(&(address, key)) {
            Some(value) => Ok(*value),
            None if self.replaced.contains(&address) => Ok(U256::ZERO),
            None => self.state.slot(address, key, self.at),
        }
    }

    pub(crate) fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
        match self.changes.codes.get(&hash) {
            Some(code) => Ok(code.clone()),
            None => self.state.code(hash),
        }
    }

    pub(crate) fn set_record(&mut self, address: Address, record: Record) {
        self.changes.accounts.insert(address, record);
    }

    pub(crate) fn set_code(&mut self, address: Address, code: Bytecode) -> Result<(), StateError> {
        let mut record = self.record(address)?;
        record.code_hash = code.hash_slow();
        self.changes.codes.insert(record.code_hash, code);
        self.changes.accounts.insert(address, record);
        Ok(())
    }

    pub(crate) fn set_slot(&mut self, address: Address, key: U256, value: U256) {
        self.changes.slots.insert((address, key), value);
    }

    /// Makes all slots of `address` zero that are not set afterwards.
    pub(crate) fn clear_storage(&mut self, address: Address) {
        self.changes.slots.retain(|(owner, _), _| *owner != address);
        self.replaced.insert(address);
    }

    /// Takes over what an execution left behind. Since Cancun (EIP-6780) only accounts that were
    /// created in the same transaction are destroyed, so no old storage needs clearing.
    pub(crate) fn commit(&mut self, state: EvmState) {
        for (address, account) in state {
            if !account.is_touched() {
                continue;
            }
            if account.is_selfdestructed() {
                self.changes.accounts.insert(address, Record::default());
                continue;
            }
            let record = Record::from(&account.info);
            if let Some(code) = account.info.code
                && !code.is_empty()
            {
                self.changes.codes.insert(record.code_hash, code);
            }
            self.changes.accounts.insert(address, record);
            for (key, slot) in account.storage {
                if slot.is_changed() {
                    self.changes
                        .slots
                        .insert((address, key), slot.present_value);
                }
            }
        }
    }

    pub(crate) fn into_changes(self) -> Changes {
        self.changes
    }
}

impl Database for Overlay<'_> {
    type Error = StateError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        let record = self.record(address)?;
        if record == Record::default() {
            return Ok(None);
        }
        let code = self.code(record.code_hash)?;
        Ok(Some(AccountInfo::new(
            record.balance,
            record.nonce,
            record.code_hash,
            code,
        )))
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, StateError> {
        self.code(hash)
    }

    fn storage(&mut self, address: Address, key: U256) -> Result<U256, StateError> {
        self.slot(address, key)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, StateError> {
        if number > self.at {
            return Ok(B256::ZERO);
        }
        self.state.block_hash(number)
    }
}
