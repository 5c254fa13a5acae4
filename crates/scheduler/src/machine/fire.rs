//! Triggers: when they are looked at, and what becomes of fires that come late or too often.

use std::sync::Arc;
use std::time::Duration;

use airdrops_types::{CampaignId, TaskId, Timestamp, TriggerState};

use super::book::CampaignIx;
use super::run::Compiled;
use super::{Change, Making, Scheduler};
use crate::campaign::{Campaign, CatchUp};
use crate::trigger::{Lookback, Missed, Stretch, missed};

impl Compiled {
    /// When the run of an instant begins.
    fn moment(&self, instant: Timestamp, first_seen: Timestamp, seed: u64) -> Timestamp {
        let campaign = &self.campaign.id;
        self.trigger
            .fire_moment(instant, first_seen, seed, campaign)
    }

    /// What becomes of the instants from `next` to `now`: at most `limit` of them run.
    pub(super) fn missed(
        &self,
        (next, first_seen): (Timestamp, Timestamp),
        catch_up: CatchUp,
        limit: usize,
        seed: u64,
        now: Timestamp,
    ) -> Missed {
        let lookback = Lookback {
            next,
            now,
            first_seen,
            catch_up,
            misfire_grace: self.campaign.misfire_grace,
            limit,
            seed,
            campaign: &self.campaign.id,
        };
        missed(&self.trigger, &lookback)
    }

    /// Whether a fire waits for room instead of being skipped.
    fn waits_for_room(&self) -> bool {
        self.trigger.is_one_shot() || self.campaign.catch_up == CatchUp::All
    }
}

fn late_note(late: Duration) -> String {
    match late.as_secs() {
        0 => String::new(),
        seconds => format!(", {seconds} s late"),
    }
}

/// Why instants make no run, and which, if there are several.
fn skip_note(skipped: &Stretch, why: &str) -> String {
    match skipped.count {
        1 => format!("skipped: {why}"),
        _ => format!("skipped: {skipped}, {why}"),
    }
}

/// That instants were seen too late, the last one by `late`.
fn too_late(campaign: &Campaign, passed: &Stretch, late: Duration) -> String {
    let last = match passed.count {
        1 => "",
        _ => "the last one ",
    };
    let late = late.as_secs();
    let why = match campaign.misfire_grace {
        Some(grace) => format!(
            "{last}seen {late} s late, misfire grace is {} s",
            grace.as_secs()
        ),
        None => format!("{last}missed, seen {late} s late"),
    };
    skip_note(passed, &why)
}

/// All instants that are due, of a trigger that catches up at most one.
fn all_due(missed: &Missed) -> Option<Stretch> {
    let last = missed.instants.last().copied();
    Some(match (missed.passed, last) {
        (Some(passed), Some(last)) => Stretch {
            last,
            count: passed.count.saturating_add(1),
            ..passed
        },
        (Some(passed), None) => passed,
        (None, last) => {
            let last = last?;
            Stretch {
                first: last,
                last,
                count: 1,
                uncounted: false,
            }
        }
    })
}

impl Scheduler {
    /// Plans when a campaign's trigger is to be looked at; never, while it is paused, has no more
    /// instants, or waits for room.
    pub(super) fn plan_look(&mut self, place: CampaignIx) {
        let Some(known) = self.campaigns.get_mut(place as usize) else {
            return;
        };
        if let Some(at) = known.looks_at.take() {
            self.looks.remove(&(at, place));
        }
        let (Some(definition), Some(state)) = (&known.definition, &known.trigger) else {
            return;
        };
        let full = known.open.len() >= definition.campaign.max_instances as usize;
        let waits = full && definition.waits_for_room();
        if let Some(next) = state.next
            && state.paused.is_none()
            && !waits
        {
            let at = definition.moment(next, state.first_seen, self.seed);
            known.looks_at = Some(at);
            self.looks.insert((at, place));
        }
    }

    /// Fires what is due. Returns whether something was.
    pub(super) fn fire(
        &mut self,
        now: Timestamp,
        budget: &mut usize,
        changes: &mut Vec<Change>,
    ) -> bool {
        let due = self.looks.iter().take_while(|(at, _)| *at <= now);
        let mut due: Vec<CampaignIx> = due.map(|(_, place)| *place).collect();
        due.sort_unstable_by(|&a, &b| {
            let id = |place: CampaignIx| &self.book.campaigns[place as usize];
            id(a).cmp(id(b))
        });
        let mut fired = false;
        for (place, waiting) in due.iter().zip((1..=due.len()).rev()) {
            if *budget == 0 {
                return false;
            }
            // Who has much to catch up leaves room for the others.
            let most = (*budget / waiting).max(1);
            let made = self.fire_one(*place, most, now, changes);
            *budget = budget.saturating_sub(made.max(1));
            fired = true;
            self.plan_look(*place);
        }
        fired
    }

    /// Fires a trigger: makes runs, at most `most`, or says why not. Returns how many it made.
    fn fire_one(
        &mut self,
        place: CampaignIx,
        most: usize,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> usize {
        let Some(known) = self.campaigns.get(place as usize) else {
            return 0;
        };
        let (Some(definition), Some(state)) = (known.definition.clone(), &known.trigger) else {
            return 0;
        };
        let &TriggerState {
            next: Some(next),
            first_seen,
            ..
        } = state
        else {
            return 0;
        };
        let campaign = &definition.campaign;
        let open_run = self.full(place, campaign);
        if open_run.is_some() && definition.waits_for_room() {
            return 0;
        }
        let room = (campaign.max_instances as usize).saturating_sub(known.open.len());
        let (seed, catch_up) = (self.seed, campaign.catch_up);
        let missed = definition.missed((next, first_seen), catch_up, room.min(most), seed, now);
        let late = |due| now.since(definition.moment(due, first_seen, seed));
        self.advance(place, missed.next);
        if let Some(run) = open_run {
            if let Some(due) = all_due(&missed) {
                let note = skip_note(&due, &format!("run {run} has not ended"));
                changes.push(fired(&campaign.id, due.last, Vec::new(), note));
            }
            return 0;
        }
        let mut instead = String::new();
        if let Some(passed) = &missed.passed {
            match catch_up {
                CatchUp::One if !missed.instants.is_empty() => {
                    instead = format!(", also for {passed}");
                }
                CatchUp::Skip if !missed.instants.is_empty() => {
                    instead = format!(", without {passed}");
                }
                _ => {
                    let note = too_late(campaign, passed, late(passed.last));
                    changes.push(fired(&campaign.id, passed.last, Vec::new(), note));
                }
            }
        }
        for due in &missed.instants {
            let note = late_note(late(*due)) + &instead;
            self.fire_run(&definition, *due, &note, "due", now, changes);
        }
        missed.instants.len()
    }

    pub(super) fn advance(&mut self, place: CampaignIx, next: Option<Timestamp>) {
        let known = self.campaigns.get_mut(place as usize);
        if let Some(state) = known.and_then(|known| known.trigger.as_mut()) {
            state.next = next;
            self.unsaved.insert(place);
        }
    }

    /// The latest open run of a campaign that may have no more of them.
    pub(super) fn full(&self, place: CampaignIx, campaign: &Campaign) -> Option<u64> {
        let open = &self.campaigns.get(place as usize)?.open;
        let full = open.len() >= campaign.max_instances as usize;
        open.last().copied().filter(|_| full)
    }

    /// A run of a campaign, for an instant, with what is to be said about it.
    pub(super) fn fire_run(
        &mut self,
        definition: &Arc<Compiled>,
        due: Timestamp,
        note: &str,
        reason: &str,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> u64 {
        let campaign = &definition.campaign.id;
        let run = self.next_run(campaign, now);
        let version = self.find(campaign).map_or(0, |(_, known)| known.version);
        let place = changes.len();
        changes.push(fired(campaign, due, Vec::new(), format!("run {run}{note}")));
        let begin = Making {
            campaign: campaign.clone(),
            run,
            version,
            due,
            parent: None,
            reason: reason.to_owned(),
            made: 0,
            definition: 0,
        };
        let made = self.begin_run(definition, begin, now, changes);
        if let Some(Change::Fired { tasks, .. }) = changes.get_mut(place) {
            *tasks = made;
        }
        run
    }
}

pub(super) fn fired(
    campaign: &CampaignId,
    due: Timestamp,
    tasks: Vec<TaskId>,
    note: String,
) -> Change {
    Change::Fired {
        campaign: campaign.clone(),
        due,
        tasks,
        note,
    }
}
