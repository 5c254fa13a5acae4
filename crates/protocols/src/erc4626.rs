//! ERC-4626 vaults.

use airdrops_chain::{ChainRead, ReadError};
use airdrops_types::{
    Action, Address, Bps, Operation, Position, PositionLeg, ProtocolId, Token, U256,
};
use alloy::sol_types::SolCall;

use crate::abi::{ask, call};
use crate::catalogue::TaskKind;
use crate::draft::Draft;
use crate::erc20::{Approval, Erc20};
use crate::error::{BuildError, PlanError};
use crate::module::Speaks;
use crate::plan::{Allowance, Amounts};
use crate::pool::{least, most};
use crate::views::Views;

alloy::sol! {
    interface IVault {
        function convertToAssets(uint256 shares) external view returns (uint256);
        function previewDeposit(uint256 assets) external view returns (uint256);
        function previewWithdraw(uint256 assets) external view returns (uint256);
        function previewRedeem(uint256 shares) external view returns (uint256);
        function maxWithdraw(address owner) external view returns (uint256);
        function maxRedeem(address owner) external view returns (uint256);
        function deposit(uint256 assets, address receiver) external returns (uint256);
        function withdraw(uint256 assets, address receiver, address owner) external returns (uint256);
        function redeem(uint256 shares, address receiver, address owner) external returns (uint256);
    }
}

/// How far a preview may move until execution. ERC-4626 calls take no minimum, so this bounds
/// what the simulation may show.
const DRIFT: Bps = Bps(1);

#[derive(Debug, Clone)]
pub(crate) struct Erc4626 {
    pub(crate) id: ProtocolId,
    pub(crate) share: Erc20,
    /// The vault takes the asset.
    pub(crate) deposit: Approval,
}

impl Erc4626 {
    fn asset(&self) -> &Token {
        &self.deposit.token.token
    }

    fn nothing(&self, verb: &'static str) -> BuildError {
        BuildError::Nothing {
            protocol: self.id.clone(),
            verb,
        }
    }

    async fn supply(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        amount: U256,
    ) -> Result<Draft, BuildError> {
        let vault = self.share.address;
        let shares = ask(view, vault, IVault::previewDepositCall { assets: amount }).await?;
        if amount.is_zero() || shares.is_zero() {
            return Err(self.nothing("supply"));
        }
        let what = IVault::depositCall {
            assets: amount,
            receiver: wallet,
        };
        let spent = self.asset().amount(amount);
        Draft::new(call(vault, &what), format!("supply {spent} to {}", self.id))
            .spends(spent)
            .receives(self.share.amount(least(shares, DRIFT)))
            .grows(&self.id, self.asset(), amount)
    }

    async fn withdraw(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        amount: U256,
    ) -> Result<Draft, BuildError> {
        let vault = self.share.address;
        let held = self.share.balance(view, wallet).await?;
        let shares = ask(view, vault, IVault::previewWithdrawCall { assets: amount }).await?;
        if amount.is_zero() || held.is_zero() {
            return Err(self.nothing("withdraw"));
        }
        let what = IVault::withdrawCall {
            assets: amount,
            receiver: wallet,
            owner: wallet,
        };
        let taken = self.asset().amount(amount);
        Draft::new(
            call(vault, &what),
            format!("withdraw {taken} from {}", self.id),
        )
        .spends(self.share.amount(most(shares, DRIFT).min(held)))
        .receives(taken)
        .shrinks(&self.id, self.asset(), amount)
    }

    async fn redeem_all(&self, view: &dyn ChainRead, wallet: Address) -> Result<Draft, BuildError> {
        let vault = self.share.address;
        let shares = self.share.balance(view, wallet).await?;
        let assets = ask(view, vault, IVault::previewRedeemCall { shares }).await?;
        if assets.is_zero() {
            return Err(self.nothing("withdraw"));
        }
        let what = IVault::redeemCall {
            shares,
            receiver: wallet,
            owner: wallet,
        };
        let taken = self.asset().amount(least(assets, DRIFT));
        let summary = format!(
            "withdraw all, {}, from {}",
            self.asset().amount(assets),
            self.id
        );
        let amount = taken.amount;
        Draft::new(call(vault, &what), summary)
            .spends(self.share.amount(shares))
            .receives(taken)
            .shrinks(&self.id, self.asset(), amount)
    }
}

impl Erc4626 {
    /// What it can do.
    pub(crate) const KINDS: &'static [TaskKind] = &[
        TaskKind::adds("erc4626", "supply", "Deposits the asset into the vault.")
            .undone_by("withdraw")
            .used(69_546, 12),
        TaskKind::reduces("erc4626", "withdraw", "Takes the asset out of the vault.")
            .undone_by("supply")
            .used(62_174, 3),
    ];
}

impl Speaks for Erc4626 {
    fn kinds(&self) -> &'static [TaskKind] {
        Self::KINDS
    }

    fn tokens(&self) -> Vec<Token> {
        vec![self.asset().clone(), self.share.token.clone()]
    }

    fn receipt(&self) -> Option<Token> {
        Some(self.share.token.clone())
    }

    fn calls(&self) -> Vec<(Address, [u8; 4])> {
        [
            IVault::depositCall::SELECTOR,
            IVault::withdrawCall::SELECTOR,
            IVault::redeemCall::SELECTOR,
        ]
        .map(|selector| (self.share.address, selector))
        .to_vec()
    }

    fn approvals(&self) -> Vec<&Approval> {
        vec![&self.deposit]
    }

    async fn position(
        &self,
        views: &Views<'_>,
        wallet: Address,
    ) -> Result<Option<Position>, ReadError> {
        let view = views.get(self.asset().chain)?;
        let shares = self.share.balance(view, wallet).await?;
        let assets = if shares.is_zero() {
            U256::ZERO
        } else {
            ask(
                view,
                self.share.address,
                IVault::convertToAssetsCall { shares },
            )
            .await?
        };
        Ok(Some(Position {
            legs: vec![PositionLeg {
                amount: self.asset().amount(assets),
            }],
            receipts: vec![self.share.amount(shares)],
        }))
    }

    async fn plan(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        action: &Action,
        amounts: &Amounts,
    ) -> Result<Vec<Operation>, PlanError> {
        if *action == Action::Withdraw {
            let vault = self.share.address;
            let shares = self.share.balance(view, wallet).await?;
            let redeemable = ask(view, vault, IVault::maxRedeemCall { owner: wallet }).await?;
            let assets = ask(view, vault, IVault::maxWithdrawCall { owner: wallet }).await?;
            // A vault may be short of cash: then the rest stays for another day.
            let whole = redeemable >= shares;
            return Ok(amounts
                .up_to(assets)
                .into_iter()
                .map(|(amount, rest)| Operation::Withdraw {
                    amount,
                    all: rest && whole,
                })
                .collect());
        }
        let held = self.deposit.token.balance(view, wallet).await?;
        let tranches = amounts.within(held, self.asset())?;
        let mut allowance = Allowance::read(view, wallet, &self.deposit).await?;
        Ok(allowance.before_each(tranches, |amount| Operation::Supply { amount }))
    }

    async fn draft(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        operation: &Operation,
    ) -> Result<Option<Draft>, BuildError> {
        Ok(Some(match operation {
            Operation::Supply { amount } => self.supply(view, wallet, *amount).await?,
            Operation::Withdraw { all: true, .. } => self.redeem_all(view, wallet).await?,
            Operation::Withdraw { amount, all: false } => {
                self.withdraw(view, wallet, *amount).await?
            }
            _ => return Ok(None),
        }))
    }

    fn way_out(&self) -> Option<Action> {
        Some(Action::Withdraw)
    }
}
