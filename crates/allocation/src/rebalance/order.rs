//! A plan as orders: what lowers risk first, each within the transaction cap.

use std::fmt;

use airdrops_types::{ProtocolId, TokenAmount, Usd};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::rebalance::book::{Book, Holding, Limit, Permission};
use crate::rebalance::value::Value;
use crate::tranches::split;

/// Which way an order moves capital.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Out of the position, into cash.
    Withdraw,
    /// Out of cash, into the position.
    Allocate,
}

/// Why an order is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A limit is broken.
    Cure {
        /// Which.
        limit: String,
        /// What it measured.
        measured: Usd,
        /// The most that it allows.
        max: Usd,
    },
    /// There is less cash than the reserve.
    RestoreCash {
        /// What there was.
        cash: Usd,
        /// What must be left.
        reserve: Usd,
    },
    /// The position as a whole gains more than it costs to move it.
    Worth {
        /// What the position was worth.
        from: Usd,
        /// What it will be worth.
        to: Usd,
        /// What the allocator wants.
        target: Usd,
        /// What all orders of the position gain over the horizon.
        gain: Usd,
        /// What all of them cost.
        cost: Usd,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cure {
                limit,
                measured,
                max,
            } => write!(f, "{limit} measures {measured}, its limit is {max}"),
            Self::RestoreCash { cash, reserve } => {
                write!(f, "cash is {cash}, the reserve is {reserve}")
            }
            Self::Worth {
                from,
                to,
                target,
                gain,
                cost,
            } => write!(
                f,
                "from {from} to {to} (target {target}) gains {gain} for {cost}"
            ),
        }
    }
}

/// What moving costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Gas.
    pub gas: Usd,
    /// Slippage and fees in proportion.
    pub slippage: Usd,
    /// Price impact.
    pub impact: Usd,
}

impl Cost {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> Usd {
        self.gas + self.slippage + self.impact
    }
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.gas += other.gas;
        self.slippage += other.slippage;
        self.impact += other.impact;
    }
}

/// One transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Index of the holding.
    pub holding: usize,
    /// Its protocol instance.
    pub protocol: ProtocolId,
    /// What is done there.
    pub strategy: String,
    /// The name of its chain.
    pub chain: String,
    /// Which way.
    pub side: Side,
    /// How much.
    pub amount: Usd,
    /// How much of the holding's unit, rounded down; `None` if it has none.
    pub tokens: Option<TokenAmount>,
    /// Which of the parts of the same move it is, from 1.
    pub part: u32,
    /// How many parts the move has.
    pub parts: u32,
    /// Why.
    pub reason: Reason,
    /// What it is expected to cost.
    pub cost: Cost,
    /// What it is expected to gain over the holding horizon, by the position and by cash; negative
    /// for a cure that loses.
    pub benefit: Usd,
    /// Cash when it is done.
    pub cash_after: Usd,
}

impl fmt::Display for Order {
    /// ``allocate 1.25 ETH to `stake` on `vault-x` (Scroll)``, with its part if there are several;
    /// with cost, benefit and reason in the alternate form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, preposition) = match self.side {
            Side::Withdraw => ("withdraw", "from"),
            Side::Allocate => ("allocate", "to"),
        };
        match &self.tokens {
            Some(tokens) => write!(f, "{verb} {tokens}")?,
            None => write!(f, "{verb} {}", self.amount)?,
        }
        write!(
            f,
            " {preposition} `{}` on `{}` ({})",
            self.strategy, self.protocol, self.chain
        )?;
        if self.parts > 1 {
            write!(f, ", part {} of {}", self.part, self.parts)?;
        }
        if f.alternate() {
            let (cost, benefit) = (self.cost.total(), self.benefit);
            write!(f, ": costs {cost}, gains {benefit}: {}", self.reason)?;
        }
        Ok(())
    }
}

/// What an order would break.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Broken {
    /// A limit that it did not find broken, or more of one that it did.
    #[error("order {order} takes {limit} to {measured}, which may be at most {max}")]
    Limit {
        /// Which order, from 0.
        order: usize,
        /// Which limit.
        limit: String,
        /// What it would measure.
        measured: Usd,
        /// What it may.
        max: Usd,
    },
    /// The cash reserve.
    #[error("order {order} leaves {cash} of cash, the reserve is {reserve}")]
    Cash {
        /// Which order, from 0.
        order: usize,
        /// What it would leave.
        cash: Usd,
        /// What must be left.
        reserve: Usd,
    },
    /// What one transaction, or this holding, may do.
    #[error("order {order} moves {amount}, which {protocol} does not allow: {why}")]
    Move {
        /// Which order, from 0.
        order: usize,
        /// What it would move.
        amount: Usd,
        /// Where.
        protocol: ProtocolId,
        /// Why not.
        why: String,
    },
}

/// One position's move, before it is cut in parts.
struct Move<'a> {
    index: usize,
    holding: &'a Holding,
    to: Usd,
    reason: Reason,
    cost: Cost,
    gain: Usd,
}

impl Move<'_> {
    fn side(&self) -> Side {
        if self.to < self.holding.value {
            Side::Withdraw
        } else {
            Side::Allocate
        }
    }

    fn amount(&self) -> Usd {
        Usd((self.to.0 - self.holding.value.0).abs())
    }

    /// What takes longest to wait comes first: cures, other decreases, decreases that cost more than
    /// they bring, increases; the largest cure and the greatest net benefit first.
    fn rank(&self) -> (u8, i128, usize) {
        let net = -(self.gain.0 - self.cost.total().0);
        let (class, order) = match (self.side(), &self.reason) {
            (Side::Allocate, _) => (3, net),
            (Side::Withdraw, _) if self.cost.total() > self.amount() => (2, net),
            (Side::Withdraw, Reason::Worth { .. }) => (1, net),
            (Side::Withdraw, _) => (0, -self.amount().0),
        };
        (class, order, self.index)
    }
}

/// The orders that take every holding to its size, in the order in which they should run.
///
/// Withdrawals come first, and so no prefix of the orders breaks a limit that the book and the sizes
/// keep: limits only fall until the first increase, and only rise to their end from there. Those
/// that bring cash come before those that take some, so neither does a prefix undercut the reserve.
pub(crate) fn orders(book: &Book, sizes: &[Usd]) -> Vec<Order> {
    let before = book.sizes();
    let broken: Vec<(&Limit, Usd)> = book
        .limits
        .iter()
        .map(|limit| (limit, limit.measure(&before)))
        .filter(|(limit, measured)| *measured > limit.max)
        .collect();
    let holdings = book.holdings.iter().zip(sizes).enumerate();
    let mut moves: Vec<Move<'_>> = holdings
        .filter(|(_, (holding, to))| holding.value != **to)
        .map(|(index, (holding, to))| plan_move(book, &broken, index, holding, *to))
        .collect();
    moves.sort_by_key(Move::rank);
    let mut cash = book.cash;
    moves
        .iter()
        .flat_map(|one| in_parts(one, &book.idle, &mut cash))
        .collect()
}

fn plan_move<'a>(
    book: &Book,
    broken: &[(&Limit, Usd)],
    index: usize,
    holding: &'a Holding,
    to: Usd,
) -> Move<'a> {
    let amount = Usd((to.0 - holding.value.0).abs());
    let gas = if to < holding.value {
        holding.gas_out
    } else {
        holding.gas_in
    };
    let parts = split(amount, holding.cap).len();
    let cost = Cost {
        gas: Usd(gas
            .0
            .saturating_mul(i128::try_from(parts).unwrap_or(i128::MAX))),
        slippage: holding.slippage_of(amount),
        impact: holding.impact_of(amount),
    };
    let gain = holding.worth.gain(to) - holding.worth.gain(holding.value);
    let cured = broken.iter().find(|(limit, _)| {
        let mut members = limit.members.iter();
        members.any(|(member, share)| *member == index && share.0 > 0)
    });
    let shrinks = to < holding.value;
    let reason = match cured {
        Some((limit, measured)) if shrinks => Reason::Cure {
            limit: limit.name.clone(),
            measured: *measured,
            max: limit.max,
        },
        _ if shrinks && book.cash < book.reserve => Reason::RestoreCash {
            cash: book.cash,
            reserve: book.reserve,
        },
        _ => Reason::Worth {
            from: holding.value,
            to,
            target: holding.target,
            gain,
            cost: cost.total(),
        },
    };
    Move {
        index,
        holding,
        to,
        reason,
        cost,
        gain,
    }
}

/// The parts of a move; costs in proportion are shared by amount, and sum to the move's.
fn in_parts(one: &Move<'_>, idle: &Value, cash: &mut Usd) -> Vec<Order> {
    let (holding, side, whole) = (one.holding, one.side(), one.amount());
    let amounts = split(whole, holding.cap);
    let parts = u32::try_from(amounts.len()).unwrap_or(u32::MAX);
    let count = i128::from(parts).max(1);
    let mut done = Usd::ZERO;
    let mut position = holding.value;
    let mut orders = Vec::new();
    for (part, amount) in (1..).zip(amounts) {
        let share = |all: Usd, of: Usd| Usd(all.0.saturating_mul(of.0) / whole.0.max(1));
        let upto = done + amount;
        let cost = Cost {
            gas: Usd(one.cost.gas.0 / count),
            slippage: share(one.cost.slippage, upto) - share(one.cost.slippage, done),
            impact: share(one.cost.impact, upto) - share(one.cost.impact, done),
        };
        let next = match side {
            Side::Withdraw => position - amount,
            Side::Allocate => position + amount,
        };
        let before = *cash;
        *cash = *cash + position - next - cost.total();
        let idle = idle.gain(cash.or_zero()) - idle.gain(before.or_zero());
        orders.push(Order {
            holding: one.index,
            protocol: holding.protocol.clone(),
            strategy: holding.strategy.clone(),
            chain: holding.chain.clone(),
            side,
            amount,
            tokens: holding.unit.as_ref().and_then(|unit| {
                let base = unit.price.amount_worth(amount, unit.token.decimals)?;
                Some(unit.token.amount(base))
            }),
            part,
            parts,
            reason: one.reason.clone(),
            cost,
            benefit: holding.worth.gain(next) - holding.worth.gain(position) + idle,
            cash_after: *cash,
        });
        (done, position) = (upto, next);
    }
    orders
}

/// Runs the orders on paper, in integers, and looks at every step: permissions, what is locked, the
/// transaction cap, the cash reserve and every limit. A limit that is broken may only fall until it
/// is kept; cash below the reserve may only rise, save by a cure that costs more than it brings.
/// Returns the sizes in the end.
///
/// # Errors
/// The first order that breaks something, and what.
pub fn check(book: &Book, orders: &[Order]) -> Result<Vec<Usd>, Broken> {
    let mut sizes = book.sizes();
    let mut cash = book.cash;
    for (number, order) in orders.iter().enumerate() {
        let refuse = |why: &str| Broken::Move {
            order: number,
            amount: order.amount,
            protocol: order.protocol.clone(),
            why: why.to_owned(),
        };
        let (Some(holding), Some(size)) = (
            book.holdings.get(order.holding),
            sizes.get(order.holding).copied(),
        ) else {
            return Err(refuse("there is no such holding"));
        };
        let permission = holding.permission(book.control);
        if order.amount.0 <= 0 || order.amount > holding.cap {
            return Err(refuse(&format!("the cap is {}", holding.cap)));
        }
        let next = match order.side {
            Side::Withdraw => size - order.amount,
            Side::Allocate => size + order.amount,
        };
        if permission == Permission::Frozen || (permission == Permission::Shrink && next > size) {
            return Err(refuse("its control state forbids it"));
        }
        if next < holding.locked {
            return Err(refuse(&format!("{} is locked", holding.locked)));
        }
        let limits = book.limits.iter();
        let measured: Vec<Usd> = limits.map(|limit| limit.measure(&sizes)).collect();
        sizes[order.holding] = next;
        for (limit, before) in book.limits.iter().zip(measured) {
            let (after, max) = (limit.measure(&sizes), limit.max.max(before));
            if after > max {
                return Err(Broken::Limit {
                    order: number,
                    limit: limit.name.clone(),
                    measured: after,
                    max,
                });
            }
        }
        let left = cash + size - next - order.cost.total();
        let cures = order.side == Side::Withdraw && !matches!(order.reason, Reason::Worth { .. });
        if left < book.reserve && left < cash && !cures {
            return Err(Broken::Cash {
                order: number,
                cash: left,
                reserve: book.reserve,
            });
        }
        cash = left;
    }
    Ok(sizes)
}
