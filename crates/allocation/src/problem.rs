//! What is asked of the optimisers: assets, their returns, limits, what is held, what trading costs.
//!
//! All weights are fractions of capital. What is not invested is cash, which returns nothing.

use std::collections::BTreeMap;

use airdrops_types::Usd;
use nalgebra::{DMatrix, DVector};

use crate::region::{Region, Row, Turnover};

pub mod check;

pub use check::Fault;

/// Means and covariances of net simple returns per period.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Mean returns, `n`.
    pub mean: DVector<f64>,
    /// Covariance, `n × n`, symmetric and positive semidefinite.
    pub covariance: DMatrix<f64>,
}

/// Outcomes of one period with their probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenarios {
    /// Gross returns, `s × n`: what one unit becomes; never negative. Zero is a total loss.
    pub gross: DMatrix<f64>,
    /// Probabilities, `s`; positive, their sum is one.
    pub probabilities: DVector<f64>,
}

/// What is known of the assets' returns.
#[derive(Debug, Clone, PartialEq)]
pub enum Returns {
    /// Moments, estimated elsewhere.
    Moments(Moments),
    /// Net simple returns per period, `t × n`, oldest first.
    History(DMatrix<f64>),
    /// Outcomes with probabilities.
    Scenarios(Scenarios),
}

/// A limit of the sum of several weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Its name, unique.
    pub name: String,
    /// Asset index and coefficient (1 for a plain sum; the share of a position that a look-through
    /// limit counts), by ascending index. Coefficients are never negative.
    pub terms: Vec<(usize, f64)>,
    /// The least sum.
    pub min: Option<f64>,
    /// The greatest sum.
    pub max: Option<f64>,
}

/// What weights must respect.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Least weights, `n`.
    pub lower: DVector<f64>,
    /// Greatest weights, `n`.
    pub upper: DVector<f64>,
    /// The least and the most that may be invested in all: `(1, 1)` if cash is not allowed,
    /// `(0, 1 − reserve)` if it is.
    pub invested: (f64, f64),
    /// Limits of sums: chains, families, entry nodes, lock-up.
    pub groups: Vec<Group>,
    /// The most that may be traded: `Σ |weight − current|`.
    pub turnover: Option<f64>,
    /// A weight is at least this or nothing.
    pub min_position: Option<f64>,
    /// The most weights that are not zero.
    pub max_positions: Option<usize>,
}

/// What trading costs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Costs {
    /// Cost per unit traded of each asset, `n` (slippage, fees); empty for none.
    pub proportional: Vec<f64>,
    /// Cost of one transaction of each asset, `n`, as a fraction of capital (gas); empty for none.
    pub fixed: Vec<f64>,
    /// The most that one transaction may move, as a fraction of capital.
    pub cap_per_transaction: Option<f64>,
}

/// The parameters that single strategies need beyond returns and limits.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parameters {
    /// Shares of total risk for risk budgeting, `n`, positive, sum one; equal if none.
    pub risk_budgets: Option<DVector<f64>>,
    /// Weights of `fixed`, by asset.
    pub fixed: Option<BTreeMap<String, f64>>,
    /// The coefficient of variance in `mean-variance`: utility is `μ'w − risk_aversion/2 · w'Σw`.
    pub risk_aversion: Option<f64>,
    /// The mean return per period that `target-return` asks for.
    pub target_return: Option<f64>,
    /// The volatility per period that `target-risk` allows.
    pub target_risk: Option<f64>,
    /// Views of `black-litterman`.
    pub views: Option<Views>,
    /// The drawdown bound of Kelly strategies.
    pub drawdown: Option<Drawdown>,
    /// The fraction of the Kelly bet; 1 if none.
    pub kelly_fraction: Option<f64>,
    /// The tail of `min-cvar`: the confidence level α, such as 0.95.
    pub alpha: Option<f64>,
}

/// `P(lowest wealth < alpha) < beta`: Busseti, Ryu & Boyd (2016), eq. 8, by its convex bound
/// `E[(r'b)^-λ] ≤ 1` with `λ = ln beta / ln alpha`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawdown {
    /// The share of wealth that should not be undercut, in (0, 1).
    pub alpha: f64,
    /// With at most this probability, in (0, 1).
    pub beta: f64,
}

/// Views of returns: `P μ = q + ε`, for Black & Litterman (1992).
#[derive(Debug, Clone, PartialEq)]
pub struct Views {
    /// One view per row, `k × n`.
    pub p: DMatrix<f64>,
    /// What each view says, `k`, return per period.
    pub q: DVector<f64>,
    /// How sure each view is.
    pub certainty: Certainty,
    /// The market's weights, `n`; from them come the equilibrium returns `δ Σ w`.
    pub market_weights: DVector<f64>,
    /// Risk aversion of the market, δ; 2.5 is usual.
    pub delta: f64,
    /// Uncertainty of the equilibrium relative to Σ, τ; 0.05 is usual.
    pub tau: f64,
}

/// How sure views are.
#[derive(Debug, Clone, PartialEq)]
pub enum Certainty {
    /// Variance of each view's error, `k × k`.
    Omega(DMatrix<f64>),
    /// Confidence of each view in [0, 1], `k`: Idzorek (2005).
    Confidence(DVector<f64>),
}

/// A whole problem. Make sure that it is well formed with [`Problem::check`].
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Unique names, `n`.
    pub assets: Vec<String>,
    /// What is known of their returns.
    pub returns: Returns,
    /// How a covariance is made of a history.
    pub estimator: Estimator,
    /// What weights must respect.
    pub limits: Limits,
    /// Weights now, `n`; zeros for none.
    pub current: DVector<f64>,
    /// What trading costs.
    pub costs: Costs,
    /// Parameters of single strategies.
    pub parameters: Parameters,
    /// Return of cash per period, for Sharpe ratios; 0 for none.
    pub risk_free: f64,
    /// Periods per year, for annual figures; 1 for none.
    pub periods_per_year: f64,
    /// What is allocated; weights are checked in micro-dollars of it.
    pub capital: Usd,
}

/// How a covariance is made of a history of returns.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Estimator {
    /// Unbiased: divided by `t − 1`.
    #[default]
    Sample,
    /// Exponentially weighted with this half-life in periods.
    Exponential {
        /// Periods after which a weight has halved.
        half_life: f64,
    },
    /// Ledoit & Wolf (2004), shrunk to the scaled identity.
    LedoitWolf,
    /// Chen, Wiesel, Eldar & Hero (2010): oracle approximating shrinkage.
    OracleApproximating,
}

impl Limits {
    /// No limit but that nothing is short and all is invested.
    #[must_use]
    pub fn long_only(n: usize) -> Self {
        Self {
            lower: DVector::zeros(n),
            upper: DVector::repeat(n, 1.0),
            invested: (1.0, 1.0),
            groups: Vec::new(),
            turnover: None,
            min_position: None,
            max_positions: None,
        }
    }

    /// The convex part, for weights that come from `current`. The row of the invested sum is the
    /// first and is called `invested`.
    #[must_use]
    pub fn region(&self, current: &DVector<f64>) -> Region {
        let n = self.lower.len();
        let invested = Row {
            name: "invested".to_owned(),
            terms: (0..n).map(|index| (index, 1.0)).collect(),
            min: self.invested.0,
            max: self.invested.1,
        };
        let groups = self.groups.iter().map(|group| Row {
            name: group.name.clone(),
            terms: group.terms.clone(),
            min: group.min.unwrap_or(f64::NEG_INFINITY),
            max: group.max.unwrap_or(f64::INFINITY),
        });
        Region {
            lower: self.lower.clone(),
            upper: self.upper.clone(),
            rows: std::iter::once(invested).chain(groups).collect(),
            turnover: self.turnover.map(|max| Turnover {
                current: current.clone(),
                max,
            }),
        }
    }
}
