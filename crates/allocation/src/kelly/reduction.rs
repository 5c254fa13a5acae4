//! A region without what does not need an optimiser: weights that the limits fix, rows that can
//! never bind, limits that say the same twice.

mod distinct;
mod face;

use nalgebra::DVector;

use crate::region::Region;
use crate::strategy::Failure;

/// Bounds that are nearer than this are one value.
const SAME: f64 = 1e-12;
/// By how much limits may conflict before they do: what floats cannot tell.
const CONFLICT: f64 = 1e-9;
/// Passes over the rows; each tightens bounds, and the later ones hardly ever find more.
const PASSES: usize = 8;

/// `Σ coefficient · weight ≤ bound`, or `=`, over the free weights.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    pub(crate) terms: Vec<(usize, f64)>,
    pub(crate) bound: f64,
}

/// The limits of the free weights.
#[derive(Debug, Clone)]
pub(crate) struct Reduction {
    /// Which weights are free, `n`, ascending.
    pub(crate) free: Vec<usize>,
    /// All weights; the fixed ones have their value.
    pub(crate) weights: Vec<f64>,
    /// Least free weights, `n`.
    pub(crate) lower: Vec<f64>,
    /// Greatest free weights, `n`.
    pub(crate) upper: Vec<f64>,
    /// `≤`.
    pub(crate) rows: Vec<Limit>,
    /// `=`.
    pub(crate) equal: Vec<Limit>,
    /// Free weights before, and what of the turnover is left to them.
    pub(crate) turnover: Option<(Vec<f64>, f64)>,
}

/// Bounds that are tightened from the rows.
struct Bounds {
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl Bounds {
    /// The least and the greatest value of a row.
    fn range(&self, terms: &[(usize, f64)]) -> (f64, f64) {
        terms.iter().fold((0.0, 0.0), |(low, high), &(index, by)| {
            let ends = (by * self.lower[index], by * self.upper[index]);
            (low + ends.0.min(ends.1), high + ends.0.max(ends.1))
        })
    }

    /// Bounds that have crossed by less than floats can tell become one value.
    fn settle(&mut self) -> Result<(), Failure> {
        for (lower, upper) in self.lower.iter_mut().zip(&mut self.upper) {
            if lower.is_nan() || upper.is_nan() || *lower - *upper > CONFLICT {
                return Err(Failure::Infeasible);
            }
            if *upper < *lower {
                let middle = 0.5 * (*upper + *lower);
                (*lower, *upper) = (middle, middle);
            }
        }
        Ok(())
    }

    /// Fixes all weights of a row whose least value is all that it may have, and caps bounds that
    /// are not finite.
    fn tighten(&mut self, terms: &[(usize, f64)], max: f64) -> Result<(), Failure> {
        let (low, _) = self.range(terms);
        if low > max + CONFLICT {
            return Err(Failure::Infeasible);
        }
        let forced = low >= max - SAME;
        for &(index, by) in terms {
            if by == 0.0 {
                continue;
            }
            let (lower, upper) = (self.lower[index], self.upper[index]);
            if forced && low.is_finite() {
                if by > 0.0 {
                    self.upper[index] = lower;
                } else {
                    self.lower[index] = upper;
                }
            } else if low.is_finite() {
                let reach = if by > 0.0 { lower } else { upper } + (max - low) / by;
                if by > 0.0 && !upper.is_finite() {
                    self.upper[index] = reach;
                } else if by < 0.0 && !lower.is_finite() {
                    self.lower[index] = reach;
                }
            }
        }
        Ok(())
    }
}

impl Reduction {
    /// Reduces `region`.
    ///
    /// # Errors
    /// [`Failure::Infeasible`] if one limit alone cannot be met within the bounds;
    /// [`Failure::Unbounded`] if neither a bound nor a row ends a weight.
    pub(crate) fn new(region: &Region) -> Result<Self, Failure> {
        let n = region.dimension();
        let mut bounds = Bounds {
            lower: region.lower.iter().copied().collect(),
            upper: region.upper.iter().copied().collect(),
        };
        if let Some(turnover) = &region.turnover {
            for index in 0..n {
                let current = turnover.current[index];
                bounds.lower[index] = bounds.lower[index].max(current - turnover.max);
                bounds.upper[index] = bounds.upper[index].min(current + turnover.max);
            }
        }
        bounds.settle()?;
        let negated: Vec<Vec<(usize, f64)>> = region
            .rows
            .iter()
            .map(|row| row.terms.iter().map(|&(index, by)| (index, -by)).collect())
            .collect();
        for _ in 0..PASSES {
            let before = (bounds.lower.clone(), bounds.upper.clone());
            for (row, negated) in region.rows.iter().zip(&negated) {
                bounds.tighten(&row.terms, row.max)?;
                bounds.tighten(negated, -row.min)?;
                bounds.settle()?;
            }
            if before == (bounds.lower.clone(), bounds.upper.clone()) {
                break;
            }
        }
        let endless = |bound: &&f64| !bound.is_finite();
        if bounds
            .lower
            .iter()
            .chain(&bounds.upper)
            .any(|b| endless(&b))
        {
            return Err(Failure::Unbounded(
                "a weight has no bound: give each asset a least and a greatest weight".to_owned(),
            ));
        }
        Ok(Self::of(region, &bounds, &negated))
    }

    fn of(region: &Region, bounds: &Bounds, negated: &[Vec<(usize, f64)>]) -> Self {
        let n = region.dimension();
        let free: Vec<usize> = (0..n)
            .filter(|&index| bounds.upper[index] - bounds.lower[index] > SAME)
            .collect();
        let weights: Vec<f64> = (0..n)
            .map(|index| 0.5 * (bounds.lower[index] + bounds.upper[index]))
            .collect();
        let limit = |terms: &[(usize, f64)], bound: f64| {
            let mut left = Limit {
                terms: Vec::new(),
                bound,
            };
            for &(index, by) in terms {
                match free.binary_search(&index) {
                    Ok(_) if by == 0.0 => {}
                    Ok(position) => left.terms.push((position, by)),
                    Err(_) => left.bound -= by * weights[index],
                }
            }
            left
        };
        let (mut rows, mut equal) = (Vec::new(), Vec::new());
        for (row, negated) in region.rows.iter().zip(negated) {
            let (low, high) = bounds.range(&row.terms);
            if row.max - row.min <= SAME {
                equal.push(limit(&row.terms, 0.5 * (row.min + row.max)));
                continue;
            }
            if high > row.max + SAME {
                rows.push(limit(&row.terms, row.max));
            }
            if low < row.min - SAME {
                rows.push(limit(negated, -row.min));
            }
        }
        rows.retain(|row| !row.terms.is_empty());
        equal.retain(|row| !row.terms.is_empty());
        let (rows, equal) = distinct::distinct(rows, equal, free.len());
        let turnover = region.turnover.as_ref().and_then(|turnover| {
            let spent: f64 = (0..n)
                .filter(|index| free.binary_search(index).is_err())
                .map(|index| (weights[index] - turnover.current[index]).abs())
                .sum();
            let most: f64 = free
                .iter()
                .map(|&index| {
                    let current = turnover.current[index];
                    (bounds.upper[index] - current)
                        .abs()
                        .max((bounds.lower[index] - current).abs())
                })
                .sum();
            let current = free.iter().map(|&index| turnover.current[index]).collect();
            (spent + most > turnover.max + SAME).then_some((current, turnover.max - spent))
        });
        let of = |bounds: &[f64]| free.iter().map(|&index| bounds[index]).collect();
        Self {
            lower: of(&bounds.lower),
            upper: of(&bounds.upper),
            free,
            weights,
            rows,
            equal,
            turnover,
        }
    }

    /// All weights, from the free ones.
    pub(crate) fn expand(&self, free: &[f64]) -> DVector<f64> {
        let mut weights = DVector::from_column_slice(&self.weights);
        for (&index, &weight) in self.free.iter().zip(free) {
            weights[index] = weight;
        }
        weights
    }

    /// `g'` bounded over the limits: how much more than at `weights` it can be at most. Any
    /// multipliers give a bound: those of the rows are taken as zero where negative.
    ///
    /// What rounding may hide is added. Where the region has no interior, prices of limits may grow
    /// without end against each other, and their sums lose the gradient.
    pub(crate) fn excess(&self, gradient: &[f64], weights: &[f64], by: &Multipliers) -> f64 {
        let mut reduced = gradient.to_vec();
        let mut total = 0.0;
        // Of each sum the absolute values and their number: it is wrong by no more than their
        // product times the rounding unit (Higham 2002, equation 4.4).
        let mut sizes: Vec<f64> = gradient.iter().map(|slope| slope.abs()).collect();
        let mut counts = vec![1.0; gradient.len()];
        let mut hidden = 0.0;
        let mut price = |limit: &Limit, multiplier: f64, reduced: &mut [f64]| {
            if multiplier == 0.0 {
                return;
            }
            let mut slack = limit.bound;
            let mut size = limit.bound.abs();
            for &(index, coefficient) in &limit.terms {
                let (by, value) = (multiplier * coefficient, coefficient * weights[index]);
                reduced[index] -= by;
                sizes[index] += by.abs();
                counts[index] += 2.0;
                slack -= value;
                size += value.abs();
            }
            total += multiplier * slack;
            hidden += multiplier.abs() * size * (limit.terms.len() + 2) as f64;
        };
        for (row, &multiplier) in self.rows.iter().zip(&by.rows) {
            price(row, multiplier.max(0.0), &mut reduced);
        }
        for (row, &multiplier) in self.equal.iter().zip(&by.equal) {
            price(row, multiplier, &mut reduced);
        }
        let trade = by.turnover.max(0.0);
        if let Some((current, max)) = &self.turnover {
            let traded: f64 = weights
                .iter()
                .zip(current)
                .map(|(w, c)| (w - c).abs())
                .sum();
            total += trade * (max - traded);
            hidden += trade * (max.abs() + traded) * (weights.len() + 2) as f64;
        }
        for (index, &reduced) in reduced.iter().enumerate() {
            let (low, high, weight) = (self.lower[index], self.upper[index], weights[index]);
            let gain = |to: f64| {
                let cost = self.turnover.as_ref().map_or(0.0, |(current, _)| {
                    trade * ((to - current[index]).abs() - (weight - current[index]).abs())
                });
                reduced * (to - weight) - cost
            };
            let kink = self
                .turnover
                .as_ref()
                .map_or(low, |(current, _)| current[index].clamp(low, high));
            total += gain(low).max(gain(high)).max(gain(kink));
            hidden += counts[index] * sizes[index] * (high - low);
        }
        total + f64::EPSILON * hidden
    }
}

/// Prices of limits at an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Multipliers {
    /// Of `rows`.
    pub(crate) rows: Vec<f64>,
    /// Of `equal`.
    pub(crate) equal: Vec<f64>,
    /// Of the turnover.
    pub(crate) turnover: f64,
}

impl Multipliers {
    /// The greatest of them.
    pub(crate) fn scale(&self) -> f64 {
        self.rows
            .iter()
            .chain(&self.equal)
            .fold(self.turnover.abs(), |most, price| most.max(price.abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lp;
    use crate::region::Row;

    #[test]
    fn prices_that_grow_against_each_other_do_not_hide_the_gradient() {
        let limit = |sign: f64| Limit {
            terms: vec![(0, sign), (1, sign)],
            bound: sign,
        };
        let reduction = Reduction {
            free: vec![0, 1],
            weights: vec![0.0; 2],
            lower: vec![0.0; 2],
            upper: vec![1.0; 2],
            rows: vec![limit(-1.0)],
            equal: vec![limit(1.0)],
            turnover: None,
        };
        let region = Region {
            lower: DVector::zeros(2),
            upper: DVector::repeat(2, 1.0),
            rows: vec![Row {
                name: "sum".to_owned(),
                terms: vec![(0, 1.0), (1, 1.0)],
                min: 1.0,
                max: 1.0,
            }],
            turnover: None,
        };
        let (gradient, weights) = ([0.3, -0.2], [0.4, 0.6]);
        let cost = DVector::from_vec(vec![-gradient[0], -gradient[1]]);
        let least = lp::minimise(&cost, &region).map(|least| least.objective);
        let most =
            -least.unwrap_or(f64::NAN) - (gradient[0] * weights[0] + gradient[1] * weights[1]);
        assert!((most - 0.3).abs() < 1e-12);
        for power in 0..300 {
            let price = 10.0_f64.powi(power);
            let by = Multipliers {
                rows: vec![price],
                equal: vec![price + 0.05],
                turnover: 0.0,
            };
            let excess = reduction.excess(&gradient, &weights, &by);
            assert!(excess >= most - 1e-12, "1e{power}: {excess} {most}");
            // Small prices cost no tightness: the dual bound of these is half of one.
            assert!(power > 6 || excess < 0.51, "1e{power}: {excess}");
        }
    }
}
