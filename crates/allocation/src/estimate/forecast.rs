//! What was said before it happened, and what happened.

use std::collections::{BTreeMap, VecDeque};

use airdrops_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, bounded};
use super::proper_score::{brier, check_quantiles, crps_quantiles, logarithmic};

/// A statement about the future that can be scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Names it, once.
    pub id: String,
    /// When it was made.
    pub made: Timestamp,
    /// What about, in words.
    pub about: String,
    /// What is said.
    pub said: Said,
    /// When the outcome is known.
    pub resolves: Timestamp,
}

/// What a forecast says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// That something happens with this probability.
    Probability(f64),
    /// Quantiles of an amount: level and value, by ascending level. Amounts of airdrops are best
    /// given as logarithms: otherwise the largest one decides the score.
    Quantiles(Vec<(f64, f64)>),
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Whether it did.
    Happened(bool),
    /// The amount, in the unit of the forecast.
    Amount(f64),
}

/// How a forecast came out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Resolution {
    /// When the outcome was known.
    pub at: Timestamp,
    /// What it was.
    pub outcome: Outcome,
}

/// A forecast with its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resolved {
    /// What was said.
    pub forecast: Forecast,
    /// What happened.
    pub resolution: Resolution,
}

/// Scores of one forecast: those of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Score {
    /// Of a probability.
    Probability {
        /// [`brier`].
        brier: f64,
        /// [`logarithmic`], in nats.
        logarithmic: f64,
    },
    /// Of quantiles: [`crps_quantiles`].
    Crps(f64),
}

/// The most forecasts that wait for their outcome.
pub const MAX_OPEN: usize = 10_000;
/// The most outcomes that are kept; the oldest go first.
pub const MAX_RESOLVED: usize = 10_000;
/// The most quantiles of one forecast in the log.
pub const MAX_QUANTILES: usize = 99;
/// The longest name or text.
const MAX_TEXT: usize = 500;

/// All forecasts. Bounded: [`MAX_OPEN`], [`MAX_RESOLVED`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ForecastLog {
    open: BTreeMap<String, Forecast>,
    resolved: VecDeque<Resolved>,
    /// Outcomes that were let go.
    forgotten: u64,
}

impl Resolved {
    /// How good it was; `None` if the outcome is not of the forecast's kind, which the log refuses.
    #[must_use]
    pub fn score(&self) -> Option<Score> {
        match (&self.forecast.said, self.resolution.outcome) {
            (Said::Probability(p), Outcome::Happened(happened)) => Some(Score::Probability {
                brier: brier(*p, happened),
                logarithmic: logarithmic(*p, happened),
            }),
            (Said::Quantiles(quantiles), Outcome::Amount(amount)) => {
                crps_quantiles(quantiles, amount).ok().map(Score::Crps)
            }
            _ => None,
        }
    }
}

impl ForecastLog {
    /// Adds a forecast.
    ///
    /// # Errors
    /// [`Invalid`] if it says nothing that can be scored, its name is taken, or too many are open.
    pub fn add(&mut self, forecast: Forecast) -> Result<(), Invalid> {
        let place = format!("forecast {}", forecast.id);
        let wrong = |what: String| Err(Invalid::new(place.clone(), what));
        if forecast.id.is_empty() || forecast.id.len() > MAX_TEXT || forecast.about.len() > MAX_TEXT
        {
            return wrong(format!(
                "needs a name; both texts have at most {MAX_TEXT} bytes"
            ));
        }
        if self.open.contains_key(&forecast.id) || self.find(&forecast.id).is_some() {
            return wrong("is there already: give each forecast its own name".to_owned());
        }
        if forecast.resolves <= forecast.made {
            return wrong(format!(
                "resolves at {}, not after it is made, at {}: it would be no forecast",
                forecast.resolves, forecast.made
            ));
        }
        if self.open.len() >= MAX_OPEN {
            return wrong(format!(
                "is one too many: {MAX_OPEN} are open, resolve some"
            ));
        }
        match &forecast.said {
            Said::Probability(p) => bounded("probability", *p, 0.0, 1.0),
            Said::Quantiles(quantiles) if quantiles.len() > MAX_QUANTILES => {
                let what = format!("are {}: give at most {MAX_QUANTILES}", quantiles.len());
                Err(Invalid::new("quantiles", what))
            }
            Said::Quantiles(quantiles) => check_quantiles(quantiles),
        }
        .map_err(|error| error.within(&place))?;
        self.open.insert(forecast.id.clone(), forecast);
        Ok(())
    }

    /// Says what happened, and returns the score.
    ///
    /// # Errors
    /// [`Invalid`] if there is no such open forecast, the outcome is of another kind, or it was
    /// known when the forecast was made.
    pub fn resolve(&mut self, id: &str, resolution: Resolution) -> Result<Score, Invalid> {
        let place = format!("forecast {id}");
        let Some(forecast) = self.open.get(id) else {
            return Err(Invalid::new(
                place,
                "is not open: it is unknown or resolved",
            ));
        };
        if resolution.at <= forecast.made {
            let what = format!(
                "was made at {}, when the outcome of {} was known: it was no forecast",
                forecast.made, resolution.at
            );
            return Err(Invalid::new(place, what));
        }
        if let Outcome::Amount(amount) = resolution.outcome {
            bounded("outcome", amount, -1e18, 1e18).map_err(|error| error.within(&place))?;
        }
        let resolved = Resolved {
            forecast: forecast.clone(),
            resolution,
        };
        let Some(score) = resolved.score() else {
            let what = "says a probability where the outcome is an amount, or the other way round";
            return Err(Invalid::new(place, what));
        };
        self.open.remove(id);
        if self.resolved.len() >= MAX_RESOLVED {
            self.resolved.pop_front();
            self.forgotten = self.forgotten.saturating_add(1);
        }
        self.resolved.push_back(resolved);
        Ok(score)
    }

    /// Open forecasts whose outcome should be known at `now`, by name.
    pub fn due(&self, now: Timestamp) -> impl Iterator<Item = &Forecast> {
        self.open.values().filter(move |open| open.resolves <= now)
    }

    /// Forecasts that wait for their outcome, by name.
    pub fn open(&self) -> impl Iterator<Item = &Forecast> {
        self.open.values()
    }

    /// Forecasts with their outcomes, oldest outcome first.
    pub fn resolved(&self) -> impl Iterator<Item = &Resolved> {
        self.resolved.iter()
    }

    /// How many outcomes were let go.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn find(&self, id: &str) -> Option<&Resolved> {
        self.resolved.iter().find(|each| each.forecast.id == id)
    }
}
