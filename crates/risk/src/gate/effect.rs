//! What an intent does to wallets and positions, derived from its declarations and its simulation,
//! never from its name.

use airdrops_types::{
    I256, Intent, Price, ProtocolId, Purpose, Reason, Rounding, Token, TokenAmount, U256, Usd,
};

use super::sums::Sums;
use crate::{Marked, Policy};

/// In which way an intent may change exposure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Uses a nonce for nothing.
    Cancel,
    /// No position grows, nothing that has a price leaves the wallet, and nobody may take such a
    /// thing from it: exits, claims, revocations, and approvals of receipt tokens.
    Reducing,
    /// Everything else.
    Increasing,
}

/// What happens to one token in the wallet.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// Declared: the most that leaves.
    pub(super) spend: Option<U256>,
    /// Declared: the least that arrives.
    pub(super) receive: Option<U256>,
    /// Simulated.
    pub(super) observed: I256,
}

impl Flow {
    /// The largest change of the wallet's balance: declared (least receipt less most spend) or
    /// simulated, whichever is higher. `None` if it does not fit.
    fn wallet_change(&self) -> Option<I256> {
        let receive = I256::try_from(self.receive.unwrap_or_default()).ok()?;
        let spend = I256::try_from(self.spend.unwrap_or_default()).ok()?;
        Some(receive.checked_sub(spend)?.max(self.observed))
    }
}

/// What an intent does, token by token.
pub(super) struct Effect<'a> {
    pub(super) class: Class,
    protocol: &'a ProtocolId,
    /// Whether the policy knows the intent's protocol.
    pub(super) is_known: bool,
    /// The family of the intent's protocol.
    pub(super) family: &'a str,
    /// All tokens that are declared or that the simulation moved.
    flows: Sums<&'a Token, Flow>,
}

impl<'a> Effect<'a> {
    pub(super) fn derive(
        policy: &'a Policy,
        marked: &Marked<'_>,
        intent: &'a Intent,
        reasons: &mut Vec<Reason>,
    ) -> Self {
        let mut flows: Sums<&'a Token, Flow> = Sums::default();
        let deltas = intent.simulation.iter().flat_map(|ran| &ran.deltas);
        for change in deltas {
            let sum = &mut flows.at(&change.token).observed;
            match sum.checked_add(change.delta) {
                Some(total) => *sum = total,
                None => reasons.push(too_large("simulated changes of", &change.token)),
            }
        }
        for TokenAmount { token, amount } in &intent.spend {
            let sum = flows.at(token).spend.get_or_insert_default();
            add(sum, *amount, "declared spends of", token, reasons);
        }
        for TokenAmount { token, amount } in &intent.receive {
            let sum = flows.at(token).receive.get_or_insert_default();
            add(sum, *amount, "declared receipts of", token, reasons);
        }
        let protocol = &intent.protocol;
        let family = policy.families.get(protocol);
        Self {
            class: classify(marked, intent),
            protocol,
            is_known: family.is_some(),
            family: family.map_or(protocol.as_str(), String::as_str),
            flows,
        }
    }

    /// The family of a protocol.
    pub(super) fn family_of(&self, policy: &'a Policy, protocol: &'a ProtocolId) -> &'a str {
        if protocol == self.protocol {
            self.family
        } else {
            policy.family(protocol)
        }
    }

    /// The most that may leave of a token.
    pub(super) fn spend_of(&self, token: &Token) -> U256 {
        let flow = self.flows.get(&token);
        flow.and_then(|flow| flow.spend).unwrap_or_default()
    }

    /// What the simulation moved of a token.
    pub(super) fn observed_of(&self, token: &Token) -> I256 {
        let flow = self.flows.get(&token);
        flow.map(|flow| flow.observed).unwrap_or_default()
    }

    /// The declared spends, sorted by token.
    pub(super) fn spends(&self) -> impl Iterator<Item = (&'a Token, U256)> + '_ {
        self.flows
            .iter()
            .filter_map(|(token, flow)| Some((*token, flow.spend?)))
    }

    /// All tokens that are declared or that the simulation moved, sorted.
    pub(super) fn flows(&self) -> impl Iterator<Item = (&'a Token, &Flow)> {
        self.flows.iter().map(|(token, flow)| (*token, flow))
    }

    /// The largest change of the wallet's balance of each token; see [`Self::wallet_change`].
    pub(super) fn wallet_changes(&self) -> impl Iterator<Item = (&'a Token, Option<I256>)> + '_ {
        self.flows
            .iter()
            .map(|(token, flow)| (*token, flow.wallet_change()))
    }

    /// Whether something arrives that has a price of its own.
    pub(super) fn returns_value(&self, marked: &Marked<'_>) -> bool {
        self.flows.iter().any(|(token, flow)| {
            let arrives = flow.receive.is_some_and(|amount| !amount.is_zero());
            arrives && marked.prices().values(&token.asset)
        })
    }

    /// The largest change of the wallet's balance: declared (least receipt less most spend) or
    /// simulated, whichever is higher. `None` if it does not fit.
    pub(super) fn wallet_change(&self, token: &Token) -> Option<I256> {
        match self.flows.get(&token) {
            Some(flow) => flow.wallet_change(),
            None => Some(I256::ZERO),
        }
    }
}

/// Adds to a sum, unless it would not fit.
fn add(sum: &mut U256, amount: U256, what: &str, token: &Token, reasons: &mut Vec<Reason>) {
    match sum.checked_add(amount) {
        Some(total) => *sum = total,
        None => reasons.push(too_large(what, token)),
    }
}

fn classify(marked: &Marked<'_>, intent: &Intent) -> Class {
    if matches!(intent.purpose, Purpose::Cancel { .. }) {
        return Class::Cancel;
    }
    let worthless =
        |amount: &U256, token: &Token| amount.is_zero() || !marked.prices().values(&token.asset);
    let shrinks = intent
        .positions
        .iter()
        .all(|change| !change.delta.is_positive());
    let keeps = intent
        .spend
        .iter()
        .all(|spend| worthless(&spend.amount, &spend.token));
    let lends_nothing = intent
        .allowances
        .iter()
        .all(|allowance| worthless(&allowance.amount, &allowance.token));
    if shrinks && keeps && lends_nothing && intent.call.value.is_zero() {
        Class::Reducing
    } else {
        Class::Increasing
    }
}

/// The value of a change, rounded toward more: growth up, decline down.
pub(super) fn change_value(price: Price, decimals: u8, change: I256) -> Option<Usd> {
    let rounding = if change.is_negative() {
        Rounding::Down
    } else {
        Rounding::Up
    };
    let value = price.value(change.unsigned_abs(), decimals, rounding)?;
    Some(if change.is_negative() { -value } else { value })
}

pub(super) fn too_large(what: &str, token: &Token) -> Reason {
    Reason::Unmeasurable {
        what: format!(
            "{what} {} on chain {} are too large",
            token.asset, token.chain
        ),
    }
}
