//! What is usual at this time of the day and of the week.

use std::collections::{BTreeMap, VecDeque};

use airdrops_types::Timestamp;
use serde::{Deserialize, Serialize};

const HOUR: i64 = 3_600_000;
const SLOTS_IN_DAY: i64 = 24;
const SLOTS_IN_WEEK: i64 = 7 * SLOTS_IN_DAY;
/// Days (weeks) of each hour that the profile remembers.
const REMEMBERED: usize = 5;
/// From so many weeks on, the weekly profile is preferred: a median of three bears one outlier.
const WEEKS: usize = 3;

/// Usual values of the hours of the day and of the hours of the week, in UTC: the median of the means
/// of the last five such hours, so that one outlier is not expected again a day or a week later. An
/// hour enters when it is over, so that no value is judged by itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SeasonProfile {
    daily: BTreeMap<i64, Slot>,
    weekly: BTreeMap<i64, Slot>,
    current: Option<CurrentHour>,
}

/// Means of the last hours of one kind.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Slot {
    means: VecDeque<f64>,
}

impl Slot {
    fn median(&self) -> Option<f64> {
        let mut sorted: Vec<f64> = self.means.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let upper = sorted.get(n / 2)?;
        let lower = sorted.get(n.saturating_sub(1) / 2)?;
        Some(f64::midpoint(*lower, *upper))
    }
}

/// The hour that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct CurrentHour {
    hour: i64,
    mean: f64,
    values: u32,
}

impl SeasonProfile {
    /// The usual value at `at`: of this hour of the week if three weeks or more are known, else of
    /// this hour of the day; `None` if neither was seen.
    #[must_use]
    pub fn expect(&self, at: Timestamp) -> Option<f64> {
        let hour = at.0.div_euclid(HOUR);
        let weekly = self.weekly.get(&hour.rem_euclid(SLOTS_IN_WEEK));
        let daily = self.daily.get(&hour.rem_euclid(SLOTS_IN_DAY));
        weekly
            .filter(|slot| slot.means.len() >= WEEKS)
            .or(daily)
            .and_then(Slot::median)
    }

    /// Takes a finite value in.
    pub fn push(&mut self, at: Timestamp, value: f64) {
        if !value.is_finite() {
            return;
        }
        let hour = at.0.div_euclid(HOUR);
        match &mut self.current {
            Some(current) if current.hour == hour => {
                current.values = current.values.saturating_add(1);
                current.mean += (value - current.mean) / f64::from(current.values);
            }
            _ => {
                if let Some(over) = self.current.take() {
                    enter(
                        &mut self.daily,
                        over.hour.rem_euclid(SLOTS_IN_DAY),
                        over.mean,
                    );
                    enter(
                        &mut self.weekly,
                        over.hour.rem_euclid(SLOTS_IN_WEEK),
                        over.mean,
                    );
                }
                self.current = Some(CurrentHour {
                    hour,
                    mean: value,
                    values: 1,
                });
            }
        }
    }
}

fn enter(profile: &mut BTreeMap<i64, Slot>, place: i64, mean: f64) {
    let slot = profile.entry(place).or_default();
    if slot.means.len() == REMEMBERED {
        slot.means.pop_front();
    }
    slot.means.push_back(mean);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp(hour * HOUR)
    }

    #[test]
    fn the_hour_of_yesterday_is_expected_and_the_present_hour_is_not_known() {
        let mut profile = SeasonProfile::default();
        profile.push(at(9), 10.0);
        assert_eq!(profile.expect(at(9)), None);
        for hour in 10..33 {
            profile.push(at(hour), 1.0);
        }
        assert_eq!(profile.expect(at(33)), Some(10.0));
        assert_eq!(profile.expect(at(34)), Some(1.0));
    }

    #[test]
    fn one_outlier_is_not_expected_again() {
        let mut profile = SeasonProfile::default();
        for hour in 0..24 * 30 {
            profile.push(at(hour), if hour == 24 * 25 + 9 { 1000.0 } else { 1.0 });
        }
        for hour in 24 * 30..24 * 37 {
            assert_eq!(profile.expect(at(hour)), Some(1.0));
        }
    }

    #[test]
    fn after_three_weeks_the_day_of_the_week_counts() {
        let mut profile = SeasonProfile::default();
        for hour in 0..24 * 7 * 3 + 1 {
            let weekend = (hour / 24) % 7 >= 5;
            profile.push(at(hour), if weekend { 1.0 } else { 9.0 });
        }
        let week = 24 * 7 * 3;
        assert_eq!(profile.expect(at(week + 12)), Some(9.0));
        assert_eq!(profile.expect(at(week + 24 * 5 + 12)), Some(1.0));
    }
}
