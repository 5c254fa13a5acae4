//! Runs of campaigns: how they are made, how they end, and which of them are still known.

use std::collections::BTreeSet;
use std::sync::Arc;

use airdrops_types::{CampaignId, Ending, TaskId, TaskState, Timestamp, TriggerState};

use super::book::{CampaignIx, Ix};
use super::graph::{Graph, places};
use super::{Change, Scheduler};
use crate::campaign::Campaign;
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
        if self.is_being_made(key) {
            return;
        }
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
            if self.watched.contains(&key.0) {
                let what = Happening::Ended {
                    campaign: self.book.campaigns[key.0 as usize].clone(),
                    task: None,
                    run: key.1,
                    ending,
                };
                self.raise(what, now);
            }
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
