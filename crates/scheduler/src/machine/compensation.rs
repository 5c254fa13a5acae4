//! Undoing what a cancelled task did: a run of the opposite action.

use std::sync::Arc;

use airdrops_types::{Action, AmountSpec, Assignment, Timestamp, Work};

use super::book::Ix;
use super::{Change, Scheduler};
use crate::campaign::TaskDef;

/// The action that takes another one back; `None` if nothing does.
#[must_use]
fn opposite(action: &Action) -> Option<Action> {
    match action {
        Action::Wrap => Some(Action::Unwrap),
        Action::Unwrap => Some(Action::Wrap),
        Action::Supply => Some(Action::Withdraw),
        Action::Withdraw => Some(Action::Supply),
        Action::Swap { from, to } => Some(Action::Swap {
            from: to.clone(),
            to: from.clone(),
        }),
        Action::AddLiquidity => Some(Action::RemoveLiquidity),
        Action::RemoveLiquidity => Some(Action::AddLiquidity),
        Action::Stake => Some(Action::Exit),
        Action::Exit | Action::Bridge | Action::Claim | Action::Unwind => None,
    }
}

/// How much: as much as was meant, where that is a number of the same asset; else all where it takes out,
/// and no more than the allocator wants where it puts in.
fn amount(of: &Assignment, back: &Action) -> AmountSpec {
    match (&of.amount, back) {
        (
            AmountSpec::Exact(text),
            Action::Wrap | Action::Unwrap | Action::Supply | Action::Withdraw,
        ) => AmountSpec::Exact(text.clone()),
        (_, Action::Supply | Action::AddLiquidity | Action::Stake | Action::Wrap) => {
            AmountSpec::Target
        }
        _ => AmountSpec::All,
    }
}

impl Scheduler {
    /// Makes the run that undoes what a cancelled run did, if its definition asks for that and a step
    /// took effect. Returns what is to be said about it.
    pub(super) fn compensate(
        &mut self,
        ix: Ix,
        by: &str,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> String {
        let record = self.book.record(ix);
        if !record.spec.compensate || record.cursor == 0 {
            return String::new();
        }
        let Some(done) = record.assignment() else {
            return String::new();
        };
        let Some(back) = opposite(&done.action) else {
            return format!(
                "; nothing undoes a {}: look at it yourself",
                done.action.verb()
            );
        };
        let mut spec = (*record.spec).clone();
        let verb = back.verb();
        spec.work = Work::Act(Assignment {
            amount: amount(done, &back),
            action: back,
            ..done.clone()
        });
        (spec.compensate, spec.approval, spec.delay) = (false, false, std::time::Duration::ZERO);
        (spec.deadline, spec.sla) = (None, None);
        let task = TaskDef {
            name: format!("undo-{}", record.name),
            spec: Arc::new(spec),
            after: Vec::new(),
        };
        let reason = format!("undoes {}, which {by} cancelled", record.id);
        let run = self.make_unchecked(
            &record.campaign,
            &[task],
            record.version,
            &reason,
            now,
            changes,
        );
        format!("; run {run} of {} undoes it: {verb}", record.campaign)
    }
}
