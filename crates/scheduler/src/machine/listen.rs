//! Campaigns that run when something happens.

use airdrops_types::Timestamp;

use super::book::CampaignIx;
use super::fire::fired;
use super::{Change, Scheduler};
use crate::campaign::{Campaign, EventSource, Trigger};
use crate::event::{Event, Happening};

/// Most ends of tasks that wait to be told to those who listen; more are not told.
const MAX_RAISED: usize = 10_000;

/// The events that a campaign's trigger, or a part of it, waits for.
pub(super) fn sources(campaign: &Campaign) -> Vec<&EventSource> {
    let mut sources = Vec::new();
    let mut triggers = vec![&campaign.trigger];
    while let Some(trigger) = triggers.pop() {
        match trigger {
            Trigger::Event(source) => sources.push(source),
            Trigger::Any(parts) => triggers.extend(parts),
            _ => {}
        }
    }
    sources
}

impl Scheduler {
    /// Something happened: makes a run of each campaign that it fires, or says why not.
    pub fn event(&mut self, event: &Event, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        self.begin();
        self.fire_event(event, now, &mut changes);
        self.finish(now, &mut changes);
        changes
    }

    /// Takes note of an end that somebody listens to.
    pub(super) fn raise(&mut self, what: Happening, now: Timestamp) {
        if self.memory.raised.len() >= MAX_RAISED {
            return;
        }
        let event = Event { at: now, what };
        if !self.fired_by(&event).is_empty() {
            self.memory.raised.push_back(event);
        }
    }

    /// Fires for the next end that was noted. `false` if there is none, or if this call has made as many
    /// runs as one call may: campaigns that start each other without an end must not hold up the rest.
    pub(super) fn fire_raised(&mut self, now: Timestamp, changes: &mut Vec<Change>) -> bool {
        if self.budget == 0 {
            return false;
        }
        let Some(event) = self.memory.raised.pop_front() else {
            return false;
        };
        self.budget -= 1;
        self.fire_event(&event, now, changes);
        true
    }

    /// The campaigns that an event fires, by id.
    fn fired_by(&self, event: &Event) -> Vec<CampaignIx> {
        let listeners = self.listeners.values().copied();
        let fires = |place: &CampaignIx| {
            let known = self.campaigns.get(*place as usize);
            let definition = known.and_then(|known| known.definition.as_ref());
            definition.is_some_and(|definition| event.fires(&definition.campaign))
        };
        listeners.filter(fires).collect()
    }

    fn fire_event(&mut self, event: &Event, now: Timestamp, changes: &mut Vec<Change>) {
        for place in self.fired_by(event) {
            let Some(known) = self.campaigns.get(place as usize) else {
                continue;
            };
            let Some(definition) = known.definition.clone() else {
                continue;
            };
            let campaign = &definition.campaign;
            let paused = known
                .trigger
                .as_ref()
                .and_then(|state| state.paused.clone());
            let late = now.since(event.at);
            let skipped = if let Some(reason) = paused {
                Some(format!("paused: {reason}"))
            } else if let Some(run) = self.full(place, campaign) {
                Some(format!("run {run} has not ended"))
            } else {
                let grace = campaign.misfire_grace.filter(|grace| late > *grace);
                grace.map(|grace| {
                    format!(
                        "seen {} s late, misfire grace is {} s",
                        late.as_secs(),
                        grace.as_secs()
                    )
                })
            };
            if let Some(why) = skipped {
                let note = format!("skipped: {why} ({})", event.what);
                changes.push(fired(&campaign.id, event.at, Vec::new(), note));
                continue;
            }
            let note = format!(": {}", event.what);
            let reason = event.what.to_string();
            self.fire_run(&definition, event.at, &note, &reason, now, changes);
        }
    }
}
