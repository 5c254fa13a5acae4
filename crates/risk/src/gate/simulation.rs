//! What the simulation showed, against what the intent declares.

use airdrops_types::{AllowanceChange, Intent, Reason, Simulation, Timestamp, Token, U256};

use super::effect::{Effect, Flow};
use crate::structure::Lists;

pub(super) fn check(
    lists: Lists<'_>,
    intent: &Intent,
    effect: &Effect<'_>,
    now: Timestamp,
    reasons: &mut Vec<Reason>,
) {
    let Some(ran) = &intent.simulation else {
        return reasons.push(defect("missing".to_owned()));
    };
    if let Some(failure) = &ran.failure {
        reasons.push(defect(format!("the call fails: {}", failure.reason)));
    }
    let age = now.since(ran.at).max(ran.at.since(now));
    if age > lists.policy.max_simulation_age {
        let side = if ran.at > now { "in the future" } else { "old" };
        reasons.push(defect(format!(
            "{} s {side}, at most {} s allowed",
            age.as_secs(),
            lists.policy.max_simulation_age.as_secs()
        )));
    }
    for (token, flow) in effect.flows() {
        reasons.extend(compare(token, flow));
    }
    for contract in &ran.unknown_outflows {
        reasons.push(undeclared(format!(
            "tokens of {contract}, which is not configured, leave the wallet"
        )));
    }
    for contract in &ran.unknown_allowances {
        reasons.push(undeclared(format!(
            "an allowance at {contract}, which is not configured"
        )));
    }
    check_allowances(lists, intent, effect, ran, reasons);
}

/// No more than declared leaves, and no less than declared arrives. Of a token that is both spent
/// and received, only the difference can be seen.
fn compare(token: &Token, flow: &Flow) -> Option<Reason> {
    let spend = flow.spend.unwrap_or_default();
    let receive = flow.receive.unwrap_or_default();
    let moved = flow.observed.unsigned_abs();
    let kept = if flow.observed.is_negative() {
        spend.checked_sub(moved)
    } else {
        Some(spend.saturating_add(moved))
    };
    match kept {
        None => Some(undeclared(format!(
            "{} leave the wallet, at most {} are declared",
            token.amount(moved),
            token.amount(spend)
        ))),
        Some(kept) if kept < receive => Some(defect(format!(
            "{} arrive, at least {} are declared",
            token.amount(kept),
            token.amount(receive)
        ))),
        Some(_) => None,
    }
}

fn check_allowances(
    lists: Lists<'_>,
    intent: &Intent,
    effect: &Effect<'_>,
    ran: &Simulation,
    reasons: &mut Vec<Reason>,
) {
    for declared in &intent.allowances {
        if !ran.allowances.contains(declared) {
            reasons.push(defect(format!(
                "the allowance of {} for {} does not become {}",
                declared.token.asset, declared.spender, declared.amount
            )));
        }
    }
    for set in &ran.allowances {
        let AllowanceChange {
            token,
            spender,
            amount,
        } = set;
        if amount.is_zero()
            || intent.allowances.contains(set)
            || is_unspent_rest(lists, effect, set)
        {
            continue;
        }
        reasons.push(undeclared(format!(
            "an allowance of {} for {spender}",
            token.amount(*amount)
        )));
    }
}

/// Whether an allowance is what the call left of an earlier exact approval: an allowed spender may
/// then take no more, together with what it took, than the intent declares as spent.
fn is_unspent_rest(lists: Lists<'_>, effect: &Effect<'_>, set: &AllowanceChange) -> bool {
    let observed = effect.observed_of(&set.token);
    let rest = if observed.is_negative() {
        effect
            .spend_of(&set.token)
            .saturating_sub(observed.unsigned_abs())
    } else {
        U256::ZERO
    };
    set.amount <= rest && lists.has_spender((set.token.chain, set.spender))
}

fn defect(defect: String) -> Reason {
    Reason::Simulation { defect }
}

fn undeclared(what: String) -> Reason {
    Reason::Undeclared { what }
}
