//! Points of the efficient frontier: least variance against a reward `a'w`, which is the mean return
//! or the average volatility.
//!
//! With a price `θ` of reward the point is a quadratic program, `min ½ w'Σw − θ a'w`, and moves
//! piecewise linearly with `θ` (Markowitz 1956). What is asked of the frontier (a volatility, the
//! greatest ratio) lies on the chord of two such points, exactly so once both are on the same piece;
//! the chord is in the region because that is convex. Each point also bounds what any weights can
//! reach, by its multipliers, and the search ends when that bound is met.

use nalgebra::DVector;

use super::{Candidate, Failure};
use crate::qp::{Answer, Risk, least, minimise};
use crate::region::{Region, Row};

/// The bound is met to this share.
const MET: f64 = 1e-11;
/// The same for ratios, whose bound is looked for a trifle before the optimum.
const RATIO_MET: f64 = 1e-10;
/// Differences of this share of their terms are rounding.
const ROUNDING: f64 = 1e-13;
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
        least.variance.max(1e-2 * greatest) / self.reward.amax()
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

    /// The greatest `(a'w − offset) / √(w'Σw)`. [`Failure::Missing`] with the greatest reward if that
    /// is not above the offset.
    pub(crate) fn with_ratio(&self, offset: f64) -> Result<Candidate, Failure> {
        let (top, bound) = self.greatest()?;
        if -top.objective - offset <= 1e-12 * self.reward.amax() {
            return Err(Failure::Missing(format!("the greatest return is {bound}")));
        }
        let mut low = self.at(0.0, None)?;
        let mut price = self.first_price(&low);
        let (mut points, mut turns) = (2, 0i32);
        let least_variance = (low.variance - 2.0 * low.answer.gap).max(0.0);
        let mut best = Best::default();
        best.offer(
            &low.answer,
            low.answer.weights.clone(),
            low.reward - offset,
            low.variance,
        );
        let mut high = loop {
            let point = self.at(price, Some(&low.answer.weights))?;
            points += 1;
            self.riskless(&point, offset)?;
            best.offer(
                &point.answer,
                point.answer.weights.clone(),
                point.reward - offset,
                point.variance,
            );
            best.bound = best
                .bound
                .min(self.ratio_bound(&point, offset, least_variance));
            if point.slope(offset) > 0.0 {
                break point;
            }
            if points > POINTS / 2 {
                return Err(stalled(
                    "the ratio grows with any price of return".to_owned(),
                ));
            }
            low = point;
            price *= 8.0;
        };
        loop {
            let cross = self.risk.inner(&low.answer.weights, &high.answer.weights);
            let t = chord_ratio(&low, &high, cross, offset);
            let weights = between(&low, &high, t);
            let variance = self.risk.inner(&weights, &weights).max(0.0);
            let excess = self.reward.dot(&weights) - offset;
            best.offer(&high.answer, weights.clone(), excess, variance);
            // The next point lies a trifle before the optimum, where the bound holds in spite of
            // rounding.
            let rounding = low.answer.gap.max(high.answer.gap) / high.variance;
            let trifle = (4.0 * rounding).max(if points < 20 { 2e-11 } else { 1e-9 });
            let gap = best.bound - best.ratio;
            if gap <= (4.0 * trifle).max(RATIO_MET) * best.ratio
                || points >= POINTS
                || high.price - low.price <= 1e-15 * high.price
            {
                break;
            }
            // At the optimum the price of reward is `σ² / (a'w − offset)`.
            let share = (variance / excess - low.price) / (high.price - low.price);
            let price = next_price(&low, &high, share, turns) * (1.0 - trifle);
            let point = self.at(price.max(low.price), Some(&weights))?;
            points += 1;
            self.riskless(&point, offset)?;
            best.offer(
                &point.answer,
                point.answer.weights.clone(),
                point.reward - offset,
                point.variance,
            );
            best.bound = best
                .bound
                .min(self.ratio_bound(&point, offset, least_variance));
            if point.slope(offset) > 0.0 {
                high = point;
                turns = turns.max(0) + 1;
            } else {
                low = point;
                turns = turns.min(0) - 1;
            }
        }
        let gap = (best.bound - best.ratio).max(0.0);
        match best.found {
            Some((weights, answer)) if gap <= 1e-7 * best.ratio => {
                let weights = if offset == 0.0 {
                    stretched(&weights, self.region)
                } else {
                    weights
                };
                Ok(candidate(weights, gap, &answer, points))
            }
            _ => Err(stalled(format!(
                "its ratio can be {gap:.1e} from the greatest"
            ))),
        }
    }

    /// A mix of risks that cancel to rounding has no ratio to speak of.
    fn riskless(&self, point: &Point, offset: f64) -> Result<(), Failure> {
        let apart: f64 = point
            .answer
            .weights
            .iter()
            .enumerate()
            .map(|(i, w)| w.abs() * self.risk.entry(i, i).max(0.0).sqrt())
            .sum();
        let excess = point.reward - offset;
        let size = self.reward.amax() * point.answer.weights.lp_norm(1);
        if excess > 1e-12 * size && point.variance <= 1e-13 * apart * apart {
            return Err(Failure::Unbounded(format!(
                "a mix without any risk returns {excess} more than the risk-free return, so the ratio \
                 has no greatest value: check the covariance"
            )));
        }
        Ok(())
    }

    /// No weights in the region have a greater ratio. For any point `v`, if `(Σv − θa)'w + θ·offset`
    /// is never negative in the region, then by Cauchy & Schwarz `(a'w − offset) / σ(w) ≤ σ(v) / θ`.
    /// That is so for `v` at the optimum or a trifle beyond; multipliers prove it.
    ///
    /// Where that sum is negative by a trifle `e`, `e / (θ σ)` is added with the least volatility `σ`.
    fn ratio_bound(&self, point: &Point, offset: f64, least_variance: f64) -> f64 {
        if point.price <= 0.0 {
            return f64::INFINITY;
        }
        let product = self.risk.times(&point.answer.weights);
        // Reduced costs that rounding alone can explain count as zero.
        let noise = (product.abs() + self.reward.abs() * point.price) * ROUNDING;
        let mut bound = f64::INFINITY;
        for beyond in [
            0.0, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6,
        ] {
            let gradient = &product * (1.0 + beyond) - self.reward * point.price;
            let (sum, size) = least(&gradient, &noise, self.region, &point.answer);
            let excess = sum + point.price * offset;
            let reached = (1.0 + beyond) * point.variance.sqrt() / point.price;
            if excess >= -ROUNDING * (size + point.price * offset.abs()) {
                return bound.min(reached);
            }
            let more = -excess / (point.price * least_variance.sqrt());
            if more.is_finite() {
                bound = bound.min(reached + more);
            }
        }
        bound
    }
}

impl Point {
    /// Positive where the ratio falls with the price of reward.
    fn slope(&self, offset: f64) -> f64 {
        self.price * (self.reward - offset) - self.variance * (1.0 + 1e-13)
    }
}

/// The greatest ratio seen, and what no ratio exceeds.
struct Best {
    ratio: f64,
    bound: f64,
    found: Option<(DVector<f64>, Answer)>,
}

impl Default for Best {
    fn default() -> Self {
        Self {
            ratio: 0.0,
            bound: f64::INFINITY,
            found: None,
        }
    }
}

impl Best {
    fn offer(&mut self, answer: &Answer, weights: DVector<f64>, excess: f64, variance: f64) {
        let ratio = excess / variance.sqrt();
        if ratio.is_finite() && ratio > self.ratio {
            self.ratio = ratio;
            self.found = Some((weights, answer.clone()));
        }
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

/// Where on the chord the ratio is greatest.
fn chord_ratio(low: &Point, high: &Point, cross: f64, offset: f64) -> f64 {
    let (e, d) = (low.reward - offset, high.reward - low.reward);
    let (p, u) = (low.variance, cross - low.variance);
    let v = low.variance - 2.0 * cross + high.variance;
    let t = (d * p - e * u) / (e * v - d * u);
    if t.is_finite() {
        t.clamp(0.0, 1.0)
    } else {
        0.5
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

/// The longest multiple, one or more, that stays in the region.
fn stretched(weights: &DVector<f64>, region: &Region) -> DVector<f64> {
    let mut most = f64::INFINITY;
    let mut limit = |value: f64, min: f64, max: f64| {
        if value > 1e-12 {
            most = most.min(max / value);
        } else if value < -1e-12 {
            most = most.min(min / value);
        }
    };
    for (i, &w) in weights.iter().enumerate() {
        limit(w, region.lower[i], region.upper[i]);
    }
    for row in &region.rows {
        limit(row.value(weights), row.min, row.max);
    }
    if !most.is_finite() || most <= 1.0 {
        return weights.clone();
    }
    let traded = |factor: f64| {
        region
            .turnover
            .as_ref()
            .is_none_or(|turnover| turnover.value(&(weights * factor)) <= turnover.max)
    };
    if traded(most) {
        return weights * most;
    }
    let (mut low, mut high) = (1.0, most);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if traded(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    weights * low
}
