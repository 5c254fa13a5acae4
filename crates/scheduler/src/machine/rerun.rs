//! Running a task, and all that comes after it, again: as a new run.

use std::sync::Arc;

use airdrops_types::{TaskId, Timestamp};
use rustc_hash::FxHashSet;

use super::book::Ix;
use super::{Change, Refused, Scheduler};
use crate::campaign::{After, TaskDef};

impl Scheduler {
    /// A new run of the campaign that has only a task and what comes after it in its run, as they were
    /// made then. All of them must have ended.
    pub(super) fn rerun(
        &mut self,
        task: &TaskId,
        by: &str,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<String, Refused> {
        let first = self.task(task)?;
        let slot = self.book.slot(first);
        if self.is_being_made((slot.campaign, slot.run)) {
            let (task, state) = (task.clone(), slot.state);
            let hint = "its run is still being made; try again later";
            return Err(Refused::State { task, state, hint });
        }
        let mut seen: FxHashSet<Ix> = FxHashSet::from_iter([first]);
        let mut again = vec![first];
        let mut next = 0;
        while let Some(&ix) = again.get(next) {
            next += 1;
            let state = self.book.slot(ix).state;
            if !state.is_final() {
                let hint = "wait for its end, or cancel it first";
                let task = self.book.id(ix);
                return Err(Refused::State { task, state, hint });
            }
            again.extend(
                self.book
                    .after(ix)
                    .map(|(to, _)| to)
                    .filter(|to| seen.insert(*to)),
            );
        }
        let tasks: Vec<TaskDef> = self
            .by_id(again)
            .into_iter()
            .filter_map(|ix| {
                let slot = self.book.slot(ix);
                let before = slot
                    .before
                    .iter()
                    .filter(|(before, _)| seen.contains(before));
                let after = before.map(|&(before, on)| After {
                    task: self.book.name(before).to_owned(),
                    on,
                });
                let spec = Arc::clone(slot.spec.as_ref()?);
                Some(TaskDef {
                    name: self.book.name(ix).to_owned(),
                    spec,
                    after: after.collect(),
                })
            })
            .collect();
        let record = self.book.record(first);
        let reason = format!("{by} asked for {task} again");
        let run = self.make_unchecked(
            &record.campaign,
            &tasks,
            record.version,
            &reason,
            now,
            changes,
        );
        Ok(match tasks.len() {
            1 => format!(
                "run {run} of {} runs {} again",
                record.campaign, record.name
            ),
            all => format!(
                "run {run} of {} runs {} and {} that come after it again",
                record.campaign,
                record.name,
                all - 1
            ),
        })
    }
}
