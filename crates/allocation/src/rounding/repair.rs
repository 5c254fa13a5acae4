//! Moves of single weights and pairs that mend broken limits and break no other.

use super::grid::{Grid, Term};
use crate::parts::COEFFICIENT;

/// A direction: up or down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

impl Way {
    fn sign(self) -> i128 {
        match self {
            Self::Up => 1,
            Self::Down => -1,
        }
    }

    fn opposite(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}

/// A limit that is broken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Broken {
    /// The sum of a line must move this way.
    Line(usize, Way),
    /// Too much is traded.
    Turnover,
}

/// Weights on their way to keeping every limit.
pub(super) struct Repair<'a> {
    grid: &'a Grid,
    weights: Vec<i128>,
    /// The sum of each line, rounded down and up.
    sums: Vec<(i128, i128)>,
    traded: i128,
}

impl<'a> Repair<'a> {
    pub(super) fn new(grid: &'a Grid, weights: Vec<i128>) -> Self {
        let mut repair = Self {
            grid,
            sums: vec![(0, 0); grid.lines.len()],
            traded: 0,
            weights,
        };
        for index in 0..repair.weights.len() {
            repair.account(index, 1);
        }
        repair
    }

    /// Adds or takes the share of a weight in all sums.
    fn account(&mut self, index: usize, sign: i128) {
        let weight = self.weights[index];
        for term in &self.grid.terms[index] {
            let (down, up) = products(*term, weight);
            self.sums[term.line].0 += sign * down;
            self.sums[term.line].1 += sign * up;
        }
        if let Some((held, _)) = &self.grid.turnover {
            let (below, above) = held[index];
            self.traded += sign * (weight - below).abs().max((weight - above).abs());
        }
    }

    fn shift(&mut self, index: usize, by: i128) {
        self.account(index, -1);
        self.weights[index] += by;
        self.account(index, 1);
    }

    /// Mends what can be mended; the weights may still break limits.
    pub(super) fn run(mut self) -> Vec<i128> {
        let limits = self.grid.lines.len() + 1;
        let moves = 4 * self.weights.len() + 64 * limits;
        for _ in 0..moves {
            let broken = self.broken();
            if broken.is_empty() || !broken.into_iter().any(|limit| self.mend(limit)) {
                break;
            }
        }
        self.weights
    }

    fn broken(&self) -> Vec<Broken> {
        let mut broken = Vec::new();
        for (line, (bounds, sums)) in self.grid.lines.iter().zip(&self.sums).enumerate() {
            if sums.0 < bounds.min {
                broken.push(Broken::Line(line, Way::Up));
            } else if sums.1 > bounds.max {
                broken.push(Broken::Line(line, Way::Down));
            }
        }
        if self
            .grid
            .turnover
            .as_ref()
            .is_some_and(|(_, most)| self.traded > *most)
        {
            broken.push(Broken::Turnover);
        }
        broken
    }

    /// One move that lessens what is broken; says whether there was one.
    fn mend(&mut self, broken: Broken) -> bool {
        let (candidates, need): (Vec<(usize, Way)>, i128) = match broken {
            Broken::Line(line, way) => {
                let members = self.grid.members[line].iter();
                let need = match way {
                    Way::Up => self.grid.lines[line].min - self.sums[line].0,
                    Way::Down => self.sums[line].1 - self.grid.lines[line].max,
                };
                (members.map(|&index| (index, way)).collect(), need)
            }
            Broken::Turnover => {
                let Some((held, most)) = &self.grid.turnover else {
                    return false;
                };
                let back = held
                    .iter()
                    .enumerate()
                    .filter_map(|(index, &(below, above))| {
                        let weight = self.weights[index];
                        if weight > above {
                            Some((index, Way::Down))
                        } else if weight < below {
                            Some((index, Way::Up))
                        } else {
                            None
                        }
                    });
                (back.collect(), self.traded - most)
            }
        };
        let mut best: Option<(i128, usize, Way, Option<usize>)> = None;
        for (index, way) in candidates {
            let room = self.room(index, way);
            if room == 0 {
                continue;
            }
            let others = (0..self.weights.len()).filter(|other| *other != index);
            for other in std::iter::once(None).chain(others.map(Some)) {
                let most = match other {
                    None => room,
                    Some(other) => room.min(self.room(other, way.opposite())),
                };
                if most == 0 {
                    continue;
                }
                let (step, enough) = self.step(broken, need, index, way, other, most);
                if step > best.map_or(0, |best| best.0) {
                    best = Some((step, index, way, other));
                    if enough {
                        break;
                    }
                }
            }
            if best.is_some() {
                break;
            }
        }
        let Some((step, index, way, other)) = best else {
            return false;
        };
        self.shift(index, way.sign() * step);
        if let Some(other) = other {
            self.shift(other, -way.sign() * step);
        }
        true
    }

    /// How far a weight can go until its bound, or a place where slopes change.
    fn room(&self, index: usize, way: Way) -> i128 {
        let weight = self.weights[index];
        let (low, high) = self.grid.bounds[index];
        let held = self.grid.turnover.as_ref().map(|(held, _)| held[index]);
        match way {
            Way::Up => {
                let bound = high - weight;
                let zero = if weight < 0 { -weight } else { bound };
                let turn = held.map_or(bound, |(below, _)| {
                    if weight < below {
                        below - weight
                    } else {
                        bound
                    }
                });
                bound.min(zero).min(turn).max(0)
            }
            Way::Down => {
                let bound = weight - low;
                let zero = if weight > 0 { weight } else { bound };
                let turn = held.map_or(bound, |(_, above)| {
                    if weight > above {
                        weight - above
                    } else {
                        bound
                    }
                });
                bound.min(zero).min(turn).max(0)
            }
        }
    }

    /// What is traded more per part that a weight moves, at most.
    fn trade(&self, index: usize, way: Way) -> i128 {
        let Some((held, _)) = &self.grid.turnover else {
            return 0;
        };
        let (below, above) = held[index];
        let back = match way {
            Way::Up => self.weights[index] < below,
            Way::Down => self.weights[index] > above,
        };
        if back { -1 } else { 1 }
    }

    /// The slopes of a line's sums, rounded down and up, per part that a weight moves.
    fn slopes(&self, term: Term, index: usize, way: Way) -> (i128, i128) {
        let weight = self.weights[index];
        let positive = weight > 0 || (weight == 0 && way == Way::Up);
        let (down, up) = if positive {
            (term.down, term.up)
        } else {
            (term.up, term.down)
        };
        (way.sign() * down, way.sign() * up)
    }

    /// The longest useful move of up to `most` parts that worsens no limit, and whether it is all
    /// that is needed.
    fn step(
        &self,
        broken: Broken,
        need: i128,
        index: usize,
        way: Way,
        other: Option<usize>,
        most: i128,
    ) -> (i128, bool) {
        let mut step = most;
        let mut gain = 0;
        let mut line = |line: usize, slopes: (i128, i128)| {
            if broken == Broken::Line(line, Way::Up) {
                gain = slopes.0;
            } else if broken == Broken::Line(line, Way::Down) {
                gain = -slopes.1;
            }
            let (bounds, sums) = (&self.grid.lines[line], self.sums[line]);
            if slopes.1 > 0 {
                step = step.min((bounds.max - sums.1).max(0) / slopes.1);
            }
            if slopes.0 < 0 {
                step = step.min((sums.0 - bounds.min).max(0) / -slopes.0);
            }
        };
        let none: &[Term] = &[];
        let mut first = self.grid.terms[index].iter().peekable();
        let second = other.map_or(none, |other| self.grid.terms[other].as_slice());
        let mut second = second.iter().peekable();
        // Both lists ascend by line.
        loop {
            let next = match (first.peek(), second.peek()) {
                (Some(a), Some(b)) => a.line.min(b.line),
                (Some(a), None) => a.line,
                (None, Some(b)) => b.line,
                (None, None) => break,
            };
            let mut slopes = (0, 0);
            if let Some(term) = first.next_if(|term| term.line == next) {
                slopes = self.slopes(*term, index, way);
            }
            if let Some(term) = second.next_if(|term| term.line == next)
                && let Some(other) = other
            {
                let more = self.slopes(*term, other, way.opposite());
                slopes = (slopes.0 + more.0, slopes.1 + more.1);
            }
            line(next, slopes);
        }
        if let Some((_, limit)) = &self.grid.turnover {
            let back = other.map_or(0, |other| self.trade(other, way.opposite()));
            let slope = self.trade(index, way) + back;
            if broken == Broken::Turnover {
                gain = -slope;
            } else if slope > 0 {
                step = step.min((limit - self.traded).max(0) / slope);
            }
        }
        if gain <= 0 {
            return (0, false);
        }
        let wanted = (need + gain - 1) / gain;
        (step.min(wanted), step >= wanted)
    }
}

/// The share of a weight in a sum, rounded down and up.
fn products(term: Term, weight: i128) -> (i128, i128) {
    debug_assert!(term.down <= term.up && term.up <= COEFFICIENT * 1000);
    if weight < 0 {
        (term.up * weight, term.down * weight)
    } else {
        (term.down * weight, term.up * weight)
    }
}
