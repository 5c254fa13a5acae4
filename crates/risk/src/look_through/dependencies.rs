//! What falls with what: configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use airdrops_types::Bps;
use serde::{Deserialize, Serialize};

use super::node::Node;

/// Which node falls with which, and with how much of its value, above 0 and up to 100 %: if
/// `asset:DAI` depends on `stablecoin:USDC` with 40 %, a total loss of USDC takes 40 % of the value
/// of DAI. As data, a map from node to the nodes it depends on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Dependencies {
    /// From each node to what it depends on.
    pub edges: BTreeMap<Node, BTreeMap<Node, Bps>>,
}

/// What is wrong with [`Dependencies`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DependencyDefect {
    /// A weight is zero or above 100 %.
    Weight {
        /// Of what.
        from: Node,
        /// On what.
        to: Node,
        /// How much.
        weight: Bps,
    },
    /// Nodes depend on each other in a circle.
    Cycle {
        /// Each depends on the next; the last is the first.
        path: Vec<Node>,
    },
    /// There are too many nodes.
    TooManyNodes {
        /// So many.
        count: usize,
    },
    /// There are too many edges.
    TooManyEdges {
        /// So many.
        count: usize,
    },
    /// One node reaches too many others.
    TooFarReaching {
        /// Which.
        node: Node,
        /// So many, itself included.
        count: usize,
    },
}

impl fmt::Display for DependencyDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weight { from, to, weight } => write!(
                f,
                "{from} depends on {to} with {weight}: it must be above 0 % and at most 100 %"
            ),
            Self::Cycle { path } => {
                f.write_str("nodes depend on each other in a circle: ")?;
                for (position, node) in path.iter().enumerate() {
                    let arrow = if position > 0 { " -> " } else { "" };
                    write!(f, "{arrow}{node}")?;
                }
                f.write_str("; take one of these dependencies out")
            }
            Self::TooManyNodes { count } => {
                let most = Dependencies::MAX_NODES;
                write!(f, "there are {count} nodes, at most {most} are allowed")
            }
            Self::TooManyEdges { count } => {
                let most = Dependencies::MAX_EDGES;
                write!(
                    f,
                    "there are {count} dependencies, at most {most} are allowed"
                )
            }
            Self::TooFarReaching { node, count } => write!(
                f,
                "{node} depends on {count} nodes, itself and indirect ones included; at most {} \
                 are allowed",
                Dependencies::MAX_REACH
            ),
        }
    }
}

impl std::error::Error for DependencyDefect {}

impl Dependencies {
    /// The most nodes.
    pub const MAX_NODES: usize = 20_000;
    /// The most edges.
    pub const MAX_EDGES: usize = 100_000;
    /// The most nodes that one node may reach, itself included.
    pub const MAX_REACH: usize = 256;
    /// The most circles that are reported at once.
    pub const MAX_CYCLES: usize = 16;

    /// Makes `from` depend on `to`, in place of an earlier weight.
    pub fn add(&mut self, from: Node, to: Node, weight: Bps) {
        self.edges.entry(from).or_default().insert(to, weight);
    }

    /// All nodes that depend on something or are depended on.
    #[must_use]
    pub fn nodes(&self) -> BTreeSet<&Node> {
        self.edges
            .iter()
            .flat_map(|(from, targets)| targets.keys().chain([from]))
            .collect()
    }

    /// Whether the dependencies make sense by themselves.
    ///
    /// # Errors
    /// Everything that is wrong with them. Of circles, one for each dependency that closes one, up
    /// to [`Self::MAX_CYCLES`]; none are looked for where there are too many nodes or edges.
    pub fn validate(&self) -> Result<(), Vec<DependencyDefect>> {
        let mut wrong = Vec::new();
        let nodes = self.nodes();
        let edges: usize = self.edges.values().map(BTreeMap::len).sum();
        if nodes.len() > Self::MAX_NODES {
            wrong.push(DependencyDefect::TooManyNodes { count: nodes.len() });
        }
        if edges > Self::MAX_EDGES {
            wrong.push(DependencyDefect::TooManyEdges { count: edges });
        }
        let too_large = !wrong.is_empty();
        for (from, targets) in &self.edges {
            for (to, weight) in targets {
                if *weight == Bps(0) || *weight > Bps::WHOLE {
                    wrong.push(DependencyDefect::Weight {
                        from: from.clone(),
                        to: to.clone(),
                        weight: *weight,
                    });
                }
            }
        }
        if !too_large {
            wrong.extend(self.cycles());
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// Circles, found depth first in the order of the nodes.
    fn cycles(&self) -> Vec<DependencyDefect> {
        let targets_of = |node: &Node| self.edges.get(node).into_iter().flat_map(BTreeMap::keys);
        let mut found = Vec::new();
        let mut done: BTreeSet<&Node> = BTreeSet::new();
        for start in self.edges.keys() {
            if done.contains(start) {
                continue;
            }
            // The path from `start`, each node with those of its targets that are not visited yet.
            let mut path: Vec<&Node> = vec![start];
            let mut on_path: BTreeSet<&Node> = BTreeSet::from([start]);
            let mut open = vec![targets_of(start)];
            while let (Some(targets), Some(node)) = (open.last_mut(), path.last().copied()) {
                match targets.next() {
                    None => {
                        open.pop();
                        path.pop();
                        on_path.remove(node);
                        done.insert(node);
                    }
                    Some(target) if on_path.contains(target) => {
                        let circle = path.iter().skip_while(|node| **node != target);
                        let path = circle.copied().chain([target]).cloned().collect();
                        found.push(DependencyDefect::Cycle { path });
                        if found.len() == Self::MAX_CYCLES {
                            return found;
                        }
                    }
                    Some(target) if done.contains(target) => {}
                    Some(target) => {
                        path.push(target);
                        on_path.insert(target);
                        open.push(targets_of(target));
                    }
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn node(text: &str) -> Node {
        text.parse().unwrap()
    }

    fn with(edges: &[(&str, &str, u32)]) -> Dependencies {
        let mut dependencies = Dependencies::default();
        for (from, to, weight) in edges {
            dependencies.add(node(from), node(to), Bps(*weight));
        }
        dependencies
    }

    #[test]
    fn all_defects_are_named_at_once() {
        let wrong = with(&[
            ("asset:DAI", "stablecoin:USDC", 0),
            ("asset:USDC.e", "bridge:hop", 10_001),
            ("wrapper:a", "wrapper:b", 5000),
            ("wrapper:b", "wrapper:c", 5000),
            ("wrapper:c", "wrapper:b", 5000),
            ("oracle:self", "oracle:self", 10_000),
        ]);
        let defects = wrong.validate().unwrap_err();
        assert_eq!(defects.len(), 4, "{defects:?}");
        assert_eq!(
            defects[0].to_string(),
            "asset:DAI depends on stablecoin:USDC with 0 %: it must be above 0 % and at most 100 %"
        );
        assert!(matches!(
            &defects[1],
            DependencyDefect::Weight {
                weight: Bps(10_001),
                ..
            }
        ));
        let path = |path: &[&str]| DependencyDefect::Cycle {
            path: path.iter().map(|text| node(text)).collect(),
        };
        assert_eq!(defects[2], path(&["wrapper:b", "wrapper:c", "wrapper:b"]));
        assert_eq!(defects[3], path(&["oracle:self", "oracle:self"]));
        assert!(
            defects[2]
                .to_string()
                .contains("wrapper:b -> wrapper:c -> wrapper:b")
        );
    }

    #[test]
    fn two_ways_to_one_node_are_no_circle() {
        let diamond = with(&[
            ("protocol:a", "asset:b", 5000),
            ("protocol:a", "asset:c", 5000),
            ("asset:b", "oracle:d", 10_000),
            ("asset:c", "oracle:d", 1),
        ]);
        assert_eq!(diamond.validate(), Ok(()));
        assert_eq!(diamond.nodes().len(), 4);
    }

    #[test]
    fn circles_are_reported_up_to_a_number() {
        let mut tangled = Dependencies::default();
        for from in 0..10 {
            for to in 0..10 {
                let [from, to] = [from, to].map(|id| node(&format!("wrapper:{id}")));
                tangled.add(from, to, Bps(1));
            }
        }
        let defects = tangled.validate().unwrap_err();
        assert_eq!(defects.len(), Dependencies::MAX_CYCLES);
    }

    #[test]
    fn size_is_bounded() {
        let mut large = Dependencies::default();
        for id in 0..=Dependencies::MAX_EDGES {
            let (from, to) = (format!("asset:{}", id % 25_000), format!("oracle:{id}"));
            large.add(node(&from), node(&to), Bps(1));
        }
        let defects = large.validate().unwrap_err();
        assert_eq!(
            defects,
            [
                DependencyDefect::TooManyNodes { count: 125_001 },
                DependencyDefect::TooManyEdges { count: 100_001 },
            ]
        );
    }

    #[test]
    fn a_long_chain_of_dependencies_does_not_exhaust_the_stack() {
        let mut long = Dependencies::default();
        for id in 0..19_999 {
            let name = |id: u32| node(&format!("wrapper:{id:05}"));
            long.add(name(id), name(id + 1), Bps(10_000));
        }
        assert_eq!(long.validate(), Ok(()));
    }

    #[test]
    fn configuration_is_read_as_it_is_written() {
        let json = concat!(
            r#"{"protocol:aave":{"oracle:chainlink":10000},"#,
            r#""asset:DAI":{"stablecoin:USDC":4000}}"#
        );
        let read: Dependencies = serde_json::from_str(json).unwrap();
        assert_eq!(
            read,
            with(&[
                ("asset:DAI", "stablecoin:USDC", 4000),
                ("protocol:aave", "oracle:chainlink", 10_000),
            ])
        );
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
    }
}
