//! What is at stake at each node, and how far that fills its limit.

use std::collections::BTreeMap;

use airdrops_types::{Bps, Usd};

use super::report::NodeReport;
use super::{Monitor, Seen};
use crate::look_through::{Growth, Node, Situation};

/// What is at stake, by node.
pub(super) type Stakes<'a> = BTreeMap<&'a Node, &'a NodeReport>;

impl Monitor {
    pub(super) fn nodes(&self, seen: &Seen<'_>) -> Vec<NodeReport> {
        let (Ok(structure), Ok(nodes), Ok(exposure)) = (
            seen.marked.structure(),
            seen.marked.nodes(),
            seen.marked.exposure(),
        ) else {
            return Vec::new();
        };
        let reserved = Growth::default();
        let situation = Situation {
            exposures: nodes,
            reserved: &reserved,
            equity: exposure.equity,
            scale: self.state.limits.overall(),
        };
        let mut found: Vec<NodeReport> = structure
            .graph()
            .indices()
            .filter_map(|index| {
                let at_stake = nodes.at(index);
                let node = structure.graph().node(index)?.clone();
                (at_stake > Usd::ZERO).then(|| NodeReport {
                    node,
                    exposure: at_stake,
                    share: at_stake.share_of(exposure.equity),
                    limit: structure.bounds().limit(index),
                    headroom: structure.bounds().headroom(&situation, index),
                })
            })
            .collect();
        found.sort_by_key(|node| {
            let used = node.share.unwrap_or(Bps::WHOLE).0;
            (
                std::cmp::Reverse(u64::from(used) * 10_000 / u64::from(node.limit.0.max(1))),
                node.node.clone(),
            )
        });
        found
    }
}
