//! Rebalancing: whether to move, what, and in which order.
//!
//! A [`trigger`](mod@trigger) only starts an evaluation. [`decide`](decide::decide) then weighs what
//! being elsewhere is worth over the holding horizon against what moving costs: gas for every single
//! transaction, slippage and price impact. Limits that are broken are cured whatever that costs.
//!
//! - [`trigger`](mod@trigger): what starts an evaluation: drift, schedule, risk, market, capital.
//! - [`book`]: what is held, what moving costs, what limits there are.
//! - [`value`]: what a position is worth over the horizon, concave and piecewise linear.
//! - [`decide`](mod@decide): the plan with the greatest net benefit that was found, and how far from
//!   the best it can be.
//! - [`order`]: the plan as orders, risk-reducing first, each within the transaction cap.
//!
//! Within: each holding alone is a function of one variable, its *net benefit*, which jumps where
//! another transaction is needed (`domain`). A plan by steps (`greedy`) starts a search over which
//! stretches of those functions are used (`branch`), whose nodes (`node`) are linear programs over
//! concave envelopes (`relaxation`). Bounds are Lagrangian: worked out from the functions themselves at the
//! multipliers of the linear program, and valid whatever these are.

pub mod book;
pub mod decide;
pub mod order;
pub mod trigger;
pub mod value;

mod branch;
mod domain;
mod greedy;
mod model;
mod node;
mod relaxation;

pub use book::{Book, BookError, Holding, Limit, Permission, Unit};
pub use decide::{Decision, Effort, Method, Uncured, decide};
pub use order::{Broken, Cost, Order, Reason, Side};

pub use trigger::{Baseline, Policy, Risk, Situation, Trigger};
pub use value::{Piece, Value};
