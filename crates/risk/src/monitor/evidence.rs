//! What breakers are given besides the snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use airdrops_types::{Bps, MarketView, Scope, Timestamp};

use super::{Monitor, Seen};
use crate::breaker::{Fact, FactKind};

/// A fall of the total value locked within an hour that confirms a report of trouble.
const TVL_FALL: Bps = Bps(3000);

impl Monitor {
    /// Facts that would confirm a report of trouble.
    pub(super) fn facts(&self, seen: &Seen<'_>, now: Timestamp) -> Vec<Fact> {
        const HOUR: Duration = Duration::from_secs(3600);
        let snapshot = seen.marked.snapshot();
        let mut facts = self.token_facts();
        for (family, value) in &snapshot.market.tvl {
            let (Some(value), Some(history)) = (value.fresh(), self.long.tvl.get(family)) else {
                continue;
            };
            let Some(fall) = history
                .fall(now, *value, HOUR)
                .filter(|fall| *fall >= TVL_FALL)
            else {
                continue;
            };
            for (protocol, other) in &seen.policy.families {
                if other == family {
                    facts.push(Fact {
                        scope: Scope::Protocol(protocol.clone()),
                        kind: FactKind::TvlFall,
                        evidence: format!("value locked in {family} fell by {fall} within an hour"),
                    });
                }
            }
        }
        facts
    }
}

/// The assets that each source of the market tells a price of. A feed that is read from a chain is
/// none of these sources: it is gone when its chain is.
pub(super) fn dependents(market: &MarketView) -> BTreeMap<String, BTreeSet<Scope>> {
    let mut dependents: BTreeMap<String, BTreeSet<Scope>> = BTreeMap::new();
    for (asset, quotes) in &market.quotes {
        let sources = quotes.iter().map(|quote| &quote.source);
        for source in sources.filter(|source| market.sources.contains_key(*source)) {
            let scopes = dependents.entry(source.clone()).or_default();
            scopes.insert(Scope::Asset(asset.clone()));
        }
    }
    dependents
}
