//! What an intent does to wallets and positions, derived from its declarations and its simulation,
//! never from its name.

use std::collections::BTreeMap;

use airdrops_types::{
    AssetId, I256, Intent, Price, Purpose, Reading, Reason, Rounding, Snapshot, Token, TokenAmount,
    U256, Usd,
};

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

/// Sums per token.
pub(super) struct Effect<'a> {
    pub(super) class: Class,
    /// Declared: the most that leaves.
    pub(super) spends: BTreeMap<&'a Token, U256>,
    /// Declared: the least that arrives.
    pub(super) receives: BTreeMap<&'a Token, U256>,
    /// Simulated.
    pub(super) observed: BTreeMap<&'a Token, I256>,
}

impl<'a> Effect<'a> {
    pub(super) fn derive(
        snapshot: &Snapshot,
        intent: &'a Intent,
        reasons: &mut Vec<Reason>,
    ) -> Self {
        let mut observed = BTreeMap::new();
        let deltas = intent.simulation.iter().flat_map(|ran| &ran.deltas);
        for change in deltas {
            let sum: &mut I256 = observed.entry(&change.token).or_default();
            match sum.checked_add(change.delta) {
                Some(total) => *sum = total,
                None => reasons.push(too_large("simulated changes of", &change.token)),
            }
        }
        Self {
            class: classify(snapshot, intent),
            spends: sums(&intent.spend, "declared spends of", reasons),
            receives: sums(&intent.receive, "declared receipts of", reasons),
            observed,
        }
    }

    /// The most that may leave of a token.
    pub(super) fn spend_of(&self, token: &Token) -> U256 {
        self.spends.get(token).copied().unwrap_or_default()
    }

    /// The least that must arrive of a token.
    pub(super) fn receive_of(&self, token: &Token) -> U256 {
        self.receives.get(token).copied().unwrap_or_default()
    }

    /// All tokens that are declared or that the simulation moved.
    pub(super) fn tokens(&self) -> impl Iterator<Item = &'a Token> {
        let tokens = self.spends.keys().chain(self.receives.keys());
        let all: std::collections::BTreeSet<&'a Token> =
            tokens.chain(self.observed.keys()).copied().collect();
        all.into_iter()
    }

    /// Whether something arrives that has a price of its own.
    pub(super) fn returns_value(&self, snapshot: &Snapshot) -> bool {
        self.receives.iter().any(|(token, amount)| {
            !amount.is_zero() && !matches!(price_of(snapshot, &token.asset), Ok(None))
        })
    }

    /// The largest change of the wallet's balance: declared (least receipt less most spend) or
    /// simulated, whichever is higher. `None` if it does not fit.
    pub(super) fn wallet_change(&self, token: &Token) -> Option<I256> {
        let receive = I256::try_from(self.receive_of(token)).ok()?;
        let spend = I256::try_from(self.spend_of(token)).ok()?;
        let declared = receive.checked_sub(spend)?;
        let observed = self.observed.get(token).copied().unwrap_or_default();
        Some(declared.max(observed))
    }
}

fn sums<'a>(
    amounts: &'a [TokenAmount],
    what: &str,
    reasons: &mut Vec<Reason>,
) -> BTreeMap<&'a Token, U256> {
    let mut sums: BTreeMap<&Token, U256> = BTreeMap::new();
    for TokenAmount { token, amount } in amounts {
        let sum = sums.entry(token).or_default();
        match sum.checked_add(*amount) {
            Some(total) => *sum = total,
            None => reasons.push(too_large(what, token)),
        }
    }
    sums
}

fn classify(snapshot: &Snapshot, intent: &Intent) -> Class {
    if matches!(intent.purpose, Purpose::Cancel { .. }) {
        return Class::Cancel;
    }
    let worthless =
        |amount: &U256, token: &Token| amount.is_zero() || !is_priced(snapshot, &token.asset);
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

/// Whether the asset has a value of its own: whether it has a price, known or not, or pays for
/// gas. Others are receipts of positions, or airdrops that are not traded yet.
pub(super) fn is_priced(snapshot: &Snapshot, asset: &AssetId) -> bool {
    let pays_gas = || {
        snapshot
            .chains
            .values()
            .any(|chain| chain.gas_asset == *asset)
    };
    snapshot.prices.contains_key(asset) || pays_gas()
}

/// The fresh price of an asset; `Ok(None)` if it has no value of its own.
pub(super) fn price_of(snapshot: &Snapshot, asset: &AssetId) -> Result<Option<Price>, Reason> {
    let defect = match snapshot.prices.get(asset) {
        Some(Reading::Fresh { value, .. }) => return Ok(Some(*value)),
        Some(reading) => reading.defect().unwrap_or_default(),
        None if is_priced(snapshot, asset) => "missing: not observed".to_owned(),
        None => return Ok(None),
    };
    Err(Reason::NotFresh {
        what: format!("price of {asset}"),
        defect,
    })
}

/// The value of an amount, rounded up; nothing for an asset without a value of its own.
pub(super) fn value_up(snapshot: &Snapshot, token: &Token, amount: U256) -> Result<Usd, Reason> {
    let Some(price) = price_of(snapshot, &token.asset)? else {
        return Ok(Usd::ZERO);
    };
    price
        .value(amount, token.decimals, Rounding::Up)
        .ok_or_else(|| too_large("the value of", token))
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
