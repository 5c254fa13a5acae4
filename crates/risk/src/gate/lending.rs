//! What protocols may take from the wallet by allowances, before and after an intent.

use airdrops_types::{Address, AllowanceView, Intent, Reading, Token, U256};

use super::effect::Effect;
use crate::look_through::allowance_exposure;
use crate::{Marked, Policy};

/// What a family may take of a token by one allowance, base units.
#[derive(Debug)]
pub(super) struct Lent<'a> {
    pub(super) family: &'a str,
    pub(super) token: &'a Token,
    /// Before the intent.
    pub(super) before: U256,
    /// After it, at most.
    pub(super) after: U256,
}

/// Each allowance that is open or that the intent sets.
pub(super) fn changes<'a>(
    policy: &'a Policy,
    marked: &Marked<'a>,
    intent: &'a Intent,
    effect: &Effect<'a>,
) -> Vec<Lent<'a>> {
    let open: Vec<&AllowanceView> = marked
        .snapshot()
        .allowances
        .get(&intent.chain)
        .and_then(Reading::last_known)
        .into_iter()
        .flatten()
        .filter(|view| view.wallet == intent.wallet)
        .collect();
    let declared = intent
        .allowances
        .iter()
        .map(|set| (&set.token, set.spender));
    let seen = open.iter().map(|view| (&view.token, view.spender));
    let mut pairs: Vec<(&Token, Address)> = seen.chain(declared).collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
        .into_iter()
        .map(|(token, spender)| {
            let view = open
                .iter()
                .find(|view| view.token == *token && view.spender == spender);
            let protocol = view.map_or(&intent.protocol, |view| &view.protocol);
            let allowed = view.map_or(U256::ZERO, |view| view.amount);
            let balance = marked.balance(intent.wallet, token);
            let balance = balance.and_then(Reading::fresh).copied();
            let balance = balance.unwrap_or(U256::MAX);

            let before = allowance_exposure(allowed, balance, U256::ZERO);
            let after = allowance_exposure(
                allowed_after(intent, token, spender).unwrap_or(allowed),
                balance_after(balance, effect, token),
                U256::ZERO,
            );
            Lent {
                family: effect.family_of(policy, protocol),
                token,
                before,
                after,
            }
        })
        .collect()
}

/// The allowance after the intent, if the intent or its simulation sets it.
fn allowed_after(intent: &Intent, token: &Token, spender: Address) -> Option<U256> {
    let simulated = intent
        .simulation
        .iter()
        .flat_map(|ran| ran.allowances.iter().chain(&ran.used_allowances));
    intent
        .allowances
        .iter()
        .chain(simulated)
        .find(|set| set.token == *token && set.spender == spender)
        .map(|set| set.amount)
}

/// The most that the wallet may hold after the intent.
fn balance_after(balance: U256, effect: &Effect<'_>, token: &Token) -> U256 {
    match effect.wallet_change(token) {
        Some(change) if change.is_negative() => balance.saturating_sub(change.unsigned_abs()),
        Some(change) => balance.saturating_add(change.unsigned_abs()),
        None => U256::MAX,
    }
}
