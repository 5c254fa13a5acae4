//! What a chain's base fee was, hour by hour, prepared for looks.

use std::collections::BTreeMap;

use airdrops_types::{Bps, Timestamp};

use super::forecast::Forecast;

pub(super) const HOUR_MS: i64 = 3_600_000;

/// The past of one chain's base fee as seen at one instant. Only hours that were over then count, so
/// that it says the same all through the hour; to be made anew once an hour.
#[derive(Debug, Clone)]
pub struct FeePast {
    /// Base fees of the hours of the last seven days, ascending, wei per gas.
    week: Vec<u128>,
    forecast: Option<Forecast>,
}

impl FeePast {
    /// Hours that are looked back at: twelve weeks. Older ones are left out.
    pub const HOURS: i64 = 12 * 7 * 24;
    /// Hours over which quantiles are taken: seven days.
    pub const WEEK: i64 = 7 * 24;
    /// Hours of the last seven days without which the past says nothing.
    pub const LEAST_HOURS: usize = 24;

    /// From samples `(instant, wei per gas)` in any order, hourly or finer; those of one hour are
    /// averaged. What is not before the hour of `now`, or is older than [`Self::HOURS`], is left out.
    #[must_use]
    pub fn of(samples: impl IntoIterator<Item = (Timestamp, u128)>, now: Timestamp) -> Self {
        let end = now.0.div_euclid(HOUR_MS);
        let start = end.saturating_sub(Self::HOURS);
        let mut sums: BTreeMap<i64, (u128, u128)> = BTreeMap::new();
        for (at, fee) in samples {
            let hour = at.0.div_euclid(HOUR_MS);
            if (start..end).contains(&hour) {
                let (sum, count) = sums.entry(hour).or_default();
                *sum = sum.saturating_add(fee);
                *count += 1;
            }
        }
        let hours: Vec<(i64, u128)> = sums
            .into_iter()
            .map(|(hour, (sum, count))| (hour, sum / count))
            .collect();
        let mut week: Vec<u128> = hours
            .iter()
            .filter(|(hour, _)| *hour >= end.saturating_sub(Self::WEEK))
            .map(|(_, fee)| *fee)
            .collect();
        week.sort_unstable();
        let forecast = Forecast::of(&hours, end);
        Self { week, forecast }
    }

    /// Observed hours of the last seven days.
    #[must_use]
    pub fn hours(&self) -> usize {
        self.week.len()
    }

    /// The least hourly base fee of the last seven days that at least `share` of their hours did not
    /// pass, wei per gas (the nearest rank: no fee that was not seen). 0 is the minimum, 10,000 the
    /// maximum. `None` with fewer than [`Self::LEAST_HOURS`].
    #[must_use]
    pub fn quantile(&self, share: Bps) -> Option<u128> {
        let hours = self.week.len();
        if hours < Self::LEAST_HOURS {
            return None;
        }
        let share = usize::try_from(share.0.min(10_000)).ok()?;
        let rank = hours.saturating_mul(share).div_ceil(10_000);
        self.week.get(rank.saturating_sub(1)).copied()
    }

    /// The base fee at or below which a better one is not to be expected, wei per gas, for a task that
    /// must start within `remaining_hours` hours and looks once an hour. `None` if there is too
    /// little history for a forecast.
    #[must_use]
    pub fn reservation(&self, remaining_hours: u64) -> Option<u128> {
        Some(self.forecast.as_ref()?.reservation(remaining_hours))
    }
}
