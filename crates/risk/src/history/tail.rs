//! Value at risk of each day against the day.

use airdrops_types::{AssetId, Timestamp};

use super::feed::Feed;
use super::{DAY_MS, PriceHistory};
use crate::tail::{Coverage, FilteredHistory, Scenarios, TailShares};

/// The levels, in the order of all pairs.
pub const LEVELS: [f64; 2] = [0.975, 0.99];

/// A day and what was said of it before it began, as shares of the portfolio's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TailDay {
    /// Midnight UTC at which it began.
    pub start: Timestamp,
    /// The portfolio's simple return.
    pub change: f64,
    /// Value at risk at each of [`LEVELS`].
    pub value_at_risk: [f64; 2],
    /// Expected shortfall at each of [`LEVELS`].
    pub expected_shortfall: [f64; 2],
}

impl TailDay {
    /// Whether the loss was greater than the value at risk, at each of [`LEVELS`].
    #[must_use]
    pub fn violated(&self) -> [bool; 2] {
        self.value_at_risk.map(|limit| -self.change > limit)
    }
}

/// What is held for the day to come.
#[derive(Debug, Clone, PartialEq)]
struct Tomorrow {
    volatilities: Vec<f64>,
    tails: Option<[TailShares; 2]>,
}

/// Value at risk, day by day.
#[derive(Debug, Clone, PartialEq)]
pub struct TailReplay {
    /// By time.
    pub days: Vec<TailDay>,
    /// Counts at each of [`LEVELS`].
    pub coverage: [Coverage; 2],
    /// The tails for the day after the last, at each of [`LEVELS`].
    pub latest: Option<[TailShares; 2]>,
    weights: Vec<f64>,
    history: FilteredHistory,
    tomorrow: Option<Tomorrow>,
    /// The last day of each asset that is over.
    ended: Vec<Option<(Timestamp, f64, bool)>>,
}

impl TailReplay {
    pub(super) fn new(assets: &[PriceHistory], window: usize) -> Self {
        let names: Vec<AssetId> = assets.iter().map(|asset| asset.asset.clone()).collect();
        let weight = |asset: &PriceHistory| f64::from(asset.weight.0) / 10_000.0;
        Self {
            days: Vec::new(),
            coverage: [Coverage::default(); 2],
            latest: None,
            weights: assets.iter().map(weight).collect(),
            ended: vec![None; names.len()],
            history: FilteredHistory::new(names, window),
            tomorrow: None,
        }
    }

    /// The assets, in the order of all components.
    #[must_use]
    pub fn assets(&self) -> &[AssetId] {
        self.history.assets()
    }

    /// Mean loss on the days of a violation over the mean expected shortfall of those days, at each
    /// of [`LEVELS`]; near 1 if the shortfall is right, `None` without a violation.
    #[must_use]
    pub fn shortfall_ratios(&self) -> [Option<f64>; 2] {
        [0, 1].map(|level| {
            let hits = || self.days.iter().filter(|day| day.violated()[level]);
            let lost: f64 = hits().map(|day| -day.change).sum();
            let said: f64 = hits().map(|day| day.expected_shortfall[level]).sum();
            (said > 0.0).then(|| lost / said)
        })
    }

    /// Takes the days that the hour ending at `end` ended.
    pub(super) fn hour(&mut self, end: Timestamp, feeds: &[Feed<'_>]) {
        let mut any = false;
        for (ended, feed) in self.ended.iter_mut().zip(feeds) {
            if let Some(day) = feed.ended() {
                *ended = Some((day.start(), day.log_return, day.follows));
                any = true;
            }
        }
        let Some(Some((start, ..))) = self.ended.first().copied() else {
            return;
        };
        let whole = |day: &Option<(Timestamp, f64, bool)>| day.is_some_and(|day| day.0 == start);
        if !any || !self.ended.iter().all(whole) {
            return;
        }
        let days: Vec<(Timestamp, f64, bool)> =
            self.ended.iter_mut().filter_map(Option::take).collect();
        let returns: Vec<f64> = days.iter().map(|day| day.1).collect();
        self.settle(start, &returns, days.iter().all(|day| day.2));
        let on_time = start.0.saturating_add(DAY_MS) == end.0;
        self.tomorrow = if on_time { self.look(feeds) } else { None };
        self.latest = self.tomorrow.as_ref().and_then(|day| day.tails.clone());
    }

    /// Compares the day with what was said of it, and learns from it.
    fn settle(&mut self, start: Timestamp, log_returns: &[f64], follows: bool) {
        let Some(said) = self.tomorrow.take().filter(|_| follows) else {
            self.coverage.iter_mut().for_each(Coverage::skip);
            return;
        };
        if self.history.push(log_returns, &said.volatilities).is_err() {
            self.coverage.iter_mut().for_each(Coverage::skip);
            return;
        }
        let Some(tails) = said.tails else {
            return;
        };
        let gains = log_returns.iter().zip(&self.weights);
        let day = TailDay {
            start,
            change: gains
                .map(|(value, weight)| weight * libm::expm1(*value))
                .sum(),
            value_at_risk: [0, 1].map(|level: usize| tails[level].value_at_risk),
            expected_shortfall: [0, 1].map(|level: usize| tails[level].expected_shortfall),
        };
        for (coverage, violated) in self.coverage.iter_mut().zip(day.violated()) {
            coverage.push(violated);
        }
        self.days.push(day);
    }

    /// The tails of the day to come; `None` without a volatility.
    fn look(&self, feeds: &[Feed<'_>]) -> Option<Tomorrow> {
        let volatilities: Option<Vec<f64>> = feeds
            .iter()
            .map(|feed| {
                feed.daily_volatility()
                    .map(|own| own.max(f64::MIN_POSITIVE))
            })
            .collect();
        let volatilities = volatilities?;
        let scenarios: Option<Scenarios> = self.history.scenarios(&volatilities).ok().flatten();
        let tails = scenarios.and_then(|scenarios| {
            let tail = |level: f64| scenarios.tail(&self.weights, level).ok();
            Some([tail(LEVELS[0])?, tail(LEVELS[1])?])
        });
        Some(Tomorrow {
            volatilities,
            tails,
        })
    }
}
