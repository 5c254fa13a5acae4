//! Claims about rebalancing.

mod decision;
mod optimum;
mod random;
mod trigger;
