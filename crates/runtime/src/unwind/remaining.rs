//! What is left in a scope: positions and open allowances, and what of them cannot be seen or
//! cannot be ended.

use airdrops_protocols::ProtocolConfig;
use airdrops_risk::Touched;
use airdrops_types::{
    Address, AllowanceView, AssetId, Position, PositionView, ProtocolId, Reading, Rounding, Scope,
    Snapshot, TokenAmount, Usd,
};

use super::order::{Candidate, in_order_of_risk};
use crate::engine::Engine;

/// What one wallet has in one protocol that an unwind can end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) candidate: Candidate,
    /// The underlying amounts of the position; none if there are only allowances.
    pub(crate) holds: Vec<TokenAmount>,
    pub(crate) allowances: Vec<AllowanceView>,
    /// Whether every part of it was read freshly.
    pub(crate) fresh: bool,
}

/// Everything that is left in a scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Remaining {
    /// What can be unwound, in order of risk.
    pub(crate) left: Vec<Left>,
    /// What is there and cannot be ended by this program.
    pub(crate) beyond: Vec<String>,
    /// What could hide something: it was not read freshly.
    pub(crate) unknown: Vec<String>,
}

impl Engine {
    /// The risk score of a protocol as it was last assessed; 0 before.
    fn risk_of(&self, protocol: &ProtocolId) -> u8 {
        let scope = Scope::Protocol(protocol.clone());
        let signal = self.signals.iter().find(|signal| signal.scope == scope);
        signal.map_or(0, |signal| signal.score)
    }

    /// Whether what `wallet` has in `protocol` lies in `scope`. Who holds receipts of another
    /// protocol lies wherever that one lies: there is no other way out of it.
    pub(crate) fn covers(&self, scope: &Scope, protocol: &ProtocolConfig, wallet: Address) -> bool {
        let covered = match scope {
            Scope::Everything => true,
            Scope::Chain(chain) => protocol.chain == *chain,
            Scope::Protocol(id) => protocol.id == *id,
            Scope::Wallet(of) => wallet == *of,
            Scope::Asset(asset) => {
                let tokens = self.registry.tokens_of(protocol);
                tokens.iter().any(|token| token.asset == *asset)
            }
        };
        let underlying = protocol.module.exits_into();
        covered
            || underlying
                .and_then(|id| self.registry.get(id))
                .is_some_and(|underlying| self.covers(scope, underlying, wallet))
    }

    /// What a snapshot shows in `scope`.
    pub(crate) fn remaining(&self, scope: &Scope, snapshot: &Snapshot) -> Remaining {
        let mut found = Remaining::default();
        let mut all: Vec<Left> = Vec::new();
        for view in &snapshot.positions {
            let Some(protocol) = self.registry.get(&view.protocol) else {
                continue;
            };
            if self.covers(scope, protocol, view.wallet) {
                self.add_position(view, protocol, snapshot, &mut all, &mut found);
            }
        }
        for (chain, reading) in &snapshot.allowances {
            let on_chain = |protocol: &&ProtocolConfig| {
                let mut wallets = self.settings.wallets.iter();
                protocol.chain == *chain
                    && wallets.any(|wallet| self.covers(scope, protocol, *wallet))
            };
            if self.registry.iter().find(on_chain).is_none() {
                continue;
            }
            if let Some(defect) = reading.defect() {
                let what = format!("the open allowances on chain {chain} are {defect}");
                found.unknown.push(what);
            }
            let fresh = reading.fresh().is_some();
            for view in reading.last_known().into_iter().flatten() {
                self.add_allowance(scope, view, fresh, snapshot, &mut all, &mut found);
            }
        }
        found.left = self.ordered(all, snapshot);
        found
    }

    fn add_position(
        &self,
        view: &PositionView,
        protocol: &ProtocolConfig,
        snapshot: &Snapshot,
        all: &mut Vec<Left>,
        found: &mut Remaining,
    ) {
        if let Some(defect) = view.position.defect() {
            found.unknown.push(format!(
                "the position of {} in {} is {defect}",
                view.wallet, view.protocol
            ));
        }
        let Some(position) = view.position.last_known() else {
            return;
        };
        let amounts = |position: &Position| -> Vec<TokenAmount> {
            let legs = position.legs.iter().map(|leg| leg.amount.clone());
            legs.filter(|amount| !amount.amount.is_zero()).collect()
        };
        let holds = amounts(position);
        let receipts = position.receipts.iter();
        if holds.is_empty() && receipts.clone().all(|receipt| receipt.amount.is_zero()) {
            return;
        }
        if !self.registry.has_way_out(protocol) {
            let holds: Vec<String> = holds.iter().map(ToString::to_string).collect();
            found.beyond.push(format!(
                "{} of {} in {} cannot be called back: it is on its way",
                holds.join(" and "),
                view.wallet,
                view.protocol
            ));
            return;
        }
        let mut left = self.entry(view.wallet, protocol, snapshot);
        left.holds = holds;
        left.fresh = view.position.fresh().is_some();
        all.push(left);
    }

    fn add_allowance(
        &self,
        scope: &Scope,
        view: &AllowanceView,
        fresh: bool,
        snapshot: &Snapshot,
        all: &mut Vec<Left>,
        found: &mut Remaining,
    ) {
        let mut users = self.registry.users_of(&view.token, view.spender);
        if let Some(user) = users.find(|user| self.covers(scope, user, view.wallet)) {
            let known = |left: &&mut Left| {
                (left.candidate.wallet, &left.candidate.protocol) == (view.wallet, &user.id)
            };
            match all.iter_mut().find(known) {
                Some(left) => {
                    left.fresh &= fresh;
                    left.allowances.push(view.clone());
                }
                None => {
                    let mut left = self.entry(view.wallet, user, snapshot);
                    left.fresh = fresh;
                    left.allowances.push(view.clone());
                    all.push(left);
                }
            }
            return;
        }
        let lender = self.registry.get(&view.protocol);
        let ours = self.registry.users_of(&view.token, view.spender).next();
        if ours.is_none() && lender.is_some_and(|of| self.covers(scope, of, view.wallet)) {
            found.beyond.push(format!(
                "the allowance of {} of {} for {} serves no configured protocol: take it back by hand",
                view.token.amount(view.amount),
                view.wallet,
                view.spender
            ));
        }
    }

    fn entry(&self, wallet: Address, protocol: &ProtocolConfig, snapshot: &Snapshot) -> Left {
        let tokens = self.registry.tokens_of(protocol);
        let position = snapshot
            .positions
            .iter()
            .find(|view| view.wallet == wallet && view.protocol == protocol.id)
            .and_then(|view| view.position.last_known());
        let legs = position.into_iter().flat_map(|position| &position.legs);
        let assets: Vec<&AssetId> = tokens
            .iter()
            .map(|token| &token.asset)
            .chain(legs.map(|leg| &leg.amount.token.asset))
            .collect();
        let touched = Touched {
            chains: vec![protocol.chain],
            wallets: vec![wallet],
            protocols: vec![&protocol.id],
            assets,
        };
        Left {
            candidate: Candidate {
                wallet,
                protocol: protocol.id.clone(),
                control: self.gate.state().control.state_for(&touched).0,
                risk: self.risk_of(&protocol.id),
                value: None,
                exits_into: protocol.module.exits_into().cloned(),
            },
            holds: Vec::new(),
            allowances: Vec::new(),
            fresh: false,
        }
    }

    /// Values what is there, and brings it in order.
    fn ordered(&self, mut all: Vec<Left>, snapshot: &Snapshot) -> Vec<Left> {
        for left in &mut all {
            let lent = left
                .allowances
                .iter()
                .filter(|view| !is_receipt(self, view))
                .map(|view| {
                    let held = snapshot
                        .holdings
                        .iter()
                        .find(|held| held.wallet == view.wallet && held.token == view.token)
                        .and_then(|held| held.amount.last_known());
                    view.token
                        .amount(held.map_or(view.amount, |held| view.amount.min(*held)))
                });
            let lent: Vec<TokenAmount> = lent.collect();
            left.candidate.value = left
                .holds
                .iter()
                .chain(&lent)
                .try_fold(Usd::ZERO, |sum, amount| {
                    Some(sum + value(snapshot, amount)?)
                });
        }
        let candidates = all.iter().map(|left| left.candidate.clone()).collect();
        in_order_of_risk(candidates)
            .iter()
            .filter_map(|next| {
                let index = all.iter().position(|left| left.candidate == *next)?;
                Some(all.swap_remove(index))
            })
            .collect()
    }
}

/// A receipt counts through its position.
fn is_receipt(engine: &Engine, view: &AllowanceView) -> bool {
    engine.registry.receipt_tokens().contains(&view.token)
}

fn value(snapshot: &Snapshot, amount: &TokenAmount) -> Option<Usd> {
    snapshot
        .prices
        .get(&amount.token.asset)
        .and_then(Reading::last_known)
        .and_then(|price| price.value(amount.amount, amount.token.decimals, Rounding::Up))
}
