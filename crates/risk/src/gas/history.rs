//! What the base fee of one chain was: hourly medians of our own observations over 90 days.
//!
//! An hour keeps the last observation of each minute while it runs, and only the median once it is
//! over (for an even count the lower of the middle two: a lower past makes the present dearer).

use std::collections::VecDeque;
use std::fmt;

use airdrops_types::{Bps, Timestamp, U256};
use serde::{Deserialize, Serialize};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Observed hours of one chain's base fee.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BaseFeeHistory {
    /// By time; at most [`Self::WINDOW_HOURS`].
    closed: VecDeque<Hour>,
    open: Option<OpenHour>,
}

/// An hour that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Hour {
    /// Hours since the epoch.
    index: i64,
    /// Wei per gas.
    median: u128,
}

/// The hour of the last observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OpenHour {
    index: i64,
    /// Minute within the hour, wei per gas; by time, one per minute.
    minutes: Vec<(i64, u128)>,
}

impl OpenHour {
    fn close(&self) -> Option<Hour> {
        let median = lower_median(self.minutes.iter().map(|(_, fee)| *fee))?;
        let index = self.index;
        Some(Hour { index, median })
    }
}

/// Fewer hours were observed than a statement needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShortHistory {
    /// Observed hours in the window.
    pub hours: usize,
    /// Hours that are needed.
    pub required: usize,
}

impl fmt::Display for ShortHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} h of base fees observed, {} h needed",
            self.hours, self.required
        )
    }
}

/// Where the base fee is going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GasDirection {
    /// The last hours are at most 80 % of the last week.
    Falling,
    /// Between the two.
    Steady,
    /// The last hours are at least 125 % of the last week.
    Rising,
}

/// The last six hours against the last seven days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GasTrend {
    /// Median of the last six hours, wei per gas.
    pub recent: u128,
    /// Median of the last seven days, wei per gas.
    pub baseline: u128,
    /// `recent / baseline`, rounded up; 100 % if both are zero, the highest number if only the
    /// baseline is zero.
    pub ratio: Bps,
}

impl GasTrend {
    /// Rising, falling or steady.
    #[must_use]
    pub fn direction(&self) -> GasDirection {
        match self.ratio.0 {
            0..=8_000 => GasDirection::Falling,
            8_001..=12_499 => GasDirection::Steady,
            _ => GasDirection::Rising,
        }
    }
}

impl BaseFeeHistory {
    /// The window, hours: 90 days.
    pub const WINDOW_HOURS: usize = 90 * 24;
    /// Hours within the window without which there is no quantile: seven days.
    pub const QUANTILE_HOURS: usize = 7 * 24;
    /// Hours of the last six without which there is no trend.
    pub const RECENT_HOURS: usize = 3;
    /// Hours of the last seven days without which there is no trend.
    pub const BASELINE_HOURS: usize = 48;

    /// Adds a fresh observation, wei per gas. Within a minute the last one counts. One that is
    /// earlier than the minute of the last is ignored, so the caller must trust its clock: an
    /// instant in the future blocks what comes before it. Returns whether it was taken.
    pub fn push(&mut self, at: Timestamp, base_fee: u128) -> bool {
        let index = at.0.div_euclid(HOUR);
        let minute = at.0.rem_euclid(HOUR) / MINUTE;
        if let Some(open) = &mut self.open {
            let last = open.minutes.last().map(|(minute, _)| *minute);
            if (index, Some(minute)) < (open.index, last) {
                return false;
            }
            if index == open.index {
                if last == Some(minute) {
                    open.minutes.pop();
                }
                open.minutes.push((minute, base_fee));
                return true;
            }
            self.closed.extend(open.close());
            while self.closed.len() > Self::WINDOW_HOURS {
                self.closed.pop_front();
            }
        }
        self.open = Some(OpenHour {
            index,
            minutes: vec![(minute, base_fee)],
        });
        true
    }

    /// Observed full hours in the 90 days before the hour of `now`.
    #[must_use]
    pub fn hours(&self, now: Timestamp) -> usize {
        self.window(now).count()
    }

    /// The medians of the hours that [`Self::hours`] counts, by time: the hour's first instant, wei
    /// per gas.
    pub fn medians(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, u128)> {
        self.window(now)
            .map(|hour| (Timestamp(hour.index.saturating_mul(HOUR)), hour.median))
    }

    /// The share of the hours observed in the last 90 days, the running one apart, in which gas was
    /// cheaper than `base_fee`, rounded up. Hours of the same price do not count as cheaper: on a
    /// chain whose base fee rests at its floor, the floor is not dear.
    ///
    /// # Errors
    /// If fewer than [`Self::QUANTILE_HOURS`] were observed.
    pub fn quantile(&self, now: Timestamp, base_fee: u128) -> Result<Bps, ShortHistory> {
        let hours = self.hours(now);
        if hours < Self::QUANTILE_HOURS {
            return Err(ShortHistory {
                hours,
                required: Self::QUANTILE_HOURS,
            });
        }
        let cheaper = self
            .window(now)
            .filter(|hour| hour.median < base_fee)
            .count();
        let share = (cheaper * 10_000).div_ceil(hours);
        Ok(u32::try_from(share).map_or(Bps::WHOLE, Bps))
    }

    /// The last six hours against the last seven days, the running hour included.
    ///
    /// # Errors
    /// If too few hours of either span were observed; the shorter span is looked at first.
    pub fn trend(&self, now: Timestamp) -> Result<GasTrend, ShortHistory> {
        let recent = self.median_since(now, 6, Self::RECENT_HOURS)?;
        let baseline = self.median_since(now, 7 * 24, Self::BASELINE_HOURS)?;
        Ok(GasTrend {
            recent,
            baseline,
            ratio: ratio_up(recent, baseline),
        })
    }

    fn window(&self, now: Timestamp) -> impl Iterator<Item = &Hour> {
        let end = now.0.div_euclid(HOUR);
        let start = end.saturating_sub(i64::try_from(Self::WINDOW_HOURS).unwrap_or(i64::MAX));
        self.closed
            .iter()
            .filter(move |hour| (start..end).contains(&hour.index))
    }

    /// The median over the `length` hours that end with the running one.
    fn median_since(
        &self,
        now: Timestamp,
        length: i64,
        required: usize,
    ) -> Result<u128, ShortHistory> {
        let end = now.0.div_euclid(HOUR);
        let running = self.open.as_ref().and_then(OpenHour::close);
        let fees: Vec<u128> = self
            .closed
            .iter()
            .copied()
            .chain(running)
            .filter(|hour| hour.index <= end && hour.index > end.saturating_sub(length))
            .map(|hour| hour.median)
            .collect();
        let hours = fees.len();
        lower_median(fees.into_iter())
            .filter(|_| hours >= required)
            .ok_or(ShortHistory { hours, required })
    }
}

/// The median, for an even count the lower of the middle two; `None` of nothing.
fn lower_median(values: impl Iterator<Item = u128>) -> Option<u128> {
    let mut values: Vec<u128> = values.collect();
    values.sort_unstable();
    let last = values.len().checked_sub(1)?;
    values.get(last / 2).copied()
}

fn ratio_up(part: u128, whole: u128) -> Bps {
    match (part, whole) {
        (0, 0) => Bps::WHOLE,
        (_, 0) => Bps(u32::MAX),
        _ => {
            let scaled = U256::from(part) * U256::from(10_000);
            let ratio = scaled.div_ceil(U256::from(whole));
            u32::try_from(ratio).map_or(Bps(u32::MAX), Bps)
        }
    }
}

#[cfg(test)]
mod tests;
