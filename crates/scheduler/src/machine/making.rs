//! How runs are made: small ones at once, large ones in parts over several ticks, so that no call hands
//! out more than can be stored in one go.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use airdrops_types::{CampaignId, Edge, TaskId, TaskRecord, TaskState, Timestamp};
use rustc_hash::FxHasher;
use serde::{Deserialize, Serialize};

use super::book::{CampaignIx, Ix};
use super::fire::fired;
use super::graph::{Graph, places};
use super::run::Compiled;
use super::{Change, Scheduler, task_id};
use crate::campaign::TaskDef;

/// Most tasks of one run that one call makes.
const PART: usize = 50_000;

/// A run that is being made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Making {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Its number.
    pub run: u64,
    /// The version of the definition.
    pub version: u32,
    /// For which instant.
    pub due: Timestamp,
    /// The task whose work it is.
    pub parent: Option<TaskId>,
    /// Why its first tasks are ready.
    pub reason: String,
    /// How many tasks are made.
    pub made: usize,
    /// A hash of the names and edges: another definition cannot go on with it.
    pub definition: u64,
}

/// What the next part needs, made anew after a restart.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    definition: Arc<Compiled>,
    /// Places in the definition, each after those that it waits for.
    order: Vec<u32>,
    /// The run's tasks by place in the definition.
    tasks: Vec<Option<Ix>>,
}

fn hash(definition: &Compiled) -> u64 {
    let mut hasher = FxHasher::default();
    for (place, task) in (0..).zip(&definition.campaign.tasks) {
        task.name.hash(&mut hasher);
        for (before, on) in definition.graph.before(place) {
            (before, on).hash(&mut hasher);
        }
    }
    hasher.finish()
}

impl Scheduler {
    /// Makes a run, or its first part. Returns the tasks that were made.
    pub(super) fn begin_run(
        &mut self,
        definition: &Arc<Compiled>,
        mut begin: Making,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Vec<TaskId> {
        let (campaign, _) = self.known(&begin.campaign);
        let count = definition.campaign.tasks.len();
        if count <= PART {
            return self.make_all(
                &definition.campaign.tasks,
                &definition.graph,
                &begin,
                now,
                changes,
            );
        }
        begin.definition = hash(definition);
        self.book.reserve(count);
        let parts = Parts {
            definition: Arc::clone(definition),
            order: definition.graph.order(),
            tasks: vec![None; count],
        };
        let key = (campaign, begin.run);
        self.parts.insert(key, parts);
        self.memory.making.push(begin);
        self.make_part(key, now, changes)
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
        let new = Making {
            campaign: campaign.clone(),
            run,
            version,
            due: now,
            parent: None,
            reason: reason.to_owned(),
            made: 0,
            definition: 0,
        };
        self.make_all(tasks, &graph, &new, now, changes);
        run
    }

    fn make_all(
        &mut self,
        tasks: &[TaskDef],
        graph: &Graph,
        new: &Making,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Vec<TaskId> {
        let name = |task: &TaskDef| task_id(&new.campaign, &task.name, new.run);
        let all: Vec<Ix> = tasks
            .iter()
            .map(|task| self.book.intern(name(task).as_str()))
            .collect();
        let mut made = Vec::with_capacity(all.len());
        for (place, (task, &ix)) in (0..).zip(tasks.iter().zip(&all)) {
            let edges = graph.before(place).iter();
            let edges = edges.filter_map(|(before, on)| Some((*all.get(*before as usize)?, *on)));
            self.book.link(ix, edges.collect::<Vec<_>>().into_iter());
            // Those before it may not be made yet, but none of them has ended.
            let slot = self.book.slot_mut(ix);
            slot.open_before = u32::try_from(slot.before.len()).unwrap_or(u32::MAX);
            made.push(self.make(ix, task, new, now, changes));
        }
        made
    }

    /// The record of one task, whose edges are known.
    fn make(
        &mut self,
        ix: Ix,
        task: &TaskDef,
        new: &Making,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> TaskId {
        let spec = Arc::clone(&task.spec);
        let mut record = TaskRecord {
            version: new.version,
            parent: new.parent.clone(),
            ..TaskRecord::new(&new.campaign, &task.name, new.run, spec, new.due)
        };
        let before = &self.book.slot(ix).before;
        if before.is_empty() {
            self.gate(&mut record, new.due, now, &new.reason);
        } else {
            record.state = TaskState::Pending;
            record.ready_since = None;
            record.reason = Some(self.book.waits(ix));
            let edges = before.iter().map(|&(ix, on)| Edge {
                task: self.book.id(ix),
                on,
            });
            record.after = edges.collect();
        }
        let id = record.id.clone();
        let reason = record.reason.clone().unwrap_or_default();
        self.put(ix, record, reason, now, changes);
        id
    }

    /// The next part of one large run.
    pub(super) fn make_next(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        let Some(next) = self.memory.making.first() else {
            return;
        };
        let (id, run) = (next.campaign.clone(), next.run);
        let (campaign, _) = self.known(&id);
        let key = (campaign, run);
        if !self.parts.contains_key(&key) && !self.find_parts(key) {
            self.stop_making(key);
            let note = format!(
                "the rest of run {run} is not made: its definition is not the one that it began with"
            );
            changes.push(fired(&id, now, Vec::new(), note));
            return;
        }
        self.make_part(key, now, changes);
    }

    /// After a restart: the same definition, and the tasks that are made.
    fn find_parts(&mut self, key: (CampaignIx, u64)) -> bool {
        let known = self.campaigns.get(key.0 as usize);
        let Some(definition) = known.and_then(|known| known.definition.clone()) else {
            return false;
        };
        let stored = self
            .memory
            .making
            .iter()
            .find(|making| self.is_of(making, key));
        if stored.is_none_or(|making| making.definition != hash(&definition)) {
            return false;
        }
        let campaign = &definition.campaign;
        let find = |task: &TaskDef| {
            self.book
                .find(task_id(&campaign.id, &task.name, key.1).as_str())
        };
        let parts = Parts {
            order: definition.graph.order(),
            tasks: campaign.tasks.iter().map(find).collect(),
            definition,
        };
        self.parts.insert(key, parts);
        true
    }

    fn make_part(
        &mut self,
        key: (CampaignIx, u64),
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Vec<TaskId> {
        let place = self
            .memory
            .making
            .iter()
            .position(|making| self.is_of(making, key));
        let (Some(mut parts), Some(place)) = (self.parts.remove(&key), place) else {
            return Vec::new();
        };
        let mut making = self.memory.making[place].clone();
        let until = making.made.saturating_add(PART).min(parts.order.len());
        let definition = Arc::clone(&parts.definition);
        let count = until.saturating_sub(making.made);
        let mut made = Vec::with_capacity(count);
        changes.reserve(count);
        for &place in parts.order.get(making.made..until).unwrap_or_default() {
            let Some(task) = definition.campaign.tasks.get(place as usize) else {
                continue;
            };
            let id = task_id(&making.campaign, &task.name, making.run);
            let ix = self.book.intern(id.as_str());
            let edges = definition.graph.before(place).iter();
            let edges = edges
                .filter_map(|(before, on)| Some(((*parts.tasks.get(*before as usize)?)?, *on)));
            self.book.link(ix, edges.collect::<Vec<_>>().into_iter());
            self.book.recount(ix);
            if let Some(known) = parts.tasks.get_mut(place as usize) {
                *known = Some(ix);
            }
            made.push(self.make(ix, task, &making, now, changes));
            // What is before it may have ended already.
            self.undecided.push_back(ix);
        }
        making.made = until;
        if until < parts.order.len() {
            self.memory.making[place] = making;
            self.parts.insert(key, parts);
        } else {
            self.stop_making(key);
        }
        made
    }

    fn is_of(&self, making: &Making, key: (CampaignIx, u64)) -> bool {
        let campaign = self.book.campaigns.get(key.0 as usize);
        making.run == key.1 && campaign == Some(&making.campaign)
    }

    /// Whether a run has tasks that are not made yet.
    pub(super) fn is_being_made(&self, key: (CampaignIx, u64)) -> bool {
        self.memory
            .making
            .iter()
            .any(|making| self.is_of(making, key))
    }

    /// Makes no more of a run.
    pub(super) fn stop_making(&mut self, key: (CampaignIx, u64)) {
        let making = std::mem::take(&mut self.memory.making);
        self.memory.making = making
            .into_iter()
            .filter(|making| !self.is_of(making, key))
            .collect();
        self.parts.remove(&key);
        self.closed.push_back(key);
    }

    /// Runs that are being made are open, though all that is made may have ended.
    pub(super) fn keep_open(&mut self) {
        let making = self.memory.making.iter();
        let runs: Vec<_> = making.map(|m| (m.campaign.clone(), m.run)).collect();
        for (campaign, run) in runs {
            let (place, known) = self.known(&campaign);
            known.ended.remove(&run);
            known.open.insert(run);
            self.plan_look(place);
        }
    }
}
