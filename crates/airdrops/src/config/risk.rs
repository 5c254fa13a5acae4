//! Limits of what protocols and assets depend on, of gas, and of what is believed of prices.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_risk::ConsensusRule;
use airdrops_risk::gas::{GasLimit, GasLimits};
use airdrops_risk::look_through::{Dependencies, DependencyDefect, Node, NodeClass, NodeLimits};
use airdrops_types::{Bps, ChainId};

use super::diagnostic::suggestion;
use super::keys;
use super::reader::{At, Reader};
use super::section::Section;

/// The dependencies of a file, each with its place.
#[derive(Default)]
pub(super) struct Falls {
    pub(super) dependencies: Dependencies,
    places: Vec<(Node, std::ops::Range<usize>)>,
}

impl Falls {
    /// Makes `from` depend on what a list names.
    pub(super) fn add(&mut self, from: &Node, list: Vec<At<(Node, Bps)>>) {
        for item in list {
            self.places.push((from.clone(), item.span()));
            let (to, weight) = item.into_inner();
            self.dependencies.add(from.clone(), to, weight);
        }
    }

    /// Notes circles and what else cannot be.
    pub(super) fn check(&self, reader: &Reader<'_>) {
        for defect in self.dependencies.validate().err().into_iter().flatten() {
            let node = match &defect {
                DependencyDefect::Weight { from, .. } => Some(from),
                DependencyDefect::Cycle { path } => path.first(),
                DependencyDefect::TooFarReaching { node, .. } => Some(node),
                _ => None,
            };
            let place = self.places.iter().find(|(from, _)| Some(from) == node);
            let span = place
                .or(self.places.first())
                .map_or(0..0, |(_, span)| span.clone());
            reader.error(span, defect.to_string(), "look at `depends_on`");
        }
    }
}

/// Limits of classes and of single nodes.
pub(super) fn node_limits(reader: &Reader<'_>, limits: &Section<'_>, falls: &Falls) -> NodeLimits {
    let mut found = NodeLimits::default();
    for (key, class) in [
        ("wrapper", NodeClass::Wrapper),
        ("stablecoin", NodeClass::Stablecoin),
        ("bridge", NodeClass::Bridge),
        ("oracle", NodeClass::Oracle),
        ("chain", NodeClass::Chain),
        ("admin", NodeClass::AdminKey),
    ] {
        if let Some(limit) = limits.percent(key) {
            found.by_class.insert(class, limit.into_inner());
        }
    }
    let known: BTreeSet<String> = falls
        .dependencies
        .nodes()
        .iter()
        .map(ToString::to_string)
        .collect();
    for (name, limit) in limits.percents("nodes") {
        let node: Node = match name.get_ref().parse() {
            Ok(node) => node,
            Err(error) => {
                let error: airdrops_risk::look_through::NodeError = error;
                reader.error(
                    name.span(),
                    error.to_string(),
                    "write \"bridge:hop\" = \"10%\"",
                );
                continue;
            }
        };
        match node.class() {
            NodeClass::Protocol | NodeClass::Asset => {
                let message = format!("`{node}` has its limit elsewhere");
                let help = "write it under [limits.protocols] or [limits.assets]";
                reader.error(name.span(), message, help);
                continue;
            }
            NodeClass::Chain => {}
            _ if known.contains(&node.to_string()) => {}
            _ => {
                let help = suggestion(name.get_ref(), known.iter().map(String::as_str), "node");
                reader.error(name.span(), format!("nothing depends on `{node}`"), help);
            }
        }
        found.by_node.insert(node, limit);
    }
    found
}

/// The most that gas may cost, with the ceilings in place of a history that is too short.
pub(super) fn gas_limits(
    limits: &Section<'_>,
    ceilings: &BTreeMap<ChainId, u128>,
) -> Option<GasLimits> {
    let gas = limits.table("gas")?;
    let default = gas.gas_bound("default");
    let verbs = keys::ACTIONS.iter();
    let verbs: BTreeMap<String, GasLimit> = verbs
        .filter_map(|verb| Some((verb.replace('_', " "), gas.gas_bound(verb)?)))
        .collect();
    Some(GasLimits {
        default: default?,
        verbs,
        fallbacks: ceilings.clone(),
    })
}

/// What it takes to believe a price.
pub(super) fn prices(reader: &Reader<'_>, root: &Section<'_>) -> ConsensusRule {
    let prices = root
        .table("prices")
        .unwrap_or_else(|| Section::absent(reader, &keys::PRICES));
    let default = ConsensusRule::default();
    let min_sources = prices.integer("min_sources").map(At::into_inner);
    ConsensusRule {
        min_sources: min_sources
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(default.min_sources),
        max_deviation: prices
            .percent("max_deviation")
            .map_or(default.max_deviation, At::into_inner),
    }
}
