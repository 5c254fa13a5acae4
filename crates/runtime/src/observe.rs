//! Observe: one immutable picture of every chain, price, balance and position.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_chain::{
    ChainClient, ChainRead, ReadError, View, allowance, read_price, token_balance,
};
use airdrops_protocols::{Registry, Views};
use airdrops_types::{
    Address, AllowanceView, BlockRef, ChainId, ChainView, Holding, PositionView, Reading, Snapshot,
    Timestamp, Token,
};

use crate::settings::Settings;

/// Reads everything that decisions may rest on. Never fails: what cannot be read is `Missing`,
/// with the reason.
pub(crate) async fn observe(
    settings: &Settings,
    registry: &Registry,
    tokens: &[Token],
    clients: &BTreeMap<ChainId, ChainClient>,
    settled_at: &BTreeMap<ChainId, u64>,
    now: Timestamp,
) -> Snapshot {
    let mut chains = BTreeMap::new();
    let mut views = BTreeMap::new();
    for chain in &settings.chains {
        let Some(client) = clients.get(&chain.id) else {
            continue;
        };
        let (head, base_fee) = match client.view().await {
            Ok(view) => {
                let block = view.block();
                let head = Reading::aged(block, block.time, now, chain.max_head_age);
                let head = not_behind(head, settled_at.get(&chain.id).copied());
                let base_fee = standing(client.next_base_fee().await, &head);
                views.insert(chain.id, view);
                (head, base_fee)
            }
            Err(error) => (
                Reading::missing(error.to_string()),
                Reading::missing(error.to_string()),
            ),
        };
        let gas_asset = chain.native.asset.clone();
        chains.insert(
            chain.id,
            ChainView {
                head,
                base_fee,
                gas_asset,
            },
        );
    }

    let mut prices = BTreeMap::new();
    for feed in &settings.feeds {
        let reading = match views.get(&feed.chain) {
            Some(view) => match read_price(view, feed.contract).await {
                Ok((price, updated)) => Reading::aged(price, updated, now, feed.max_age),
                Err(error) => Reading::missing(error.to_string()),
            },
            None => Reading::missing(format!("chain {} could not be read", feed.chain)),
        };
        prices.insert(feed.asset.clone(), reading);
    }
    for token in &settings.tokens {
        prices
            .entry(token.asset.clone())
            .or_insert_with(|| Reading::missing("no price feed is configured"));
    }

    let head_of = |chain: ChainId| chains.get(&chain).map(|view: &ChainView| &view.head);
    let mut holdings = Vec::new();
    let mut positions = Vec::new();
    for wallet in &settings.wallets {
        for token in tokens {
            let amount = match (views.get(&token.chain), head_of(token.chain)) {
                (Some(view), Some(head)) => {
                    standing(token_balance(view, token, *wallet).await, head)
                }
                _ => Reading::missing(format!("chain {} could not be read", token.chain)),
            };
            holdings.push(Holding {
                wallet: *wallet,
                token: token.clone(),
                amount,
            });
        }
        for protocol in registry.iter() {
            let position = match head_of(protocol.chain) {
                Some(head) => match position(registry, protocol, &views, *wallet).await {
                    Ok(None) => continue,
                    Ok(Some(position)) => standing(Ok(position), head),
                    Err(error) => Reading::missing(error.to_string()),
                },
                None => Reading::missing(format!("chain {} is not configured", protocol.chain)),
            };
            positions.push(PositionView {
                wallet: *wallet,
                protocol: protocol.id.clone(),
                position,
            });
        }
    }
    let mut allowances = BTreeMap::new();
    for chain in lenders(registry) {
        let reading = match (views.get(&chain), head_of(chain)) {
            (Some(view), Some(head)) => standing(
                open_allowances(settings, registry, tokens, view).await,
                head,
            ),
            _ => Reading::missing(format!("chain {chain} could not be read")),
        };
        allowances.insert(chain, reading);
    }
    Snapshot {
        at: now,
        chains,
        prices,
        holdings,
        positions,
        allowances,
        ..Snapshot::default()
    }
}

/// The chains on which somebody may be given an allowance.
fn lenders(registry: &Registry) -> BTreeSet<ChainId> {
    registry
        .lenders()
        .into_keys()
        .map(|(chain, _)| chain)
        .collect()
}

/// Every allowance above zero of our wallets on the view's chain.
async fn open_allowances(
    settings: &Settings,
    registry: &Registry,
    tokens: &[Token],
    view: &View,
) -> Result<Vec<AllowanceView>, ReadError> {
    let chain = view.chain();
    let mut open = Vec::new();
    for ((_, spender), protocol) in registry
        .lenders()
        .range((chain, Address::ZERO)..=(chain, Address::repeat_byte(0xff)))
    {
        for wallet in &settings.wallets {
            for token in tokens
                .iter()
                .filter(|token| token.chain == chain && !token.is_native())
            {
                let amount = allowance(view, token, *wallet, *spender).await?;
                if !amount.is_zero() {
                    open.push(AllowanceView {
                        wallet: *wallet,
                        token: token.clone(),
                        spender: *spender,
                        protocol: protocol.clone(),
                        amount,
                    });
                }
            }
        }
    }
    Ok(open)
}

async fn position(
    registry: &Registry,
    protocol: &airdrops_protocols::ProtocolConfig,
    views: &BTreeMap<ChainId, View>,
    wallet: airdrops_types::Address,
) -> Result<Option<airdrops_types::Position>, ReadError> {
    let lookup: Views<'_> = views
        .iter()
        .map(|(chain, view)| (*chain, view as &dyn ChainRead))
        .collect();
    registry.position(protocol, &lookup, wallet).await
}

/// A head below a block that holds a final outcome of ours does not show what that did: another
/// node answered, which lags.
fn not_behind(head: Reading<BlockRef>, settled_at: Option<u64>) -> Reading<BlockRef> {
    match (head, settled_at) {
        (Reading::Fresh { value, at }, Some(settled)) if value.number < settled => Reading::Stale {
            value,
            at,
            reason: format!(
                "block {} does not show block {settled} yet, in which a transaction of ours is final",
                value.number
            ),
        },
        (head, _) => head,
    }
}

/// A value read at a head stands as the head stands.
fn standing<T>(value: Result<T, ReadError>, head: &Reading<BlockRef>) -> Reading<T> {
    match (value, head) {
        (Err(error), _) => Reading::missing(error.to_string()),
        (Ok(value), Reading::Fresh { at, .. }) => Reading::Fresh { value, at: *at },
        (Ok(value), Reading::Stale { at, reason, .. }) => Reading::Stale {
            value,
            at: *at,
            reason: reason.clone(),
        },
        (Ok(_), Reading::Missing { reason }) => Reading::missing(reason.clone()),
    }
}
