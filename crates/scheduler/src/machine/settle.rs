//! What waits for other tasks: decided when those end, by counting, and never by looking at all.

use airdrops_types::{Join, TaskId, TaskRecord, TaskState, Timestamp, Work};

use super::book::{CampaignIx, Ix};
use super::{Change, Making, Scheduler};
use crate::event::Happening;

/// Why a task that came after others is ready.
const ALL_BEFORE: &str = "all tasks before it ended as it needs";
const ONE_BEFORE: &str = "one task before it ended as it needs";
/// Why a task waits for a person.
pub(super) const APPROVAL: &str = "waits for an approval";

impl Scheduler {
    /// Follows up on all that ended, until nothing more is decided by it.
    pub(super) fn settle(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        loop {
            if let Some(ix) = self.ended.pop_front() {
                self.tell(ix, now);
            } else if let Some(ix) = self.undecided.pop_front() {
                self.decide(ix, now, changes);
            } else if let Some(run) = self.closed.pop_front() {
                self.close(run, now, changes);
            } else if !self.fire_raised(now, changes) {
                return;
            }
        }
    }

    /// Tells those who come after a run that it ended.
    fn tell(&mut self, ix: Ix, now: Timestamp) {
        let slot = self.book.slot(ix);
        let Some(ending) = slot.state.ending().filter(|_| slot.spec.is_some()) else {
            return;
        };
        let mut decided = Vec::new();
        let after: Vec<_> = self.book.after(ix).collect();
        for (to, on) in after {
            let slot = self.book.slot_mut(to);
            slot.open_before = slot.open_before.saturating_sub(1);
            if on.holds(ending) {
                slot.met = true;
            } else {
                slot.unmet = true;
            }
            if slot.state == TaskState::Pending {
                decided.push(to);
            }
        }
        decided.sort_unstable_by(|&a, &b| self.book.slot(a).id.cmp(&self.book.slot(b).id));
        self.undecided.extend(decided);
        let slot = self.book.slot(ix);
        if self.watched.contains(&slot.campaign) {
            let what = Happening::Ended {
                campaign: self.book.campaigns[slot.campaign as usize].clone(),
                task: Some(self.book.name(ix).to_owned()),
                run: slot.run,
                ending,
            };
            self.raise(what, now);
        }
    }

    /// Decides a pending run, if what it waits for is decided; and does what is the core's own work.
    fn decide(&mut self, ix: Ix, now: Timestamp, changes: &mut Vec<Change>) {
        let slot = self.book.slot(ix);
        let Some(spec) = slot.spec.clone() else {
            return;
        };
        match slot.state {
            TaskState::Pending => {}
            TaskState::Ready => return self.do_own_work(ix, now, changes),
            TaskState::Running => return self.look_for_child(ix, now, changes),
            _ => return,
        }
        let some = !slot.before.is_empty();
        let (open, met, unmet) = (slot.open_before > 0, slot.met, slot.unmet);
        let (impossible, waits) = match spec.join {
            Join::All => (unmet, open),
            Join::Any => (some && !met && !open, some && !met),
        };
        if impossible {
            let (obstacle, is_lost) = self.obstacle(ix);
            let reason = format!("cannot run: {obstacle}");
            if is_lost {
                changes.push(Change::Stuck {
                    tasks: vec![self.book.id(ix)],
                    count: 1,
                    reason: reason.clone(),
                });
            }
            return self.skip(ix, reason, now, changes);
        }
        if waits {
            return;
        }
        let before = self.book.record(ix);
        let mut record = before.clone();
        let reason = match (some, spec.join) {
            (false, _) => "due",
            (true, Join::All) => ALL_BEFORE,
            (true, Join::Any) => ONE_BEFORE,
        };
        let since = if some { now } else { record.due };
        self.gate(&mut record, since, now, reason);
        if record != before {
            let reason = record.reason.clone().unwrap_or_default();
            self.put(ix, record, reason, now, changes);
        }
    }

    /// A record whose turn has come, as far as other tasks are concerned: pending for its delay, which
    /// counts from `since`, or for an approval; or ready.
    pub(super) fn gate(
        &self,
        record: &mut TaskRecord,
        since: Timestamp,
        now: Timestamp,
        reason: &str,
    ) {
        record.state = TaskState::Pending;
        record.ready_since = None;
        if !record.spec.delay.is_zero() && record.not_before.is_none() {
            record.not_before = Some(since.plus(record.spec.delay));
        }
        if record.spec.approval && record.approved.is_none() {
            record.reason = Some(APPROVAL.to_owned());
            return;
        }
        match record.not_before {
            Some(until) if until > now => record.reason = Some(format!("waits until {until}")),
            delayed => {
                record.state = TaskState::Ready;
                record.not_before = None;
                // A run that was made late could have run since it was due.
                let since = delayed.unwrap_or(since);
                record.ready_since = Some(if record.spec.approval { now } else { since });
                record.reason = Some(reason.to_owned());
            }
        }
    }

    /// Which task before it keeps a run from running, and whether it is one that is not stored.
    fn obstacle(&self, ix: Ix) -> (String, bool) {
        let mut found = (String::new(), false);
        for &(before, on) in self.book.slot(ix).before.iter() {
            let slot = self.book.slot(before);
            if slot.spec.is_none() {
                return (format!("{} is not stored", slot.id), true);
            }
            if slot.state.ending().is_some_and(|ending| !on.holds(ending)) {
                found.0 = format!("{} {}", slot.id, slot.state);
            }
        }
        found
    }

    /// A run that will not run.
    pub(super) fn skip(
        &mut self,
        ix: Ix,
        reason: String,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        self.end(ix, TaskState::Skipped, reason, now, changes);
    }

    /// Ends a run without an event of its own.
    pub(super) fn end(
        &mut self,
        ix: Ix,
        state: TaskState,
        reason: String,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        let mut record = self.book.record(ix);
        record.state = state;
        record.not_before = None;
        record.ended = Some(now);
        record.reason = Some(reason.clone());
        self.put(ix, record, reason, now, changes);
    }

    /// A ready run that the core itself does: nothing, or a run of another campaign. That one begins
    /// however many runs of the campaign are open, for it is a part of this run; and it takes no keys,
    /// for its tasks do.
    fn do_own_work(&mut self, ix: Ix, now: Timestamp, changes: &mut Vec<Change>) {
        let slot = self.book.slot(ix);
        let Some(spec) = slot.spec.clone().filter(|_| slot.state == TaskState::Ready) else {
            return;
        };
        match &spec.work {
            Work::Act(_) => {}
            Work::Nothing => {
                let reason = "nothing to do".to_owned();
                self.end(ix, TaskState::Completed, reason, now, changes);
            }
            Work::Campaign(of) => {
                let defined = self.find(of);
                let defined =
                    defined.and_then(|(_, known)| Some((known.definition.clone()?, known.version)));
                let Some((definition, version)) = defined else {
                    let reason = format!("there is no campaign {of} any more: define it and retry");
                    return self.end(ix, TaskState::Failed, reason, now, changes);
                };
                let run = self.next_run(of, now);
                let mut record = self.book.record(ix);
                let parent = record.id.clone();
                let reason = format!("run {run} of {of} has begun");
                record.state = TaskState::Running;
                record.child = Some(run);
                record.started = record.started.or(Some(now));
                record.reason = Some(reason.clone());
                self.put(ix, record, reason, now, changes);
                let begin = Making {
                    campaign: of.clone(),
                    run,
                    version,
                    due: now,
                    parent: Some(parent),
                    reason: "due".to_owned(),
                    made: 0,
                    definition: 0,
                };
                self.begin_run(&definition, begin, now, changes);
            }
        }
    }

    /// The run that a task started has ended, and so does the task.
    pub(super) fn end_parent(
        &mut self,
        parent: &TaskId,
        (campaign, run): (CampaignIx, u64),
        failed: usize,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        let Some(ix) = self.book.find(parent.as_str()) else {
            return;
        };
        if self.book.slot(ix).state != TaskState::Running
            || self.child_of(ix) != Some((campaign, run))
        {
            return;
        }
        let of = &self.book.campaigns[campaign as usize];
        let (state, reason) = if failed == 0 {
            (TaskState::Completed, format!("run {run} of {of} has ended"))
        } else {
            let reason = format!("run {run} of {of} has ended with {failed} failed tasks");
            (TaskState::Failed, reason)
        };
        self.end(ix, state, reason, now, changes);
    }

    /// A stored task whose run ended without it, or is not stored.
    fn look_for_child(&mut self, ix: Ix, now: Timestamp, changes: &mut Vec<Change>) {
        let Some(spec) = &self.book.slot(ix).spec else {
            return;
        };
        let Work::Campaign(of) = &spec.work else {
            return;
        };
        let child = self.child_of(ix);
        match child.and_then(|key| Some((key, self.runs.get(&key)?))) {
            Some((key, run)) if run.open == 0 && !self.is_being_made(key) => {
                let failed = run.failed;
                self.end_parent(&self.book.id(ix), key, failed, now, changes);
            }
            Some(_) => {}
            None => {
                let reason = format!("its run of {of} is not stored");
                self.end(ix, TaskState::Failed, reason, now, changes);
            }
        }
    }

    /// The run that a task's work is.
    pub(super) fn child_of(&self, ix: Ix) -> Option<(CampaignIx, u64)> {
        let spec = self.book.slot(ix).spec.as_ref()?;
        let Work::Campaign(of) = &spec.work else {
            return None;
        };
        Some((self.book.find_campaign(of)?, self.book.child(ix)?))
    }

    /// The moments that have come.
    pub(super) fn wake(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        for (alarm, ix) in self.due_alarms(now) {
            self.ring(alarm, ix, now, changes);
        }
    }
}
