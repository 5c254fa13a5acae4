//! The transaction manager: the only consumer of permits and the only user of keys.
//!
//! What it guarantees, given a durable [`TransactionLog`]:
//!
//! - Nonce and signed bytes are stored before the first broadcast. A crash anywhere loses nothing:
//!   [`TransactionManager::poll`] goes on with the stored bytes.
//! - One intent has one nonce. Whatever a broadcast led to, only the stored bytes are sent again;
//!   a fee bump and a cancellation keep the nonce.
//! - An outcome is reported when its block is canonical by hash and deep enough, not before.
//!
//! What it does not protect from: a chain that is reorganised deeper than the configured
//! confirmations, a node that lies, and another program that signs with the same key (its use of
//! a nonce is noticed and refused, but only after the fact).

mod classify;
mod poll;
mod replace;
mod settle;
mod submit;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use airdrops_types::{
    Address, Answer, B256, Bytes, ChainId, Checkpoint, Intent, IntentId, LogError, PermitTerms,
    Slot, Timestamp, TransactionLog,
};
use alloy::consensus::TxEip1559;
use alloy::primitives::TxKind;

use crate::endpoint::ChainClient;
use crate::read::ReadError;
use crate::signer::{Keyring, SignError};

pub use poll::{Polled, Progress};
pub use replace::{FeePair, least_replacement};

/// The checkpoints that the manager passes, in the order of a transaction's life.
pub const CHECKPOINTS: &[&str] = &[
    SIGN_BEFORE,
    SIGN_AFTER,
    BROADCAST_BEFORE,
    BROADCAST_AFTER,
    RECEIPT_BEFORE,
    RECEIPT_AFTER,
];
/// Signed in memory, not stored yet.
const SIGN_BEFORE: &str = "chain.sign.before";
/// Stored, not sent.
const SIGN_AFTER: &str = "chain.sign.after";
/// About to be sent.
const BROADCAST_BEFORE: &str = "chain.broadcast.before";
/// Sent; the answer is not stored yet.
const BROADCAST_AFTER: &str = "chain.broadcast.after";
/// Seen in a block; not stored yet.
const RECEIPT_BEFORE: &str = "chain.receipt.before";
/// Seen in a block, and stored.
const RECEIPT_AFTER: &str = "chain.receipt.after";

/// One chain as the manager uses it.
#[derive(Debug, Clone)]
pub struct ChainLane {
    /// The endpoint.
    pub client: ChainClient,
    /// Blocks on top of a transaction's block before its outcome is final.
    pub confirmations: u64,
    /// Signed bytes without a receipt are sent again after this.
    pub rebroadcast_after: Duration,
}

/// Whose turn it is to sign for one wallet on one chain.
type Turn = Arc<tokio::sync::Mutex<()>>;

/// Signs what was permitted, sends it, and follows it to its end.
pub struct TransactionManager {
    log: Arc<dyn TransactionLog>,
    keyring: Keyring,
    chains: BTreeMap<ChainId, ChainLane>,
    checkpoint: Checkpoint,
    /// One signature at a time per chain and wallet.
    turns: Mutex<BTreeMap<(ChainId, Address), Turn>>,
    /// Intents whose nonce is used on the chain by a transaction that is not ours, with the height
    /// at which that was first seen.
    overtaken: Mutex<BTreeMap<IntentId, u64>>,
    /// Where a person has looked at a foreign nonce, and the chain's is to be taken over once.
    adopting: Mutex<BTreeSet<(ChainId, Address)>>,
}

/// A transaction that was signed, stored and sent once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// Its hash.
    pub tx: B256,
    /// Its nonce.
    pub nonce: u64,
    /// What the node said. Whatever it is, the signature exists: [`TransactionManager::poll`]
    /// follows it from here.
    pub answer: Answer,
}

/// Why nothing was submitted: no signature was stored, and nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The permit is too old. Decide again.
    #[error("the permit expired at {expired_at}, it is {now}")]
    Expired {
        /// Its last instant.
        expired_at: Timestamp,
        /// The present.
        now: Timestamp,
    },
    /// The chain is not configured.
    #[error("chain {0} is not configured")]
    UnknownChain(ChainId),
    /// The keyring has no key for the wallet.
    #[error("there is no key for wallet {0}; unlock its keystore")]
    NoKey(Address),
    /// The key failed. Nothing was stored.
    #[error("signing failed: {0}")]
    Signing(String),
    /// The wallet was used by something else than this program (or the database is older than the
    /// chain). Nothing may be signed until a person has looked.
    #[error(
        "wallet {wallet} on chain {chain}: the next nonce should be {expected}, but the chain says \
         {found}: something else uses this wallet, or the database is an old copy"
    )]
    ForeignNonce {
        /// The chain.
        chain: ChainId,
        /// The wallet.
        wallet: Address,
        /// As our log says.
        expected: u64,
        /// As the chain says, its pool included.
        found: u64,
    },
    /// An earlier transaction of the wallet was refused by the node; a later nonce could not be
    /// mined before it. Replace or cancel that one first.
    #[error(
        "nonce {nonce} of intent {intent} was refused by the node ({reason}); replace or cancel it first"
    )]
    Blocked {
        /// The earlier intent.
        intent: IntentId,
        /// Its nonce.
        nonce: u64,
        /// The node's words.
        reason: String,
    },
    /// A cancellation has no nonce of its own: it goes through [`TransactionManager::replace`].
    #[error("a cancellation replaces the transaction of its intent; it is not submitted")]
    CancellationIsAReplacement,
    /// There is no open transaction of that intent to replace.
    #[error("intent {0} has no open transaction to replace")]
    NothingToReplace(IntentId),
    /// It is in a block already.
    #[error("intent {0} is in a block already; it is too late to replace it")]
    AlreadyMined(IntentId),
    /// It is being cancelled, and only the cancellation may be replaced.
    #[error("intent {0} is being cancelled")]
    BeingCancelled(IntentId),
    /// A replacement must have the same effect as the original, and a cancellation none.
    #[error("the replacement of intent {intent} is not the same transaction: {difference}")]
    OtherEffect {
        /// The intent.
        intent: IntentId,
        /// What differs.
        difference: &'static str,
    },
    /// Nodes would refuse the replacement, and the permit does not allow more.
    #[error("the replacement needs at least {needed}, the permit allows {allowed}")]
    FeeTooLow {
        /// The least that replaces every earlier signature.
        needed: FeePair,
        /// What the permit allows.
        allowed: FeePair,
    },
    /// The permit's tip exceeds its whole fee, which no node accepts.
    #[error("the permit's fees are contradictory: {0}")]
    BadFees(FeePair),
    /// A gas limit is never lowered.
    #[error("the replacement would lower the gas limit from {old} to {new}")]
    GasLimitLowered {
        /// Gas units of the earlier signature.
        old: u64,
        /// Gas units that the permit allows.
        new: u64,
    },
    /// The chain could not be asked. Nothing was signed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log refused: nothing was stored and the bytes are forgotten.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<SignError> for SubmitError {
    fn from(error: SignError) -> Self {
        match error {
            SignError::NoKey(wallet) => Self::NoKey(wallet),
            SignError::Failed(text) => Self::Signing(text),
        }
    }
}

impl TransactionManager {
    /// A manager over `chains`, with the keys of `keyring`. `checkpoint` is
    /// [`airdrops_types::no_checkpoint`] outside tests. Nothing is sent before the first
    /// [`submit`](Self::submit) or [`poll`](Self::poll).
    #[must_use]
    pub fn new(
        log: Arc<dyn TransactionLog>,
        keyring: Keyring,
        chains: BTreeMap<ChainId, ChainLane>,
        checkpoint: Checkpoint,
    ) -> Self {
        Self {
            log,
            keyring,
            chains,
            checkpoint,
            turns: Mutex::default(),
            overtaken: Mutex::default(),
            adopting: Mutex::default(),
        }
    }

    /// All transactions without a final outcome.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn open(&self) -> Result<Vec<Slot>, LogError> {
        self.log.open_slots()
    }

    /// Takes the chains' nonces of `wallet` over, once each, for the next signature: a person has
    /// looked at what else used the wallet. Nothing is taken over while one of our transactions of
    /// that chain is open, or while foreign ones wait in the pool.
    pub fn adopt_nonces(&self, wallet: Address) {
        let lanes = self.chains.keys().map(|chain| (*chain, wallet));
        self.lock_adopting().extend(lanes);
    }

    fn adopts(&self, chain: ChainId, wallet: Address) -> Result<bool, LogError> {
        if !self.lock_adopting().contains(&(chain, wallet)) {
            return Ok(false);
        }
        let open = self.log.open_slots()?;
        Ok(!open
            .iter()
            .any(|slot| slot.chain == chain && slot.wallet == wallet))
    }

    fn lock_adopting(&self) -> std::sync::MutexGuard<'_, BTreeSet<(ChainId, Address)>> {
        self.adopting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The wallets that can be signed for.
    #[must_use]
    pub fn wallets(&self) -> Vec<Address> {
        self.keyring.addresses()
    }

    /// The endpoint of a chain.
    #[must_use]
    pub fn client(&self, chain: ChainId) -> Option<&ChainClient> {
        self.chains.get(&chain).map(|lane| &lane.client)
    }

    fn lane(&self, chain: ChainId) -> Result<&ChainLane, SubmitError> {
        self.chains
            .get(&chain)
            .ok_or(SubmitError::UnknownChain(chain))
    }

    fn turn(&self, chain: ChainId, wallet: Address) -> Turn {
        self.turns
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry((chain, wallet))
            .or_default()
            .clone()
    }

    /// Sends stored bytes once and stores the answer.
    async fn broadcast(
        &self,
        client: &ChainClient,
        tx: B256,
        raw: &Bytes,
        now: Timestamp,
    ) -> Result<Answer, LogError> {
        (self.checkpoint)(BROADCAST_BEFORE);
        let answer = classify::answer(tx, client.send_raw(raw).await);
        (self.checkpoint)(BROADCAST_AFTER);
        tracing::debug!(chain = %client.chain(), %tx, ?answer, "broadcast");
        self.log.record_broadcast(tx, now, &answer)?;
        Ok(answer)
    }
}

/// The transaction that a permit allows, with `nonce`.
fn transaction(intent: &Intent, terms: &PermitTerms, nonce: u64) -> TxEip1559 {
    TxEip1559 {
        chain_id: intent.chain.0,
        nonce,
        gas_limit: terms.gas_limit,
        max_fee_per_gas: terms.max_fee_per_gas,
        max_priority_fee_per_gas: terms.max_priority_fee_per_gas,
        to: TxKind::Call(intent.call.to),
        value: intent.call.value,
        access_list: Default::default(),
        input: intent.call.data.clone(),
    }
}

fn in_time(terms: &PermitTerms, now: Timestamp) -> Result<(), SubmitError> {
    if now > terms.expires_at {
        Err(SubmitError::Expired {
            expired_at: terms.expires_at,
            now,
        })
    } else {
        Ok(())
    }
}
