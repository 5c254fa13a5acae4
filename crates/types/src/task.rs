//! Task runs, as they are stored.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::Assignment;
use crate::retry::{ErrorClass, RetryPolicy};
use crate::{Bps, CampaignId, Operation, TaskId, Timestamp};

/// Where a task run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Waits for the tasks that it comes after, for its delay, or for an approval.
    Pending,
    /// May start now.
    Ready,
    /// Could start, but waits for a better moment: see `reason` and `not_before`.
    Deferred,
    /// A step is being made.
    Running,
    /// The step's transaction is signed and may be out; only the transaction manager knows more.
    Awaiting,
    /// A step failed; the next attempt is at `not_before`.
    Retrying,
    /// All steps are final and successful.
    Completed,
    /// Gave up, because trying again as it is makes no sense: see `reason`.
    Failed,
    /// Gave up, because its attempts are used up: on the dead-letter list until an operator replays
    /// or cancels it.
    Dead,
    /// Will not run, because somebody said so: see `reason`.
    Cancelled,
    /// Will not run, because what it comes after did not end as it needs, because it is too late, or
    /// because an operator left it out: see `reason`.
    Skipped,
}

impl TaskState {
    /// Every state, in the order of a task's life.
    pub const ALL: [Self; 11] = [
        Self::Pending,
        Self::Ready,
        Self::Deferred,
        Self::Running,
        Self::Awaiting,
        Self::Retrying,
        Self::Completed,
        Self::Failed,
        Self::Dead,
        Self::Cancelled,
        Self::Skipped,
    ];

    /// Whether nothing more will happen by itself.
    #[must_use]
    pub fn is_final(self) -> bool {
        self.ending().is_some()
    }

    /// How it ended, as edges to later tasks see it; `None` while it has not.
    #[must_use]
    pub fn ending(self) -> Option<Ending> {
        match self {
            Self::Completed => Some(Ending::Success),
            Self::Failed | Self::Dead => Some(Ending::Failure),
            Self::Cancelled | Self::Skipped => Some(Ending::Skip),
            Self::Pending
            | Self::Ready
            | Self::Deferred
            | Self::Running
            | Self::Awaiting
            | Self::Retrying => None,
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Deferred => "deferred",
            Self::Running => "running",
            Self::Awaiting => "awaiting",
            Self::Retrying => "retrying",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        })
    }
}

/// How a task run ended, as later tasks see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Completed.
    Success,
    /// Failed, or dead.
    Failure,
    /// Skipped, or cancelled.
    Skip,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Skip => "skip",
        })
    }
}

/// The endings of a predecessor that let a task go on: a set of [`Ending`]s, not empty. Written as a
/// list of `success`, `failure`, `skip`, and `completion` for the first two together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Conditions(u8);

impl Conditions {
    /// It completed.
    pub const SUCCESS: Self = Self(1);
    /// It failed, or is dead.
    pub const FAILURE: Self = Self(2);
    /// It was skipped or cancelled.
    pub const SKIP: Self = Self(4);
    /// It ran to an end, good or bad.
    pub const COMPLETION: Self = Self(3);
    /// However it ended.
    pub const ANY: Self = Self(7);

    /// Both sets together.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `ending` is among them.
    #[must_use]
    pub fn holds(self, ending: Ending) -> bool {
        let bit = match ending {
            Ending::Success => Self::SUCCESS,
            Ending::Failure => Self::FAILURE,
            Ending::Skip => Self::SKIP,
        };
        self.0 & bit.0 != 0
    }

    /// The set of the words in `names`; `None` if one is unknown or there is none.
    #[must_use]
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut set = 0;
        for name in names {
            set |= match name {
                "success" => Self::SUCCESS.0,
                "failure" => Self::FAILURE.0,
                "completion" => Self::COMPLETION.0,
                "skip" => Self::SKIP.0,
                _ => return None,
            };
        }
        (set != 0).then_some(Self(set))
    }

    /// The words of the set.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        let mut names = Vec::new();
        if self.0 & Self::COMPLETION.0 == Self::COMPLETION.0 {
            names.push("completion");
        } else if self.holds(Ending::Success) {
            names.push("success");
        } else if self.holds(Ending::Failure) {
            names.push("failure");
        }
        if self.holds(Ending::Skip) {
            names.push("skip");
        }
        names
    }
}

impl Default for Conditions {
    fn default() -> Self {
        Self::SUCCESS
    }
}

impl TryFrom<Vec<String>> for Conditions {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        Self::parse(names.iter().map(String::as_str))
            .ok_or_else(|| format!("{names:?} is no list of success, failure, completion and skip"))
    }
}

impl From<Conditions> for Vec<String> {
    fn from(set: Conditions) -> Self {
        set.names().into_iter().map(str::to_owned).collect()
    }
}

/// What a task run comes after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The run before.
    pub task: TaskId,
    /// How it must end.
    #[serde(default)]
    pub on: Conditions,
}

/// How many of the tasks before it a task needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// All, each with an ending that its edge asks for. One that ends otherwise: skipped.
    #[default]
    All,
    /// The first that ends as its edge asks for. Skipped once none can any more.
    Any,
}

/// What a task does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// An action at a protocol.
    Act(Assignment),
    /// One run of another campaign; ends when that run has, a failure if any of its tasks failed.
    Campaign(CampaignId),
    /// Nothing: a place to join, to wait, or to ask for an approval.
    Nothing,
}

/// When gas is cheap enough for a task that can wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GasWindow {
    /// The base fee may be at most this quantile of what was seen lately; 10,000 is the maximum.
    pub quantile: Bps,
    /// It waits no longer than this after it could have started.
    pub within: Duration,
}

/// The campaign of the task runs that carry a plan of the allocation engine out. No configured campaign
/// may have its name.
pub const REBALANCE_CAMPAIGN: &str = "rebalance";

/// What stays the same about a task, from run to run of one version of its campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSpec {
    /// What it does.
    pub work: Work,
    /// Critical tasks run before others, and wait for no better moment.
    #[serde(default)]
    pub critical: bool,
    /// Higher runs first; what waits rises with time.
    #[serde(default)]
    pub priority: i16,
    /// When it fails.
    #[serde(default)]
    pub retry: RetryPolicy,
    /// How many of the tasks before it it needs.
    #[serde(default)]
    pub join: Join,
    /// It waits this long after what it comes after has ended.
    #[serde(default)]
    pub delay: Duration,
    /// It waits until an operator approves.
    #[serde(default)]
    pub approval: bool,
    /// It is skipped if it has not started so long after its due instant.
    #[serde(default)]
    pub deadline: Option<Duration>,
    /// Somebody is told if it has not ended so long after its due instant.
    #[serde(default)]
    pub sla: Option<Duration>,
    /// One attempt that has not led to a transaction for so long counts as failed.
    #[serde(default)]
    pub timeout: Option<Duration>,
    /// It waits for cheap gas.
    #[serde(default)]
    pub gas: Option<GasWindow>,
    /// What it uses, as `kind:name`, sorted: `chain:1`, `protocol:aerie`, `rpc:1`, `wallet:0x…`, and
    /// what its definition adds. Limits of concurrency and rate go by these.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Cancelling it after a step took effect runs the opposite action.
    #[serde(default)]
    pub compensate: bool,
}

impl TaskSpec {
    /// A task with defaults for all but its work.
    #[must_use]
    pub fn of(work: Work) -> Self {
        Self {
            work,
            critical: false,
            priority: 0,
            retry: RetryPolicy::default(),
            join: Join::All,
            delay: Duration::ZERO,
            approval: false,
            deadline: None,
            sla: None,
            timeout: None,
            gas: None,
            keys: Vec::new(),
            compensate: false,
        }
    }
}

/// One run of one task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// `campaign/task#run`.
    pub id: TaskId,
    /// The campaign.
    pub campaign: CampaignId,
    /// The version of its definition that made the run; 0 if it has none.
    #[serde(default)]
    pub version: u32,
    /// The task's name within the campaign.
    pub name: String,
    /// Counts the campaign's runs from 1.
    pub run: u64,
    /// What to do, and how.
    pub spec: Arc<TaskSpec>,
    /// Runs that must end first.
    pub after: Vec<Edge>,
    /// Where it stands.
    pub state: TaskState,
    /// Why it stands there.
    pub reason: Option<String>,
    /// When to look again, for pending (a delay), deferred and retrying runs. `None` for a deferred
    /// run that a stop holds: as soon as that changes.
    pub not_before: Option<Timestamp>,
    /// Failed attempts so far.
    pub attempts: u32,
    /// Failed attempts by class.
    #[serde(default)]
    pub failures: Vec<(ErrorClass, u32)>,
    /// The operations with their amounts, once planned.
    pub plan: Option<Vec<Operation>>,
    /// Index in `plan` of the next operation to be made.
    pub cursor: usize,
    /// Counts intents with a final outcome; the next intent is `IntentId::derive(id, step)`.
    pub step: u32,
    /// The instant the trigger fired for.
    pub due: Timestamp,
    /// Since when it could run, for priority and its gas window.
    #[serde(default)]
    pub ready_since: Option<Timestamp>,
    /// Who approved it.
    #[serde(default)]
    pub approved: Option<String>,
    /// The task whose work this run is part of, for runs of sub-campaigns.
    #[serde(default)]
    pub parent: Option<TaskId>,
    /// The run of the sub-campaign that it started.
    #[serde(default)]
    pub child: Option<u64>,
    /// Whether the missed service level was told.
    #[serde(default)]
    pub late: bool,
    /// When the first step began.
    pub started: Option<Timestamp>,
    /// When it became final.
    pub ended: Option<Timestamp>,
}

impl TaskRecord {
    /// A run that was just made, `ready` and after nothing: `campaign/name#run`, due at `due`.
    #[must_use]
    pub fn new(
        campaign: &CampaignId,
        name: &str,
        run: u64,
        spec: Arc<TaskSpec>,
        due: Timestamp,
    ) -> Self {
        Self {
            id: TaskId::new(format!("{campaign}/{name}#{run}")),
            campaign: campaign.clone(),
            version: 0,
            name: name.to_owned(),
            run,
            spec,
            after: Vec::new(),
            state: TaskState::Ready,
            reason: None,
            not_before: None,
            attempts: 0,
            failures: Vec::new(),
            plan: None,
            cursor: 0,
            step: 0,
            due,
            ready_since: Some(due),
            approved: None,
            parent: None,
            child: None,
            late: false,
            started: None,
            ended: None,
        }
    }

    /// Whether it waits for the end of a stop, and for no moment.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.state == TaskState::Deferred && self.not_before.is_none()
    }

    /// What it does at a protocol, if that is its work.
    #[must_use]
    pub fn assignment(&self) -> Option<&Assignment> {
        match &self.spec.work {
            Work::Act(assignment) => Some(assignment),
            Work::Campaign(_) | Work::Nothing => None,
        }
    }
}

/// The durable state of a campaign: its trigger and its switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerState {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// The next instant it fires; `None` when it never fires again.
    pub next: Option<Timestamp>,
    /// Runs made so far.
    pub runs: u64,
    /// The definition it was computed for; another one starts the trigger anew.
    pub definition: String,
    /// When this definition was first seen: the first instant of an interval without one.
    #[serde(default)]
    pub first_seen: Timestamp,
    /// Why it does not fire, if somebody paused it.
    #[serde(default)]
    pub paused: Option<String>,
}
