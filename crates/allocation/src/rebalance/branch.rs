//! Branch and bound over the stretches of the holdings' domains.
//!
//! A node restricts some holdings to some of their stretches. Its relaxation gives a bound, a plan,
//! and where the two part ([`node`](super::node)); there it is split. The node with the greatest
//! bound comes first. Nothing here reads a clock: a limit of linear programs ends the search, so
//! that a replay ends it alike.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::rebalance::model::{Model, Sizes};
use crate::rebalance::node::{Range, Relaxed, Relaxer, Split};

/// What the search found.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    /// The best sizes.
    pub(crate) best: Sizes,
    /// No plan has a greater net benefit: at the root.
    pub(crate) relaxation: i128,
    /// No plan has a greater net benefit: in the end.
    pub(crate) bound: i128,
    /// How many linear programs were solved.
    pub(crate) programs: u32,
}

/// When the search may end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    /// After so many linear programs.
    pub(crate) programs: u32,
    /// When the best plan is within so many millionths of the bound.
    pub(crate) parts_per_million: u32,
}

impl Stop {
    fn within(&self, net: i128, bound: i128) -> bool {
        bound - net <= net.abs().saturating_mul(i128::from(self.parts_per_million)) / 1_000_000
    }
}

/// A node whose relaxation is solved, to be split.
struct Node {
    bound: i128,
    number: u32,
    ranges: Vec<Range>,
    split: Split,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Node {}
impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Node {
    /// The greatest bound last, the newest of equals.
    fn cmp(&self, other: &Self) -> Ordering {
        (self.bound, self.number).cmp(&(other.bound, other.number))
    }
}

struct Tree {
    best: Sizes,
    open: BinaryHeap<Node>,
    number: u32,
    /// The greatest bound of nodes that cannot be split any more.
    closed: i128,
}

impl Tree {
    /// Takes what a node's relaxation says.
    fn grow(&mut self, relaxed: Relaxed, ranges: Vec<Range>) {
        if let Some(plan) = relaxed.plan.filter(|plan| plan.net > self.best.net) {
            self.best = plan;
        }
        if relaxed.bound <= self.best.net {
            return;
        }
        self.number += 1;
        match relaxed.split {
            Some(split) => self.open.push(Node {
                bound: relaxed.bound,
                number: self.number,
                ranges,
                split,
            }),
            None => self.closed = self.closed.max(relaxed.bound),
        }
    }
}

/// Searches from a start that keeps every row and the budget.
pub(crate) fn search(model: &Model<'_>, start: Sizes, stop: Stop) -> Search {
    let mut relaxer = Relaxer::of(model);
    let mut tree = Tree {
        closed: start.net,
        best: start,
        open: BinaryHeap::new(),
        number: 0,
    };
    let mut relaxation = tree.best.net;
    if let Some(root) = relaxer.relax(&[], &tree.best, i128::MAX) {
        relaxation = root.bound.max(relaxation);
        tree.grow(root, Vec::new());
    }
    while let Some(node) = tree.open.pop() {
        let bound = node.bound.max(tree.closed);
        if stop.within(tree.best.net, bound) || relaxer.programs >= stop.programs {
            tree.closed = bound;
            break;
        }
        for (lo, hi) in [node.split.low, node.split.high] {
            let mut ranges = node.ranges.clone();
            ranges.retain(|range| range.index != node.split.index);
            ranges.push(Range {
                index: node.split.index,
                lo,
                hi,
            });
            if let Some(child) = relaxer.relax(&ranges, &tree.best, node.bound) {
                tree.grow(child, ranges);
            }
        }
    }
    Search {
        relaxation,
        bound: tree.closed.max(tree.best.net),
        best: tree.best,
        programs: relaxer.programs,
    }
}
