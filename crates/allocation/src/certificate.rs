//! The proof that integer weights keep every limit.
//!
//! Made of the weights and the problem alone: it shares no code with what rounded them but the
//! reading of numbers. A greatest value is rounded down to a part of 10⁻¹² of capital, a least value
//! up; coefficients are parts of 10⁻⁹, rounded against the weights: up where the sum must not be too
//! great, down where it must not be too small. A sum that must equal a value misses it by less than
//! a part, so that sums with whole coefficients are exact.

use serde::{Deserialize, Serialize};

use crate::parts::{COEFFICIENT, To, coefficient, parts};
use crate::problem::{Group, Problem};

/// A limit binds if its slack is at most this: a millionth of capital.
pub const BINDING: i128 = 1_000_000;

/// On which side of its bound a value must lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Not above.
    AtMost,
    /// Not below.
    AtLeast,
    /// Neither above nor below.
    Exactly,
}

/// What value and bound count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Parts of 10⁻¹² of capital.
    Parts,
    /// Positions.
    Count,
}

/// One limit, and whether the weights keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitCheck {
    /// The name of the asset or group; `invested`, `turnover`, `min_position`, `max_positions`.
    pub name: String,
    /// What `value`, `bound` and `slack` count.
    pub unit: Unit,
    /// The value, rounded toward the bound.
    pub value: i128,
    /// The bound.
    pub bound: i128,
    /// Where the value must lie.
    pub side: Side,
    /// By how much the value could come nearer to the bound; negative if the limit is broken.
    pub slack: i128,
    /// Whether it holds the weights back.
    pub binds: bool,
}

/// Every limit of a problem, checked in integers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// All limits: invested sum, bounds, groups, turnover, positions.
    pub limits: Vec<LimitCheck>,
    /// How far the objective is from the best at most, in its units, by the method's own proof, the
    /// bound of the search over positions, and the loss by rounding. `None` where nothing is
    /// optimised or the method proves nothing.
    pub gap: Option<f64>,
}

impl Certificate {
    /// Checks weights, in parts, one per asset; says nothing of optimality yet.
    #[must_use]
    pub fn of(problem: &Problem, weights: &[i128]) -> Self {
        Self {
            limits: checks(problem, weights),
            gap: None,
        }
    }

    /// Whether every limit holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.broken().next().is_none()
    }

    /// The limits that do not hold.
    pub fn broken(&self) -> impl Iterator<Item = &LimitCheck> {
        self.limits.iter().filter(|limit| limit.slack < 0)
    }

    /// The limits that hold the weights back.
    pub fn binding(&self) -> impl Iterator<Item = &LimitCheck> {
        self.limits.iter().filter(|limit| limit.binds)
    }
}

fn check(name: &str, side: Side, value: i128, bound: i128) -> LimitCheck {
    let slack = match side {
        Side::AtMost => bound - value,
        Side::AtLeast => value - bound,
        Side::Exactly => -(value - bound).abs(),
    };
    LimitCheck {
        name: name.to_owned(),
        unit: Unit::Parts,
        value,
        bound,
        side,
        slack,
        binds: slack <= BINDING,
    }
}

fn checks(problem: &Problem, weights: &[i128]) -> Vec<LimitCheck> {
    let limits = &problem.limits;
    let mut checks = Vec::with_capacity(2 * weights.len() + limits.groups.len() + 4);
    let sum: i128 = weights.iter().sum();
    range(
        "invested",
        Some(limits.invested.0),
        Some(limits.invested.1),
        [sum; 3],
        &mut checks,
    );
    for group in &limits.groups {
        range(
            &group.name,
            group.min,
            group.max,
            sums(group, weights),
            &mut checks,
        );
    }
    for (index, (name, &weight)) in problem.assets.iter().zip(weights).enumerate() {
        let (low, high) = (limits.lower[index], limits.upper[index]);
        range(name, Some(low), Some(high), [weight; 3], &mut checks);
    }
    if let Some(most) = limits.turnover {
        let traded = weights.iter().zip(problem.current.iter());
        let traded = traded.map(|(weight, &current)| {
            // What is held need not be a whole number of parts.
            let (below, above) = (parts(current, To::Down), parts(current, To::Up));
            (weight - below).abs().max((weight - above).abs())
        });
        let most = parts(most, To::Down);
        checks.push(check("turnover", Side::AtMost, traded.sum(), most));
    }
    let positions = weights.iter().filter(|weight| **weight != 0);
    if let Some(least) = limits.min_position {
        let bound = parts(least, To::Up);
        let smallest = positions.clone().map(|weight| weight.abs()).min();
        let value = smallest.unwrap_or(bound);
        checks.push(check("min_position", Side::AtLeast, value, bound));
    }
    if let Some(most) = limits.max_positions {
        let count = |number: usize| i128::try_from(number).unwrap_or(i128::MAX);
        let (value, bound) = (count(positions.count()), count(most));
        checks.push(LimitCheck {
            unit: Unit::Count,
            binds: value >= bound,
            ..check("max_positions", Side::AtMost, value, bound)
        });
    }
    checks
}

/// The sum of a group: rounded down, nearest, and up to a part.
fn sums(group: &Group, weights: &[i128]) -> [i128; 3] {
    let sum = |positive: To, negative: To| -> i128 {
        group
            .terms
            .iter()
            .map(|&(index, factor)| {
                let to = if weights[index] < 0 {
                    negative
                } else {
                    positive
                };
                coefficient(factor, to) * weights[index]
            })
            .sum()
    };
    let nearest = sum(To::Nearest, To::Nearest);
    [
        sum(To::Down, To::Up).div_euclid(COEFFICIENT),
        // Less than a part beside a bound becomes the bound, whichever side it is on.
        match group.min {
            Some(min) if nearest < parts(min, To::Nearest) * COEFFICIENT => {
                -(-nearest).div_euclid(COEFFICIENT)
            }
            _ => nearest.div_euclid(COEFFICIENT),
        },
        -(-sum(To::Up, To::Down)).div_euclid(COEFFICIENT),
    ]
}

/// A least and a greatest value, or one that must be met; `values` are rounded down, nearest, up.
fn range(
    name: &str,
    min: Option<f64>,
    max: Option<f64>,
    values: [i128; 3],
    checks: &mut Vec<LimitCheck>,
) {
    let [down, nearest, up] = values;
    if let (Some(min), Some(max)) = (min, max)
        && min == max
    {
        checks.push(check(name, Side::Exactly, nearest, parts(min, To::Nearest)));
        return;
    }
    if let Some(min) = min {
        checks.push(check(name, Side::AtLeast, down, parts(min, To::Up)));
    }
    if let Some(max) = max {
        checks.push(check(name, Side::AtMost, up, parts(max, To::Down)));
    }
}
