//! The task runs that are known, kept small: an arena of slots with dense indices, from which a
//! [`TaskRecord`] is made when somebody asks for it.

use std::collections::hash_map::Entry;
use std::hash::BuildHasher;
use std::sync::{Arc, OnceLock};

use airdrops_types::{
    CampaignId, Conditions, Edge, ErrorClass, Operation, TaskId, TaskRecord, TaskSpec, TaskState,
    Timestamp,
};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

/// Place of a task run in the arena.
pub(super) type Ix = u32;
/// Place of a campaign in [`Book::campaigns`].
pub(super) type CampaignIx = u32;

/// No edge.
const NONE: u32 = u32::MAX;
/// No instant.
const NEVER: i64 = i64::MIN;
/// How many names a text lists.
const NAMES: usize = 5;
/// Most texts that are kept once for all.
const MAX_SHARED: usize = 4096;

#[derive(Debug, Clone, Default)]
enum Said {
    #[default]
    Nothing,
    /// Made of its edges.
    Waits,
    Text(Arc<str>),
}

/// What only few runs have.
#[derive(Debug, Clone, Default, PartialEq)]
struct Detail {
    not_before: Option<Timestamp>,
    attempts: u32,
    failures: Vec<(ErrorClass, u32)>,
    plan: Option<Vec<Operation>>,
    cursor: usize,
    step: u32,
    approved: Option<String>,
    parent: Option<TaskId>,
    child: Option<u64>,
    late: bool,
    /// The name, if the id does not tell it.
    name: Option<Box<str>>,
}

/// One task run; or, if it is not known, only its id, because another one comes after it.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) id: Arc<str>,
    pub(super) spec: Option<Arc<TaskSpec>>,
    pub(super) run: u64,
    pub(super) due: Timestamp,
    ready_since: i64,
    started: i64,
    ended: i64,
    pub(super) before: Box<[(Ix, Conditions)]>,
    detail: Option<Box<Detail>>,
    said: Said,
    view: OnceLock<Box<TaskRecord>>,
    first_out: u32,
    version: u32,
    pub(super) campaign: CampaignIx,
    /// Of those before it, how many have not ended.
    pub(super) open_before: u32,
    /// The group of ready runs that it belongs to.
    pub(super) lane: u32,
    /// The priority with which it is queued.
    pub(super) level: i32,
    pub(super) state: TaskState,
    /// Whether the plan is there and empty.
    no_steps: bool,
    /// Whether one before it ended as its edge asks for.
    pub(super) met: bool,
    /// Whether one before it ended otherwise, or is not known.
    pub(super) unmet: bool,
}

#[derive(Debug, Clone, Copy)]
struct Out {
    to: Ix,
    on: Conditions,
    next: u32,
}

/// All task runs that are known, and the graph between them.
#[derive(Debug, Clone)]
pub(super) struct Book {
    slots: Vec<Slot>,
    free: Vec<Ix>,
    /// By the hash of the id; `clashes` has those whose hash another id has, too.
    lookup: FxHashMap<u64, Ix>,
    clashes: FxHashMap<Arc<str>, Ix>,
    out: Vec<Out>,
    free_out: u32,
    texts: FxHashSet<Arc<str>>,
    pub(super) campaigns: Vec<CampaignId>,
    campaign_places: FxHashMap<CampaignId, CampaignIx>,
}

impl Default for Book {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            lookup: FxHashMap::default(),
            clashes: FxHashMap::default(),
            out: Vec::new(),
            free_out: NONE,
            texts: FxHashSet::default(),
            campaigns: Vec::new(),
            campaign_places: FxHashMap::default(),
        }
    }
}

fn pack(instant: Option<Timestamp>) -> i64 {
    instant.map_or(NEVER, |instant| instant.0)
}

fn unpack(instant: i64) -> Option<Timestamp> {
    (instant != NEVER).then_some(Timestamp(instant))
}

/// `a, b and 7 more`.
pub(super) fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let all = names.len();
    let mut text = names.take(NAMES).collect::<Vec<_>>().join(", ");
    if all > NAMES {
        text.push_str(&format!(" and {} more", all - NAMES));
    }
    text
}

fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(NONE)
}

impl Book {
    /// The place of a campaign, which is made if there is none.
    pub(super) fn campaign(&mut self, id: &CampaignId) -> CampaignIx {
        if let Some(&place) = self.campaign_places.get(id) {
            return place;
        }
        let place = index(self.campaigns.len());
        self.campaigns.push(id.clone());
        self.campaign_places.insert(id.clone(), place);
        place
    }

    pub(super) fn find_campaign(&self, id: &CampaignId) -> Option<CampaignIx> {
        self.campaign_places.get(id).copied()
    }

    pub(super) fn reserve(&mut self, more: usize) {
        self.slots.reserve(more.saturating_sub(self.free.len()));
        self.lookup.reserve(more);
        self.out.reserve(more);
    }

    pub(super) fn slot(&self, ix: Ix) -> &Slot {
        &self.slots[ix as usize]
    }

    pub(super) fn slot_mut(&mut self, ix: Ix) -> &mut Slot {
        &mut self.slots[ix as usize]
    }

    /// The place of a known run.
    pub(super) fn find(&self, id: &str) -> Option<Ix> {
        self.place(id).filter(|&ix| self.slot(ix).spec.is_some())
    }

    fn place(&self, id: &str) -> Option<Ix> {
        let ix = *self.lookup.get(&FxBuildHasher.hash_one(id))?;
        if &*self.slot(ix).id == id {
            return Some(ix);
        }
        self.clashes.get(id).copied()
    }

    /// The place of an id, known or not.
    pub(super) fn intern(&mut self, id: &str) -> Ix {
        if let Some(ix) = self.place(id) {
            return ix;
        }
        let id: Arc<str> = Arc::from(id);
        let hash = FxBuildHasher.hash_one(&*id);
        let slot = Slot {
            id: Arc::clone(&id),
            spec: None,
            run: 0,
            due: Timestamp(0),
            ready_since: NEVER,
            started: NEVER,
            ended: NEVER,
            before: Box::default(),
            detail: None,
            said: Said::Nothing,
            view: OnceLock::new(),
            first_out: NONE,
            version: 0,
            campaign: 0,
            open_before: 0,
            lane: NONE,
            level: 0,
            state: TaskState::Pending,
            no_steps: false,
            met: false,
            unmet: false,
        };
        let ix = match self.free.pop() {
            Some(ix) => {
                self.slots[ix as usize] = slot;
                ix
            }
            None => {
                self.slots.push(slot);
                index(self.slots.len() - 1)
            }
        };
        if let Entry::Vacant(entry) = self.lookup.entry(hash) {
            entry.insert(ix);
        } else {
            self.clashes.insert(id, ix);
        }
        ix
    }

    /// Keeps what a record says, but for its edges.
    pub(super) fn write(&mut self, ix: Ix, record: &TaskRecord) {
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
    pub(super) fn waits(&self, ix: Ix) -> String {
        let before = &self.slot(ix).before;
        let names = before.iter().map(|&(ix, _)| self.name(ix));
        format!("waits for {}", listed(names))
    }

    /// The task's name; of an unknown run, its id.
    pub(super) fn name(&self, ix: Ix) -> &str {
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

    pub(super) fn id(&self, ix: Ix) -> TaskId {
        TaskId::new(&*self.slot(ix).id)
    }

    /// The record of a known run.
    pub(super) fn record(&self, ix: Ix) -> TaskRecord {
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

    /// The record, kept until the run changes.
    pub(super) fn view(&self, ix: Ix) -> &TaskRecord {
        let slot = self.slot(ix);
        slot.view.get_or_init(|| Box::new(self.record(ix)))
    }

    /// Adds what a run comes after, and tells those.
    pub(super) fn link(&mut self, ix: Ix, before: impl Iterator<Item = (Ix, Conditions)>) {
        let mut edges = std::mem::take(&mut self.slots[ix as usize].before).into_vec();
        edges.reserve_exact(before.size_hint().0);
        for (from, on) in before {
            edges.push((from, on));
            let next = self.slots[from as usize].first_out;
            let out = Out { to: ix, on, next };
            let place = if self.free_out == NONE {
                self.out.push(out);
                index(self.out.len() - 1)
            } else {
                let place = self.free_out;
                self.free_out = self.out[place as usize].next;
                self.out[place as usize] = out;
                place
            };
            self.slots[from as usize].first_out = place;
        }
        let slot = &mut self.slots[ix as usize];
        slot.before = edges.into_boxed_slice();
        slot.view = OnceLock::new();
    }

    /// Who comes after a run, and on which endings.
    pub(super) fn after(&self, ix: Ix) -> impl Iterator<Item = (Ix, Conditions)> + '_ {
        let mut next = self.slot(ix).first_out;
        std::iter::from_fn(move || {
            let out = self.out.get(next as usize)?;
            next = out.next;
            Some((out.to, out.on))
        })
    }

    /// Counts anew what a run waits for.
    pub(super) fn recount(&mut self, ix: Ix) {
        let (mut open, mut met, mut unmet) = (0, false, false);
        for &(before, on) in &self.slot(ix).before {
            let before = self.slot(before);
            match before.state.ending() {
                _ if before.spec.is_none() => unmet = true,
                None => open += 1,
                Some(ending) if on.holds(ending) => met = true,
                Some(_) => unmet = true,
            }
        }
        let slot = self.slot_mut(ix);
        (slot.open_before, slot.met, slot.unmet) = (open, met, unmet);
    }

    /// Forgets a run; whoever comes after it is forgotten together with it.
    pub(super) fn forget(&mut self, ix: Ix) {
        let id = Arc::clone(&self.slot(ix).id);
        let hash = FxBuildHasher.hash_one(&*id);
        if self.clashes.remove(&id).is_none() {
            self.lookup.remove(&hash);
            // Another id of the same hash takes its place.
            if !self.clashes.is_empty() {
                let other = self
                    .clashes
                    .keys()
                    .find(|id| FxBuildHasher.hash_one(&***id) == hash);
                if let Some(other) = other.cloned()
                    && let Some(ix) = self.clashes.remove(&other)
                {
                    self.lookup.insert(hash, ix);
                }
            }
        }
        let mut next = self.slot(ix).first_out;
        while let Some(out) = self.out.get_mut(next as usize) {
            let place = next;
            next = out.next;
            out.next = self.free_out;
            self.free_out = place;
        }
        let slot = self.slot_mut(ix);
        slot.spec = None;
        slot.before = Box::default();
        slot.detail = None;
        slot.said = Said::Nothing;
        slot.view = OnceLock::new();
        slot.first_out = NONE;
        self.free.push(ix);
    }

    pub(super) fn not_before(&self, ix: Ix) -> Option<Timestamp> {
        self.slot(ix).detail.as_ref()?.not_before
    }

    pub(super) fn is_approved(&self, ix: Ix) -> bool {
        let detail = self.slot(ix).detail.as_ref();
        detail.is_some_and(|detail| detail.approved.is_some())
    }

    pub(super) fn is_late(&self, ix: Ix) -> bool {
        self.slot(ix).detail.as_ref().is_some_and(|d| d.late)
    }

    pub(super) fn parent(&self, ix: Ix) -> Option<&TaskId> {
        self.slot(ix).detail.as_ref()?.parent.as_ref()
    }

    pub(super) fn child(&self, ix: Ix) -> Option<u64> {
        self.slot(ix).detail.as_ref()?.child
    }

    pub(super) fn reason(&self, ix: Ix) -> String {
        match &self.slot(ix).said {
            Said::Nothing => String::new(),
            Said::Waits => self.waits(ix),
            Said::Text(text) => text.to_string(),
        }
    }

    /// Whether a run's reason is this text.
    pub(super) fn says(&self, ix: Ix, text: &str) -> bool {
        matches!(&self.slot(ix).said, Said::Text(said) if &**said == text)
    }

    pub(super) fn started(&self, ix: Ix) -> Option<Timestamp> {
        unpack(self.slot(ix).started)
    }

    pub(super) fn ready_since(&self, ix: Ix) -> Option<Timestamp> {
        unpack(self.slot(ix).ready_since)
    }

    /// Every known run, in no order that means anything.
    pub(super) fn known(&self) -> impl Iterator<Item = Ix> + '_ {
        let known = self.slots.iter().enumerate();
        known
            .filter(|(_, slot)| slot.spec.is_some())
            .map(|(place, _)| index(place))
    }
}

/// The name in `campaign/name#run`.
fn name<'a>(id: &'a str, campaign: &CampaignId) -> Option<&'a str> {
    let rest = id.strip_prefix(campaign.as_str())?.strip_prefix('/')?;
    Some(rest.rsplit_once('#')?.0)
}

fn inner_name(id: &str) -> Option<&str> {
    Some(id.rsplit_once('#')?.0.split_once('/')?.1)
}
