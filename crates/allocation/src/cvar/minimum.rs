//! The least conditional value at risk over a region.

use std::borrow::Cow;

use nalgebra::{DMatrix, DVector};

use super::direct;
use crate::lp::dual::Multipliers;
use crate::lp::layout::Layout;
use crate::lp::program::{Bend, Columns, Variable};
use crate::lp::simplex::{End, Simplex};
use crate::lp::{check, first_phase, limit};
use crate::region::Region;
use crate::strategy::Failure;

/// A gap above this share of the mean size of returns is not accepted.
const ACCEPTED: f64 = 1e-7;

/// The least conditional value at risk, with what proves it.
#[derive(Debug, Clone, PartialEq)]
pub struct Minimum {
    /// Weights, `n`.
    pub weights: DVector<f64>,
    /// Conditional value at risk of `weights`, worked out from them.
    pub objective: f64,
    /// How far `objective` is above the least at most, worked out from the answer by weak duality:
    /// any outcome weights λ in [0, p / (1 − α)] with sum one bound it by `min −λ'Rw`.
    pub gap: f64,
    /// Steps that were made.
    pub iterations: usize,
    /// What found it, and what it fell back from.
    pub solver: Cow<'static, str>,
}

/// The least conditional value at risk at confidence level `alpha` in [0, 1), for net simple
/// `returns` (`t × n`) with `probabilities` (`t`, positive, sum one), over `region`.
///
/// The linear program of Rockafellar & Uryasev (2000, eq. 17) by a primal simplex method that keeps
/// the excesses `(loss − t)⁺` as bends of the objective, so its core has only as many rows as assets
/// are between their bounds. If it stalls, the whole program by an interior-point method.
///
/// # Errors
/// [`Failure::Infeasible`] if the region is empty, [`Failure::Unbounded`] if the risk falls without
/// end, [`Failure::Missing`] if a figure is not a number or `alpha` is out of range,
/// [`Failure::Stalled`] if no method ends with an accepted gap.
pub fn minimise(
    returns: &DMatrix<f64>,
    probabilities: &DVector<f64>,
    alpha: f64,
    region: &Region,
) -> Result<Minimum, Failure> {
    check(region)?;
    let asked = Asked::new(returns, probabilities, alpha, region)?;
    match asked.by_simplex() {
        Ok(minimum) if minimum.gap * asked.scale <= ACCEPTED => Ok(minimum),
        Err(failure @ (Failure::Infeasible | Failure::Unbounded(_) | Failure::Missing(_))) => {
            Err(failure)
        }
        _ => direct::minimise(&asked),
    }
}

/// A checked question.
pub(super) struct Asked<'a> {
    pub(super) returns: &'a DMatrix<f64>,
    pub(super) probabilities: &'a DVector<f64>,
    pub(super) alpha: f64,
    pub(super) region: &'a Region,
    /// One over the mean size of returns.
    pub(super) scale: f64,
}

impl<'a> Asked<'a> {
    fn new(
        returns: &'a DMatrix<f64>,
        probabilities: &'a DVector<f64>,
        alpha: f64,
        region: &'a Region,
    ) -> Result<Self, Failure> {
        let missing = |what: String| Err(Failure::Missing(what));
        if !(0.0..1.0).contains(&alpha) {
            return missing(format!(
                "`alpha` is {alpha}: give the confidence level of the tail, at least 0 and less \
                 than 1, such as 0.95"
            ));
        }
        if returns.nrows() == 0 || returns.nrows() != probabilities.len() {
            return missing(format!(
                "{} outcomes with {} probabilities: give at least one outcome, and a probability \
                 for each",
                returns.nrows(),
                probabilities.len()
            ));
        }
        if returns.ncols() != region.dimension() {
            return missing(format!(
                "returns of {} assets, limits of {}: give returns of every asset",
                returns.ncols(),
                region.dimension()
            ));
        }
        let mut size = 0.0;
        for (asset, column) in returns.column_iter().enumerate() {
            for (outcome, entry) in column.iter().enumerate() {
                if !entry.is_finite() {
                    return missing(format!(
                        "the return of asset {asset} in outcome {outcome} is not a finite number"
                    ));
                }
                size += entry.abs();
            }
        }
        let sum: f64 = probabilities.iter().sum();
        let positive = probabilities.iter().all(|&p| p > 0.0);
        if !positive || sum.is_nan() || (sum - 1.0).abs() > 1e-6 {
            return missing(format!(
                "probabilities sum to {sum}: give positive ones that sum to one"
            ));
        }
        let mean = size / returns.len().max(1) as f64;
        let scale = if mean > 0.0 && (1.0 / mean).is_finite() {
            1.0 / mean
        } else {
            1.0
        };
        Ok(Self {
            returns,
            probabilities,
            alpha,
            region,
            scale,
        })
    }

    fn by_simplex(&self) -> Result<Minimum, Failure> {
        let region = self.region;
        let layout = Layout::new(region);
        let limits = layout.program(region);
        let vertex = first_phase(&limits, region)?;

        let body = Columns::bordered(self.returns, -self.scale, -1.0);
        let origin = layout.origin();
        let held = super::losses(self.returns, &origin);
        let bends: Vec<Bend> = held
            .iter()
            .zip(self.probabilities.iter())
            .map(|(loss, probability)| Bend {
                min: f64::NEG_INFINITY,
                max: -self.scale * loss,
                below: 0.0,
                above: probability / (1.0 - self.alpha),
            })
            .collect();
        let threshold = Variable {
            source: self.returns.ncols(),
            sign: 1.0,
            lower: f64::NEG_INFINITY,
            upper: f64::INFINITY,
            cost: 1.0,
        };
        let program = limits.clone().with_body(threshold, body, &bends);
        let mut simplex = Simplex::widened(&program, &vertex);
        match simplex.run(false, limit(&program)) {
            End::Optimal => {}
            End::Unbounded => return Err(unbounded()),
            End::Exhausted => return Err(crate::lp::stalled(simplex.iterations)),
        }
        let weights = layout.weights(&simplex.x);
        let head = region.rows.len() + usize::from(program.head_rows() > region.rows.len());
        let (limit_prices, outcome_prices) = simplex.prices.split_at(head);
        let scaled: Vec<f64> = limit_prices
            .iter()
            .map(|price| price / self.scale)
            .collect();
        let multipliers = Multipliers::of(region, &scaled);
        Ok(self.judged(
            weights,
            outcome_prices,
            &multipliers,
            simplex.iterations,
            Cow::Borrowed("simplex with bends"),
        ))
    }

    /// An answer with its objective and gap, worked out from weights and prices.
    pub(super) fn judged(
        &self,
        weights: DVector<f64>,
        outcome_prices: &[f64],
        multipliers: &Multipliers,
        iterations: usize,
        solver: Cow<'static, str>,
    ) -> Minimum {
        let objective = super::of(self.returns, self.probabilities, &weights, self.alpha);
        let tail = self.tail(outcome_prices);
        let cost = DVector::from_iterator(
            self.returns.ncols(),
            self.returns.column_iter().map(|column| {
                -column
                    .iter()
                    .zip(&tail)
                    .map(|(entry, weight)| entry * weight)
                    .sum::<f64>()
            }),
        );
        let bound = multipliers.bound(&cost, self.region);
        Minimum {
            gap: (objective - bound).max(0.0),
            objective,
            weights,
            iterations,
            solver,
        }
    }

    /// Outcome weights that are just within what the dual allows: in [0, p / (1 − α)], sum one.
    fn tail(&self, prices: &[f64]) -> Vec<f64> {
        let most = |place: usize| self.probabilities[place] / (1.0 - self.alpha);
        let mut tail: Vec<f64> = prices
            .iter()
            .enumerate()
            .map(|(place, price)| price.max(0.0).min(most(place)))
            .collect();
        let sum: f64 = tail.iter().sum();
        if sum > 1.0 {
            tail.iter_mut().for_each(|weight| *weight /= sum);
        } else {
            let mut missing = 1.0 - sum;
            for (place, weight) in tail.iter_mut().enumerate() {
                let more = (most(place) - *weight).min(missing);
                *weight += more;
                missing -= more;
                if missing <= 0.0 {
                    break;
                }
            }
        }
        tail
    }
}

pub(super) fn unbounded() -> Failure {
    Failure::Unbounded(
        "the tail risk falls without end: give every asset a greatest and a least weight"
            .to_owned(),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::problem::Limits;
    use crate::region::Turnover;

    #[test]
    fn interior_point_agrees_with_the_simplex() {
        // Coarse returns with a pattern, a cap, cash and a limit of turnover.
        let returns = DMatrix::from_fn(40, 4, |outcome, asset| {
            (outcome * (asset + 3) % 17) as f64 / 100.0 - 0.07
        });
        let probabilities = DVector::repeat(40, 1.0 / 40.0);
        let limits = Limits {
            upper: DVector::repeat(4, 0.4),
            invested: (0.6, 0.9),
            ..Limits::long_only(4)
        };
        let mut region = limits.region(&DVector::zeros(4));
        for max in [f64::INFINITY, 0.5] {
            region.turnover = Some(Turnover {
                current: DVector::repeat(4, 0.2),
                max,
            });
            let asked = Asked::new(&returns, &probabilities, 0.9, &region).unwrap();
            let simplex = asked.by_simplex().unwrap();
            let other = direct::minimise(&asked).unwrap();
            assert!((simplex.objective - other.objective).abs() < 1e-8);
            assert!(simplex.gap < 1e-14 && other.gap < 1e-7);
            assert!(other.solver.contains("stalled"));
        }
    }
}
