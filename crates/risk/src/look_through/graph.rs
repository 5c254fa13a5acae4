//! Dependencies with every path followed in advance.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use airdrops_types::Bps;
use rustc_hash::FxHashMap;

use super::dependencies::{Dependencies, DependencyDefect};
use super::exposures::ExposureError;
use super::node::Node;

/// A node's place in the [`Graph`] that gave it, by which nodes are sorted too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIndex(u32);

impl NodeIndex {
    /// The place in a slice with one element per node.
    #[must_use]
    pub fn position(self) -> usize {
        self.0 as usize
    }
}

/// Tells graphs apart, so that an index of one is not taken for an index of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct GraphId(u64);

/// How much of a value is lost at most if a node fails whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reach {
    /// What fails.
    pub node: NodeIndex,
    /// Share of the value, above 0 and at most 100 %.
    pub weight: Bps,
}

/// The nodes at which one part of the portfolio enters: one to [`Entries::MAX`], each once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entries {
    graph: GraphId,
    nodes: [NodeIndex; Self::MAX],
    count: usize,
}

impl Entries {
    /// The most entry nodes of one part.
    pub const MAX: usize = 6;

    /// The entry nodes, sorted.
    #[must_use]
    pub fn as_slice(&self) -> &[NodeIndex] {
        self.nodes.get(..self.count).unwrap_or_default()
    }

    fn none(graph: GraphId) -> Self {
        Self {
            graph,
            nodes: [NodeIndex(0); Self::MAX],
            count: 0,
        }
    }

    fn add(&mut self, node: NodeIndex) -> Result<(), ExposureError> {
        if !self.as_slice().contains(&node) {
            let free = self.nodes.get_mut(self.count);
            *free.ok_or(ExposureError::TooManyEntries)? = node;
            self.count += 1;
        }
        Ok(())
    }

    fn sorted(mut self) -> Result<Self, ExposureError> {
        if self.count == 0 {
            return Err(ExposureError::NoEntries);
        }
        self.nodes[..self.count].sort_unstable();
        Ok(self)
    }
}

/// Dependencies, compiled: for each node what it reaches, with which weight.
///
/// The weight from a node to itself is 100 %. The weight to another is the sum over the node's
/// dependencies of *weight of the dependency × weight from there*, each product rounded up to a
/// basis point, and the sum capped at 100 %: several paths add up, and no node loses more than all
/// of its value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Graph {
    /// A hash of the nodes and of what they reach.
    id: GraphId,
    /// Sorted; a node's position is its index.
    nodes: Vec<Node>,
    /// The indices by node.
    indices: FxHashMap<Node, NodeIndex>,
    /// What all nodes reach, one after the other, each sorted by node.
    reach: Vec<Reach>,
    /// Where in `reach` each node begins, and the end of the last.
    starts: Vec<usize>,
}

impl Graph {
    /// Follows all paths. `others` are nodes at which exposure may enter or that have a limit,
    /// though nothing is configured about them: they depend on nothing.
    ///
    /// # Errors
    /// Everything that is wrong with the dependencies.
    pub fn compile(
        dependencies: &Dependencies,
        others: impl IntoIterator<Item = Node>,
    ) -> Result<Self, Vec<DependencyDefect>> {
        dependencies.validate()?;
        let mut nodes: BTreeSet<Node> = dependencies.nodes().into_iter().cloned().collect();
        nodes.extend(others);
        if nodes.len() > Dependencies::MAX_NODES {
            return Err(vec![DependencyDefect::TooManyNodes { count: nodes.len() }]);
        }
        let mut graph = Self {
            nodes: nodes.into_iter().collect(),
            ..Self::default()
        };
        graph.indices = graph.nodes.iter().cloned().zip(graph.indices()).collect();
        let targets: Vec<Vec<Reach>> = graph
            .nodes
            .iter()
            .map(|node| graph.targets(dependencies, node))
            .collect();
        let closures = graph.closures(&targets)?;
        graph.starts.push(0);
        for closure in closures {
            graph.reach.extend(closure);
            graph.starts.push(graph.reach.len());
        }
        let mut hasher = DefaultHasher::default();
        (&graph.nodes, &graph.reach, &graph.starts).hash(&mut hasher);
        graph.id = GraphId(hasher.finish());
        Ok(graph)
    }

    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All nodes, sorted.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The index of a node.
    #[must_use]
    pub fn index(&self, node: &Node) -> Option<NodeIndex> {
        self.indices.get(node).copied()
    }

    /// All indices, in the order of the nodes.
    pub fn indices(&self) -> impl Iterator<Item = NodeIndex> {
        (0..self.nodes.len()).filter_map(index_at)
    }

    /// The node at an index; `None` for an index of a larger graph.
    #[must_use]
    pub fn node(&self, index: NodeIndex) -> Option<&Node> {
        self.nodes.get(index.position())
    }

    /// What a node reaches, itself included, sorted by node; nothing for an index of a larger
    /// graph.
    #[must_use]
    pub fn reach(&self, index: NodeIndex) -> &[Reach] {
        let start = self.starts.get(index.position());
        let end = self.starts.get(index.position() + 1);
        start
            .zip(end)
            .and_then(|(start, end)| self.reach.get(*start..*end))
            .unwrap_or_default()
    }

    /// Nodes at which a part of the portfolio enters; the same node twice is one.
    ///
    /// # Errors
    /// If there is none, if there are too many, or if one is not in the graph.
    pub fn entries(&self, nodes: &[Node]) -> Result<Entries, ExposureError> {
        let mut found = Entries::none(self.id);
        for node in nodes {
            let index = self.index(node);
            found.add(index.ok_or_else(|| ExposureError::UnknownNode(node.clone()))?)?;
        }
        found.sorted()
    }

    /// The same by indices of this graph.
    ///
    /// # Errors
    /// If there is none, or if there are too many.
    pub(crate) fn entries_at(&self, nodes: &[NodeIndex]) -> Result<Entries, ExposureError> {
        let mut found = Entries::none(self.id);
        for index in nodes {
            found.add(*index)?;
        }
        found.sorted()
    }

    /// What a part that enters at several nodes reaches, sorted by node: weights from the entry
    /// nodes added up and capped at 100 %, so that nothing counts for more than it is worth.
    #[must_use]
    pub fn reach_of(&self, entries: &Entries) -> Cow<'_, [Reach]> {
        let mut parts = entries.as_slice().iter().map(|entry| self.reach(*entry));
        let first = Cow::Borrowed(parts.next().unwrap_or_default());
        parts.fold(first, |whole, part| Cow::Owned(union(&whole, part)))
    }

    /// With which share of its value a part falls with a node.
    #[must_use]
    pub fn weight(&self, entries: &Entries, node: NodeIndex) -> Bps {
        let weights = entries.as_slice().iter().filter_map(|entry| {
            let reach = self.reach(*entry);
            let position = reach.binary_search_by_key(&node, |reach| reach.node).ok()?;
            Some(reach[position].weight.0)
        });
        Bps(weights.sum()).min(Bps::WHOLE)
    }

    pub(super) fn id(&self) -> GraphId {
        self.id
    }

    /// Whether entry nodes are of this graph.
    pub(super) fn check(&self, entries: &Entries) -> Result<(), ExposureError> {
        if entries.graph == self.id {
            Ok(())
        } else {
            Err(ExposureError::ForeignGraph)
        }
    }

    fn targets(&self, dependencies: &Dependencies, node: &Node) -> Vec<Reach> {
        let targets = dependencies.edges.get(node).into_iter().flatten();
        targets
            .filter_map(|(target, weight)| {
                let node = self.index(target)?;
                let weight = *weight;
                Some(Reach { node, weight })
            })
            .collect()
    }

    /// What each node reaches. Nodes are taken when all that they depend on is done; without a
    /// circle each comes to its turn.
    fn closures(&self, targets: &[Vec<Reach>]) -> Result<Vec<Vec<Reach>>, Vec<DependencyDefect>> {
        let mut dependents: Vec<Vec<NodeIndex>> = vec![Vec::new(); self.len()];
        for (from, targets) in self.indices().zip(targets) {
            for target in targets {
                dependents[target.node.position()].push(from);
            }
        }
        let mut open: Vec<usize> = targets.iter().map(Vec::len).collect();
        let mut ready: Vec<NodeIndex> = self
            .indices()
            .filter(|index| open[index.position()] == 0)
            .collect();
        let mut closures: Vec<Vec<Reach>> = vec![Vec::new(); self.len()];
        let mut weights: Vec<u32> = vec![0; self.len()];
        let mut wrong = Vec::new();
        while let Some(index) = ready.pop() {
            let here = index.position();
            let closure = closure(index, &targets[here], &closures, &mut weights);
            if closure.len() > Dependencies::MAX_REACH {
                wrong.push(DependencyDefect::TooFarReaching {
                    node: self.nodes[here].clone(),
                    count: closure.len(),
                });
            } else {
                closures[here] = closure;
            }
            for dependent in &dependents[here] {
                let open = &mut open[dependent.position()];
                *open -= 1;
                if *open == 0 {
                    ready.push(*dependent);
                }
            }
        }
        if wrong.is_empty() {
            Ok(closures)
        } else {
            Err(wrong)
        }
    }
}

/// What one node reaches, from what its targets reach. `weights` is zero everywhere before and
/// after.
fn closure(
    index: NodeIndex,
    targets: &[Reach],
    closures: &[Vec<Reach>],
    weights: &mut [u32],
) -> Vec<Reach> {
    let mut reached = vec![index];
    weights[index.position()] = Bps::WHOLE.0;
    for target in targets {
        for further in &closures[target.node.position()] {
            let weight = &mut weights[further.node.position()];
            if *weight == 0 {
                reached.push(further.node);
            }
            let product = (target.weight.0 * further.weight.0).div_ceil(Bps::WHOLE.0);
            *weight = (*weight + product).min(Bps::WHOLE.0);
        }
    }
    reached.sort_unstable();
    reached
        .into_iter()
        .map(|node| Reach {
            node,
            weight: Bps(std::mem::take(&mut weights[node.position()])),
        })
        .collect()
}

/// What either reaches, both sorted by node: weights added up and capped at 100 %.
fn union(one: &[Reach], other: &[Reach]) -> Vec<Reach> {
    let mut all = Vec::with_capacity(one.len() + other.len());
    let mut rest = one;
    for reach in other {
        let before = rest.iter().take_while(|known| known.node < reach.node);
        let (before, after) = rest.split_at(before.count());
        all.extend_from_slice(before);
        rest = after;
        let Reach { node, weight } = *reach;
        match rest.split_first() {
            Some((known, after)) if known.node == node => {
                let weight = Bps(known.weight.0 + weight.0).min(Bps::WHOLE);
                all.push(Reach { node, weight });
                rest = after;
            }
            _ => all.push(*reach),
        }
    }
    all.extend_from_slice(rest);
    all
}

fn index_at(position: usize) -> Option<NodeIndex> {
    u32::try_from(position).ok().map(NodeIndex)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn node(text: &str) -> Node {
        text.parse().unwrap()
    }

    fn compiled(edges: &[(&str, &str, u32)]) -> Graph {
        let mut dependencies = Dependencies::default();
        for (from, to, weight) in edges {
            dependencies.add(node(from), node(to), Bps(*weight));
        }
        Graph::compile(&dependencies, [node("asset:ETH")]).unwrap()
    }

    fn weight(graph: &Graph, entries: &[&str], to: &str) -> u32 {
        let nodes: Vec<Node> = entries.iter().map(|text| node(text)).collect();
        let entries = graph.entries(&nodes).unwrap();
        let to = graph.index(&node(to)).unwrap();
        let weight = graph.weight(&entries, to);
        let merged = graph.reach_of(&entries);
        let merged = merged.iter().find(|reach| reach.node == to);
        assert_eq!(merged.map_or(Bps(0), |reach| reach.weight), weight);
        weight.0
    }

    #[test]
    fn weights_multiply_along_a_path_and_round_up() {
        let graph = compiled(&[
            ("protocol:a", "asset:DAI", 5000),
            ("asset:DAI", "stablecoin:USDC", 4000),
            (
                "stablecoin:USDC",
                "admin:0x0000000000000000000000000000000000000001",
                1,
            ),
        ]);
        assert_eq!(weight(&graph, &["protocol:a"], "protocol:a"), 10_000);
        assert_eq!(weight(&graph, &["protocol:a"], "stablecoin:USDC"), 2000);
        // 0.2 of a basis point is one.
        let key = "admin:0x0000000000000000000000000000000000000001";
        assert_eq!(weight(&graph, &["protocol:a"], key), 1);
        assert_eq!(weight(&graph, &["stablecoin:USDC"], "asset:DAI"), 0);
        assert_eq!(weight(&graph, &["asset:ETH"], "asset:ETH"), 10_000);
    }

    #[test]
    fn paths_add_up_to_at_most_the_whole() {
        let graph = compiled(&[
            ("protocol:a", "asset:b", 5000),
            ("protocol:a", "asset:c", 3000),
            ("protocol:a", "oracle:d", 1000),
            ("asset:b", "oracle:d", 6000),
            ("asset:c", "oracle:d", 10_000),
            ("wrapper:e", "asset:b", 10_000),
            ("wrapper:e", "asset:c", 10_000),
            ("protocol:f", "wrapper:e", 5000),
        ]);
        assert_eq!(
            weight(&graph, &["protocol:a"], "oracle:d"),
            3000 + 3000 + 1000
        );
        assert_eq!(weight(&graph, &["wrapper:e"], "oracle:d"), 10_000);
        // Half of what is lost whole, and not half of 160 %.
        assert_eq!(weight(&graph, &["protocol:f"], "oracle:d"), 5000);
    }

    #[test]
    fn what_enters_at_several_nodes_reaches_each_with_at_most_the_whole() {
        let graph = compiled(&[
            ("protocol:a", "oracle:d", 7000),
            ("asset:b", "oracle:d", 2000),
            ("asset:c", "oracle:d", 2000),
        ]);
        assert_eq!(weight(&graph, &["protocol:a", "asset:b"], "oracle:d"), 9000);
        let all = ["protocol:a", "asset:b", "asset:c"];
        assert_eq!(weight(&graph, &all, "oracle:d"), 10_000);
        assert_eq!(weight(&graph, &["asset:b", "asset:b"], "oracle:d"), 2000);
    }

    #[test]
    fn entries_are_known_some_and_few() {
        let graph = compiled(&[]);
        let unknown = node("asset:USDC");
        assert_eq!(
            graph.entries(&[node("asset:ETH"), unknown.clone()]),
            Err(ExposureError::UnknownNode(unknown))
        );
        assert_eq!(graph.entries(&[]), Err(ExposureError::NoEntries));
        let many: Vec<Node> = (0..=6).map(|id| node(&format!("wrapper:{id}"))).collect();
        let graph = Graph::compile(&Dependencies::default(), many.clone()).unwrap();
        assert_eq!(graph.entries(&many), Err(ExposureError::TooManyEntries));
        assert_eq!(graph.entries(&many[1..]).unwrap().as_slice().len(), 6);
    }

    #[test]
    fn a_node_that_reaches_too_many_is_named() {
        let chain = |length: usize| {
            let mut dependencies = Dependencies::default();
            for id in 1..length {
                let name = |id: usize| node(&format!("wrapper:{id:03}"));
                dependencies.add(name(id - 1), name(id), Bps(10_000));
            }
            Graph::compile(&dependencies, [])
        };
        let most = Dependencies::MAX_REACH;
        assert_eq!(chain(most).unwrap().len(), most);
        assert_eq!(
            chain(most + 1).unwrap_err(),
            [DependencyDefect::TooFarReaching {
                node: node("wrapper:000"),
                count: most + 1,
            }]
        );
    }

    #[test]
    fn nodes_beside_the_dependencies_count_toward_the_most() {
        let many = (0..=Dependencies::MAX_NODES).map(|id| node(&format!("asset:{id}")));
        assert_eq!(
            Graph::compile(&Dependencies::default(), many).unwrap_err(),
            [DependencyDefect::TooManyNodes { count: 20_001 }]
        );
    }

    #[test]
    fn defective_dependencies_are_refused() {
        let mut dependencies = Dependencies::default();
        dependencies.add(node("asset:a"), node("asset:b"), Bps(10_000));
        dependencies.add(node("asset:b"), node("asset:a"), Bps(10_000));
        assert_eq!(
            Graph::compile(&dependencies, []),
            Err(vec![DependencyDefect::Cycle {
                path: ["asset:a", "asset:b", "asset:a"].map(node).to_vec(),
            }])
        );
    }
}
