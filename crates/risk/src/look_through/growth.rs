//! What a transaction adds to what is at stake.

use airdrops_types::Usd;

use super::exposures::{ExposureError, NodeExposures, Weighted};
use super::graph::{Entries, Graph, GraphId, NodeIndex, Reach};

/// What happens to one part of the portfolio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Where the part's exposure enters.
    pub entries: Entries,
    /// By how much its value grows; negative if it shrinks.
    pub value: Usd,
}

/// Growth of what is at stake, for those nodes alone where it is positive, sorted by node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Growth {
    /// Of which graph the nodes are, if there are any.
    graph: GraphId,
    by_node: Vec<(NodeIndex, Usd)>,
}

impl Growth {
    /// The growth that changes of several parts bring together, rounded up once per node. What one
    /// part loses and another wins cancels out where both reach a node with the same weight: a
    /// deposit is no growth of its asset, its chain or its asset's oracle.
    ///
    /// # Errors
    /// If a change is greater than [`NodeExposures::MAX_VALUE`] either way, or if entry nodes are
    /// of another graph.
    pub fn of(graph: &Graph, changes: &[Change]) -> Result<Self, ExposureError> {
        let mut total: Vec<(NodeIndex, Weighted)> = Vec::new();
        for Change { entries, value } in changes {
            if !(-NodeExposures::MAX_VALUE..=NodeExposures::MAX_VALUE).contains(value) {
                return Err(ExposureError::Value(*value));
            }
            graph.check(entries)?;
            total = merge(&total, &graph.reach_of(entries), *value);
        }
        let grown = total.into_iter().filter(|(_, total)| total.0 > 0);
        let by_node = grown.map(|(node, total)| (node, total.up())).collect();
        Ok(Self::within(graph, by_node))
    }

    /// Claims on nodes of this graph, those on one node added up. Negative ones are left out.
    #[must_use]
    pub fn claimed(graph: &Graph, claims: impl IntoIterator<Item = (NodeIndex, Usd)>) -> Self {
        let mut by_node: Vec<(NodeIndex, Usd)> = claims
            .into_iter()
            .filter(|(_, claim)| *claim > Usd::ZERO)
            .collect();
        by_node.sort_unstable();
        by_node.dedup_by(|(later, claim), (node, sum)| {
            let same = later == node;
            if same {
                *sum += *claim;
            }
            same
        });
        Self::within(graph, by_node)
    }

    /// The nodes that grow, sorted, each with a positive amount.
    pub fn iter(&self) -> impl Iterator<Item = (NodeIndex, Usd)> + '_ {
        self.by_node.iter().copied()
    }

    /// The growth of one node.
    #[must_use]
    pub fn at(&self, node: NodeIndex) -> Usd {
        let found = self.by_node.binary_search_by_key(&node, |(node, _)| *node);
        found.map_or(Usd::ZERO, |position| self.by_node[position].1)
    }

    /// Whether the nodes are of this graph, or none.
    pub(super) fn check(&self, graph: &Graph) -> Result<(), ExposureError> {
        if self.is_empty() || self.graph == graph.id() {
            Ok(())
        } else {
            Err(ExposureError::ForeignGraph)
        }
    }

    fn within(graph: &Graph, by_node: Vec<(NodeIndex, Usd)>) -> Self {
        if by_node.is_empty() {
            return Self::default();
        }
        let graph = graph.id();
        Self { graph, by_node }
    }

    /// How many nodes grow.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_node.len()
    }

    /// Whether nothing grows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_node.is_empty()
    }
}

/// Adds a part of this value to a total; both are sorted by node.
fn merge(
    total: &[(NodeIndex, Weighted)],
    part: &[Reach],
    value: Usd,
) -> Vec<(NodeIndex, Weighted)> {
    let mut merged = Vec::with_capacity(total.len() + part.len());
    let mut rest = total;
    for Reach { node, weight } in part {
        let Weighted(mut sum) = Weighted::of(value, *weight);
        while let Some(((other, before), after)) = rest.split_first()
            && other <= node
        {
            if other == node {
                sum = sum.saturating_add(before.0);
            } else {
                merged.push((*other, *before));
            }
            rest = after;
        }
        merged.push((*node, Weighted(sum)));
    }
    merged.extend_from_slice(rest);
    merged
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use airdrops_types::Bps;

    use super::super::dependencies::Dependencies;
    use super::super::node::Node;
    use super::*;

    fn node(text: &str) -> Node {
        text.parse().unwrap()
    }

    fn graph() -> Graph {
        let mut dependencies = Dependencies::default();
        for (from, to, weight) in [
            ("protocol:vault", "oracle:api3", 2500),
            ("asset:USDC", "oracle:chainlink", 3333),
            ("asset:ETH", "oracle:chainlink", 10_000),
        ] {
            dependencies.add(node(from), node(to), Bps(weight));
        }
        Graph::compile(&dependencies, [node("chain:1")]).unwrap()
    }

    fn change(graph: &Graph, entries: &[&str], value: i128) -> Change {
        let nodes: Vec<Node> = entries.iter().map(|text| node(text)).collect();
        Change {
            entries: graph.entries(&nodes).unwrap(),
            value: Usd(value),
        }
    }

    fn named(graph: &Graph, changes: &[Change]) -> Vec<(String, i128)> {
        let growth = Growth::of(graph, changes).unwrap();
        let named = growth.iter();
        let named = named.map(|(index, usd)| (graph.node(index).unwrap().to_string(), usd.0));
        named.collect()
    }

    #[test]
    fn a_deposit_grows_what_the_protocol_adds_and_nothing_else() {
        let graph = graph();
        let out = change(&graph, &["asset:USDC", "chain:1"], -101);
        let into = change(&graph, &["protocol:vault", "asset:USDC", "chain:1"], 101);
        assert_eq!(
            named(&graph, &[out, into]),
            [
                ("protocol:vault".to_owned(), 101),
                ("oracle:api3".to_owned(), 26)
            ]
        );
        assert_eq!(Growth::of(&graph, &[out]), Ok(Growth::default()));
        assert_eq!(Growth::of(&graph, &[]), Ok(Growth::default()));
    }

    #[test]
    fn a_swap_grows_by_the_difference() {
        let graph = graph();
        let spent = change(&graph, &["asset:USDC", "chain:1"], -100);
        let bought = change(&graph, &["asset:ETH", "chain:1"], 99);
        // 99 of ETH whole, less a third of 100 of USDC: 99 - 33.33, rounded up.
        assert_eq!(
            named(&graph, &[spent, bought]),
            [
                ("asset:ETH".to_owned(), 99),
                ("oracle:chainlink".to_owned(), 66)
            ]
        );
    }

    #[test]
    fn claims_on_one_node_add_up() {
        let graph = graph();
        let index = |text: &str| graph.index(&node(text)).unwrap();
        let growth = Growth::of(&graph, &[change(&graph, &["asset:ETH"], 5)]).unwrap();
        let mut claims: Vec<_> = growth.iter().collect();
        assert_eq!(Growth::claimed(&graph, claims.clone()), growth);
        claims.push((index("asset:ETH"), Usd(2)));
        claims.push((index("asset:ETH"), Usd(-9)));
        let claimed = Growth::claimed(&graph, claims);
        assert_eq!(claimed.at(index("asset:ETH")), Usd(7));
        assert_eq!(claimed.at(index("oracle:chainlink")), Usd(5));
        assert_eq!(claimed.at(index("chain:1")), Usd::ZERO);
        assert_eq!(claimed.iter().count(), 2);
    }

    #[test]
    fn a_change_beyond_all_measure_is_refused() {
        let graph = graph();
        let above = NodeExposures::MAX_VALUE.0 + 1;
        for wrong in [above, -above, i128::MAX, i128::MIN] {
            let huge = change(&graph, &["asset:ETH"], wrong);
            let refused = Err(ExposureError::Value(Usd(wrong)));
            assert_eq!(Growth::of(&graph, &[huge]), refused);
        }
        let smaller = Graph::default();
        let foreign = change(&graph, &["asset:ETH"], 1);
        assert_eq!(
            Growth::of(&smaller, &[foreign]),
            Err(ExposureError::ForeignGraph)
        );
    }
}
