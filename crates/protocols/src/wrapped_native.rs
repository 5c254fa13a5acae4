//! Wrapped native currency, with the interface of WETH9.

use airdrops_chain::{ChainRead, ReadError};
use airdrops_types::{Action, Address, Operation, Position, ProtocolId, Token, U256};
use alloy::sol_types::SolCall;

use crate::abi::{call, paying};
use crate::catalogue::TaskKind;
use crate::draft::Draft;
use crate::erc20::{Approval, Erc20};
use crate::error::{BuildError, PlanError};
use crate::module::Speaks;
use crate::plan::Amounts;
use crate::views::Views;

alloy::sol! {
    interface IWeth {
        function deposit() external payable;
        function withdraw(uint256 wad) external;
    }
}

#[derive(Debug, Clone)]
pub(crate) struct WrappedNative {
    pub(crate) id: ProtocolId,
    pub(crate) native: Token,
    pub(crate) wrapped: Erc20,
}

impl WrappedNative {
    /// What it can do.
    pub(crate) const KINDS: &'static [TaskKind] = &[
        TaskKind::moves(
            "wrapped_native",
            "wrap",
            "Native currency to its wrapped token.",
        )
        .without_allowance()
        .undone_by("unwrap")
        .used(43_408, 2),
        TaskKind::moves(
            "wrapped_native",
            "unwrap",
            "The wrapped token to native currency.",
        )
        .without_allowance()
        .undone_by("wrap"),
    ];
}

impl Speaks for WrappedNative {
    fn kinds(&self) -> &'static [TaskKind] {
        Self::KINDS
    }

    fn tokens(&self) -> Vec<Token> {
        vec![self.native.clone(), self.wrapped.token.clone()]
    }

    fn receipt(&self) -> Option<Token> {
        None
    }

    fn calls(&self) -> Vec<(Address, [u8; 4])> {
        vec![
            (self.wrapped.address, IWeth::depositCall::SELECTOR),
            (self.wrapped.address, IWeth::withdrawCall::SELECTOR),
        ]
    }

    fn approvals(&self) -> Vec<&Approval> {
        Vec::new()
    }

    /// Both sides are plain holdings.
    async fn position(&self, _: &Views<'_>, _: Address) -> Result<Option<Position>, ReadError> {
        Ok(None)
    }

    async fn plan(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        action: &Action,
        amounts: &Amounts,
    ) -> Result<Vec<Operation>, PlanError> {
        if *action == Action::Unwrap {
            let held = self.wrapped.balance(view, wallet).await?;
            let tranches = amounts.within(held, &self.wrapped.token)?;
            return Ok(tranches
                .into_iter()
                .map(|amount| Operation::Unwrap { amount })
                .collect());
        }
        let held = view.native_balance(wallet).await?;
        let tranches = amounts.within_native(held, &self.native, action)?;
        Ok(tranches
            .into_iter()
            .map(|amount| Operation::Wrap { amount })
            .collect())
    }

    async fn draft(
        &self,
        _: &dyn ChainRead,
        _: Address,
        operation: &Operation,
    ) -> Result<Option<Draft>, BuildError> {
        let to = self.wrapped.address;
        let verb = operation.verb();
        let some = |amount: &U256| {
            if amount.is_zero() {
                let protocol = self.id.clone();
                return Err(BuildError::Nothing { protocol, verb });
            }
            Ok((self.native.amount(*amount), self.wrapped.amount(*amount)))
        };
        Ok(Some(match operation {
            Operation::Wrap { amount } => {
                let (native, wrapped) = some(amount)?;
                let summary = format!("wrap {native} at {}", self.id);
                Draft::new(paying(to, *amount, &IWeth::depositCall {}), summary)
                    .spends(native)
                    .receives(wrapped)
            }
            Operation::Unwrap { amount } => {
                let (native, wrapped) = some(amount)?;
                let summary = format!("unwrap {wrapped} at {}", self.id);
                Draft::new(call(to, &IWeth::withdrawCall { wad: *amount }), summary)
                    .spends(wrapped)
                    .receives(native)
            }
            _ => return Ok(None),
        }))
    }

    fn way_out(&self) -> Option<Action> {
        None
    }
}
