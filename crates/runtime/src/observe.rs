//! Observe: one immutable picture of every chain, price, balance, position, allowance and watched
//! contract.

mod allowances;
mod contracts;
mod prices;

use std::collections::BTreeMap;

use airdrops_chain::{ChainRead, ReadError, View, read_balances};
use airdrops_protocols::{Registry, Views};
use airdrops_risk::volatility::deribit;
use airdrops_types::{
    Address, BlockRef, ChainId, ChainView, Holding, PositionView, Reading, Snapshot, Timestamp,
    Token, U256,
};

use crate::engine::Engine;
pub(crate) use contracts::ReadFacts;

/// The heads that could be read in this tick, with what can be asked there.
type Heads = BTreeMap<ChainId, ChainView>;

impl Engine {
    /// Reads everything that decisions may rest on. Never fails: what cannot be read is `Missing`,
    /// with the reason.
    pub(crate) async fn observe(&mut self, now: Timestamp) -> Snapshot {
        let (chains, views) = self.heads(now).await;
        let mut market = self.market.view(now);
        let options = self.market.options(now).into_iter();
        market.option_volatility = options
            .map(|(asset, chain)| (asset, deribit::implied(chain)))
            .collect();
        let prices = self.prices(&views, &mut market, now).await;
        let holdings = self.holdings(&views, &chains).await;
        let positions = self.positions(&views, &chains).await;
        let allowances = self.allowances(&views, &chains).await;
        let contracts = self.contracts(&views, now).await;
        Snapshot {
            at: now,
            chains,
            prices,
            holdings,
            positions,
            allowances,
            contracts,
            market,
        }
    }

    async fn heads(&mut self, now: Timestamp) -> (Heads, BTreeMap<ChainId, View>) {
        let mut chains = BTreeMap::new();
        let mut views = BTreeMap::new();
        self.rpc_defects.clear();
        for chain in &self.settings.chains {
            let Some(client) = self.clients.get(&chain.id) else {
                continue;
            };
            let (head, base_fee) = match client.view().await {
                Ok(view) => {
                    let block = view.block();
                    let head = Reading::aged(block, block.time, now, chain.max_head_age);
                    let (head, defect) = client.attest(head).await;
                    let head = not_behind(head, self.settled_at.get(&chain.id).copied());
                    let base_fee = standing(client.next_base_fee().await, &head);
                    self.rpc_defects
                        .extend(defect.map(|defect| (chain.id, defect)));
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
        (chains, views)
    }

    /// What every wallet has of every token, with one batch per chain.
    async fn holdings(&self, views: &BTreeMap<ChainId, View>, chains: &Heads) -> Vec<Holding> {
        let mut amounts: BTreeMap<(Address, Token), Result<U256, ReadError>> = BTreeMap::new();
        for (chain, view) in views {
            let asked: Vec<(Address, &Token)> = self
                .settings
                .wallets
                .iter()
                .flat_map(|wallet| self.tokens.iter().map(|token| (*wallet, token)))
                .filter(|(_, token)| token.chain == *chain)
                .collect();
            let read = read_balances(view, &asked).await;
            let keys = asked
                .iter()
                .map(|(wallet, token)| (*wallet, (*token).clone()));
            amounts.extend(keys.zip(read));
        }
        let mut holdings = Vec::new();
        for wallet in &self.settings.wallets {
            for token in &self.tokens {
                let head = chains.get(&token.chain).map(|view| &view.head);
                let amount = match (amounts.remove(&(*wallet, token.clone())), head) {
                    (Some(amount), Some(head)) => standing(amount, head),
                    _ => Reading::missing(format!("chain {} could not be read", token.chain)),
                };
                holdings.push(Holding {
                    wallet: *wallet,
                    token: token.clone(),
                    amount,
                });
            }
        }
        holdings
    }

    async fn positions(
        &self,
        views: &BTreeMap<ChainId, View>,
        chains: &Heads,
    ) -> Vec<PositionView> {
        let mut positions = Vec::new();
        for wallet in &self.settings.wallets {
            for protocol in self.registry.iter() {
                let head = chains.get(&protocol.chain).map(|view| &view.head);
                let position = match head {
                    Some(head) => match position(&self.registry, protocol, views, *wallet).await {
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
        positions
    }
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
