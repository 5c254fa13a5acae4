//! Why a task run is where it is, and what it waits for: always one answer.

use std::fmt;

use airdrops_types::{TaskId, TaskState, Timestamp, Work};

use super::Scheduler;
use super::book::{Ix, listed};

/// Most tasks that an answer names.
const MAX_NAMED: usize = 100;

/// Why a task run is where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Others must end first.
    After {
        /// The first of them, at most 100.
        tasks: Vec<TaskId>,
        /// How many there are.
        count: usize,
    },
    /// A delay is not over.
    Delay {
        /// Until when.
        until: Timestamp,
    },
    /// Somebody must approve.
    Approval,
    /// It waits for a better moment.
    Deferred {
        /// When it looks again.
        until: Timestamp,
        /// Why.
        reason: String,
    },
    /// A stop holds it.
    Held {
        /// Which.
        reason: String,
    },
    /// An attempt failed.
    Retrying {
        /// When the next one may start.
        until: Timestamp,
        /// Why.
        reason: String,
    },
    /// As many tasks as may be use one of its keys.
    Concurrency {
        /// The key.
        key: String,
        /// Tasks under way that use it.
        used: u32,
        /// How many may.
        limit: u32,
    },
    /// As many tasks as may have started with one of its keys.
    Rate {
        /// The key.
        key: String,
        /// How many may.
        starts: u32,
        /// When the next one may.
        until: Timestamp,
    },
    /// Its protocol is left alone.
    Quarantine {
        /// The key.
        key: String,
        /// Until when.
        until: Timestamp,
    },
    /// Nothing holds it.
    Ready,
    /// It has room, but others that come first use it up.
    Behind {
        /// The key.
        key: String,
    },
    /// A step is being made; or the run that is its work.
    Running {
        /// What it says.
        reason: String,
    },
    /// Its transaction may be out.
    Awaiting,
    /// Nothing more will happen.
    Ended {
        /// How.
        state: TaskState,
        /// Why.
        reason: String,
    },
}

impl Why {
    /// The answer as one word, for lists and filters.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::After { .. } => "after",
            Self::Delay { .. } => "delay",
            Self::Approval => "approval",
            Self::Deferred { .. } => "deferred",
            Self::Held { .. } => "held",
            Self::Retrying { .. } => "retrying",
            Self::Concurrency { .. } => "concurrency",
            Self::Rate { .. } => "rate",
            Self::Quarantine { .. } => "quarantine",
            Self::Ready => "ready",
            Self::Behind { .. } => "behind",
            Self::Running { .. } => "running",
            Self::Awaiting => "awaiting",
            Self::Ended { .. } => "ended",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After { tasks, count } => {
                let names = listed(tasks.iter().take(5).map(TaskId::as_str));
                write!(f, "waits for {names}")?;
                match count.saturating_sub(5) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::Delay { until } => write!(f, "waits until {until}"),
            Self::Approval => f.write_str("waits for an approval"),
            Self::Deferred { until, reason } => write!(f, "looks again at {until}: {reason}"),
            Self::Held { reason } => f.write_str(reason),
            Self::Retrying { until, reason } => write!(f, "tries again at {until}: {reason}"),
            Self::Concurrency { key, used, limit } => {
                write!(f, "{key}: {used} of at most {limit} tasks are under way")
            }
            Self::Rate { key, starts, until } => {
                write!(
                    f,
                    "{key}: {starts} tasks have started, the next may at {until}"
                )
            }
            Self::Quarantine { key, until } => write!(f, "{key} is left alone until {until}"),
            Self::Ready => f.write_str("may start now"),
            Self::Behind { key } => write!(f, "{key}: what comes first uses it up"),
            Self::Running { reason } => write!(f, "under way: {reason}"),
            Self::Awaiting => f.write_str("its transaction may be out: waits for its outcome"),
            Self::Ended { state, reason } => write!(f, "{state}: {reason}"),
        }
    }
}

impl Scheduler {
    /// Why a run is where it is at `now`; `None` if it is not known.
    #[must_use]
    pub fn why(&self, task: &TaskId, now: Timestamp) -> Option<Why> {
        let ix = self.book.find(task.as_str())?;
        let why = self.why_of(ix, now);
        Some(match why {
            Why::Ready => self.behind(ix, now).unwrap_or(why),
            _ => why,
        })
    }

    /// What would happen to each open run at `now`, by id: a dry run.
    #[must_use]
    pub fn would_run(&self, now: Timestamp) -> Vec<(TaskId, Why)> {
        let offered: rustc_hash::FxHashSet<TaskId> = self.runnable(now).into_iter().collect();
        let open = self.book.known();
        let open = open.filter(|&ix| !self.book.slot(ix).state.is_final());
        let open = self.by_id(open.collect()).into_iter();
        open.map(|ix| {
            let id = self.book.id(ix);
            let why = match self.why_of(ix, now) {
                Why::Ready if !offered.contains(&id) => self.used_up(ix).unwrap_or(Why::Ready),
                why => why,
            };
            (id, why)
        })
        .collect()
    }

    fn why_of(&self, ix: Ix, now: Timestamp) -> Why {
        let slot = self.book.slot(ix);
        let reason = || self.book.reason(ix);
        let moment = self.book.not_before(ix);
        match slot.state {
            TaskState::Pending => self.why_pending(ix, now),
            TaskState::Ready => self.why_ready(ix, now),
            TaskState::Deferred => match moment {
                Some(until) => Why::Deferred {
                    until,
                    reason: reason(),
                },
                None => Why::Held { reason: reason() },
            },
            TaskState::Retrying => Why::Retrying {
                until: moment.unwrap_or(now),
                reason: reason(),
            },
            TaskState::Running => Why::Running { reason: reason() },
            TaskState::Awaiting => Why::Awaiting,
            state => Why::Ended {
                state,
                reason: reason(),
            },
        }
    }

    fn why_pending(&self, ix: Ix, now: Timestamp) -> Why {
        let slot = self.book.slot(ix);
        let spec = slot.spec.as_ref();
        let open = slot.before.iter().map(|(before, _)| *before);
        let open = open.filter(|&before| !self.book.slot(before).state.is_final());
        let count = open.clone().count();
        let any = spec.is_some_and(|spec| spec.join == airdrops_types::Join::Any);
        if count > 0 && !(any && slot.met) {
            return Why::After {
                tasks: open.take(MAX_NAMED).map(|ix| self.book.id(ix)).collect(),
                count,
            };
        }
        if spec.is_some_and(|spec| spec.approval) && !self.book.is_approved(ix) {
            return Why::Approval;
        }
        match self.book.not_before(ix) {
            Some(until) if until > now => Why::Delay { until },
            _ => Why::Ready,
        }
    }

    fn why_ready(&self, ix: Ix, now: Timestamp) -> Why {
        let spec = self.book.slot(ix).spec.as_ref();
        if !spec.is_some_and(|spec| matches!(spec.work, Work::Act(_))) {
            return Why::Ready;
        }
        let lane = self.keys.lanes.get(self.book.slot(ix).lane as usize);
        if let Some(key) = lane.and_then(|lane| lane.protocol.as_ref())
            && let Some(until) = self.memory.quarantine_of(key, now)
        {
            let key = key.clone();
            return Why::Quarantine { key, until };
        }
        for limit in self.limits_of(ix) {
            let key = limit.key.clone();
            if let Some(most) = limit.concurrency
                && limit.used >= most
            {
                let (used, limit) = (limit.used, most);
                return Why::Concurrency { key, used, limit };
            }
            if let Some(rate) = limit.rate
                && let Some(until) = limit.free_at(&self.memory.starts, now)
            {
                let starts = rate.starts;
                return Why::Rate { key, starts, until };
            }
        }
        Why::Ready
    }

    /// If a run has room that others take first.
    fn behind(&self, ix: Ix, now: Timestamp) -> Option<Why> {
        self.limits_of(ix).next()?;
        let id = self.book.id(ix);
        let offered = self.runnable(now).contains(&id);
        if offered || self.book.slot(ix).state != TaskState::Ready {
            return None;
        }
        self.used_up(ix)
    }

    fn used_up(&self, ix: Ix) -> Option<Why> {
        let key = self.limits_of(ix).next()?.key.clone();
        Some(Why::Behind { key })
    }
}
