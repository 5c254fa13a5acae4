//! Limits of concurrency and rate by key, and the lanes that they make: ready runs that use the same
//! limited keys wait together.
//!
//! A run takes all of its keys at once, when it comes under way, or none: two runs can never each hold
//! what the other one waits for. Who is under way is counted from the records; when runs started is
//! remembered, for those records may be forgotten before their time is over.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_types::{Action, TaskSpec, Timestamp, Work};
use rustc_hash::FxHashMap;

use super::queue::Turn;
use crate::policy::{Rate, SchedulerPolicy};

/// A key with a limit.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    pub(super) key: String,
    pub(super) concurrency: Option<u32>,
    pub(super) rate: Option<Rate>,
    /// Runs under way.
    pub(super) used: u32,
}

/// The latest starts by key, oldest first; as many as the rate lets.
pub(super) type Starts = BTreeMap<String, Vec<Timestamp>>;

impl Limit {
    /// How many more may be under way.
    fn room(&self, starts: &Starts, now: Timestamp) -> u32 {
        let room = self
            .concurrency
            .map_or(u32::MAX, |most| most.saturating_sub(self.used));
        room.min(self.starts_left(starts, now))
    }

    /// How many more may start now.
    fn starts_left(&self, starts: &Starts, now: Timestamp) -> u32 {
        let (Some(rate), Some(starts)) = (self.rate, starts.get(&self.key)) else {
            return self.rate.map_or(u32::MAX, |rate| most(rate.starts));
        };
        let recent = starts.iter().rev();
        let recent = recent.take_while(|start| start.plus(rate.per) > now);
        most(rate.starts).saturating_sub(u32::try_from(recent.count()).unwrap_or(u32::MAX))
    }

    /// When the next one may start, as far as the rate is concerned; `None`: now.
    pub(super) fn free_at(&self, starts: &Starts, now: Timestamp) -> Option<Timestamp> {
        let rate = self.rate?;
        if self.starts_left(starts, now) > 0 {
            return None;
        }
        let starts = starts.get(&self.key)?;
        let first = starts.len().checked_sub(most(rate.starts) as usize)?;
        starts.get(first).map(|first| first.plus(rate.per))
    }

    fn start(&self, starts: &mut Starts, at: Timestamp) {
        let Some(rate) = self.rate else {
            return;
        };
        let starts = starts.entry(self.key.clone()).or_default();
        starts.retain(|start| start.plus(rate.per) > at);
        starts.insert(starts.partition_point(|&start| start <= at), at);
        let spare = starts.len().saturating_sub(most(rate.starts) as usize);
        starts.drain(..spare);
    }
}

/// A limit of none would hold for ever.
fn most(limit: u32) -> u32 {
    limit.max(1)
}

/// Ready runs that use the same limited keys.
#[derive(Debug, Clone, Default)]
pub(super) struct Lane {
    /// Places of limits, sorted by their keys.
    pub(super) limits: Vec<u32>,
    /// The key of its protocol, unless a quarantine does not hold it.
    pub(super) protocol: Option<String>,
    pub(super) ready: BTreeSet<Turn>,
}

/// All limits and lanes.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys {
    pub(super) limits: Vec<Limit>,
    by_key: FxHashMap<String, Option<u32>>,
    pub(super) lanes: Vec<Lane>,
    by_use: FxHashMap<(Vec<u32>, Option<String>), u32>,
}

/// The key of the protocol at which a task acts.
pub(super) fn protocol_key(spec: &TaskSpec) -> Option<String> {
    match &spec.work {
        Work::Act(act) => Some(format!("protocol:{}", act.protocol)),
        Work::Campaign(_) | Work::Nothing => None,
    }
}

/// Whether a quarantine does not hold the task: critical ones and those that only take out.
fn is_exempt(spec: &TaskSpec) -> bool {
    let reduces = |action: &Action| action.only_reduces();
    spec.critical || matches!(&spec.work, Work::Act(act) if reduces(&act.action))
}

impl Keys {
    /// The lane of a task. Limits hold for what acts; other tasks use nothing.
    pub(super) fn lane_of(&mut self, spec: &TaskSpec, policy: &SchedulerPolicy) -> u32 {
        let protocol = protocol_key(spec);
        let mut limits = Vec::new();
        if protocol.is_some() && !(policy.concurrency.is_empty() && policy.rates.is_empty()) {
            limits.extend(spec.keys.iter().filter_map(|key| self.limit(key, policy)));
            limits.sort_unstable_by_key(|limit| self.limits.get(*limit as usize).map(|of| &of.key));
            limits.dedup();
        }
        let protocol = protocol.filter(|_| policy.quarantine.failures > 0 && !is_exempt(spec));
        let usage = (limits, protocol);
        if let Some(&lane) = self.by_use.get(&usage) {
            return lane;
        }
        let lane = u32::try_from(self.lanes.len()).unwrap_or(u32::MAX);
        self.lanes.push(Lane {
            limits: usage.0.clone(),
            protocol: usage.1.clone(),
            ready: BTreeSet::new(),
        });
        self.by_use.insert(usage, lane);
        lane
    }

    /// The limit of a key: its own, or that of its kind.
    fn limit(&mut self, key: &str, policy: &SchedulerPolicy) -> Option<u32> {
        if let Some(&known) = self.by_key.get(key) {
            return known;
        }
        let kind = key.split_once(':').map_or(key, |(kind, _)| kind);
        let concurrency = policy.concurrency.get(key);
        let concurrency = concurrency.or_else(|| policy.concurrency.get(kind));
        let rate = policy.rates.get(key).or_else(|| policy.rates.get(kind));
        let limited = concurrency.is_some() || rate.is_some();
        let place = limited.then(|| {
            self.limits.push(Limit {
                key: key.to_owned(),
                concurrency: concurrency.map(|&limit| most(limit)),
                rate: rate.copied(),
                used: 0,
            });
            u32::try_from(self.limits.len() - 1).unwrap_or(u32::MAX)
        });
        self.by_key.insert(key.to_owned(), place);
        place
    }

    fn limits_of(&mut self, lane: u32, mut each: impl FnMut(&mut Limit)) {
        let Some(lane) = self.lanes.get(lane as usize) else {
            return;
        };
        for &limit in &lane.limits {
            if let Some(limit) = self.limits.get_mut(limit as usize) {
                each(limit);
            }
        }
    }

    pub(super) fn take(&mut self, lane: u32) {
        self.limits_of(lane, |limit| limit.used = limit.used.saturating_add(1));
    }

    pub(super) fn give_back(&mut self, lane: u32) {
        self.limits_of(lane, |limit| limit.used = limit.used.saturating_sub(1));
    }

    pub(super) fn start(&mut self, lane: u32, starts: &mut Starts, at: Timestamp) {
        self.limits_of(lane, |limit| limit.start(starts, at));
    }

    /// What is left of each limit.
    pub(super) fn rooms(&self, starts: &Starts, now: Timestamp) -> Vec<u32> {
        let limits = self.limits.iter();
        limits.map(|limit| limit.room(starts, now)).collect()
    }
}
