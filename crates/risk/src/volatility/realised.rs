//! Everything that one asset's hourly prices say about its volatility.

use std::time::Duration;

use airdrops_types::{AssetId, Reading, Timestamp, VolPoints};
use serde::{Deserialize, Serialize};

use super::day::{Day, DayBuilder};
use super::ewma::RangeEwma;
use super::har::LogHar;
use super::index::{Component, Source};
use super::range::{OutOfOrder, ValidBar};

/// The streaming estimators of one asset. Fed hour by hour; bounded in size; goes on after a
/// restart as if nothing had happened.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RealisedVolatility {
    range: RangeEwma,
    days: DayBuilder,
    har: LogHar,
}

impl RealisedVolatility {
    /// Adds the next hour. Gives the day that it ends.
    ///
    /// # Errors
    /// If the bar starts less than an hour after the last one; nothing changes then.
    pub fn push(&mut self, bar: &ValidBar) -> Result<Option<Day>, OutOfOrder> {
        self.range.push(bar)?;
        let ended = self.days.push(bar)?;
        if let Some(day) = &ended {
            self.har.observe(
                day.start(),
                day.follows,
                day.realised_range,
                day.realised_variance,
            );
        }
        Ok(ended)
    }

    /// The range-based EWMA.
    #[must_use]
    pub fn range(&self) -> &RangeEwma {
        &self.range
    }

    /// Variance of the day after the last whole one, by log-HAR on the realised range.
    #[must_use]
    pub fn forecast(&self) -> Option<f64> {
        self.har.forecast()
    }

    /// The component of the index, as seen at `now`: fresh if the last bar ended at most `max_age`
    /// ago.
    #[must_use]
    pub fn component(&self, asset: &AssetId, now: Timestamp, max_age: Duration) -> Component {
        let reading = match (self.range.index(), self.range.at()) {
            (Some(value), Some(at)) => Reading::<VolPoints>::aged(value, at, now, max_age),
            _ => Reading::missing("too few hours of prices"),
        };
        Component {
            asset: asset.clone(),
            source: Source::Realised,
            reading,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use airdrops_types::Bar;
    use proptest::prelude::*;

    use super::*;

    fn bars(count: i64) -> Vec<ValidBar> {
        let mut price = 100.0_f64;
        let mut seed = 7_u32;
        (0..count)
            .map(|hour| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let open = price;
                price *= 1.0 + (f64::from(seed >> 8) / f64::from(1 << 24) - 0.5) / 50.0;
                ValidBar::try_from(Bar {
                    start: Timestamp(hour * 3_600_000),
                    open,
                    high: open.max(price) * 1.001,
                    low: open.min(price) * 0.999,
                    close: price,
                })
                .unwrap()
            })
            .collect()
    }

    fn fed(bars: &[ValidBar]) -> RealisedVolatility {
        let mut volatility = RealisedVolatility::default();
        for bar in bars {
            volatility.push(bar).unwrap();
        }
        volatility
    }

    #[test]
    fn a_reading_ages_and_a_short_history_has_none() {
        let hour = Duration::from_secs(3600);
        let asset = AssetId::new("ETH");
        let volatility = fed(&bars(30));
        let end = Timestamp(30 * 3_600_000);
        let component = volatility.component(&asset, end, hour);
        assert!(component.reading.fresh().is_some());
        let later = volatility.component(&asset, end.plus(2 * hour), hour);
        assert!(later.reading.fresh().is_none() && later.reading.last_known().is_some());
        let short = fed(&bars(10)).component(&asset, end, hour);
        assert_eq!(short.reading.last_known(), None);
    }

    #[test]
    fn a_refused_bar_changes_nothing() {
        let bars = bars(100);
        let mut volatility = fed(&bars);
        let before = volatility.clone();
        assert!(volatility.push(&bars[99]).is_err());
        assert!(volatility.push(&bars[3]).is_err());
        assert_eq!(volatility, before);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn a_restart_goes_on_as_if_nothing_had_happened(cut in 0usize..5000) {
            let bars = bars(5000);
            let text = serde_json::to_string(&fed(&bars[..cut])).unwrap();
            let mut after: RealisedVolatility = serde_json::from_str(&text).unwrap();
            for bar in &bars[cut..] {
                after.push(bar).unwrap();
            }
            prop_assert_eq!(&after, &fed(&bars));
            prop_assert!(after.forecast().is_some());
        }
    }
}
