//! What the measures and breakers are worth: hourly prices of the past, fed hour by hour through
//! the code that runs live, and what came of it.
//!
//! Nothing looks ahead. What is said of an hour rests on that hour and those before it; a forecast
//! or a value at risk of a day is fixed before the day begins. Estimators also learn from prices
//! before the first hour that all assets share; everything else begins there, and ends with the
//! first asset that ends.

mod feed;
pub mod forecast;
pub mod lead;
pub mod loss;
pub mod occupancy;
pub mod tail;

use std::time::Duration;

use airdrops_types::{AssetId, Bps, Timestamp, Usd, VolPoints, VolatilityState};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::volatility::{
    CompositeIndex, OutOfOrder, StateConfig, StateConfigError, Thresholds, ValidBar,
    VolatilityStates,
};
use feed::Feed;
pub use forecast::{Estimator, ForecastDay, Score};
pub use lead::{BadDay, LeadTime};
pub use loss::{LossReplay, LossTrip};
pub use occupancy::{Occupancy, StateChange};
pub use tail::{TailDay, TailReplay};

/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;
/// Milliseconds of a day.
const DAY_MS: i64 = 24 * HOUR_MS;
/// What the portfolio is worth at the start.
pub const START: Usd = Usd::dollars(1_000_000);

/// One asset's prices.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceHistory {
    /// Which.
    pub asset: AssetId,
    /// Its share of the portfolio; what all shares leave is cash.
    pub weight: Bps,
    /// Hours, by time.
    pub bars: Vec<ValidBar>,
}

/// What is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HistoryConfig {
    /// The states.
    pub states: StateConfig,
    /// The loss in 24 h from which the breaker trips.
    pub loss_limit: Bps,
    /// How long after a trip an administrator clears it; what was lost until then is used up. By
    /// default 48 h: a day for the loss to leave the window, and a day to look at it.
    pub review: Duration,
    /// Days of standardised returns that value at risk is simulated from.
    pub tail_days: usize,
    /// Days before the first that forecasts are compared on.
    pub burn_in_days: usize,
    /// A day is bad if an asset loses this share or more, 0 to 1.
    pub bad_day: f64,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self {
            states: StateConfig::default(),
            loss_limit: Bps(1000),
            review: Duration::from_secs(48 * 3600),
            tail_days: crate::tail::filtered::WINDOW_DAYS,
            burn_in_days: 650,
            bad_day: 0.10,
        }
    }
}

/// Why nothing can be replayed.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum HistoryError {
    /// No asset.
    #[error("there is no asset to replay")]
    NoAsset,
    /// An asset that is there twice.
    #[error("{0} is given twice")]
    Twice(AssetId),
    /// Weights of more than the whole.
    #[error("the weights sum to {0}; at most 100 % can be held")]
    Weights(Bps),
    /// Bars out of order.
    #[error("{asset}: {source}")]
    Order {
        /// Of which asset.
        asset: AssetId,
        /// Which bars.
        source: OutOfOrder,
    },
    /// No hour in which every asset has begun and none has ended.
    #[error("the assets have no hour in common")]
    NothingInCommon,
    /// A configuration that contradicts itself.
    #[error("volatility states: {0}")]
    States(#[from] StateConfigError),
}

/// Hours that are missing from one asset's prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Gaps {
    /// Stretches without a bar.
    pub count: usize,
    /// Hours without a bar.
    pub hours: u64,
    /// The longest stretch: its first hour, and how many.
    pub longest: Option<(Timestamp, u64)>,
}

/// One day of the replay, for drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayView {
    /// Midnight UTC at which it began.
    pub start: Timestamp,
    /// The highest index of the day.
    pub index: VolPoints,
    /// Where states began at the end of the day.
    pub thresholds: Thresholds,
    /// The worst state of the day.
    pub state: VolatilityState,
    /// The portfolio's value at the last hour.
    pub equity: Usd,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// First hour.
    pub from: Timestamp,
    /// End of the last hour.
    pub to: Timestamp,
    /// Hours replayed.
    pub hours: u64,
    /// Each asset with its weight and its gaps.
    pub assets: Vec<(AssetId, Bps, Gaps)>,
    /// By day.
    pub days: Vec<DayView>,
    /// Hours per state and year.
    pub occupancy: Occupancy,
    /// The rolling 24 h loss.
    pub losses: LossReplay,
    /// Value at risk, day by day.
    pub tail: TailReplay,
    /// Forecasts per asset, day by day, on the same days for all estimators.
    pub forecasts: Vec<(AssetId, Vec<ForecastDay>)>,
    /// Bad days and the states before them.
    pub bad_days: Vec<BadDay>,
}

impl History {
    /// Length in years of 365.25 days.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn years(&self) -> f64 {
        self.to.since(self.from).as_millis() as f64 / (365.25 * DAY_MS as f64)
    }

    /// Trips of the 24 h loss breaker per year; `None` for less than a day.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn trips_per_year(&self) -> Option<f64> {
        let years = self.years();
        (years > 1.0 / 365.25).then(|| self.losses.trips.len() as f64 / years)
    }
}

/// Replays prices.
///
/// # Errors
/// If assets, weights or bars contradict themselves.
pub fn replay(assets: &[PriceHistory], config: &HistoryConfig) -> Result<History, HistoryError> {
    let (from, to) = common(assets)?;
    let mut replay = Replay::new(assets, config)?;
    let mut feeds: Vec<Feed<'_>> = assets
        .iter()
        .map(|asset| Feed::new(asset, config))
        .collect();
    let mut seen = vec![false; feeds.len()];
    while let Some(hour) = feeds.iter().filter_map(Feed::next_hour).min() {
        if hour.0 > to.0 {
            break;
        }
        for (seen, feed) in seen.iter_mut().zip(&mut feeds) {
            *seen = feed.step(hour)?;
        }
        if hour.0 >= from.0 {
            replay.hour(hour, &mut feeds, &seen);
        }
    }
    Ok(replay.finish(from, Timestamp(to.0.saturating_add(HOUR_MS)), &feeds))
}

/// The first and the last hour in which every asset has begun and none has ended.
fn common(assets: &[PriceHistory]) -> Result<(Timestamp, Timestamp), HistoryError> {
    let mut sum = 0_u32;
    for (index, asset) in assets.iter().enumerate() {
        if assets[..index]
            .iter()
            .any(|other| other.asset == asset.asset)
        {
            return Err(HistoryError::Twice(asset.asset.clone()));
        }
        sum = sum.saturating_add(asset.weight.0);
    }
    if sum > Bps::WHOLE.0 {
        return Err(HistoryError::Weights(Bps(sum)));
    }
    if assets.is_empty() {
        return Err(HistoryError::NoAsset);
    }
    let hour = |bar: Option<&ValidBar>| bar.map(|bar| hour_of(bar.start()));
    let from = assets.iter().map(|asset| hour(asset.bars.first())).max();
    let to = assets.iter().map(|asset| hour(asset.bars.last())).min();
    match (from.flatten(), to.flatten()) {
        (Some(from), Some(to)) if from <= to => Ok((from, to)),
        _ => Err(HistoryError::NothingInCommon),
    }
}

/// The whole hour in which `at` lies.
fn hour_of(at: Timestamp) -> Timestamp {
    Timestamp(at.0.div_euclid(HOUR_MS).saturating_mul(HOUR_MS))
}

/// The day in which `at` lies.
fn day_of(at: Timestamp) -> Timestamp {
    Timestamp(at.0.div_euclid(DAY_MS).saturating_mul(DAY_MS))
}

/// The portfolio's side of the replay.
struct Replay {
    states: VolatilityStates,
    occupancy: Occupancy,
    losses: LossReplay,
    tail: TailReplay,
    bad_days: Vec<BadDay>,
    days: Vec<DayView>,
    bad_day: f64,
    hours: u64,
}

impl Replay {
    fn new(assets: &[PriceHistory], config: &HistoryConfig) -> Result<Self, HistoryError> {
        Ok(Self {
            states: VolatilityStates::new(config.states)?,
            occupancy: Occupancy::default(),
            losses: LossReplay::new(START, config.loss_limit, config.review),
            tail: TailReplay::new(assets, config.tail_days),
            bad_days: Vec::new(),
            days: Vec::new(),
            bad_day: config.bad_day,
            hours: 0,
        })
    }

    fn hour(&mut self, hour: Timestamp, feeds: &mut [Feed<'_>], seen: &[bool]) {
        let end = Timestamp(hour.0.saturating_add(HOUR_MS));
        self.hours += 1;
        if seen.iter().all(|seen| *seen) {
            let moves = feeds.iter().map(|feed| (feed.weight(), feed.hour_return()));
            self.losses.hour(end, moves);
        }
        let index = CompositeIndex {
            components: feeds.iter().map(|feed| feed.component(end)).collect(),
        };
        if let Some(value) = index.value() {
            let thresholds = self.states.thresholds();
            let state = self.states.observe(end, value, index.is_complete());
            self.occupancy.hour(hour, end, state, value, thresholds);
            self.view(day_of(hour), value, state);
        }
        for feed in &mut *feeds {
            let floor = -self.bad_day;
            self.bad_days.extend(feed.bad_day(floor));
        }
        self.tail.hour(end, feeds);
    }

    fn view(&mut self, start: Timestamp, index: VolPoints, state: VolatilityState) {
        let thresholds = self.states.thresholds();
        let equity = self.losses.equity();
        match self.days.last_mut() {
            Some(day) if day.start == start => {
                day.index = day.index.max(index);
                day.state = day.state.max(state);
                day.thresholds = thresholds;
                day.equity = equity;
            }
            _ => self.days.push(DayView {
                start,
                index,
                thresholds,
                state,
                equity,
            }),
        }
    }

    fn finish(mut self, from: Timestamp, to: Timestamp, feeds: &[Feed<'_>]) -> History {
        for day in &mut self.bad_days {
            day.settle(&self.occupancy.changes);
        }
        History {
            from,
            to,
            hours: self.hours,
            assets: feeds.iter().map(Feed::summary).collect(),
            days: self.days,
            occupancy: self.occupancy,
            losses: self.losses,
            tail: self.tail,
            forecasts: feeds.iter().map(Feed::forecasts).collect(),
            bad_days: self.bad_days,
        }
    }
}
