//! From the journal alone: the gate's verdicts and the allocator's targets, computed again.

use std::collections::BTreeMap;

use airdrops_allocation::plan::{Plan, Question, plan};
use airdrops_allocation::{Inputs, allocate};
use airdrops_risk::{GateState, Marked, Policy, verdict};
use airdrops_types::{Entry, JournalEntry, Snapshot, Timestamp};

/// What a replay found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Verdicts computed again.
    pub verdicts: u64,
    /// Allocations computed again.
    pub allocations: u64,
    /// Plans computed again.
    pub plans: u64,
    /// Differences: the entry's number, and what is different.
    pub differences: Vec<(u64, String)>,
}

/// Decides everything again, and compares with what was written down.
#[must_use]
pub fn replay(journal: &[JournalEntry]) -> Replayed {
    let mut policy: Option<Policy> = None;
    let mut snapshots: BTreeMap<Timestamp, &Snapshot> = BTreeMap::new();
    let mut found = Replayed::default();
    for stored in journal {
        match &stored.entry {
            Entry::Started {
                policy: recorded, ..
            } => match serde_json::from_value(recorded.clone()) {
                Ok(recorded) => policy = Some(recorded),
                Err(error) => found
                    .differences
                    .push((stored.seq, format!("the policy cannot be read: {error}"))),
            },
            Entry::Observed { snapshot } => {
                snapshots.insert(snapshot.at, snapshot);
            }
            Entry::Allocated {
                inputs, targets, ..
            } => {
                found.allocations += 1;
                let again = serde_json::from_value::<Inputs>(inputs.clone())
                    .map_err(|error| format!("the inputs cannot be read: {error}"))
                    .and_then(|inputs| allocate(&inputs).map_err(|error| error.to_string()));
                match again {
                    Ok(again) if again == *targets => {}
                    Ok(again) => found.differences.push((
                        stored.seq,
                        format!("targets: recorded {targets:?}, now {again:?}"),
                    )),
                    Err(error) => found.differences.push((stored.seq, error)),
                }
            }
            Entry::Rebalanced { inputs, plan, .. } => {
                found.plans += 1;
                if let Err(difference) = plan_again(inputs, plan) {
                    found.differences.push((stored.seq, difference));
                }
            }
            Entry::Decided {
                intent,
                observed_at,
                gate,
                verdict: recorded,
            } => {
                found.verdicts += 1;
                let state: Option<GateState> = gate
                    .get("state")
                    .cloned()
                    .and_then(|state| serde_json::from_value(state).ok());
                let tip = gate
                    .get("tip")
                    .and_then(|tip| tip.as_str())
                    .and_then(|tip| tip.parse().ok());
                let now = gate
                    .get("now")
                    .and_then(serde_json::Value::as_i64)
                    .map(Timestamp);
                let again = match (&policy, state, snapshots.get(observed_at), tip, now) {
                    (Some(policy), Some(state), Some(snapshot), Some(tip), Some(now)) => {
                        let marked = Marked::new(snapshot, policy);
                        verdict(policy, &state, &marked, intent, tip, now)
                    }
                    _ => {
                        found.differences.push((
                            stored.seq,
                            "policy, snapshot or gate state is not in the journal".to_owned(),
                        ));
                        continue;
                    }
                };
                if again != *recorded {
                    found.differences.push((
                        stored.seq,
                        format!("intent {}: recorded {recorded:?}, now {again:?}", intent.id),
                    ));
                }
            }
            _ => {}
        }
    }
    found
}

/// Makes a plan again; the difference, if there is one.
fn plan_again(inputs: &serde_json::Value, recorded: &serde_json::Value) -> Result<(), String> {
    let question: Question = serde_json::from_value(inputs.clone())
        .map_err(|error| format!("the plan's inputs cannot be read: {error}"))?;
    let recorded: Plan = serde_json::from_value(recorded.clone())
        .map_err(|error| format!("the plan cannot be read: {error}"))?;
    let now = plan(&question).map_err(|error| format!("there is no plan now: {error}"))?;
    if now == recorded {
        return Ok(());
    }
    Err(format!(
        "plan: recorded {:?}, now {:?}",
        recorded.courses, now.courses
    ))
}
