//! The finite-outcome example of Busseti, Ryu & Boyd (2016), section 7.1: 100 outcomes of 20 assets,
//! the last one riskless, bets that sum to one.
//!
//! Figures from the published notebook `finite_outcome.ipynb` of `cvxgrp/kelly_code` (commit
//! 91bd3dcc): its random numbers are the uniform ones of a Mersenne Twister with seed 0, in which
//! the outcomes listed below are then replaced by a jackpot of 2.5 or a loss to 0.1.

use airdrops_allocation::problem::{Drawdown, Limits, Scenarios};
use airdrops_allocation::region::Region;
use nalgebra::{DMatrix, DVector};

/// `P(lowest wealth < 0.7) < 0.1`.
pub(super) const DRAWDOWN: Drawdown = Drawdown {
    alpha: 0.7,
    beta: 0.1,
};

/// Asset and outcome of each jackpot.
const JACKPOTS: [(usize, usize); 27] = [
    (3, 8),
    (3, 13),
    (3, 32),
    (3, 44),
    (3, 46),
    (3, 71),
    (3, 85),
    (4, 39),
    (4, 60),
    (4, 87),
    (6, 48),
    (6, 62),
    (7, 40),
    (7, 99),
    (8, 67),
    (8, 85),
    (9, 28),
    (10, 1),
    (11, 33),
    (13, 12),
    (13, 51),
    (13, 69),
    (14, 82),
    (15, 27),
    (15, 89),
    (18, 10),
    (18, 35),
];

/// Asset and outcome of each loss.
const LOSSES: [(usize, usize); 29] = [
    (0, 61),
    (0, 64),
    (1, 51),
    (1, 89),
    (2, 82),
    (3, 82),
    (4, 93),
    (5, 46),
    (6, 0),
    (6, 7),
    (6, 49),
    (8, 41),
    (8, 73),
    (10, 41),
    (10, 69),
    (11, 3),
    (11, 17),
    (11, 49),
    (11, 79),
    (13, 24),
    (14, 17),
    (15, 37),
    (15, 43),
    (15, 52),
    (15, 69),
    (15, 73),
    (15, 74),
    (16, 57),
    (18, 17),
];

/// MT19937 of Matsumoto & Nishimura (1998), seeded with one number.
struct Twister {
    state: [u32; 624],
    at: usize,
}

impl Twister {
    fn new(seed: u32) -> Self {
        let mut state = [seed; 624];
        for index in 1..624_u32 {
            let before = state[index as usize - 1];
            state[index as usize] = 1_812_433_253_u32
                .wrapping_mul(before ^ (before >> 30))
                .wrapping_add(index);
        }
        Self { state, at: 624 }
    }

    fn word(&mut self) -> u32 {
        if self.at == 624 {
            for index in 0..624 {
                let mixed = (self.state[index] & 0x8000_0000)
                    | (self.state[(index + 1) % 624] & 0x7fff_ffff);
                let odd = if mixed & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[index] = self.state[(index + 397) % 624] ^ (mixed >> 1) ^ odd;
            }
            self.at = 0;
        }
        let mut word = self.state[self.at];
        self.at += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// In [0, 1), with 53 bits.
    fn uniform(&mut self) -> f64 {
        let high = f64::from(self.word() >> 5);
        let low = f64::from(self.word() >> 6);
        (high * 67_108_864.0 + low) / 9_007_199_254_740_992.0
    }
}

/// The scenarios, with the riskless asset last.
pub(super) fn scenarios() -> Scenarios {
    let mut twister = Twister::new(0);
    let draws: Vec<f64> = (0..100).map(|_| twister.uniform()).collect();
    let total: f64 = draws.iter().sum();
    let mut gross = DMatrix::from_element(100, 20, 1.0);
    for asset in 0..19 {
        for outcome in 0..100 {
            gross[(outcome, asset)] = 0.7 + 0.6 * twister.uniform();
        }
    }
    for (asset, outcome) in JACKPOTS {
        gross[(outcome, asset)] = 2.5;
    }
    for (asset, outcome) in LOSSES {
        gross[(outcome, asset)] = 0.1;
    }
    Scenarios {
        gross,
        probabilities: DVector::from_iterator(100, draws.iter().map(|draw| draw / total)),
    }
}

/// All is bet, the riskless asset being one of the bets.
pub(super) fn region() -> Region {
    Limits::long_only(20).region(&DVector::zeros(20))
}
