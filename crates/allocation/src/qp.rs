//! Convex quadratic programs over a [`Region`]: `min ½ w'Qw + c'w`.
//!
//! An answer carries a gap that is worked out here from its weights and multipliers: no solver's
//! status is believed. Where the first method stops without an answer that this check accepts, the
//! next one is asked, and the answer says so.

mod active_set;
mod bound;
mod cholesky;
mod gradient;
mod interior;
mod program;
mod projection;
mod risk;

use std::borrow::Cow;

use nalgebra::{DMatrix, DVector};

use crate::region::Region;
use crate::strategy::{Candidate, Failure};
use program::{Prices, Program};
use projection::{Projection, project};
pub use risk::Risk;

/// An answer is accepted if its gap is at most this share of the objective's terms.
const GAP: f64 = 1e-9;
/// Or this share of the greatest number in `Q` and `c`.
const ROUNDING: f64 = 1e-12;
/// And if no limit is broken by more than this.
const FEASIBLE: f64 = 1e-8;

/// The least of a quadratic program.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Weights, `n`.
    pub weights: DVector<f64>,
    /// The objective there: `½ w'Qw + c'w`.
    pub objective: f64,
    /// The objective is at most this far from the least: a dual bound, in units of the objective.
    pub gap: f64,
    /// By how much the least rises with each row's limit: not negative where the minimum binds, not
    /// positive where the maximum does; one per row of the region.
    pub rows: DVector<f64>,
    /// By how much the least falls with the turnover limit.
    pub turnover: f64,
    /// What found it, and what it fell back from.
    pub method: Cow<'static, str>,
}

/// What a method leaves: weights and multipliers.
type Found = (Vec<f64>, Prices);

/// Weights, multipliers, gap and scale, after the check.
struct Checked {
    weights: Vec<f64>,
    prices: Prices,
    objective: f64,
    gap: f64,
    /// The size of the objective's terms.
    size: f64,
    violation: f64,
}

impl Checked {
    fn of(
        risk: &Risk<'_>,
        linear: &[f64],
        program: &Program,
        (mut weights, prices): Found,
    ) -> Self {
        for (weight, low) in weights.iter_mut().zip(&program.lower) {
            if !weight.is_finite() {
                *weight = *low;
            }
        }
        program.clamp(&mut weights);
        let mut gradient = risk.product(&weights);
        let quadratic = 0.5 * risk::dot(&gradient, &weights);
        let straight = risk::dot(linear, &weights);
        let size: f64 = quadratic.abs()
            + linear
                .iter()
                .zip(&weights)
                .map(|(c, w)| (c * w).abs())
                .sum::<f64>();
        // An optimum of zero (a riskless mix) is known to rounding only.
        let greatest = linear
            .iter()
            .map(|c| c.abs())
            .fold(risk.greatest(linear.len()), f64::max);
        let size = size + ROUNDING / GAP * greatest;
        risk::axpy(1.0, linear, &mut gradient);
        let gap = bound::gap(program, &weights, &gradient, &prices);
        Self {
            violation: program.violation(&weights),
            objective: quadratic + straight,
            weights,
            prices,
            gap,
            size,
        }
    }

    fn is_good(&self) -> bool {
        self.violation <= FEASIBLE && self.gap <= GAP * self.size + f64::MIN_POSITIVE
    }

    fn answer(self, program: &Program, method: Cow<'static, str>) -> Answer {
        let prices = bound::valid(program, &self.prices);
        Answer {
            weights: DVector::from_vec(self.weights),
            objective: self.objective,
            gap: self.gap,
            rows: DVector::from_iterator(
                prices.rows.len(),
                prices
                    .rows
                    .iter()
                    .zip(&program.rows)
                    .map(|(y, row)| y / row.scale),
            ),
            turnover: prices.turnover,
            method,
        }
    }
}

/// The weights in `region` with the least `½ w'Qw + c'w`.
///
/// `warm` are weights near the answer, if any are known: they make it faster and change nothing
/// else but rounding.
///
/// # Errors
/// [`Failure::Infeasible`] with proof only; [`Failure::Unbounded`] for a weight that nothing limits;
/// [`Failure::Missing`] for shapes that do not fit or numbers that are not finite;
/// [`Failure::Stalled`] if no method's answer passes the check.
pub fn minimise(
    risk: Risk<'_>,
    linear: &DVector<f64>,
    region: &Region,
    warm: Option<&DVector<f64>>,
) -> Result<Answer, Failure> {
    let program = Program::of(region)?;
    check(&risk, linear, &program)?;
    let linear = linear.as_slice();
    let (before, found) = match risk {
        Risk::Identity => ("projection", by_projection(linear, &program)?),
        Risk::Linear => ("projection", by_proximal_steps(linear, &program)?),
        Risk::Dense(_) | Risk::Factor { .. } => {
            ("active set", by_active_set(&risk, linear, &program, warm)?)
        }
    };
    if let Some(found) = found {
        let checked = Checked::of(&risk, linear, &program, found);
        if checked.is_good() {
            return Ok(checked.answer(&program, Cow::Borrowed(before)));
        }
    }
    by_interior_point(&risk, linear, &program, Some(before))
}

/// As [`minimise`], by the general method alone: clarabel's interior point.
///
/// # Errors
/// As [`minimise`].
pub fn minimise_by_interior_point(
    risk: Risk<'_>,
    linear: &DVector<f64>,
    region: &Region,
) -> Result<Answer, Failure> {
    let program = Program::of(region)?;
    check(&risk, linear, &program)?;
    by_interior_point(&risk, linear.as_slice(), &program, None)
}

/// Projected gradient steps before the active set, for a cold start.
const GRADIENT_STEPS: usize = 20;
/// How often the active set may start again from projected gradient steps.
const ROUNDS: usize = 8;
/// A gap that is not worth another round, as a share of the objective's terms.
const TIGHT: f64 = 1e-12;

fn by_projection(linear: &[f64], program: &Program) -> Result<Option<Found>, Failure> {
    let point: Vec<f64> = linear.iter().map(|c| -c).collect();
    match project(&point, program, None) {
        Projection::Found(weights, prices) => Ok(Some((weights, prices))),
        Projection::Infeasible => Err(Failure::Infeasible),
        Projection::Stopped => Ok(None),
    }
}

/// A linear objective: proximal steps, which end at an optimum after finitely many (Mangasarian &
/// Meyer 1979), each a projection.
fn by_proximal_steps(linear: &[f64], program: &Program) -> Result<Option<Found>, Failure> {
    let steepest = linear.iter().fold(0.0f64, |most, c| most.max(c.abs()));
    let length = if steepest > 0.0 { 8.0 / steepest } else { 1.0 };
    let mut point = vec![0.0; linear.len()];
    let mut guess: Option<Prices> = None;
    for _ in 0..60 {
        let target: Vec<f64> = point
            .iter()
            .zip(linear)
            .map(|(w, c)| w - length * c)
            .collect();
        match project(&target, program, guess.as_ref()) {
            Projection::Found(there, prices) => {
                let scaled = Prices {
                    rows: prices.rows.iter().map(|y| y / length).collect(),
                    turnover: prices.turnover / length,
                };
                let gap = bound::gap(program, &there, linear, &scaled);
                let size: f64 = linear.iter().zip(&there).map(|(c, w)| (c * w).abs()).sum();
                if gap <= 1e-12 * size || there == point {
                    return Ok(Some((there, scaled)));
                }
                point = there;
                guess = Some(prices);
            }
            Projection::Infeasible => return Err(Failure::Infeasible),
            Projection::Stopped => return Ok(None),
        }
    }
    Ok(None)
}

fn by_active_set(
    risk: &Risk<'_>,
    linear: &[f64],
    program: &Program,
    warm: Option<&DVector<f64>>,
) -> Result<Option<Found>, Failure> {
    let n = program.dimension();
    let warm = warm.filter(|warm| warm.len() == n && warm.iter().all(|w| w.is_finite()));
    let point: Vec<f64> = match (warm, &program.turnover) {
        (Some(warm), _) => warm.as_slice().to_vec(),
        (None, Some(trade)) => trade.current.clone(),
        (None, None) => vec![0.0; n],
    };
    let mut weights = match project(&point, program, None) {
        Projection::Found(weights, _) => weights,
        Projection::Infeasible => return Err(Failure::Infeasible),
        Projection::Stopped => return Ok(None),
    };
    let mut steps = if warm.is_some() { 1 } else { GRADIENT_STEPS };
    let mut best: Option<(f64, Found)> = None;
    for _ in 0..ROUNDS {
        let start = gradient::descend(risk, linear, program, weights, steps);
        let found = active_set::solve(risk, linear, program, start);
        let checked = Checked::of(risk, linear, program, found);
        if checked.violation > FEASIBLE {
            break;
        }
        let share = checked.gap / checked.size;
        let improves = best.as_ref().is_none_or(|(least, _)| share < 0.5 * *least);
        weights = checked.weights.clone();
        if best.as_ref().is_none_or(|(least, _)| share < *least) {
            best = Some((share, (checked.weights, checked.prices)));
        }
        if share <= TIGHT || (share <= GAP && !improves) {
            break;
        }
        steps = 2 * steps.max(2);
    }
    Ok(best.map(|(_, found)| found))
}

fn by_interior_point(
    risk: &Risk<'_>,
    linear: &[f64],
    program: &Program,
    before: Option<&str>,
) -> Result<Answer, Failure> {
    let stalled = |reason: String| Failure::Stalled {
        method: "clarabel",
        reason,
    };
    let found = interior::solve(risk, linear, program)
        .ok_or_else(|| stalled("it could not start".to_owned()))?;
    if bound::proves_infeasible(program, &found.1) {
        return Err(Failure::Infeasible);
    }
    let checked = Checked::of(risk, linear, program, found);
    if !checked.is_good() {
        return Err(stalled(format!(
            "its answer breaks a limit by {:.1e} and can be {:.1e} from the optimum",
            checked.violation, checked.gap
        )));
    }
    let method = match before {
        None => Cow::Borrowed("clarabel"),
        Some(before) => Cow::Owned(format!("clarabel after {before}")),
    };
    Ok(checked.answer(program, method))
}

fn check(risk: &Risk<'_>, linear: &DVector<f64>, program: &Program) -> Result<(), Failure> {
    let n = program.dimension();
    if linear.len() != n || risk.dimension().is_some_and(|m| m != n) {
        return Err(Failure::Missing(format!(
            "{n} assets have bounds, {} have a linear term and {} a risk: all must be the same",
            linear.len(),
            risk.dimension().unwrap_or(n),
        )));
    }
    let finite = |matrix: &DMatrix<f64>| matrix.as_slice().iter().all(|x| x.is_finite());
    let sound = linear.iter().all(|c| c.is_finite())
        && match risk {
            Risk::Dense(matrix) => matrix.nrows() == n && finite(matrix),
            Risk::Factor { loadings, diagonal } => {
                finite(loadings)
                    && diagonal.is_none_or(|d| {
                        d.len() == n && d.iter().all(|x| *x >= 0.0 && x.is_finite())
                    })
            }
            Risk::Identity | Risk::Linear => true,
        };
    if sound {
        Ok(())
    } else {
        Err(Failure::Missing(
            "returns or their covariance are not finite, or not of the right shape".to_owned(),
        ))
    }
}

/// The point of `region` nearest to `point`, in the Euclidean norm. The gap is in half squared
/// distance.
///
/// # Errors
/// As [`minimise`].
pub fn nearest(point: &DVector<f64>, region: &Region) -> Result<Candidate, Failure> {
    let answer = minimise(Risk::Identity, &-point, region, Some(point))?;
    Ok(Candidate {
        weights: answer.weights,
        gap: Some(answer.gap),
        solver: answer.method,
    })
}
