//! How likely a position is lost, and how much of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::beta::Beta;
use super::invalid::{Invalid, bounded};

/// Losses per year of a blue chip, audited: 0.3 %.
///
/// Anchors: losses of decentralised finance were 2.8 % of its average value locked in 2020, 3.1 %
/// in 2022, about 1 % or less a year in 2023 to 2025; 0.03 % for mature lending in the year to May
/// 2026.
pub const LEAST_HAZARD: f64 = 0.003;
/// Losses per year of what is new and unaudited: 5 %.
pub const GREATEST_HAZARD: f64 = 0.05;
/// No hazard is higher than ten losses a year.
const MAX_HAZARD: f64 = 10.0;
/// More shared hazards are no description of one position.
const MAX_SHARED: usize = 32;

/// The hazard per year of a risk score from 0 (none seen) to 100 (worst): geometric between
/// [`LEAST_HAZARD`] and [`GREATEST_HAZARD`], chosen, not fitted. Scores above 100 count as 100.
#[must_use]
pub fn of_risk_score(score: u8) -> f64 {
    let part = f64::from(score.min(100)) / 100.0;
    LEAST_HAZARD * libm::pow(GREATEST_HAZARD / LEAST_HAZARD, part)
}

/// The hazard per year of a health score from 0 (worst) to 100.
#[must_use]
pub fn of_health_score(score: u8) -> f64 {
    of_risk_score(100 - score.min(100))
}

/// What can take a position away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hazard {
    /// Losses per year of this protocol alone, such as [`of_risk_score`] gives.
    pub own: f64,
    /// Names in [`World::shared_hazards`] that hit it too: its chain, its custodian, its bridge.
    pub shared: Vec<String>,
    /// How much is lost then.
    pub loss: Loss,
}

/// How much of a position a loss takes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// All, as with most bridges.
    Total,
    /// A share.
    Share(Beta),
}

impl Loss {
    /// The expected share.
    #[must_use]
    pub fn mean(&self) -> f64 {
        match self {
            Self::Total => 1.0,
            Self::Share(belief) => belief.mean(),
        }
    }
}

/// What all opportunities share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct World {
    /// Correlation of any two tokens' log values: one market factor with loading `√ρ`.
    pub correlation: f64,
    /// Events that hit several positions at once, by name, per year: Marshall & Olkin (1967).
    pub shared_hazards: BTreeMap<String, f64>,
    /// Fully diluted values beyond this, in dollars, are cut: the logarithm's heavy tails have no
    /// mean.
    pub fdv_ceiling: f64,
    /// Drops to one wallet beyond this, in dollars, are cut, where they are estimated directly.
    pub wallet_ceiling: f64,
}

impl Default for World {
    /// Correlation 0.5, no shared hazards, and ceilings of $500 bn and $1 m: 25 times the highest
    /// diluted value at claim, and 50 times the highest mean drop to a wallet, in the history that
    /// comes with the program.
    fn default() -> Self {
        Self {
            correlation: 0.5,
            shared_hazards: BTreeMap::new(),
            fdv_ceiling: 500e9,
            wallet_ceiling: 1e6,
        }
    }
}

impl World {
    /// Whether all numbers are usable.
    ///
    /// # Errors
    /// [`Invalid`], which names the parameter.
    pub fn check(&self) -> Result<(), Invalid> {
        bounded("correlation", self.correlation, 0.0, 1.0)?;
        bounded("fdv_ceiling", self.fdv_ceiling, 1.0, 1e15)?;
        bounded("wallet_ceiling", self.wallet_ceiling, 1.0, 1e12)?;
        for (name, rate) in &self.shared_hazards {
            bounded(&format!("shared_hazards.{name}"), *rate, 0.0, MAX_HAZARD)?;
        }
        Ok(())
    }
}

impl Hazard {
    /// Whether all numbers are usable and all names known.
    ///
    /// # Errors
    /// [`Invalid`], which names the parameter.
    pub fn check(&self, world: &World) -> Result<(), Invalid> {
        bounded("own", self.own, 0.0, MAX_HAZARD)?;
        if self.shared.len() > MAX_SHARED {
            let what = format!("has {} names: give at most {MAX_SHARED}", self.shared.len());
            return Err(Invalid::new("shared", what));
        }
        for (index, name) in self.shared.iter().enumerate() {
            if !world.shared_hazards.contains_key(name) {
                let what =
                    format!("`{name}` is not among the world's shared hazards: add it there");
                return Err(Invalid::new("shared", what));
            }
            if self.shared[..index].contains(name) {
                return Err(Invalid::new("shared", format!("names `{name}` twice")));
            }
        }
        match &self.loss {
            Loss::Total => Ok(()),
            Loss::Share(belief) => belief.check().map_err(|error| error.within("loss")),
        }
    }

    /// Losses per year, own and shared.
    #[must_use]
    pub fn total(&self, world: &World) -> f64 {
        let shared = self.shared.iter();
        let rates = shared.filter_map(|name| world.shared_hazards.get(name));
        self.own + rates.sum::<f64>()
    }
}

/// The probability of at least one event within `months`, at `hazard` events per year.
#[must_use]
pub fn probability(hazard: f64, months: f64) -> f64 {
    -libm::expm1(-hazard * months / 12.0)
}
