//! What becomes of a run when a moment comes: its delay, its backoff or its attempt is over, it is too
//! late to start, or it should have ended.

use airdrops_types::{ErrorClass, TaskState, Timestamp};

use super::book::Ix;
use super::queue::Alarm;
use super::{Change, Scheduler};
use crate::transition::TaskEvent;

impl Scheduler {
    /// A moment of a run has come. It may be over already: an earlier one of the same instant may have
    /// ended the run.
    pub(super) fn ring(&mut self, alarm: Alarm, ix: Ix, now: Timestamp, changes: &mut Vec<Change>) {
        let slot = self.book.slot(ix);
        let (state, due) = (slot.state, slot.due);
        let Some(spec) = slot.spec.clone().filter(|_| !state.is_final()) else {
            return;
        };
        match alarm {
            Alarm::Deadline => {
                let after = spec.deadline.unwrap_or_default().as_secs();
                let reason = format!("too late: it had not started {after} s after {due}");
                self.skip(ix, reason, now, changes);
            }
            Alarm::Late => {
                let after = spec.sla.unwrap_or_default();
                let mut record = self.book.record(ix);
                record.late = true;
                let task = record.id.clone();
                let reason = format!("has not ended {} s after {due}", after.as_secs());
                self.put(ix, record, reason, now, changes);
                let by = now.since(due.plus(after));
                changes.push(Change::Late { task, by });
            }
            Alarm::Wake => self.go_on(ix, state, now, changes),
        }
    }

    fn go_on(&mut self, ix: Ix, state: TaskState, now: Timestamp, changes: &mut Vec<Change>) {
        let moment = self.book.not_before(ix);
        if moment.is_some_and(|moment| moment > now) {
            return;
        }
        match state {
            TaskState::Pending => self.undecided.push_back(ix),
            TaskState::Deferred => self.make_ready(ix, "looking again".to_owned(), now, changes),
            TaskState::Retrying => {
                let attempt = self.book.record(ix).attempts.saturating_add(1);
                self.make_ready(ix, format!("attempt {attempt} may start"), now, changes);
            }
            TaskState::Running => {
                let spec = self.book.slot(ix).spec.as_ref();
                let timeout = spec.and_then(|spec| spec.timeout).unwrap_or_default();
                let failed = TaskEvent::StepFailed {
                    reason: format!("no transaction after {} s", timeout.as_secs()),
                    class: ErrorClass::Transient,
                    retryable: true,
                    consumed: false,
                };
                // A running attempt may always fail.
                let _ = self.take(ix, failed, now, changes);
            }
            _ => {}
        }
    }

    /// What waited may start.
    pub(super) fn make_ready(
        &mut self,
        ix: Ix,
        reason: String,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        let mut record = self.book.record(ix);
        record.state = TaskState::Ready;
        record.not_before = None;
        record.reason = Some(reason.clone());
        self.put(ix, record, reason, now, changes);
    }
}
