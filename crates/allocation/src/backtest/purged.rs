//! Combinatorial purged cross-validation (López de Prado 2018, chapter 12).

use std::ops::Range;
use std::time::Duration;

use airdrops_types::Timestamp;
use thiserror::Error;

/// Splits that are made at most.
const MOST_SPLITS: usize = 5_000;

/// How the rows are cut, and what lies too close to a test to be trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purging {
    /// Groups of consecutive rows, `N`.
    pub groups: usize,
    /// Groups of each test, `k`.
    pub test: usize,
    /// How long after its time the outcome of a row is known. Training rows whose outcome overlaps
    /// that of a test row are purged.
    pub horizon: Duration,
    /// How long after a test's outcomes no row is trained on.
    pub embargo: Duration,
}

/// Why there are no splits.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PurgingError {
    /// Not `1 ≤ k < N ≤ rows`.
    #[error("{groups} groups of which {test} are tested need 1 ≤ test < groups ≤ rows ({rows})")]
    Shape {
        /// Groups.
        groups: usize,
        /// Groups of each test.
        test: usize,
        /// Rows.
        rows: usize,
    },
    /// Too many combinations.
    #[error("{groups} groups of which {test} are tested make more than {MOST_SPLITS} splits")]
    TooMany {
        /// Groups.
        groups: usize,
        /// Groups of each test.
        test: usize,
    },
}

/// One split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Groups that are tested, ascending.
    pub tested: Vec<usize>,
    /// Rows that may be trained on, ascending.
    pub train: Vec<usize>,
    /// Rows of each tested group.
    pub test: Vec<Range<usize>>,
}

/// All splits, and how their tests make whole paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Combinations {
    /// `C(N, k)` splits, in lexicographic order of their groups.
    pub splits: Vec<Split>,
    /// `k/N · C(N, k)` paths through all groups: `paths[p][g]` is the split whose test of group `g`
    /// belongs to path `p`. Every test of every split is used once.
    pub paths: Vec<Vec<usize>>,
}

impl Purging {
    /// The splits of rows at `times`, ascending.
    ///
    /// # Errors
    /// [`PurgingError`].
    pub fn combinations(&self, times: &[Timestamp]) -> Result<Combinations, PurgingError> {
        let (groups, test, rows) = (self.groups, self.test, times.len());
        if test == 0 || test >= groups || groups > rows {
            return Err(PurgingError::Shape { groups, test, rows });
        }
        let combinations = choose(groups, test).ok_or(PurgingError::TooMany { groups, test })?;
        let bounds = |group: usize| rows * group / groups..rows * (group + 1) / groups;
        let splits: Vec<Split> = combinations
            .into_iter()
            .map(|tested| {
                let test: Vec<Range<usize>> = tested.iter().map(|group| bounds(*group)).collect();
                Split {
                    train: self.training(times, &test),
                    tested,
                    test,
                }
            })
            .collect();
        let mut paths: Vec<Vec<usize>> = Vec::new();
        for group in 0..groups {
            let testing = splits
                .iter()
                .enumerate()
                .filter(|(_, split)| split.tested.contains(&group));
            for (path, (split, _)) in testing.enumerate() {
                if paths.len() <= path {
                    paths.push(Vec::with_capacity(groups));
                }
                paths[path].push(split);
            }
        }
        Ok(Combinations { splits, paths })
    }

    /// Rows outside every test block and not too close to one.
    fn training(&self, times: &[Timestamp], test: &[Range<usize>]) -> Vec<usize> {
        (0..times.len())
            .filter(|row| {
                test.iter().all(|block| {
                    if block.contains(row) {
                        return false;
                    }
                    let (first, last) = (times[block.start], times[block.end - 1]);
                    let before = times[*row].plus(self.horizon) < first;
                    let after = times[*row] > last.plus(self.horizon).plus(self.embargo);
                    before || after
                })
            })
            .collect()
    }
}

/// All ways to choose `k` of `n`, in lexicographic order; `None` for more than [`MOST_SPLITS`].
fn choose(n: usize, k: usize) -> Option<Vec<Vec<usize>>> {
    let mut all = Vec::new();
    let mut chosen: Vec<usize> = (0..k).collect();
    loop {
        if all.len() >= MOST_SPLITS {
            return None;
        }
        all.push(chosen.clone());
        let Some(place) = (0..k).rev().find(|place| chosen[*place] < n - k + place) else {
            return Some(all);
        };
        chosen[place] += 1;
        for next in place + 1..k {
            chosen[next] = chosen[next - 1] + 1;
        }
    }
}
