//! A region in the form that the methods work on: finite bounds, scaled rows, rows by asset.

use crate::region::Region;
use crate::strategy::Failure;

/// A row, divided by its greatest coefficient.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) terms: Vec<(usize, f64)>,
    pub(super) min: f64,
    pub(super) max: f64,
    /// What it was divided by.
    pub(super) scale: f64,
}

impl Line {
    pub(super) fn value(&self, weights: &[f64]) -> f64 {
        self.terms
            .iter()
            .map(|&(index, a)| a * weights[index])
            .sum()
    }

    /// The most (`most`) or the least that the term of `asset` can be, whatever the others are.
    fn room(&self, asset: usize, most: bool, lower: &[f64], upper: &[f64]) -> f64 {
        let others: f64 = self
            .terms
            .iter()
            .filter(|&&(other, _)| other != asset)
            .map(|&(other, b)| {
                b * if most == (b > 0.0) {
                    lower[other]
                } else {
                    upper[other]
                }
            })
            .sum();
        (if most { self.max } else { self.min }) - others
    }

    pub(super) fn is_equality(&self) -> bool {
        self.max - self.min <= 0.0
    }
}

/// `Σ |w − current| ≤ max`.
#[derive(Debug, Clone)]
pub(super) struct Trade {
    pub(super) current: Vec<f64>,
    pub(super) max: f64,
}

/// Lagrange multipliers. A row's is positive where its minimum holds and negative where its maximum
/// does; that of the turnover is never negative.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Prices {
    pub(super) rows: Vec<f64>,
    pub(super) turnover: f64,
}

/// A region with finite bounds and scaled rows.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) lower: Vec<f64>,
    pub(super) upper: Vec<f64>,
    pub(super) rows: Vec<Line>,
    /// Row and coefficient of each asset.
    pub(super) columns: Vec<Vec<(usize, f64)>>,
    pub(super) turnover: Option<Trade>,
}

impl Program {
    /// Rows keep their indices; a row without terms stays and never has a price.
    pub(super) fn of(region: &Region) -> Result<Self, Failure> {
        let n = region.dimension();
        if region.upper.len() != n {
            return Err(Failure::Missing(format!(
                "{n} lower bounds but {} upper bounds: give one of each for each asset",
                region.upper.len()
            )));
        }
        let mut rows = Vec::with_capacity(region.rows.len());
        let mut columns = vec![Vec::new(); n];
        for (number, row) in region.rows.iter().enumerate() {
            if row.min.is_nan()
                || row.max.is_nan()
                || row.terms.iter().any(|&(i, a)| i >= n || !a.is_finite())
            {
                return Err(Failure::Missing(format!(
                    "limit `{}` has a number that is not finite or an asset that is not there",
                    row.name
                )));
            }
            let scale = row.terms.iter().map(|&(_, a)| a.abs()).fold(0.0, f64::max);
            if row.min > row.max || row.min == f64::INFINITY || row.max == f64::NEG_INFINITY {
                return Err(Failure::Infeasible);
            }
            if scale <= 0.0 {
                if row.min > 0.0 || row.max < 0.0 {
                    return Err(Failure::Infeasible);
                }
                rows.push(Line {
                    terms: Vec::new(),
                    min: f64::NEG_INFINITY,
                    max: f64::INFINITY,
                    scale: 1.0,
                });
                continue;
            }
            let terms: Vec<_> = row
                .terms
                .iter()
                .filter(|&&(_, a)| a != 0.0)
                .map(|&(i, a)| (i, a / scale))
                .collect();
            for &(i, a) in &terms {
                columns[i].push((number, a));
            }
            rows.push(Line {
                terms,
                min: row.min / scale,
                max: row.max / scale,
                scale,
            });
        }
        let turnover = match &region.turnover {
            None => None,
            Some(turnover) => {
                let sound = turnover.current.len() == n
                    && turnover.current.iter().all(|w| w.is_finite())
                    && !turnover.max.is_nan();
                if !sound {
                    return Err(Failure::Missing(
                        "the turnover limit needs a finite current weight of each asset".to_owned(),
                    ));
                }
                if turnover.max < 0.0 {
                    return Err(Failure::Infeasible);
                }
                (turnover.max < f64::INFINITY).then(|| Trade {
                    current: turnover.current.as_slice().to_vec(),
                    max: turnover.max,
                })
            }
        };
        let mut program = Self {
            lower: region.lower.as_slice().to_vec(),
            upper: region.upper.as_slice().to_vec(),
            rows,
            columns,
            turnover,
        };
        program.bound_by_rows();
        for index in 0..n {
            let (low, high) = (program.lower[index], program.upper[index]);
            if low.is_nan() || high.is_nan() {
                return Err(Failure::Missing(format!(
                    "bounds of asset {index} are not numbers"
                )));
            }
            if low > high || low == f64::INFINITY || high == f64::NEG_INFINITY {
                return Err(Failure::Infeasible);
            }
            if low.is_infinite() || high.is_infinite() {
                return Err(Failure::Unbounded(format!(
                    "asset {index} has no finite {} weight and no other limit gives it one: set its bounds",
                    if low.is_infinite() {
                        "least"
                    } else {
                        "greatest"
                    },
                )));
            }
        }
        Ok(program)
    }

    /// Gives infinite bounds the values that single rows and the turnover limit imply.
    fn bound_by_rows(&mut self) {
        if let Some(trade) = &self.turnover {
            for (index, &current) in trade.current.iter().enumerate() {
                if self.lower[index] == f64::NEG_INFINITY {
                    self.lower[index] = current - trade.max;
                }
                if self.upper[index] == f64::INFINITY {
                    self.upper[index] = current + trade.max;
                }
            }
        }
        for row in &self.rows {
            for &(index, a) in &row.terms {
                if self.upper[index] == f64::INFINITY {
                    let room = row.room(index, a > 0.0, &self.lower, &self.upper);
                    self.upper[index] = if room.is_nan() {
                        f64::INFINITY
                    } else {
                        room / a
                    };
                }
                if self.lower[index] == f64::NEG_INFINITY {
                    let room = row.room(index, a < 0.0, &self.lower, &self.upper);
                    self.lower[index] = if room.is_nan() {
                        f64::NEG_INFINITY
                    } else {
                        room / a
                    };
                }
            }
        }
    }

    pub(super) fn dimension(&self) -> usize {
        self.lower.len()
    }

    /// By how much `weights` break the limit that they break most, in scaled rows.
    pub(super) fn violation(&self, weights: &[f64]) -> f64 {
        let bounds = (0..self.dimension())
            .map(|i| (self.lower[i] - weights[i]).max(weights[i] - self.upper[i]));
        let rows = self.rows.iter().map(|row| {
            let value = row.value(weights);
            (row.min - value).max(value - row.max)
        });
        let traded = self
            .turnover
            .iter()
            .map(|trade| trade.value(weights) - trade.max);
        bounds.chain(rows).chain(traded).fold(0.0, f64::max)
    }

    /// `A'y` of one asset.
    pub(super) fn priced(&self, asset: usize, rows: &[f64]) -> f64 {
        self.columns[asset]
            .iter()
            .map(|&(row, a)| a * rows[row])
            .sum()
    }

    pub(super) fn clamp(&self, weights: &mut [f64]) {
        for (i, weight) in weights.iter_mut().enumerate() {
            *weight = weight.max(self.lower[i]).min(self.upper[i]);
        }
    }
}

impl Trade {
    pub(super) fn value(&self, weights: &[f64]) -> f64 {
        weights
            .iter()
            .zip(&self.current)
            .map(|(w, c)| (w - c).abs())
            .sum()
    }
}
