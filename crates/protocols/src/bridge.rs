//! A bridge of one token that counts what each account sent on one chain and received on the other.

use airdrops_chain::{ChainRead, ReadError};
use airdrops_types::{
    Action, Address, ChainId, Operation, Position, PositionLeg, ProtocolId, Token, U256,
};
use alloy::sol_types::SolCall;

use crate::abi::{ask, paying};
use crate::catalogue::TaskKind;
use crate::draft::Draft;
use crate::erc20::Approval;
use crate::error::{BuildError, PlanError};
use crate::module::Speaks;
use crate::plan::{Allowance, Amounts};
use crate::views::Views;

alloy::sol! {
    interface IBridge {
        function sent(address account) external view returns (uint256);
        function received(address account) external view returns (uint256);
        function send(uint256 amount) external payable;
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Bridge {
    pub(crate) id: ProtocolId,
    pub(crate) contract: Address,
    pub(crate) remote_chain: ChainId,
    pub(crate) remote_contract: Address,
    pub(crate) token: Token,
    pub(crate) remote_token: Token,
    /// The bridge takes the token; native currency is sent along.
    pub(crate) take: Option<Approval>,
}

impl Bridge {
    /// What it can do.
    pub(crate) const KINDS: &'static [TaskKind] = &[TaskKind::adds(
        "bridge",
        "bridge",
        "Sends the asset to the chain at the other end.",
    )
    .used(69_260, 5)];
}

impl Speaks for Bridge {
    fn kinds(&self) -> &'static [TaskKind] {
        Self::KINDS
    }

    fn tokens(&self) -> Vec<Token> {
        vec![self.token.clone(), self.remote_token.clone()]
    }

    fn receipt(&self) -> Option<Token> {
        None
    }

    fn calls(&self) -> Vec<(Address, [u8; 4])> {
        vec![(self.contract, IBridge::sendCall::SELECTOR)]
    }

    fn approvals(&self) -> Vec<&Approval> {
        self.take.iter().collect()
    }

    /// What was sent and has not arrived. The far end is read first, so that an arrival in
    /// between makes the amount too large for a moment and never too small.
    async fn position(
        &self,
        views: &Views<'_>,
        wallet: Address,
    ) -> Result<Option<Position>, ReadError> {
        let (near, far) = (views.get(self.token.chain)?, views.get(self.remote_chain)?);
        let question = IBridge::receivedCall { account: wallet };
        let received = ask(far, self.remote_contract, question).await?;
        let question = IBridge::sentCall { account: wallet };
        let sent = ask(near, self.contract, question).await?;
        Ok(Some(Position {
            legs: vec![PositionLeg {
                amount: self.token.amount(sent.saturating_sub(received)),
            }],
            receipts: Vec::new(),
        }))
    }

    async fn plan(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        action: &Action,
        amounts: &Amounts,
    ) -> Result<Vec<Operation>, PlanError> {
        let Some(take) = &self.take else {
            let held = view.native_balance(wallet).await?;
            let tranches = amounts.within_native(held, &self.token, action)?;
            return Ok(tranches
                .into_iter()
                .map(|amount| Operation::Bridge { amount })
                .collect());
        };
        let held = take.token.balance(view, wallet).await?;
        let tranches = amounts.within(held, &self.token)?;
        let mut allowance = Allowance::read(view, wallet, take).await?;
        Ok(allowance.before_each(tranches, |amount| Operation::Bridge { amount }))
    }

    async fn draft(
        &self,
        _: &dyn ChainRead,
        _: Address,
        operation: &Operation,
    ) -> Result<Option<Draft>, BuildError> {
        let Operation::Bridge { amount } = operation else {
            return Ok(None);
        };
        if amount.is_zero() {
            return Err(BuildError::Nothing {
                protocol: self.id.clone(),
                verb: "bridge",
            });
        }
        let value = if self.take.is_some() {
            U256::ZERO
        } else {
            *amount
        };
        let spent = self.token.amount(*amount);
        let what = IBridge::sendCall { amount: *amount };
        Draft::new(
            paying(self.contract, value, &what),
            format!(
                "bridge {spent} to chain {} by {}",
                self.remote_chain, self.id
            ),
        )
        .spends(spent)
        .grows(&self.id, &self.token, *amount)
        .map(Some)
    }

    /// What is on its way cannot be called back.
    fn way_out(&self) -> Option<Action> {
        None
    }
}
