//! Making blocks, and unmaking them.

use alloy::consensus::Transaction as _;
use alloy::primitives::map::HashMap;
use alloy::primitives::{Address, Bytes};

use crate::block::{Block, Mined, Seal};
use crate::chain::Chain;
use crate::error::{PaperError, RunError};
use crate::evm::{Checks, apply, tx_env};
use crate::state::{Changes, Overlay};

/// A block that could be mined now.
pub(crate) struct Assembled<'a> {
    pub(crate) overlay: Overlay<'a>,
    pub(crate) transactions: Vec<Mined>,
}

impl Chain {
    /// Executes what the pool has for a block at `timestamp`.
    pub(crate) fn assemble(&self, timestamp: u64) -> Assembled<'_> {
        let mut overlay = self.state.at(self.state.head());
        let mut transactions: Vec<Mined> = Vec::new();
        if self.pool.is_empty() {
            return Assembled {
                overlay,
                transactions,
            };
        }
        let block = self.next_block_env(timestamp);
        let base_fee = block.basefee;
        let mut room = self.config.gas_limit - self.background.gas;
        let signed = self.env(block.clone(), Checks::Signed);
        let world = self.env(block, Checks::World);
        // A sender leaves when its next transaction cannot be in this block.
        let mut nonces: HashMap<Address, u64> = self
            .pool
            .senders()
            .filter_map(|sender| Some((sender, overlay.record(sender).ok()?.nonce)))
            .collect();
        while let Some(next) = self
            .pool
            .best(base_fee, |sender| nonces.get(&sender).copied())
        {
            let sender = next.sender;
            let env = if next.impersonated { &world } else { &signed };
            if !next.impersonated && next.tx.gas_limit() > room {
                nonces.remove(&sender);
                continue;
            }
            match apply(&mut overlay, env, tx_env(&next.tx, sender)) {
                Ok(result) => {
                    room = room.saturating_sub(result.tx_gas_used());
                    let mined = Mined::new(
                        next.tx.clone(),
                        sender,
                        next.impersonated,
                        result,
                        base_fee,
                        &transactions,
                    );
                    transactions.push(mined);
                    nonces.entry(sender).and_modify(|nonce| *nonce += 1);
                }
                Err(error) => {
                    let hash = next.tx.tx_hash();
                    match error {
                        RunError::Invalid(invalid) => tracing::debug!(%hash, %invalid, "not mined"),
                        RunError::State(state) => tracing::warn!(%hash, %state, "not mined"),
                        RunError::Other(detail) => tracing::warn!(%hash, detail, "not mined"),
                    }
                    nonces.remove(&sender);
                }
            }
        }
        Assembled {
            overlay,
            transactions,
        }
    }

    /// The block after the head with `transactions` and other people's gas.
    pub(crate) fn following(&self, timestamp: u64, transactions: Vec<Mined>) -> Block {
        let own: u64 = transactions.iter().map(|mined| mined.gas_used).sum();
        let seal = Seal {
            parent: self.head().hash,
            env: self.next_block_env(timestamp),
            spec: self.spec(),
            number: self.head().header.number + 1,
            timestamp,
            gas_used: own
                .saturating_add(self.background.gas)
                .min(self.config.gas_limit),
            background_gas: self.background.gas,
            background_tip: self.background.tip,
            extra_data: self.extra_data(),
        };
        Block::seal(seal, transactions)
    }

    pub(crate) fn mine(&mut self, at: u64) {
        let timestamp = at.max(self.head().header.timestamp + 1);
        let assembled = self.assemble(timestamp);
        let (transactions, changes) = (assembled.transactions, assembled.overlay.into_changes());
        let block = self.following(timestamp, transactions);
        if let Err(error) = self.append(block, changes) {
            // Everything that the block changed was read before, so it is in the fork's cache.
            tracing::error!(%error, "block not mined");
        }
    }

    /// Blocks after a reorganisation must not repeat the hashes of those that it removed.
    pub(crate) fn extra_data(&self) -> Bytes {
        match self.reorgs {
            0 => Bytes::new(),
            count => Bytes::from(format!("reorg {count}").into_bytes()),
        }
    }

    /// Makes `block` the head.
    pub(crate) fn append(&mut self, block: Block, changes: Changes) -> Result<(), PaperError> {
        self.state.push(block.hash, changes)?;
        let number = block.header.number;
        self.by_hash.insert(block.hash, number);
        for (position, mined) in block.transactions.iter().enumerate() {
            self.index.insert(mined.hash(), (number, position));
        }
        self.blocks.push_back(block);
        while self.blocks.len() > self.config.history {
            let Some(old) = self.blocks.pop_front() else {
                break;
            };
            self.forget(&old);
        }
        self.state.prune(self.config.history);
        self.demote();
        Ok(())
    }

    fn forget(&mut self, block: &Block) {
        self.by_hash.remove(&block.hash);
        for mined in &block.transactions {
            self.index.remove(&mined.hash());
        }
    }

    fn demote(&mut self) {
        if self.pool.is_empty() {
            return;
        }
        let overlay = self.state.at(self.state.head());
        let accounts: Vec<_> = self
            .pool
            .senders()
            .filter_map(|sender| Some((sender, overlay.record(sender).ok()?)))
            .collect();
        for (sender, account) in accounts {
            self.pool.demote(sender, account);
        }
    }

    pub(crate) fn reorg(&mut self, depth: u64) -> Result<(), PaperError> {
        let removable = self.blocks.len() as u64 - 1;
        if depth > removable {
            return Err(PaperError::Unsupported(format!(
                "cannot remove {depth} blocks, only {removable} are kept"
            )));
        }
        let mut removed = Vec::new();
        for _ in 0..depth {
            if let Some(block) = self.blocks.pop_back() {
                self.state.pop();
                self.forget(&block);
                removed.push(block);
            }
        }
        if depth > 0 {
            self.reorgs += 1;
        }
        for mined in removed
            .into_iter()
            .rev()
            .flat_map(|block| block.transactions)
        {
            let account = self.state.at(self.state.head()).record(mined.sender)?;
            let hash = mined.hash();
            if let Err(error) = self
                .pool
                .add(mined.tx, mined.sender, account, mined.impersonated)
            {
                tracing::debug!(%hash, %error, "not put back into the pool");
            }
        }
        self.demote();
        Ok(())
    }
}
