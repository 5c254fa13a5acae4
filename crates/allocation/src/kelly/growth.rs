//! Expected log growth in primal-dual form, with or without the drawdown bound.
//!
//! Wealth `W` and its price `u` are a pair whose product aims at the probability, as those of
//! slacks and prices aim at nothing: the growth optimum is the weighted centre of a linear program.
//! So a scenario whose wealth changes a thousandfold takes no more iterations than a tame one.

use super::interior::{Objective, Steps};
use super::wagers::{Wagers, dot};

/// What is asked of wealth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Aim {
    /// Most `E[log W]`.
    Growth,
    /// Most `E[log W]` under `E[W^-λ] ≤ 1`.
    Bounded(f64),
    /// Most `log · E[log W] − price · E[W^-λ]`.
    Priced { log: f64, price: f64, exponent: f64 },
}

/// `E[W^-λ]`: at most one if `bound`, else part of the objective at a fixed price.
#[derive(Debug, Clone)]
struct Power {
    bound: bool,
    exponent: f64,
    slack: f64,
    price: f64,
    slack_move: f64,
    price_move: f64,
    /// `E[W^-λ]`.
    value: f64,
    /// `p W^-(λ+1)`, `s`.
    slopes: Vec<f64>,
    /// `λ X' slopes`, `n`: the negative gradient of the value.
    relief: Vec<f64>,
    /// What the pull said of the price after a full step, but for the move.
    aim: f64,
}

/// `Σ p log W`, `W = base + X w`.
#[derive(Debug, Clone)]
pub(crate) struct Growth {
    wagers: Wagers,
    wealth: Vec<f64>,
    price: Vec<f64>,
    wealth_move: Vec<f64>,
    price_move: Vec<f64>,
    /// Curvature per scenario.
    rates: Vec<f64>,
    /// Prices that a full step aims at, but for the move.
    aim: Vec<f64>,
    /// One if growth counts, else zero.
    log: f64,
    power: Option<Power>,
}

impl Growth {
    /// What `aim` asks of `wagers`.
    pub(crate) fn new(wagers: Wagers, aim: Aim) -> Self {
        let (log, power, bound) = match aim {
            Aim::Growth => (1.0, None, false),
            Aim::Bounded(exponent) => (1.0, Some((exponent, 1.0)), true),
            Aim::Priced {
                log,
                price,
                exponent,
            } => (log, Some((exponent, price)), false),
        };
        let (n, s) = (wagers.assets(), wagers.scenarios());
        let zeros = vec![0.0; s];
        Self {
            wealth: zeros.clone(),
            price: zeros.clone(),
            wealth_move: zeros.clone(),
            price_move: zeros.clone(),
            rates: zeros.clone(),
            aim: zeros.clone(),
            log,
            power: power.map(|(exponent, price)| Power {
                bound,
                exponent,
                slack: 1.0,
                price,
                slack_move: 0.0,
                price_move: 0.0,
                value: 1.0,
                slopes: zeros,
                relief: vec![0.0; n],
                aim: 0.0,
            }),
            wagers,
        }
    }

    fn bound(&self) -> Option<&Power> {
        self.power.as_ref().filter(|power| power.bound)
    }

    /// Curvature per scenario, and the state of the bound.
    fn refresh(&mut self) {
        if let Some(power) = &mut self.power {
            power.weigh(self.wagers.probabilities(), &self.wealth);
            self.wagers.pull(&power.slopes, &mut power.relief);
            for relief in &mut power.relief {
                *relief *= power.exponent;
            }
            let by = power.price * power.exponent * power.exponent;
            for (rate, ((price, slope), wealth)) in self
                .rates
                .iter_mut()
                .zip(self.price.iter().zip(&power.slopes).zip(&self.wealth))
            {
                *rate = (price + by * slope) / wealth;
            }
        } else {
            for (rate, (price, wealth)) in self
                .rates
                .iter_mut()
                .zip(self.price.iter().zip(&self.wealth))
            {
                *rate = price / wealth;
            }
        }
    }
}

impl Power {
    fn weigh(&mut self, probabilities: &[f64], wealth: &[f64]) {
        self.value = 0.0;
        for (slope, (p, wealth)) in self.slopes.iter_mut().zip(probabilities.iter().zip(wealth)) {
            let value = p * libm::exp(-self.exponent * libm::log(*wealth));
            self.value += value;
            *slope = value / wealth;
        }
    }

    fn residual(&self) -> f64 {
        1.0 - self.value - self.slack
    }
}

impl Objective for Growth {
    fn start(&mut self, weights: &[f64], last: bool) -> bool {
        /// Wealth that counts as ruin.
        const RUIN: f64 = 1e-12;
        /// `E[W^-λ]` from which Newton steps take too long to come down.
        const STEEP: f64 = 2.0;
        self.wagers.wealth(weights, &mut self.wealth);
        if self
            .wealth
            .iter()
            .any(|&wealth| wealth.is_nan() || wealth <= RUIN)
        {
            return false;
        }
        self.center();
        if self
            .power
            .as_ref()
            .is_some_and(|power| power.value > STEEP && !last)
        {
            return false;
        }
        if let Some(power) = self.power.as_mut() {
            if power.bound {
                power.slack = (1.0 - power.value).max(0.1);
                power.price = 0.1;
            } else if self.log == 0.0 {
                power.price = power.value.recip();
            }
        }
        self.center();
        true
    }

    fn center(&mut self) {
        self.refresh();
        for ((price, wealth), p) in self
            .price
            .iter_mut()
            .zip(&self.wealth)
            .zip(self.wagers.probabilities())
        {
            *price = self.log * p / wealth;
        }
        if let Some(power) = &self.power {
            let by = power.price * power.exponent;
            for (price, slope) in self.price.iter_mut().zip(&power.slopes) {
                *price += by * slope;
            }
        }
        self.refresh();
    }

    fn curvature(&self, system: &mut [f64]) {
        self.wagers.curvature(&self.rates, system);
        if let Some(power) = self.bound() {
            let n = self.wagers.assets();
            let rate = power.price / power.slack;
            for (row, left) in power.relief.iter().enumerate() {
                for (to, right) in system[row * n..=row * n + row]
                    .iter_mut()
                    .zip(&power.relief)
                {
                    *to += rate * left * right;
                }
            }
        }
    }

    fn pull(&mut self, target: f64, correct: bool, out: &mut [f64]) {
        /// The second order is trusted up to this multiple of the first, and its inverse.
        const TRUST: f64 = 5.0;
        let second = if correct { 1.0 } else { 0.0 };
        let probabilities = self.wagers.probabilities();
        for (at, chance) in probabilities.iter().enumerate() {
            let p = self.log * chance;
            let corrected = p - second * self.wealth_move[at] * self.price_move[at];
            self.aim[at] = corrected.clamp(p / TRUST, p * TRUST) / self.wealth[at];
        }
        if let Some(power) = &mut self.power {
            let by = power.price * power.exponent;
            for (aim, slope) in self.aim.iter_mut().zip(&power.slopes) {
                *aim += by * slope;
            }
            let pair = target - second * power.slack_move * power.price_move;
            power.aim = (pair - power.price * power.residual()) / power.slack;
        }
        self.wagers.pull(&self.aim, out);
        if let Some(power) = self.bound() {
            for (to, relief) in out.iter_mut().zip(&power.relief) {
                *to += (power.aim - power.price) * relief;
            }
        }
    }

    fn direct(&mut self, direction: &[f64]) -> Steps {
        self.wagers.gain(direction, &mut self.wealth_move);
        let mut own = Steps::FREE;
        let mut by = 0.0;
        if let Some(power) = self.power.as_mut().filter(|power| power.bound) {
            let relief = dot(&power.relief, direction);
            power.slack_move = power.residual() + relief;
            power.price_move = power.aim - power.price - power.price / power.slack * relief;
            by = power.exponent * power.price_move;
            own.primal = Steps::longest(&[power.slack], &[power.slack_move]);
            own.dual = Steps::longest(&[power.price], &[power.price_move]);
        }
        for at in 0..self.wealth.len() {
            self.price_move[at] =
                self.aim[at] - self.price[at] - self.rates[at] * self.wealth_move[at];
        }
        if let Some(power) = &self.power {
            for (to, slope) in self.price_move.iter_mut().zip(&power.slopes) {
                *to += by * slope;
            }
        }
        Steps {
            primal: own
                .primal
                .min(Steps::longest(&self.wealth, &self.wealth_move)),
            dual: own.dual.min(Steps::longest(&self.price, &self.price_move)),
        }
    }

    fn complementarity(&self, steps: Steps) -> (f64, usize) {
        self.bound().map_or((0.0, 0), |power| {
            let slack = power.slack + steps.primal * power.slack_move;
            let price = power.price + steps.dual * power.price_move;
            (slack * price, 1)
        })
    }

    fn advance(&mut self, steps: Steps) {
        for at in 0..self.wealth.len() {
            self.wealth[at] += steps.primal * self.wealth_move[at];
            self.price[at] += steps.dual * self.price_move[at];
        }
        if let Some(power) = &mut self.power {
            power.slack += steps.primal * power.slack_move;
            power.price += steps.dual * power.price_move;
        }
        self.refresh();
    }

    fn joint(&self) -> bool {
        self.bound().is_some()
    }

    fn residual(&self) -> f64 {
        // A slack that is smaller than what is left harms nobody.
        self.bound()
            .map_or(0.0, |power| (power.value - 1.0).max(0.0))
    }

    /// Where growth does not count, the expected power is measured by that at the start.
    fn unit(&self) -> f64 {
        match &self.power {
            Some(power) if self.log == 0.0 => power.price.recip(),
            _ => 1.0,
        }
    }

    fn gradient(&mut self, weights: &[f64], out: &mut [f64]) -> f64 {
        let mut wealth = vec![0.0; self.wealth.len()];
        self.wagers.wealth(weights, &mut wealth);
        let mut gap = 0.0;
        let mut prices: Vec<f64> = wealth
            .iter()
            .zip(self.wagers.probabilities())
            .map(|(wealth, p)| self.log * p / wealth)
            .collect();
        if let Some(power) = &self.power {
            let mut exact = power.clone();
            exact.weigh(self.wagers.probabilities(), &wealth);
            let by = power.price * power.exponent;
            for (price, slope) in prices.iter_mut().zip(&exact.slopes) {
                *price += by * slope;
            }
            if power.bound {
                gap = power.price * (1.0 - exact.value);
            }
        }
        self.wagers.pull(&prices, out);
        gap
    }
}
