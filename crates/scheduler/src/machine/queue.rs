//! Whose turn it is, and when what waits is to be looked at: kept up to date with each change of a run,
//! so that nobody looks through all of them.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use airdrops_types::{Action, TaskId, TaskSpec, TaskState, Timestamp, Work};

use super::Scheduler;
use super::book::{Book, Ix};

/// A place in the order of what can be done now; the least comes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    rank: u8,
    level: Reverse<i32>,
    due: Timestamp,
    id: Arc<str>,
    pub(super) ix: Ix,
}

/// Why a run is looked at when its time comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alarm {
    /// Too late to start.
    Deadline,
    /// A delay, a moment, a backoff or an attempt is over.
    Wake,
    /// Its service level is missed.
    Late,
}

/// What is under way, what waits, and until when.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    pub(super) running: BTreeSet<Turn>,
    pub(super) deferred: BTreeSet<Ix>,
    pub(super) dead: BTreeSet<Ix>,
    alarms: BTreeSet<(Timestamp, Alarm, Ix)>,
    /// When a ready run counts as one priority higher.
    rises: BTreeSet<(Timestamp, Ix)>,
}

/// Whether the task is on the way out that an operator asked for.
pub(super) fn unwinds(spec: &TaskSpec) -> bool {
    matches!(&spec.work, Work::Act(act) if act.action == Action::Unwind)
}

fn rank(spec: &TaskSpec, running: bool) -> u8 {
    match (unwinds(spec), running, spec.critical) {
        (true, true, _) => 0,
        (true, false, _) => 1,
        (false, true, true) => 2,
        (false, true, false) => 3,
        (false, false, true) => 4,
        (false, false, false) => 5,
    }
}

/// The priority after waiting since `since`: one higher for each `aging`.
fn risen(priority: i16, since: Timestamp, now: Timestamp, aging: Duration) -> i32 {
    let steps = now.since(since).as_millis().checked_div(aging.as_millis());
    let steps = i32::try_from(steps.unwrap_or(0)).unwrap_or(i32::MAX);
    i32::from(priority).saturating_add(steps)
}

/// The instant at which a run of that level rises again; `None` if nothing rises.
fn rises_at(priority: i16, level: i32, since: Timestamp, aging: Duration) -> Option<Timestamp> {
    let steps = level.checked_sub(i32::from(priority))?.checked_add(1)?;
    let wait = u32::try_from(steps)
        .ok()
        .and_then(|steps| aging.checked_mul(steps));
    wait.filter(|wait| !wait.is_zero())
        .map(|wait| since.plus(wait))
}

impl Book {
    fn turn(&self, ix: Ix, level: i32) -> Option<Turn> {
        let slot = self.slot(ix);
        let running = slot.state == TaskState::Running;
        Some(Turn {
            rank: rank(slot.spec.as_ref()?, running),
            level: Reverse(level),
            due: slot.due,
            id: Arc::clone(&slot.id),
            ix,
        })
    }

    /// Since when a ready run waits.
    fn since(&self, ix: Ix) -> Timestamp {
        self.ready_since(ix).unwrap_or(self.slot(ix).due)
    }

    /// The instants at which a run is to be looked at.
    fn alarms(&self, ix: Ix) -> [Option<(Timestamp, Alarm, Ix)>; 3] {
        let slot = self.slot(ix);
        let Some(spec) = slot.spec.as_ref().filter(|_| !slot.state.is_final()) else {
            return [None; 3];
        };
        let not_before = self.not_before(ix);
        let wake = match slot.state {
            TaskState::Pending if spec.approval && !self.is_approved(ix) => None,
            TaskState::Retrying => Some(not_before.unwrap_or(Timestamp(i64::MIN))),
            TaskState::Pending | TaskState::Deferred | TaskState::Running => not_before,
            _ => None,
        };
        let begun = self.started(ix).is_some()
            || matches!(slot.state, TaskState::Running | TaskState::Awaiting);
        let deadline = spec.deadline.filter(|_| !begun);
        let late = spec.sla.filter(|_| !self.is_late(ix));
        [
            deadline.map(|after| (slot.due.plus(after), Alarm::Deadline, ix)),
            wake.map(|at| (at, Alarm::Wake, ix)),
            late.map(|after| (slot.due.plus(after), Alarm::Late, ix)),
        ]
    }
}

impl Queue {
    /// The earliest instant at which some run is to be looked at.
    pub(super) fn next_alarm(&self) -> Option<Timestamp> {
        self.alarms.first().map(|(at, ..)| *at)
    }
}

impl Scheduler {
    /// Takes a run out of all queues, as it is before a change.
    pub(super) fn leave(&mut self, ix: Ix) {
        if self.book.slot(ix).spec.is_none() {
            return;
        }
        for alarm in self.book.alarms(ix).into_iter().flatten() {
            self.queue.alarms.remove(&alarm);
        }
        let slot = self.book.slot(ix);
        let (state, lane, level) = (slot.state, slot.lane, slot.level);
        match state {
            TaskState::Ready => self.leave_lane(ix, lane, level),
            TaskState::Running => {
                if let Some(turn) = self.book.turn(ix, level) {
                    self.queue.running.remove(&turn);
                }
                self.keys.give_back(lane);
            }
            TaskState::Awaiting => self.keys.give_back(lane),
            TaskState::Deferred => {
                self.queue.deferred.remove(&ix);
            }
            TaskState::Dead => {
                self.queue.dead.remove(&ix);
            }
            _ => {}
        }
    }

    fn leave_lane(&mut self, ix: Ix, lane: u32, level: i32) {
        let turn = self.book.turn(ix, level);
        let lane = self.keys.lanes.get_mut(lane as usize);
        if let (Some(turn), Some(lane)) = (turn, lane) {
            lane.ready.remove(&turn);
        }
        let slot = self.book.slot(ix);
        let priority = slot.spec.as_ref().map_or(0, |spec| spec.priority);
        let since = self.book.since(ix);
        if let Some(at) = rises_at(priority, level, since, self.policy.aging) {
            self.queue.rises.remove(&(at, ix));
        }
    }

    /// Puts a run into the queues that it belongs to, as it is after a change.
    pub(super) fn enter(&mut self, ix: Ix, now: Timestamp) {
        let slot = self.book.slot(ix);
        let Some(spec) = slot.spec.clone() else {
            return;
        };
        let state = slot.state;
        self.queue
            .alarms
            .extend(self.book.alarms(ix).into_iter().flatten());
        match state {
            TaskState::Ready => {
                // Other work is the core's own.
                if matches!(spec.work, Work::Act(_)) {
                    self.lane(ix, &spec);
                    let since = self.book.since(ix);
                    let level = risen(spec.priority, since, now, self.policy.aging);
                    self.enter_lane(ix, &spec, level);
                }
            }
            TaskState::Running => {
                self.lane(ix, &spec);
                if matches!(spec.work, Work::Act(_)) {
                    let level = i32::from(spec.priority);
                    self.book.slot_mut(ix).level = level;
                    self.queue.running.extend(self.book.turn(ix, level));
                }
                self.keys.take(self.book.slot(ix).lane);
            }
            TaskState::Awaiting => {
                self.lane(ix, &spec);
                self.keys.take(self.book.slot(ix).lane);
            }
            TaskState::Deferred => {
                self.queue.deferred.insert(ix);
            }
            TaskState::Dead => {
                self.queue.dead.insert(ix);
            }
            _ => {}
        }
    }

    pub(super) fn lane(&mut self, ix: Ix, spec: &TaskSpec) -> u32 {
        let known = self.book.slot(ix).lane;
        if known != u32::MAX {
            return known;
        }
        let lane = self.keys.lane_of(spec, &self.policy);
        self.book.slot_mut(ix).lane = lane;
        lane
    }

    fn enter_lane(&mut self, ix: Ix, spec: &TaskSpec, level: i32) {
        self.book.slot_mut(ix).level = level;
        let lane = self.book.slot(ix).lane;
        if let Some(lane) = self.keys.lanes.get_mut(lane as usize) {
            lane.ready.extend(self.book.turn(ix, level));
        }
        let since = self.book.since(ix);
        if let Some(at) = rises_at(spec.priority, level, since, self.policy.aging) {
            self.queue.rises.insert((at, ix));
        }
    }

    /// Lets those rise that have waited long enough.
    pub(super) fn rise(&mut self, now: Timestamp) {
        while let Some(&(at, ix)) = self.queue.rises.first()
            && at <= now
        {
            let slot = self.book.slot(ix);
            let (lane, level) = (slot.lane, slot.level);
            let Some(spec) = slot.spec.clone() else {
                self.queue.rises.pop_first();
                continue;
            };
            self.leave_lane(ix, lane, level);
            self.queue.rises.remove(&(at, ix));
            let since = self.book.since(ix);
            let level = risen(spec.priority, since, now, self.policy.aging);
            self.enter_lane(ix, &spec, level);
        }
    }

    /// Takes out the alarms that are due, in an order that does not depend on the arena.
    pub(super) fn due_alarms(&mut self, now: Timestamp) -> Vec<(Alarm, Ix)> {
        let mut due = Vec::new();
        for &(at, alarm, ix) in &self.queue.alarms {
            if at > now {
                break;
            }
            due.push((at, alarm, ix));
        }
        due.sort_unstable_by(|a, b| {
            let id = |ix: Ix| &self.book.slot(ix).id;
            (a.0, a.1, id(a.2)).cmp(&(b.0, b.1, id(b.2)))
        });
        due.into_iter().map(|(_, alarm, ix)| (alarm, ix)).collect()
    }

    /// At most `most` of the runs that [`Self::runnable`] gives.
    #[must_use]
    pub fn first_runnable(&self, now: Timestamp, most: usize) -> Vec<TaskId> {
        let order = self.turns(now, most);
        order.into_iter().map(|ix| self.book.id(ix)).collect()
    }

    fn turns(&self, now: Timestamp, most: usize) -> Vec<Ix> {
        let risen = self.queue.rises.first().is_some_and(|(at, _)| *at <= now);
        let aged: Vec<BTreeSet<Turn>> = if risen {
            let lanes = self.keys.lanes.iter();
            lanes.map(|lane| self.aged(&lane.ready, now)).collect()
        } else {
            Vec::new()
        };
        let mut room = self.keys.rooms(&self.memory.starts, now);
        let lanes = self.keys.lanes.iter().enumerate();
        let mut sources: Vec<(&[u32], std::collections::btree_set::Iter<'_, Turn>)> =
            vec![(&[], self.queue.running.iter())];
        for (place, lane) in lanes {
            let held = lane.protocol.as_ref();
            if held.is_some_and(|key| self.memory.quarantine_of(key, now).is_some()) {
                continue;
            }
            let ready = aged.get(place).unwrap_or(&lane.ready);
            sources.push((&lane.limits, ready.iter()));
        }
        // The lane whose first run comes first of all, again and again.
        let mut heads = BinaryHeap::new();
        for (place, (_, turns)) in sources.iter_mut().enumerate() {
            heads.extend(turns.next().map(|turn| Reverse((turn, place))));
        }
        let mut order = Vec::new();
        while let Some(Reverse((turn, place))) = heads.pop()
            && order.len() < most
        {
            let Some((limits, turns)) = sources.get_mut(place) else {
                continue;
            };
            let has_room = |limit: &u32| room.get(*limit as usize).is_none_or(|room| *room > 0);
            if !limits.iter().all(has_room) {
                // No other one of this lane has room either.
                continue;
            }
            for &limit in *limits {
                if let Some(room) = room.get_mut(limit as usize) {
                    *room -= 1;
                }
            }
            order.push(turn.ix);
            heads.extend(turns.next().map(|turn| Reverse((turn, place))));
        }
        order
    }

    /// The same turns with the priorities of `now`.
    fn aged(&self, ready: &BTreeSet<Turn>, now: Timestamp) -> BTreeSet<Turn> {
        let levels = ready.iter().filter_map(|turn| {
            let priority = self.book.slot(turn.ix).spec.as_ref()?.priority;
            let since = self.book.since(turn.ix);
            let level = risen(priority, since, now, self.policy.aging);
            self.book.turn(turn.ix, level)
        });
        levels.collect()
    }

    /// The next instant at which a rate lets a run start that waits for it.
    pub(super) fn next_free(&self, now: Timestamp) -> Option<Timestamp> {
        let waiting = self.keys.lanes.iter().filter(|lane| !lane.ready.is_empty());
        waiting
            .filter_map(|lane| {
                let limits = lane.limits.iter();
                let limits = limits.filter_map(|limit| self.keys.limits.get(*limit as usize));
                limits
                    .filter_map(|limit| limit.free_at(&self.memory.starts, now))
                    .max()
            })
            .min()
    }

    /// The limits of a run's keys, by key.
    pub(super) fn limits_of(&self, ix: Ix) -> impl Iterator<Item = &super::keys::Limit> {
        let lane = self.keys.lanes.get(self.book.slot(ix).lane as usize);
        let limits = lane.into_iter().flat_map(|lane| &lane.limits);
        limits.filter_map(|limit| self.keys.limits.get(*limit as usize))
    }
}
