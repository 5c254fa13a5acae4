//! Triggers: when they are looked at, and what becomes of fires that come late or too often.

use std::sync::Arc;
use std::time::Duration;

use airdrops_types::{CampaignId, TaskId, Timestamp};
use sha2::{Digest, Sha256};

use super::book::CampaignIx;
use super::run::Compiled;
use super::{Change, Making, Scheduler};
use crate::campaign::{Campaign, CatchUp, Timing, Trigger};
use crate::trigger::{TriggerError, latest_due, next_fire};

/// A fire that is seen later counts as missed, for campaigns that catch nothing up and set no grace.
const MISSED: Duration = Duration::from_secs(60);

/// The first instant of a trigger strictly after `after`, within its bounds.
pub(super) fn upcoming(
    campaign: &Campaign,
    after: Timestamp,
    first_seen: Timestamp,
) -> Result<Option<Timestamp>, TriggerError> {
    let Timing { start, end, .. } = campaign.timing;
    let from = start.map_or(after, |start| {
        after.max(Timestamp(start.0.saturating_sub(1)))
    });
    let next = next_fire(&campaign.trigger, from, first_seen)?;
    Ok(next.filter(|next| end.is_none_or(|end| *next <= end)))
}

/// The last instant up to and including `now` of a trigger that is due since `next`.
fn latest(campaign: &Campaign, next: Timestamp, now: Timestamp) -> Result<Timestamp, TriggerError> {
    let until = campaign.timing.end.map_or(now, |end| end.min(now));
    latest_due(&campaign.trigger, next, until.max(next))
}

/// The first instant of a trigger that is seen for the first time at `now`. A date that has passed
/// is not lost: whether it is too late is for the misfire grace to say.
pub(super) fn first_fire(
    campaign: &Campaign,
    now: Timestamp,
) -> Result<Option<Timestamp>, TriggerError> {
    match campaign.trigger {
        Trigger::Date { at } => {
            let Timing { start, end, .. } = campaign.timing;
            let within = start.is_none_or(|start| at >= start) && end.is_none_or(|end| at <= end);
            Ok(Some(at).filter(|_| within))
        }
        _ => upcoming(campaign, Timestamp(now.0.saturating_sub(1)), now),
    }
}

/// How much later than its instant a run begins: a share of the jitter that is a hash of (`seed`,
/// campaign, instant).
fn jitter(campaign: &Campaign, seed: u64, instant: Timestamp) -> Duration {
    let most = campaign.timing.jitter.as_millis();
    if most == 0 {
        return Duration::ZERO;
    }
    let text = format!("airdrops/jitter/{seed}/{}/{}", campaign.id, instant.0);
    let digest = Sha256::digest(text.as_bytes());
    let share = digest[..8]
        .iter()
        .fold(0_u64, |share, byte| share << 8 | u64::from(*byte));
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    let delay = (u128::from(most) * u128::from(share)) >> 64;
    Duration::from_millis(u64::try_from(delay).unwrap_or(u64::MAX))
}

/// Whether a fire waits for room instead of being skipped.
fn waits_for_room(campaign: &Campaign) -> bool {
    campaign.trigger.is_one_shot() || campaign.catch_up == CatchUp::All
}

fn late_note(late: Duration) -> String {
    match late.as_secs() {
        0 => String::new(),
        seconds => format!(", {seconds} s late"),
    }
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
        let campaign = &definition.campaign;
        let full = known.open.len() >= campaign.max_instances.max(1) as usize;
        let waits = full && waits_for_room(campaign);
        if let Some(next) = state.next
            && state.paused.is_none()
            && !waits
        {
            let at = next.plus(jitter(campaign, self.seed, next));
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
        for place in due {
            if *budget == 0 {
                return false;
            }
            *budget -= 1;
            fired = true;
            self.fire_one(place, now, changes);
            self.plan_look(place);
        }
        fired
    }

    fn fire_one(&mut self, place: CampaignIx, now: Timestamp, changes: &mut Vec<Change>) {
        let Some(known) = self.campaigns.get(place as usize) else {
            return;
        };
        let Some(definition) = known.definition.clone() else {
            return;
        };
        let campaign = &definition.campaign;
        let Some(next) = known.trigger.as_ref().and_then(|state| state.next) else {
            return;
        };
        let open_run = self.full(place, campaign);
        self.unsaved.insert(place);
        match self.instants(campaign, next, now) {
            // Cannot be: the trigger was validated. A trigger that cannot be read stops, visibly.
            Err(error) => {
                self.advance(place, None);
                let note = format!("the trigger has stopped: {error}");
                changes.push(fired(&campaign.id, next, Vec::new(), note));
            }
            Ok(Instants {
                due,
                upcoming,
                skip,
            }) => {
                self.advance(place, upcoming);
                let late = now.since(due);
                let skip = match open_run {
                    Some(run) => Some(format!("skipped: run {run} has not ended")),
                    None => skip,
                };
                if let Some(note) = skip {
                    changes.push(fired(&campaign.id, due, Vec::new(), note));
                    return;
                }
                let mut note = late_note(late);
                if due > next {
                    note.push_str(&format!(", for all fires since {next}"));
                }
                self.fire_run(&definition, due, &note, "due", now, changes);
            }
        }
    }

    /// What a trigger that is due since `next` fires for.
    fn instants(
        &self,
        campaign: &Campaign,
        next: Timestamp,
        now: Timestamp,
    ) -> Result<Instants, TriggerError> {
        let grace = campaign.misfire_grace;
        let (due, skip) = match campaign.catch_up {
            CatchUp::All => match grace.map(|grace| now.minus(grace)) {
                Some(oldest) if next < oldest => {
                    let last = latest(campaign, next, Timestamp(oldest.0.saturating_sub(1)))?;
                    let note = format!(
                        "skipped: fires from {next} to {last}, misfire grace is {} s",
                        now.since(oldest).as_secs()
                    );
                    (last, Some(note))
                }
                _ => (next, None),
            },
            CatchUp::One | CatchUp::Skip => {
                let passed = now.minus(campaign.timing.jitter).max(next);
                let due = latest(campaign, next, passed)?;
                let late = now.since(due);
                let missed = grace.or_else(|| {
                    (campaign.catch_up == CatchUp::Skip)
                        .then(|| MISSED.saturating_add(campaign.timing.jitter))
                });
                let skip = missed.filter(|most| late > *most).map(|most| match grace {
                    Some(_) => format!(
                        "skipped: seen {} s late, misfire grace is {} s",
                        late.as_secs(),
                        most.as_secs()
                    ),
                    None => format!("skipped: missed, seen {} s late", late.as_secs()),
                });
                (due, skip)
            }
        };
        Ok(Instants {
            due,
            upcoming: upcoming(campaign, due, next)?,
            skip,
        })
    }

    fn advance(&mut self, place: CampaignIx, next: Option<Timestamp>) {
        let known = self.campaigns.get_mut(place as usize);
        if let Some(state) = known.and_then(|known| known.trigger.as_mut()) {
            state.next = next;
        }
    }

    /// The latest open run of a campaign that may have no more of them.
    pub(super) fn full(&self, place: CampaignIx, campaign: &Campaign) -> Option<u64> {
        let open = &self.campaigns.get(place as usize)?.open;
        let full = open.len() >= campaign.max_instances.max(1) as usize;
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

struct Instants {
    due: Timestamp,
    upcoming: Option<Timestamp>,
    skip: Option<String>,
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
