//! What is at stake at each node, kept while the portfolio changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use airdrops_types::{Bps, Usd};
use thiserror::Error;

use super::graph::{Entries, Graph, NodeIndex, Reach};
use super::node::Node;
use super::source::Source;

/// Why exposure cannot be measured. Nothing was changed; what is measured then lacks a part, so
/// that no new exposure may rest on it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExposureError {
    /// A node that the graph does not have.
    #[error("{0} is not in the graph of dependencies")]
    UnknownNode(Node),
    /// What exposure rests on is not fresh, or what depends on what is not known.
    #[error(
        "what is at stake is not known: its inputs are not fresh, or its dependencies defective"
    )]
    Unmeasured,
    /// Exposure that enters nowhere.
    #[error("a part of the portfolio needs a node at which its exposure enters")]
    NoEntries,
    /// Exposure that enters at too many nodes.
    #[error("a part of the portfolio enters at more than {max} nodes", max = Entries::MAX)]
    TooManyEntries,
    /// Entry nodes, growth or limits of another graph.
    #[error("entry nodes, growth or limits are of another graph of dependencies")]
    ForeignGraph,
    /// A value below zero, or beyond all that is measured.
    #[error("a value of {0} is below zero or beyond {max}", max = NodeExposures::MAX_VALUE)]
    Value(Usd),
    /// Too many parts.
    #[error(
        "the portfolio has more than {max} parts",
        max = NodeExposures::MAX_SOURCES
    )]
    TooManySources,
    /// A part that is not there.
    #[error("the portfolio has no part {0}")]
    UnknownSource(Source),
}

/// Micro-dollars times basis points. Exact: at most [`NodeExposures::MAX_SOURCES`] values of at
/// most [`NodeExposures::MAX_VALUE`], each by at most 10,000, stay below 2^127.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Weighted(pub(super) i128);

impl Weighted {
    pub(super) fn of(value: Usd, weight: Bps) -> Self {
        // Most values fit a machine word, whose products are several times faster.
        if let Ok(small) = i64::try_from(value.0) {
            return Self(i128::from(small) * i128::from(weight.0));
        }
        Self(value.0.saturating_mul(i128::from(weight.0)))
    }

    /// In micro-dollars, rounded up.
    pub(super) fn up(self) -> Usd {
        let whole = i128::from(Bps::WHOLE.0);
        // Most totals fit a machine word, whose division is several times faster.
        if let Ok(small) = u64::try_from(self.0) {
            return Usd(i128::from(small.div_ceil(u64::from(Bps::WHOLE.0))));
        }
        Usd(self.0.div_euclid(whole) + i128::from(self.0.rem_euclid(whole) != 0))
    }
}

/// One part of the portfolio as it was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) entries: Entries,
    pub(super) value: Usd,
}

/// What is at stake at each node: the sum over all parts of the portfolio of *value × weight from
/// the part to the node*. A change of one part costs what that part reaches, and the result is
/// exactly the one of a new start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeExposures {
    graph: Arc<Graph>,
    held: BTreeMap<Source, Held>,
    /// One per node.
    totals: Vec<Weighted>,
}

impl NodeExposures {
    /// The most parts.
    pub const MAX_SOURCES: usize = 100_000;
    /// The greatest value of one part: 10^21 dollars.
    pub const MAX_VALUE: Usd = Usd(1_000_000_000_000_000_000_000_000_000);

    /// Those of an empty portfolio.
    #[must_use]
    pub fn new(graph: Arc<Graph>) -> Self {
        let totals = vec![Weighted::default(); graph.len()];
        Self {
            graph,
            held: BTreeMap::new(),
            totals,
        }
    }

    /// Those of a whole portfolio. Of a part that comes twice, the last counts.
    ///
    /// # Errors
    /// The first part that cannot be measured.
    pub fn of(
        graph: Arc<Graph>,
        parts: impl IntoIterator<Item = (Source, Entries, Usd)>,
    ) -> Result<Self, ExposureError> {
        let mut exposures = Self::new(graph);
        for (source, entries, value) in parts {
            exposures.set(source, entries, value)?;
        }
        Ok(exposures)
    }

    /// What falls with what.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Adds a part of the portfolio, or puts it in place of the same part.
    ///
    /// # Errors
    /// If the value is out of range, if there are too many parts, or if the entry nodes are of
    /// another graph.
    pub fn set(
        &mut self,
        source: Source,
        entries: Entries,
        value: Usd,
    ) -> Result<(), ExposureError> {
        check(value)?;
        self.graph.check(&entries)?;
        if let Some(held) = self.held.get_mut(&source) {
            let before = std::mem::replace(held, Held { entries, value });
            if before.entries == entries {
                self.add(entries, value - before.value);
            } else {
                self.add(before.entries, -before.value);
                self.add(entries, value);
            }
            return Ok(());
        }
        if self.held.len() == Self::MAX_SOURCES {
            return Err(ExposureError::TooManySources);
        }
        self.held.insert(source, Held { entries, value });
        self.add(entries, value);
        Ok(())
    }

    /// Gives a part of the portfolio another value.
    ///
    /// # Errors
    /// If there is no such part or if the value is out of range.
    pub fn update(&mut self, source: &Source, value: Usd) -> Result<(), ExposureError> {
        check(value)?;
        let held = self
            .held
            .get_mut(source)
            .ok_or_else(|| ExposureError::UnknownSource(source.clone()))?;
        let before = std::mem::replace(&mut held.value, value);
        let entries = held.entries;
        self.add(entries, value - before);
        Ok(())
    }

    /// Takes a part of the portfolio out, and returns its value.
    pub fn remove(&mut self, source: &Source) -> Option<Usd> {
        let held = self.held.remove(source)?;
        self.add(held.entries, -held.value);
        Some(held.value)
    }

    /// Takes out every part that `keep` does not name.
    pub fn retain(&mut self, mut keep: impl FnMut(&Source) -> bool) {
        let gone: Vec<Source> = self
            .held
            .keys()
            .filter(|source| !keep(source))
            .cloned()
            .collect();
        for source in gone {
            self.remove(&source);
        }
    }

    /// The parts with their values, sorted.
    pub fn sources(&self) -> impl Iterator<Item = (&Source, Usd)> {
        self.held.iter().map(|(source, held)| (source, held.value))
    }

    /// What is at stake at a node, rounded up; nothing for an index of a larger graph.
    #[must_use]
    pub fn at(&self, node: NodeIndex) -> Usd {
        let total = self.totals.get(node.position()).copied();
        total.unwrap_or_default().up()
    }

    /// What is at stake at a node, rounded up; `None` if the graph does not have it.
    #[must_use]
    pub fn of_node(&self, node: &Node) -> Option<Usd> {
        self.graph.index(node).map(|index| self.at(index))
    }

    /// All nodes at which something is at stake, sorted.
    pub fn by_node(&self) -> impl Iterator<Item = (&Node, Usd)> {
        let totals = self.graph.nodes().iter().zip(&self.totals);
        totals
            .filter(|(_, total)| total.0 > 0)
            .map(|(node, total)| (node, total.up()))
    }

    pub(super) fn held(&self) -> impl Iterator<Item = (&Source, &Held)> {
        self.held.iter()
    }

    fn add(&mut self, entries: Entries, value: Usd) {
        for Reach { node, weight } in self.graph.reach_of(&entries).iter().copied() {
            if let Some(total) = self.totals.get_mut(node.position()) {
                let sum = total.0.saturating_add(Weighted::of(value, weight).0);
                *total = Weighted(sum);
            }
        }
    }
}

fn check(value: Usd) -> Result<(), ExposureError> {
    if (Usd::ZERO..=NodeExposures::MAX_VALUE).contains(&value) {
        Ok(())
    } else {
        Err(ExposureError::Value(value))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use airdrops_types::{Address, AssetId, ChainId, ProtocolId, Token};

    use super::super::dependencies::Dependencies;
    use super::*;

    fn node(text: &str) -> Node {
        text.parse().unwrap()
    }

    fn usdc() -> Token {
        Token {
            chain: ChainId(8453),
            contract: Some(Address::repeat_byte(2)),
            asset: AssetId::new("USDC"),
            decimals: 6,
        }
    }

    fn holding() -> Source {
        let wallet = Address::repeat_byte(1);
        let token = usdc();
        Source::Holding { wallet, token }
    }

    fn position() -> Source {
        Source::Position {
            wallet: Address::repeat_byte(1),
            protocol: ProtocolId::new("aave-base"),
            token: usdc(),
        }
    }

    /// A vault over USDC, both of which stand on one oracle.
    fn graph() -> Arc<Graph> {
        let mut dependencies = Dependencies::default();
        for (from, to, weight) in [
            ("protocol:aave", "oracle:chainlink", 10_000),
            ("asset:USDC", "stablecoin:USDC", 10_000),
            ("asset:USDC", "oracle:chainlink", 3333),
        ] {
            dependencies.add(node(from), node(to), Bps(weight));
        }
        Arc::new(Graph::compile(&dependencies, [node("chain:8453")]).unwrap())
    }

    fn at(exposures: &NodeExposures, text: &str) -> Usd {
        exposures.of_node(&node(text)).unwrap()
    }

    #[test]
    fn a_position_counts_at_everything_it_stands_on() {
        let graph = graph();
        let wallet = graph.entries(&Source::holding_nodes(&usdc())).unwrap();
        let vault = graph
            .entries(&Source::position_nodes("aave", &usdc()))
            .unwrap();
        let mut exposures = NodeExposures::new(graph);
        exposures
            .set(holding(), wallet, Usd::dollars(1000))
            .unwrap();
        exposures.set(position(), vault, Usd::dollars(500)).unwrap();
        assert_eq!(at(&exposures, "protocol:aave"), Usd::dollars(500));
        assert_eq!(at(&exposures, "asset:USDC"), Usd::dollars(1500));
        assert_eq!(at(&exposures, "stablecoin:USDC"), Usd::dollars(1500));
        assert_eq!(at(&exposures, "chain:8453"), Usd::dollars(1500));
        // A third of the wallet, and the position whole though two paths lead there.
        assert_eq!(at(&exposures, "oracle:chainlink"), Usd(833_300_000));

        exposures.update(&holding(), Usd(1)).unwrap();
        assert_eq!(at(&exposures, "oracle:chainlink"), Usd(500_000_001));
        assert_eq!(exposures.remove(&position()), Some(Usd::dollars(500)));
        assert_eq!(exposures.remove(&position()), None);
        assert_eq!(at(&exposures, "oracle:chainlink"), Usd(1), "rounded up");
        exposures.retain(|_| false);
        assert_eq!(exposures.by_node().count(), 0);
        assert_eq!(exposures.sources().count(), 0);
    }

    #[test]
    fn a_part_may_move_to_other_nodes() {
        let graph = graph();
        let [first, second] =
            ["protocol:aave", "chain:8453"].map(|text| graph.entries(&[node(text)]).unwrap());
        let mut exposures = NodeExposures::new(Arc::clone(&graph));
        exposures.set(position(), first, Usd(7)).unwrap();
        exposures.set(position(), second, Usd(5)).unwrap();
        let direct = NodeExposures::of(graph, [(position(), second, Usd(5))]);
        assert_eq!(Ok(exposures), direct);
    }

    #[test]
    fn what_cannot_be_measured_changes_nothing() {
        let graph = graph();
        let entries = graph.entries(&[node("protocol:aave")]).unwrap();
        let mut exposures = NodeExposures::new(graph);
        exposures.set(position(), entries, Usd(7)).unwrap();
        let before = exposures.clone();
        let above = NodeExposures::MAX_VALUE + Usd(1);
        for wrong in [Usd(-1), above, Usd(i128::MAX), Usd(i128::MIN)] {
            let refused = Err(ExposureError::Value(wrong));
            assert_eq!(exposures.set(position(), entries, wrong), refused);
            assert_eq!(exposures.update(&position(), wrong), refused);
        }
        assert_eq!(
            exposures.update(&holding(), Usd(1)),
            Err(ExposureError::UnknownSource(holding()))
        );
        let larger: Vec<Node> = (0..9).map(|id| node(&format!("asset:{id}"))).collect();
        let larger = Graph::compile(&Dependencies::default(), larger.clone())
            .unwrap()
            .entries(&larger[8..])
            .unwrap();
        assert_eq!(
            exposures.set(holding(), larger, Usd(1)),
            Err(ExposureError::ForeignGraph)
        );
        assert_eq!(exposures, before);
    }

    #[test]
    fn the_greatest_portfolio_still_fits() {
        let most = NodeExposures::MAX_VALUE.0.checked_mul(10_000);
        let sources = i128::try_from(NodeExposures::MAX_SOURCES).unwrap();
        assert!(most.and_then(|most| most.checked_mul(sources)).is_some());
    }

    #[test]
    fn weighted_values_round_up_in_any_size() {
        for (weighted, up) in [
            (0, 0),
            (1, 1),
            (10_000, 1),
            (10_001, 2),
            (-1, 0),
            (-10_000, -1),
        ] {
            assert_eq!(Weighted(weighted).up(), Usd(up), "{weighted}");
        }
        let large = i128::from(u64::MAX) + 1;
        assert_eq!(Weighted(large).up(), Usd(large / 10_000 + 1));
        assert_eq!(Weighted(large * 10_000).up(), Usd(large));
        assert!(Weighted(i128::MAX).up() > Usd::ZERO);
    }
}
