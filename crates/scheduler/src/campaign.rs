//! What an operator defines: campaigns of tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use airdrops_types::{Action, Assignment, CampaignId, Timestamp, UNWIND_CAMPAIGN};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::trigger::TriggerError;

/// A set of tasks that run together, each time its trigger fires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// Its name.
    pub id: CampaignId,
    /// When it runs.
    pub trigger: Trigger,
    /// A fire that is seen later than this is skipped, with a note. `None`: never too late.
    pub misfire_grace: Option<Duration>,
    /// What it does.
    pub tasks: Vec<TaskDef>,
}

/// When a campaign runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// By a cron expression of 5 or 6 fields in an IANA time zone.
    Cron {
        /// The expression.
        expression: String,
        /// The zone: `UTC`, `Europe/Berlin`.
        zone: String,
    },
    /// Every so often, by elapsed time.
    Interval {
        /// The period, at least one second.
        every: Duration,
        /// The first instant; `None`: when the program first sees the campaign.
        first: Option<Timestamp>,
    },
    /// Once.
    Date {
        /// When.
        at: Timestamp,
    },
    /// Once, as soon as the program sees it.
    Once,
}

/// One task of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDef {
    /// Unique within the campaign.
    pub name: String,
    /// What to do.
    pub assignment: Assignment,
    /// Names of the tasks that must complete first.
    pub after: Vec<String>,
    /// Runs before tasks that are not.
    pub critical: bool,
    /// When it fails.
    pub retry: RetryPolicy,
}

/// Exponential backoff with full jitter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Failed attempts after which the task is given up; at least 1.
    pub max_attempts: u32,
    /// Longest delay before the second attempt.
    pub base: Duration,
    /// Longest delay of all.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            base: Duration::from_secs(30),
            cap: Duration::from_secs(3600),
        }
    }
}

/// One thing that is wrong with a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("campaign {campaign}: {defect}")]
pub struct CampaignError {
    /// Which campaign.
    pub campaign: CampaignId,
    /// What is wrong.
    pub defect: CampaignDefect,
}

/// What can be wrong with a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CampaignDefect {
    /// Two campaigns have the same name.
    #[error("there are two campaigns of this name")]
    DuplicateCampaign,
    /// It does nothing.
    #[error("it has no tasks")]
    NoTasks,
    /// A name that would make the id `campaign/task#run` ambiguous.
    #[error("the name {name:?} is empty or has a `/`, a `#` or a control character in it")]
    Name {
        /// The name of the campaign or of a task.
        name: String,
    },
    /// The name of what operators start.
    #[error("the name {UNWIND_CAMPAIGN} is kept for what operators unwind; choose another one")]
    Reserved,
    /// A task that only an operator may start.
    #[error("task {task} unwinds, which only an operator may start")]
    OperatorOnly {
        /// The task.
        task: String,
    },
    /// Two tasks have the same name.
    #[error("there are two tasks named {task}")]
    DuplicateTask {
        /// The name.
        task: String,
    },
    /// A task comes after one that does not exist.
    #[error("task {task} comes after {after}, which does not exist")]
    UnknownTask {
        /// The task.
        task: String,
        /// The missing one.
        after: String,
    },
    /// Tasks wait for each other.
    #[error("tasks wait for each other: {}", .path.join(" → "))]
    Cycle {
        /// Each waits for the next one; the last is the first again.
        path: Vec<String>,
    },
    /// A task that may not even be tried once.
    #[error("task {task} has max_attempts = 0, it must be at least 1")]
    NoAttempts {
        /// The task.
        task: String,
    },
    /// The trigger cannot be used.
    #[error(transparent)]
    Trigger(#[from] TriggerError),
}

impl Campaign {
    /// Checks the whole campaign.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, not only the first thing.
    pub fn validate(&self) -> Result<(), Vec<CampaignError>> {
        let mut defects = Vec::new();
        if let Err(error) = self.trigger.validate() {
            defects.push(CampaignDefect::Trigger(error));
        }
        if self.tasks.is_empty() {
            defects.push(CampaignDefect::NoTasks);
        }
        let names = self.tasks.iter().map(|task| task.name.as_str());
        for name in std::iter::once(self.id.as_str()).chain(names.clone()) {
            let ambiguous = |c: char| c == '/' || c == '#' || c.is_control();
            if name.trim().is_empty() || name.contains(ambiguous) {
                let name = name.to_owned();
                defects.push(CampaignDefect::Name { name });
            }
        }
        if self.id.as_str() == UNWIND_CAMPAIGN {
            defects.push(CampaignDefect::Reserved);
        }
        for task in &self.tasks {
            if task.assignment.action == Action::Unwind {
                let task = task.name.clone();
                defects.push(CampaignDefect::OperatorOnly { task });
            }
        }
        let mut known = BTreeSet::new();
        let mut repeated = BTreeSet::new();
        for name in names {
            if !known.insert(name) && repeated.insert(name) {
                let task = name.to_owned();
                defects.push(CampaignDefect::DuplicateTask { task });
            }
        }
        for task in &self.tasks {
            if task.retry.max_attempts == 0 {
                let task = task.name.clone();
                defects.push(CampaignDefect::NoAttempts { task });
            }
            for after in &task.after {
                if !known.contains(after.as_str()) {
                    defects.push(CampaignDefect::UnknownTask {
                        task: task.name.clone(),
                        after: after.clone(),
                    });
                }
            }
        }
        defects.extend(
            self.cycles()
                .into_iter()
                .map(|path| CampaignDefect::Cycle { path }),
        );
        if defects.is_empty() {
            return Ok(());
        }
        Err(defects
            .into_iter()
            .map(|defect| CampaignError {
                campaign: self.id.clone(),
                defect,
            })
            .collect())
    }

    /// One cycle for each edge that closes one, by depth-first search without recursion.
    fn cycles(&self) -> Vec<Vec<String>> {
        let edges: BTreeMap<&str, &[String]> = self
            .tasks
            .iter()
            .map(|task| (task.name.as_str(), task.after.as_slice()))
            .collect();
        let mut cycles = Vec::new();
        let mut finished = BTreeSet::new();
        for start in self.tasks.iter().map(|task| task.name.as_str()) {
            if finished.contains(start) {
                continue;
            }
            let mut path: Vec<(&str, usize)> = vec![(start, 0)];
            let mut on_path = BTreeMap::from([(start, 0)]);
            while let Some(top) = path.last_mut() {
                let (name, edge) = (top.0, top.1);
                top.1 += 1;
                let Some(next) = edges.get(name).and_then(|after| after.get(edge)) else {
                    finished.insert(name);
                    on_path.remove(name);
                    path.pop();
                    continue;
                };
                let next = next.as_str();
                if let Some(&position) = on_path.get(next) {
                    let members = path[position..].iter().map(|(name, _)| *name);
                    cycles.push(members.chain([next]).map(str::to_owned).collect());
                } else if edges.contains_key(next) && !finished.contains(next) {
                    on_path.insert(next, path.len());
                    path.push((next, 0));
                }
            }
        }
        cycles
    }
}
