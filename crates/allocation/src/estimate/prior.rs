//! What drops of the past say of one that nothing else is known of.

use serde::Serialize;

use super::beta::Beta;
use super::history::{BUILT_IN, History, HistoryError};
use super::normal_inverse_gamma::NormalInverseGamma;
use super::opportunity::Worth;
use super::share::Share;

/// A lognormal fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Fit {
    /// How many values it comes from.
    pub n: usize,
    /// The median of the values.
    pub median: f64,
    /// The mean of their logarithms; its exponential is the fit's median.
    pub log_mean: f64,
    /// The standard deviation of their logarithms, divided by `n − 1`.
    pub log_deviation: f64,
}

/// Shares of addresses that were eligible.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EligibleShares {
    /// How many drops they come from.
    pub n: usize,
    /// The lowest end of a range.
    pub low: f64,
    /// The highest end of a range.
    pub high: f64,
    /// A Beta distribution with mean and variance of the middles of the ranges: of an address drawn
    /// at random. One real user who was there early is eligible far more often.
    pub naive: Beta,
}

/// What a history says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Priors {
    /// The mean wallet's drop at the lowest price of the first day, in dollars.
    pub wallet_value: Fit,
    /// The fully diluted value at that price, in dollars.
    pub fdv: Fit,
    /// That price by the last one on pre-markets.
    pub realised_by_premarket: Fit,
    /// Which share of addresses was eligible.
    pub eligible: EligibleShares,
    /// The share of supply that is dropped. Not fitted here: see [`Share::HISTORICAL`].
    pub share: Share,
}

/// Fewer values than this leave no variance to believe in.
pub const LEAST_VALUES: usize = 4;
/// Fewer drops than this have no variance of eligibility.
const LEAST_SHARES: usize = 3;

impl Fit {
    /// A lognormal fit of positive values.
    ///
    /// # Errors
    /// [`HistoryError`] if there are fewer than [`LEAST_VALUES`] values or all are equal.
    pub fn of(name: &str, needs: &str, values: &[f64]) -> Result<Self, HistoryError> {
        let n = values.len();
        if n < LEAST_VALUES {
            return Err(HistoryError::Whole(format!(
                "{n} rows give a {name}, {LEAST_VALUES} are needed: fill in {needs}"
            )));
        }
        let count = n as f64;
        let mut logs: Vec<f64> = values.iter().map(|value| libm::log(*value)).collect();
        logs.sort_by(f64::total_cmp);
        let log_mean = logs.iter().sum::<f64>() / count;
        let squares: f64 = logs.iter().map(|x| (x - log_mean) * (x - log_mean)).sum();
        let log_deviation = (squares / (count - 1.0)).sqrt();
        if log_deviation < 1e-6 {
            return Err(HistoryError::Whole(format!(
                "all rows give the same {name}: check {needs}"
            )));
        }
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let median = if n.is_multiple_of(2) {
            0.5 * (sorted[n / 2 - 1] + sorted[n / 2])
        } else {
            sorted[n / 2]
        };
        Ok(Self {
            n,
            median,
            log_mean,
            log_deviation,
        })
    }

    /// The belief about a new amount of the same population: the posterior under the reference
    /// prior, `κ = n`, `α = (n − 1)/2`, `β = Σ(x − x̄)²/2`.
    #[must_use]
    pub fn belief(&self) -> NormalInverseGamma {
        let n = self.n as f64;
        NormalInverseGamma {
            location: self.log_mean,
            kappa: n,
            alpha: (n - 1.0) / 2.0,
            beta: self.log_deviation * self.log_deviation * (n - 1.0) / 2.0,
        }
    }
}

impl Priors {
    /// Fits a history.
    ///
    /// # Errors
    /// [`HistoryError`] if it has too few rows for a figure; names the columns to fill in.
    pub fn fit(history: &History) -> Result<Self, HistoryError> {
        Ok(Self {
            wallet_value: Fit::of(
                "value per wallet",
                "mean_tokens and price_claim_low_usd",
                &history.wallet_values(),
            )?,
            fdv: Fit::of(
                "diluted value",
                "tokens_airdropped, share_of_supply and price_claim_low_usd",
                &history.diluted_values(),
            )?,
            realised_by_premarket: Fit::of(
                "price against pre-markets",
                "premarket_price_usd and price_claim_low_usd",
                &history.realised_by_premarket(),
            )?,
            eligible: EligibleShares::of(&history.eligible_shares())?,
            share: Share::HISTORICAL,
        })
    }

    /// Fits the history that comes with the program.
    ///
    /// # Errors
    /// Never: a test fits it.
    pub fn built_in() -> Result<Self, HistoryError> {
        Self::fit(&History::parse(BUILT_IN)?)
    }

    /// The worth of a drop of which only past drops are known.
    #[must_use]
    pub fn wallet(&self, mean_points: f64) -> Worth {
        Worth::Wallet {
            value: self.wallet_value.belief(),
            mean_points,
        }
    }

    /// The worth of a drop whose points are known, but nothing of its token.
    #[must_use]
    pub fn pool(&self, others: f64, dilution: f64) -> Worth {
        Worth::Pool {
            fdv: self.fdv.belief(),
            share: self.share,
            dilution,
            others,
        }
    }
}

impl EligibleShares {
    fn of(ranges: &[(f64, f64)]) -> Result<Self, HistoryError> {
        let n = ranges.len();
        let wrong = |what: &str| {
            Err(HistoryError::Whole(format!(
                "{n} rows give a share of eligible addresses, {LEAST_SHARES} that differ are \
                 needed: {what}"
            )))
        };
        if n < LEAST_SHARES {
            return wrong("fill in eligible_share_low and eligible_share_high");
        }
        let count = n as f64;
        let middle = |range: &(f64, f64)| 0.5 * (range.0 + range.1);
        let mean = ranges.iter().map(middle).sum::<f64>() / count;
        let square = |range: &(f64, f64)| (middle(range) - mean) * (middle(range) - mean);
        let variance = ranges.iter().map(square).sum::<f64>() / (count - 1.0);
        let Ok(naive) = Beta::from_moments(mean, variance) else {
            return wrong("check eligible_share_low and eligible_share_high");
        };
        let fold = |pick: fn(f64, f64) -> f64, start, end: fn(&(f64, f64)) -> f64| {
            ranges.iter().map(end).fold(start, pick)
        };
        Ok(Self {
            n,
            low: fold(f64::min, 1.0, |range| range.0),
            high: fold(f64::max, 0.0, |range| range.1),
            naive,
        })
    }
}
