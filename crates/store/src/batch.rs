//! What is written together.

use airdrops_types::{
    CampaignVersion, Entry, EquityPoint, IntentId, LedgerEntry, MessageDone, Outcome, Scope,
    TaskRecord, Timestamp, TriggerState, Trip,
};

/// One measurement of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Which series: `bar:ETH`.
    pub series: String,
    /// When it was measured, or when its interval began.
    pub at: Timestamp,
    /// What was measured.
    pub data: serde_json::Value,
}

/// Changes that are stored in one transaction: all of them, or none.
///
/// Changes of control states are not journalled by themselves: the entry that says why belongs
/// into `entries`, as with every other change here.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// When it is written; the instant of its journal entries.
    pub at: Timestamp,
    /// Journal entries, in this order.
    pub entries: Vec<Entry>,
    /// Task runs to insert, or to replace by their id.
    pub tasks: Vec<TaskRecord>,
    /// Triggers to insert, or to replace by their campaign.
    pub triggers: Vec<TriggerState>,
    /// Bookings to add.
    pub ledger: Vec<LedgerEntry>,
    /// Equity points to add; one of the same instant is replaced.
    pub equity: Vec<EquityPoint>,
    /// Final outcomes. Each closes its slot and books its reservation at the outcome's block, or
    /// drops it if nothing was executed.
    pub outcomes: Vec<Outcome>,
    /// Reservations to drop, because a snapshot shows their effect. Their slots must be closed.
    pub retired: Vec<IntentId>,
    /// Trips to add, or to replace by scope and breaker. Each that changes something raises the
    /// control revision by one.
    pub trips: Vec<Trip>,
    /// Trips that ended by themselves, to remove by scope and breaker. Each that was there raises
    /// the control revision by one. No evidence is used up by it.
    pub ended: Vec<(Scope, String)>,
    /// Trips that a person cleared, to remove by scope and breaker. Each that was there raises the
    /// control revision by one, and what was evidence until then is used up.
    pub cleared: Vec<(Scope, String)>,
    /// Measurements to add; one of the same series and instant is replaced.
    pub samples: Vec<Sample>,
    /// Measurements of all series before this instant are dropped.
    pub forget_samples_before: Option<Timestamp>,
    /// Small values by key.
    pub settings: Vec<(String, serde_json::Value)>,
    /// Messages that this batch does what they asked for, or refuses to. One that is done already
    /// refuses the batch: what it asked for takes effect once.
    pub done: Vec<MessageDone>,
    /// Versions of campaigns to add, for ever. One that is there already refuses the batch.
    pub definitions: Vec<CampaignVersion>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self {
            at,
            ..Self::default()
        }
    }

    /// Whether it writes to the journal at most.
    #[must_use]
    pub fn is_only_journal(&self) -> bool {
        self.tasks.is_empty() && self.triggers.is_empty() && self.is_only_transitions()
    }

    /// Whether it writes task runs, triggers and to the journal at most.
    #[must_use]
    pub fn is_only_transitions(&self) -> bool {
        let Self {
            at: _,
            entries: _,
            tasks: _,
            triggers: _,
            ledger,
            equity,
            outcomes,
            retired,
            trips,
            ended,
            cleared,
            samples,
            forget_samples_before,
            settings,
            done,
            definitions,
        } = self;
        ledger.is_empty()
            && equity.is_empty()
            && outcomes.is_empty()
            && retired.is_empty()
            && trips.is_empty()
            && ended.is_empty()
            && cleared.is_empty()
            && samples.is_empty()
            && forget_samples_before.is_none()
            && settings.is_empty()
            && done.is_empty()
            && definitions.is_empty()
    }
}

/// Where a commit left the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Number of the journal's last entry.
    pub seq: u64,
    /// Revision of the control states.
    pub revision: u64,
}
