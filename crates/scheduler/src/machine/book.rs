//! The task runs that are known, kept small: an arena of slots with dense indices, from which a
//! [`TaskRecord`] is made when somebody asks for it.

mod record;

use std::collections::hash_map::Entry;
use std::hash::BuildHasher;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use airdrops_types::{
    CampaignId, Conditions, ErrorClass, Operation, TaskId, TaskRecord, TaskSpec, TaskState,
    Timestamp,
};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

pub(super) use self::record::listed;

/// Place of a task run in the arena.
pub(super) type Ix = u32;
/// Place of a campaign in [`Book::campaigns`].
pub(super) type CampaignIx = u32;

/// No edge.
const NONE: u32 = u32::MAX;
/// No instant.
const NEVER: i64 = i64::MIN;

#[derive(Debug, Clone, Default)]
enum Said {
    #[default]
    Nothing,
    /// Made of its edges.
    Waits,
    Text(Arc<str>),
}

/// What a run comes after. Most come after one or none.
#[derive(Debug, Clone, Default)]
pub(super) enum Before {
    #[default]
    Nothing,
    One((Ix, Conditions)),
    Many(Box<[(Ix, Conditions)]>),
}

impl Deref for Before {
    type Target = [(Ix, Conditions)];

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Nothing => &[],
            Self::One(edge) => std::slice::from_ref(edge),
            Self::Many(edges) => edges,
        }
    }
}

impl From<Vec<(Ix, Conditions)>> for Before {
    fn from(edges: Vec<(Ix, Conditions)>) -> Self {
        match edges.as_slice() {
            [] => Self::Nothing,
            [edge] => Self::One(*edge),
            _ => Self::Many(edges.into_boxed_slice()),
        }
    }
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
    pub(super) before: Before,
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
            before: Before::Nothing,
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

    pub(super) fn id(&self, ix: Ix) -> TaskId {
        TaskId::new(&*self.slot(ix).id)
    }

    /// The record, kept until the run changes.
    pub(super) fn view(&self, ix: Ix) -> &TaskRecord {
        let slot = self.slot(ix);
        slot.view.get_or_init(|| Box::new(self.record(ix)))
    }

    /// Adds what a run comes after, and tells those.
    pub(super) fn link(&mut self, ix: Ix, before: impl Iterator<Item = (Ix, Conditions)>) {
        let mut edges = self.slots[ix as usize].before.to_vec();
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
        slot.before = Before::from(edges);
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
        for &(before, on) in self.slot(ix).before.iter() {
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
        slot.before = Before::Nothing;
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
