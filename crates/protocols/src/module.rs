//! What every module answers, and the choice among them.

use airdrops_chain::{ChainRead, ReadError};
use airdrops_types::{Action, Address, Operation, Position, Token};

use crate::bridge::Bridge;
use crate::catalogue::TaskKind;
use crate::draft::Draft;
use crate::erc20::Approval;
use crate::erc4626::Erc4626;
use crate::error::{BuildError, PlanError};
use crate::merkle_distributor::MerkleDistributor;
use crate::plan::Amounts;
use crate::staking_rewards::StakingRewards;
use crate::uniswap_v2::UniswapV2;
use crate::views::Views;
use crate::wrapped_native::WrappedNative;

/// What every module answers. Views are of the module's own chain, and approvals are drafted by
/// the caller.
pub(crate) trait Speaks {
    /// Every token that it may move.
    fn tokens(&self) -> Vec<Token>;

    /// The token that stands for a position and has no price of its own.
    fn receipt(&self) -> Option<Token>;

    /// Every call that [`Self::draft`] may make.
    fn calls(&self) -> Vec<(Address, [u8; 4])>;

    /// Every allowance that [`Self::plan`] may set.
    fn approvals(&self) -> Vec<&Approval>;

    /// What it can do.
    fn kinds(&self) -> &'static [TaskKind];

    /// Whether it can do that at all.
    fn supports(&self, action: &Action) -> bool {
        self.kinds().iter().any(|kind| kind.action == action.verb())
    }

    /// What `wallet` holds; `None` if the module has no positions.
    async fn position(
        &self,
        views: &Views<'_>,
        wallet: Address,
    ) -> Result<Option<Position>, ReadError>;

    /// The steps of a supported action; none if there is nothing to do.
    async fn plan(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        action: &Action,
        amounts: &Amounts,
    ) -> Result<Vec<Operation>, PlanError>;

    /// The call of a step; `None` if the step is not one of this module's.
    async fn draft(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        operation: &Operation,
    ) -> Result<Option<Draft>, BuildError>;

    /// The action that ends a position.
    fn way_out(&self) -> Option<Action>;
}

/// One of the modules.
#[derive(Debug, Clone)]
pub(crate) enum Module {
    WrappedNative(WrappedNative),
    Erc4626(Erc4626),
    UniswapV2(UniswapV2),
    StakingRewards(Box<StakingRewards>),
    Bridge(Bridge),
    MerkleDistributor(MerkleDistributor),
}

macro_rules! each {
    ($module:expr, $inner:ident => $body:expr) => {
        match $module {
            Module::WrappedNative($inner) => $body,
            Module::Erc4626($inner) => $body,
            Module::UniswapV2($inner) => $body,
            Module::StakingRewards($inner) => $body,
            Module::Bridge($inner) => $body,
            Module::MerkleDistributor($inner) => $body,
        }
    };
}

impl Speaks for Module {
    fn tokens(&self) -> Vec<Token> {
        each!(self, module => module.tokens())
    }

    fn receipt(&self) -> Option<Token> {
        each!(self, module => module.receipt())
    }

    fn calls(&self) -> Vec<(Address, [u8; 4])> {
        each!(self, module => module.calls())
    }

    fn approvals(&self) -> Vec<&Approval> {
        each!(self, module => module.approvals())
    }

    fn kinds(&self) -> &'static [TaskKind] {
        each!(self, module => module.kinds())
    }

    fn supports(&self, action: &Action) -> bool {
        each!(self, module => module.supports(action))
    }

    async fn position(
        &self,
        views: &Views<'_>,
        wallet: Address,
    ) -> Result<Option<Position>, ReadError> {
        each!(self, module => module.position(views, wallet).await)
    }

    async fn plan(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        action: &Action,
        amounts: &Amounts,
    ) -> Result<Vec<Operation>, PlanError> {
        each!(self, module => module.plan(view, wallet, action, amounts).await)
    }

    async fn draft(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        operation: &Operation,
    ) -> Result<Option<Draft>, BuildError> {
        each!(self, module => module.draft(view, wallet, operation).await)
    }

    fn way_out(&self) -> Option<Action> {
        each!(self, module => module.way_out())
    }
}
