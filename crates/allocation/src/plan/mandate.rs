//! What the owner wants of the allocation engine.

use airdrops_types::Bps;
use serde::{Deserialize, Serialize};

use crate::estimate::World;
use crate::rebalance::Effort;

/// What the owner wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mandate {
    /// The name of the strategy, such as `airdrop-kelly`.
    pub strategy: String,
    /// Over how many months positions are valued.
    pub horizon: f64,
    /// How many scenarios are drawn.
    pub scenarios: usize,
    /// The share of equity that stays cash.
    pub reserve: Bps,
    /// The least position, or nothing, as a share of equity.
    pub min_position: Bps,
    /// The most positions.
    pub max_positions: Option<usize>,
    /// The fraction of the Kelly bet; `None` for the strategy's default.
    pub fraction: Option<Bps>,
    /// For Kelly strategies: wealth falls below the first share of itself with at most the second
    /// as probability. `None` for the strategy's default.
    pub drawdown: Option<(Bps, Bps)>,
    /// The share of equity that may be used for small positions for the sake of learning.
    pub exploration: Bps,
    /// Risk aversion of `mean-variance`.
    pub risk_aversion: f64,
    /// The tail of `min-cvar`: 9,500 for the worst 5 %.
    pub alpha: Bps,
    /// What all opportunities have in common.
    pub world: World,
    /// How much work a rebalancing decision may be.
    pub effort: Effort,
}

impl Default for Mandate {
    /// Capped Kelly on airdrop scenarios over a quarter, 5 % cash, positions of at least 1 %, 5 %
    /// for exploration.
    fn default() -> Self {
        Self {
            strategy: "airdrop-kelly".to_owned(),
            horizon: 3.0,
            scenarios: 2_000,
            reserve: Bps(500),
            min_position: Bps(100),
            max_positions: None,
            fraction: None,
            drawdown: None,
            exploration: Bps(500),
            risk_aversion: 3.0,
            alpha: Bps(9_500),
            world: World::default(),
            effort: Effort::default(),
        }
    }
}
