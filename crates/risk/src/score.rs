//! Risk from 0 (none seen) to 100 (worst), with what it is made of.
//!
//! A score is the sum of its terms, at most 100. The points are chosen, not fitted. A term rises in
//! a straight line from nothing to its most, which is reached at the value named, rounded up; what
//! is unknown has the most.
//!
//! | term | opportunity | protocol | portfolio |
//! |---|---|---|---|
//! | `health`, lacking to 100 | 40 | 60 | |
//! | `limit`, share of its limit used, at 100 % | 15 | 20 | |
//! | `contagion`, share of equity lost if its worst node fails, at 20 % | 15 | 20 | |
//! | `volatility`: low, medium, high, extreme | 0, 4, 9, 15 | | 0, 4, 9, 15 |
//! | `gas`, share of hours that were cheaper, at 100 % | 10 | | |
//! | `lock`, cannot be left at once | 5 | | |
//! | `drawdown`, from the highest, at 20 % | | | 25 |
//! | `shortfall`, expected shortfall of equity, at 10 % | | | 20 |
//! | `concentration`, Herfindahl index of exposures, at 100 % | | | 15 |
//! | `data`, share of inputs that are not fresh, at 50 % | | | 15 |
//! | `control`: active, cautious, reducing, halted, locked | | | 0, 15, 40, 70, 100 |

use airdrops_types::{Bps, ControlState, U256, Usd, VolatilityState};
use serde::{Deserialize, Serialize};

use crate::term::{Term, capped_sum};

/// A risk score with its terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// From 0 (none seen) to 100 (worst): the sum of the terms, at most 100.
    pub score: u8,
    /// Every term, also those without points.
    pub terms: Vec<Term>,
}

/// What the risk of an opportunity (a step at a protocol with its assets on its chain) is measured
/// from. `None` is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OpportunityRisk {
    /// [`Health::score`](crate::health::Health) of the protocol.
    pub health: Option<u8>,
    /// The highest share used of any limit that the opportunity counts against.
    pub limit_used: Option<Bps>,
    /// Loss if the worst node underneath fails, as a share of equity.
    pub contagion: Option<Bps>,
    /// How rough the market is.
    pub volatility: Option<VolatilityState>,
    /// Share of observed hours in which gas on the chain was cheaper.
    pub gas: Option<Bps>,
    /// Whether what goes in is locked for some time.
    pub locked: bool,
}

/// What the risk of a protocol is measured from. `None` is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProtocolRisk {
    /// [`Health::score`](crate::health::Health).
    pub health: Option<u8>,
    /// Share used of its limit.
    pub limit_used: Option<Bps>,
    /// Loss if it, or the worst node underneath, fails, as a share of equity.
    pub contagion: Option<Bps>,
}

/// What the risk of the portfolio is measured from. `None` is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PortfolioRisk {
    /// Fall from the highest equity, flows taken out.
    pub drawdown: Option<Bps>,
    /// Expected shortfall as a share of equity.
    pub shortfall: Option<Bps>,
    /// Concentration of node exposures: [`herfindahl`].
    pub concentration: Option<Bps>,
    /// How rough the market is.
    pub volatility: Option<VolatilityState>,
    /// Share of inputs that are stale or missing.
    pub not_fresh: Option<Bps>,
    /// The worst control state that holds anywhere.
    pub control: ControlState,
}

impl OpportunityRisk {
    /// The score.
    #[must_use]
    pub fn score(&self) -> Score {
        let lock = if self.locked {
            Term::new("lock", 5, "cannot be left at once")
        } else {
            Term::new("lock", 0, "can be left at once")
        };
        Score::of(vec![
            health(self.health, 40),
            rising("limit", self.limit_used, 10_000, 15, "of its limit used"),
            contagion(self.contagion, 15),
            volatility(self.volatility),
            rising("gas", self.gas, 10_000, 10, "of hours were cheaper"),
            lock,
        ])
    }
}

impl ProtocolRisk {
    /// The score.
    #[must_use]
    pub fn score(&self) -> Score {
        Score::of(vec![
            health(self.health, 60),
            rising("limit", self.limit_used, 10_000, 20, "of its limit used"),
            contagion(self.contagion, 20),
        ])
    }
}

impl PortfolioRisk {
    /// The score.
    #[must_use]
    pub fn score(&self) -> Score {
        let control = match self.control {
            ControlState::Active => 0,
            ControlState::Cautious => 15,
            ControlState::Reducing => 40,
            ControlState::Halted => 70,
            ControlState::Locked => 100,
        };
        Score::of(vec![
            rising("drawdown", self.drawdown, 2_000, 25, "below the highest"),
            rising("shortfall", self.shortfall, 1_000, 20, "of equity"),
            rising(
                "concentration",
                self.concentration,
                10_000,
                15,
                "Herfindahl index",
            ),
            volatility(self.volatility),
            rising("data", self.not_fresh, 5_000, 15, "of inputs not fresh"),
            Term::new("control", control, self.control.to_string()),
        ])
    }
}

impl Score {
    fn of(terms: Vec<Term>) -> Self {
        let score = capped_sum(&terms);
        Self { score, terms }
    }
}

/// The Herfindahl index of exposures (Herfindahl 1950; Hirschman 1945): the sum of squared shares,
/// rounded up. 100 % if all is in one, `1/n` if `n` are equal, zero without exposure; negative ones
/// count as none. `None` if a number does not fit.
#[must_use]
pub fn herfindahl(exposures: &[Usd]) -> Option<Bps> {
    let mut sum = U256::ZERO;
    let mut squares = U256::ZERO;
    for exposure in exposures {
        let size = U256::from(exposure.0.max(0).unsigned_abs());
        sum = sum.checked_add(size)?;
        squares = squares.checked_add(size.checked_mul(size)?)?;
    }
    if sum.is_zero() {
        return Some(Bps(0));
    }
    let scaled = squares.checked_mul(U256::from(10_000))?;
    let index = scaled.div_ceil(sum.checked_mul(sum)?);
    u32::try_from(index).ok().map(Bps)
}

fn health(health: Option<u8>, most: u8) -> Term {
    let lacking = health.map(|health| Bps(u32::from(100 - health.min(100)) * 100));
    let mut term = rising("health", lacking, 10_000, most, "");
    if let Some(health) = health {
        term.measured = format!("{health} of 100");
    }
    term
}

fn contagion(share: Option<Bps>, most: u8) -> Term {
    let text = "of equity lost if its worst node fails";
    rising("contagion", share, 2_000, most, text)
}

fn volatility(state: Option<VolatilityState>) -> Term {
    let points = match state {
        Some(VolatilityState::Low) => 0,
        Some(VolatilityState::Medium) => 4,
        Some(VolatilityState::High) => 9,
        Some(VolatilityState::Extreme) | None => 15,
    };
    let measured = state.map_or_else(|| "unknown".to_owned(), |state| state.to_string());
    Term::new("volatility", points, measured)
}

/// `most` at `full` and beyond, in proportion below, rounded up.
fn rising(name: &str, value: Option<Bps>, full: u32, most: u8, text: &str) -> Term {
    let Some(value) = value else {
        return Term::new(name, most, "unknown");
    };
    let scaled = u64::from(value.0.min(full)) * u64::from(most);
    let points = u8::try_from(scaled.div_ceil(u64::from(full))).unwrap_or(most);
    Term::new(name, points, format!("{value} {text}"))
}

#[cfg(test)]
mod tests;
