//! Graphs that grow while they run.

use std::sync::Arc;

use airdrops_types::{
    Action, CampaignId, Conditions, Edge, TaskId, TaskRecord, TaskState, Timestamp, Work,
};
use rustc_hash::{FxHashMap, FxHashSet};
use thiserror::Error;

use super::book::{CampaignIx, Ix};
use super::define::way_back;
use super::{Change, Scheduler, task_id};
use crate::campaign::{TaskDef, is_ambiguous};

/// Tasks and edges that are added to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growth {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which of its open runs.
    pub run: u64,
    /// New tasks; they may come after each other and after those that are there.
    pub tasks: Vec<TaskDef>,
    /// New edges (from, to, how `from` must end), by name: `to` comes after `from`. `to` is a new task,
    /// or one that is pending.
    pub edges: Vec<(String, String, Conditions)>,
}

/// Why a run does not grow so. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GrowthError {
    /// There is no such run, or it has ended.
    #[error("there is no open run {run} of {campaign}")]
    NoRun {
        /// The campaign.
        campaign: CampaignId,
        /// The run.
        run: u64,
    },
    /// The run is large, and not all of it is made yet.
    #[error("run {run} of {campaign} is still being made: try again later")]
    BeingMade {
        /// The campaign.
        campaign: CampaignId,
        /// The run.
        run: u64,
    },
    /// A name that would make the id `campaign/task#run` ambiguous.
    #[error("the name {name:?} is empty or has a `/`, a `#` or a control character in it")]
    Name {
        /// The name.
        name: String,
    },
    /// The run has a task of that name.
    #[error("there are two tasks named {task}")]
    Duplicate {
        /// The name.
        task: String,
    },
    /// An edge from or to a task that does not exist.
    #[error("there is no task {task} in the run")]
    UnknownTask {
        /// The name.
        task: String,
    },
    /// A task that is not pending cannot come to wait.
    #[error("{task} is {state}: only a pending task can come to wait for another one")]
    NotPending {
        /// The run.
        task: TaskId,
        /// Its state.
        state: TaskState,
    },
    /// Tasks would wait for each other.
    #[error("tasks would wait for each other: {}", .path.join(" → "))]
    Cycle {
        /// Each waits for the next one; the last is the first again.
        path: Vec<String>,
    },
    /// A task that only an operator may start.
    #[error("task {task} unwinds, which only an operator may start")]
    OperatorOnly {
        /// The task.
        task: String,
    },
    /// A task that may not even be tried once.
    #[error("task {task} has max_attempts = 0, it must be at least 1")]
    NoAttempts {
        /// The task.
        task: String,
    },
    /// A task that runs a campaign that does not exist.
    #[error("task {task} runs the campaign {runs}, which does not exist")]
    UnknownCampaign {
        /// The task.
        task: String,
        /// The missing campaign.
        runs: CampaignId,
    },
    /// A run would begin another run of its own campaign.
    #[error("campaigns would run each other: {}", .path.join(" → "))]
    Contains {
        /// Each has a task that runs the next one; the last is the first again.
        path: Vec<String>,
    },
}

/// A task of the grown run: one that is there, or a new one by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Node {
    There(Ix),
    New(usize),
}

impl Scheduler {
    /// Adds tasks and edges to an open run. The work is proportional to what can be reached from what is
    /// added.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it; then nothing has changed.
    #[allow(clippy::needless_pass_by_value)] // It is done once.
    pub fn grow(&mut self, growth: Growth, now: Timestamp) -> Result<Vec<Change>, GrowthError> {
        let no_run = || GrowthError::NoRun {
            campaign: growth.campaign.clone(),
            run: growth.run,
        };
        let (place, _) = self.find(&growth.campaign).ok_or_else(no_run)?;
        let key = (place, growth.run);
        let open = self.runs.get(&key).filter(|run| run.open > 0);
        let sibling = open
            .and_then(|run| run.tasks.first().copied())
            .ok_or_else(no_run)?;
        if self.is_being_made(key) {
            return Err(GrowthError::BeingMade {
                campaign: growth.campaign.clone(),
                run: growth.run,
            });
        }
        let new = self.check_new(&growth)?;
        let edges = self.resolve(&growth, key, &new)?;
        if let Some(path) = self.closes_cycle(&edges) {
            let name = |node: &Node| match *node {
                Node::There(ix) => self.book.name(ix).to_owned(),
                Node::New(place) => growth.tasks[place].name.clone(),
            };
            let path = path.iter().map(name).collect();
            return Err(GrowthError::Cycle { path });
        }
        Ok(self.add(&growth, sibling, &edges, now))
    }

    /// The places of the new tasks by name, if each may be added.
    fn check_new<'a>(&self, growth: &'a Growth) -> Result<FxHashMap<&'a str, usize>, GrowthError> {
        let mut new = FxHashMap::default();
        for (place, task) in growth.tasks.iter().enumerate() {
            let name = || task.name.clone();
            if is_ambiguous(&task.name) {
                return Err(GrowthError::Name { name: name() });
            }
            let id = task_id(&growth.campaign, &task.name, growth.run);
            if self.book.find(id.as_str()).is_some()
                || new.insert(task.name.as_str(), place).is_some()
            {
                return Err(GrowthError::Duplicate { task: name() });
            }
            if task.spec.retry.max_attempts == 0 {
                return Err(GrowthError::NoAttempts { task: name() });
            }
            match &task.spec.work {
                Work::Act(act) if act.action == Action::Unwind => {
                    return Err(GrowthError::OperatorOnly { task: name() });
                }
                Work::Campaign(runs) => self.check_campaign(&growth.campaign, &task.name, runs)?,
                Work::Act(_) | Work::Nothing => {}
            }
        }
        Ok(new)
    }

    fn check_campaign(
        &self,
        own: &CampaignId,
        task: &str,
        runs: &CampaignId,
    ) -> Result<(), GrowthError> {
        if self.definition(runs).is_none() {
            return Err(GrowthError::UnknownCampaign {
                task: task.to_owned(),
                runs: runs.clone(),
            });
        }
        let next = |of: &CampaignId| {
            if of == own {
                return vec![runs];
            }
            let definition = self.definition(of).map(|(campaign, _)| campaign);
            let tasks = definition.into_iter().flat_map(|campaign| &campaign.tasks);
            let runs = tasks.filter_map(|task| match &task.spec.work {
                Work::Campaign(runs) => Some(runs),
                _ => None,
            });
            runs.collect()
        };
        match way_back(own, next) {
            Some(path) => Err(GrowthError::Contains { path }),
            None => Ok(()),
        }
    }

    /// The new edges, as (from, to, on).
    fn resolve(
        &self,
        growth: &Growth,
        key: (CampaignIx, u64),
        new: &FxHashMap<&str, usize>,
    ) -> Result<Vec<(Node, Node, Conditions)>, GrowthError> {
        let node = |name: &str| {
            if let Some(&place) = new.get(name) {
                return Ok(Node::New(place));
            }
            let found = self
                .book
                .find(task_id(&growth.campaign, name, key.1).as_str());
            found
                .map(Node::There)
                .ok_or_else(|| GrowthError::UnknownTask {
                    task: name.to_owned(),
                })
        };
        let mut edges = Vec::new();
        for (place, task) in growth.tasks.iter().enumerate() {
            for after in &task.after {
                edges.push((node(&after.task)?, Node::New(place), after.on));
            }
        }
        for (from, to, on) in &growth.edges {
            let to = node(to)?;
            if let Node::There(ix) = to
                && self.book.slot(ix).state != TaskState::Pending
            {
                return Err(GrowthError::NotPending {
                    task: self.book.id(ix),
                    state: self.book.slot(ix).state,
                });
            }
            edges.push((node(from)?, to, *on));
        }
        Ok(edges)
    }

    /// A cycle that the new edges close: each waits for the next one. Depth first along what comes
    /// after, from where the new edges begin.
    fn closes_cycle(&self, edges: &[(Node, Node, Conditions)]) -> Option<Vec<Node>> {
        let mut added: FxHashMap<Node, Vec<Node>> = FxHashMap::default();
        for &(from, to, _) in edges {
            added.entry(from).or_default().push(to);
        }
        let after = |node: Node| {
            let mut after = added.get(&node).cloned().unwrap_or_default();
            if let Node::There(ix) = node {
                after.extend(self.book.after(ix).map(|(to, _)| Node::There(to)));
            }
            after
        };
        let mut finished = FxHashSet::default();
        for &(start, ..) in edges {
            let mut path = vec![(start, after(start))];
            let mut on_path = FxHashSet::from_iter([start]);
            if finished.contains(&start) {
                continue;
            }
            while let Some((node, next)) = path.last_mut() {
                let node = *node;
                match next.pop() {
                    None => {
                        finished.insert(node);
                        on_path.remove(&node);
                        path.pop();
                    }
                    Some(next) if on_path.contains(&next) => {
                        let from = path.iter().position(|(node, _)| *node == next)?;
                        let mut cycle: Vec<Node> =
                            path[from..].iter().map(|(node, _)| *node).collect();
                        cycle.push(next);
                        cycle.reverse();
                        return Some(cycle);
                    }
                    Some(next) if finished.contains(&next) => {}
                    Some(next) => {
                        on_path.insert(next);
                        path.push((next, after(next)));
                    }
                }
            }
        }
        None
    }

    fn add(
        &mut self,
        growth: &Growth,
        sibling: Ix,
        edges: &[(Node, Node, Conditions)],
        now: Timestamp,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        self.begin();
        let sibling = self.book.record(sibling);
        let places: Vec<Ix> = growth
            .tasks
            .iter()
            .map(|task| {
                let id = task_id(&growth.campaign, &task.name, growth.run);
                self.book.intern(id.as_str())
            })
            .collect();
        let ix_of = |node: Node| match node {
            Node::There(ix) => ix,
            Node::New(place) => places[place],
        };
        let mut before: FxHashMap<Ix, Vec<(Ix, Conditions)>> = FxHashMap::default();
        for &(from, to, on) in edges {
            before.entry(ix_of(to)).or_default().push((ix_of(from), on));
        }
        // First all new ones, so that those that come after them find them.
        for (task, &ix) in growth.tasks.iter().zip(&places) {
            let mut record = TaskRecord {
                version: sibling.version,
                parent: sibling.parent.clone(),
                ready_since: None,
                ..TaskRecord::new(
                    &growth.campaign,
                    &task.name,
                    growth.run,
                    Arc::clone(&task.spec),
                    now,
                )
            };
            self.book
                .link(ix, before.remove(&ix).unwrap_or_default().into_iter());
            record.after = self.edges_of(ix);
            if record.after.is_empty() {
                self.gate(&mut record, now, now, "the run has grown");
            } else {
                record.state = TaskState::Pending;
                record.reason = Some(self.book.waits(ix));
            }
            let reason = "the run has grown".to_owned();
            self.put(ix, record, reason, now, &mut changes);
        }
        let mut waiting: Vec<_> = before.into_iter().collect();
        waiting.sort_unstable_by(|a, b| self.book.slot(a.0).id.cmp(&self.book.slot(b.0).id));
        for (ix, before) in waiting {
            let names = before.iter().map(|&(ix, _)| self.book.name(ix));
            let reason = format!("waits for {}, too", super::book::listed(names));
            let mut record = self.book.record(ix);
            self.book.link(ix, before.into_iter());
            record.after = self.edges_of(ix);
            // A delay counts from the end of all of them.
            record.not_before = None;
            record.reason = Some(self.book.waits(ix));
            self.put(ix, record, reason, now, &mut changes);
            self.book.recount(ix);
            self.undecided.push_back(ix);
        }
        for ix in places {
            self.book.recount(ix);
            self.undecided.push_back(ix);
        }
        self.finish(now, &mut changes);
        changes
    }

    fn edges_of(&self, ix: Ix) -> Vec<Edge> {
        let before = self.book.slot(ix).before.iter();
        let edges = before.map(|&(ix, on)| Edge {
            task: self.book.id(ix),
            on,
        });
        edges.collect()
    }
}
