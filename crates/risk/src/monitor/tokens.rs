//! What the contracts of tokens can do, as it was last known: a source that falls silent, or no
//! longer says something, takes nothing back.

use std::collections::BTreeSet;

use airdrops_types::{
    Address, AlertLevel, ChainId, ProtocolId, Reading, Scope, Token, TokenDanger, TokenFindings,
    TokenView,
};

use super::alerts::Condition;
use super::{Monitor, Seen};
use crate::breaker::{Fact, FactKind};
use crate::health::is_grave;

impl Monitor {
    /// Takes in what is said now about each watched token.
    pub(super) fn look_at_tokens(&mut self, seen: &Seen<'_>) {
        let said = &seen.marked.snapshot().market.tokens;
        let watched: BTreeSet<(ChainId, Address)> = self
            .policy
            .tokens
            .iter()
            .filter_map(|token| Some((token.chain, token.contract?)))
            .collect();
        self.state.tokens = watched
            .into_iter()
            .map(|(chain, contract)| {
                let find = |views: &[TokenView]| {
                    let view = views
                        .iter()
                        .find(|view| (view.chain, view.contract) == (chain, contract));
                    view.map(|view| view.findings.clone())
                };
                let now = find(said).unwrap_or_else(|| Reading::missing("was not asked"));
                TokenView {
                    chain,
                    contract,
                    findings: carried_on(find(&self.state.tokens), now),
                }
            })
            .collect();
    }

    /// Each watched token with what is known.
    fn known_tokens(&self) -> impl Iterator<Item = (&Token, &Reading<TokenFindings>)> {
        self.policy.tokens.iter().filter_map(|token| {
            let views = self.state.tokens.iter();
            let place = (token.chain, token.contract);
            let view = views
                .clone()
                .find(|view| (view.chain, Some(view.contract)) == place);
            Some((token, &view?.findings))
        })
    }

    /// The tokens underneath a protocol, on its chain.
    pub(super) fn tokens_under(
        &self,
        protocol: &ProtocolId,
    ) -> Vec<(String, Reading<TokenFindings>)> {
        let tokens = self.known_tokens();
        tokens
            .filter(|(token, _)| self.is_under(token, protocol))
            .map(|(token, findings)| (token.asset.to_string(), findings.clone()))
            .collect()
    }

    fn is_under(&self, token: &Token, protocol: &ProtocolId) -> bool {
        let assets = self.policy.assets_of.get(protocol);
        assets.is_some_and(|assets| assets.contains(&token.asset))
            && self.policy.chain_of.get(protocol) == Some(&token.chain)
    }

    /// Tokens with a grave danger, as one voice beside a report of trouble.
    pub(super) fn token_facts(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        for (token, findings) in self.known_tokens() {
            let grave = findings.fresh().map(|known| split(known).0);
            let Some(grave) = grave.filter(|grave| !grave.is_empty()) else {
                continue;
            };
            let evidence = format!("{} is said to be dangerous: {}", name(token), list(&grave));
            let protocols = self.policy.assets_of.keys();
            let above = protocols.filter(|protocol| self.is_under(token, protocol));
            let scopes = above.cloned().map(Scope::Protocol);
            for scope in scopes.chain([Scope::Asset(token.asset.clone())]) {
                facts.push(Fact {
                    scope,
                    kind: FactKind::TokenDanger,
                    evidence: evidence.clone(),
                });
            }
        }
        facts
    }

    /// What is told about tokens: one matter for the grave dangers of each and one for the others,
    /// which change with them.
    pub(super) fn token_conditions(&self) -> Vec<Condition> {
        let mut conditions = Vec::new();
        for (token, findings) in self.known_tokens() {
            let Some(known) = findings.last_known() else {
                continue;
            };
            let (grave, other) = split(known);
            for (level, dangers) in [(AlertLevel::Warning, grave), (AlertLevel::Info, other)] {
                if dangers.is_empty() {
                    continue;
                }
                let dangers = list(&dangers);
                conditions.push(Condition {
                    scope: Scope::Asset(token.asset.clone()),
                    matter: format!("token on chain {}: {dangers}", token.chain),
                    level,
                    evidence: format!("said of {} by a source that reads contracts", name(token)),
                });
            }
        }
        conditions
    }
}

/// What is known, from what was said `before` and what is said `now`.
fn carried_on(
    before: Option<Reading<TokenFindings>>,
    now: Reading<TokenFindings>,
) -> Reading<TokenFindings> {
    match (before, now) {
        (
            Some(Reading::Fresh { value, at } | Reading::Stale { value, at, .. }),
            Reading::Missing { reason },
        ) => Reading::Stale { value, at, reason },
        (Some(before), now) => match before.last_known() {
            Some(before) => now.map(|now| now.after(before)),
            None => now,
        },
        (None, now) => now,
    }
}

/// The grave dangers, and the others.
fn split(known: &TokenFindings) -> (Vec<TokenDanger>, Vec<TokenDanger>) {
    let dangers = known.dangers.iter().copied();
    dangers.partition(|danger| is_grave(*danger))
}

fn list(dangers: &[TokenDanger]) -> String {
    let dangers: Vec<String> = dangers.iter().map(ToString::to_string).collect();
    dangers.join(", ")
}

fn name(token: &Token) -> String {
    let contract = token.contract.map(|contract| contract.to_string());
    let contract = contract.unwrap_or_default();
    format!("{} ({contract} on chain {})", token.asset, token.chain)
}
