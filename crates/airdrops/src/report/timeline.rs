//! What was in which state when: control states per scope, and task runs.

use std::collections::BTreeMap;

use airdrops_types::{ControlState, Entry, JournalEntry, TaskState, Timestamp};

use crate::narrate::{self, ChainNames};

/// A control state from one instant to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    /// Since.
    pub from: Timestamp,
    /// Until; the journal's end if it stands.
    pub to: Timestamp,
    /// The state.
    pub state: ControlState,
    /// The evidence of the worst trip.
    pub why: String,
    /// Whether it stands at the journal's end.
    pub standing: bool,
}

/// Control states over time, per scope that ever had a trip; everything always comes first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bands {
    /// Scopes in words, and their bands without gaps.
    pub rows: Vec<(String, Vec<Band>)>,
}

impl Bands {
    /// From the trips and clearances of a journal.
    #[must_use]
    pub fn from_journal(entries: &[JournalEntry], names: &ChainNames) -> Self {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Self::default();
        };
        let mut standing: BTreeMap<(String, String), (ControlState, String)> = BTreeMap::new();
        let mut rows: BTreeMap<String, Vec<Band>> = BTreeMap::new();
        let everything = "everything".to_owned();
        rows.insert(everything.clone(), vec![active(first.at)]);
        for entry in entries {
            let scope = match &entry.entry {
                Entry::Tripped { trip, .. } => {
                    let scope = narrate::scope_text(names, &trip.scope);
                    let key = (scope.clone(), trip.breaker.clone());
                    let why = format!("{}: {}", trip.breaker, trip.evidence);
                    standing.insert(key, (trip.state, why));
                    scope
                }
                Entry::Cleared { scope, breaker, .. } => {
                    let scope = narrate::scope_text(names, scope);
                    standing.remove(&(scope.clone(), breaker.clone()));
                    scope
                }
                _ => continue,
            };
            let worst = standing
                .iter()
                .filter(|((of, _), _)| *of == scope)
                .map(|(_, worst)| worst)
                .max_by_key(|(state, _)| *state);
            let (state, why) = worst.cloned().unwrap_or_default();
            let bands = rows.entry(scope).or_insert_with(|| vec![active(first.at)]);
            if let Some(band) = bands.last_mut() {
                if band.state == state && band.why == why {
                    continue;
                }
                band.to = entry.at;
            }
            bands.push(Band {
                from: entry.at,
                to: entry.at,
                state,
                why,
                standing: false,
            });
        }
        for bands in rows.values_mut() {
            if let Some(band) = bands.last_mut() {
                band.to = last.at;
                band.standing = true;
            }
            bands.retain(|band| band.to > band.from || band.standing);
        }
        let whole = rows.remove(&everything).unwrap_or_default();
        let rows = std::iter::once((everything, whole)).chain(rows).collect();
        Self { rows }
    }
}

fn active(from: Timestamp) -> Band {
    Band {
        from,
        to: from,
        state: ControlState::Active,
        why: String::new(),
        standing: false,
    }
}

/// A task run's state from one instant to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The task run.
    pub task: String,
    /// Since.
    pub from: Timestamp,
    /// Until; equal to `from` for a final state.
    pub to: Timestamp,
    /// The state.
    pub state: TaskState,
    /// Why.
    pub reason: String,
}

/// All runs of each task over time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gantt {
    /// `campaign/task`, and the states of its runs.
    pub rows: Vec<(String, Vec<Segment>)>,
    /// Task runs made.
    pub made: u64,
    /// Of them completed.
    pub completed: u64,
    /// Of them given up.
    pub failed: u64,
}

impl Gantt {
    /// From the task entries of a journal.
    #[must_use]
    pub fn from_journal(entries: &[JournalEntry]) -> Self {
        let mut gantt = Self::default();
        let Some(last) = entries.last() else {
            return gantt;
        };
        let mut open: BTreeMap<String, Segment> = BTreeMap::new();
        let mut rows: BTreeMap<String, Vec<Segment>> = BTreeMap::new();
        let mut order: Vec<String> = Vec::new();
        for entry in entries {
            let Entry::Task {
                task,
                from,
                to,
                reason,
                ..
            } = &entry.entry
            else {
                continue;
            };
            gantt.made += u64::from(from.is_none());
            gantt.completed += u64::from(*to == TaskState::Completed);
            gantt.failed += u64::from(matches!(to, TaskState::Failed | TaskState::Dead));
            let name = row_name(task.as_str());
            if !rows.contains_key(name) {
                order.push(name.to_owned());
                rows.insert(name.to_owned(), Vec::new());
            }
            let Some(row) = rows.get_mut(name) else {
                continue;
            };
            if let Some(mut segment) = open.remove(task.as_str()) {
                if segment.state == *to {
                    segment.reason.clone_from(reason);
                    open.insert(task.to_string(), segment);
                    continue;
                }
                segment.to = entry.at;
                if segment.to > segment.from {
                    row.push(segment);
                }
            }
            let segment = Segment {
                task: task.to_string(),
                from: entry.at,
                to: entry.at,
                state: *to,
                reason: reason.clone(),
            };
            if to.is_final() {
                row.push(segment);
            } else {
                open.insert(task.to_string(), segment);
            }
        }
        for (task, mut segment) in open {
            segment.to = last.at;
            if let Some(row) = rows.get_mut(row_name(&task)) {
                row.push(segment);
            }
        }
        gantt.rows = order
            .into_iter()
            .filter_map(|name| rows.remove_entry(&name))
            .collect();
        for (_, row) in &mut gantt.rows {
            row.sort_by_key(|segment| (segment.from, segment.to));
        }
        gantt
    }
}

/// `campaign/task` of `campaign/task#run`.
fn row_name(task: &str) -> &str {
    task.rsplit_once('#').map_or(task, |(name, _)| name)
}
