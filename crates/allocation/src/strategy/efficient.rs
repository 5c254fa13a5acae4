//! Points of the efficient frontier: least variance against a reward `a'w`, which is the mean return
//! or the average volatility.
//!
//! With a price `θ` of reward the point is a quadratic program, `min ½ w'Σw − θ a'w`, and moves
//! piecewise linearly with `θ` (Markowitz 1956). What is asked of the frontier (a volatility, the
//! greatest ratio) lies on the chord of two such points, exactly so once both are on the same piece;
//! the chord is in the region because that is convex. Each point also bounds what any weights can
//! reach, by its multipliers, and the search ends when that bound is met.

mod ratio;

use nalgebra::DVector;

use super::{Candidate, Failure};
use crate::qp::{Answer, Risk, minimise};
use crate::region::{Region, Row};

/// The bound is met to this share.
const MET: f64 = 1e-11;
/// Points that one search may look at.
const POINTS: usize = 100;

/// The frontier of a risk and a reward in a region.
pub(crate) struct Efficient<'a> {
    risk: Risk<'a>,
    reward: &'a DVector<f64>,
    region: &'a Region,
}

/// The point at one price of reward.
#[derive(Clone)]
struct Point {
    price: f64,
    answer: Answer,
    reward: f64,
    variance: f64,
}

impl<'a> Efficient<'a> {
    pub(crate) fn new(risk: Risk<'a>, reward: &'a DVector<f64>, region: &'a Region) -> Self {
        Self {
            risk,
            reward,
            region,
        }
    }

    /// The weights with the greatest reward, and an upper bound of it.
    pub(crate) fn greatest(&self) -> Result<(Answer, f64), Failure> {
        let answer = minimise(Risk::Linear, &-self.reward, self.region, None)?;
        let bound = answer.gap - answer.objective;
        Ok((answer, bound))
    }

    /// The least variance with at least `target` of reward.
    pub(crate) fn with_return(
        &self,
        target: f64,
        warm: Option<&DVector<f64>>,
    ) -> Result<Answer, Failure> {
        let zero = DVector::zeros(self.reward.len());
        let solve = |least: f64| {
            let mut region = self.region.clone();
            region.rows.push(Row {
                name: "target return".to_owned(),
                terms: self.reward.iter().copied().enumerate().collect(),
                min: least,
                max: f64::INFINITY,
            });
            let mut answer = minimise(self.risk, &zero, &region, warm)?;
            // The row is not one of the caller's.
            let rows = answer.rows.len() - 1;
            answer.rows = answer.rows.rows(0, rows).into_owned();
            Ok(answer)
        };
        let failure = match solve(target) {
            Err(failure @ (Failure::Infeasible | Failure::Stalled { .. })) => failure,
            other => return other,
        };
        let (top, bound) = self.greatest()?;
        let room = 1e-10 * self.reward.amax();
        if target > bound + room {
            return Err(Failure::Missing(format!(
                "a return of {target} cannot be reached within the limits: the greatest is {}; lower \
                 `target_return` or loosen the limits",
                -top.objective
            )));
        }
        if target >= -top.objective - room {
            // The very end of the frontier, to rounding.
            return solve(-top.objective - room);
        }
        Err(failure)
    }

    fn at(&self, price: f64, warm: Option<&DVector<f64>>) -> Result<Point, Failure> {
        let answer = minimise(self.risk, &(self.reward * -price), self.region, warm)?;
        Ok(Point {
            price,
            reward: self.reward.dot(&answer.weights),
            variance: self.risk.inner(&answer.weights, &answer.weights).max(0.0),
            answer,
        })
    }

    /// A price of reward at which risk and reward weigh about the same.
    fn first_price(&self, least: &Point) -> f64 {
        let n = self.reward.len();
        let greatest = (0..n).map(|i| self.risk.entry(i, i)).fold(0.0, f64::max);
        let price = least.variance.max(1e-2 * greatest) / self.reward.amax();
        if price.is_finite() && price > 0.0 {
            price
        } else {
            1.0
        }
    }

    /// The greatest reward with at most `target` of volatility.
    pub(crate) fn with_volatility(&self, target: f64) -> Result<Candidate, Failure> {
        let most = target * target;
        let mut low = self.at(0.0, None)?;
        if low.variance > most {
            let volatility = low.variance.sqrt();
            let bound = (low.variance - 2.0 * low.answer.gap).max(0.0).sqrt();
            if bound > target * (1.0 + 1e-12) {
                return Err(Failure::Missing(format!(
                    "a volatility of {target} cannot be reached within the limits: the least is \
                     {volatility}; raise `target_risk` or loosen the limits"
                )));
            }
        }
        let (top, mut bound) = self.greatest()?;
        if self.risk.inner(&top.weights, &top.weights) <= most {
            return Ok(candidate(top.weights.clone(), top.gap, &top, 1));
        }
        let mut points = 2;
        let mut price = self.first_price(&low);
        let mut high = loop {
            let point = self.at(price, Some(&low.answer.weights))?;
            points += 1;
            bound = bound.min(self.reward_bound(&point, most));
            if point.variance >= most {
                break point;
            }
            if bound - point.reward <= MET * bound.abs() {
                return Ok(candidate(
                    point.answer.weights.clone(),
                    bound - point.reward,
                    &point.answer,
                    points,
                ));
            }
            if points > POINTS / 2 {
                return Err(stalled(format!(
                    "volatility stays below {target} at any price of return"
                )));
            }
            low = point;
            price *= 8.0;
        };
        let mut turns = 0i32;
        loop {
            let t = chord_at(
                &low,
                &high,
                self.risk.inner(&low.answer.weights, &high.answer.weights),
                most,
            );
            let weights = between(&low, &high, t);
            let reward = self.reward.dot(&weights);
            let gap = (bound - reward).max(0.0);
            if gap <= MET * bound.abs()
                || points >= POINTS
                || high.price - low.price <= 1e-15 * high.price
            {
                return if gap <= 1e-9 * bound.abs().max(1e-3 * self.reward.amax()) {
                    Ok(candidate(weights, gap, &high.answer, points))
                } else {
                    Err(stalled(format!(
                        "its return can be {gap:.1e} from the greatest"
                    )))
                };
            }
            let point = self.at(next_price(&low, &high, t, turns), Some(&weights))?;
            points += 1;
            bound = bound.min(self.reward_bound(&point, most));
            if point.variance >= most {
                high = point;
                turns = turns.max(0) + 1;
            } else {
                low = point;
                turns = turns.min(0) - 1;
            }
        }
    }

    /// No weights with at most `most` of variance have more reward: the Lagrangian bound at the
    /// point's price.
    fn reward_bound(&self, point: &Point, most: f64) -> f64 {
        if point.price <= 0.0 {
            return f64::INFINITY;
        }
        point.reward + (0.5 * (most - point.variance) + point.answer.gap) / point.price
    }
}

fn candidate(weights: DVector<f64>, gap: f64, answer: &Answer, points: usize) -> Candidate {
    Candidate {
        weights,
        gap: Some(gap.max(0.0)),
        solver: format!("frontier search, {points} points by {}", answer.method).into(),
    }
}

fn stalled(reason: String) -> Failure {
    Failure::Stalled {
        method: "frontier search",
        reason,
    }
}

fn between(low: &Point, high: &Point, t: f64) -> DVector<f64> {
    &low.answer.weights * (1.0 - t) + &high.answer.weights * t
}

/// Where on the chord the variance is `most`.
fn chord_at(low: &Point, high: &Point, cross: f64, most: f64) -> f64 {
    // p + 2ut + vt² = most, growing from t = 0 to 1.
    let (p, u) = (low.variance, cross - low.variance);
    let v = low.variance - 2.0 * cross + high.variance;
    let left = (most - p).max(0.0);
    let root = (u * u + v * left).max(0.0).sqrt();
    let t = left / (u + root);
    if t.is_finite() {
        t.clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// The price at this share of the way, kept inside; the middle where one end has stayed for long.
fn next_price(low: &Point, high: &Point, t: f64, turns: i32) -> f64 {
    let t = if turns.abs() >= 3 || t.is_nan() {
        0.5
    } else {
        t.clamp(1e-3, 1.0 - 1e-3)
    };
    low.price + t * (high.price - low.price)
}
