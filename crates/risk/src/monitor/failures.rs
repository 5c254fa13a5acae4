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
}

impl Failures {
    /// Takes attempts in; returns what is alarming, and what succeeded.
    pub(super) fn assess(
        &mut self,
        attempts: &[Attempt],
        chart: &BernoulliCusum,
        rates: &FailureRates,
    ) -> (Vec<FailureAlarm>, Vec<Successes>) {
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
