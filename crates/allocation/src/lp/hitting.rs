//! Smallest sets that meet every one of some sets.

/// Partial sets that may be looked at in all.
const NODES: usize = 100_000;

/// Looks for smallest sets that meet every one of some sets.
pub(super) struct Hitting {
    sets: Vec<Vec<usize>>,
    chosen: Vec<bool>,
    /// No set of fewer places meets all.
    least: usize,
    nodes: usize,
}

impl Hitting {
    pub(super) fn new(places: usize) -> Self {
        Self {
            sets: Vec::new(),
            chosen: vec![false; places],
            least: 0,
            nodes: 0,
        }
    }

    /// One more set to meet.
    pub(super) fn add(&mut self, set: Vec<usize>) {
        self.sets.push(set);
    }

    /// A smallest set of at most `most` places that meets every set; `None` if there is none, or
    /// none was found within the bound of nodes.
    pub(super) fn smallest(&mut self, most: usize) -> Option<Vec<bool>> {
        self.chosen.fill(false);
        for size in self.least.max(self.disjoint())..=most {
            if self.hit(size) {
                self.least = size;
                return Some(self.chosen.clone());
            }
        }
        None
    }

    /// How many of the sets have nothing in common with each other, counted greedily.
    fn disjoint(&self) -> usize {
        let mut taken = vec![false; self.chosen.len()];
        let mut count = 0;
        for set in &self.sets {
            if set.iter().all(|&place| !taken[place]) {
                count += 1;
                for &place in set {
                    taken[place] = true;
                }
            }
        }
        count
    }

    fn hit(&mut self, left: usize) -> bool {
        self.nodes += 1;
        if self.nodes > NODES {
            return false;
        }
        let missed = self
            .sets
            .iter()
            .filter(|set| !set.iter().any(|&place| self.chosen[place]))
            .min_by_key(|set| set.len());
        let Some(missed) = missed.cloned() else {
            return true;
        };
        if left == 0 {
            return false;
        }
        for place in missed {
            self.chosen[place] = true;
            if self.hit(left - 1) {
                return true;
            }
            self.chosen[place] = false;
        }
        false
    }
}
