//! All measures of one account.

use airdrops_types::{Timestamp, Usd};

use super::cost::{self, CostDrag, CostSums, Employed};
use super::drawdown::{self, Drawdown};
use super::money_weighted::{self, MoneyWeighted};
use super::returns::{self, IndexPoint, Valuation};
use super::sharpe::{self, Sharpe};
use super::shortfall;
use super::{Figure, Undefined, YEAR_MS};

/// What is measured: a portfolio, a strategy, a protocol.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    /// Its worth over time, oldest first.
    pub valuations: &'a [Valuation],
    /// How much of it was at work, oldest first; empty if that is not known.
    pub employed: &'a [Employed],
    /// What it paid.
    pub costs: CostSums,
}

/// How periods are cut and tails are measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conventions {
    /// Length of a period for ratios, milliseconds.
    pub period_ms: i64,
    /// Return of cash per period.
    pub risk_free: f64,
    /// Confidence of CVaR and CDaR, such as 0.95.
    pub alpha: f64,
}

impl Default for Conventions {
    /// Days, cash that returns nothing, the worst 5 %.
    fn default() -> Self {
        Self {
            period_ms: 86_400_000,
            risk_free: 0.0,
            alpha: 0.95,
        }
    }
}

impl Conventions {
    /// Periods in a year of 365 days.
    #[must_use]
    pub fn periods_per_year(&self) -> f64 {
        YEAR_MS / self.period_ms.max(1) as f64
    }
}

/// Everything that is measured. Returns and depths are fractions: 0.1 is 10 %.
#[derive(Debug, Clone, PartialEq)]
pub struct Measures {
    /// First and last valuation.
    pub span: Option<(Timestamp, Timestamp)>,
    /// First value.
    pub start: Usd,
    /// Last value.
    pub end: Usd,
    /// What came in less what went out between.
    pub flows: Usd,
    /// `end − start − flows`.
    pub profit: Usd,
    /// Time-weighted return over the span.
    pub time_weighted: Figure,
    /// The same, compounded to a year.
    pub time_weighted_annual: Figure,
    /// Money-weighted return.
    pub money_weighted: Result<MoneyWeighted, Undefined>,
    /// Whole periods that ratios rest on.
    pub periods: usize,
    /// Standard deviation of periods' returns, per year.
    pub volatility: Figure,
    /// Sharpe ratio with its error.
    pub sharpe: Result<Sharpe, Undefined>,
    /// Probability that the true Sharpe ratio is above zero.
    pub probabilistic: Figure,
    /// Sortino ratio per year, against the return of cash.
    pub sortino: Figure,
    /// Deepest fall.
    pub drawdown: Result<Drawdown, Undefined>,
    /// Ulcer index.
    pub ulcer: Figure,
    /// Conditional drawdown at risk.
    pub cdar: Figure,
    /// Conditional value at risk of one period.
    pub cvar: Figure,
    /// Mean logarithmic growth per year.
    pub log_growth: Figure,
    /// Share of the capital that was at work, time-weighted.
    pub utilisation: Figure,
    /// Sums of costs.
    pub costs: CostSums,
    /// Costs in basis points of the mean capital.
    pub drag: Result<CostDrag, Undefined>,
    /// The time-weighted index, for drawing; empty if it cannot be stated.
    pub index: Vec<IndexPoint>,
}

impl Measures {
    /// Measures an account.
    #[must_use]
    pub fn of(account: &Account<'_>, conventions: &Conventions) -> Self {
        let valuations = account.valuations;
        let (first, last) = (valuations.first(), valuations.last());
        let start = first.map_or(Usd::ZERO, |point| point.value);
        let end = last.map_or(Usd::ZERO, |point| point.value);
        let flows: Usd = valuations.iter().skip(1).map(|point| point.flow).sum();
        let span = first.zip(last).map(|(first, last)| (first.at, last.at));
        let length = span.map_or(0, |(from, to)| to.0.saturating_sub(from.0));
        let index = returns::index(valuations);
        let points = || index.as_deref().map_err(|reason| *reason);
        let time_weighted = points().and_then(returns::total);
        let returns = points().and_then(|index| returns::periods(index, conventions.period_ms));
        let per_period = || returns.as_deref().map_err(|reason| *reason);
        let yearly = conventions.periods_per_year();
        let sharpe =
            per_period().and_then(|returns| sharpe::sharpe(returns, conventions.risk_free, yearly));
        Self {
            span,
            start,
            end,
            flows,
            profit: end - start - flows,
            time_weighted,
            time_weighted_annual: time_weighted.and_then(|total| returns::annual(total, length)),
            money_weighted: money_weighted::of_account(valuations),
            periods: returns.as_ref().map_or(0, Vec::len),
            volatility: sharpe.map(|sharpe| sharpe.sample.deviation * yearly.sqrt()),
            sharpe,
            probabilistic: sharpe.and_then(|sharpe| sharpe::deflated(&sharpe, 1, 0.0)),
            sortino: per_period()
                .and_then(|returns| sharpe::sortino(returns, conventions.risk_free, yearly)),
            drawdown: points().and_then(drawdown::deepest),
            ulcer: points().and_then(drawdown::ulcer),
            cdar: points().and_then(|index| drawdown::cdar(index, conventions.alpha)),
            cvar: per_period().and_then(|returns| shortfall::cvar(returns, conventions.alpha)),
            log_growth: per_period()
                .and_then(returns::log_growth)
                .map(|growth| growth * yearly),
            utilisation: cost::utilisation(account.employed),
            costs: account.costs,
            drag: cost::average_capital(valuations)
                .and_then(|average| cost::drag(&account.costs, average)),
            index: index.unwrap_or_default(),
        }
    }
}
