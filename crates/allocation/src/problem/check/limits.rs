//! Faults of limits, holdings and costs.

use std::collections::BTreeSet;

use super::{Faults, MAX_CAPITAL, MAX_WEIGHT, each};
use crate::problem::{Group, Problem};

/// Names that other limits have in certificates.
const RESERVED: [&str; 4] = ["invested", "turnover", "min_position", "max_positions"];

const SIZE: &str = "give a fraction of capital, such as 0.2 for 20 %";

fn sized(value: f64) -> bool {
    value.abs() <= MAX_WEIGHT
}

pub(super) fn limits(problem: &Problem, faults: &mut Faults) {
    let (n, limits) = (problem.assets.len(), &problem.limits);
    let lower = faults.length("bounds (least)", limits.lower.len(), n, "asset");
    let upper = faults.length("bounds (greatest)", limits.upper.len(), n, "asset");
    if lower && upper {
        for (index, name) in problem.assets.iter().enumerate() {
            let (low, high) = (limits.lower[index], limits.upper[index]);
            range(&format!("bounds.{name}"), low, high, faults);
        }
    }
    range("invested", limits.invested.0, limits.invested.1, faults);
    let mut names = BTreeSet::new();
    for (index, group) in limits.groups.iter().enumerate() {
        let place = format!("groups[{index}]");
        let name = format!("{place}.name");
        if group.name.trim().is_empty() {
            faults.add(name, "is empty", "give the group a name");
        } else if RESERVED.contains(&group.name.as_str()) || problem.assets.contains(&group.name) {
            let problem = format!("`{}` is the name of another limit", group.name);
            faults.add(name, problem, "give the group another name");
        } else if !names.insert(&group.name) {
            let problem = format!("`{}` is there twice", group.name);
            faults.add(name, problem, "give each group a name of its own");
        }
        self::group(&place, group, n, faults);
    }
    if let Some(turnover) = limits.turnover {
        let remedy = "give what may be traded as a fraction of capital, 0 or more";
        faults.number(
            "turnover",
            turnover,
            turnover >= 0.0 && sized(turnover),
            remedy,
        );
    }
    if let Some(least) = limits.min_position {
        let remedy = "give the smallest position as a fraction of capital, such as 0.01";
        faults.number("min_position", least, least >= 0.0 && sized(least), remedy);
    }
    if limits.max_positions == Some(0) {
        let remedy = "allow one or more, or leave the limit out";
        faults.add("max_positions", "0 is not allowed", remedy);
    }
    if faults.length("current", problem.current.len(), n, "asset") {
        faults.numbers(
            each("current", problem.current.iter().copied()),
            sized,
            SIZE,
        );
    }
}

/// Two finite numbers of a usable size in their order.
fn range(place: &str, low: f64, high: f64, faults: &mut Faults) {
    let fine = faults.number(place, low, sized(low), SIZE)
        && faults.number(place, high, sized(high), SIZE);
    if fine && low > high {
        let problem = format!("the least, {low}, is above the greatest, {high}");
        faults.add(place, problem, "exchange them, or loosen one");
    }
}

fn group(place: &str, group: &Group, n: usize, faults: &mut Faults) {
    let members = format!("{place}.assets");
    if group.terms.is_empty() {
        faults.add(
            members.as_str(),
            "there are none",
            "name at least one asset",
        );
    }
    let mut before = None;
    for &(index, coefficient) in &group.terms {
        if index >= n {
            let problem = format!("there is no asset {index}");
            let remedy = format!("the assets are 0 to {}", n.saturating_sub(1));
            faults.add(members.as_str(), problem, remedy);
        } else if before.is_some_and(|before| before >= index) {
            let problem = format!("asset {index} is there twice or out of order");
            faults.add(members.as_str(), problem, "name each asset once");
        }
        before = Some(index);
        let inside = coefficient >= 0.0 && sized(coefficient);
        let remedy = "give a coefficient from 0 to 1,000";
        faults.number(members.as_str(), coefficient, inside, remedy);
    }
    match (group.min, group.max) {
        (Some(min), Some(max)) => range(place, min, max, faults),
        (None, None) => faults.add(place, "limits nothing", "give it min, max or both"),
        (Some(one), None) | (None, Some(one)) => {
            faults.number(place, one, sized(one), SIZE);
        }
    }
}

pub(super) fn costs(problem: &Problem, faults: &mut Faults) {
    let n = problem.assets.len();
    let costs = &problem.costs;
    for (name, values, remedy) in [
        (
            "costs.proportional",
            &costs.proportional,
            "give a fraction of what is traded, 0 or more and below 1",
        ),
        (
            "costs.fixed",
            &costs.fixed,
            "give the cost of one transaction, 0 or more and below capital",
        ),
    ] {
        if !values.is_empty() && faults.length(name, values.len(), n, "asset") {
            let inside = |value| (0.0..1.0).contains(&value);
            faults.numbers(each(name, values.iter().copied()), inside, remedy);
        }
    }
    if let Some(cap) = costs.cap_per_transaction {
        let remedy = "give a fraction of capital above 0 and up to 1, such as 0.05 for 5 %";
        faults.number("cap_per_transaction", cap, cap > 0.0 && cap <= 1.0, remedy);
    }
    if problem.capital.0 <= 0 {
        let what = format!("{} is nothing to allocate", problem.capital);
        faults.add("capital", what, "give dollars above 0");
    } else if problem.capital.0 > MAX_CAPITAL {
        let what = format!("{} is above 10^12 dollars", problem.capital);
        faults.add(
            "capital",
            what,
            "give at most 10^12 dollars: is it in dollars?",
        );
    }
}
