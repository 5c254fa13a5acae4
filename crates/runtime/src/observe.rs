//! Observe: one immutable picture of every chain, price, balance and position.

use std::collections::BTreeMap;

use airdrops_chain::{
    ChainClient, ChainRead, FeedAnswer, ReadError, View, read_balances, read_feeds,
};
use airdrops_protocols::{Registry, Views};
use airdrops_types::{
    Address, BlockRef, ChainId, ChainView, Holding, PositionView, Reading, Snapshot, Timestamp,
    Token, U256,
};

use crate::settings::{FeedSettings, Settings};

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
    for (feed, answer) in settings
        .feeds
        .iter()
        .zip(feeds(&settings.feeds, &views).await)
    {
        let reading = match answer {
            Some(Ok(answer)) => answer.reading(now, feed.max_age),
            Some(Err(error)) => Reading::missing(error.to_string()),
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
    let mut amounts = amounts(&settings.wallets, tokens, &views).await;
    for wallet in &settings.wallets {
        for token in tokens {
            let amount = match (
                amounts.remove(&(*wallet, token.clone())),
                head_of(token.chain),
            ) {
                (Some(amount), Some(head)) => standing(amount, head),
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
    Snapshot {
        at: now,
        chains,
        prices,
        holdings,
        positions,
        ..Snapshot::default()
    }
}

/// What each feed says, with two batches per chain; `None` where its chain could not be read.
async fn feeds(
    feeds: &[FeedSettings],
    views: &BTreeMap<ChainId, View>,
) -> Vec<Option<Result<FeedAnswer, ReadError>>> {
    let mut answers = vec![None; feeds.len()];
    for (chain, view) in views {
        let (places, contracts): (Vec<usize>, Vec<Address>) = feeds
            .iter()
            .enumerate()
            .filter(|(_, feed)| feed.chain == *chain)
            .map(|(place, feed)| (place, feed.contract))
            .unzip();
        for (place, answer) in places.into_iter().zip(read_feeds(view, &contracts).await) {
            answers[place] = Some(answer);
        }
    }
    answers
}

/// What every wallet has of every token of the chains that can be read, with one batch per chain.
async fn amounts(
    wallets: &[Address],
    tokens: &[Token],
    views: &BTreeMap<ChainId, View>,
) -> BTreeMap<(Address, Token), Result<U256, ReadError>> {
    let mut amounts = BTreeMap::new();
    for (chain, view) in views {
        let asked: Vec<(Address, &Token)> = wallets
            .iter()
            .flat_map(|wallet| tokens.iter().map(|token| (*wallet, token)))
            .filter(|(_, token)| token.chain == *chain)
            .collect();
        let read = read_balances(view, &asked).await;
        let keys = asked
            .iter()
            .map(|(wallet, token)| (*wallet, (*token).clone()));
        amounts.extend(keys.zip(read));
    }
    amounts
}

async fn position(
    registry: &Registry,
    protocol: &airdrops_protocols::ProtocolConfig,
    views: &BTreeMap<ChainId, View>,
    wallet: Address,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use airdrops_paper::{PaperChain, PaperConfig};
    use airdrops_types::AssetId;

    const CHAIN: ChainId = ChainId(7);

    #[tokio::test]
    async fn a_token_that_does_not_answer_fails_alone_and_another_chain_has_no_amounts() {
        let paper = PaperChain::new(PaperConfig::new(CHAIN, Timestamp(1_700_000_000_000)));
        let wallets = [Address::repeat_byte(1), Address::repeat_byte(2)];
        for (wallet, wei) in wallets.iter().zip([5, 6]) {
            paper.set_balance(*wallet, U256::from(wei)).unwrap();
        }
        let native = Token {
            chain: CHAIN,
            contract: None,
            asset: AssetId::from("ETH"),
            decimals: 18,
        };
        let dead = Token {
            contract: Some(Address::repeat_byte(0x99)),
            ..native.clone()
        };
        let elsewhere = Token {
            chain: ChainId(8),
            ..native.clone()
        };
        let view = ChainClient::from_rpc(CHAIN, paper.client()).view().await;
        let views = BTreeMap::from([(CHAIN, view.unwrap())]);
        let tokens = [dead.clone(), elsewhere, native.clone()];
        let amounts = amounts(&wallets, &tokens, &views).await;
        assert_eq!(amounts.len(), 4);
        for (wallet, wei) in wallets.iter().zip([5, 6]) {
            let amount = &amounts[&(*wallet, native.clone())];
            assert_eq!(*amount, Ok(U256::from(wei)));
            let amount = &amounts[&(*wallet, dead.clone())];
            assert!(matches!(amount, Err(ReadError::Unexpected { .. })));
        }
    }
}
