//! What an operator defines: campaigns of tasks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use airdrops_types::{
    Action, Address, AssetId, B256, CampaignId, ChainId, Conditions, REBALANCE_CAMPAIGN, TaskSpec,
    Timestamp, UNWIND_CAMPAIGN, Work,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::event::EventDefect;
use crate::machine::{Graph, places};
use crate::trigger::{Compiled, TriggerError};

/// A set of tasks that run together, each time its trigger fires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// Its name.
    pub id: CampaignId,
    /// When it runs.
    pub trigger: Trigger,
    /// Bounds and jitter of the trigger's instants.
    #[serde(default)]
    pub timing: Timing,
    /// A fire that is seen later than this is skipped, with a note. `None`: never too late.
    pub misfire_grace: Option<Duration>,
    /// What becomes of fires that were missed.
    #[serde(default)]
    pub catch_up: CatchUp,
    /// How many runs may be open at once; at least 1.
    #[serde(default = "one")]
    pub max_instances: u32,
    /// What it does.
    pub tasks: Vec<TaskDef>,
}

fn one() -> u32 {
    1
}

/// When a campaign runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// By a cron expression of 5 or 6 fields, or a nickname such as `@daily`, in an IANA time zone.
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
        /// The first instant; `None`: when the program first sees the campaign, or the start of its
        /// bounds if that is later.
        first: Option<Timestamp>,
    },
    /// Every so many days, weeks, months or years, at a time of day.
    Calendar(Calendar),
    /// Once.
    Date {
        /// When.
        at: Timestamp,
    },
    /// Once, as soon as the program sees it.
    Once,
    /// At the instants at which all of these fire together, to the second.
    All(Vec<Trigger>),
    /// At every instant at which any of these fires.
    Any(Vec<Trigger>),
    /// When something happens.
    Event(EventSource),
    /// Only when an operator says so.
    Manual,
}

/// A calendar interval: dates in steps of years, months, weeks and days from the first one, at a time
/// of day. A date that does not exist (30 February), and a local time that does not exist, is left
/// out; a local time that exists twice fires at its first occurrence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// Years in a step.
    #[serde(default)]
    pub years: u32,
    /// Months in a step.
    #[serde(default)]
    pub months: u32,
    /// Weeks in a step.
    #[serde(default)]
    pub weeks: u32,
    /// Days in a step.
    #[serde(default)]
    pub days: u32,
    /// Time of day as seconds after midnight on the wall clock, below 86,400.
    #[serde(default)]
    pub time: u32,
    /// The zone: `UTC`, `Europe/Berlin`.
    pub zone: String,
    /// The first date, `2024-01-31`; `None`: that on which the program first sees the campaign.
    #[serde(default)]
    pub first: Option<String>,
}

/// Bounds and jitter of a trigger's instants.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timing {
    /// No fire before.
    #[serde(default)]
    pub start: Option<Timestamp>,
    /// No fire after.
    #[serde(default)]
    pub end: Option<Timestamp>,
    /// Each run begins up to this much later, by a share that is drawn from the seed, the campaign and
    /// the instant: the same after a restart.
    #[serde(default)]
    pub jitter: Duration,
}

/// What becomes of fires that were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// Nothing: only what is due from now on.
    Skip,
    /// One run for all of them, for the latest instant.
    #[default]
    One,
    /// One run for each of them, oldest first, as far as `misfire_grace` and `max_instances` let.
    All,
}

/// What makes an event trigger fire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventSource {
    /// A log of a contract, once it is deep enough in the canonical chain.
    Log {
        /// On which chain.
        chain: ChainId,
        /// Of which contract.
        address: Address,
        /// Topics by position; `None` is any.
        topics: Vec<Option<B256>>,
        /// Blocks on top of the log's before it counts, at least 1.
        confirmations: u64,
    },
    /// A measure passes a threshold.
    Condition(MeasureCondition),
    /// Runs of another campaign's task end so.
    Task {
        /// The campaign.
        campaign: CampaignId,
        /// Its task; `None`: the run as a whole.
        task: Option<String>,
        /// Which endings.
        on: Conditions,
    },
    /// An opportunity is configured that was not there before.
    Opportunity,
    /// The allocation engine decided to move something.
    Plan,
    /// A named event from outside: a signed webhook, or a person.
    Named {
        /// Its name.
        name: String,
    },
}

/// What conditions measure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Price of an asset, micro-dollars.
    Price(AssetId),
    /// Base fee of a chain, wei per gas.
    BaseFee(ChainId),
    /// The volatility index, thousandths of a point.
    Volatility,
}

/// A threshold with hysteresis: fires when the measure passes `threshold`, and again only after it was
/// back past `release`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasureCondition {
    /// Of what, and in which unit.
    pub measure: Measure,
    /// Fires when it is at or above (`true`), or at or below (`false`) the threshold.
    pub above: bool,
    /// In the measure's unit.
    pub threshold: i128,
    /// In the measure's unit; not past the threshold.
    pub release: i128,
    /// It must hold this long.
    pub lasting: Duration,
}

/// One task of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDef {
    /// Unique within the campaign.
    pub name: String,
    /// What to do, and how.
    pub spec: Arc<TaskSpec>,
    /// What must end first.
    pub after: Vec<After>,
}

/// An edge of a campaign's graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// The task before, by its name.
    pub task: String,
    /// How it must end.
    #[serde(default)]
    pub on: Conditions,
}

impl From<&str> for After {
    fn from(task: &str) -> Self {
        Self {
            task: task.to_owned(),
            on: Conditions::SUCCESS,
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
    /// It may never run.
    #[error("it has max_instances = 0, it must be at least 1")]
    NoInstances,
    /// It does nothing.
    #[error("it has no tasks")]
    NoTasks,
    /// A name that would make the id `campaign/task#run` ambiguous.
    #[error("the name {name:?} is empty or has a `/`, a `#` or a control character in it")]
    Name {
        /// The name of the campaign or of a task.
        name: String,
    },
    /// The name of what is not started by a trigger.
    #[error("the name {name} is kept for what {for_what}; choose another one")]
    Reserved {
        /// The name.
        name: &'static str,
        /// Whose it is.
        for_what: &'static str,
    },
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
    /// A task runs a campaign that does not exist.
    #[error("task {task} runs the campaign {runs}, which does not exist")]
    UnknownCampaign {
        /// The task.
        task: String,
        /// The missing campaign.
        runs: CampaignId,
    },
    /// A run of it would begin another run of itself.
    #[error("campaigns run each other: {}", .path.join(" → "))]
    Contains {
        /// Each has a task that runs the next one; the last is the first again.
        path: Vec<String>,
    },
    /// The trigger, or its bounds, cannot be used.
    #[error(transparent)]
    Trigger(#[from] TriggerError),
    /// The event that it waits for cannot happen.
    #[error(transparent)]
    Event(#[from] EventDefect),
}

impl Trigger {
    /// The events that fire it: its own, or those of its parts, without recursion.
    #[must_use]
    pub fn event_sources(&self) -> Vec<&EventSource> {
        let mut open = vec![self];
        let mut sources = Vec::new();
        while let Some(trigger) = open.pop() {
            match trigger {
                Self::Event(source) => sources.push(source),
                Self::All(parts) | Self::Any(parts) => open.extend(parts.iter().rev()),
                _ => {}
            }
        }
        sources
    }
}

impl TaskDef {
    /// A task with defaults for all but its work.
    #[must_use]
    pub fn new(name: impl Into<String>, work: Work, after: &[&str]) -> Self {
        Self {
            name: name.into(),
            spec: Arc::new(TaskSpec::of(work)),
            after: after.iter().map(|&task| After::from(task)).collect(),
        }
    }
}

impl Campaign {
    /// A campaign with defaults for all but its trigger and tasks.
    #[must_use]
    pub fn new(id: impl Into<CampaignId>, trigger: Trigger, tasks: Vec<TaskDef>) -> Self {
        Self {
            id: id.into(),
            trigger,
            timing: Timing::default(),
            misfire_grace: None,
            catch_up: CatchUp::default(),
            max_instances: one(),
            tasks,
        }
    }

    /// Checks the whole campaign.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, not only the first thing.
    pub fn validate(&self) -> Result<(), Vec<CampaignError>> {
        let mut defects = Vec::new();
        if let Err(error) = Compiled::new(&self.trigger, &self.timing) {
            defects.push(CampaignDefect::Trigger(error));
        }
        let sources = self.trigger.event_sources();
        let wrong = sources
            .into_iter()
            .filter_map(|source| source.validate().err());
        defects.extend(wrong.map(CampaignDefect::Event));
        if self.max_instances == 0 {
            defects.push(CampaignDefect::NoInstances);
        }
        if self.tasks.is_empty() {
            defects.push(CampaignDefect::NoTasks);
        }
        let names = self.tasks.iter().map(|task| task.name.as_str());
        for name in std::iter::once(self.id.as_str()).chain(names.clone()) {
            if is_ambiguous(name) {
                let name = name.to_owned();
                defects.push(CampaignDefect::Name { name });
            }
        }
        for (name, for_what) in [
            (UNWIND_CAMPAIGN, "operators unwind"),
            (REBALANCE_CAMPAIGN, "plans move"),
        ] {
            if self.id.as_str() == name {
                defects.push(CampaignDefect::Reserved { name, for_what });
            }
        }
        for task in &self.tasks {
            if matches!(&task.spec.work, Work::Act(act) if act.action == Action::Unwind) {
                let task = task.name.clone();
                defects.push(CampaignDefect::OperatorOnly { task });
            }
        }
        let known = places(&self.tasks);
        if known.len() < self.tasks.len() {
            let mut repeated = BTreeSet::new();
            for (place, name) in (0..).zip(names) {
                if known.get(name) != Some(&place) && repeated.insert(name) {
                    let task = name.to_owned();
                    defects.push(CampaignDefect::DuplicateTask { task });
                }
            }
        }
        let graph = Graph::of(&self.tasks, &known);
        for (place, task) in (0..).zip(&self.tasks) {
            if task.spec.retry.max_attempts == 0 {
                let task = task.name.clone();
                defects.push(CampaignDefect::NoAttempts { task });
            }
            if graph.before(place).len() == task.after.len() {
                continue;
            }
            let unknown = task.after.iter().map(|after| after.task.as_str());
            for after in unknown.filter(|after| !known.contains_key(after)) {
                defects.push(CampaignDefect::UnknownTask {
                    task: task.name.clone(),
                    after: after.to_owned(),
                });
            }
        }
        if !graph.is_acyclic() {
            defects.extend(graph.cycles().into_iter().map(|cycle| {
                let names = cycle.into_iter().filter_map(|place| {
                    let task = self.tasks.get(place as usize)?;
                    Some(task.name.clone())
                });
                CampaignDefect::Cycle {
                    path: names.collect(),
                }
            }));
        }
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
}

/// Whether a name would make the id `campaign/task#run` ambiguous.
pub(crate) fn is_ambiguous(name: &str) -> bool {
    let ambiguous = |c: char| c == '/' || c == '#' || c.is_control();
    name.trim().is_empty() || name.contains(ambiguous)
}
