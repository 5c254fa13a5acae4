//! Transactions that wait, under go-ethereum's rules (core/txpool/validation.go and
//! core/txpool/legacypool/list.go).

use std::collections::BTreeMap;

use alloy::consensus::{Transaction as _, TxEnvelope};
use alloy::primitives::map::HashMap;
use alloy::primitives::{Address, B256, U256};

use crate::error::RpcError;
use crate::state::Record;

/// How much more a replacement must offer, in percent, in the fee cap and in the tip.
const PRICE_BUMP: u128 = 10;

#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) tx: TxEnvelope,
    pub(crate) sender: Address,
    /// Order of arrival.
    pub(crate) arrival: u64,
    /// World building, put back by a reorganisation.
    pub(crate) impersonated: bool,
}

impl Waiting {
    /// The most that it may cost its sender, wei.
    fn cost(&self) -> U256 {
        if self.impersonated {
            return self.tx.value();
        }
        U256::from(self.tx.gas_limit())
            .saturating_mul(U256::from(self.tx.max_fee_per_gas()))
            .saturating_add(self.tx.value())
    }

    fn tip_cap(&self) -> u128 {
        self.tx
            .max_priority_fee_per_gas()
            .unwrap_or_else(|| self.tx.max_fee_per_gas())
    }

    /// What a miner earns per gas; `None` if the fee cap is below the base fee.
    fn effective_tip(&self, base_fee: u64) -> Option<u128> {
        if self.impersonated {
            return Some(u128::MAX);
        }
        self.tx.effective_tip_per_gas(base_fee)
    }
}

/// The pool. Each sender has at most one transaction per nonce; those whose nonces follow the
/// account's without a gap are pending, the others are queued.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    senders: BTreeMap<Address, BTreeMap<u64, Waiting>>,
    hashes: HashMap<B256, (Address, u64)>,
    arrivals: u64,
}

impl Pool {
    pub(crate) fn get(&self, hash: B256) -> Option<&Waiting> {
        let (sender, nonce) = self.hashes.get(&hash)?;
        self.senders.get(sender)?.get(nonce)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// The first nonce at or after `nonce` that no waiting transaction of `sender` has.
    pub(crate) fn next_nonce(&self, sender: Address, nonce: u64) -> u64 {
        let Some(queue) = self.senders.get(&sender) else {
            return nonce;
        };
        let mut next = nonce;
        while queue.contains_key(&next) {
            next += 1;
        }
        next
    }

    /// Takes in a transaction that is valid by itself.
    pub(crate) fn add(
        &mut self,
        tx: TxEnvelope,
        sender: Address,
        account: Record,
        impersonated: bool,
    ) -> Result<(), RpcError> {
        let hash = *tx.tx_hash();
        if self.hashes.contains_key(&hash) {
            return Err(RpcError::server("already known"));
        }
        let nonce = tx.nonce();
        if nonce < account.nonce {
            return Err(RpcError::server(format!(
                "nonce too low: next nonce {}, tx nonce {nonce}",
                account.nonce
            )));
        }
        let new = Waiting {
            tx,
            sender,
            arrival: self.arrivals,
            impersonated,
        };
        let queue = self.senders.entry(sender).or_default();
        let result = Self::check_funds(queue, &new, account.balance)
            .and_then(|()| Self::check_replacement(queue.get(&nonce), &new));
        if result.is_ok() {
            if let Some(old) = queue.insert(nonce, new) {
                self.hashes.remove(old.tx.tx_hash());
            }
            self.hashes.insert(hash, (sender, nonce));
            self.arrivals += 1;
        } else if queue.is_empty() {
            self.senders.remove(&sender);
        }
        result
    }

    /// The balance must cover all that the sender's waiting transactions may cost.
    fn check_funds(
        queue: &BTreeMap<u64, Waiting>,
        new: &Waiting,
        balance: U256,
    ) -> Result<(), RpcError> {
        const WORDS: &str = "insufficient funds for gas * price + value";
        let cost = new.cost();
        if cost > balance {
            return Err(RpcError::server(format!(
                "{WORDS}: balance {balance}, tx cost {cost}, overshot {}",
                cost - balance
            )));
        }
        let queued = queue
            .iter()
            .filter(|(nonce, _)| **nonce != new.tx.nonce())
            .fold(U256::ZERO, |sum, (_, old)| sum.saturating_add(old.cost()));
        let total = queued.saturating_add(cost);
        if total > balance {
            return Err(RpcError::server(format!(
                "{WORDS}: balance {balance}, queued cost {queued}, tx cost {cost}, overshot {}",
                total - balance
            )));
        }
        Ok(())
    }

    fn check_replacement(old: Option<&Waiting>, new: &Waiting) -> Result<(), RpcError> {
        let Some(old) = old else { return Ok(()) };
        let enough =
            |old: u128, new: u128| new > old && new >= old.saturating_mul(100 + PRICE_BUMP) / 100;
        if !enough(old.tx.max_fee_per_gas(), new.tx.max_fee_per_gas())
            || !enough(old.tip_cap(), new.tip_cap())
        {
            return Err(RpcError::server("replacement transaction underpriced"));
        }
        Ok(())
    }

    /// The next transaction for a block: of each sender the one with the nonce that `nonce` says,
    /// of these the one with the highest tip, of equal ones the first that arrived. `nonce` gives
    /// `None` for senders that are through for this block.
    pub(crate) fn best(
        &self,
        base_fee: u64,
        nonce: impl Fn(Address) -> Option<u64>,
    ) -> Option<&Waiting> {
        self.senders
            .iter()
            .filter_map(|(sender, queue)| {
                let waiting = queue.get(&nonce(*sender)?)?;
                Some((waiting.effective_tip(base_fee)?, waiting))
            })
            .max_by(|(tip_a, a), (tip_b, b)| {
                tip_a.cmp(tip_b).then_with(|| b.arrival.cmp(&a.arrival))
            })
            .map(|(_, waiting)| waiting)
    }

    /// Who has transactions here.
    pub(crate) fn senders(&self) -> impl Iterator<Item = Address> {
        self.senders.keys().copied()
    }

    /// Drops what can never be mined from `account` on: used nonces, and transactions that cost
    /// more than the balance.
    pub(crate) fn demote(&mut self, sender: Address, account: Record) {
        let Some(queue) = self.senders.get_mut(&sender) else {
            return;
        };
        let hashes = &mut self.hashes;
        queue.retain(|nonce, waiting| {
            let keep = *nonce >= account.nonce && waiting.cost() <= account.balance;
            if !keep {
                hashes.remove(waiting.tx.tx_hash());
            }
            keep
        });
        if queue.is_empty() {
            self.senders.remove(&sender);
        }
    }
}
