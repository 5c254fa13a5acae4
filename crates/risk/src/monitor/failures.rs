//! Failures of our own attempts, per protocol and class.

use std::collections::BTreeMap;

use airdrops_types::{ProtocolId, Scope};
use serde::{Deserialize, Serialize};

use super::{Attempt, FailureRates};
use crate::anomaly::{BernoulliCusum, FailureCharts};
use crate::breaker::{FailureAlarm, FailureClass, Successes};
use crate::health::FailureRecord;

const CLASSES: [FailureClass; 4] = [
    FailureClass::Revert,
    FailureClass::Timeout,
    FailureClass::Nonce,
    FailureClass::Rpc,
];

/// Attempts that are remembered for the health of a protocol.
const REMEMBERED: u32 = 200;

/// The charts and counts of every protocol.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Failures {
    charts: BTreeMap<ProtocolId, FailureCharts>,
    records: BTreeMap<ProtocolId, FailureRecord>,
    /// What the charts were made for.
    #[serde(default)]
    rates: FailureRates,
}

impl Failures {
    /// Takes attempts in; returns what is alarming, and what succeeded.
    pub(super) fn assess(
        &mut self,
        attempts: &[Attempt],
        chart: &BernoulliCusum,
        rates: &FailureRates,
    ) -> (Vec<FailureAlarm>, Vec<Successes>) {
        if self.rates != *rates {
            // A chart keeps the rates that it was made for.
            self.charts.clear();
            self.rates = *rates;
        }
        let mut alarms = Vec::new();
        let mut succeeded: BTreeMap<(&ProtocolId, FailureClass), u32> = BTreeMap::new();
        for attempt in attempts {
            self.remember(attempt);
            let charts = self
                .charts
                .entry(attempt.protocol.clone())
                .or_insert_with(|| new_charts(chart));
            for (class, reading) in charts.push(attempt.failure) {
                if reading.alarm {
                    alarms.push(FailureAlarm {
                        scope: Scope::Protocol(attempt.protocol.clone()),
                        class,
                        evidence: format!(
                            "{} of the last {} attempts failed by {class}, {} % are usual",
                            reading.failures,
                            reading.trials,
                            rates.usual * 100.0
                        ),
                    });
                }
            }
            if attempt.failure.is_none() {
                for class in CLASSES {
                    *succeeded.entry((&attempt.protocol, class)).or_default() += 1;
                }
            }
        }
        let successes = succeeded
            .into_iter()
            .map(|((protocol, class), count)| Successes {
                scope: Scope::Protocol(protocol.clone()),
                class,
                count,
            })
            .collect();
        (alarms, successes)
    }

    /// How many of the remembered attempts at a protocol failed.
    pub(super) fn record(&self, protocol: &ProtocolId) -> FailureRecord {
        self.records.get(protocol).copied().unwrap_or_default()
    }

    /// Counts fade by half when there are many.
    fn remember(&mut self, attempt: &Attempt) {
        let record = self.records.entry(attempt.protocol.clone()).or_default();
        record.total += 1;
        record.failed += u32::from(attempt.failure.is_some());
        if record.total >= REMEMBERED {
            record.total /= 2;
            record.failed = record.failed.div_ceil(2);
        }
    }
}

fn new_charts(chart: &BernoulliCusum) -> FailureCharts {
    let mut charts = FailureCharts::default();
    for class in CLASSES {
        charts.watch(class, *chart);
    }
    charts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn alarms(failures: &mut Failures, rates: FailureRates) -> usize {
        let FailureRates {
            usual,
            alarming,
            between,
            least,
        } = rates;
        let chart = BernoulliCusum::new(usual, alarming, between, least).unwrap();
        let failed = Attempt {
            protocol: ProtocolId::new("vault-1"),
            failure: Some(FailureClass::Revert),
        };
        failures.assess(&[failed], &chart, &rates).0.len()
    }

    #[test]
    fn charts_follow_the_configured_rates() {
        let usual = FailureRates::default();
        let hasty = FailureRates { least: 1, ..usual };
        let mut failures = Failures::default();
        assert_eq!(alarms(&mut failures, usual), 0);
        let first = (1..10).find(|_| alarms(&mut failures, hasty) > 0);
        assert!(first.is_some_and(|first| first < 4), "{first:?}");
    }

    #[test]
    fn charts_that_were_stored_without_rates_have_the_default_ones() {
        let mut stored = serde_json::to_value(Failures::default()).unwrap();
        stored.as_object_mut().unwrap().remove("rates");
        let read: Failures = serde_json::from_value(stored).unwrap();
        assert_eq!(read, Failures::default());
    }
}
