//! The smallest face that holds a region: limits that have no room anywhere in it are equalities.

use nalgebra::DVector;

use super::{CONFLICT, Limit, Reduction, distinct::distinct};
use crate::lp;
use crate::region::{Region, Row, Turnover};

/// What may have no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Lower(usize),
    Upper(usize),
    Row(usize),
}

impl Reduction {
    /// The region of the free weights.
    fn region(&self) -> Region {
        let row = |limit: &Limit, min: f64| Row {
            name: String::new(),
            terms: limit.terms.clone(),
            min,
            max: limit.bound,
        };
        let equal = self.equal.iter().map(|limit| row(limit, limit.bound));
        let rows = self.rows.iter().map(|limit| row(limit, f64::NEG_INFINITY));
        Region {
            lower: DVector::from_column_slice(&self.lower),
            upper: DVector::from_column_slice(&self.upper),
            rows: equal.chain(rows).collect(),
            turnover: self.turnover.as_ref().map(|(current, max)| Turnover {
                current: DVector::from_column_slice(current),
                max: *max,
            }),
        }
    }

    fn room(&self, side: Side, weights: &DVector<f64>) -> f64 {
        match side {
            Side::Lower(index) => weights[index] - self.lower[index],
            Side::Upper(index) => self.upper[index] - weights[index],
            Side::Row(at) => {
                let row = &self.rows[at];
                let value = row.terms.iter().map(|&(index, by)| by * weights[index]);
                row.bound - value.sum::<f64>()
            }
        }
    }

    /// Limits that have no room at any weights. The sum of all rooms is made as large as it gets;
    /// what has some is set aside, until what is left has none.
    fn tight(&self) -> Option<Vec<Side>> {
        let region = self.region();
        let n = self.free.len();
        let bounds = (0..n).flat_map(|index| [Side::Lower(index), Side::Upper(index)]);
        let mut left: Vec<Side> = bounds.chain((0..self.rows.len()).map(Side::Row)).collect();
        loop {
            let mut cost = DVector::zeros(n);
            for side in &left {
                match *side {
                    Side::Lower(index) => cost[index] -= 1.0,
                    Side::Upper(index) => cost[index] += 1.0,
                    Side::Row(at) => {
                        for &(index, by) in &self.rows[at].terms {
                            cost[index] += by;
                        }
                    }
                }
            }
            let weights = lp::minimise(&cost, &region).ok()?.weights;
            let before = left.len();
            left.retain(|&side| self.room(side, &weights) <= CONFLICT);
            if left.is_empty() || left.len() == before {
                return Some(left);
            }
        }
    }

    /// The same region with all that the limits imply: weights that have no room are fixed, rows
    /// without any are equalities. `None` if there is nothing of the kind.
    pub(crate) fn face(&self) -> Option<Self> {
        let tight = self.tight()?;
        if tight.is_empty() {
            return None;
        }
        let n = self.free.len();
        let mut fixed: Vec<Option<f64>> = vec![None; n];
        let mut forced = vec![false; self.rows.len()];
        for side in tight {
            match side {
                Side::Lower(index) => fixed[index] = Some(self.lower[index]),
                Side::Upper(index) => fixed[index] = Some(self.upper[index]),
                Side::Row(at) => forced[at] = true,
            }
        }
        let left: Vec<usize> = (0..n).filter(|&index| fixed[index].is_none()).collect();
        let mut weights = self.weights.clone();
        for (&index, value) in self.free.iter().zip(&fixed) {
            if let Some(value) = value {
                weights[index] = *value;
            }
        }
        let narrowed = |limit: &Limit| {
            let mut narrow = Limit {
                terms: Vec::new(),
                bound: limit.bound,
            };
            for &(index, by) in &limit.terms {
                match (fixed[index], left.binary_search(&index)) {
                    (Some(value), _) => narrow.bound -= by * value,
                    (None, Ok(position)) => narrow.terms.push((position, by)),
                    (None, Err(_)) => {}
                }
            }
            narrow
        };
        let (mut rows, mut equal) = (Vec::new(), Vec::new());
        for (row, forced) in self.rows.iter().zip(&forced) {
            if *forced {
                equal.push(narrowed(row));
            } else {
                rows.push(narrowed(row));
            }
        }
        equal.extend(self.equal.iter().map(narrowed));
        rows.retain(|row| !row.terms.is_empty());
        equal.retain(|row| !row.terms.is_empty());
        let (rows, equal) = distinct(rows, equal, left.len());
        let turnover = self.turnover.as_ref().map(|(current, max)| {
            let spent = fixed.iter().zip(current);
            let spent: f64 = spent
                .filter_map(|(value, current)| value.map(|value| (value - current).abs()))
                .sum();
            let current = left.iter().map(|&index| current[index]).collect();
            (current, max - spent)
        });
        let of = |bounds: &[f64]| left.iter().map(|&index| bounds[index]).collect();
        Some(Self {
            free: left.iter().map(|&index| self.free[index]).collect(),
            weights,
            lower: of(&self.lower),
            upper: of(&self.upper),
            rows,
            equal,
            turnover,
        })
    }
}
