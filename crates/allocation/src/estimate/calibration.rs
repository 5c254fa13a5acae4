//! Whether what was said with 30 % happened in 30 % of the cases.

use serde::{Deserialize, Serialize};

use super::forecast::{Outcome, Resolved, Said, Score};

/// One bin of a reliability table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Its least probability.
    pub from: f64,
    /// Its greatest probability; part of the next bin, but for the last one.
    pub to: f64,
    /// How many forecasts are in it.
    pub count: usize,
    /// What they said in the mean; 0 if there are none.
    pub said: f64,
    /// The share that happened; 0 if there are none.
    pub happened: f64,
}

/// How good probabilities were.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probabilities {
    /// How many were resolved.
    pub count: usize,
    /// The mean Brier score.
    pub brier: f64,
    /// The mean logarithmic score in nats.
    pub logarithmic: f64,
    /// The share that happened, said each time, would have had this Brier score.
    pub uncertainty: f64,
    /// `1 − brier / uncertainty`: 1 is perfect, 0 no better than the base rate; `None` if all or
    /// none happened.
    pub skill: Option<f64>,
    /// Murphy (1973): the mean squared distance of what was said in a bin and what happened there.
    /// 0 is calibrated.
    pub reliability: f64,
    /// Murphy (1973): the mean squared distance of what happened in a bin to the base rate. More is
    /// sharper.
    pub resolution: f64,
    /// The reliability table.
    pub bins: Vec<Bin>,
}

/// The share of amounts at or below quantiles of one level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// The level.
    pub level: f64,
    /// How many forecasts had it.
    pub count: usize,
    /// The share of outcomes at or below: `level`, if calibrated.
    pub below: f64,
}

/// How good quantiles were.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Amounts {
    /// How many were resolved.
    pub count: usize,
    /// The mean continuous ranked probability score.
    pub crps: f64,
    /// By level, ascending.
    pub coverage: Vec<Coverage>,
}

/// How good forecasts were; `None` where there were none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Of events.
    pub probabilities: Option<Probabilities>,
    /// Of amounts.
    pub amounts: Option<Amounts>,
}

/// The most bins.
const MAX_BINS: usize = 100;

impl Calibration {
    /// Scores forecasts, such as [`ForecastLog::resolved`](super::forecast::ForecastLog::resolved)
    /// gives, with a reliability table of `bins` equal bins (1 to 100).
    #[must_use]
    pub fn of<'a>(resolved: impl Iterator<Item = &'a Resolved>, bins: usize) -> Self {
        let mut events = Vec::new();
        let mut crps = Vec::new();
        let mut levels: Vec<(f64, bool)> = Vec::new();
        for each in resolved {
            match (each.score(), &each.forecast.said, each.resolution.outcome) {
                (
                    Some(Score::Probability { brier, logarithmic }),
                    Said::Probability(said),
                    Outcome::Happened(happened),
                ) => events.push(Event {
                    said: *said,
                    happened: f64::from(u8::from(happened)),
                    brier,
                    logarithmic,
                }),
                (Some(Score::Crps(score)), Said::Quantiles(quantiles), Outcome::Amount(amount)) => {
                    crps.push(score);
                    levels.extend(quantiles.iter().map(|(level, q)| (*level, amount <= *q)));
                }
                _ => {}
            }
        }
        Self {
            probabilities: probabilities(&events, bins.clamp(1, MAX_BINS)),
            amounts: amounts(&crps, &mut levels),
        }
    }
}

/// A probability with its outcome.
struct Event {
    said: f64,
    /// 1 or 0.
    happened: f64,
    brier: f64,
    logarithmic: f64,
}

fn probabilities(events: &[Event], bins: usize) -> Option<Probabilities> {
    if events.is_empty() {
        return None;
    }
    let n = events.len() as f64;
    let mean = |of: &dyn Fn(&Event) -> f64| events.iter().map(of).sum::<f64>() / n;
    let base = mean(&|event| event.happened);
    let brier = mean(&|event| event.brier);
    let uncertainty = base * (1.0 - base);
    let width = 1.0 / bins as f64;
    let table: Vec<Bin> = (0..bins)
        .map(|index| {
            let (from, to) = (index as f64 * width, (index + 1) as f64 * width);
            let last = index + 1 == bins;
            let within = |p: f64| p >= from && (p < to || last);
            let inside: Vec<_> = events.iter().filter(|event| within(event.said)).collect();
            let count = inside.len();
            let share = |of: &dyn Fn(&Event) -> f64| {
                inside.iter().map(|event| of(event)).sum::<f64>() / count.max(1) as f64
            };
            Bin {
                from,
                to,
                count,
                said: share(&|event| event.said),
                happened: share(&|event| event.happened),
            }
        })
        .collect();
    let weighted = |of: &dyn Fn(&Bin) -> f64| {
        let terms = table.iter().map(|bin| bin.count as f64 * of(bin));
        terms.sum::<f64>() / n
    };
    let square = |x: f64| x * x;
    Some(Probabilities {
        count: events.len(),
        brier,
        logarithmic: mean(&|event| event.logarithmic),
        uncertainty,
        skill: (uncertainty > 0.0).then(|| 1.0 - brier / uncertainty),
        reliability: weighted(&|bin| square(bin.said - bin.happened)),
        resolution: weighted(&|bin| square(bin.happened - base)),
        bins: table,
    })
}

fn amounts(crps: &[f64], levels: &mut [(f64, bool)]) -> Option<Amounts> {
    if crps.is_empty() {
        return None;
    }
    levels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let coverage = levels
        .chunk_by(|a, b| a.0 == b.0)
        .map(|chunk| Coverage {
            level: chunk[0].0,
            count: chunk.len(),
            below: chunk.iter().filter(|(_, below)| *below).count() as f64 / chunk.len() as f64,
        })
        .collect();
    Some(Amounts {
        count: crps.len(),
        crps: crps.iter().sum::<f64>() / crps.len() as f64,
        coverage,
    })
}
