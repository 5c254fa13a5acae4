//! The durable memory of the transaction manager, as a trait: SQLite today, PostgreSQL with the
//! same promises later.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use crate::verdict::PermitTerms;
use crate::{BlockRef, ChainId, Intent, IntentId, Timestamp};

/// One nonce of one wallet on one chain, used by one intent, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The chain.
    pub chain: ChainId,
    /// The wallet.
    pub wallet: Address,
    /// The nonce.
    pub nonce: u64,
    /// The intent that took it.
    pub intent: Intent,
    /// What was permitted.
    pub terms: PermitTerms,
    /// Every signature made for this nonce, oldest first: the first, fee bumps, a cancellation.
    pub attempts: Vec<Attempt>,
    /// Where it was last seen in the canonical chain.
    pub mined: Option<(B256, BlockRef)>,
}

/// One signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Transaction hash.
    pub tx: B256,
    /// The signed bytes, EIP-2718 encoded: what is broadcast, again and again if need be.
    pub raw: Bytes,
    /// Whether these bytes are the cancellation and not the intent itself.
    pub cancels: bool,
    /// Wei per gas.
    pub max_fee_per_gas: u128,
    /// Wei per gas.
    pub max_priority_fee_per_gas: u128,
    /// Gas units.
    pub gas_limit: u64,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// When it was last sent out.
    pub broadcast_at: Option<Timestamp>,
    /// What the node said then.
    pub answer: Option<Answer>,
}

/// What a broadcast led to. Unknown is not failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Answer {
    /// The node has it.
    Accepted,
    /// The node says that it will not have these bytes, and why.
    Rejected {
        /// The node's words.
        reason: String,
    },
    /// Nobody knows: time-out, broken connection, server error.
    Unknown {
        /// What happened.
        reason: String,
    },
}

/// A signature to be stored before its first broadcast.
#[derive(Debug, Clone)]
pub struct NewSignature {
    /// The chain.
    pub chain: ChainId,
    /// The wallet.
    pub wallet: Address,
    /// The nonce.
    pub nonce: u64,
    /// The intent; for a replacement or cancellation, the one that already owns the nonce.
    pub intent: Intent,
    /// What was permitted.
    pub terms: PermitTerms,
    /// The signature.
    pub attempt: Attempt,
    /// Whether the slot must be new (first signature) or must exist for this intent (replacement).
    pub replaces: bool,
}

/// Why the log refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Another intent owns the nonce.
    #[error("nonce {nonce} of {wallet} on chain {chain} belongs to another intent")]
    NonceTaken {
        /// The chain.
        chain: ChainId,
        /// The wallet.
        wallet: Address,
        /// The nonce.
        nonce: u64,
    },
    /// The intent already has a nonce or a final outcome.
    #[error("intent {0} was already signed")]
    IntentTaken(IntentId),
    /// A replacement names a slot that is not there or is final.
    #[error("intent {0} has no open nonce to replace")]
    NoSlot(IntentId),
    /// The control states changed since the permit was given. Decide again.
    #[error("control states changed since the permit was given")]
    ControlChanged,
    /// This process no longer owns the database.
    #[error("another process has taken over the database")]
    LeaseLost,
    /// The database failed. Nothing was written.
    #[error("database: {0}")]
    Database(String),
    /// The connection broke while the write was being committed, and the server could not be asked
    /// since. It may be stored: stop, and read it back before anything else is done.
    #[error("whether it was stored is unknown: {0}")]
    Unknown(String),
}

/// What the transaction manager needs to remember. Every method is one durable database
/// transaction: when it returns `Ok`, the write survives a crash.
pub trait TransactionLog: Send + Sync {
    /// One more than the highest nonce that any slot of the wallet has; `None` before the first.
    ///
    /// # Errors
    /// [`LogError::Database`].
    fn next_nonce(&self, chain: ChainId, wallet: Address) -> Result<Option<u64>, LogError>;

    /// Stores nonce, signed bytes, reservation and the journal entry `Signed` in one transaction.
    ///
    /// # Errors
    /// All variants. On any error but [`LogError::Unknown`] nothing was stored, and the bytes must be
    /// forgotten.
    fn record_signature(&self, signature: &NewSignature) -> Result<(), LogError>;

    /// Stores what a broadcast led to.
    ///
    /// # Errors
    /// [`LogError::Database`].
    fn record_broadcast(&self, tx: B256, at: Timestamp, answer: &Answer) -> Result<(), LogError>;

    /// Stores where a slot was seen in the canonical chain; `None` when it is there no more.
    ///
    /// # Errors
    /// [`LogError::Database`].
    fn record_mined(
        &self,
        intent: IntentId,
        mined: Option<(B256, BlockRef)>,
    ) -> Result<(), LogError>;

    /// All slots without a final outcome, by chain, wallet and nonce.
    ///
    /// # Errors
    /// [`LogError::Database`].
    fn open_slots(&self) -> Result<Vec<Slot>, LogError>;
}

/// Called at named places so that tests can stop the process there. Does nothing in a released
/// program.
pub type Checkpoint = fn(&'static str);

/// The checkpoint of a released program.
pub fn no_checkpoint(_place: &'static str) {}
