//! Runs of campaigns: how they are made, how they end, and which of them are still known.

use std::collections::BTreeSet;
use std::sync::Arc;

use airdrops_types::{CampaignId, Ending, TaskId, TaskRecord, TaskState, Timestamp, TriggerState};

use super::book::{CampaignIx, Ix};
use super::graph::{Graph, places};
use super::{Change, Scheduler, task_id};
use crate::campaign::{Campaign, TaskDef};
use crate::event::Happening;

/// Most ended runs of one campaign that are known because they have dead letters.
const MAX_DEAD_RUNS: usize = 16;

/// A definition with its graph.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    pub(super) campaign: Campaign,
    pub(super) graph: Graph,
}

impl Compiled {
    pub(super) fn of(campaign: Campaign) -> Self {
        let graph = Graph::of(&campaign.tasks, &places(&campaign.tasks));
        Self { campaign, graph }
    }
}

/// What is known of one campaign, whether it is configured or not.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub(super) definition: Option<Arc<Compiled>>,
    pub(super) version: u32,
    pub(super) trigger: Option<TriggerState>,
    pub(super) last_run: u64,
    /// Runs that have not ended.
    pub(super) open: BTreeSet<u64>,
    /// Ended runs that are known.
    pub(super) ended: BTreeSet<u64>,
    /// When its trigger is to be looked at.
    pub(super) looks_at: Option<Timestamp>,
}

/// One run of a campaign.
#[derive(Debug, Clone, Default)]
pub(super) struct Run {
    pub(super) tasks: Vec<Ix>,
    /// Tasks that have not ended.
    pub(super) open: usize,
    /// Tasks that failed or are dead.
    pub(super) failed: usize,
    dead: usize,
    /// Skipped and cancelled ones.
    skipped: usize,
    parent: Option<TaskId>,
    /// Whether an edge leads to another run or comes from one.
    crossed: bool,
}

/// What a new run is made of.
pub(super) struct NewRun<'a> {
    pub(super) campaign: &'a CampaignId,
    pub(super) tasks: &'a [TaskDef],
    pub(super) graph: &'a Graph,
    pub(super) version: u32,
    pub(super) run: u64,
    pub(super) due: Timestamp,
    pub(super) parent: Option<&'a TaskId>,
    /// Why the first ones are ready.
    pub(super) reason: &'a str,
}

impl Scheduler {
    pub(super) fn known(&mut self, campaign: &CampaignId) -> (CampaignIx, &mut Known) {
        let place = self.book.campaign(campaign);
        let length = self.book.campaigns.len();
        if self.campaigns.len() < length {
            self.campaigns.resize_with(length, Known::default);
        }
        (place, &mut self.campaigns[place as usize])
    }

    pub(super) fn find(&self, campaign: &CampaignId) -> Option<(CampaignIx, &Known)> {
        let place = self.book.find_campaign(campaign)?;
        Some((place, self.campaigns.get(place as usize)?))
    }

    /// The number of a campaign's next run, which is counted from now on. The count is stored with the
    /// trigger's state, for campaigns without a trigger of their own, too.
    pub(super) fn next_run(&mut self, campaign: &CampaignId, now: Timestamp) -> u64 {
        let (place, known) = self.known(campaign);
        let stored = known.trigger.as_ref().map_or(0, |state| state.runs);
        let run = stored.max(known.last_run).saturating_add(1);
        known.last_run = run;
        let state = known.trigger.get_or_insert_with(|| TriggerState {
            campaign: campaign.clone(),
            next: None,
            runs: 0,
            definition: String::new(),
            first_seen: now,
            paused: None,
        });
        state.runs = run;
        self.unsaved.insert(place);
        run
    }

    /// Makes the records of a run. What is the core's own work is done when it is settled.
    pub(super) fn make_run(
        &mut self,
        new: &NewRun<'_>,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Vec<TaskId> {
        let (campaign, _) = self.known(new.campaign);
        self.book.reserve(new.tasks.len());
        self.runs.entry((campaign, new.run)).or_default().tasks =
            Vec::with_capacity(new.tasks.len());
        changes.reserve(new.tasks.len());
        let ids = new.tasks.iter();
        let places: Vec<Ix> = ids
            .map(|task| {
                self.book
                    .intern(task_id(new.campaign, &task.name, new.run).as_str())
            })
            .collect();
        let mut made = Vec::with_capacity(places.len());
        for (place, (task, &ix)) in (0..).zip(new.tasks.iter().zip(&places)) {
            let edges = new.graph.before(place).iter();
            let edges =
                edges.filter_map(|(before, on)| Some((*places.get(*before as usize)?, *on)));
            self.book.link(ix, edges.collect::<Vec<_>>().into_iter());
            let mut record = TaskRecord {
                version: new.version,
                parent: new.parent.cloned(),
                ..TaskRecord::new(
                    new.campaign,
                    &task.name,
                    new.run,
                    Arc::clone(&task.spec),
                    new.due,
                )
            };
            let slot = self.book.slot_mut(ix);
            slot.open_before = u32::try_from(slot.before.len()).unwrap_or(u32::MAX);
            if slot.before.is_empty() {
                self.gate(&mut record, new.due, now, new.reason);
            } else {
                record.state = TaskState::Pending;
                record.ready_since = None;
                record.reason = Some(self.book.waits(ix));
            }
            record.after = self
                .book
                .slot(ix)
                .before
                .iter()
                .map(|&(ix, on)| {
                    let task = self.book.id(ix);
                    airdrops_types::Edge { task, on }
                })
                .collect();
            made.push(record.id.clone());
            let reason = record.reason.clone().unwrap_or_default();
            self.put(ix, record, reason, now, changes);
        }
        made
    }

    /// Makes a run of `tasks` that nobody checked: whoever waits for itself is found in the next tick.
    pub(super) fn make_unchecked(
        &mut self,
        campaign: &CampaignId,
        tasks: &[TaskDef],
        version: u32,
        reason: &str,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> u64 {
        let run = self.next_run(campaign, now);
        let graph = Graph::of(tasks, &places(tasks));
        self.suspect |= !graph.is_acyclic();
        let new = NewRun {
            campaign,
            tasks,
            graph: &graph,
            version,
            run,
            due: now,
            parent: None,
            reason,
        };
        self.make_run(&new, now, changes);
        run
    }

    /// Counts a run's task in, or, before it changes, out.
    pub(super) fn count(&mut self, ix: Ix, joins: bool) {
        let slot = self.book.slot(ix);
        if slot.spec.is_none() {
            return;
        }
        let (key, state) = ((slot.campaign, slot.run), slot.state);
        let parent = self.book.parent(ix).cloned();
        let run = self.runs.entry(key).or_default();
        let count = |of: &mut usize| {
            *of = if joins {
                of.saturating_add(1)
            } else {
                of.saturating_sub(1)
            };
        };
        match state.ending() {
            None => count(&mut run.open),
            Some(Ending::Failure) => {
                count(&mut run.failed);
                if state == TaskState::Dead {
                    count(&mut run.dead);
                }
            }
            Some(Ending::Skip) => count(&mut run.skipped),
            Some(Ending::Success) => {}
        }
        if joins {
            run.parent = run.parent.take().or(parent);
            let open = run.open;
            let Some(known) = self.campaigns.get_mut(key.0 as usize) else {
                return;
            };
            known.last_run = known.last_run.max(key.1);
            if open > 0 {
                known.ended.remove(&key.1);
                if known.open.insert(key.1) {
                    self.plan_look(key.0);
                }
            } else {
                self.closed.push_back(key);
            }
        }
    }

    /// Makes a run's place in it known.
    pub(super) fn join(&mut self, ix: Ix) {
        let slot = self.book.slot(ix);
        let key = (slot.campaign, slot.run);
        let crossed = slot.before.iter().any(|&(before, _)| {
            let before = self.book.slot(before);
            before.spec.is_some() && (before.campaign, before.run) != key
        });
        self.runs.entry(key).or_default().tasks.push(ix);
        if crossed {
            let slot = self.book.slot(ix);
            let keys: Vec<_> = slot
                .before
                .iter()
                .map(|&(before, _)| self.book.slot(before))
                .filter(|before| before.spec.is_some())
                .map(|before| (before.campaign, before.run))
                .chain([key])
                .collect();
            for key in keys {
                self.runs.entry(key).or_default().crossed = true;
            }
        }
    }

    /// A run whose last task ended.
    pub(super) fn close(
        &mut self,
        key: (CampaignIx, u64),
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        let Some(run) = self.runs.get(&key).filter(|run| run.open == 0) else {
            return;
        };
        let (failed, all, skipped) = (run.failed, run.tasks.len(), run.skipped);
        let parent = run.parent.clone();
        let Some(known) = self.campaigns.get_mut(key.0 as usize) else {
            return;
        };
        let news = known.open.remove(&key.1);
        known.ended.insert(key.1);
        if news {
            self.plan_look(key.0);
            let ending = match (failed, skipped) {
                (0, skipped) if skipped == all => Ending::Skip,
                (0, _) => Ending::Success,
                _ => Ending::Failure,
            };
            let what = Happening::Ended {
                campaign: self.book.campaigns[key.0 as usize].clone(),
                task: None,
                run: key.1,
                ending,
            };
            self.raise(what, now);
            if let Some(parent) = parent {
                self.end_parent(&parent, key, failed, now, changes);
            }
        }
        self.forget(key.0);
    }

    /// Forgets ended runs but the last one and those with dead letters.
    pub(super) fn forget(&mut self, campaign: CampaignIx) {
        let Some(known) = self.campaigns.get(campaign as usize) else {
            return;
        };
        let mut dead = 0;
        let mut forgotten = Vec::new();
        for (place, &run) in known.ended.iter().rev().enumerate() {
            let Some(of) = self.runs.get(&(campaign, run)) else {
                continue;
            };
            let kept = place == 0 || of.crossed || (of.dead > 0 && dead < MAX_DEAD_RUNS);
            if place > 0 && of.dead > 0 {
                dead += 1;
            }
            if !kept {
                forgotten.push(run);
            }
        }
        for run in forgotten {
            if let Some(known) = self.campaigns.get_mut(campaign as usize) {
                known.ended.remove(&run);
            }
            for ix in self.runs.remove(&(campaign, run)).unwrap_or_default().tasks {
                self.leave(ix);
                self.book.forget(ix);
            }
        }
    }
}
