//! What is written down: every decision and every effect, with what it rested on.

use serde::{Deserialize, Serialize};

use crate::ledger::LedgerEntry;
use crate::verdict::{Target, Verdict};
use crate::{
    Address, Alert, B256, ChainId, ControlSignal, ControlState, EquityPoint, Intent, IntentId,
    Operation, Outcome, Scope, Snapshot, TaskId, TaskState, Timestamp, Trip, Usd,
};

/// An entry as it is stored: numbered from 1 without gaps, and chained by hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Position.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub entry: Entry,
    /// SHA-256 over the previous entry's hash (32 zero bytes before the first), `seq`, `at` (both
    /// big-endian) and the entry's JSON bytes.
    pub hash: B256,
}

/// What an entry says.
///
/// Tagged from outside, like everything in it that holds a 128-bit integer or a map keyed by a
/// number: serde buffers what is tagged from inside, and cannot read either back from there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// The program started, or went on after a restart, under this policy.
    Started {
        /// Version of the program.
        version: String,
        /// `paper`, `live` or `demo`.
        mode: String,
        /// Seed of everything random.
        seed: u64,
        /// The gate's policy, as JSON, for replay.
        policy: serde_json::Value,
        /// The monitor's policy, as JSON: by which thresholds breakers trip. Null where an earlier
        /// version did not write it.
        #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
        monitor: serde_json::Value,
    },
    /// A snapshot that later entries rest on, named by its instant.
    Observed {
        /// The snapshot.
        snapshot: Box<Snapshot>,
    },
    /// Equity and the exposures, once a tick.
    Assessed {
        /// Equity.
        point: EquityPoint,
        /// Exposure per protocol family.
        protocols: Vec<(String, Usd)>,
        /// Exposure per asset.
        assets: Vec<(String, Usd)>,
        /// Base fee per chain, wei.
        base_fees: Vec<(ChainId, u128)>,
    },
    /// A breaker tripped, or a person halted.
    Tripped {
        /// What and why.
        trip: Trip,
        /// `breaker` or the operator's name.
        by: String,
    },
    /// A trip was cleared.
    Cleared {
        /// Where.
        scope: Scope,
        /// Which breaker.
        breaker: String,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// The allocator's targets, when they changed.
    Allocated {
        /// The snapshot they rest on.
        observed_at: Timestamp,
        /// What the allocator was given, as JSON, for replay.
        inputs: serde_json::Value,
        /// The targets.
        targets: Vec<Target>,
    },
    /// The allocation engine looked at everything, and decided what moves and what stays.
    Rebalanced {
        /// Why it looked.
        trigger: String,
        /// The orders in words, in their order; empty if everything stays.
        orders: Vec<String>,
        /// What it was given, as JSON, for replay.
        inputs: serde_json::Value,
        /// What it decided, as JSON.
        plan: serde_json::Value,
    },
    /// A campaign's trigger fired.
    Fired {
        /// Which campaign.
        campaign: String,
        /// For which instant.
        due: Timestamp,
        /// The task runs that it made; empty if the fire was skipped.
        tasks: Vec<TaskId>,
        /// In words.
        note: String,
    },
    /// A task run changed its state.
    Task {
        /// Which.
        task: TaskId,
        /// From; `None` when it was made.
        from: Option<TaskState>,
        /// To.
        to: TaskState,
        /// Why.
        reason: String,
        /// When it will be looked at again.
        not_before: Option<Timestamp>,
    },
    /// A task's amounts were fixed.
    Planned {
        /// Which.
        task: TaskId,
        /// The steps.
        operations: Vec<Operation>,
        /// The steps in words.
        summary: String,
    },
    /// The gate decided.
    Decided {
        /// On what.
        intent: Box<Intent>,
        /// The snapshot it saw.
        observed_at: Timestamp,
        /// The gate's own state that it saw (control states and reservations), as JSON, for replay.
        gate: serde_json::Value,
        /// Its answer.
        verdict: Verdict,
    },
    /// A signature was stored. From here on the transaction may be on the chain.
    Signed {
        /// For which intent.
        intent: IntentId,
        /// For which task.
        task: TaskId,
        /// Where.
        chain: ChainId,
        /// From which wallet.
        wallet: Address,
        /// With which nonce.
        nonce: u64,
        /// The transaction.
        tx: B256,
        /// In words.
        summary: String,
    },
    /// An outcome became final.
    Settled {
        /// Of which task.
        task: TaskId,
        /// The outcome.
        outcome: Box<Outcome>,
        /// The fee at the time's price.
        fee: Usd,
        /// In words.
        summary: String,
    },
    /// A balance changed from outside.
    Flow {
        /// The booking.
        entry: LedgerEntry,
        /// Its value when it was seen.
        value: Usd,
        /// In words.
        note: String,
    },
    /// A trip holds on in a better state, because the evidence stayed better for its cool-down.
    Eased {
        /// As it stands now.
        trip: Trip,
        /// The state before.
        from: ControlState,
    },
    /// Something that an administrator should know.
    Alerted {
        /// What.
        alert: Alert,
    },
    /// What holds in each scope, when that changed.
    Signalled {
        /// By scope.
        signals: Vec<ControlSignal>,
    },
    /// Something worth telling that changes nothing.
    Note {
        /// In words.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_start_without_thresholds_is_read_and_written_as_it_was() {
        let old = r#"{"started":{"version":"0.1.0","mode":"paper","seed":1,"policy":{"a":1}}}"#;
        let entry: Entry = serde_json::from_str(old).unwrap();
        assert!(matches!(&entry, Entry::Started { monitor, .. } if monitor.is_null()));
        assert_eq!(serde_json::to_string(&entry).unwrap(), old);
    }
}
