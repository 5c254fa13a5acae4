//! Runs that can never become ready, because they wait for themselves: stored so, for no graph that is
//! made or grows here has a cycle.
//!
//! They are skipped, one cycle after the other, and told; whoever comes after them is decided by its own
//! edges. A run that comes after one that is not stored is skipped, and told, when it is settled.

use std::collections::BTreeSet;

use airdrops_types::{Join, TaskState, Timestamp};
use rustc_hash::FxHashMap;

use super::book::{Ix, listed};
use super::{Change, Scheduler};

/// Most runs that one report names.
const MAX_NAMED: usize = 100;

impl Scheduler {
    /// Finds, skips and tells the runs that wait for themselves.
    pub(super) fn find_stuck(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        while self.suspect {
            let stuck = self.undecidable();
            self.suspect = !stuck.is_empty();
            for cycle in self.cycles_in(&stuck) {
                let names: Vec<String> = cycle.iter().map(|&ix| self.book.id(ix).0).collect();
                let first = names.first().map(String::as_str);
                let path = listed(
                    names
                        .iter()
                        .map(String::as_str)
                        .chain(first)
                        .collect::<Vec<_>>()
                        .into_iter(),
                );
                let reason = format!("cannot run: these wait for each other: {path}");
                let named = cycle.iter().take(MAX_NAMED);
                changes.push(Change::Stuck {
                    tasks: named.map(|&ix| self.book.id(ix)).collect(),
                    count: cycle.len(),
                    reason: reason.clone(),
                });
                for ix in cycle {
                    self.skip(ix, reason.clone(), now, changes);
                }
            }
            self.settle(now, changes);
        }
    }

    /// Pending runs that no end of other runs can ever decide: all that is left when those that can be
    /// decided are taken away, again and again.
    fn undecidable(&self) -> BTreeSet<Ix> {
        let is_pending = |ix: Ix| {
            let slot = self.book.slot(ix);
            slot.spec.is_some() && slot.state == TaskState::Pending
        };
        let mut waits: FxHashMap<Ix, u32> = FxHashMap::default();
        let mut decidable = Vec::new();
        for ix in self.book.known().filter(|&ix| is_pending(ix)) {
            let slot = self.book.slot(ix);
            let pending = slot.before.iter().filter(|(before, _)| is_pending(*before));
            let pending = pending.count();
            let any = slot
                .spec
                .as_ref()
                .is_some_and(|spec| spec.join == Join::Any);
            let others = slot.before.len() > pending;
            if pending == 0 || (any && others && slot.open_before as usize > pending) {
                decidable.push(ix);
            }
            waits.insert(ix, u32::try_from(pending).unwrap_or(u32::MAX));
        }
        while let Some(ix) = decidable.pop() {
            if waits.remove(&ix).is_none() {
                continue;
            }
            for (to, _) in self.book.after(ix) {
                let spec = self.book.slot(to).spec.as_ref();
                let any = spec.is_some_and(|spec| spec.join == Join::Any);
                if let Some(count) = waits.get_mut(&to) {
                    *count = count.saturating_sub(1);
                    if any || *count == 0 {
                        decidable.push(to);
                    }
                }
            }
        }
        waits.into_keys().collect()
    }

    /// Cycles among runs each of which waits for another one of them: each is named from its first id.
    fn cycles_in(&self, stuck: &BTreeSet<Ix>) -> Vec<Vec<Ix>> {
        let mut seen = BTreeSet::new();
        let mut cycles = Vec::new();
        for start in self.by_id(stuck.iter().copied().collect()) {
            let mut path: Vec<Ix> = Vec::new();
            let mut next = Some(start);
            while let Some(place) = next
                && seen.insert(place)
            {
                path.push(place);
                let before = self.book.slot(place).before.iter();
                next = before
                    .map(|(before, _)| *before)
                    .find(|before| stuck.contains(before));
            }
            // Where the walk came back to its own path.
            if let Some(from) = path.iter().position(|&place| Some(place) == next) {
                let mut cycle = path.split_off(from);
                let ids = cycle.iter().enumerate();
                let first =
                    ids.min_by(|a, b| self.book.slot(*a.1).id.cmp(&self.book.slot(*b.1).id));
                let first = first.map_or(0, |(first, _)| first);
                cycle.rotate_left(first);
                cycles.push(cycle);
            }
        }
        cycles
    }
}
