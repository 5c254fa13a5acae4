//! What an intent adds at everything that the portfolio depends on.

use airdrops_types::{ControlState, I256, Intent, IntentId, Reason, Rounding, Token, Usd};

use super::effect::Effect;
use super::lending::Lent;
use super::limits::scaled;
use crate::look_through::{Change, Entries, ExposureError, Growth, Node, Situation};
use crate::{GateState, Marked, Policy, Structure};

/// Growth per node, each positive. What cannot be measured is a reason.
pub(super) fn growth<'a>(
    policy: &'a Policy,
    marked: &Marked<'a>,
    intent: &'a Intent,
    effect: &Effect<'a>,
    lent: &[Lent<'a>],
    reasons: &mut Vec<Reason>,
) -> Growth {
    let structure = match marked.structure() {
        Ok(structure) => structure,
        Err(defects) => {
            reasons.extend(
                defects
                    .iter()
                    .map(|what| Reason::Unmeasurable { what: what.clone() }),
            );
            return Growth::default();
        }
    };
    changes(policy, structure, marked, intent, effect, lent)
        .and_then(|changes| Growth::of(structure.graph(), &changes))
        .unwrap_or_else(|error| {
            reasons.push(unmeasurable(&error));
            Growth::default()
        })
}

fn changes<'a>(
    policy: &'a Policy,
    structure: &Structure,
    marked: &Marked<'a>,
    intent: &'a Intent,
    effect: &Effect<'a>,
    lent: &[Lent<'a>],
) -> Result<Vec<Change>, ExposureError> {
    let mut changes = Vec::new();
    let mut add = |entries: Result<Entries, ExposureError>, value: Usd| {
        if value != Usd::ZERO {
            changes.push(Change {
                entries: entries?,
                value,
            });
        }
        Ok(())
    };
    for (token, change) in effect.wallet_changes() {
        let change = change.unwrap_or(I256::MAX);
        add(structure.holding(token), value(marked, token, change))?;
    }
    let mut invested = Usd::ZERO;
    for change in &intent.positions {
        let family = effect.family_of(policy, &change.protocol);
        let value = value(marked, &change.token, change.delta);
        if value > Usd::ZERO {
            invested += value;
        }
        add(structure.position(family, &change.token), value)?;
    }
    for lent in lent {
        let worth = |amount| {
            let amount = I256::try_from(amount).unwrap_or(I256::MAX);
            value(marked, lent.token, amount).0
        };
        let change = worth(lent.after).saturating_sub(worth(lent.before));
        add(structure.allowance(lent.family), Usd(change))?;
    }
    // What leaves for nothing that has a price went into the protocol, declared or not.
    if !effect.returns_value(marked) {
        let mut declared = invested;
        for (token, amount) in effect.spends() {
            let amount = I256::try_from(amount).unwrap_or(I256::MAX);
            let spent = value(marked, token, amount);
            let missing = Usd(spent.0.saturating_sub(declared.0).max(0));
            declared = Usd(declared.0.saturating_sub(spent.0).max(0));
            add(structure.position(effect.family, token), missing)?;
        }
    }
    Ok(changes)
}

/// Adds a reason for each node that would carry too much.
pub(super) fn check(
    state: &GateState,
    marked: &Marked<'_>,
    control: ControlState,
    intent: IntentId,
    growth: &Growth,
    reasons: &mut Vec<Reason>,
) {
    let (Ok(structure), Ok(exposure)) = (marked.structure(), marked.exposure()) else {
        return;
    };
    let exposures = match marked.nodes() {
        Ok(exposures) => exposures,
        Err(error) => return reasons.push(unmeasurable(error)),
    };
    let own = state.reservations.of(intent).map(|own| own.intent);
    let claims = growth.iter().filter_map(|(node, _)| {
        let name = structure.places().name(node)?;
        Some((node, state.reservations.node(name, own)))
    });
    let reserved = Growth::claimed(structure.graph(), claims);
    let situation = Situation {
        exposures,
        reserved: &reserved,
        equity: exposure.equity,
        scale: scaled(airdrops_types::Bps::WHOLE, state.limits.overall(), control),
    };
    match structure.bounds().check(&situation, growth) {
        Ok(breaches) => {
            let further: Vec<_> = breaches
                .into_iter()
                .filter(|breach| !is_named(&breach.node, reasons))
                .collect();
            reasons.extend(further.into_iter().map(|breach| Reason::NodeLimit {
                node: breach.node.to_string(),
                measured: breach.measured,
                bound: breach.bound,
                limit: breach.limit,
            }));
        }
        Err(error) => reasons.push(unmeasurable(&error)),
    }
}

/// Whether the limit of a family or an asset was found exceeded without looking through already.
fn is_named(node: &Node, reasons: &[Reason]) -> bool {
    reasons.iter().any(|reason| match reason {
        Reason::ProtocolLimit { family, .. } => *node == Node::protocol(family),
        Reason::AssetLimit { asset, .. } => *node == Node::asset(asset),
        _ => false,
    })
}

/// The value of a change, rounded away from zero: what leaves one place and enters another cancels
/// out. Nothing for an asset without a value of its own; a price that is not fresh is a reason
/// elsewhere. What does not fit is as much as fits.
fn value(marked: &Marked<'_>, token: &Token, change: I256) -> Usd {
    let Ok(Some(price)) = marked.prices().price(&token.asset) else {
        return Usd::ZERO;
    };
    let value = price.value(change.unsigned_abs(), token.decimals, Rounding::Up);
    let value = value.unwrap_or(Usd(i128::MAX));
    if change.is_negative() { -value } else { value }
}

fn unmeasurable(error: &ExposureError) -> Reason {
    Reason::Unmeasurable {
        what: error.to_string(),
    }
}
