//! What must be kept, whatever keeps it.

use airdrops_types::{
    Address, AirdropSeen, B256, EquityPoint, I256, IntentId, JournalEntry, LedgerEntry, Outcome,
    Reservation, Scope, TaskId, TaskRecord, Timestamp, Token, TransactionLog, TriggerState, Trip,
    Unwind, UnwindRequest, Withdrawal,
};

use crate::{Batch, Committed, Sample, StoreError};

/// Which task runs to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Only those that are not final.
    pub open_only: bool,
}

/// A change of the control states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlChange {
    /// Adds a trip, or replaces the one of the same scope and breaker.
    Trip(Trip),
    /// Removes a trip.
    Clear {
        /// Where.
        scope: Scope,
        /// Of which breaker.
        breaker: String,
        /// Why.
        reason: String,
    },
}

/// The setting that holds when a breaker was last cleared, as milliseconds since the epoch. It is
/// written in the transaction that clears: what was evidence then is used up.
#[must_use]
pub fn cleared_key(breaker: &str) -> String {
    format!("cleared:{breaker}")
}

/// The same for a breaker's trip in one scope.
#[must_use]
pub fn cleared_in_key(breaker: &str, scope: &Scope) -> String {
    format!("cleared:{breaker}:{scope}")
}

/// The setting that holds all announced [`Withdrawal`]s, oldest first. Only grows.
pub const WITHDRAWALS: &str = "withdrawals";

/// The setting that holds every [`AirdropSeen`], oldest first. Only grows.
pub const OBSERVATIONS: &str = "observations";

/// The setting that holds every [`UnwindRequest`], oldest first. Written by
/// [`Store::request_unwind`] and [`Store::cancel_unwind`] only.
pub const UNWIND_REQUESTS: &str = "unwind_requests";

/// The setting that holds the [`Unwind`] of every accepted request, oldest first. Written by the
/// runner only.
pub const UNWINDS: &str = "unwinds";

/// What a check of the journal found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalCheck {
    /// Every entry is as it was written, and none is missing.
    Ok {
        /// How many there are.
        entries: u64,
        /// Hash of the last one; zero for an empty journal. Noted elsewhere, it proves later that
        /// the journal up to here was not rewritten as a whole.
        last_hash: B256,
    },
    /// Something was changed, removed or added by other means.
    Broken {
        /// The first entry that is wrong.
        seq: u64,
        /// What is wrong with it.
        why: String,
    },
}

/// Durable state. Every method that writes is one transaction, and durable when it returns `Ok`;
/// on `Err` nothing was written. Every method that reads sees one consistent state.
///
/// All methods fail with [`StoreError::Database`] if the database fails, with
/// [`StoreError::Corrupt`] if a stored value cannot be read, and with
/// [`StoreError::NotPermitted`] if the store was not opened for what is asked; writes of a runner
/// fail with [`StoreError::LeaseLost`] after another one took over.
pub trait Store: TransactionLog {
    /// Stores a batch.
    ///
    /// # Errors
    /// [`StoreError::OutcomeExists`] if an intent of `outcomes` has one; and
    /// [`StoreError::Contradiction`] if an outcome has no slot or another chain, wallet or nonce
    /// than its slot, if a reservation is retired whose slot is open, or if a balance overflows.
    fn commit(&self, batch: &Batch) -> Result<Committed, StoreError>;

    /// All trips by scope and breaker, and the revision of this set.
    ///
    /// # Errors
    /// See the trait.
    fn control(&self) -> Result<(Vec<Trip>, u64), StoreError>;

    /// Changes the control states on behalf of `by`, with its journal entry, and returns the new
    /// revision. Works from another process while a runner runs, whose next signature under the
    /// old revision is then refused.
    ///
    /// # Errors
    /// [`StoreError::NoTrip`] if there is nothing to clear.
    fn set_control(
        &self,
        at: Timestamp,
        change: &ControlChange,
        by: &str,
    ) -> Result<u64, StoreError>;

    /// Notes, on behalf of `by`, that an operator takes funds out of a wallet, with a journal
    /// entry: when they are seen to leave, that is no loss. Works from another process while a
    /// runner runs.
    ///
    /// # Errors
    /// See the trait.
    fn announce_withdrawal(
        &self,
        at: Timestamp,
        withdrawal: &Withdrawal,
        by: &str,
    ) -> Result<(), StoreError>;

    /// Notes, on behalf of `by`, what was seen of an airdrop, with a journal entry; beliefs follow at
    /// the next plan. Works from another process while a runner runs.
    ///
    /// # Errors
    /// See the trait.
    fn note_airdrop(&self, at: Timestamp, seen: &AirdropSeen, by: &str) -> Result<(), StoreError>;

    /// Asks, on behalf of `by`, for an unwind of `scope`, with a journal entry; a runner that runs
    /// accepts it in its next tick. Works from another process while a runner runs.
    ///
    /// # Errors
    /// [`StoreError::UnwindOpen`] if an open request covers the same: one of the same scope or of
    /// everything.
    fn request_unwind(
        &self,
        at: Timestamp,
        scope: &Scope,
        reason: &str,
        by: &str,
    ) -> Result<UnwindRequest, StoreError>;

    /// Takes back, on behalf of `by`, the open request of exactly `scope`, with a journal entry.
    /// What is signed already cannot be taken back.
    ///
    /// # Errors
    /// [`StoreError::NoUnwind`] if there is none.
    fn cancel_unwind(
        &self,
        at: Timestamp,
        scope: &Scope,
        reason: &str,
        by: &str,
    ) -> Result<UnwindRequest, StoreError>;

    /// Every request for an unwind, and the progress of each that was accepted; oldest first.
    ///
    /// # Errors
    /// See the trait.
    fn unwinds(&self) -> Result<(Vec<UnwindRequest>, Vec<Unwind>), StoreError>;

    /// Task runs, in the order in which they were first stored.
    ///
    /// # Errors
    /// See the trait.
    fn tasks(&self, filter: TaskFilter) -> Result<Vec<TaskRecord>, StoreError>;

    /// One task run.
    ///
    /// # Errors
    /// See the trait.
    fn task(&self, id: &TaskId) -> Result<Option<TaskRecord>, StoreError>;

    /// All triggers, by campaign.
    ///
    /// # Errors
    /// See the trait.
    fn triggers(&self) -> Result<Vec<TriggerState>, StoreError>;

    /// The sum of all bookings, base units, per wallet and token.
    ///
    /// # Errors
    /// See the trait.
    fn ledger_balances(&self) -> Result<Vec<(Address, Token, I256)>, StoreError>;

    /// The bookings at or after `from`, in the order in which they were stored.
    ///
    /// # Errors
    /// See the trait.
    fn ledger_entries(&self, from: Timestamp) -> Result<Vec<LedgerEntry>, StoreError>;

    /// The equity points at or after `from`, oldest first.
    ///
    /// # Errors
    /// See the trait.
    fn equity_since(&self, from: Timestamp) -> Result<Vec<EquityPoint>, StoreError>;

    /// The newest equity point.
    ///
    /// # Errors
    /// See the trait.
    fn last_equity(&self) -> Result<Option<EquityPoint>, StoreError>;

    /// The reservations of open slots, and those that are booked and not yet retired; by intent.
    ///
    /// # Errors
    /// See the trait.
    fn reservations(&self) -> Result<Vec<Reservation>, StoreError>;

    /// The final outcome of an intent.
    ///
    /// # Errors
    /// See the trait.
    fn outcome(&self, intent: IntentId) -> Result<Option<Outcome>, StoreError>;

    /// All final outcomes, in the order in which they were stored.
    ///
    /// # Errors
    /// See the trait.
    fn outcomes(&self) -> Result<Vec<Outcome>, StoreError>;

    /// At most `limit` journal entries from number `from_seq` on.
    ///
    /// # Errors
    /// See the trait.
    fn journal(&self, from_seq: u64, limit: usize) -> Result<Vec<JournalEntry>, StoreError>;

    /// The last `count` journal entries, oldest first.
    ///
    /// # Errors
    /// See the trait.
    fn journal_tail(&self, count: usize) -> Result<Vec<JournalEntry>, StoreError>;

    /// The journal entries that name a task run, oldest first.
    ///
    /// # Errors
    /// See the trait.
    fn journal_for_task(&self, task: &TaskId) -> Result<Vec<JournalEntry>, StoreError>;

    /// Computes the journal's chain of hashes again from the stored bytes.
    ///
    /// It finds what was changed, removed or added by anyone who did not also compute all later
    /// hashes and the stored head anew. Against someone who did, only a hash that was noted
    /// elsewhere helps.
    ///
    /// # Errors
    /// See the trait. A broken journal is not an error.
    fn verify_journal(&self) -> Result<JournalCheck, StoreError>;

    /// The measurements of a series at or after `from`, oldest first.
    ///
    /// # Errors
    /// See the trait.
    fn samples(&self, series: &str, from: Timestamp) -> Result<Vec<Sample>, StoreError>;

    /// The names of all series, sorted.
    ///
    /// # Errors
    /// See the trait.
    fn series(&self) -> Result<Vec<String>, StoreError>;

    /// A small value by key.
    ///
    /// # Errors
    /// See the trait.
    fn setting(&self, key: &str) -> Result<Option<serde_json::Value>, StoreError>;
}
