//! The point of the frontier with the greatest ratio of reward to volatility.

use nalgebra::DVector;

use super::{Efficient, POINTS, Point, between, candidate, next_price, stalled};
use crate::qp::{Answer, least};
use crate::region::Region;
use crate::strategy::{Candidate, Failure};

/// The bound is met to this share; it is looked for a trifle before the optimum.
const RATIO_MET: f64 = 1e-10;
/// Differences of this share of their terms are rounding.
const ROUNDING: f64 = 1e-13;

impl Efficient<'_> {
    /// The greatest `(a'w − offset) / √(w'Σw)`. [`Failure::Missing`] with the greatest reward if that
    /// is not above the offset.
    pub(crate) fn with_ratio(&self, offset: f64) -> Result<Candidate, Failure> {
        let (top, bound) = self.greatest()?;
        if -top.objective - offset <= 1e-12 * self.reward.amax() {
            return Err(Failure::Missing(format!("the greatest return is {bound}")));
        }
        let mut low = self.at(0.0, None)?;
        self.riskless(&low, offset)?;
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
