//! Taking what is stored: the same scheduler as the one that stored it.

use std::mem;

use airdrops_types::{Join, TaskRecord, TaskState, Timestamp, Work};

use super::book::Ix;
use super::keys::Keys;
use super::{Scheduler, settle};
use crate::policy::SchedulerPolicy;

impl Scheduler {
    /// Takes what is stored.
    pub(super) fn load(&mut self, tasks: impl IntoIterator<Item = TaskRecord>, now: Timestamp) {
        let mut loaded = Vec::new();
        for record in tasks {
            let ix = self.book.intern(record.id.as_str());
            if self.book.slot(ix).spec.is_some() {
                continue;
            }
            self.known(&record.campaign);
            let before = record.after.iter();
            let before: Vec<_> = before
                .map(|edge| (self.book.intern(edge.task.as_str()), edge.on))
                .collect();
            self.book.link(ix, before.into_iter());
            self.book.write(ix, &record);
            loaded.push(ix);
        }
        for &ix in &loaded {
            self.book.recount(ix);
            self.join(ix);
            self.count(ix, true);
            self.enter(ix, now);
        }
        for ix in loaded {
            self.doubt(ix);
        }
        let mut undecided = Vec::from(mem::take(&mut self.undecided));
        undecided.sort_unstable_by(|&a, &b| self.book.slot(a).id.cmp(&self.book.slot(b).id));
        self.undecided = undecided.into();
        for (campaign, run) in mem::take(&mut self.closed) {
            let open = self
                .runs
                .get(&(campaign, run))
                .is_some_and(|run| run.open > 0);
            if let Some(known) = self.campaigns.get_mut(campaign as usize)
                && !open
            {
                known.ended.insert(run);
            }
        }
        for place in (0..).take(self.campaigns.len()) {
            self.forget(place);
            self.plan_look(place);
        }
    }

    /// A stored run that the next call decides, if it is not as it would be left: nothing, where every
    /// call's changes were stored together.
    fn doubt(&mut self, ix: Ix) {
        let slot = self.book.slot(ix);
        let Some(spec) = &slot.spec else {
            return;
        };
        let waits = match spec.join {
            _ if slot.before.is_empty() => false,
            Join::All => !slot.unmet && slot.open_before > 0,
            Join::Any => !slot.met && slot.open_before > 0,
        };
        let doubtful = match slot.state {
            TaskState::Pending => {
                let approves = spec.approval && !self.book.is_approved(ix);
                let delays = self.book.not_before(ix).is_some();
                let gated = (delays || spec.delay.is_zero() && approves)
                    && (!approves || self.book.says(ix, settle::APPROVAL));
                let possible = match spec.join {
                    Join::All => !slot.unmet,
                    Join::Any => slot.met || slot.before.is_empty(),
                };
                !(waits || possible && gated)
            }
            TaskState::Ready => !matches!(spec.work, Work::Act(_)),
            TaskState::Running => {
                let open = |key| self.runs.get(&key).is_some_and(|run| run.open > 0);
                let runs = matches!(spec.work, Work::Campaign(_));
                runs && !self.child_of(ix).is_some_and(open)
            }
            _ => false,
        };
        if doubtful {
            self.undecided.push_back(ix);
        }
    }

    /// With limits of its own. Limits hold from the next call on; nothing under way is stopped.
    #[must_use]
    pub fn with_policy(mut self, policy: SchedulerPolicy, now: Timestamp) -> Self {
        let known: Vec<Ix> = self.book.known().collect();
        for &ix in &known {
            self.leave(ix);
        }
        self.policy = policy;
        self.keys = Keys::default();
        for &ix in &known {
            self.book.slot_mut(ix).lane = u32::MAX;
            self.enter(ix, now);
        }
        self
    }
}
