//! What is stored and told of what happens.

use airdrops_scheduler::Change;
use airdrops_store::Batch;
use airdrops_types::{Entry, Timestamp};

use super::Engine;
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
                    batch.tasks.retain(|stored| stored.id != record.id);
                    batch.tasks.push(record);
                }
                Change::Trigger { state } => {
                    batch
                        .triggers
                        .retain(|stored| stored.campaign != state.campaign);
                    batch.triggers.push(state);
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
