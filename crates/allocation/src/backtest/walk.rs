//! Walk-forward by event time.

use std::ops::Range;
use std::time::Duration;

use airdrops_types::Timestamp;

/// How a walk proceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalkForward {
    /// How far back a decision looks, from the newest row that it may use.
    pub window: Duration,
    /// Time from one decision to the next.
    pub step: Duration,
    /// How old a row must be before a decision may use it: at least the longest time that the
    /// outcome of a position takes to be known, such as the lag of a claim.
    pub embargo: Duration,
    /// Rows that a decision needs at least.
    pub least_rows: usize,
}

/// One decision: what it may see, and what it is measured on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// When it is made: at the time of a row.
    pub at: Timestamp,
    /// Rows that it may use: known by `at − embargo`, and not older than the window.
    pub train: Range<usize>,
    /// Rows after `at`, up to the next decision.
    pub test: Range<usize>,
}

impl WalkForward {
    /// The decisions over rows that are known at `times`, ascending. The first is made as soon as
    /// the window is full and has the least number of rows; each stands at the first row at or after
    /// its due time.
    #[must_use]
    pub fn folds(&self, times: &[Timestamp]) -> Vec<Fold> {
        let Some(first) = times.first() else {
            return Vec::new();
        };
        let known = |by: Timestamp| times.partition_point(|at| *at <= by);
        let mut folds: Vec<Fold> = Vec::new();
        let mut due = first.plus(self.window).plus(self.embargo);
        let mut row = 0;
        while row + 1 < times.len() {
            let at = times[row];
            let train = {
                let newest = at.minus(self.embargo);
                let end = known(newest);
                known(newest.minus(self.window)).min(end)..end
            };
            if at >= due && train.len() >= self.least_rows.max(1) {
                if let Some(before) = folds.last_mut() {
                    before.test.end = row + 1;
                }
                folds.push(Fold {
                    at,
                    train,
                    test: row + 1..times.len(),
                });
                due = at.plus(self.step);
            }
            row += 1;
        }
        folds
    }
}
