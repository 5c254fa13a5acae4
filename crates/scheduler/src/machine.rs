//! All task runs and triggers together, sans I/O.
//!
//! Records come in when the scheduler is made, and each call returns those that changed. Inside, runs
//! are slots with dense indices ([`book`]); what waits is counted down when what it waits for ends
//! ([`settle`]), and what is to be looked at later stands in queues by its moment ([`queue`]): no call
//! looks through all runs.

mod book;
mod change;
mod command;
mod compensation;
mod define;
mod fire;
mod graph;
mod growth;
mod keys;
mod listen;
mod load;
mod making;
mod moment;
mod quarantine;
mod queue;
mod refused;
mod rerun;
mod restraint;
mod run;
mod settle;
mod stuck;
mod why;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;

use airdrops_types::{
    CampaignId, Join, TaskId, TaskRecord, TaskState, Timestamp, TriggerState, Work,
};
use rustc_hash::FxHashMap;

use crate::campaign::{Campaign, CampaignError, TaskDef};
use crate::policy::SchedulerPolicy;
use crate::retry::backoff;
use crate::transition::{TaskEvent, TransitionError, transition};
pub use change::Change;
pub(crate) use graph::{Graph, places};
pub use growth::{Growth, GrowthError};
pub use making::Making;
pub use quarantine::Memory;
pub use refused::Refused;
pub use restraint::waits_from;
pub use why::Why;

use book::{Book, CampaignIx, Ix};
use keys::Keys;
use queue::Queue;
use run::{Known, Run};

/// Most runs that triggers and events make in one call; the rest is made in the next one.
const MAX_RUNS_PER_CALL: usize = 1_000;

/// The scheduler's whole state. It is made of stored records, and each call returns the records
/// to be stored: a scheduler that is made anew from them goes on where the last one stood.
///
/// Runs that ended are known as long as their run of the campaign is open; after that the latest ended
/// run of each campaign, and up to 16 with dead letters.
#[derive(Debug, Clone)]
pub struct Scheduler {
    book: Book,
    /// By place in the book.
    campaigns: Vec<Known>,
    runs: FxHashMap<(CampaignIx, u64), Run>,
    queue: Queue,
    keys: Keys,
    /// When triggers are to be looked at.
    looks: BTreeSet<(Timestamp, CampaignIx)>,
    /// Campaigns that events may fire.
    listeners: BTreeMap<CampaignId, CampaignIx>,
    /// Campaigns whose ends some of them may wait for.
    watched: BTreeSet<CampaignIx>,
    policy: SchedulerPolicy,
    memory: Memory,
    /// The memory that was handed out last.
    told: Memory,
    /// Triggers that the next tick hands out for storage.
    unsaved: BTreeSet<CampaignIx>,
    /// Runs that ended in this call, and those that may be decided by it.
    ended: VecDeque<Ix>,
    undecided: VecDeque<Ix>,
    closed: VecDeque<(CampaignIx, u64)>,
    /// Runs that this call may still make because something happened.
    budget: usize,
    /// Large runs of which only a part is made.
    parts: BTreeMap<(CampaignIx, u64), making::Parts>,
    /// Whether some stored runs may wait for themselves.
    suspect: bool,
    seed: u64,
}

/// The id of run number `run` of task `name`: `campaign/task#run`.
#[must_use]
pub fn task_id(campaign: &CampaignId, name: &str, run: u64) -> TaskId {
    TaskId::new(format!("{campaign}/{name}#{run}"))
}

impl Scheduler {
    /// From the configured campaigns and from what is stored. `tasks` holds at least all runs that
    /// are not final, the other ones of the same runs of campaigns, and those with dead letters, to
    /// replay them. Runs of campaigns that are no longer configured go on. A trigger that has no state, or one of another definition, starts at
    /// `now`; its count of runs is kept.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the campaigns.
    pub fn new(
        campaigns: Vec<Campaign>,
        tasks: impl IntoIterator<Item = TaskRecord>,
        triggers: Vec<TriggerState>,
        seed: u64,
        now: Timestamp,
    ) -> Result<Self, Vec<CampaignError>> {
        let mut scheduler = Self {
            book: Book::default(),
            campaigns: Vec::new(),
            runs: FxHashMap::default(),
            queue: Queue::default(),
            keys: Keys::default(),
            looks: BTreeSet::new(),
            listeners: BTreeMap::new(),
            watched: BTreeSet::new(),
            policy: SchedulerPolicy::default(),
            memory: Memory::default(),
            told: Memory::default(),
            unsaved: BTreeSet::new(),
            ended: VecDeque::new(),
            undecided: VecDeque::new(),
            closed: VecDeque::new(),
            budget: 0,
            parts: BTreeMap::new(),
            suspect: true,
            seed,
        };
        scheduler.configure(campaigns, triggers, now)?;
        scheduler.load(tasks, now);
        Ok(scheduler)
    }

    /// Counts a start against the rates of its keys.
    fn note_start(&mut self, ix: Ix) {
        let Some(started) = self.book.started(ix) else {
            return;
        };
        if let Some(spec) = self.book.slot(ix).spec.clone()
            && !self.policy.rates.is_empty()
        {
            let lane = self.lane(ix, &spec);
            self.keys.start(lane, &mut self.memory.starts, started);
        }
    }

    /// Lets time pass: waiting runs whose moment has come become ready, runs whose dependencies
    /// are final become ready or are skipped, what is late is told, and due triggers fire.
    ///
    /// Fires that were missed run as the campaign's `catch_up` says, unless that is longer ago than its
    /// misfire grace. While as many runs of the campaign are open as may be, a recurring trigger's
    /// fire is skipped, with a note; a trigger that fires only once, and one that catches up all,
    /// waits.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        self.begin();
        self.release(now, &mut changes);
        self.settle(now, &mut changes);
        self.find_stuck(now, &mut changes);
        self.wake(now, &mut changes);
        self.rise(now);
        self.settle(now, &mut changes);
        let mut budget = MAX_RUNS_PER_CALL;
        self.make_next(now, &mut changes);
        self.settle(now, &mut changes);
        while self.fire(now, &mut budget, &mut changes) {
            self.settle(now, &mut changes);
            // What was made may be late, or may wait for nothing, already.
            self.wake(now, &mut changes);
            self.settle(now, &mut changes);
        }
        self.finish(now, &mut changes);
        changes
    }

    /// Deferred runs become ready now, whatever they wait for: what many wait for has changed. Not
    /// those that a stop holds: of them [`Self::restrain`] knows better.
    pub fn look_again(&mut self, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        self.begin();
        let deferred = self.queue.deferred.iter().copied();
        let deferred = deferred.filter(|&ix| self.book.not_before(ix).is_some());
        for ix in self.by_id(deferred.collect()) {
            self.make_ready(ix, "looking again".to_owned(), now, &mut changes);
        }
        self.finish(now, &mut changes);
        changes
    }

    /// Makes one run of `tasks` at once, without a trigger, as the next run of `campaign`: what an
    /// operator starts. `reason` says why they are ready. No tasks, no run.
    #[allow(clippy::needless_pass_by_value)] // They are the run's from now on.
    pub fn start_run(
        &mut self,
        campaign: &CampaignId,
        tasks: Vec<TaskDef>,
        reason: &str,
        now: Timestamp,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        if !tasks.is_empty() {
            self.begin();
            self.make_unchecked(campaign, &tasks, 0, reason, now, &mut changes);
            self.finish(now, &mut changes);
        }
        changes
    }

    /// The runs that something can be done for now. What operators unwind comes first; then runs
    /// that are under way, because their transactions are; then critical ones, then by priority, which
    /// rises by one for each `aging` that a run waits, then by due instant, then by id. Not those
    /// whose keys have no room, or are in quarantine: [`Self::why`] tells.
    #[must_use]
    pub fn runnable(&self, now: Timestamp) -> Vec<TaskId> {
        self.first_runnable(now, usize::MAX)
    }

    /// One run.
    #[must_use]
    pub fn get(&self, task: &TaskId) -> Option<&TaskRecord> {
        Some(self.book.view(self.book.find(task.as_str())?))
    }

    /// All runs that are known, by id. Makes a record of each: to count, ask [`Self::open`].
    pub fn tasks(&self) -> impl Iterator<Item = &TaskRecord> {
        let known = self.by_id(self.book.known().collect());
        known.into_iter().map(|ix| self.book.view(ix))
    }

    /// How many runs are not final.
    #[must_use]
    pub fn open(&self) -> usize {
        self.campaigns
            .iter()
            .zip(0..)
            .flat_map(|(known, place)| known.open.iter().map(move |&run| (place, run)))
            .filter_map(|key| self.runs.get(&key))
            .map(|run| run.open)
            .sum()
    }

    /// The runs that gave up because their attempts are used up, by id: until somebody replays or
    /// cancels them.
    #[must_use]
    pub fn dead(&self) -> Vec<TaskId> {
        let dead = self.by_id(self.queue.dead.iter().copied().collect());
        dead.into_iter().map(|ix| self.book.id(ix)).collect()
    }

    /// The triggers' states, by campaign; also of campaigns that are no longer configured, and of those
    /// that only operators run.
    pub fn triggers(&self) -> impl Iterator<Item = &TriggerState> {
        let states = self.campaigns.iter();
        let mut states: Vec<_> = states.filter_map(|known| known.trigger.as_ref()).collect();
        states.sort_unstable_by(|a, b| a.campaign.cmp(&b.campaign));
        states.into_iter()
    }

    /// Takes an event of one run. The changes may include other runs, which became ready or were
    /// skipped by it.
    ///
    /// # Errors
    ///
    /// When the event is not possible; then nothing has changed.
    pub fn apply(
        &mut self,
        task: &TaskId,
        event: TaskEvent,
        now: Timestamp,
    ) -> Result<Vec<Change>, TransitionError> {
        let Some(ix) = self.book.find(task.as_str()) else {
            return Err(TransitionError::Unknown { task: task.clone() });
        };
        let mut changes = Vec::new();
        self.begin();
        self.take(ix, event, now, &mut changes)?;
        self.finish(now, &mut changes);
        Ok(changes)
    }

    /// When the next tick has something to do; not earlier than `now`. `None`: nothing until an
    /// event comes.
    #[must_use]
    pub fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        let unfinished = !(self.undecided.is_empty()
            && self.memory.raised.is_empty()
            && self.memory.making.is_empty());
        let fires = self.looks.first().map(|(at, _)| *at);
        let released = self.memory.quarantined.values().min().copied();
        [
            unfinished.then_some(now),
            fires,
            self.queue.next_alarm(),
            released,
            self.next_free(now),
        ]
        .into_iter()
        .flatten()
        .min()
        .map(|instant| instant.max(now))
    }

    /// Applies an event to one run.
    fn take(
        &mut self,
        ix: Ix,
        event: TaskEvent,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<(), TransitionError> {
        let record = self.book.record(ix);
        let outcome = match &event {
            TaskEvent::StepDone { .. } => Some(None),
            TaskEvent::StepFailed { class, .. } => Some(Some(*class)),
            _ => None,
        };
        let wait = |attempt| backoff(&record.spec.retry, self.seed, &record.id, attempt);
        let (mut next, reason) = transition(&record, event, now, wait)?;
        if next.state == TaskState::Running {
            next.not_before = next.spec.timeout.map(|timeout| now.plus(timeout));
        }
        let key = keys::protocol_key(&next.spec);
        self.put(ix, next, reason.clone(), now, changes);
        if let (Some(key), Some(outcome)) = (key, outcome) {
            match outcome {
                None => self.count_success(&key),
                Some(class) => self.count_failure(&key, class, &reason, now, changes),
            }
        }
        Ok(())
    }

    /// The one place where a run changes.
    fn put(
        &mut self,
        ix: Ix,
        record: TaskRecord,
        reason: String,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        let slot = self.book.slot(ix);
        let from = slot.spec.is_some().then_some(slot.state);
        let had_started = self.book.started(ix).is_some();
        self.count(ix, false);
        self.leave(ix);
        self.book.write(ix, &record);
        if from.is_none() {
            self.join(ix);
        }
        self.count(ix, true);
        self.enter(ix, now);
        if !had_started && record.started.is_some() {
            self.note_start(ix);
        }
        let was_final = from.is_some_and(TaskState::is_final);
        if record.state.is_final() && !was_final {
            self.ended.push_back(ix);
        }
        let reopened = was_final && !record.state.is_final();
        if record.state == TaskState::Ready && !matches!(record.spec.work, Work::Act(_)) {
            self.undecided.push_back(ix);
        }
        changes.push(Change::Task {
            record,
            from,
            reason,
        });
        if reopened {
            self.reopen(ix, now, changes);
        }
    }

    /// A run that had ended is open again: whoever waits counts anew, and its delay begins anew.
    fn reopen(&mut self, ix: Ix, now: Timestamp, changes: &mut Vec<Change>) {
        let after: Vec<Ix> = self.book.after(ix).map(|(to, _)| to).collect();
        for to in self.by_id(after) {
            self.book.recount(to);
            let slot = self.book.slot(to);
            let any = slot
                .spec
                .as_ref()
                .is_some_and(|spec| spec.join == Join::Any);
            let waits = slot.open_before > 0 && !(any && slot.met);
            if slot.state == TaskState::Pending && waits {
                let before = self.book.record(to);
                let mut record = before.clone();
                record.not_before = None;
                record.reason = Some(self.book.waits(to));
                if record != before {
                    let reason = self.book.waits(to);
                    self.put(to, record, reason, now, changes);
                }
            }
        }
    }

    fn by_id(&self, mut places: Vec<Ix>) -> Vec<Ix> {
        places.sort_unstable_by(|&a, &b| self.book.slot(a).id.cmp(&self.book.slot(b).id));
        places
    }

    /// At the start of each call that changes something.
    fn begin(&mut self) {
        self.budget = MAX_RUNS_PER_CALL;
    }

    /// At the end of each call that changes something: follows up on it, and hands out what else is to
    /// be stored.
    fn finish(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        self.settle(now, changes);
        for place in mem::take(&mut self.unsaved) {
            let known = self.campaigns.get(place as usize);
            if let Some(state) = known.and_then(|known| known.trigger.clone()) {
                changes.push(Change::Trigger { state });
            }
        }
        if self.memory != self.told {
            self.told = self.memory.clone();
            changes.push(Change::Memory(self.memory.clone()));
        }
    }
}
