//! The limits of what is at stake: of one transaction, of families, assets and all that they
//! depend on.

use airdrops_risk::look_through::{Node, NodeClass};
use airdrops_risk::{Policy, Structure};
use airdrops_types::{Bps, ControlState, ProtocolId, Scope, Usd};

use super::bound;
use crate::command::risk::measured::Measured;
use crate::exit::Failure;

/// As many nodes as a report names at most: with as many, it may have left some out.
const NODES_OF_A_REPORT: usize = 20;

/// One limit.
pub(super) struct Bound {
    /// `transaction`, or class and name of a node.
    pub(super) of: String,
    /// As configured, as a share of equity.
    pub(super) limit: Bps,
    /// What holds of it now, by volatility, health and a cautious state.
    pub(super) scale: Bps,
    /// The state there. From `reducing` on, nothing is added, whatever room there is.
    pub(super) state: ControlState,
    /// In dollars; `None` if equity is not known.
    pub(super) bound: Option<Usd>,
    /// What is at stake; `None` if it is not known.
    pub(super) used: Option<Usd>,
    /// What may be added now; `None` if it is not known, and then nothing is.
    pub(super) headroom: Option<Usd>,
    /// Whether the limit is none: 100 % of what is neither a family nor an asset.
    pub(super) unlimited: bool,
}

impl Bound {
    fn new(
        measured: &Measured,
        of: String,
        limit: Bps,
        scale: Bps,
        state: ControlState,
        used: Option<Usd>,
    ) -> Self {
        let bound = bound(measured.report.equity, limit, scale);
        let room = bound
            .zip(used)
            .map(|(bound, used)| (bound - used).or_zero());
        Self {
            of,
            limit,
            scale,
            state,
            bound,
            used,
            headroom: if state > ControlState::Cautious {
                Some(Usd::ZERO)
            } else {
                room
            },
            unlimited: false,
        }
    }
}

/// A cautious state leaves half, as the gate has it: not half of what the market leaves.
fn halved(scale: Bps, state: ControlState) -> Bps {
    scale.min(state.most_of_limits())
}

/// The most that one transaction moves. Nothing is used of it.
pub(super) fn transaction(policy: &Policy, measured: &Measured) -> Bound {
    Bound::new(
        measured,
        "transaction".into(),
        policy.transaction_limit,
        halved(scale(measured, &Scope::Everything), measured.overall()),
        measured.overall(),
        Some(Usd::ZERO),
    )
}

/// The limit of every node, the fullest first.
///
/// # Errors
/// If the policy of the last start makes no sense to this version.
pub(super) fn all(policy: &Policy, measured: &Measured) -> Result<Vec<Bound>, Failure> {
    let structure = Structure::of(policy).map_err(|wrong| {
        Failure::failed(format!(
            "the limits in the journal make no sense: {}",
            wrong.join("; ")
        ))
    })?;
    let graph = structure.graph();
    let bounds = graph.indices().filter_map(|index| {
        let node = graph.node(index)?;
        let limit = structure.bounds().limit(index);
        let (scale, state) = in_force(policy, measured, node);
        // A limit of 100 % is none, except where the gate also looks at the family or the asset
        // itself; and of an asset, a cautious state does not halve that one.
        let whole = limit >= Bps::WHOLE;
        let scale = if whole && node.class() == NodeClass::Asset {
            scale
        } else {
            halved(scale, state)
        };
        let used = used(measured, node);
        let mut bound = Bound::new(measured, node.to_string(), limit, scale, state, used);
        if whole && !matches!(node.class(), NodeClass::Protocol | NodeClass::Asset) {
            bound.unlimited = true;
            bound.bound = None;
            if state <= ControlState::Cautious {
                bound.headroom = None;
            }
        }
        Some(bound)
    });
    let mut bounds: Vec<Bound> = bounds.collect();
    bounds.sort_by_key(|bound| {
        let share = bound
            .used
            .zip(bound.bound)
            .and_then(|(used, bound)| used.share_of(bound));
        (std::cmp::Reverse(share), bound.of.clone())
    });
    Ok(bounds)
}

/// What is at stake at a node. A report names the fullest nodes: one that it leaves out is unknown
/// only if it does not know equity, or names so many that it may have left some out.
fn used(measured: &Measured, node: &Node) -> Option<Usd> {
    let report = &measured.report;
    let found = report.nodes.iter().find(|report| report.node == *node);
    match found {
        Some(found) => Some(found.exposure),
        None if report.equity.is_some() && report.nodes.len() < NODES_OF_A_REPORT => {
            Some(Usd::ZERO)
        }
        None => None,
    }
}

/// How much of the limit of a node holds, and the state there. A family has as much as its weakest
/// instance.
fn in_force(policy: &Policy, measured: &Measured, node: &Node) -> (Bps, ControlState) {
    let everything = scale(measured, &Scope::Everything);
    let instances = || {
        let families = policy.families.iter();
        families
            .filter(|(_, family)| node.class() == NodeClass::Protocol && *family == node.name())
            .map(|(id, _)| id)
    };
    let scale = instances()
        .map(|id: &ProtocolId| scale(measured, &Scope::Protocol(id.clone())))
        .fold(everything, Bps::min);
    let state = measured.state(|scope| match scope {
        Scope::Everything => true,
        Scope::Chain(chain) => *node == Node::chain(*chain),
        Scope::Protocol(protocol) => instances().any(|id| id == protocol),
        Scope::Asset(asset) => *node == Node::asset(asset),
        Scope::Wallet(_) => false,
    });
    (scale, state)
}

/// What the limits of a scope are multiplied by; the whole if nothing was said of it.
fn scale(measured: &Measured, scope: &Scope) -> Bps {
    let signals = measured.report.signals.iter();
    let mut signals = signals.filter(|signal| signal.scope == *scope);
    signals.next().map_or(Bps::WHOLE, |signal| signal.scale)
}
