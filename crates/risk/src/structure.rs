//! What the policy says about dependencies and limits, made ready for decisions.

mod listed;
mod places;

use std::sync::Arc;

use airdrops_types::{AssetId, ChainId, Token};

use crate::Policy;
use crate::exposure::Exposure;
use crate::look_through::{
    Entries, ExposureError, Graph, Node, NodeBounds, NodeClass, NodeExposures, NodeLimits, Source,
};

pub(crate) use listed::{Listed, Lists};
use places::Places;

/// The graph of dependencies and the limit of each of its nodes. Made once per policy.
#[derive(Debug, Clone)]
pub struct Structure {
    graph: Arc<Graph>,
    bounds: NodeBounds,
    listed: Listed,
    places: Places,
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
        Ok(Self {
            bounds,
            listed: Listed::of(policy),
            places: Places::of(&graph),
            graph: Arc::new(graph),
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

    /// Where nodes are.
    pub(crate) fn places(&self) -> &Places {
        &self.places
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
        let asset = self.places.asset(&token.asset);
        match (asset, self.places.chain(token.chain)) {
            (Some(asset), Some(chain)) => self.graph.entries_at(&[asset, chain]),
            _ => self.graph.entries(&Source::holding_nodes(token)),
        }
    }

    /// Where a token inside a position enters.
    pub(crate) fn position(&self, family: &str, token: &Token) -> Result<Entries, ExposureError> {
        let place = self.places.protocol(family);
        let asset = self.places.asset(&token.asset);
        match (place, asset, self.places.chain(token.chain)) {
            (Some(family), Some(asset), Some(chain)) => {
                self.graph.entries_at(&[family, asset, chain])
            }
            _ => self.graph.entries(&Source::position_nodes(family, token)),
        }
    }

    /// Where an allowance enters.
    pub(crate) fn allowance(&self, family: &str) -> Result<Entries, ExposureError> {
        match self.places.protocol(family) {
            Some(family) => self.graph.entries_at(&[family]),
            None => self.graph.entries(&Source::allowance_nodes(family)),
        }
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
