//! All task runs and triggers together, sans I/O.

mod restraint;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use airdrops_types::{
    Action, CampaignId, Edge, TaskId, TaskRecord, TaskState, Timestamp, TriggerState,
};

use crate::campaign::{Campaign, CampaignDefect, CampaignError, TaskDef, Trigger};
use crate::retry::backoff;
use crate::transition::{TaskEvent, TransitionError, transition};
use crate::trigger::{TriggerError, latest_due, next_fire};
pub use restraint::waits_from;

/// Something to be stored. All changes of one call belong into one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // Short-lived, and nearly all are tasks.
pub enum Change {
    /// A task run was made or changed.
    Task {
        /// As it is now.
        record: TaskRecord,
        /// The state before; `None` when it was made.
        from: Option<TaskState>,
        /// Why.
        reason: String,
    },
    /// A trigger moved on.
    Trigger {
        /// As it is now.
        state: TriggerState,
    },
    /// A trigger fired.
    Fired {
        /// Of which campaign.
        campaign: CampaignId,
        /// For which instant.
        due: Timestamp,
        /// The runs that it made; none if the fire was skipped.
        tasks: Vec<TaskId>,
        /// In words.
        note: String,
    },
}

/// The scheduler's whole state. It is made of stored records, and each call returns the records
/// to be stored: a scheduler that is made anew from them goes on where the last one stood.
#[derive(Debug, Clone)]
pub struct Scheduler {
    campaigns: BTreeMap<CampaignId, Campaign>,
    tasks: BTreeMap<TaskId, TaskRecord>,
    /// Runs that are not final.
    open: BTreeSet<TaskId>,
    triggers: BTreeMap<CampaignId, TriggerState>,
    /// Triggers that the next tick hands out for storage.
    unsaved: BTreeSet<CampaignId>,
    /// The highest run number of each campaign.
    last_run: BTreeMap<CampaignId, u64>,
    seed: u64,
}

/// The id of run number `run` of task `name`: `campaign/task#run`.
#[must_use]
pub fn task_id(campaign: &CampaignId, name: &str, run: u64) -> TaskId {
    TaskId::new(format!("{campaign}/{name}#{run}"))
}

impl Scheduler {
    /// From the configured campaigns and from what is stored. `tasks` holds at least all runs that
    /// are not final and the runs that these come after. Runs of campaigns that are no longer
    /// configured go on. A trigger that has no state, or one of another definition, starts at
    /// `now`; its count of runs is kept.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the campaigns.
    pub fn new(
        campaigns: Vec<Campaign>,
        tasks: Vec<TaskRecord>,
        triggers: Vec<TriggerState>,
        seed: u64,
        now: Timestamp,
    ) -> Result<Self, Vec<CampaignError>> {
        let mut errors = Vec::new();
        let mut names = BTreeSet::new();
        for campaign in &campaigns {
            errors.extend(campaign.validate().err().into_iter().flatten());
            if !names.insert(&campaign.id) {
                errors.push(CampaignError {
                    campaign: campaign.id.clone(),
                    defect: CampaignDefect::DuplicateCampaign,
                });
            }
        }
        let mut triggers: BTreeMap<_, _> = triggers
            .into_iter()
            .map(|state| (state.campaign.clone(), state))
            .collect();
        let mut unsaved = BTreeSet::new();
        for campaign in &campaigns {
            let definition = campaign.trigger.definition();
            let stored = triggers.get(&campaign.id);
            if stored.is_some_and(|state| state.definition == definition) {
                continue;
            }
            let runs = stored.map_or(0, |state| state.runs);
            match first_fire(&campaign.trigger, now) {
                Ok(next) => {
                    let state = TriggerState {
                        campaign: campaign.id.clone(),
                        next,
                        runs,
                        definition,
                        first_seen: now,
                        paused: stored.and_then(|state| state.paused.clone()),
                    };
                    triggers.insert(campaign.id.clone(), state);
                    unsaved.insert(campaign.id.clone());
                }
                // Reported by the validation.
                Err(_) if !errors.is_empty() => {}
                Err(error) => errors.push(CampaignError {
                    campaign: campaign.id.clone(),
                    defect: error.into(),
                }),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut last_run: BTreeMap<CampaignId, u64> = BTreeMap::new();
        for task in &tasks {
            let last = last_run.entry(task.campaign.clone()).or_default();
            *last = task.run.max(*last);
        }
        Ok(Self {
            campaigns: campaigns.into_iter().map(|c| (c.id.clone(), c)).collect(),
            open: tasks
                .iter()
                .filter(|task| !task.state.is_final())
                .map(|task| task.id.clone())
                .collect(),
            tasks: tasks.into_iter().map(|t| (t.id.clone(), t)).collect(),
            triggers,
            unsaved,
            last_run,
            seed,
        })
    }

    /// Lets time pass: waiting runs whose moment has come become ready, runs whose dependencies
    /// are final become ready or cancelled, and due triggers fire.
    ///
    /// Fires that were missed run once, for the latest instant, unless that is longer ago than the
    /// campaign's misfire grace. While a run of the campaign is not final, a recurring trigger's
    /// fire is skipped, with a note; a trigger that fires only once waits.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        self.wake(now, &mut changes);
        self.settle(now, &mut changes);
        self.fire(now, &mut changes);
        for campaign in std::mem::take(&mut self.unsaved) {
            if let Some(state) = self.triggers.get(&campaign) {
                let state = state.clone();
                changes.push(Change::Trigger { state });
            }
        }
        changes
    }

    /// Deferred runs become ready now, whatever they wait for: what many wait for has changed. Not
    /// those that a stop holds: of them [`Self::restrain`] knows better.
    pub fn look_again(&mut self, now: Timestamp) -> Vec<Change> {
        let deferred: Vec<TaskId> = self
            .open_tasks()
            .filter(|task| task.state == TaskState::Deferred && !task.is_held())
            .map(|task| task.id.clone())
            .collect();
        for id in deferred {
            if let Some(task) = self.tasks.get_mut(&id) {
                task.not_before = Some(now);
            }
        }
        let mut changes = Vec::new();
        self.wake(now, &mut changes);
        changes
    }

    /// Makes one run of `tasks` at once, without a trigger, as the next run of `campaign`: what an
    /// operator starts. `reason` says why they are ready. No tasks, no run.
    pub fn start_run(
        &mut self,
        campaign: &CampaignId,
        tasks: Vec<TaskDef>,
        reason: &str,
        now: Timestamp,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        if tasks.is_empty() {
            return changes;
        }
        let run = self.last_run.get(campaign).copied().unwrap_or(0);
        let run = run.saturating_add(1);
        self.last_run.insert(campaign.clone(), run);
        let run_of = Campaign::new(campaign.clone(), Trigger::Once, tasks);
        for mut record in new_run(&run_of, run, now) {
            if record.state == TaskState::Ready {
                record.reason = Some(reason.to_owned());
            }
            let reason = record.reason.clone().unwrap_or_default();
            self.put(record, reason, &mut changes);
        }
        changes
    }

    /// The runs that something can be done for now. What operators unwind comes first; then runs
    /// that are under way, because their transactions are; then critical ones, then by due instant,
    /// then by id.
    #[must_use]
    pub fn runnable(&self) -> Vec<TaskId> {
        let mut runnable: Vec<&TaskRecord> = self
            .open_tasks()
            .filter(|task| matches!(task.state, TaskState::Ready | TaskState::Running))
            .collect();
        runnable.sort_by_key(|task| {
            let assignment = task.assignment();
            let unwinds = assignment.is_some_and(|act| act.action == Action::Unwind);
            let running = task.state == TaskState::Running;
            (
                Reverse(unwinds),
                Reverse(running),
                Reverse(task.spec.critical),
                task.due,
                &task.id,
            )
        });
        runnable.into_iter().map(|task| task.id.clone()).collect()
    }

    /// One run.
    #[must_use]
    pub fn get(&self, task: &TaskId) -> Option<&TaskRecord> {
        self.tasks.get(task)
    }

    /// All runs that are known, by id.
    pub fn tasks(&self) -> impl Iterator<Item = &TaskRecord> {
        self.tasks.values()
    }

    /// The triggers' states, by campaign; also of campaigns that are no longer configured.
    pub fn triggers(&self) -> impl Iterator<Item = &TriggerState> {
        self.triggers.values()
    }

    /// Takes an event of one run. The changes may include other runs, which became ready or were
    /// cancelled by it.
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
        let Some(record) = self.tasks.get(task) else {
            return Err(TransitionError::Unknown { task: task.clone() });
        };
        let wait = |attempt| backoff(&record.spec.retry, self.seed, &record.id, attempt);
        let (next, reason) = transition(record, event, now, wait)?;
        let mut changes = Vec::new();
        let settled = next.state.is_final();
        self.put(next, reason, &mut changes);
        if settled {
            self.settle(now, &mut changes);
        }
        Ok(changes)
    }

    /// When the next tick has something to do; not earlier than `now`. `None`: nothing until an
    /// event comes.
    #[must_use]
    pub fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        let busy = self.busy();
        let fires = self.campaigns.values().filter_map(|campaign| {
            let waits = campaign.trigger.is_one_shot() && busy.contains_key(&campaign.id);
            let next = self.triggers.get(&campaign.id)?.next?;
            (next > now || !waits).then_some(next)
        });
        let waits = self.open_tasks().filter_map(|task| match task.state {
            TaskState::Deferred => task.not_before,
            TaskState::Retrying => Some(task.not_before.unwrap_or(now)),
            _ => None,
        });
        fires.chain(waits).min().map(|instant| instant.max(now))
    }

    fn open_tasks(&self) -> impl Iterator<Item = &TaskRecord> {
        self.open.iter().filter_map(|id| self.tasks.get(id))
    }

    /// Campaigns with a run that is not final, and the number of the latest such run.
    fn busy(&self) -> BTreeMap<CampaignId, u64> {
        let mut busy = BTreeMap::new();
        for task in self.open_tasks() {
            let run = busy.entry(task.campaign.clone()).or_default();
            *run = task.run.max(*run);
        }
        busy
    }

    fn put(&mut self, record: TaskRecord, reason: String, changes: &mut Vec<Change>) {
        if record.state.is_final() {
            self.open.remove(&record.id);
        } else {
            self.open.insert(record.id.clone());
        }
        let before = self.tasks.insert(record.id.clone(), record.clone());
        changes.push(Change::Task {
            record,
            from: before.map(|task| task.state),
            reason,
        });
    }

    /// Deferred and retrying runs whose moment has come.
    fn wake(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        let due: Vec<TaskRecord> = self
            .open_tasks()
            .filter(|task| matches!(task.state, TaskState::Deferred | TaskState::Retrying))
            .filter(|task| !task.is_held() && task.not_before.is_none_or(|moment| moment <= now))
            .cloned()
            .collect();
        for task in due {
            let reason = match task.state {
                TaskState::Retrying => format!("attempt {} may start", task.attempts + 1),
                _ => "looking again".to_owned(),
            };
            self.make_ready(task, reason, changes);
        }
    }

    fn make_ready(&mut self, mut task: TaskRecord, reason: String, changes: &mut Vec<Change>) {
        task.state = TaskState::Ready;
        task.not_before = None;
        task.reason = Some(reason.clone());
        self.put(task, reason, changes);
    }

    /// Pending runs whose dependencies are decided. A cancellation may decide others.
    fn settle(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        loop {
            let mut decided = Vec::new();
            for task in self.open_tasks().filter(|t| t.state == TaskState::Pending) {
                let mut waiting = false;
                let mut obstacle = None;
                for before in &task.after {
                    match self.tasks.get(&before.task).map(|task| task.state) {
                        Some(state) => match state.ending() {
                            Some(ending) if before.on.holds(ending) => {}
                            Some(_) => obstacle = Some(format!("{} {state}", before.task)),
                            None => waiting = true,
                        },
                        None => obstacle = Some(format!("{} is not stored", before.task)),
                    }
                }
                let mut task = task.clone();
                let reason = match obstacle {
                    Some(obstacle) => {
                        task.state = TaskState::Skipped;
                        task.ended = Some(now);
                        format!("cannot run: {obstacle}")
                    }
                    None if waiting => continue,
                    None => {
                        task.state = TaskState::Ready;
                        "all tasks before it ended as it needs".to_owned()
                    }
                };
                task.reason = Some(reason.clone());
                decided.push((task, reason));
            }
            let cancelled = decided.iter().any(|(task, _)| task.state.is_final());
            for (task, reason) in decided {
                self.put(task, reason, changes);
            }
            if !cancelled {
                return;
            }
        }
    }

    fn fire(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        let busy = self.busy();
        let due: Vec<(CampaignId, Timestamp)> = self
            .campaigns
            .values()
            .filter(|c| !(c.trigger.is_one_shot() && busy.contains_key(&c.id)))
            .filter_map(|c| Some((c.id.clone(), self.triggers.get(&c.id)?.next?)))
            .filter(|(_, next)| *next <= now)
            .collect();
        for (id, next) in due {
            self.fire_one(&id, next, busy.get(&id).copied(), now, changes);
        }
    }

    fn fire_one(
        &mut self,
        id: &CampaignId,
        next: Timestamp,
        open_run: Option<u64>,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        let (Some(campaign), Some(state)) = (self.campaigns.get(id), self.triggers.get_mut(id))
        else {
            return;
        };
        self.unsaved.insert(id.clone());
        let advanced = latest_due(&campaign.trigger, next, now)
            .and_then(|due| Ok((due, next_fire(&campaign.trigger, due, next)?)));
        let (due, upcoming) = match advanced {
            Ok(instants) => instants,
            // Cannot be: the trigger was validated. A trigger that cannot be read stops, visibly.
            Err(error) => {
                state.next = None;
                changes.push(Change::Fired {
                    campaign: id.clone(),
                    due: next,
                    tasks: Vec::new(),
                    note: format!("the trigger has stopped: {error}"),
                });
                return;
            }
        };
        state.next = upcoming;
        let late = now.since(due);
        let skipped = match (open_run, campaign.misfire_grace) {
            (Some(run), _) => Some(format!("skipped: run {run} has not ended")),
            (None, Some(grace)) if late > grace => Some(format!(
                "skipped: seen {} s late, misfire grace is {} s",
                late.as_secs(),
                grace.as_secs()
            )),
            _ => None,
        };
        let mut records = Vec::new();
        let note = skipped.unwrap_or_else(|| {
            let run = state
                .runs
                .max(self.last_run.get(id).copied().unwrap_or(0))
                .saturating_add(1);
            state.runs = run;
            self.last_run.insert(id.clone(), run);
            records = new_run(campaign, run, due);
            let mut note = format!("run {run}");
            if late.as_secs() > 0 {
                note.push_str(&format!(", {} s late", late.as_secs()));
            }
            if due > next {
                note.push_str(&format!(", for all fires since {next}"));
            }
            note
        });
        changes.push(Change::Fired {
            campaign: id.clone(),
            due,
            tasks: records.iter().map(|task| task.id.clone()).collect(),
            note,
        });
        for record in records {
            let reason = record.reason.clone().unwrap_or_default();
            self.put(record, reason, changes);
        }
    }
}

/// The first instant of a trigger that is seen for the first time at `now`. A date that has passed
/// is not lost: whether it is too late is for the misfire grace to say.
fn first_fire(trigger: &Trigger, now: Timestamp) -> Result<Option<Timestamp>, TriggerError> {
    match trigger {
        Trigger::Date { at } => Ok(Some(*at)),
        _ => next_fire(trigger, Timestamp(now.0.saturating_sub(1)), now),
    }
}

fn new_run(campaign: &Campaign, run: u64, due: Timestamp) -> Vec<TaskRecord> {
    campaign
        .tasks
        .iter()
        .map(|task| {
            let (state, reason) = if task.after.is_empty() {
                (TaskState::Ready, "due".to_owned())
            } else {
                let names: Vec<&str> = task.after.iter().map(|edge| edge.task.as_str()).collect();
                let reason = format!("waits for {}", names.join(", "));
                (TaskState::Pending, reason)
            };
            let spec = Arc::clone(&task.spec);
            let edges = task.after.iter().map(|edge| Edge {
                task: task_id(&campaign.id, &edge.task, run),
                on: edge.on,
            });
            TaskRecord {
                after: edges.collect(),
                ready_since: (state == TaskState::Ready).then_some(due),
                state,
                reason: Some(reason),
                ..TaskRecord::new(&campaign.id, &task.name, run, spec, due)
            }
        })
        .collect()
}
