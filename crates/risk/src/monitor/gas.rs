//! Gas on each chain: what a standard transaction costs, and how that compares with the past.

use std::collections::BTreeMap;

use airdrops_types::{Bps, ChainId, Reading, Timestamp, Usd};

use super::report::GasReport;
use super::{Monitor, Seen};
use crate::breaker::GasObservation;
use crate::gas::{BaseFeeHistory, Charge, GasUse, ShortHistory, all_in};

impl Monitor {
    /// What a standard transaction costs on each chain, and what it should earn.
    pub(super) fn gas(&self, seen: &Seen<'_>) -> Vec<GasObservation> {
        let chains = self.policy.expected_value.iter();
        chains
            .filter_map(|(chain, value)| {
                Some(GasObservation {
                    chain: *chain,
                    cost: self.standard_cost(seen, *chain)?,
                    expected_value: Reading::Fresh {
                        value: *value,
                        at: seen.marked.snapshot().at,
                    },
                    usual_at_most: None,
                })
            })
            .collect()
    }

    fn standard_cost(&self, seen: &Seen<'_>, chain: ChainId) -> Option<Reading<Usd>> {
        let snapshot = seen.marked.snapshot();
        let view = snapshot.chains.get(&chain)?;
        let used = GasUse {
            gas: self.policy.standard_gas,
            gas_price: view.base_fee.clone(),
            l1_data: Charge::None,
            operator: Charge::None,
            blob_gas: 0,
            blob_gas_price: Reading::missing("no blobs"),
        };
        let unpriced = Reading::missing("not observed");
        let price = snapshot.prices.get(&view.gas_asset).unwrap_or(&unpriced);
        Some(match all_in(&used, price) {
            Ok(cost) => Reading::Fresh {
                value: cost.usd,
                at: snapshot.at,
            },
            Err(error) => Reading::missing(error.to_string()),
        })
    }

    /// The share of past hours that were cheaper, per chain with a fresh base fee.
    pub(super) fn ranks(
        &self,
        seen: &Seen<'_>,
        now: Timestamp,
    ) -> BTreeMap<ChainId, Result<Bps, ShortHistory>> {
        let chains = seen.marked.snapshot().chains.iter();
        chains
            .filter_map(|(chain, view)| {
                let history = self.long.gas.get(chain)?;
                Some((*chain, history.quantile(now, *view.base_fee.fresh()?)))
            })
            .collect()
    }

    pub(super) fn gas_report(
        &self,
        seen: &Seen<'_>,
        ranks: &BTreeMap<ChainId, Result<Bps, ShortHistory>>,
        now: Timestamp,
    ) -> Vec<GasReport> {
        let nothing = BaseFeeHistory::default();
        let chains = seen.marked.snapshot().chains.iter();
        chains
            .map(|(chain, view)| {
                let history = self.long.gas.get(chain).unwrap_or(&nothing);
                let short = || history.quantile(now, 0);
                let standard = self.standard_cost(seen, *chain);
                GasReport {
                    chain: *chain,
                    // What is beyond every fee is none, and could not be written.
                    base_fee: view
                        .base_fee
                        .fresh()
                        .copied()
                        .filter(|fee| u64::try_from(*fee).is_ok()),
                    rank: ranks.get(chain).cloned().unwrap_or_else(short),
                    trend: history.trend(now),
                    standard: standard
                        .and_then(|cost| cost.fresh().copied())
                        .filter(|cost| i64::try_from(cost.0).is_ok()),
                }
            })
            .collect()
    }
}
