//! Synthetix-like `StakingRewards` pools of LP tokens.

use airdrops_chain::{ChainRead, ReadError};
use airdrops_types::{Action, Address, Operation, Position, ProtocolId, Token, U256};
use alloy::sol_types::SolCall;

use crate::abi::{ask, call};
use crate::catalogue::TaskKind;
use crate::draft::Draft;
use crate::erc20::{Approval, Erc20};
use crate::error::{BuildError, PlanError};
use crate::module::Speaks;
use crate::plan::{Allowance, Amounts};
use crate::uniswap_v2::UniswapV2;
use crate::views::Views;

alloy::sol! {
    interface IStaking {
        function balanceOf(address account) external view returns (uint256);
        function earned(address account) external view returns (uint256);
        function stake(uint256 amount) external;
        function exit() external;
    }
}

#[derive(Debug, Clone)]
pub(crate) struct StakingRewards {
    pub(crate) id: ProtocolId,
    pub(crate) reward: Erc20,
    /// The pool takes the LP token.
    pub(crate) stake: Approval,
    /// Whose LP token it is.
    pub(crate) pair: UniswapV2,
}

impl StakingRewards {
    fn pool(&self) -> Address {
        self.stake.spender
    }

    async fn staked(&self, view: &dyn ChainRead, wallet: Address) -> Result<U256, ReadError> {
        ask(
            view,
            self.pool(),
            IStaking::balanceOfCall { account: wallet },
        )
        .await
    }

    fn nothing(&self, verb: &'static str) -> BuildError {
        BuildError::Nothing {
            protocol: self.id.clone(),
            verb,
        }
    }

    async fn draft_stake(&self, view: &dyn ChainRead, amount: U256) -> Result<Draft, BuildError> {
        if amount.is_zero() {
            return Err(self.nothing("stake"));
        }
        let legs = self.pair.legs(view, amount).await?;
        let spent = self.stake.token.amount(amount);
        let what = IStaking::stakeCall { amount };
        let mut draft = Draft::new(
            call(self.pool(), &what),
            format!("stake {spent} in {}", self.id),
        )
        .spends(spent);
        for leg in &legs {
            draft = draft.grows(&self.id, &leg.token, leg.amount)?.shrinks(
                &self.pair.id,
                &leg.token,
                leg.amount,
            )?;
        }
        Ok(draft)
    }

    async fn draft_exit(&self, view: &dyn ChainRead, wallet: Address) -> Result<Draft, BuildError> {
        let staked = self.staked(view, wallet).await?;
        if staked.is_zero() {
            return Err(self.nothing("exit"));
        }
        let earned = ask(view, self.pool(), IStaking::earnedCall { account: wallet }).await?;
        let legs = self.pair.legs(view, staked).await?;
        let (stake, reward) = (self.stake.token.amount(staked), self.reward.amount(earned));
        let summary = format!("exit {} with {stake} and at least {reward}", self.id);
        let mut draft = Draft::new(call(self.pool(), &IStaking::exitCall {}), summary)
            .receives(stake)
            .receives(reward);
        // That the pair's position has them again is no growth: it was there before staking, and
        // an exit must stay possible where only reductions are.
        for leg in &legs {
            draft = draft.shrinks(&self.id, &leg.token, leg.amount)?;
        }
        Ok(draft)
    }
}

impl StakingRewards {
    /// What it can do.
    pub(crate) const KINDS: &'static [TaskKind] = &[
        TaskKind::adds(
            "staking_rewards",
            "stake",
            "Locks LP tokens to earn the reward.",
        )
        .undone_by("exit"),
        TaskKind {
            amounts: crate::catalogue::Amounts::All,
            ..TaskKind::reduces(
                "staking_rewards",
                "exit",
                "Takes all staked LP tokens and rewards out.",
            )
            .undone_by("stake")
        },
    ];
}

impl Speaks for StakingRewards {
    fn kinds(&self) -> &'static [TaskKind] {
        Self::KINDS
    }

    fn tokens(&self) -> Vec<Token> {
        vec![self.stake.token.token.clone(), self.reward.token.clone()]
    }

    fn receipt(&self) -> Option<Token> {
        Some(self.stake.token.token.clone())
    }

    fn calls(&self) -> Vec<(Address, [u8; 4])> {
        vec![
            (self.pool(), IStaking::stakeCall::SELECTOR),
            (self.pool(), IStaking::exitCall::SELECTOR),
        ]
    }

    fn approvals(&self) -> Vec<&Approval> {
        vec![&self.stake]
    }

    /// The share of the reserves of what is staked; rewards count when they arrive.
    async fn position(
        &self,
        views: &Views<'_>,
        wallet: Address,
    ) -> Result<Option<Position>, ReadError> {
        let view = views.get(self.pair.lp().token.chain)?;
        let staked = self.staked(view, wallet).await?;
        self.pair.holding(view, staked).await.map(Some)
    }

    async fn plan(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        action: &Action,
        amounts: &Amounts,
    ) -> Result<Vec<Operation>, PlanError> {
        if *action == Action::Exit {
            let staked = self.staked(view, wallet).await?;
            let steps = (!staked.is_zero()).then_some(Operation::Exit);
            return Ok(steps.into_iter().collect());
        }
        let held = self.stake.token.balance(view, wallet).await?;
        let tranches = amounts.within(held, &self.stake.token.token)?;
        let mut allowance = Allowance::read(view, wallet, &self.stake).await?;
        Ok(allowance.before_each(tranches, |amount| Operation::Stake { amount }))
    }

    async fn draft(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        operation: &Operation,
    ) -> Result<Option<Draft>, BuildError> {
        Ok(Some(match operation {
            Operation::Stake { amount } => self.draft_stake(view, *amount).await?,
            Operation::Exit => self.draft_exit(view, wallet).await?,
            _ => return Ok(None),
        }))
    }

    fn way_out(&self) -> Option<Action> {
        Some(Action::Exit)
    }
}
