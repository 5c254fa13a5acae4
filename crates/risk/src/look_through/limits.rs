//! How much may be at stake at a node.

use std::collections::BTreeMap;
use std::fmt;

use airdrops_types::{Bps, Usd};
use serde::{Deserialize, Serialize};

use super::exposures::{ExposureError, NodeExposures};
use super::graph::{Graph, GraphId, NodeIndex};
use super::growth::Growth;
use super::node::{Node, NodeClass};

/// The most that may be at stake at nodes, as shares of equity: configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NodeLimits {
    /// For all nodes of a class; a class that is not listed has its
    /// [default](NodeClass::default_limit).
    pub by_class: BTreeMap<NodeClass, Bps>,
    /// For single nodes, in place of their class's.
    pub by_node: BTreeMap<Node, Bps>,
}

impl NodeClass {
    /// The limit of a class that is not configured. These are choices, not measurements:
    ///
    /// | class | limit | because |
    /// |---|---|---|
    /// | protocol | 20 % | a hack takes all that is inside; five of these are a portfolio |
    /// | bridge | 20 % | fails like a protocol: all at once, for good |
    /// | asset | 30 % | falls, but seldom to nothing |
    /// | wrapper | 40 % | old, simple contracts, which many assets share |
    /// | admin | 40 % | two protocols of full size under one key |
    /// | stablecoin | 50 % | what is not invested lies in one; USDC's worst hour of March 2023, 0.877, costs half of 12.3 %, which is below the rolling loss limit |
    /// | oracle | 60 % | few exist, and a wrong price seldom takes everything |
    /// | chain | 100 % | whoever uses one chain has everything there; spreading over several is a choice |
    ///
    /// A limit of 100 % is none.
    #[must_use]
    pub fn default_limit(self) -> Bps {
        match self {
            Self::Protocol | Self::Bridge => Bps(2000),
            Self::Asset => Bps(3000),
            Self::Wrapper | Self::AdminKey => Bps(4000),
            Self::Stablecoin => Bps(5000),
            Self::Oracle => Bps(6000),
            Self::Chain => Bps::WHOLE,
        }
    }
}

/// What is wrong with [`NodeLimits`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitDefect {
    /// A limit is zero or above 100 %.
    Share {
        /// Of which node, or of which class.
        of: String,
        /// How much.
        limit: Bps,
    },
    /// A limit of a node that the graph does not have.
    UnknownNode(Node),
}

impl fmt::Display for LimitDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share { of, limit } => write!(
                f,
                "the limit of {of} is {limit}: it must be above 0 % and at most 100 %"
            ),
            Self::UnknownNode(node) => write!(
                f,
                "the limit of {node}: nothing depends on it, and nothing enters there"
            ),
        }
    }
}

impl std::error::Error for LimitDefect {}

impl NodeLimits {
    /// The limit of a node: its own, or that of its class.
    #[must_use]
    pub fn of(&self, node: &Node) -> Bps {
        let class = || self.by_class.get(&node.class()).copied();
        let own = self.by_node.get(node).copied();
        own.or_else(class)
            .unwrap_or_else(|| node.class().default_limit())
    }

    /// The limits of all nodes of a graph.
    ///
    /// # Errors
    /// Everything that is wrong with the limits.
    pub fn compile(&self, graph: &Graph) -> Result<NodeBounds, Vec<LimitDefect>> {
        let mut wrong = Vec::new();
        let classes = self.by_class.iter();
        let classes = classes.map(|(class, limit)| (class.to_string(), *limit));
        let nodes = self.by_node.iter();
        let nodes = nodes.map(|(node, limit)| (node.to_string(), *limit));
        for (of, limit) in classes.chain(nodes) {
            if limit == Bps(0) || limit > Bps::WHOLE {
                wrong.push(LimitDefect::Share { of, limit });
            }
        }
        let unknown = self.by_node.keys();
        let unknown = unknown.filter(|node| graph.index(node).is_none());
        wrong.extend(unknown.cloned().map(LimitDefect::UnknownNode));
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let limits = graph.nodes().iter().map(|node| self.of(node)).collect();
        Ok(NodeBounds {
            graph: graph.id(),
            limits,
        })
    }
}

/// The limit of every node of one graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeBounds {
    graph: GraphId,
    limits: Vec<Bps>,
}

/// What limits are held against.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// What is at stake at each node.
    pub exposures: &'a NodeExposures,
    /// What other permits have claimed and no snapshot shows yet.
    pub reserved: &'a Growth,
    /// What we own. If it is not positive, nothing may grow.
    pub equity: Usd,
    /// Limits are multiplied by this; above 100 % it is 100 %.
    pub scale: Bps,
}

/// A node at which too much would be at stake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breach {
    /// Where.
    pub node: Node,
    /// What would be at stake, reservations included.
    pub measured: Usd,
    /// The most that is allowed now.
    pub bound: Usd,
    /// The limit now, as a share of equity.
    pub limit: Bps,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            node,
            measured,
            bound,
            limit,
        } = self;
        write!(
            f,
            "{node} would carry {measured}, limit {limit} of equity is {bound}"
        )
    }
}

impl NodeBounds {
    /// The limit of a node, not scaled; zero for an index of a larger graph.
    #[must_use]
    pub fn limit(&self, node: NodeIndex) -> Bps {
        let limit = self.limits.get(node.position()).copied();
        limit.unwrap_or_default()
    }

    /// The nodes that grow beyond their limits, sorted. A limit of 100 % is none. What does not grow
    /// is not looked at: a node above its limit forbids more, and never less.
    ///
    /// # Errors
    /// If limits, growth, reservations and exposures are not of one graph.
    pub fn check(
        &self,
        situation: &Situation<'_>,
        growth: &Growth,
    ) -> Result<Vec<Breach>, ExposureError> {
        let graph = situation.exposures.graph();
        if self.graph != graph.id() {
            return Err(ExposureError::ForeignGraph);
        }
        growth.check(graph)?;
        situation.reserved.check(graph)?;
        let mut breaches = Vec::new();
        for (index, growth) in growth.iter() {
            if self.limit(index) >= Bps::WHOLE {
                continue;
            }
            let (bound, limit) = self.bound(situation, index);
            let measured = measured(situation, index) + growth;
            if measured <= bound {
                continue;
            }
            let node = graph.node(index).ok_or(ExposureError::ForeignGraph)?;
            breaches.push(Breach {
                node: node.clone(),
                measured,
                bound,
                limit,
            });
        }
        Ok(breaches)
    }

    /// By how much exposure to a node may still grow; nothing if limits, reservations and
    /// exposures are not of one graph.
    #[must_use]
    pub fn headroom(&self, situation: &Situation<'_>, node: NodeIndex) -> Usd {
        let graph = situation.exposures.graph();
        if self.graph != graph.id() || situation.reserved.check(graph).is_err() {
            return Usd::ZERO;
        }
        let (bound, _) = self.bound(situation, node);
        (bound - measured(situation, node)).or_zero()
    }

    /// The most at a node, rounded down, and the scaled limit that it comes from.
    fn bound(&self, situation: &Situation<'_>, node: NodeIndex) -> (Usd, Bps) {
        let scale = situation.scale.min(Bps::WHOLE).0;
        let limit = Bps(self.limit(node).0 * scale / Bps::WHOLE.0);
        (situation.equity.or_zero().fraction(limit), limit)
    }
}

/// What is at stake and what is reserved.
fn measured(situation: &Situation<'_>, node: NodeIndex) -> Usd {
    situation.exposures.at(node) + situation.reserved.at(node)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use airdrops_types::{Address, AssetId, ChainId, Token};

    use super::super::dependencies::Dependencies;
    use super::super::growth::Change;
    use super::super::source::Source;
    use super::*;

    fn node(text: &str) -> Node {
        text.parse().unwrap()
    }

    fn source() -> Source {
        Source::Holding {
            wallet: Address::repeat_byte(1),
            token: Token {
                chain: ChainId(1),
                contract: None,
                asset: AssetId::new("USDC.e"),
                decimals: 6,
            },
        }
    }

    /// 150 dollars that came over a bridge.
    fn bridged() -> NodeExposures {
        let mut dependencies = Dependencies::default();
        dependencies.add(node("asset:USDC.e"), node("bridge:hop"), Bps::WHOLE);
        let graph = Graph::compile(&dependencies, [node("chain:1")]).unwrap();
        let entries = graph.entries(&[node("asset:USDC.e")]).unwrap();
        let part = (source(), entries, Usd::dollars(150));
        NodeExposures::of(Arc::new(graph), [part]).unwrap()
    }

    fn growth(exposures: &NodeExposures, dollars: i64) -> Growth {
        let graph = exposures.graph();
        let change = Change {
            entries: graph.entries(&[node("asset:USDC.e")]).unwrap(),
            value: Usd::dollars(dollars),
        };
        Growth::of(graph, &[change]).unwrap()
    }

    fn situation<'a>(exposures: &'a NodeExposures, reserved: &'a Growth) -> Situation<'a> {
        Situation {
            exposures,
            reserved,
            equity: Usd::dollars(1000),
            scale: Bps::WHOLE,
        }
    }

    #[test]
    fn a_limit_is_met_exactly_and_not_passed() {
        let exposures = bridged();
        let bounds = NodeLimits::default().compile(exposures.graph()).unwrap();
        let none = Growth::default();
        let now = situation(&exposures, &none);
        assert_eq!(bounds.check(&now, &growth(&exposures, 50)), Ok(vec![]));
        let breach = Breach {
            node: node("bridge:hop"),
            measured: Usd::dollars(201),
            bound: Usd::dollars(200),
            limit: Bps(2000),
        };
        assert_eq!(
            breach.to_string(),
            "bridge:hop would carry $201.00, limit 20 % of equity is $200.00"
        );
        assert_eq!(
            bounds.check(&now, &growth(&exposures, 51)),
            Ok(vec![breach])
        );
        let hop = exposures.graph().index(&node("bridge:hop")).unwrap();
        assert_eq!(bounds.headroom(&now, hop), Usd::dollars(50));
    }

    #[test]
    fn reservations_count() {
        let exposures = bridged();
        let bounds = NodeLimits::default().compile(exposures.graph()).unwrap();
        let reserved = growth(&exposures, 30);
        let now = situation(&exposures, &reserved);
        assert_eq!(bounds.check(&now, &growth(&exposures, 20)), Ok(vec![]));
        let breaches = bounds.check(&now, &growth(&exposures, 21)).unwrap();
        assert_eq!(breaches.len(), 1);
        let hop = exposures.graph().index(&node("bridge:hop")).unwrap();
        assert_eq!(bounds.headroom(&now, hop), Usd::dollars(20));
    }

    #[test]
    fn a_node_above_its_limit_forbids_more_and_never_less() {
        let exposures = bridged();
        let bounds = NodeLimits::default().compile(exposures.graph()).unwrap();
        let none = Growth::default();
        let halved = Situation {
            scale: Bps(5000),
            ..situation(&exposures, &none)
        };
        assert_eq!(bounds.check(&halved, &growth(&exposures, -10)), Ok(vec![]));
        let breaches = bounds.check(&halved, &growth(&exposures, 1)).unwrap();
        let nodes: Vec<String> = breaches.iter().map(|at| at.node.to_string()).collect();
        assert_eq!(nodes, ["asset:USDC.e", "bridge:hop"]);
        assert_eq!(breaches[1].limit, Bps(1000));
        let hop = exposures.graph().index(&node("bridge:hop")).unwrap();
        assert_eq!(bounds.headroom(&halved, hop), Usd::ZERO);
    }

    #[test]
    fn without_equity_nothing_grows() {
        let exposures = bridged();
        let none = Growth::default();
        for equity in [Usd::ZERO, Usd::dollars(-1)] {
            let broke = Situation {
                equity,
                ..situation(&exposures, &none)
            };
            let bounds = NodeLimits::default().compile(exposures.graph()).unwrap();
            let breaches = bounds.check(&broke, &growth(&exposures, 1)).unwrap();
            assert_eq!(breaches.len(), 2);
            assert!(breaches.iter().all(|breach| breach.bound == Usd::ZERO));
        }
    }

    #[test]
    fn a_scale_above_the_whole_loosens_nothing() {
        let exposures = bridged();
        let bounds = NodeLimits::default().compile(exposures.graph()).unwrap();
        let none = Growth::default();
        let loose = Situation {
            scale: Bps(50_000),
            ..situation(&exposures, &none)
        };
        let breaches = bounds.check(&loose, &growth(&exposures, 51)).unwrap();
        assert_eq!(breaches.len(), 1);
    }

    #[test]
    fn graphs_are_not_mixed_up() {
        let exposures = bridged();
        let dependencies = Dependencies::default();
        let nodes = exposures.graph().nodes().to_vec();
        let other = Graph::compile(&dependencies, nodes).unwrap();
        let change = Change {
            entries: other.entries(&[node("bridge:hop")]).unwrap(),
            value: Usd(1),
        };
        let foreign = Growth::of(&other, &[change]).unwrap();
        let (none, own) = (Growth::default(), growth(&exposures, 1));
        let limits = NodeLimits::default();
        let ours = limits.compile(exposures.graph()).unwrap();
        let theirs = limits.compile(&other).unwrap();
        let hop = other.index(&node("bridge:hop")).unwrap();
        assert_eq!(ours.check(&situation(&exposures, &none), &own), Ok(vec![]));
        for (bounds, reserved, growth) in [
            (&theirs, &none, &own),
            (&ours, &foreign, &own),
            (&ours, &none, &foreign),
        ] {
            let mixed = situation(&exposures, reserved);
            let refused = Err(ExposureError::ForeignGraph);
            assert_eq!(bounds.check(&mixed, growth), refused);
        }
        let none_left = theirs.headroom(&situation(&exposures, &none), hop);
        assert_eq!(none_left, Usd::ZERO);
        let none_left = ours.headroom(&situation(&exposures, &foreign), hop);
        assert_eq!(none_left, Usd::ZERO);
    }

    #[test]
    fn the_nearest_limit_holds() {
        let limits: NodeLimits =
            serde_json::from_str(r#"{"by_class":{"admin":1},"by_node":{"bridge:hop":700}}"#)
                .unwrap();
        let key = Node::admin_key(Address::repeat_byte(1));
        assert_eq!(limits.of(&node("bridge:hop")), Bps(700));
        assert_eq!(limits.of(&key), Bps(1));
        assert_eq!(limits.of(&node("bridge:across")), Bps(2000));
        let bounds = limits.compile(bridged().graph()).unwrap();
        let hop = bridged().graph().index(&node("bridge:hop")).unwrap();
        assert_eq!(bounds.limit(hop), Bps(700));
        assert!(serde_json::from_str::<NodeLimits>(r#"{"by_clas":{}}"#).is_err());
    }

    #[test]
    fn all_defects_of_limits_are_named_at_once() {
        let limits = NodeLimits {
            by_class: BTreeMap::from([(NodeClass::AdminKey, Bps(0))]),
            by_node: BTreeMap::from([
                (node("bridge:hop"), Bps(10_001)),
                (node("bridge:hpo"), Bps(100)),
            ]),
        };
        let defects = limits.compile(bridged().graph()).unwrap_err();
        let share = |of: &str, limit| LimitDefect::Share {
            of: of.to_owned(),
            limit: Bps(limit),
        };
        assert_eq!(
            defects,
            [
                share("admin", 0),
                share("bridge:hop", 10_001),
                LimitDefect::UnknownNode(node("bridge:hpo")),
            ]
        );
        assert_eq!(
            defects[1].to_string(),
            "the limit of bridge:hop is 100.01 %: it must be above 0 % and at most 100 %"
        );
        assert_eq!(
            defects[2].to_string(),
            "the limit of bridge:hpo: nothing depends on it, and nothing enters there"
        );
    }

    #[test]
    fn default_limits_are_those_of_the_documentation() {
        let page = include_str!("../../../../docs/src/risk/look-through.md");
        for class in NodeClass::ALL {
            let row = format!("| `{class}` | {} |", class.default_limit());
            assert!(page.contains(&row), "{row}");
        }
    }
}
