//! All strategies by name, what each needs to know, and what stands in for it.

use crate::problem::{Problem, Returns};
use crate::strategy::{self, Strategy};

/// What a strategy needs to know of returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// How they vary together.
    Covariance,
    /// Their means too.
    Mean,
}

/// One strategy.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Its name on the command line and in reports.
    pub name: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// What it needs to know of returns.
    pub needs: Needs,
    /// The strategies that are tried, in this order, if it stalls.
    pub fallbacks: &'static [&'static str],
    make: fn() -> Box<dyn Strategy>,
}

macro_rules! entry {
    ($strategy:expr, $name:literal, $needs:ident, [$($fallback:literal),*], $summary:literal) => {
        Entry {
            name: $name,
            summary: $summary,
            needs: Needs::$needs,
            fallbacks: &[$($fallback),*],
            make: || Box::new($strategy),
        }
    };
}

/// Every strategy.
#[rustfmt::skip]
pub const ALL: &[Entry] = &[
    entry!(strategy::fixed::Fixed, "fixed", Nothing, [], "the given weights"),
    entry!(strategy::equal_weight::EqualWeight, "equal-weight", Nothing, [], "the same for every asset"),
    entry!(strategy::inverse_volatility::InverseVolatility, "inverse-volatility", Covariance, [], "less for what varies more"),
    entry!(strategy::risk_parity::RiskParity, "risk-parity", Covariance, ["inverse-volatility"], "given shares of risk, equal ones by default"),
    entry!(strategy::hrp::Hrp, "hrp", Covariance, ["inverse-volatility"], "hierarchical risk parity"),
    entry!(strategy::min_cvar::MinCvar, "min-cvar", Mean, ["inverse-volatility"], "least expected loss in the worst outcomes"),
    entry!(strategy::black_litterman::BlackLitterman, "black-litterman", Covariance, ["inverse-volatility"], "equilibrium and views, then mean against variance"),
    entry!(strategy::kelly::Kelly, "kelly", Mean, ["inverse-volatility"], "greatest expected log growth"),
    entry!(strategy::airdrop_kelly::AirdropKelly, "airdrop-kelly", Mean, ["kelly", "inverse-volatility"], "log growth under a drawdown bound, for scenarios with jackpots and total losses"),
];

/// What is known of a strategy.
#[must_use]
pub fn entry(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.name == name)
}

/// The strategy of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<Box<dyn Strategy>> {
    entry(name).map(|entry| (entry.make)())
}

/// Names of all strategies.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|entry| entry.name)
}

/// The strategy for a problem that names none: `fixed` where weights are given; `black-litterman`
/// where views are; `airdrop-kelly` where scenarios are; `mean-variance` where a risk aversion is;
/// else `risk-parity`, which needs no opinion of means.
#[must_use]
pub fn default_for(problem: &Problem) -> &'static str {
    let given = &problem.parameters;
    if given.fixed.is_some() {
        "fixed"
    } else if given.views.is_some() {
        "black-litterman"
    } else if matches!(problem.returns, Returns::Scenarios(_)) {
        "airdrop-kelly"
    } else if given.risk_aversion.is_some() && entry("mean-variance").is_some() {
        "mean-variance"
    } else {
        "risk-parity"
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_strategy_answers_to_its_name_and_falls_back_on_known_ones() {
        for entry in ALL {
            assert_eq!(by_name(entry.name).unwrap().name(), entry.name);
            for fallback in entry.fallbacks {
                assert!(super::entry(fallback).is_some(), "{fallback}");
                assert_ne!(*fallback, entry.name);
            }
        }
    }
}
