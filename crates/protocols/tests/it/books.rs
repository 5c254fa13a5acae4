//! Executes steps on a paper chain and holds each intent to what it declared.

use std::collections::BTreeMap;

use airdrops_protocols::{Amounts, PlanError};
use airdrops_types::{Action, I256, Operation, Origin, ProtocolId, TaskId, Token, U256};

use crate::world::{WALLET, World};

/// All that a wallet has here.
pub(crate) struct Books {
    pub(crate) balances: BTreeMap<Token, U256>,
    pub(crate) allowances: Vec<U256>,
    pub(crate) positions: BTreeMap<(ProtocolId, Token), U256>,
}

impl World {
    pub(crate) async fn books(&self) -> Books {
        let tokens = self
            .registry
            .tokens()
            .into_iter()
            .filter(|token| token.chain.0 == 1);
        let balances: BTreeMap<_, _> = tokens
            .map(|token| (token.clone(), self.balance(&token)))
            .collect();
        let contracts = balances.keys().filter(|token| !token.is_native());
        let allowances = contracts
            .flat_map(|token| {
                let spenders = self.registry.spenders().into_iter();
                spenders.map(move |(_, spender)| self.allowance(token, spender))
            })
            .collect();
        let mut positions = BTreeMap::new();
        for protocol in self.registry.iter() {
            for leg in self
                .position(protocol.id.as_str())
                .await
                .into_iter()
                .flat_map(|held| held.legs)
            {
                positions.insert((protocol.id.clone(), leg.amount.token), leg.amount.amount);
            }
        }
        Books {
            balances,
            allowances,
            positions,
        }
    }

    pub(crate) async fn plan(
        &self,
        protocol: &str,
        action: &Action,
        amounts: &Amounts,
    ) -> Result<Vec<Operation>, PlanError> {
        let config = self.registry.get(&protocol.into()).unwrap();
        self.registry
            .plan(config, &self.view(), WALLET, action, amounts)
            .await
    }

    /// Executes one step and holds the intent to its word.
    pub(crate) async fn execute(&self, protocol: &str, operation: &Operation) {
        let config = self.registry.get(&protocol.into()).unwrap();
        let task = TaskId::new("test");
        let intent = self
            .registry
            .build(
                config,
                &self.view(),
                WALLET,
                operation,
                &task,
                0,
                Origin::Scheduler,
            )
            .await
            .unwrap();
        let before = self.books().await;
        self.near
            .transact(
                WALLET,
                intent.call.to,
                intent.call.value,
                intent.call.data.clone(),
            )
            .unwrap_or_else(|error| panic!("{}: {error}", intent.summary));
        let after = self.books().await;

        let what = &intent.summary;
        for (token, now) in &after.balances {
            let was = before.balances[token];
            let amount = |list: &[airdrops_types::TokenAmount]| {
                list.iter()
                    .find(|entry| entry.token == *token)
                    .map_or(U256::ZERO, |entry| entry.amount)
            };
            let (most_out, least_in) = (amount(&intent.spend), amount(&intent.receive));
            assert!(
                *now + most_out >= was + least_in,
                "{what}: {token:?} {was} → {now}"
            );
            if most_out.is_zero() && least_in.is_zero() {
                assert_eq!(*now, was, "{what}: {token:?} moved undeclared");
            }
        }
        for set in &intent.allowances {
            assert_eq!(
                self.allowance(&set.token, set.spender),
                set.amount,
                "{what}"
            );
        }
        let grown = before
            .allowances
            .iter()
            .zip(&after.allowances)
            .filter(|(was, now)| now > was)
            .count();
        assert!(
            grown <= intent.allowances.len(),
            "{what}: undeclared allowance"
        );
        let change_of =
            |key: &_| I256::from_raw(after.positions[key]) - I256::from_raw(before.positions[key]);
        for key in after.positions.keys() {
            let change = change_of(key);
            let declared = intent
                .positions
                .iter()
                .filter(|delta| (&delta.protocol, &delta.token) == (&key.0, &key.1))
                .fold(I256::ZERO, |sum, delta| sum + delta.delta);
            // Shares of the whole are rounded at both ends.
            let one = I256::ONE;
            // An exit from a farm gives the pair's receipts back to the wallet: the pair's position
            // shows again what the farm's no longer does, and no more.
            let returned = intent
                .positions
                .iter()
                .filter(|delta| delta.token == key.1 && delta.delta.is_negative())
                .fold(I256::ZERO, |sum, delta| {
                    sum - change_of(&(delta.protocol.clone(), key.1.clone()))
                });
            if declared.is_zero() && change.is_positive() && change <= returned + one {
                continue;
            }
            assert!(
                change <= declared + one,
                "{what}: {key:?} changed by {change}, declared {declared}"
            );
            if declared.is_zero() {
                assert_eq!(change, I256::ZERO, "{what}: {key:?}");
            }
        }
    }

    pub(crate) async fn run(
        &self,
        protocol: &str,
        action: Action,
        amounts: Amounts,
    ) -> Vec<Operation> {
        let steps = self.plan(protocol, &action, &amounts).await.unwrap();
        for step in &steps {
            self.execute(protocol, step).await;
        }
        assert!(!steps.is_empty());
        steps
    }

    pub(crate) async fn legs(&self, protocol: &str) -> Vec<U256> {
        let position = self.position(protocol).await.unwrap();
        position.legs.iter().map(|leg| leg.amount.amount).collect()
    }
}
