//! Return against risk: Sharpe with its error, and how much of it is luck; Sortino.

use super::{Figure, Undefined, all_finite, finite};
use crate::estimate::normal;

/// Euler's constant γ.
const EULER: f64 = 0.577_215_664_901_532_9;

/// What a ratio's error depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Number of returns.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Standard deviation, unbiased variance.
    pub deviation: f64,
    /// Third standardised moment; 0 for a normal distribution.
    pub skewness: f64,
    /// Fourth standardised moment; 3 for a normal distribution.
    pub kurtosis: f64,
}

impl Sample {
    /// The moments of returns.
    ///
    /// # Errors
    /// [`Undefined::TooFew`] below two returns, [`Undefined::NoVariation`] if all are the same.
    pub fn of(returns: &[f64]) -> Result<Self, Undefined> {
        all_finite(returns)?;
        let count = returns.len();
        if count < 2 {
            return Err(Undefined::TooFew {
                needed: 2,
                have: count,
            });
        }
        let size = count as f64;
        let mean = returns.iter().sum::<f64>() / size;
        let moment = |power: i32| {
            returns
                .iter()
                .map(|value| (value - mean).powi(power))
                .sum::<f64>()
                / size
        };
        let variance = moment(2);
        // Equal returns leave the rounding of their mean.
        let scale = returns
            .iter()
            .fold(0.0_f64, |most, value| most.max(value.abs()));
        if variance <= (scale * 1e-14).powi(2) {
            return Err(Undefined::NoVariation);
        }
        Ok(Self {
            count,
            mean: finite(mean)?,
            deviation: finite((variance * size / (size - 1.0)).sqrt())?,
            skewness: finite(moment(3) / variance.powf(1.5))?,
            kurtosis: finite(moment(4) / (variance * variance))?,
        })
    }
}

/// A Sharpe ratio with its standard error, per period and per year.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sharpe {
    /// `(mean − risk-free) / deviation`, per period.
    pub ratio: f64,
    /// Its standard error, per period.
    pub error: f64,
    /// The ratio times `√periods per year`.
    pub annual: f64,
    /// The error times `√periods per year`.
    pub annual_error: f64,
    /// The moments it rests on.
    pub sample: Sample,
}

/// The standard error of a ratio per period, for returns that need not be normal:
/// `√((1 − γ₃ SR + (γ₄ − 1)/4 SR²) / (n − 1))` (Mertens 2002; Bailey & López de Prado 2012, eq. 5).
///
/// # Errors
/// [`Undefined::TooFew`] below two returns; [`Undefined::NotFinite`] for moments that no
/// distribution has.
pub fn standard_error(ratio: f64, count: usize, skewness: f64, kurtosis: f64) -> Figure {
    if count < 2 {
        return Err(Undefined::TooFew {
            needed: 2,
            have: count,
        });
    }
    let variance = 1.0 - skewness * ratio + (kurtosis - 1.0) / 4.0 * ratio * ratio;
    finite((variance / (count as f64 - 1.0)).sqrt())
}

/// Sharpe ratio of returns over `risk_free` per period (Sharpe 1994).
///
/// # Errors
/// As [`Sample::of`].
pub fn sharpe(returns: &[f64], risk_free: f64, periods_per_year: f64) -> Result<Sharpe, Undefined> {
    let sample = Sample::of(returns)?;
    let ratio = finite((sample.mean - risk_free) / sample.deviation)?;
    let error = standard_error(ratio, sample.count, sample.skewness, sample.kurtosis)?;
    let root = finite(periods_per_year.sqrt())?;
    Ok(Sharpe {
        ratio,
        error,
        annual: finite(ratio * root)?,
        annual_error: finite(error * root)?,
        sample,
    })
}

/// The probability that the true ratio is above `benchmark`, both per period (Bailey & López de
/// Prado 2012, eq. 11).
///
/// # Errors
/// As [`standard_error`]; [`Undefined::NoVariation`] if the error is zero.
pub fn probabilistic(
    ratio: f64,
    benchmark: f64,
    count: usize,
    skewness: f64,
    kurtosis: f64,
) -> Figure {
    let error = standard_error(ratio, count, skewness, kurtosis)?;
    if error <= 0.0 {
        return Err(Undefined::NoVariation);
    }
    finite(normal::cumulative((ratio - benchmark) / error))
}

/// The ratio that the best of `trials` reaches by luck alone, where ratios of trials have this
/// `variance`: `√V ((1 − γ) Φ⁻¹(1 − 1/N) + γ Φ⁻¹(1 − 1/(N e)))` (Bailey & López de Prado 2014,
/// eq. 1). Zero for one trial.
///
/// # Errors
/// [`Undefined::Parameter`] if the variance is negative or `trials` is zero.
pub fn expected_maximum(trials: usize, variance: f64) -> Figure {
    if trials == 0 || variance.is_nan() || variance < 0.0 {
        return Err(Undefined::Parameter(
            "at least one trial and no negative variance",
        ));
    }
    if trials == 1 {
        return Ok(0.0);
    }
    let count = trials as f64;
    let quantile = |p: f64| finite(normal::quantile(p));
    let first = quantile(1.0 - 1.0 / count)?;
    let second = quantile(1.0 - 1.0 / (count * std::f64::consts::E))?;
    finite(variance.sqrt() * ((1.0 - EULER) * first + EULER * second))
}

/// Deflated Sharpe ratio: the probability that the true ratio is above zero, given that it is the
/// best of `trials` (Bailey & López de Prado 2014, eq. 2). `variance` is that of the trials' ratios
/// per period.
///
/// # Errors
/// As [`expected_maximum`] and [`probabilistic`].
pub fn deflated(sharpe: &Sharpe, trials: usize, variance: f64) -> Figure {
    let benchmark = expected_maximum(trials, variance)?;
    let sample = &sharpe.sample;
    probabilistic(
        sharpe.ratio,
        benchmark,
        sample.count,
        sample.skewness,
        sample.kurtosis,
    )
}

/// Sortino ratio per year: mean over `target`, divided by the root mean square of what fell short of
/// it over all periods (Sortino & van der Meer 1991).
///
/// # Errors
/// [`Undefined::TooFew`] without returns, [`Undefined::NoLoss`] if none fell short.
pub fn sortino(returns: &[f64], target: f64, periods_per_year: f64) -> Figure {
    all_finite(returns)?;
    if returns.is_empty() {
        return Err(Undefined::TooFew { needed: 1, have: 0 });
    }
    let size = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / size;
    let short: f64 = returns
        .iter()
        .map(|value| (target - value).max(0.0).powi(2))
        .sum();
    if short <= 0.0 {
        return Err(Undefined::NoLoss);
    }
    finite((mean - target) / (short / size).sqrt() * periods_per_year.sqrt())
}
