//! What waiting is expected to cost: optimal stopping on a seasonal, mean-reverting base fee.
//!
//! The logarithm of the hourly base fee is `level + season + r`: a slowly moving level, an effect of
//! the hour of the day and one of the day of the week, and a residual that falls back to zero,
//! `r' = φ r + ε` with innovations drawn from those that were seen. A task that must start within `n`
//! hours and looks once an hour pays at least
//!
//! ```text
//! V_n(r) = e^(m_n + r)                                 the window closes: it goes
//! V_k(r) = min( e^(m_k + r), E[ V_{k+1}(φ r + ε) ] )   it goes, or waits another hour
//! ```
//!
//! (Bellman 1957; the house-selling problem with a deadline of MacQueen and Miller 1960.) The fee at
//! which both sides are equal now is the reservation price: at or below it, going is no dearer than
//! what waiting is expected to cost. It rises as the window closes, because there is less to wait for.

/// Hours without which there is no forecast: three days.
const LEAST_HOURS: usize = 72;
/// The longest horizon, hours: two weeks. What is further off is not forecast.
const MOST_HOURS: u64 = 14 * 24;
/// The level forgets half of what it knew in so many hours.
const HALF_LIFE: f64 = 48.0;
/// Observations that an effect of the season must outweigh before it is believed half.
const HOUR_SHRINKAGE: f64 = 4.0;
const DAY_SHRINKAGE: f64 = 3.0;
/// Points of the grid of residuals.
const GRID: usize = 49;
/// Equally likely innovations.
const DRAWS: usize = 11;
/// The residual falls back at least so much.
const MOST_PERSISTENCE: f64 = 0.995;

/// The fitted model.
#[derive(Debug, Clone)]
pub(super) struct Forecast {
    /// Hours since the epoch, of now.
    now: i64,
    level: f64,
    season: Season,
    /// The residuals of the grid, ascending, evenly spaced.
    residuals: Vec<f64>,
    /// For each residual and innovation, where the next residual lies: the index below, and the
    /// weight of the index above.
    next: Vec<[(usize, f64); DRAWS]>,
}

#[derive(Debug, Clone)]
struct Season {
    hours: [f64; 24],
    days: [f64; 7],
}

impl Season {
    fn at(&self, hour: i64) -> f64 {
        self.hours[index(hour, 24)] + self.days[index(hour.div_euclid(24), 7)]
    }
}

/// `value mod period` as an index.
fn index(value: i64, period: i64) -> usize {
    usize::try_from(value.rem_euclid(period)).unwrap_or(0)
}

/// As a float: fees are estimated, not accounted for.
#[allow(clippy::cast_precision_loss)]
fn log(fee: u128) -> f64 {
    (fee.max(1) as f64).ln()
}

#[allow(clippy::cast_precision_loss)]
fn real(count: usize) -> f64 {
    count as f64
}

impl Forecast {
    /// From hours `(hours since the epoch, wei per gas)`, ascending, all before `now`. `None` if there
    /// are fewer than three days of them.
    pub(super) fn of(hours: &[(i64, u128)], now: i64) -> Option<Self> {
        if hours.len() < LEAST_HOURS {
            return None;
        }
        let logs: Vec<(i64, f64)> = hours.iter().map(|(hour, fee)| (*hour, log(*fee))).collect();
        let season = season(&logs);
        let mut level = Level::default();
        let mut residuals = Vec::with_capacity(logs.len());
        for (hour, value) in &logs {
            let clean = value - season.at(*hour);
            if let Some(level) = level.value() {
                residuals.push((*hour, clean - level));
            }
            level.push(*hour, clean);
        }
        let level = level.value()?;
        let (persistence, innovations) = reversion(&residuals);
        let widest = residuals
            .iter()
            .fold(0.5_f64, |widest, (_, value)| widest.max(value.abs()));
        let step = 2.0 * widest / real(GRID - 1);
        let residuals: Vec<f64> = (0..GRID).map(|i| real(i) * step - widest).collect();
        let next = residuals
            .iter()
            .map(|residual| {
                innovations.map(|shock| place(persistence * residual + shock, widest, step))
            })
            .collect();
        Some(Self {
            now,
            level,
            season,
            residuals,
            next,
        })
    }

    /// The reservation price of a task that must start within `remaining` hours, wei per gas; beyond
    /// [`MOST_HOURS`] that of those. Without time left it is any fee.
    pub(super) fn reservation(&self, remaining: u64) -> u128 {
        let horizon = i64::try_from(remaining.min(MOST_HOURS)).unwrap_or(0);
        if horizon == 0 {
            return u128::MAX;
        }
        let usual = |ahead: i64| (self.level + self.season.at(self.now + ahead)).exp();
        let growth: Vec<f64> = self.residuals.iter().map(|r| r.exp()).collect();
        let mut value: Vec<f64> = growth.iter().map(|g| usual(horizon) * g).collect();
        let mut waiting = self.expected(&value);
        for ahead in (1..horizon).rev() {
            let usual = usual(ahead);
            value.clear();
            value.extend(
                growth
                    .iter()
                    .zip(&waiting)
                    .map(|(g, wait)| (usual * g).min(*wait)),
            );
            waiting = self.expected(&value);
        }
        self.crossing(usual(0), &growth, &waiting)
    }

    /// The mean of `value` one hour later, for each residual.
    fn expected(&self, value: &[f64]) -> Vec<f64> {
        let at = |(below, weight): &(usize, f64)| {
            let low = value.get(*below).copied().unwrap_or_default();
            let high = value.get(below + 1).copied().unwrap_or(low);
            low * (1.0 - weight) + high * weight
        };
        self.next
            .iter()
            .map(|draws| draws.iter().map(at).sum::<f64>() / real(DRAWS))
            .collect()
    }

    /// The fee up to which going is no dearer than waiting; at most the dearest of the grid.
    fn crossing(&self, usual: f64, growth: &[f64], waiting: &[f64]) -> u128 {
        let gains: Vec<f64> = growth
            .iter()
            .zip(waiting)
            .map(|(g, wait)| (wait / (usual * g)).ln())
            .collect();
        let residual = match gains.iter().position(|gain| *gain < 0.0) {
            // A fee above all that was seen is no usual one, and is not extrapolated.
            None => self.residuals.last().copied().unwrap_or_default(),
            Some(0) => {
                self.residuals.first().copied().unwrap_or_default()
                    + gains.first().copied().unwrap_or_default()
            }
            Some(above) => {
                let (low, high) = (gains[above - 1], gains[above]);
                let step = self.residuals[above] - self.residuals[above - 1];
                self.residuals[above - 1] + step * low / (low - high)
            }
        };
        // Saturates; no number is no fee.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let fee = (usual * residual.exp()) as u128;
        fee
    }
}

/// Where `residual` lies on a grid from `-widest` in steps of `step`.
fn place(residual: f64, widest: f64, step: f64) -> (usize, f64) {
    let position = ((residual + widest) / step).clamp(0.0, real(GRID - 1));
    // Within the grid by the clamp.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let below = (position.floor() as usize).min(GRID - 2);
    (below, position - real(below))
}

/// An average that forgets, by time that passed.
#[derive(Default)]
struct Level {
    sum: f64,
    weight: f64,
    last: i64,
}

impl Level {
    fn push(&mut self, hour: i64, value: f64) {
        #[allow(clippy::cast_precision_loss)]
        let passed = (hour - self.last) as f64;
        let keep = if self.weight > 0.0 {
            (-passed / HALF_LIFE).exp2()
        } else {
            0.0
        };
        self.sum = self.sum * keep + value;
        self.weight = self.weight * keep + 1.0;
        self.last = hour;
    }

    fn value(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

/// The effects of the hour of the day, against the mean of the 24 hours around it, and of the day of
/// the week, against the mean of the seven days around it; both shrunk toward none.
fn season(logs: &[(i64, f64)]) -> Season {
    let mut hours = [(0.0, 0_usize); 24];
    let mut days = [(0.0, 0_usize); 7];
    let (Some((first, _)), Some((last, _))) = (logs.first(), logs.last()) else {
        return Season {
            hours: [0.0; 24],
            days: [0.0; 7],
        };
    };
    // Prefix sums over a dense line of hours.
    let length = usize::try_from(last - first + 1).unwrap_or(0);
    let mut dense = vec![None; length];
    for (hour, value) in logs {
        if let Some(place) = usize::try_from(hour - first)
            .ok()
            .and_then(|i| dense.get_mut(i))
        {
            *place = Some(*value);
        }
    }
    let mut prefix = Vec::with_capacity(length + 1);
    prefix.push((0.0, 0_usize));
    for value in &dense {
        let (sum, count) = prefix.last().copied().unwrap_or_default();
        prefix.push((
            sum + value.unwrap_or(0.0),
            count + usize::from(value.is_some()),
        ));
    }
    let mean = |from: usize, to: usize, least: usize| {
        let (low, high) = (prefix.get(from)?, prefix.get(to)?);
        let count = high.1 - low.1;
        (count >= least).then(|| (high.0 - low.0) / real(count))
    };
    for (i, (hour, value)) in (0_i64..)
        .zip(&dense)
        .filter_map(|(i, v)| Some((i, (first + i, (*v)?))))
    {
        let Ok(i) = usize::try_from(i) else { continue };
        if let Some(around) = i.checked_sub(12).and_then(|from| mean(from, i + 12, 20)) {
            let slot = &mut hours[index(hour, 24)];
            *slot = (slot.0 + value - around, slot.1 + 1);
        }
        if hour.rem_euclid(24) == 0 {
            let day = mean(i, i + 24, 20);
            let week = i.checked_sub(72).and_then(|from| mean(from, i + 96, 140));
            if let (Some(day), Some(week)) = (day, week) {
                let slot = &mut days[index(hour.div_euclid(24), 7)];
                *slot = (slot.0 + day - week, slot.1 + 1);
            }
        }
    }
    Season {
        hours: hours.map(|(sum, count)| sum / (real(count) + HOUR_SHRINKAGE)),
        days: days.map(|(sum, count)| sum / (real(count) + DAY_SHRINKAGE)),
    }
}

/// How much of the residual is left an hour later, and equally likely innovations about zero.
fn reversion(residuals: &[(i64, f64)]) -> (f64, [f64; DRAWS]) {
    let pairs: Vec<(f64, f64)> = residuals
        .windows(2)
        .filter(|pair| pair[1].0 - pair[0].0 == 1)
        .map(|pair| (pair[0].1, pair[1].1))
        .collect();
    let square: f64 = pairs.iter().map(|(before, _)| before * before).sum();
    let product: f64 = pairs.iter().map(|(before, after)| before * after).sum();
    let persistence = if square > 0.0 {
        (product / square).clamp(0.0, MOST_PERSISTENCE)
    } else {
        0.0
    };
    let mut shocks: Vec<f64> = pairs
        .iter()
        .map(|(before, after)| after - persistence * before)
        .collect();
    shocks.sort_by(f64::total_cmp);
    let mut draws = [0.0; DRAWS];
    if !shocks.is_empty() {
        for (i, draw) in draws.iter_mut().enumerate() {
            // The mean of the i-th of DRAWS equal parts.
            let from = i * shocks.len() / DRAWS;
            let to = ((i + 1) * shocks.len() / DRAWS)
                .max(from + 1)
                .min(shocks.len());
            let part = shocks.get(from..to).unwrap_or_default();
            *draw = part.iter().sum::<f64>() / real(part.len().max(1));
        }
    }
    let mean = draws.iter().sum::<f64>() / real(DRAWS);
    (persistence, draws.map(|draw| draw - mean))
}
