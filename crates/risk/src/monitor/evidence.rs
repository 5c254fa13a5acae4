//! What breakers are given besides the snapshot.

use std::time::Duration;

use airdrops_types::{Bps, Scope, Timestamp};

use super::{Monitor, Seen};
use crate::breaker::{Fact, FactKind};

/// A fall of the total value locked within an hour that confirms a report of trouble.
const TVL_FALL: Bps = Bps(3000);

impl Monitor {
    /// Facts that would confirm a report of trouble.
    pub(super) fn facts(&self, seen: &Seen<'_>, now: Timestamp) -> Vec<Fact> {
        const HOUR: Duration = Duration::from_secs(3600);
        let snapshot = seen.marked.snapshot();
        let mut facts = Vec::new();
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
