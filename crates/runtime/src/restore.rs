//! What a start takes from the configuration and from the store.

use std::collections::BTreeSet;
use std::time::Duration;

use airdrops_chain::DataFeeModel;
use airdrops_protocols::Registry;
use airdrops_risk::{AllowedCall, FOREIGN_NONCE};
use airdrops_store::{Store, cleared_in_key};
use airdrops_types::{Address, EquityPoint, Scope, Timestamp, Token};

use crate::error::RunError;
use crate::settings::Settings;

/// The equity of a window, and the last point before: it stands for the window's start, however old
/// it is.
pub(crate) fn recent_equity(
    store: &dyn Store,
    now: Timestamp,
    window: Duration,
) -> Result<Vec<EquityPoint>, RunError> {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let start = now.minus(window);
    let mut span = window * 2;
    loop {
        let points = store.equity_since(now.minus(span))?;
        let reaches_back = points.first().is_some_and(|first| first.at <= start);
        if reaches_back || span > DAY * 4096 {
            return Ok(points);
        }
        span *= 8;
    }
}

/// Every token whose balance is watched: configured ones and receipts.
pub(crate) fn tracked_tokens(settings: &Settings, registry: &Registry) -> Vec<Token> {
    let natives = settings.chains.iter().map(|chain| chain.native.clone());
    let all: BTreeSet<Token> = natives
        .chain(settings.tokens.iter().cloned())
        .chain(registry.tokens())
        .collect();
    all.into_iter().collect()
}

/// Fills the allow-lists: nothing but what the configured protocols need.
pub(crate) fn complete_policy(settings: &mut Settings, registry: &Registry, tokens: &[Token]) {
    let policy = &mut settings.policy;
    policy.wallets.clone_from(&settings.wallets);
    policy.tokens = tokens.to_vec();
    policy.calls = registry
        .allowed_calls()
        .into_iter()
        .map(|(chain, to, selector, protocol)| AllowedCall {
            chain,
            to,
            selector,
            protocol,
        })
        .collect();
    policy.spenders = registry.spenders();
    policy.families = registry.families();
    let charging = settings.chains.iter();
    let charging = charging.filter(|chain| chain.data_fee != DataFeeModel::None);
    policy.data_fees = charging.map(|chain| chain.id).collect();
}

/// The wallets whose foreign nonce a person has looked at since our last transaction of them.
pub(crate) fn looked_at(store: &dyn Store, wallets: &[Address]) -> Result<Vec<Address>, RunError> {
    let outcomes = store.outcomes()?;
    let mut found = Vec::new();
    for wallet in wallets {
        let key = cleared_in_key(FOREIGN_NONCE, &Scope::Wallet(*wallet));
        let Some(cleared) = store.setting(&key)?.and_then(|value| value.as_i64()) else {
            continue;
        };
        let ours = outcomes.iter().filter(|outcome| outcome.wallet == *wallet);
        if ours.map(|outcome| outcome.block.time).max() < Some(Timestamp(cleared)) {
            found.push(*wallet);
        }
    }
    Ok(found)
}

pub(crate) fn stored<T: serde::de::DeserializeOwned + Default>(
    store: &dyn Store,
    key: &str,
) -> Result<T, RunError> {
    Ok(match store.setting(key)? {
        Some(value) => serde_json::from_value(value)?,
        None => T::default(),
    })
}
