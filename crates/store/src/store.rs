//! What must be kept, whatever keeps it.

use std::fmt;

use airdrops_scheduler::Engine;
use airdrops_scheduler::lease::Claim;
use airdrops_types::{
    Address, AirdropSeen, B256, CampaignId, CampaignVersion, Command, EquityPoint, I256, IntentId,
    JournalEntry, LedgerEntry, Message, MessageDone, Outcome, Reservation, Scope, TaskId,
    TaskRecord, TaskState, Timestamp, Token, TransactionLog, TriggerState, Trip, Unwind,
    UnwindRequest, Withdrawal,
};

use crate::{Access, Batch, Committed, Sample, StoreError};

/// Which task runs to read: those that fit all that is given. The default is every run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Only those that are not final.
    pub open_only: bool,
    /// Those that are not final, and the others of the same runs of the same campaigns: what a
    /// restart goes on from.
    pub runs_of_open: bool,
    /// Of this campaign.
    pub campaign: Option<CampaignId>,
    /// In one of these states; all if there is none.
    pub states: Vec<TaskState>,
    /// Of this name within their campaigns.
    pub name: Option<String>,
    /// Of this run of their campaigns.
    pub run: Option<u64>,
    /// Due at or after this instant; for [`Store::history`]: ended at or after it.
    pub since: Option<Timestamp>,
    /// Those that follow this one in the order asked for: the last one of the page before.
    pub after: Option<TaskId>,
    /// So many at most.
    pub limit: Option<usize>,
    /// The other way round.
    pub newest_first: bool,
}

impl TaskFilter {
    /// Those that are not final.
    #[must_use]
    pub fn open() -> Self {
        Self {
            open_only: true,
            ..Self::default()
        }
    }

    /// What a restart goes on from.
    #[must_use]
    pub fn restart() -> Self {
        Self {
            runs_of_open: true,
            ..Self::default()
        }
    }
}

/// So many runs wait, and the oldest of them is due since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueCount {
    /// How many.
    pub tasks: u64,
    /// The earliest due instant of them.
    pub oldest: Timestamp,
}

/// The runs that have not ended, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queue {
    /// By state, in the order of a task's life.
    pub states: Vec<(TaskState, QueueCount)>,
    /// By key of their specifications, sorted. A run with several keys counts for each.
    pub keys: Vec<(String, QueueCount)>,
}

/// A message that was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posted {
    /// Its number.
    pub seq: u64,
    /// Whether it was stored now; otherwise its id was known.
    pub new: bool,
}

/// What came of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageAnswer {
    /// When it was done.
    pub at: Timestamp,
    /// What came of it.
    pub done: MessageDone,
}

/// A node that was seen within a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSeen {
    /// Its name.
    pub node: String,
    /// When it last claimed or renewed a lease, by the clock of the leases.
    pub seen: Timestamp,
    /// The lanes that it holds, and until when unless it renews them.
    pub lanes: Vec<(String, Timestamp)>,
}

/// The payload of an event is kept up to so many bytes of JSON.
pub const PAYLOAD_LIMIT: usize = 4096;

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
/// on `Err` nothing was written, but for [`StoreError::Unknown`]. Every method that reads sees one
/// consistent state.
///
/// All methods fail with [`StoreError::Database`] if the database fails, with
/// [`StoreError::Corrupt`] if a stored value cannot be read, and with
/// [`StoreError::NotPermitted`] if the store was not opened for what is asked; writes of a runner
/// fail with [`StoreError::LeaseLost`] after another one took over.
pub trait Store: TransactionLog + fmt::Debug {
    /// What it was opened for.
    fn access(&self) -> Access;

    /// Where it is, without anything secret.
    fn place(&self) -> String;

    /// The same as the scheduler's engine.
    fn engine(&self) -> &dyn Engine;

    /// The runner's claim; `None` if it was opened for less.
    fn claim(&self) -> Option<Claim>;

    /// Prolongs the runner's lease by the whole of [`Options::lease`](crate::Options::lease). A
    /// lease that ran out and that nobody took is prolonged, too.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if another node took over: stop.
    fn renew(&self) -> Result<(), StoreError>;

    /// Gives the runner's lease up, so that another node need not wait for its end. Nothing is to
    /// be written after it.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if another node took over.
    fn release(&self) -> Result<(), StoreError>;

    /// The nodes that were seen within a day, by name.
    ///
    /// # Errors
    /// See the trait.
    fn nodes(&self) -> Result<Vec<NodeSeen>, StoreError>;

    /// Whether a runner runs: whether anybody holds the lock of a file, or a lease on a server
    /// that has not run out.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn has_runner(&self) -> Result<bool, StoreError>;

    /// Stores a batch.
    ///
    /// # Errors
    /// [`StoreError::OutcomeExists`] if an intent of `outcomes` has one; and
    /// [`StoreError::Contradiction`] if a message is done already, a version of a campaign stored
    /// already, if an outcome has no slot or another chain, wallet or nonce
    /// than its slot, if a reservation is retired whose slot is open, or if a balance overflows.
    fn commit(&self, batch: &Batch) -> Result<Committed, StoreError>;

    /// Stores batches in their order, and says of each what came of it. All of them share one
    /// transaction, and so one wait for the disk, unless one is refused: then each has its own, and
    /// only those that are refused are missing.
    fn commit_all(&self, batches: &[Batch]) -> Vec<Result<Committed, StoreError>>;

    /// Stores a message on behalf of `by`, with a journal entry, and wakes the runner. A second one
    /// of the same `id` changes nothing. Works from another process while a runner runs.
    ///
    /// # Errors
    /// [`StoreError::Unstorable`] if the payload of an event is longer than [`PAYLOAD_LIMIT`].
    fn post(
        &self,
        at: Timestamp,
        id: &str,
        command: &Command,
        by: &str,
    ) -> Result<Posted, StoreError>;

    /// The messages that are not done, in the order in which they came.
    ///
    /// # Errors
    /// See the trait.
    fn inbox(&self) -> Result<Vec<Message>, StoreError>;

    /// A message by its number, and what came of it.
    ///
    /// # Errors
    /// See the trait.
    fn message(&self, seq: u64) -> Result<Option<(Message, Option<MessageAnswer>)>, StoreError>;

    /// Versions of campaigns, by campaign and version; only the newest of each if `latest_only`.
    ///
    /// # Errors
    /// See the trait.
    fn definitions(&self, latest_only: bool) -> Result<Vec<CampaignVersion>, StoreError>;

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

    /// Task runs that ended, in the order in which they did.
    ///
    /// # Errors
    /// See the trait.
    fn history(&self, filter: TaskFilter) -> Result<Vec<TaskRecord>, StoreError>;

    /// The runs that have not ended, in numbers.
    ///
    /// # Errors
    /// See the trait.
    fn queue(&self) -> Result<Queue, StoreError>;

    /// The highest number of a run of each campaign that has any, by campaign.
    ///
    /// # Errors
    /// See the trait.
    fn last_runs(&self) -> Result<Vec<(CampaignId, u64)>, StoreError>;

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
