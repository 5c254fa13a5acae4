//! What the monitor knows from long ago: a fold over hourly samples, so that it can be made again
//! from what the store keeps, also by a program whose estimators are others.

use std::collections::BTreeMap;

use airdrops_types::{AssetId, Bar, ChainId, Timestamp, Usd, VolPoints, VolatilityState};
use serde::{Deserialize, Serialize};

use super::policy::MonitorPolicy;
use crate::anomaly::{Stream, StreamSettings};
use crate::gas::BaseFeeHistory;
use crate::health::TvlHistory;
use crate::tail::{Coverage, FilteredHistory};
use crate::volatility::{RealisedVolatility, StateConfigError, ValidBar, VolatilityStates};

/// Days of standardised returns that value at risk rests on.
const TAIL_DAYS: usize = crate::tail::filtered::WINDOW_DAYS;

/// One thing that was measured, to be kept for more than a year.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// An hour of prices.
    Bar {
        /// Of which asset.
        asset: AssetId,
        /// The hour.
        bar: Bar,
    },
    /// The first base fee that was seen in an hour, wei per gas.
    BaseFee {
        /// Where.
        chain: ChainId,
        /// Wei per gas; what does not fit reads as the most that does.
        wei: u64,
    },
    /// The volatility index: once an hour, and whenever it enters the history of the states.
    Index {
        /// Its value.
        value: VolPoints,
        /// Whether all its components were fresh.
        complete: bool,
    },
    /// Total value locked in a protocol family, first seen in an hour.
    Tvl {
        /// Whose.
        family: String,
        /// How much, micro-dollars.
        micro_usd: i64,
    },
    /// A day that is over, against the value at risk that was foretold for it at 99 % and 97.5 %.
    Day {
        /// Whether the loss was greater.
        exceeded: [bool; 2],
    },
}

/// A measurement and its instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// When, or when its hour began.
    pub at: Timestamp,
    /// What.
    pub measure: Measure,
}

impl Sample {
    /// The series that it belongs to: `bar:ETH`, `base-fee:8453`. One per series and instant.
    #[must_use]
    pub fn series(&self) -> String {
        match &self.measure {
            Measure::Bar { asset, .. } => format!("bar:{asset}"),
            Measure::BaseFee { chain, .. } => format!("base-fee:{chain}"),
            Measure::Index { .. } => "volatility-index".to_owned(),
            Measure::Tvl { family, .. } => format!("tvl:{family}"),
            Measure::Day { .. } => "var-day".to_owned(),
        }
    }
}

/// An unusual value in a stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unusual {
    pub(super) stream: String,
    pub(super) evidence: String,
}

/// Estimators with a long memory.
#[derive(Debug, Clone)]
pub(super) struct LongTerm {
    pub(super) volatility: BTreeMap<AssetId, RealisedVolatility>,
    pub(super) states: VolatilityStates,
    pub(super) state: Option<VolatilityState>,
    pub(super) gas: BTreeMap<ChainId, BaseFeeHistory>,
    pub(super) tvl: BTreeMap<String, TvlHistory>,
    pub(super) tail: FilteredHistory,
    /// Volatility per day of each asset as it was known when its running day began.
    daily: BTreeMap<AssetId, f64>,
    /// Days that ended for some of the assets: log return and volatility before.
    pending: BTreeMap<Timestamp, BTreeMap<AssetId, (f64, f64)>>,
    /// At 99 % and at 97.5 %.
    pub(super) coverage: [Coverage; 2],
    last_close: BTreeMap<AssetId, f64>,
    streams: BTreeMap<String, Stream>,
}

impl LongTerm {
    /// Of `assets`: all whose price may fall.
    ///
    /// # Errors
    /// If the volatility states of the policy contradict each other.
    pub(super) fn new(
        policy: &MonitorPolicy,
        assets: Vec<AssetId>,
    ) -> Result<Self, StateConfigError> {
        Ok(Self {
            volatility: BTreeMap::new(),
            states: VolatilityStates::new(policy.states)?,
            state: None,
            gas: BTreeMap::new(),
            tvl: BTreeMap::new(),
            tail: FilteredHistory::new(assets, TAIL_DAYS),
            daily: BTreeMap::new(),
            pending: BTreeMap::new(),
            coverage: [Coverage::default(); 2],
            last_close: BTreeMap::new(),
            streams: BTreeMap::new(),
        })
    }

    /// Takes one sample in. What does not follow the last of its series is left out.
    pub(super) fn take(&mut self, sample: &Sample) -> Option<Unusual> {
        match &sample.measure {
            Measure::Bar { asset, bar } => self.take_bar(asset, bar),
            Measure::BaseFee { chain, wei } => {
                self.gas
                    .entry(*chain)
                    .or_default()
                    .push(sample.at, u128::from(*wei));
                #[allow(clippy::cast_precision_loss)]
                let logarithm = (*wei as f64 + 1.0).ln();
                self.watch(format!("base fee of chain {chain}"), sample.at, logarithm)
            }
            Measure::Index { value, complete } => {
                self.state = Some(self.states.observe(sample.at, *value, *complete));
                None
            }
            Measure::Tvl { family, micro_usd } => {
                let value = Usd(i128::from(*micro_usd));
                self.tvl
                    .entry(family.clone())
                    .or_default()
                    .push(sample.at, value);
                #[allow(clippy::cast_precision_loss)]
                let logarithm = (*micro_usd as f64).max(1.0).ln();
                self.watch(format!("value locked in {family}"), sample.at, logarithm)
            }
            Measure::Day { exceeded } => {
                for (coverage, exceeded) in self.coverage.iter_mut().zip(exceeded) {
                    coverage.push(*exceeded);
                }
                None
            }
        }
    }

    fn take_bar(&mut self, asset: &AssetId, bar: &Bar) -> Option<Unusual> {
        let valid = ValidBar::try_from(*bar).ok()?;
        let volatility = self.volatility.entry(asset.clone()).or_default();
        let before = volatility.range().variance();
        let ended = volatility.push(&valid).ok()?;
        if let Some(day) = ended {
            let known = before.map(|variance| (24.0 * variance).sqrt());
            let foretold = match known {
                Some(known) => self.daily.insert(asset.clone(), known),
                None => self.daily.remove(asset),
            };
            if let (Some(foretold), true) = (foretold, day.follows) {
                let days = self.pending.entry(day.start()).or_default();
                days.insert(asset.clone(), (day.log_return, foretold));
                self.complete_days();
            }
        }
        let close = valid.close();
        let previous = self.last_close.insert(asset.clone(), close)?;
        self.watch(
            format!("hourly return of {asset}"),
            bar.start,
            (close / previous).ln(),
        )
    }

    /// Days that ended for all assets.
    fn complete_days(&mut self) {
        let assets = self.tail.assets().to_vec();
        let complete = self
            .pending
            .iter()
            .filter(|(_, known)| assets.iter().all(|asset| known.contains_key(asset)))
            .map(|(start, _)| *start)
            .next_back();
        let Some(complete) = complete else {
            // Assets may be seeded one after the other, each with all its days; but one without
            // prices must not keep days for ever.
            while self.pending.len() > TAIL_DAYS {
                self.pending.pop_first();
            }
            return;
        };
        let later = self
            .pending
            .split_off(&Timestamp(complete.0.saturating_add(1)));
        if let Some(known) = self.pending.remove(&complete) {
            let (returns, volatilities): (Vec<f64>, Vec<f64>) = assets
                .iter()
                .filter_map(|asset| known.get(asset))
                .copied()
                .unzip();
            // A value that is none leaves the day out.
            let _ = self.tail.push(&returns, &volatilities);
        }
        self.pending = later;
    }

    /// Volatility per day of each asset of the tail, as it is known now.
    pub(super) fn volatilities(&self) -> Option<Vec<f64>> {
        self.tail
            .assets()
            .iter()
            .map(|asset| {
                let variance = self.volatility.get(asset)?.range().variance()?;
                Some((24.0 * variance).sqrt())
            })
            .collect()
    }

    fn watch(&mut self, stream: String, at: Timestamp, value: f64) -> Option<Unusual> {
        let watched = self
            .streams
            .entry(stream.clone())
            .or_insert_with(|| Stream::new(StreamSettings::new(stream.clone())));
        let observation = watched.push(at, value).ok()?;
        observation.alarm.then(|| Unusual {
            stream,
            evidence: observation.evidence.to_string(),
        })
    }
}
