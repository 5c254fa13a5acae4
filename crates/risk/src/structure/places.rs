//! Where nodes are in a graph, by what names them.

use airdrops_types::{AssetId, ChainId};
use rustc_hash::FxHashMap;

use crate::look_through::{Graph, NodeClass, NodeIndex, NodeName};

/// The indices of one graph's nodes, and the nodes in words: so that no decision makes names only
/// to look them up.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    protocols: FxHashMap<String, NodeIndex>,
    assets: FxHashMap<AssetId, NodeIndex>,
    chains: FxHashMap<ChainId, NodeIndex>,
    names: Vec<NodeName>,
}

impl Places {
    pub(super) fn of(graph: &Graph) -> Self {
        let mut places = Self {
            protocols: FxHashMap::default(),
            assets: FxHashMap::default(),
            chains: FxHashMap::default(),
            names: Vec::with_capacity(graph.len()),
        };
        for (node, index) in graph.nodes().iter().zip(graph.indices()) {
            places.names.push(NodeName::new(node.to_string().into()));
            match node.class() {
                NodeClass::Protocol => {
                    places.protocols.insert(node.name().to_owned(), index);
                }
                NodeClass::Asset => {
                    places.assets.insert(AssetId::new(node.name()), index);
                }
                NodeClass::Chain => {
                    if let Ok(id) = node.name().parse() {
                        places.chains.insert(ChainId(id), index);
                    }
                }
                _ => {}
            }
        }
        places
    }

    /// A protocol family.
    pub(super) fn protocol(&self, family: &str) -> Option<NodeIndex> {
        self.protocols.get(family).copied()
    }

    /// An asset.
    pub(super) fn asset(&self, asset: &AssetId) -> Option<NodeIndex> {
        self.assets.get(asset).copied()
    }

    /// A chain.
    pub(super) fn chain(&self, chain: ChainId) -> Option<NodeIndex> {
        self.chains.get(&chain).copied()
    }

    /// A node in words.
    pub(crate) fn name(&self, node: NodeIndex) -> Option<&NodeName> {
        self.names.get(node.position())
    }
}
