//! Where nodes are in a graph, by what names them.

use std::sync::Arc;

use airdrops_types::{AssetId, ChainId};
use rustc_hash::FxHashMap;

use crate::look_through::{Graph, NodeClass, NodeIndex};

/// The indices of one graph's nodes, and the nodes in words: so that no decision makes names only
/// to look them up.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    protocols: FxHashMap<String, NodeIndex>,
    assets: FxHashMap<AssetId, NodeIndex>,
    chains: FxHashMap<ChainId, NodeIndex>,
    by_name: FxHashMap<Arc<str>, NodeIndex>,
    names: Vec<Arc<str>>,
}

impl Places {
    pub(super) fn of(graph: &Graph) -> Self {
        let mut places = Self {
            protocols: FxHashMap::default(),
            assets: FxHashMap::default(),
            chains: FxHashMap::default(),
            by_name: FxHashMap::default(),
            names: Vec::with_capacity(graph.len()),
        };
        for (node, index) in graph.nodes().iter().zip(graph.indices()) {
            let name: Arc<str> = node.to_string().into();
            places.names.push(Arc::clone(&name));
            places.by_name.insert(name, index);
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

    /// The node with this name: class and name, with a colon between.
    pub(crate) fn named(&self, name: &str) -> Option<NodeIndex> {
        self.by_name.get(name).copied()
    }

    /// A node in words.
    pub(crate) fn name(&self, node: NodeIndex) -> Option<&Arc<str>> {
        self.names.get(node.position())
    }
}
