//! What a module says about one call, before it becomes an intent.

use airdrops_types::{
    AllowanceChange, Call, I256, PositionDelta, ProtocolId, Token, TokenAmount, U256,
};

use crate::error::BuildError;

/// A call and everything that it is meant to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) call: Call,
    pub(crate) spend: Vec<TokenAmount>,
    pub(crate) receive: Vec<TokenAmount>,
    pub(crate) allowances: Vec<AllowanceChange>,
    pub(crate) positions: Vec<PositionDelta>,
    /// Verb, amounts and protocol, for people.
    pub(crate) summary: String,
}

impl Draft {
    pub(crate) fn new(call: Call, summary: String) -> Self {
        Self {
            call,
            spend: Vec::new(),
            receive: Vec::new(),
            allowances: Vec::new(),
            positions: Vec::new(),
            summary,
        }
    }

    /// At most this leaves the wallet.
    pub(crate) fn spends(mut self, amount: TokenAmount) -> Self {
        merge(&mut self.spend, amount);
        self
    }

    /// At least this arrives in the wallet.
    pub(crate) fn receives(mut self, amount: TokenAmount) -> Self {
        merge(&mut self.receive, amount);
        self
    }

    /// The position grows by at most this.
    pub(crate) fn grows(
        mut self,
        protocol: &ProtocolId,
        token: &Token,
        amount: U256,
    ) -> Result<Self, BuildError> {
        let delta = I256::try_from(amount).map_err(|_| BuildError::TooLarge)?;
        self.positions.push(PositionDelta {
            protocol: protocol.clone(),
            token: token.clone(),
            delta,
        });
        Ok(self)
    }

    /// The position shrinks by at least this.
    pub(crate) fn shrinks(
        mut self,
        protocol: &ProtocolId,
        token: &Token,
        amount: U256,
    ) -> Result<Self, BuildError> {
        let delta = I256::try_from(amount).map_err(|_| BuildError::TooLarge)?;
        self.positions.push(PositionDelta {
            protocol: protocol.clone(),
            token: token.clone(),
            delta: -delta,
        });
        Ok(self)
    }
}

/// One entry per token; nothing is not an entry.
fn merge(list: &mut Vec<TokenAmount>, amount: TokenAmount) {
    if amount.amount.is_zero() {
        return;
    }
    match list.iter_mut().find(|have| have.token == amount.token) {
        Some(have) => have.amount = have.amount.saturating_add(amount.amount),
        None => list.push(amount),
    }
}
