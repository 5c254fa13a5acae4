//! Allowances that stand open.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_chain::{ChainRead, ReadError, View, read_allowances};
use airdrops_types::{Address, AllowanceView, ChainId, ProtocolId, Reading, Token};

use super::{Heads, standing};
use crate::engine::Engine;

impl Engine {
    /// Per chain on which somebody may be given an allowance, every one above zero.
    pub(super) async fn allowances(
        &self,
        views: &BTreeMap<ChainId, View>,
        chains: &Heads,
    ) -> BTreeMap<ChainId, Reading<Vec<AllowanceView>>> {
        let lenders = self.registry.lenders();
        let on: BTreeSet<ChainId> = lenders.keys().map(|(chain, _)| *chain).collect();
        let mut allowances = BTreeMap::new();
        for chain in on {
            let reading = match (views.get(&chain), chains.get(&chain)) {
                (Some(view), Some(seen)) => {
                    standing(self.open_allowances(view, &lenders).await, &seen.head)
                }
                _ => Reading::missing(format!("chain {chain} could not be read")),
            };
            allowances.insert(chain, reading);
        }
        allowances
    }

    /// Every token of every wallet for every spender, with one batch.
    async fn open_allowances(
        &self,
        view: &View,
        lenders: &BTreeMap<(ChainId, Address), ProtocolId>,
    ) -> Result<Vec<AllowanceView>, ReadError> {
        let chain = view.chain();
        let tokens = |token: &&Token| token.chain == chain && !token.is_native();
        let mut asked = Vec::new();
        let mut whose = Vec::new();
        for ((_, spender), protocol) in lenders.iter().filter(|((on, _), _)| *on == chain) {
            for wallet in &self.settings.wallets {
                for token in self.tokens.iter().filter(tokens) {
                    asked.push((*wallet, token, *spender));
                    whose.push(protocol);
                }
            }
        }
        let answers = read_allowances(view, &asked).await;
        let mut open = Vec::new();
        for (((wallet, token, spender), protocol), amount) in
            asked.into_iter().zip(whose).zip(answers)
        {
            let amount = amount?;
            if !amount.is_zero() {
                open.push(AllowanceView {
                    wallet,
                    token: token.clone(),
                    spender,
                    protocol: protocol.clone(),
                    amount,
                });
            }
        }
        Ok(open)
    }
}
