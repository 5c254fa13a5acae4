//! What limits leave for money that may be placed: the rows that an allocator must respect so that
//! the gate will not refuse what it wants.
//!
//! They are necessary, not sufficient: the gate also sees what is in wallets and what other permits
//! have claimed at that instant, and decides alone.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_types::{Bps, ProtocolId, Scope, Token, Usd};
use serde::{Deserialize, Serialize};

use crate::look_through::{Entries, NodeClass, NodeExposures, NodeIndex, Source};
use crate::{GateState, Marked, Policy, Structure};

/// Where money would lie that is placed in an opportunity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The protocol instance.
    pub protocol: ProtocolId,
    /// The tokens that it would be there, with the share of each.
    pub legs: Vec<(Token, Bps)>,
}

/// A limit of the gate over placements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacementLimit {
    /// At what, as the gate names it in a refusal: `protocol aerie`, `chain 10`.
    pub node: String,
    /// The limit as configured, as a share of equity.
    pub limit: Bps,
    /// The most that may be there by that limit.
    pub bound: Usd,
    /// The most to which it may grow at present: with what the market and the control state leave of
    /// the limit.
    pub bound_now: Usd,
    /// What is there already by what is no placement: other positions, allowances of other
    /// families. What lies in wallets is not in it, since that is what is placed.
    pub elsewhere: Usd,
    /// The share of each placement's value that counts, in the order of the placements.
    pub weights: Vec<Bps>,
}

/// The limits over `placements`, sorted by node; those of which no placement has a share are left
/// out, and so are limits of 100 %, which are none.
///
/// # Errors
/// What cannot be measured, each in one sentence: then nothing may grow.
pub fn placement_limits(
    policy: &Policy,
    state: &GateState,
    marked: &Marked<'_>,
    placements: &[Placement],
) -> Result<Vec<PlacementLimit>, Vec<String>> {
    let structure = marked.structure().map_err(<[String]>::to_vec)?;
    let exposure = marked
        .exposure()
        .map_err(|reasons| reasons.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let one = |error: crate::look_through::ExposureError| vec![error.to_string()];
    let reaches = placements
        .iter()
        .map(|placement| reach(policy, structure, placement))
        .collect::<Result<Vec<_>, _>>()
        .map_err(one)?;
    let mut rest = exposure.clone();
    let placed: BTreeSet<&ProtocolId> = placements.iter().map(|one| &one.protocol).collect();
    let families: BTreeSet<&str> = placed.iter().map(|id| policy.family(id)).collect();
    rest.parts.retain(|source, part| match source {
        Source::Holding { .. } => false,
        Source::Position { protocol, .. } => !placed.contains(protocol),
        // A placement is under way: what it may take is what it will hold.
        Source::Allowance { .. } => {
            let family = part.family.as_deref().unwrap_or_default();
            !families.contains(family)
        }
    });
    let rest: NodeExposures = structure.exposures(&rest).map_err(one)?;
    let nodes: BTreeSet<NodeIndex> = reaches
        .iter()
        .flat_map(|reach| reach.keys().copied())
        .collect();
    let most_of_limits = state.control.overall().0.most_of_limits();
    let equity = exposure.equity.or_zero();
    let mut limits: Vec<PlacementLimit> = nodes
        .into_iter()
        .filter_map(|index| {
            let node = structure.graph().node(index)?;
            let limit = structure.bounds().limit(index);
            if limit >= Bps::WHOLE {
                return None;
            }
            let mut scale = state.limits.overall();
            if node.class() == NodeClass::Protocol {
                let members = placements
                    .iter()
                    .filter(|one| policy.family(&one.protocol) == node.name());
                scale = members
                    .map(|one| state.limits.scale(&Scope::Protocol(one.protocol.clone())))
                    .fold(scale, Bps::min);
            }
            Some(PlacementLimit {
                node: node.to_string(),
                limit,
                bound: equity.fraction(limit),
                bound_now: equity.fraction(limit.times(scale.min(most_of_limits))),
                elsewhere: rest.at(index),
                weights: reaches
                    .iter()
                    .map(|reach| reach.get(&index).copied().unwrap_or_default())
                    .collect(),
            })
        })
        .collect();
    limits.sort_by(|a, b| a.node.cmp(&b.node));
    Ok(limits)
}

/// The share of a placement that counts at each node, rounded up.
fn reach(
    policy: &Policy,
    structure: &Structure,
    placement: &Placement,
) -> Result<BTreeMap<NodeIndex, Bps>, crate::look_through::ExposureError> {
    let family = policy.family(&placement.protocol);
    let mut parts: BTreeMap<NodeIndex, u64> = BTreeMap::new();
    for (token, share) in &placement.legs {
        let entries: Entries = structure.position(family, token)?;
        for reached in structure.graph().reach_of(&entries).iter() {
            let part = u64::from(share.0) * u64::from(reached.weight.0);
            *parts.entry(reached.node).or_default() += part;
        }
    }
    Ok(parts
        .into_iter()
        .map(|(node, part)| {
            let share = part.div_ceil(u64::from(Bps::WHOLE.0));
            (node, Bps(u32::try_from(share).unwrap_or(u32::MAX)))
        })
        .collect())
}
