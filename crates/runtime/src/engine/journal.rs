//! What is stored and told of what happens.

use std::collections::{HashMap, hash_map};

use airdrops_scheduler::Change;
use airdrops_store::Batch;
use airdrops_types::{Alert, AlertLevel, Entry, Scope, TaskId, TaskState, Timestamp};

use super::{Engine, SCHEDULER};
use crate::error::RunError;

impl Engine {
    /// Stores a batch (unless this is a dry run), and tells the listener.
    pub(crate) fn commit(&mut self, batch: Batch) -> Result<(), RunError> {
        if !self.dry_run {
            self.store.commit(&batch)?;
        }
        for entry in batch.entries {
            (self.listener)(batch.at, &entry);
        }
        Ok(())
    }

    /// Writes a note, unless it was the last thing that was said about this matter.
    pub(crate) fn tell(
        &mut self,
        about: String,
        text: String,
        now: Timestamp,
    ) -> Result<(), RunError> {
        if self.told.get(&about) == Some(&text) {
            return Ok(());
        }
        let mut batch = Batch::at(now);
        batch.entries.push(Entry::Note { text: text.clone() });
        self.told.insert(about, text);
        self.commit(batch)
    }

    /// Journal entries and stored records for scheduler changes.
    pub(crate) fn note_changes(batch: &mut Batch, changes: Vec<Change>) {
        let known = batch.tasks.iter().enumerate();
        let mut places: HashMap<TaskId, usize> = known
            .map(|(place, task)| (task.id.clone(), place))
            .collect();
        for change in changes {
            match change {
                Change::Task {
                    record,
                    from,
                    reason,
                } => {
                    batch.entries.push(Entry::Task {
                        task: record.id.clone(),
                        from,
                        to: record.state,
                        reason,
                        not_before: record.not_before,
                    });
                    if record.state == TaskState::Dead {
                        let evidence = format!(
                            "{} gave up: {}",
                            record.id,
                            record.reason.as_deref().unwrap_or_default()
                        );
                        let scope = record.assignment().map_or(Scope::Everything, |acts| {
                            Scope::Protocol(acts.protocol.clone())
                        });
                        raise(
                            batch,
                            AlertLevel::Warning,
                            scope,
                            &format!("dead:{}", record.id),
                            evidence,
                        );
                    }
                    match places.entry(record.id.clone()) {
                        hash_map::Entry::Occupied(place) => batch.tasks[*place.get()] = record,
                        hash_map::Entry::Vacant(place) => {
                            place.insert(batch.tasks.len());
                            batch.tasks.push(record);
                        }
                    }
                }
                Change::Trigger { state } => {
                    batch
                        .triggers
                        .retain(|stored| stored.campaign != state.campaign);
                    batch.triggers.push(state);
                }
                Change::Stuck {
                    tasks,
                    count,
                    reason,
                } => {
                    let first: Vec<&str> = tasks.iter().map(TaskId::as_str).take(5).collect();
                    let evidence = format!(
                        "{count} tasks could never run: {reason}; first: {}",
                        first.join(", ")
                    );
                    raise(
                        batch,
                        AlertLevel::Warning,
                        Scope::Everything,
                        "stuck tasks",
                        evidence,
                    );
                }
                Change::Late { task, by } => {
                    let evidence = format!("{task} is {} s over its service level", by.as_secs());
                    raise(
                        batch,
                        AlertLevel::Warning,
                        Scope::Everything,
                        &format!("late:{task}"),
                        evidence,
                    );
                }
                Change::Quarantined { key, until, reason } => {
                    let scope = key
                        .strip_prefix("protocol:")
                        .map_or(Scope::Everything, |id| Scope::Protocol(id.into()));
                    let (level, evidence) = match until {
                        Some(until) => (
                            AlertLevel::Warning,
                            format!("{key} is left alone until {until}: {reason}"),
                        ),
                        None => (AlertLevel::Info, format!("{key} is used again: {reason}")),
                    };
                    raise(batch, level, scope, &format!("quarantine:{key}"), evidence);
                }
                Change::Memory(memory) => {
                    // What it holds is maps of text and instants, which always become JSON.
                    if let Ok(value) = serde_json::to_value(&memory) {
                        batch.settings.retain(|(name, _)| name != SCHEDULER);
                        batch.settings.push((SCHEDULER.to_owned(), value));
                    }
                }
                Change::Fired {
                    campaign,
                    due,
                    tasks,
                    note,
                } => {
                    batch.entries.push(Entry::Fired {
                        campaign: campaign.to_string(),
                        due,
                        tasks,
                        note,
                    });
                }
            }
        }
    }
}

/// Tells an administrator, with the batch.
fn raise(batch: &mut Batch, level: AlertLevel, scope: Scope, matter: &str, evidence: String) {
    let alert = Alert {
        at: batch.at,
        level,
        scope,
        matter: matter.to_owned(),
        evidence,
    };
    batch.entries.push(Entry::Alerted { alert });
}
