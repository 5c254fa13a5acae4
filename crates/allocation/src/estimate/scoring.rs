//! How likely a drop is, by what can be seen of a protocol.

use airdrops_types::Usd;
use serde::{Deserialize, Serialize};

use super::beta::Beta;
use super::invalid::{Invalid, bounded};
use super::isotonic::Isotonic;
use super::logistic::{self, Logistic};
use super::rule::{amount, in_dollars};

/// What can be seen of a protocol without a token.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Features {
    /// Months since its launch.
    pub age: f64,
    /// Value locked.
    pub tvl: Usd,
    /// Money raised.
    pub funding: Usd,
    /// Whether it counts points.
    pub points: bool,
    /// Whether it announced a token.
    pub announced: bool,
    /// Audits that were published.
    pub audits: u32,
}

/// One protocol of which the outcome is known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Labelled {
    /// What could be seen before.
    pub features: Features,
    /// Whether there was a drop.
    pub dropped: bool,
}

/// How many numbers features are.
const K: usize = 7;

/// What the coefficients are of, in order.
pub const NAMES: [&str; K] = [
    "intercept",
    "ln(1 + age in years)",
    "log10 of value locked over $10 m",
    "log10 of money raised over $10 m",
    "counts points",
    "announced a token",
    "audits, at most 5",
];

/// Coefficients without any label. **Judgement, not a fit**: no set of protocols with and without
/// drops ships with the program. The sizes say: an ordinary protocol with $10 m locked and raised
/// drops with probability 0.27; each decade of money raised multiplies the odds by 1.6, a points
/// programme by 3.3, an announcement by 12.
pub const PRIOR: [f64; K] = [-1.0, 0.2, 0.3, 0.5, 1.2, 2.5, 0.1];

/// With this many labels probabilities are calibrated by Platt scaling.
pub const PLATT_FROM: usize = 30;
/// With this many labels probabilities are calibrated by isotonic regression.
pub const ISOTONIC_FROM: usize = 300;
/// Parts for cross-fitting.
const FOLDS: usize = 5;

/// How raw probabilities become calibrated ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Calibrator {
    /// Not at all: too few labels.
    None,
    /// Platt (1999): a logistic function of the score, shrunk to the identity.
    Platt {
        /// Added to the score.
        offset: f64,
        /// The score's factor, positive.
        factor: f64,
    },
    /// Zadrozny & Elkan (2002): a nondecreasing function of the score.
    Isotonic(Isotonic),
}

/// A trained score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scorer {
    /// By [`NAMES`].
    pub coefficients: Vec<f64>,
    /// From scores of folds that were left out.
    pub calibrator: Calibrator,
    /// How many labels it was trained with.
    pub labels: usize,
}

impl Features {
    /// The numbers that coefficients are for; all of the order of one.
    ///
    /// # Errors
    /// [`Invalid`], which names the feature.
    pub fn vector(&self) -> Result<Vec<f64>, Invalid> {
        bounded("age", self.age, 0.0, 1200.0)?;
        amount("tvl", self.tvl)?;
        amount("funding", self.funding)?;
        let decades = |amount: Usd| libm::log10(1.0 + in_dollars(amount)).max(4.0) - 7.0;
        let flag = |yes: bool| f64::from(u8::from(yes));
        Ok(vec![
            1.0,
            libm::log1p(self.age / 12.0),
            decades(self.tvl),
            decades(self.funding),
            flag(self.points),
            flag(self.announced),
            f64::from(self.audits.min(5)),
        ])
    }
}

impl Scorer {
    /// The score without labels: [`PRIOR`].
    #[must_use]
    pub fn prior() -> Self {
        Self {
            coefficients: PRIOR.to_vec(),
            calibrator: Calibrator::None,
            labels: 0,
        }
    }

    /// A score from labels: logistic regression whose coefficients are drawn to [`PRIOR`] with
    /// `penalty` (2 is as sure as a standard deviation of 0.7), then calibrated on scores of five
    /// parts, each scored by a fit to the other four. Parts are taken in turn: hand labels in in any
    /// order that has nothing to do with their outcome.
    ///
    /// # Errors
    /// [`Invalid`] for what cannot be, by label.
    pub fn train(labelled: &[Labelled], penalty: f64) -> Result<Self, Invalid> {
        bounded("penalty", penalty, 1e-3, 1e6)?;
        let mut examples = Vec::with_capacity(labelled.len());
        for (index, label) in labelled.iter().enumerate() {
            let x = label.features.vector();
            let x = x.map_err(|error| error.within(&format!("label {index}")))?;
            examples.push((x, label.dropped));
        }
        let fit = |examples: &[(Vec<f64>, bool)]| -> Result<Logistic, Invalid> {
            logistic::fit(examples, &PRIOR, &[penalty; K])
        };
        let whole = fit(&examples)?;
        let calibrator = if examples.len() < PLATT_FROM {
            Calibrator::None
        } else {
            let mut scored = Vec::with_capacity(examples.len());
            for fold in 0..FOLDS {
                let others = examples.iter().enumerate();
                let others = others.filter(|(index, _)| index % FOLDS != fold);
                let others: Vec<_> = others.map(|(_, example)| example.clone()).collect();
                let part = fit(&others)?;
                let left_out = examples.iter().skip(fold).step_by(FOLDS);
                scored.extend(left_out.map(|(x, y)| (logistic::dot(&part.coefficients, x), *y)));
            }
            calibrate(&scored)?
        };
        Ok(Self {
            coefficients: whole.coefficients,
            calibrator,
            labels: labelled.len(),
        })
    }

    /// The probability of a drop, strictly between 0 and 1.
    ///
    /// # Errors
    /// [`Invalid`], which names the feature.
    pub fn probability(&self, features: &Features) -> Result<f64, Invalid> {
        let score = logistic::dot(&self.coefficients, &features.vector()?);
        let probability = match &self.calibrator {
            Calibrator::None => logistic::probability(&[1.0], &[score]),
            Calibrator::Platt { offset, factor } => {
                logistic::probability(&[*offset, *factor], &[1.0, score])
            }
            Calibrator::Isotonic(isotonic) => isotonic.probability(score),
        };
        Ok(probability.clamp(1e-4, 1.0 - 1e-4))
    }

    /// The belief that the score stands for, as sure as `strength` protocols.
    ///
    /// # Errors
    /// [`Invalid`] for what cannot be.
    pub fn belief(&self, features: &Features, strength: f64) -> Result<Beta, Invalid> {
        Beta::from_mean(self.probability(features)?, strength)
    }
}

fn calibrate(scored: &[(f64, bool)]) -> Result<Calibrator, Invalid> {
    if scored.len() >= ISOTONIC_FROM {
        return Ok(Calibrator::Isotonic(Isotonic::fit(scored)?));
    }
    let clamp = |score: f64| score.clamp(-50.0, 50.0);
    let examples: Vec<_> = scored
        .iter()
        .map(|(score, outcome)| (vec![1.0, clamp(*score)], *outcome))
        .collect();
    let fit = logistic::fit(&examples, &[0.0, 1.0], &[1.0, 1.0])?;
    // A factor below zero would turn the score's order round.
    match fit.coefficients[..] {
        [offset, factor] if factor > 0.0 => Ok(Calibrator::Platt { offset, factor }),
        _ => Ok(Calibrator::None),
    }
}
