//! From an action and resolved amounts to steps.

use airdrops_chain::{ChainRead, ReadError};
use airdrops_types::{Action, Address, Operation, Token, U256};

use crate::config::ModuleConfig;
use crate::erc20::Approval;
use crate::error::PlanError;

/// How much an action moves, in base units.
///
/// The unit is the token that goes in: for `AddLiquidity` the pool's `token_a`, for `Stake` the
/// LP token. What comes out is counted in what went in: `Withdraw` in the vault's asset and
/// `RemoveLiquidity` in `token_a`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amounts {
    /// One transaction each, so that none exceeds the transaction limit.
    Tranches(Vec<U256>),
    /// All that the wallet (or its position) holds when the plan is made.
    Everything,
}

impl Amounts {
    /// The tranches that are something; everything is one tranche of `held`.
    ///
    /// # Errors
    /// [`PlanError::NotEnough`] if they add up to more than `held`.
    pub(crate) fn within(&self, held: U256, what: &Token) -> Result<Vec<U256>, PlanError> {
        let tranches = match self {
            Self::Everything => vec![held],
            Self::Tranches(tranches) => tranches.clone(),
        };
        let need = tranches
            .iter()
            .fold(U256::ZERO, |sum, tranche| sum.saturating_add(*tranche));
        if need > held {
            return Err(PlanError::NotEnough {
                what: what.clone(),
                have: held,
                need,
            });
        }
        Ok(some(tranches))
    }

    /// [`Self::within`], for native currency: everything is refused, because fees must be paid.
    pub(crate) fn within_native(
        &self,
        held: U256,
        what: &Token,
        action: &Action,
    ) -> Result<Vec<U256>, PlanError> {
        match self {
            Self::Everything => Err(PlanError::NeedsAmount {
                action: action.verb(),
            }),
            Self::Tranches(_) => self.within(held, what),
        }
    }

    /// The tranches that are something, cut off where `held` ends; `true` marks the one that
    /// takes the rest. For what only takes out: asking for more than there is takes all.
    pub(crate) fn up_to(&self, held: U256) -> Vec<(U256, bool)> {
        let tranches = match self {
            Self::Everything => vec![held],
            Self::Tranches(tranches) => tranches.clone(),
        };
        let mut rest = held;
        let mut steps = Vec::new();
        for tranche in some(tranches) {
            let taken = tranche.min(rest);
            if taken.is_zero() {
                break;
            }
            rest -= taken;
            steps.push((taken, rest.is_zero()));
        }
        steps
    }
}

fn some(mut tranches: Vec<U256>) -> Vec<U256> {
    tranches.retain(|tranche| !tranche.is_zero());
    tranches
}

/// Sets an allowance before each step that uses it up.
pub(crate) struct Allowance<'a> {
    approval: &'a Approval,
    current: U256,
}

impl<'a> Allowance<'a> {
    pub(crate) async fn read(
        view: &dyn ChainRead,
        wallet: Address,
        approval: &'a Approval,
    ) -> Result<Self, ReadError> {
        let current = approval
            .token
            .allowance(view, wallet, approval.spender)
            .await?;
        Ok(Self { approval, current })
    }

    /// A step that sets it to exactly `amount`, unless it is that; then the step after uses it.
    pub(crate) fn exactly(&mut self, amount: U256) -> Option<Operation> {
        let step = (self.current != amount).then(|| self.set(amount));
        self.current = U256::ZERO;
        step
    }

    /// The steps of all tranches, each after the approval that it uses up.
    pub(crate) fn before_each(
        &mut self,
        tranches: impl IntoIterator<Item = U256>,
        step: impl Fn(U256) -> Operation,
    ) -> Vec<Operation> {
        let mut steps = Vec::new();
        for amount in tranches {
            steps.extend(self.exactly(amount));
            steps.push(step(amount));
        }
        steps
    }

    /// A step that takes back what is left of it.
    pub(crate) fn revoke(&self) -> Option<Operation> {
        (!self.current.is_zero()).then(|| self.set(U256::ZERO))
    }

    fn set(&self, amount: U256) -> Operation {
        Operation::Approve {
            token: self.approval.token.token.clone(),
            spender: self.approval.spender,
            amount,
        }
    }
}

/// The refusal of an action that a module does not know.
pub(crate) fn unsupported(action: &Action, module: &ModuleConfig) -> PlanError {
    PlanError::Unsupported {
        action: action.verb(),
        module: module.name(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use airdrops_types::{AssetId, ChainId};
    use proptest::prelude::*;

    fn ether() -> Token {
        Token {
            chain: ChainId(1),
            contract: None,
            asset: AssetId::new("ETH"),
            decimals: 18,
        }
    }

    proptest! {
        #[test]
        fn taking_out_never_exceeds_what_is_held(held in any::<u64>(), tranches in prop::collection::vec(any::<u64>(), 0..5)) {
            let wanted: u128 = tranches.iter().map(|tranche| u128::from(*tranche)).sum();
            let steps = Amounts::Tranches(tranches.into_iter().map(U256::from).collect()).up_to(U256::from(held));
            let taken = steps.iter().fold(U256::ZERO, |sum, (amount, _)| sum + amount);
            prop_assert_eq!(taken, U256::from(wanted.min(u128::from(held))));
            prop_assert_eq!(steps.iter().any(|(_, rest)| *rest), held > 0 && wanted >= u128::from(held));
            prop_assert!(steps.iter().rev().skip(1).all(|(_, rest)| !rest));
        }
    }

    #[test]
    fn spending_more_than_is_held_is_refused_with_both_amounts() {
        let amounts = Amounts::Tranches(vec![U256::from(3), U256::from(4)]);
        assert_eq!(
            amounts.within(U256::from(6), &ether()),
            Err(PlanError::NotEnough {
                what: ether(),
                have: U256::from(6),
                need: U256::from(7)
            })
        );
        assert_eq!(amounts.within(U256::from(7), &ether()).unwrap().len(), 2);
        assert!(
            Amounts::Tranches(vec![U256::MAX, U256::MAX])
                .within(U256::from(1), &ether())
                .is_err()
        );
    }

    #[test]
    fn native_currency_is_never_spent_to_the_last_wei() {
        assert_eq!(
            Amounts::Everything.within_native(U256::from(9), &ether(), &Action::Wrap),
            Err(PlanError::NeedsAmount { action: "wrap" })
        );
    }
}
