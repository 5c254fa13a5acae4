//! What a replay says, as figures and as JSON.

use airdrops_risk::history::forecast::{Score, scores};
use airdrops_risk::history::tail::LEVELS;
use airdrops_risk::history::{BadDay, History, HistoryConfig, LeadTime};
use airdrops_risk::tail::Coverage;
use airdrops_types::{Bps, VolatilityState};
use serde_json::{Map, Value, json};

/// A replay and what is summed up from it.
pub struct Replayed<'a> {
    /// What came of it.
    pub history: &'a History,
    /// What was replayed.
    pub config: &'a HistoryConfig,
    /// Per estimator, the mean over assets; empty if there are no days to compare on.
    pub scores: Vec<Score>,
    /// Days that forecasts are compared on, all assets together.
    pub forecast_days: usize,
    /// Lead of High or worse, and of Extreme.
    pub leads: [Lead; 2],
}

/// Lead times of one state over all bad days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lead {
    /// Which state, or a worse one.
    pub state: VolatilityState,
    /// Falls that it came before, or with.
    pub before: usize,
    /// Falls that it came within 24 h after.
    pub after: usize,
    /// Falls that it did not come with at all.
    pub never: usize,
    /// The median over the falls that it came with; the lower one of two.
    pub median: Option<i64>,
}

impl Lead {
    fn of(state: VolatilityState, days: &[BadDay], lead: fn(&BadDay) -> Option<LeadTime>) -> Self {
        let mut known: Vec<i64> = days.iter().filter_map(lead).map(|lead| lead.0).collect();
        known.sort_unstable();
        let before = known.iter().filter(|hours| **hours >= 0).count();
        Self {
            state,
            before,
            after: known.len() - before,
            never: days.len() - known.len(),
            median: known.get(known.len().saturating_sub(1) / 2).copied(),
        }
    }
}

impl<'a> Replayed<'a> {
    /// Sums up.
    #[must_use]
    pub fn new(history: &'a History, config: &'a HistoryConfig) -> Self {
        let days = &history.bad_days;
        Self {
            history,
            config,
            scores: mean_scores(history),
            forecast_days: history.forecasts.iter().map(|(_, days)| days.len()).sum(),
            leads: [
                Lead::of(VolatilityState::High, days, |day| day.high),
                Lead::of(VolatilityState::Extreme, days, |day| day.extreme),
            ],
        }
    }

    /// What the assets leave for cash.
    #[must_use]
    pub fn cash(&self) -> Bps {
        let held = self.history.assets.iter();
        let held = held.fold(0_u32, |sum, (_, weight, _)| sum.saturating_add(weight.0));
        Bps(Bps::WHOLE.0.saturating_sub(held))
    }

    /// Changes of the state per year of hours that had one.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn changes_per_year(&self) -> Option<f64> {
        let occupancy = &self.history.occupancy;
        let hours = occupancy.total().total();
        (hours > 0).then(|| (occupancy.changes.len() - 1) as f64 / (hours as f64 / (24.0 * 365.25)))
    }

    /// The answer for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let history = self.history;
        let assets: Map<String, Value> = history
            .assets
            .iter()
            .map(|(asset, weight, gaps)| {
                let longest = gaps
                    .longest
                    .map(|(at, hours)| json!({ "from": at.to_string(), "hours": hours }));
                let value = json!({
                    "weight": share(*weight),
                    "gaps": gaps.count,
                    "missing_hours": gaps.hours,
                    "longest_gap": longest,
                });
                (asset.to_string(), value)
            })
            .collect();
        let [var97_5, var99] = [0, 1].map(|level| self.coverage(level));
        json!({
            "from": history.from.to_string(),
            "to": history.to.to_string(),
            "hours": history.hours,
            "years": history.years(),
            "assets": assets,
            "cash": share(self.cash()),
            "states": self.states(),
            "breakers": { "loss_24h": self.losses() },
            "var99": var99,
            "var97_5": var97_5,
            "tomorrow": self.tomorrow(),
            "forecast_qlike": self.qlike(|score| score.adjusted),
            "forecast": {
                "days": self.forecast_days,
                "unadjusted_qlike": self.qlike(|score| score.raw),
                "factor": self.qlike(|score| score.factor),
            },
            "lead_time_hours": self.lead_times(),
        })
    }

    fn states(&self) -> Value {
        let occupancy = &self.history.occupancy;
        let row = |year: &airdrops_risk::history::occupancy::YearOccupancy| {
            json!({
                "low": year.share(VolatilityState::Low),
                "medium": year.share(VolatilityState::Medium),
                "high": year.share(VolatilityState::High),
                "extreme": year.share(VolatilityState::Extreme),
                "extreme_entries": year.entries_into(VolatilityState::Extreme),
                "hours": year.total(),
            })
        };
        let by_year: Map<String, Value> = occupancy
            .years
            .iter()
            .map(|(year, of)| (year.to_string(), row(of)))
            .collect();
        json!({
            "by_year": by_year,
            "total": row(&occupancy.total()),
            "changes_per_year": self.changes_per_year(),
        })
    }

    fn losses(&self) -> Value {
        let losses = &self.history.losses;
        let each: Vec<Value> = losses
            .trips
            .iter()
            .map(|trip| {
                json!({
                    "at": trip.at.to_string(),
                    "loss": trip.loss.map(share),
                    "cleared": trip.cleared.map(|at| at.to_string()),
                })
            })
            .collect();
        json!({
            "limit": share(losses.limit),
            "cleared_after_hours": losses.review.as_secs() / 3600,
            "trips": losses.trips.len(),
            "trips_per_year": self.history.trips_per_year(),
            "each": each,
        })
    }

    fn coverage(&self, level: usize) -> Value {
        let coverage: &Coverage = &self.history.tail.coverage[level];
        let expected = 1.0 - LEVELS[level];
        json!({
            "days": coverage.days,
            "violations": coverage.violations,
            "rate": coverage.rate(),
            "kupiec_p": coverage.kupiec(expected).map(|test| test.p_value),
            "independence_p": coverage.independence().map(|test| test.p_value),
            "shortfall_ratio": self.history.tail.shortfall_ratios()[level],
        })
    }

    /// The tail of the day after the last, as shares of the portfolio.
    fn tomorrow(&self) -> Value {
        let tail = &self.history.tail;
        let Some([loose, strict]) = &tail.latest else {
            return Value::Null;
        };
        let components: Map<String, Value> = tail
            .assets()
            .iter()
            .zip(&strict.components)
            .map(|(asset, component)| (asset.to_string(), json!(component)))
            .collect();
        json!({
            "var97_5": loose.value_at_risk,
            "var99": strict.value_at_risk,
            "es97_5": loose.expected_shortfall,
            "es99": strict.expected_shortfall,
            "es99_components": components,
        })
    }

    fn qlike(&self, figure: fn(&Score) -> f64) -> Map<String, Value> {
        self.scores
            .iter()
            .map(|score| (score.estimator.name().to_owned(), json!(figure(score))))
            .collect()
    }

    fn lead_times(&self) -> Value {
        let summary = |lead: &Lead| {
            json!({
                "before": lead.before,
                "after": lead.after,
                "never": lead.never,
                "median": lead.median,
            })
        };
        let each: Vec<Value> = self
            .history
            .bad_days
            .iter()
            .map(|day| {
                json!({
                    "day": day.start.to_string(),
                    "asset": day.asset,
                    "change": day.change,
                    "fell": day.fell.to_string(),
                    "high": day.high,
                    "extreme": day.extreme,
                })
            })
            .collect();
        json!({
            "high": summary(&self.leads[0]),
            "extreme": summary(&self.leads[1]),
            "days": each,
        })
    }
}

fn share(bps: Bps) -> f64 {
    f64::from(bps.0) / 10_000.0
}

/// The mean over assets that have days to compare on.
#[allow(clippy::cast_precision_loss)]
fn mean_scores(history: &History) -> Vec<Score> {
    let each: Vec<Vec<Score>> = history
        .forecasts
        .iter()
        .map(|(_, days)| scores(days))
        .filter(|scores| !scores.is_empty())
        .collect();
    let Some(first) = each.first() else {
        return Vec::new();
    };
    let mean = |index: usize, figure: fn(&Score) -> f64| {
        each.iter()
            .map(|scores| figure(&scores[index]))
            .sum::<f64>()
            / each.len() as f64
    };
    first
        .iter()
        .enumerate()
        .map(|(index, score)| Score {
            estimator: score.estimator,
            raw: mean(index, |score| score.raw),
            adjusted: mean(index, |score| score.adjusted),
            factor: mean(index, |score| score.factor),
        })
        .collect()
}
