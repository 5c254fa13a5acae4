//! What the policy says about dependencies and limits, made ready for decisions.

mod listed;

use std::sync::Arc;

use airdrops_types::{AssetId, ChainId, Token};

use crate::Policy;
use crate::exposure::Exposure;
use crate::look_through::{
    Entries, ExposureError, Graph, Node, NodeBounds, NodeClass, NodeExposures, NodeIndex,
    NodeLimits, Source,
};

pub(crate) use listed::{Listed, Lists};

/// The graph of dependencies and the limit of each of its nodes. Made once per policy.
#[derive(Debug, Clone)]
pub struct Structure {
    graph: Arc<Graph>,
    bounds: NodeBounds,
    listed: Listed,
    /// Each node in words, by index.
    names: Vec<String>,
}

impl Structure {
    /// Follows all dependencies of `policy`.
    ///
    /// # Errors
    /// Everything that is wrong with dependencies and limits, each in one sentence.
    pub fn of(policy: &Policy) -> Result<Self, Vec<String>> {
        let limits = limits(policy);
        let graph = Graph::compile(&policy.dependencies, places(policy, &limits))
            .map_err(|defects| defects.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let bounds = limits
            .compile(&graph)
            .map_err(|defects| defects.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let names = graph.nodes().iter().map(ToString::to_string).collect();
        Ok(Self {
            graph: Arc::new(graph),
            bounds,
            listed: Listed::of(policy),
            names,
        })
    }

    /// The graph.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The limit of each node.
    #[must_use]
    pub fn bounds(&self) -> &NodeBounds {
        &self.bounds
    }

    /// A node in words.
    pub(crate) fn name(&self, node: NodeIndex) -> Option<&str> {
        self.names.get(node.position()).map(String::as_str)
    }

    /// Where the policy lists what.
    pub(crate) fn listed(&self) -> &Listed {
        &self.listed
    }

    /// What is at stake at each node.
    ///
    /// # Errors
    /// If a part of the portfolio cannot be measured, or is none of the policy's.
    pub fn exposures(&self, exposure: &Exposure) -> Result<NodeExposures, ExposureError> {
        let parts = exposure.parts.iter().map(|(source, part)| {
            let entries = match source {
                Source::Holding { token, .. } => self.holding(token),
                Source::Position { token, .. } => {
                    self.position(part.family.as_deref().unwrap_or_default(), token)
                }
                Source::Allowance { .. } => {
                    self.allowance(part.family.as_deref().unwrap_or_default())
                }
            };
            Ok((source.clone(), entries?, part.value))
        });
        let parts: Vec<_> = parts.collect::<Result<_, ExposureError>>()?;
        NodeExposures::of(Arc::clone(&self.graph), parts)
    }

    /// Where a token in a wallet enters.
    pub(crate) fn holding(&self, token: &Token) -> Result<Entries, ExposureError> {
        self.graph.entries(&Source::holding_nodes(token))
    }

    /// Where a token inside a position enters.
    pub(crate) fn position(&self, family: &str, token: &Token) -> Result<Entries, ExposureError> {
        self.graph.entries(&Source::position_nodes(family, token))
    }

    /// Where an allowance enters.
    pub(crate) fn allowance(&self, family: &str) -> Result<Entries, ExposureError> {
        self.graph.entries(&Source::allowance_nodes(family))
    }
}

/// The limits of the policy by node: those of families and assets have keys of their own.
fn limits(policy: &Policy) -> NodeLimits {
    let mut limits = policy.node_limits.clone();
    limits
        .by_class
        .insert(NodeClass::Protocol, policy.protocol_limit);
    limits.by_class.insert(NodeClass::Asset, policy.asset_limit);
    for (family, limit) in &policy.protocol_limits {
        limits.by_node.insert(Node::protocol(family), *limit);
    }
    for (asset, limit) in &policy.asset_limits {
        limits.by_node.insert(Node::asset(asset), *limit);
    }
    limits
}

/// Every node at which exposure may enter, or that has a limit of its own.
fn places(policy: &Policy, limits: &NodeLimits) -> Vec<Node> {
    let families = policy.families.iter();
    let families =
        families.flat_map(|(id, family)| [Node::protocol(family), Node::protocol(id.as_str())]);
    let assets = policy.tokens.iter().map(|token| &token.asset);
    let assets = assets.map(|asset: &AssetId| Node::asset(asset));
    let chains = policy.tokens.iter().map(|token| token.chain);
    let chains = chains
        .chain(policy.gas_ceilings.keys().copied())
        .map(|chain: ChainId| Node::chain(chain));
    families
        .chain(assets)
        .chain(chains)
        .chain(limits.by_node.keys().cloned())
        .collect()
}
