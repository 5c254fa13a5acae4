//! From a record to a slot, and back.

use std::sync::{Arc, OnceLock};

use airdrops_types::{CampaignId, Edge, TaskRecord, TaskSpec, TaskState};

use super::{Book, Detail, Ix, Said, pack, unpack};

/// How many names a text lists.
const NAMES: usize = 5;
/// Most texts that are kept once for all.
const MAX_SHARED: usize = 4096;

/// `a, b and 7 more`.
pub(in crate::machine) fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let all = names.len();
    let mut text = names.take(NAMES).collect::<Vec<_>>().join(", ");
    if all > NAMES {
        text.push_str(&format!(" and {} more", all - NAMES));
    }
    text
}

impl Book {
    /// Keeps what a record says, but for its edges.
    pub(in crate::machine) fn write(&mut self, ix: Ix, record: &TaskRecord) {
        let campaign = self.campaign(&record.campaign);
        let said = self.said(ix, record);
        let no_steps = record.plan.as_ref().is_some_and(Vec::is_empty);
        let detail = Detail {
            not_before: record.not_before,
            attempts: record.attempts,
            failures: record.failures.clone(),
            plan: record.plan.clone().filter(|_| !no_steps),
            cursor: record.cursor,
            step: record.step,
            approved: record.approved.clone(),
            parent: record.parent.clone(),
            child: record.child,
            late: record.late,
            name: (self::name(&record.id.0, &record.campaign) != Some(&record.name))
                .then(|| record.name.clone().into_boxed_str()),
        };
        let slot = &mut self.slots[ix as usize];
        slot.spec = Some(Arc::clone(&record.spec));
        slot.run = record.run;
        slot.due = record.due;
        slot.ready_since = pack(record.ready_since);
        slot.started = pack(record.started);
        slot.ended = pack(record.ended);
        slot.version = record.version;
        slot.campaign = campaign;
        slot.state = record.state;
        slot.said = said;
        slot.no_steps = no_steps;
        slot.view = OnceLock::new();
        if detail == Detail::default() {
            slot.detail = None;
        } else {
            slot.detail = Some(Box::new(detail));
        }
    }

    fn said(&mut self, ix: Ix, record: &TaskRecord) -> Said {
        let Some(text) = &record.reason else {
            return Said::Nothing;
        };
        if record.state == TaskState::Pending
            && text.starts_with("waits for ")
            && *text == self.waits(ix)
        {
            return Said::Waits;
        }
        if let Some(shared) = self.texts.get(text.as_str()) {
            return Said::Text(Arc::clone(shared));
        }
        let text: Arc<str> = Arc::from(text.as_str());
        if self.texts.len() < MAX_SHARED {
            self.texts.insert(Arc::clone(&text));
        }
        Said::Text(text)
    }

    /// `waits for a, b`.
    pub(in crate::machine) fn waits(&self, ix: Ix) -> String {
        let before = &self.slot(ix).before;
        let names = before.iter().map(|&(ix, _)| self.name(ix));
        format!("waits for {}", listed(names))
    }

    /// The task's name; of an unknown run, its id.
    pub(in crate::machine) fn name(&self, ix: Ix) -> &str {
        let slot = self.slot(ix);
        if let Some(name) = slot.detail.as_ref().and_then(|detail| detail.name.as_ref()) {
            return name;
        }
        let campaign = self.campaigns.get(slot.campaign as usize);
        let named = slot.spec.as_ref().and(campaign);
        named
            .and_then(|campaign| name(&slot.id, campaign))
            .or_else(|| inner_name(&slot.id))
            .unwrap_or(&slot.id)
    }

    /// The record of a known run.
    pub(in crate::machine) fn record(&self, ix: Ix) -> TaskRecord {
        let slot = self.slot(ix);
        if let Some(view) = slot.view.get() {
            return (**view).clone();
        }
        let default = Detail::default();
        let detail = slot.detail.as_deref().unwrap_or(&default);
        let spec = slot.spec.clone();
        TaskRecord {
            id: self.id(ix),
            campaign: self.campaigns[slot.campaign as usize].clone(),
            version: slot.version,
            name: self.name(ix).to_owned(),
            run: slot.run,
            spec: spec.unwrap_or_else(|| Arc::new(TaskSpec::of(airdrops_types::Work::Nothing))),
            after: slot
                .before
                .iter()
                .map(|&(ix, on)| Edge {
                    task: self.id(ix),
                    on,
                })
                .collect(),
            state: slot.state,
            reason: match &slot.said {
                Said::Nothing => None,
                Said::Waits => Some(self.waits(ix)),
                Said::Text(text) => Some(text.to_string()),
            },
            not_before: detail.not_before,
            attempts: detail.attempts,
            failures: detail.failures.clone(),
            plan: detail.plan.clone().or_else(|| slot.no_steps.then(Vec::new)),
            cursor: detail.cursor,
            step: detail.step,
            due: slot.due,
            ready_since: unpack(slot.ready_since),
            approved: detail.approved.clone(),
            parent: detail.parent.clone(),
            child: detail.child,
            late: detail.late,
            started: unpack(slot.started),
            ended: unpack(slot.ended),
        }
    }
}

/// The name in `campaign/name#run`.
fn name<'a>(id: &'a str, campaign: &CampaignId) -> Option<&'a str> {
    let rest = id.strip_prefix(campaign.as_str())?.strip_prefix('/')?;
    Some(rest.rsplit_once('#')?.0)
}

/// The name in an id of any campaign.
fn inner_name(id: &str) -> Option<&str> {
    Some(id.rsplit_once('#')?.0.split_once('/')?.1)
}
