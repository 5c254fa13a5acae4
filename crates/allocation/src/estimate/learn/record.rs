//! What was seen of one family, in weighted sums.

use airdrops_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::estimate::normal_inverse_gamma::NormalInverseGamma;

/// A month in milliseconds: 365.25 / 12 days.
const MONTH_MS: f64 = 30.4375 * 86_400_000.0;

/// Weighted sums of logarithms.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Logs {
    pub(super) n: f64,
    pub(super) mean: f64,
    pub(super) squares: f64,
}

/// What was seen of one family, discounted to one instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) category: String,
    pub(super) as_of: Timestamp,
    pub(super) drops: f64,
    pub(super) none: f64,
    pub(super) exposure: f64,
    pub(super) waiting: f64,
    pub(super) eligible: f64,
    pub(super) excluded: f64,
    pub(super) fdv: Logs,
    pub(super) wallet: Logs,
}

impl Logs {
    /// One more logarithm (West 1979, weighted).
    pub(super) fn add(&mut self, logarithm: f64, weight: f64) {
        self.join(&Self {
            n: weight,
            mean: logarithm,
            squares: 0.0,
        });
    }

    pub(super) fn join(&mut self, other: &Self) {
        let n = self.n + other.n;
        if n > 0.0 {
            let off = other.mean - self.mean;
            self.mean += off * other.n / n;
            self.squares += other.squares + off * off * self.n * other.n / n;
            self.n = n;
        }
    }

    pub(super) fn fade(&mut self, factor: f64) {
        self.n *= factor;
        self.squares *= factor;
    }

    /// The posterior after these (Murphy 2007, eqs. 86–89).
    pub(super) fn after(&self, prior: &NormalInverseGamma) -> NormalInverseGamma {
        let kappa = prior.kappa + self.n;
        let off = self.mean - prior.location;
        NormalInverseGamma {
            location: prior.location + self.n / kappa * off,
            kappa,
            alpha: prior.alpha + self.n / 2.0,
            beta: prior.beta + self.squares / 2.0 + prior.kappa * self.n / kappa * off * off / 2.0,
        }
    }
}

/// Months from one instant to another, negative if it is earlier.
pub(super) fn months(from: Timestamp, to: Timestamp) -> f64 {
    to.0.saturating_sub(from.0) as f64 / MONTH_MS
}

impl Record {
    pub(super) fn new(category: &str, as_of: Timestamp) -> Self {
        Self {
            category: category.to_owned(),
            as_of,
            drops: 0.0,
            none: 0.0,
            exposure: 0.0,
            waiting: 0.0,
            eligible: 0.0,
            excluded: 0.0,
            fdv: Logs::default(),
            wallet: Logs::default(),
        }
    }

    pub(super) fn fade(&mut self, factor: f64) {
        for count in [
            &mut self.drops,
            &mut self.none,
            &mut self.exposure,
            &mut self.eligible,
            &mut self.excluded,
        ] {
            *count *= factor;
        }
        self.fdv.fade(factor);
        self.wallet.fade(factor);
    }

    /// As of a later instant; unchanged for an earlier one.
    pub(super) fn at(&self, at: Timestamp, discount: f64) -> Self {
        let mut record = self.clone();
        let passed = months(self.as_of, at);
        if passed > 0.0 {
            record.fade(libm::pow(discount, passed));
            record.as_of = at;
        }
        record
    }

    /// Everything of another one on top, whose weights are of the same instant.
    pub(super) fn join(&mut self, other: &Self) {
        self.drops += other.drops;
        self.none += other.none;
        self.exposure += other.exposure;
        self.eligible += other.eligible;
        self.excluded += other.excluded;
        self.fdv.join(&other.fdv);
        self.wallet.join(&other.wallet);
    }
}
