//! What a day may cost: foretold when it begins, and judged when it is over.

use airdrops_types::{Timestamp, Usd};
use serde::{Deserialize, Serialize};

use super::hour::HOUR_MS;
use super::report::TailReport;
use super::{Measure, Monitor, Sample, Seen};
use crate::tail::TailUsd;

/// The value at risk of a day, foretold when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Foretold {
    /// Days since the epoch.
    day: i64,
    /// Equity less flows when the day began.
    base: Usd,
    /// At 99 % and 97.5 %.
    at_risk: [Usd; 2],
}

impl Foretold {
    /// Days since the epoch.
    pub(super) fn day(&self) -> i64 {
        self.day
    }
}

pub(super) fn day_of(at: Timestamp) -> i64 {
    at.0.div_euclid(24 * HOUR_MS)
}

impl Monitor {
    /// At the first assessment of a day: whether the day before lost more than was foretold, and
    /// what may be lost in the new one.
    pub(super) fn judge_day(&mut self, seen: &Seen<'_>, now: Timestamp) -> Option<Sample> {
        let point = seen.equity?;
        let day = day_of(now);
        let base = Usd(point.equity.0.checked_sub(point.net_flows.0)?);
        let before = self.state.foretold;
        if before.is_some_and(|before| before.day >= day) {
            return None;
        }
        let tail = self.tail(seen);
        self.state.foretold = match (tail.at_99, tail.at_975) {
            (Some(at_99), Some(at_975)) => Some(Foretold {
                day,
                base,
                at_risk: [at_99.value_at_risk, at_975.value_at_risk],
            }),
            _ => None,
        };
        let before = before.filter(|before| before.day + 1 == day)?;
        let loss = Usd(before.base.0.checked_sub(base.0)?);
        let sample = Sample {
            at: now,
            measure: Measure::Day {
                exceeded: before.at_risk.map(|at_risk| loss > at_risk),
            },
        };
        self.long.take(&sample);
        Some(sample)
    }

    pub(super) fn tail(&self, seen: &Seen<'_>) -> TailReport {
        let assets = self.long.tail.assets().to_vec();
        let days = self.long.tail.days();
        let measure = |level: f64| -> Option<TailUsd> {
            let exposure = seen.marked.exposure().ok()?;
            let exposures: Vec<Usd> = assets.iter().map(|asset| exposure.asset(asset)).collect();
            let scenarios = self
                .long
                .tail
                .scenarios(&self.long.volatilities()?)
                .ok()??;
            scenarios.tail_usd(&exposures, level).ok()
        };
        TailReport {
            at_99: measure(0.99),
            at_975: measure(0.975),
            assets,
            days,
            coverage: self.long.coverage,
        }
    }
}
