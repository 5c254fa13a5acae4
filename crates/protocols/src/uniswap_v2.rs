//! Uniswap-v2-like pairs behind a Router02-like router. The two may be one contract.

use airdrops_chain::{ChainRead, ReadError};
use airdrops_types::{
    Action, Address, Bps, Operation, Position, PositionLeg, ProtocolId, Token, TokenAmount, U256,
};
use alloy::sol_types::SolCall;

use crate::abi::{ask, call};
use crate::catalogue::{Parameter, TaskKind};
use crate::draft::Draft;
use crate::erc20::{Approval, Erc20};
use crate::error::{BuildError, PlanError};
use crate::module::Speaks;
use crate::plan::{Allowance, Amounts};
use crate::pool::{Pool, least};
use crate::views::Views;

alloy::sol! {
    interface IPair {
        function token0() external view returns (address);
        function token1() external view returns (address);
        function getReserves() external view returns (uint112 reserve0, uint112 reserve1, uint32 blockTimestampLast);
        function totalSupply() external view returns (uint256);
    }

    interface IRouter {
        function getAmountsOut(uint256 amountIn, address[] path) external view returns (uint256[] amounts);
        function swapExactTokensForTokens(
            uint256 amountIn, uint256 amountOutMin, address[] path, address to, uint256 deadline
        ) external returns (uint256[] amounts);
        function addLiquidity(
            address tokenA, address tokenB, uint256 amountADesired, uint256 amountBDesired,
            uint256 amountAMin, uint256 amountBMin, address to, uint256 deadline
        ) external returns (uint256 amountA, uint256 amountB, uint256 liquidity);
        function removeLiquidity(
            address tokenA, address tokenB, uint256 liquidity,
            uint256 amountAMin, uint256 amountBMin, address to, uint256 deadline
        ) external returns (uint256 amountA, uint256 amountB);
    }
}

/// Seconds after the block of the quote within which a call must execute.
const PATIENCE: u64 = 30 * 60;

#[derive(Debug, Clone)]
pub(crate) struct UniswapV2 {
    pub(crate) id: ProtocolId,
    pub(crate) slippage: Bps,
    /// The router takes the one token,
    pub(crate) a: Approval,
    /// the other,
    pub(crate) b: Approval,
    /// and the LP token.
    pub(crate) lp: Approval,
}

impl UniswapV2 {
    fn router(&self) -> Address {
        self.a.spender
    }

    /// The pool as it is, with `token_a` and `token_b` as configured.
    async fn pool(&self, view: &dyn ChainRead) -> Result<Pool, ReadError> {
        let pair = self.lp.token.address;
        let (a, b) = (self.a.token.address, self.b.token.address);
        let token0 = ask(view, pair, IPair::token0Call {}).await?;
        let token1 = ask(view, pair, IPair::token1Call {}).await?;
        let reserves = ask(view, pair, IPair::getReservesCall {}).await?;
        let supply = ask(view, pair, IPair::totalSupplyCall {}).await?;
        let (reserve0, reserve1) = (U256::from(reserves.reserve0), U256::from(reserves.reserve1));
        let (reserve_a, reserve_b) = if (token0, token1) == (a, b) {
            (reserve0, reserve1)
        } else if (token0, token1) == (b, a) {
            (reserve1, reserve0)
        } else {
            return Err(ReadError::Unexpected {
                to: pair,
                detail: format!(
                    "the pair is of {token0} and {token1}, but {a} and {b} are configured"
                ),
            });
        };
        Ok(Pool {
            reserve_a,
            reserve_b,
            supply,
        })
    }

    /// What `liquidity` LP tokens are worth now, in both tokens.
    pub(crate) async fn legs(
        &self,
        view: &dyn ChainRead,
        liquidity: U256,
    ) -> Result<[TokenAmount; 2], ReadError> {
        let (amount_a, amount_b) =
            self.pool(view)
                .await?
                .share(liquidity)
                .ok_or_else(|| ReadError::Unexpected {
                    to: self.lp.token.address,
                    detail: "the share of the reserves does not fit".to_owned(),
                })?;
        Ok([self.a.token.amount(amount_a), self.b.token.amount(amount_b)])
    }

    /// A position of `liquidity` LP tokens, wherever they are.
    pub(crate) async fn holding(
        &self,
        view: &dyn ChainRead,
        liquidity: U256,
    ) -> Result<Position, ReadError> {
        let legs = self.legs(view, liquidity).await?;
        Ok(Position {
            legs: legs.map(|amount| PositionLeg { amount }).to_vec(),
            receipts: vec![self.lp.token.amount(liquidity)],
        })
    }

    /// The two sides of an exchange by asset.
    fn sides(&self, action: &Action) -> Option<(&Approval, &Approval)> {
        let Action::Swap { from, to } = action else {
            return None;
        };
        [(&self.a, &self.b), (&self.b, &self.a)]
            .into_iter()
            .find(|(give, take)| give.token.token.asset == *from && take.token.token.asset == *to)
    }

    async fn plan_swap(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        (give, take): (&Approval, &Approval),
        amounts: &Amounts,
    ) -> Result<Vec<Operation>, PlanError> {
        let held = give.token.balance(view, wallet).await?;
        let tranches = amounts.within(held, &give.token.token)?;
        let mut allowance = Allowance::read(view, wallet, give).await?;
        Ok(allowance.before_each(tranches, |amount| Operation::Swap {
            from: give.token.token.clone(),
            to: take.token.token.clone(),
            amount,
        }))
    }

    async fn plan_add(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        amounts: &Amounts,
    ) -> Result<Vec<Operation>, PlanError> {
        let held_a = self.a.token.balance(view, wallet).await?;
        let held_b = self.b.token.balance(view, wallet).await?;
        let tranches = amounts.within(held_a, &self.a.token.token)?;
        if tranches.is_empty() {
            return Ok(Vec::new());
        }
        let pool = self.pool(view).await?;
        if pool.is_empty() {
            return Err(PlanError::EmptyPool(self.id.clone()));
        }
        let mut allowance_a = Allowance::read(view, wallet, &self.a).await?;
        let mut allowance_b = Allowance::read(view, wallet, &self.b).await?;
        let mut left_b = held_b;
        let mut steps = Vec::new();
        for tranche in tranches {
            let wanted_b = pool.b_for(tranche).ok_or(PlanError::TooLarge)?;
            if wanted_b.is_zero() {
                continue;
            }
            let (amount_a, amount_b) = pool.matched(tranche, left_b).ok_or(PlanError::TooLarge)?;
            // So little is left of the other token that nothing goes with it.
            if amount_a.is_zero() || amount_b.is_zero() {
                if steps.is_empty() {
                    return Err(PlanError::NotEnough {
                        what: self.b.token.token.clone(),
                        have: held_b,
                        need: wanted_b,
                    });
                }
                break;
            }
            left_b -= amount_b;
            steps.extend(allowance_a.exactly(amount_a));
            steps.extend(allowance_b.exactly(amount_b));
            steps.push(Operation::AddLiquidity { amount_a, amount_b });
        }
        Ok(steps)
    }

    async fn plan_remove(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        amounts: &Amounts,
    ) -> Result<Vec<Operation>, PlanError> {
        let held = self.lp.token.balance(view, wallet).await?;
        if held.is_zero() {
            return Ok(Vec::new());
        }
        let pool = self.pool(view).await?;
        if pool.is_empty() {
            return Err(PlanError::EmptyPool(self.id.clone()));
        }
        let (share_a, _) = pool.share(held).ok_or(PlanError::TooLarge)?;
        let pieces = match amounts {
            Amounts::Everything => vec![held],
            Amounts::Tranches(_) => {
                let mut rest = held;
                let mut pieces = Vec::new();
                for (amount_a, last) in amounts.up_to(share_a) {
                    let piece = pool
                        .liquidity_holding(amount_a)
                        .ok_or(PlanError::TooLarge)?;
                    let piece = if last { rest } else { piece.min(rest) };
                    rest -= piece;
                    pieces.push(piece);
                }
                pieces
            }
        };
        let mut allowance = Allowance::read(view, wallet, &self.lp).await?;
        let pieces = pieces.into_iter().filter(|piece| !piece.is_zero());
        Ok(allowance.before_each(pieces, |liquidity| Operation::RemoveLiquidity { liquidity }))
    }

    async fn draft_swap(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        (from, to): (&Token, &Token),
        amount: U256,
    ) -> Result<Draft, BuildError> {
        let (a, b) = (&self.a.token, &self.b.token);
        let path = if (from, to) == (&a.token, &b.token) {
            vec![a.address, b.address]
        } else if (from, to) == (&b.token, &a.token) {
            vec![b.address, a.address]
        } else {
            return Err(BuildError::ForeignTokens {
                protocol: self.id.clone(),
                from: from.asset.to_string(),
                to: to.asset.to_string(),
            });
        };
        if amount.is_zero() {
            return Err(self.nothing("swap"));
        }
        let question = IRouter::getAmountsOutCall {
            amountIn: amount,
            path: path.clone(),
        };
        let quotes = ask(view, self.router(), question).await?;
        let minimum = least(quotes.last().copied().unwrap_or_default(), self.slippage);
        if minimum.is_zero() {
            return Err(self.nothing("swap"));
        }
        let what = IRouter::swapExactTokensForTokensCall {
            amountIn: amount,
            amountOutMin: minimum,
            path,
            to: wallet,
            deadline: deadline(view),
        };
        let (spent, received) = (from.amount(amount), to.amount(minimum));
        let summary = format!("swap {spent} for at least {received} at {}", self.id);
        Ok(Draft::new(call(self.router(), &what), summary)
            .spends(spent)
            .receives(received))
    }

    async fn draft_add(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        amount_a: U256,
        amount_b: U256,
    ) -> Result<Draft, BuildError> {
        let pool = self.pool(view).await?;
        if pool.is_empty() {
            return Err(BuildError::EmptyPool(self.id.clone()));
        }
        let (taken_a, taken_b) = pool
            .matched(amount_a, amount_b)
            .ok_or(BuildError::TooLarge)?;
        let liquidity = pool
            .liquidity_for(taken_a, taken_b)
            .ok_or(BuildError::TooLarge)?;
        if liquidity.is_zero() {
            return Err(self.nothing("add liquidity"));
        }
        let what = IRouter::addLiquidityCall {
            tokenA: self.a.token.address,
            tokenB: self.b.token.address,
            amountADesired: amount_a,
            amountBDesired: amount_b,
            amountAMin: least(taken_a, self.slippage),
            amountBMin: least(taken_b, self.slippage),
            to: wallet,
            deadline: deadline(view),
        };
        let (a, b) = (self.a.token.amount(amount_a), self.b.token.amount(amount_b));
        let summary = format!("add {a} and {b} to {}", self.id);
        Draft::new(call(self.router(), &what), summary)
            .spends(a)
            .spends(b)
            .receives(self.lp.token.amount(least(liquidity, self.slippage)))
            .grows(&self.id, &self.a.token.token, amount_a)?
            .grows(&self.id, &self.b.token.token, amount_b)
    }

    async fn draft_remove(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        liquidity: U256,
    ) -> Result<Draft, BuildError> {
        let pool = self.pool(view).await?;
        let (share_a, share_b) = pool.share(liquidity).ok_or(BuildError::TooLarge)?;
        // A pair refuses to burn for nothing of either token.
        if share_a.is_zero() || share_b.is_zero() {
            return Err(self.nothing("remove liquidity"));
        }
        let (least_a, least_b) = (least(share_a, self.slippage), least(share_b, self.slippage));
        let what = IRouter::removeLiquidityCall {
            tokenA: self.a.token.address,
            tokenB: self.b.token.address,
            liquidity,
            amountAMin: least_a,
            amountBMin: least_b,
            to: wallet,
            deadline: deadline(view),
        };
        let (a, b) = (self.a.token.amount(least_a), self.b.token.amount(least_b));
        let summary = format!("remove at least {a} and {b} from {}", self.id);
        Draft::new(call(self.router(), &what), summary)
            .spends(self.lp.token.amount(liquidity))
            .receives(a)
            .receives(b)
            .shrinks(&self.id, &self.a.token.token, least_a)?
            .shrinks(&self.id, &self.b.token.token, least_b)
    }

    fn nothing(&self, verb: &'static str) -> BuildError {
        BuildError::Nothing {
            protocol: self.id.clone(),
            verb,
        }
    }

    pub(crate) fn lp(&self) -> &Erc20 {
        &self.lp.token
    }
}

fn deadline(view: &dyn ChainRead) -> U256 {
    U256::from(view.block().time.unix_seconds().saturating_add(PATIENCE))
}

impl UniswapV2 {
    /// What it can do.
    pub(crate) const KINDS: &'static [TaskKind] = &[
        TaskKind {
            parameters: &[
                Parameter {
                    name: "from",
                    means: "the asset that is given",
                },
                Parameter {
                    name: "to",
                    means: "the asset that is wanted",
                },
            ],
            ..TaskKind::moves(
                "uniswap_v2",
                "swap",
                "Exchanges one side of the pair for the other.",
            )
            .undone_by("swap")
            .used(76_861, 8)
        },
        TaskKind::adds(
            "uniswap_v2",
            "add_liquidity",
            "Provides both assets of the pair.",
        )
        .undone_by("remove_liquidity")
        .used(103_684, 2),
        TaskKind {
            approves: true,
            ..TaskKind::reduces(
                "uniswap_v2",
                "remove_liquidity",
                "Takes both assets of the pair out.",
            )
            .undone_by("add_liquidity")
        },
    ];
}

impl Speaks for UniswapV2 {
    fn kinds(&self) -> &'static [TaskKind] {
        Self::KINDS
    }

    fn tokens(&self) -> Vec<Token> {
        [&self.a, &self.b, &self.lp]
            .map(|side| side.token.token.clone())
            .to_vec()
    }

    fn receipt(&self) -> Option<Token> {
        Some(self.lp.token.token.clone())
    }

    fn calls(&self) -> Vec<(Address, [u8; 4])> {
        [
            IRouter::swapExactTokensForTokensCall::SELECTOR,
            IRouter::addLiquidityCall::SELECTOR,
            IRouter::removeLiquidityCall::SELECTOR,
        ]
        .map(|selector| (self.router(), selector))
        .to_vec()
    }

    fn approvals(&self) -> Vec<&Approval> {
        vec![&self.a, &self.b, &self.lp]
    }

    fn supports(&self, action: &Action) -> bool {
        matches!(action, Action::AddLiquidity | Action::RemoveLiquidity)
            || self.sides(action).is_some()
    }

    async fn position(
        &self,
        views: &Views<'_>,
        wallet: Address,
    ) -> Result<Option<Position>, ReadError> {
        let view = views.get(self.lp.token.token.chain)?;
        let held = self.lp.token.balance(view, wallet).await?;
        self.holding(view, held).await.map(Some)
    }

    async fn plan(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        action: &Action,
        amounts: &Amounts,
    ) -> Result<Vec<Operation>, PlanError> {
        match (self.sides(action), action) {
            (Some(sides), _) => self.plan_swap(view, wallet, sides, amounts).await,
            (None, Action::RemoveLiquidity) => self.plan_remove(view, wallet, amounts).await,
            (None, _) => self.plan_add(view, wallet, amounts).await,
        }
    }

    async fn draft(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        operation: &Operation,
    ) -> Result<Option<Draft>, BuildError> {
        Ok(Some(match operation {
            Operation::Swap { from, to, amount } => {
                self.draft_swap(view, wallet, (from, to), *amount).await?
            }
            Operation::AddLiquidity { amount_a, amount_b } => {
                self.draft_add(view, wallet, *amount_a, *amount_b).await?
            }
            Operation::RemoveLiquidity { liquidity } => {
                self.draft_remove(view, wallet, *liquidity).await?
            }
            _ => return Ok(None),
        }))
    }

    fn way_out(&self) -> Option<Action> {
        Some(Action::RemoveLiquidity)
    }
}
