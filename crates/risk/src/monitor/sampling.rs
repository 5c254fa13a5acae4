//! What is kept for long: prices, base fees, values locked and the index, once an hour each.

use airdrops_types::{Alert, AlertLevel, AssetId, Bar, Price, Scope, Timestamp, VolatilityState};

use super::hour::{HOUR_MS, OpenHour};
use super::{Measure, Monitor, Sample, Seen};
use crate::volatility::{Component, CompositeIndex, RealisedVolatility, Source, ValidBar};

impl Monitor {
    /// Hours of prices from elsewhere that are older than everything known of `asset`; nothing if
    /// something is known. Bars that are none, that do not follow the one before, or whose hour is
    /// not over at `now`, are left out. Returns what was taken, to be stored.
    pub fn seed(&mut self, asset: &AssetId, bars: &[Bar], now: Timestamp) -> Vec<Sample> {
        let wanted = self.long.tail.assets().contains(asset);
        if !wanted || self.long.volatility.contains_key(asset) {
            return Vec::new();
        }
        let mut earliest = Timestamp(i64::MIN);
        let over = Timestamp(now.0.saturating_sub(HOUR_MS));
        let follows = |bar: &&Bar| {
            let follows = bar.start >= earliest && bar.start <= over;
            let taken = follows && ValidBar::try_from(**bar).is_ok();
            if taken {
                earliest = Timestamp(bar.start.0.saturating_add(HOUR_MS));
            }
            taken
        };
        let samples: Vec<Sample> = bars
            .iter()
            .filter(follows)
            .map(|bar| Sample {
                at: bar.start,
                measure: Measure::Bar {
                    asset: asset.clone(),
                    bar: *bar,
                },
            })
            .collect();
        self.recall(&samples);
        samples
    }

    /// Closes hours that are over.
    pub(super) fn hourly(
        &mut self,
        seen: &Seen<'_>,
        now: Timestamp,
        alerts: &mut Vec<Alert>,
    ) -> Vec<Sample> {
        let snapshot = seen.marked.snapshot();
        let mut samples = Vec::new();
        for asset in self.long.tail.assets().to_vec() {
            let Some(price) = snapshot.prices.get(&asset).and_then(|price| price.fresh()) else {
                continue;
            };
            #[allow(clippy::cast_precision_loss)]
            let price = price.0 as f64 / Price::SCALE as f64;
            let mut open = self.state.hours.remove(&asset);
            let ended = OpenHour::push(&mut open, now, price);
            self.state
                .hours
                .extend(open.map(|open| (asset.clone(), open)));
            samples.extend(ended.map(|bar| Sample {
                at: bar.start,
                measure: Measure::Bar { asset, bar },
            }));
        }
        for (chain, view) in &snapshot.chains {
            let Some(fee) = view.base_fee.fresh() else {
                continue;
            };
            let wei = u64::try_from(*fee).unwrap_or(u64::MAX);
            let measure = Measure::BaseFee { chain: *chain, wei };
            if self.due(format!("base-fee:{chain}"), now) {
                samples.push(Sample { at: now, measure });
            }
        }
        for (family, value) in &snapshot.market.tvl {
            let Some(value) = value.fresh() else {
                continue;
            };
            let micro_usd = i64::try_from(value.0).unwrap_or(i64::MAX);
            let family = family.clone();
            if self.due(format!("tvl:{family}"), now) {
                let measure = Measure::Tvl { family, micro_usd };
                samples.push(Sample { at: now, measure });
            } else {
                self.long.tvl.entry(family).or_default().push(now, *value);
            }
        }
        for sample in &samples {
            alerts.extend(self.long.take(sample).map(|unusual| Alert {
                at: now,
                level: AlertLevel::Warning,
                scope: Scope::Everything,
                matter: format!("unusual {}", unusual.stream),
                evidence: unusual.evidence,
            }));
        }
        samples
    }

    /// Whether a series has no sample in the hour of `now` yet; then it will.
    fn due(&mut self, series: String, now: Timestamp) -> bool {
        let hour = now.0.div_euclid(HOUR_MS);
        let last = self.state.sampled.insert(series, hour);
        last.is_none_or(|last| last < hour)
    }

    pub(super) fn index(&self, seen: &Seen<'_>, now: Timestamp) -> CompositeIndex {
        let wanted = |asset: &&AssetId| {
            self.policy.reference.is_empty() || self.policy.reference.contains(*asset)
        };
        let assets = self.long.tail.assets().iter().filter(wanted);
        let nothing = RealisedVolatility::default();
        let mut components: Vec<Component> = assets
            .map(|asset| {
                let volatility = self.long.volatility.get(asset).unwrap_or(&nothing);
                volatility.component(asset, now, self.policy.max_bar_age)
            })
            .collect();
        let market = &seen.marked.snapshot().market;
        for (source, implied) in [
            (Source::OptionChain, &market.option_volatility),
            (Source::Dvol, &market.implied_volatility),
        ] {
            components.extend(implied.iter().map(|(asset, reading)| Component {
                asset: asset.clone(),
                source,
                reading: reading.clone(),
            }));
        }
        CompositeIndex { components }
    }

    pub(super) fn observe_index(
        &mut self,
        index: &CompositeIndex,
        now: Timestamp,
        samples: &mut Vec<Sample>,
    ) -> Option<VolatilityState> {
        if let Some(value) = index.value() {
            let complete = index.is_complete();
            let before = self.long.states.last_sample();
            self.long.state = Some(self.long.states.observe(now, value, complete));
            self.state.volatility = Some(self.long.states.held());
            let sampled = self.long.states.last_sample() != before;
            if self.due("volatility-index".to_owned(), now) || sampled {
                let measure = Measure::Index { value, complete };
                samples.push(Sample { at: now, measure });
            }
        }
        self.long.state
    }
}
