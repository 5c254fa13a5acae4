//! How a drop is divided: points by capital.

use airdrops_types::Usd;
use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, bounded};

/// How many points a position earns. Points are compared with those of others, in
/// [`Worth`](super::opportunity::Worth): their unit is free.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// One point for each wallet that holds at least this: a question of yes or no.
    Flat {
        /// The least capital.
        minimum: Usd,
    },
    /// Steps: the points of the highest tier that is reached.
    Tiers(Vec<Tier>),
    /// The square root of the capital in dollars.
    SquareRoot,
    /// `ln(1 + capital / unit)`.
    Logarithmic {
        /// The capital at which points start to saturate.
        unit: Usd,
    },
    /// The capital in dollars: points of others are their value locked.
    ProRata,
}

/// One step of [`Rule::Tiers`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tier {
    /// The least capital.
    pub minimum: Usd,
    /// The points from there on.
    pub points: f64,
}

/// More tiers than any drop had.
const MAX_TIERS: usize = 64;

/// Dollars as a float, for estimates.
pub(crate) fn in_dollars(amount: Usd) -> f64 {
    amount.0 as f64 / 1e6
}

/// The greatest amount that estimates take: $10¹².
pub(crate) const MAX_AMOUNT: Usd = Usd::dollars(1_000_000_000_000);

/// Refuses amounts that are negative or beyond [`MAX_AMOUNT`].
pub(crate) fn amount(place: &str, amount: Usd) -> Result<(), Invalid> {
    if amount < Usd::ZERO || amount > MAX_AMOUNT {
        let what = format!("is {amount}: give an amount from $0 to {MAX_AMOUNT}");
        return Err(Invalid::new(place, what));
    }
    Ok(())
}

impl Rule {
    /// Whether tiers rise, and amounts are amounts.
    ///
    /// # Errors
    /// [`Invalid`], which names the parameter.
    pub fn check(&self) -> Result<(), Invalid> {
        match self {
            Self::Flat { minimum } => amount("minimum", *minimum),
            Self::Tiers(tiers) => {
                if tiers.is_empty() || tiers.len() > MAX_TIERS {
                    let what = format!("has {} tiers: give 1 to {MAX_TIERS}", tiers.len());
                    return Err(Invalid::new("tiers", what));
                }
                for tier in tiers {
                    amount("tiers.minimum", tier.minimum)?;
                    bounded("tiers.points", tier.points, 0.0, 1e15)?;
                }
                let rises = |pair: &[Tier]| {
                    pair[0].minimum < pair[1].minimum && pair[0].points < pair[1].points
                };
                if !tiers.windows(2).all(rises) {
                    let what = "do not rise: sort them so that minimum and points both increase";
                    return Err(Invalid::new("tiers", what));
                }
                Ok(())
            }
            Self::Logarithmic { unit } => {
                amount("unit", *unit)?;
                bounded("unit", in_dollars(*unit), 1e-6, 1e12)
            }
            Self::SquareRoot | Self::ProRata => Ok(()),
        }
    }

    /// The points of `capital` dollars; 0 for what is not positive.
    #[must_use]
    pub fn points(&self, capital: f64) -> f64 {
        if capital.is_nan() || capital <= 0.0 {
            return 0.0;
        }
        match self {
            Self::Flat { minimum } => f64::from(u8::from(capital >= in_dollars(*minimum))),
            Self::Tiers(tiers) => tiers
                .iter()
                .rev()
                .find(|tier| capital >= in_dollars(tier.minimum))
                .map_or(0.0, |tier| tier.points),
            Self::SquareRoot => capital.sqrt(),
            Self::Logarithmic { unit } => libm::log1p(capital / in_dollars(*unit)),
            Self::ProRata => capital,
        }
    }

    /// Where points jump: the capital and the points from there on, ascending. Empty if they rise
    /// steadily.
    #[must_use]
    pub fn steps(&self) -> Vec<Tier> {
        match self {
            Self::Flat { minimum } => vec![Tier {
                minimum: *minimum,
                points: 1.0,
            }],
            Self::Tiers(tiers) => tiers.clone(),
            Self::SquareRoot | Self::Logarithmic { .. } | Self::ProRata => Vec::new(),
        }
    }
}
