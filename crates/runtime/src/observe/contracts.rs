//! Watched contracts. Their facts take several requests each, so they are read now and then, one
//! after the other.

use std::collections::BTreeMap;

use airdrops_chain::{ChainRead, View, read_facts};
use airdrops_types::{Address, ChainId, ContractFacts, ContractView, Reading, Timestamp};

use crate::engine::Engine;

/// Most contracts that are read in one tick.
const PER_TICK: usize = 4;

/// Facts as they were last read.
pub(crate) type ReadFacts = BTreeMap<(ChainId, Address), (ContractFacts, Timestamp)>;

impl Engine {
    /// Every watched contract as it was last read: fresh for three times the period of reading.
    pub(super) async fn contracts(
        &mut self,
        views: &BTreeMap<ChainId, View>,
        now: Timestamp,
    ) -> Vec<ContractView> {
        let period = self.settings.contract_period;
        let mut due: Vec<(Option<Timestamp>, ChainId, Address)> = Vec::new();
        for watched in &self.settings.watched {
            let key = (watched.chain, watched.contract);
            let read = self.facts.get(&key).map(|(_, at)| *at);
            if read.is_none_or(|at| now.since(at) >= period) {
                due.push((read, key.0, key.1));
            }
        }
        due.sort_unstable();
        due.dedup();
        // The first look is at everything: nothing may be done at a contract that was never seen.
        let count = due.iter().filter(|(read, ..)| read.is_none()).count();
        let mut failed = BTreeMap::new();
        for (_, chain, contract) in due.into_iter().take(count.max(PER_TICK)) {
            let Some(view) = views.get(&chain) else {
                continue;
            };
            match read_facts(view, contract).await {
                Ok(facts) => {
                    let at = view.block().time;
                    self.facts.insert((chain, contract), (facts, at));
                }
                Err(error) => {
                    failed.insert((chain, contract), error.to_string());
                }
            }
        }
        let reading = |key: &(ChainId, Address)| match self.facts.get(key) {
            Some((facts, at)) => Reading::aged(facts.clone(), *at, now, period * 3),
            None => Reading::missing(
                failed
                    .get(key)
                    .cloned()
                    .unwrap_or_else(|| format!("chain {} could not be read", key.0)),
            ),
        };
        self.settings
            .watched
            .iter()
            .map(|watched| ContractView {
                chain: watched.chain,
                contract: watched.contract,
                protocol: watched.protocol.clone(),
                facts: reading(&(watched.chain, watched.contract)),
            })
            .collect()
    }
}
