//! What operators ask for.

use std::sync::Arc;

use airdrops_types::{CampaignId, Command, TaskId, TaskState, Timestamp, Work};

use super::book::{CampaignIx, Ix};
use super::fire::upcoming;
use super::run::Compiled;
use super::{Change, Refused, Scheduler};
use crate::event::{Event, Happening};

/// Most runs that one back-fill makes.
const MAX_BACKFILL: usize = 100;

impl Scheduler {
    /// Does what somebody asks for. `under_way` says whether a transaction of a run may be out. Returns
    /// what is to be stored, and what was done in words.
    ///
    /// # Errors
    ///
    /// Why it was not done; then nothing has changed.
    pub fn command(
        &mut self,
        command: &Command,
        by: &str,
        now: Timestamp,
        under_way: &dyn Fn(&TaskId) -> bool,
    ) -> Result<(Vec<Change>, String), Refused> {
        let mut changes = Vec::new();
        self.begin();
        let text = match command {
            Command::Define { .. } => return Err(Refused::Definition),
            Command::Pause { campaign, reason } => self.pause(campaign, reason, by)?,
            Command::Resume { campaign } => self.resume(campaign, now)?,
            Command::Run { campaign } => {
                let (_, definition) = self.defined(campaign)?;
                let reason = format!("{by} asked for it");
                let note = format!(", {reason}");
                let run = self.fire_run(&definition, now, &note, &reason, now, &mut changes);
                format!("run {run} of {campaign} has begun")
            }
            Command::Backfill { campaign, from, to } => {
                self.backfill(campaign, (*from, *to), by, now, &mut changes)?
            }
            Command::Retry { task } => self.retry(task, by, now, under_way, &mut changes)?,
            Command::Rerun { task } => self.rerun(task, by, now, &mut changes)?,
            Command::Skip { task, reason } => {
                let ix = self.stoppable(task, under_way)?;
                self.cancel_child(ix, reason, now, under_way, &mut changes)?;
                self.skip(ix, format!("{by} left it out: {reason}"), now, &mut changes);
                format!("{task} is skipped")
            }
            Command::Cancel { task, reason } => {
                let ix = self.cancellable(task, under_way)?;
                self.cancel_child(ix, reason, now, under_way, &mut changes)?;
                let reason = format!("{by} cancelled it: {reason}");
                self.end(ix, TaskState::Cancelled, reason, now, &mut changes);
                let undone = self.compensate(ix, by, now, &mut changes);
                format!("{task} is cancelled{undone}")
            }
            Command::Approve { task } => self.approve(task, by, now, &mut changes)?,
            Command::Event { name, .. } => {
                let name = name.clone();
                let what = Happening::Named { name };
                let event = Event { at: now, what };
                changes.extend(self.event(&event, now));
                let fired = changes.iter().filter(
                    |change| matches!(change, Change::Fired { tasks, .. } if !tasks.is_empty()),
                );
                match fired.count() {
                    0 => "no campaign ran because of it".to_owned(),
                    1 => "one campaign runs because of it".to_owned(),
                    runs => format!("{runs} campaigns run because of it"),
                }
            }
        };
        self.finish(now, &mut changes);
        Ok((changes, text))
    }

    /// A campaign that is defined.
    fn defined(&self, campaign: &CampaignId) -> Result<(CampaignIx, Arc<Compiled>), Refused> {
        let found = self.find(campaign);
        let found = found.and_then(|(place, known)| Some((place, known.definition.clone()?)));
        found.ok_or_else(|| Refused::UnknownCampaign {
            campaign: campaign.clone(),
        })
    }

    fn set_paused(&mut self, place: CampaignIx, reason: Option<String>) -> bool {
        let known = self.campaigns.get_mut(place as usize);
        let Some(state) = known.and_then(|known| known.trigger.as_mut()) else {
            return false;
        };
        if state.paused.is_some() == reason.is_some() {
            return false;
        }
        state.paused = reason;
        self.unsaved.insert(place);
        self.plan_look(place);
        true
    }

    fn pause(&mut self, campaign: &CampaignId, reason: &str, by: &str) -> Result<String, Refused> {
        let (place, _) = self.defined(campaign)?;
        if !self.set_paused(place, Some(format!("{reason} ({by})"))) {
            return Err(Refused::Already {
                campaign: campaign.clone(),
                how: "paused already",
            });
        }
        let open = self.find(campaign).map_or(0, |(_, known)| known.open.len());
        Ok(match open {
            0 => format!("{campaign} is paused"),
            1 => format!("{campaign} is paused; one run that began goes on"),
            open => format!("{campaign} is paused; {open} runs that began go on"),
        })
    }

    /// Fires again: from now on, and once for a trigger that fires only once. What a recurring trigger
    /// would have fired for in the meantime is not made up for.
    fn resume(&mut self, campaign: &CampaignId, now: Timestamp) -> Result<String, Refused> {
        let (place, definition) = self.defined(campaign)?;
        let state = self
            .find(campaign)
            .and_then(|(_, known)| known.trigger.as_ref());
        let passed = state.filter(|state| state.next.is_some_and(|next| next <= now));
        let recurs = !definition.campaign.trigger.is_one_shot();
        let next = match passed.filter(|state| recurs && state.paused.is_some()) {
            Some(state) => Some(upcoming(
                &definition.campaign,
                now,
                state.next.unwrap_or(now),
            )?),
            None => None,
        };
        if !self.set_paused(place, None) {
            return Err(Refused::Already {
                campaign: campaign.clone(),
                how: "not paused",
            });
        }
        if let Some(next) = next {
            let known = self.campaigns.get_mut(place as usize);
            if let Some(state) = known.and_then(|known| known.trigger.as_mut()) {
                state.next = next;
            }
            self.plan_look(place);
        }
        let state = self
            .find(campaign)
            .and_then(|(_, known)| known.trigger.as_ref());
        Ok(match state.and_then(|state| state.next) {
            Some(next) => format!("{campaign} goes on; its next fire is at {next}"),
            None => format!("{campaign} goes on"),
        })
    }

    /// One run for each instant, at most a hundred. A deadline or a service level that counts from an
    /// instant of the past would end each run before it began: these runs have none.
    fn backfill(
        &mut self,
        campaign: &CampaignId,
        (from, to): (Timestamp, Timestamp),
        by: &str,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<String, Refused> {
        let (_, definition) = self.defined(campaign)?;
        let state = self
            .find(campaign)
            .and_then(|(_, known)| known.trigger.as_ref());
        let first_seen = state.map_or(now, |state| state.first_seen);
        let mut instants = Vec::new();
        let mut after = Timestamp(from.0.saturating_sub(1));
        let mut more = None;
        while let Some(next) = upcoming(&definition.campaign, after, first_seen)?
            && next <= to
        {
            if instants.len() == MAX_BACKFILL {
                more = Some(next);
                break;
            }
            instants.push(next);
            after = next;
        }
        let (Some(first), Some(last)) = (instants.first(), instants.last()) else {
            return Err(Refused::NoInstant {
                campaign: campaign.clone(),
            });
        };
        let mut text = format!(
            "{} runs of {campaign} from {first} to {last}",
            instants.len()
        );
        if let Some(more) = more {
            text.push_str(&format!(
                ", which is the most at once; ask again from {more}"
            ));
        }
        let mut timeless = definition.campaign.clone();
        for task in &mut timeless.tasks {
            if task.spec.deadline.is_some() || task.spec.sla.is_some() {
                let spec = Arc::make_mut(&mut task.spec);
                (spec.deadline, spec.sla) = (None, None);
            }
        }
        let timeless = Arc::new(Compiled {
            campaign: timeless,
            graph: definition.graph.clone(),
        });
        let reason = format!("{by} asked for the run of this instant");
        for due in instants {
            let note = format!(", back-filled by {by}");
            self.fire_run(&timeless, due, &note, &reason, now, changes);
        }
        Ok(text)
    }

    fn retry(
        &mut self,
        task: &TaskId,
        by: &str,
        now: Timestamp,
        under_way: &dyn Fn(&TaskId) -> bool,
        changes: &mut Vec<Change>,
    ) -> Result<String, Refused> {
        let ix = self.task(task)?;
        let mut record = self.book.record(ix);
        let state = record.state;
        let hint = match state {
            TaskState::Deferred | TaskState::Retrying | TaskState::Failed | TaskState::Dead => None,
            TaskState::Pending => Some("it waits for others, a moment or an approval"),
            TaskState::Ready | TaskState::Running => Some("it may run already"),
            TaskState::Awaiting => Some("its transaction is out; wait for its outcome"),
            TaskState::Completed => Some("it is done; run it again instead"),
            TaskState::Cancelled | TaskState::Skipped => {
                Some("it was left out on purpose; run it again instead")
            }
        };
        if let Some(hint) = hint {
            let task = task.clone();
            return Err(Refused::State { task, state, hint });
        }
        if under_way(task) {
            return Err(Refused::UnderWay { task: task.clone() });
        }
        record.state = TaskState::Ready;
        record.not_before = None;
        if state.is_final() {
            record.attempts = 0;
            record.failures.clear();
            record.ended = None;
            record.ready_since = Some(now);
            // Who asks for it now knows that it is late.
            let deadline = record.spec.deadline;
            if deadline.is_some_and(|after| record.due.plus(after) <= now) {
                Arc::make_mut(&mut record.spec).deadline = None;
            }
        }
        let reason = format!("{by} asked for another attempt");
        record.reason = Some(reason.clone());
        self.put(ix, record, reason, now, changes);
        Ok(format!("{task} may run again now"))
    }

    fn approve(
        &mut self,
        task: &TaskId,
        by: &str,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<String, Refused> {
        let ix = self.task(task)?;
        let mut record = self.book.record(ix);
        let hint = match (record.state, record.spec.approval, &record.approved) {
            (TaskState::Pending, true, None) => None,
            (TaskState::Pending, true, Some(_)) => Some("it is approved already"),
            (_, true, _) => Some("it does not wait for an approval any more"),
            (_, false, _) => Some("it needs no approval"),
        };
        if let Some(hint) = hint {
            let (task, state) = (task.clone(), record.state);
            return Err(Refused::State { task, state, hint });
        }
        record.approved = Some(by.to_owned());
        let reason = format!("approved by {by}");
        if self.book.says(ix, super::settle::APPROVAL) {
            record.reason = Some(reason.clone());
        }
        self.put(ix, record, reason, now, changes);
        self.undecided.push_back(ix);
        Ok(format!("{task} is approved"))
    }

    /// A known run.
    pub(super) fn task(&self, task: &TaskId) -> Result<Ix, Refused> {
        let found = self.book.find(task.as_str());
        found.ok_or_else(|| Refused::UnknownTask { task: task.clone() })
    }

    /// An open run of which no transaction is out.
    fn stoppable(&self, task: &TaskId, under_way: &dyn Fn(&TaskId) -> bool) -> Result<Ix, Refused> {
        let ix = self.task(task)?;
        let state = self.book.slot(ix).state;
        if state == TaskState::Awaiting || under_way(task) {
            return Err(Refused::UnderWay { task: task.clone() });
        }
        if state.is_final() {
            let (task, hint) = (task.clone(), "it has ended already");
            return Err(Refused::State { task, state, hint });
        }
        Ok(ix)
    }

    /// An open run, or a dead letter, of which no transaction is out.
    fn cancellable(
        &self,
        task: &TaskId,
        under_way: &dyn Fn(&TaskId) -> bool,
    ) -> Result<Ix, Refused> {
        let ix = self.task(task)?;
        if self.book.slot(ix).state == TaskState::Dead && !under_way(task) {
            return Ok(ix);
        }
        self.stoppable(task, under_way)
    }

    /// Cancels what is open of the run that a task started, and of theirs; all of it, or nothing.
    fn cancel_child(
        &mut self,
        ix: Ix,
        reason: &str,
        now: Timestamp,
        under_way: &dyn Fn(&TaskId) -> bool,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refused> {
        let mut open = Vec::new();
        let mut runs_cut = Vec::new();
        let mut parents = vec![ix];
        while let Some(parent) = parents.pop() {
            let spec = self.book.slot(parent).spec.as_ref();
            let runs = spec.is_some_and(|spec| matches!(spec.work, Work::Campaign(_)));
            let child = self.child_of(parent).filter(|_| runs);
            runs_cut.extend(child);
            let run = child.and_then(|key| self.runs.get(&key));
            for &task in run.into_iter().flat_map(|run| &run.tasks) {
                let state = self.book.slot(task).state;
                if !state.is_final() {
                    self.stoppable(&self.book.id(task), under_way)?;
                    open.push(task);
                    parents.push(task);
                }
            }
        }
        for key in runs_cut {
            self.stop_making(key);
        }
        let parent = self.book.id(ix);
        for task in self.by_id(open) {
            let reason = format!("{parent} was stopped: {reason}");
            self.end(task, TaskState::Cancelled, reason, now, changes);
        }
        Ok(())
    }
}
