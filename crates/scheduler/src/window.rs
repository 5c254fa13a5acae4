//! The moment at which gas is cheap enough for a task that can wait.
//!
//! A task with a [`GasWindow`] goes when the base fee is at or below its quantile of the last seven
//! days, or when no better one is to be expected before its window closes ([`FeePast::reservation`]),
//! or when the window closes. The window closes [`GasWindow::within`] after the task could have
//! started, and [`MARGIN`] before its deadline if that is earlier.
//!
//! Waiting for cheap gas is about cost, never about safety: the gate judges again, with its own limits
//! of gas, whatever is said here. So:
//!
//! - Critical tasks always go.
//! - While the base fee is stale or missing, a task waits: it cannot be known to be a good moment. When
//!   its window closes it goes all the same, to the gate, which refuses what needs a fresh fee.
//! - With too short a history it goes: nothing says that another moment is better.
//! - While the market is extremely rough, what was usual is no forecast: only the quantile or the end
//!   of the window lets a task go. In a rough market the next look is sooner.
//!
//! A cheaper base fee, a higher quantile, and a window that closes sooner never turn a go into a wait.

mod forecast;
mod past;

use std::time::Duration;

use airdrops_types::{GasWindow, Gwei, Reading, Timestamp, VolatilityState};

pub use past::FeePast;

/// A window closes so long before the task's deadline, at which it would be skipped.
pub const MARGIN: Duration = Duration::from_secs(5 * 60);

/// Longest time between two looks.
pub const LOOK: Duration = Duration::from_secs(15 * 60);

/// Longest time between two looks while the market is rough, or the base fee is not known.
pub const SOON: Duration = Duration::from_secs(5 * 60);

/// A task that asks whether to go now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking {
    /// Now.
    pub now: Timestamp,
    /// Since when it could have started.
    pub ready: Timestamp,
    /// What it waits for, and how long.
    pub window: GasWindow,
    /// It is skipped if it has not started then.
    pub deadline: Option<Timestamp>,
    /// Whether it waits for nothing.
    pub critical: bool,
    /// How rough the market is.
    pub volatility: VolatilityState,
}

/// Whether to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// Now.
    Go {
        /// Why, in words.
        reason: String,
    },
    /// Not yet.
    Wait {
        /// When to look again: after now, and not after the window closes.
        until: Timestamp,
        /// Why, in words.
        reason: String,
    },
}

impl Look {
    /// Whether it goes.
    #[must_use]
    pub fn goes(&self) -> bool {
        matches!(self, Self::Go { .. })
    }
}

impl Asking {
    /// When the window closes: the task goes then, whatever gas costs.
    #[must_use]
    pub fn closes(&self) -> Timestamp {
        let closes = self.ready.plus(self.window.within);
        self.deadline
            .map_or(closes, |deadline| closes.min(deadline.minus(MARGIN)))
    }

    /// Whether to go at a base fee of `fee`, wei per gas, after `past`, which must be of the same
    /// chain.
    #[must_use]
    pub fn look(&self, fee: &Reading<u128>, past: &FeePast) -> Look {
        if self.critical {
            return go("critical: it waits for no better moment");
        }
        let closes = self.closes();
        if self.now >= closes {
            return go(&self.closed(fee));
        }
        let Some(&fee) = fee.fresh() else {
            let defect = fee.defect().unwrap_or_default();
            return self.wait(SOON, &format!("the base fee is not known ({defect})"));
        };
        let Some(quantile) = past.quantile(self.window.quantile) else {
            return go(&format!(
                "base fee {}; {} h of the last 7 days observed, {} h needed to tell cheap from dear",
                Gwei(fee),
                past.hours(),
                FeePast::LEAST_HOURS
            ));
        };
        let share = format!("the {} quantile of the last 7 days", self.window.quantile);
        if fee <= quantile {
            return go(&format!(
                "base fee {} is within {}, {share}",
                Gwei(fee),
                Gwei(quantile)
            ));
        }
        let dear = format!(
            "base fee {} is above {}, {share}",
            Gwei(fee),
            Gwei(quantile)
        );
        if self.volatility == VolatilityState::Extreme {
            let reason = format!("{dear}; the market is extremely rough, so nothing is forecast");
            return self.wait(SOON, &reason);
        }
        let remaining = closes.since(self.now).as_millis().div_ceil(3_600_000);
        let remaining = u64::try_from(remaining).unwrap_or(u64::MAX);
        let look = if self.volatility == VolatilityState::High {
            SOON
        } else {
            LOOK
        };
        match past.reservation(remaining) {
            Some(reservation) if fee <= reservation => go(&format!(
                "{dear}, but no less is to be expected of waiting until {closes}"
            )),
            Some(reservation) => {
                let reason = format!(
                    "{dear}, and above {}, from which on no better one is to be expected",
                    Gwei(reservation)
                );
                self.wait(look, &reason)
            }
            None => self.wait(look, &dear),
        }
    }

    fn closed(&self, fee: &Reading<u128>) -> String {
        let fee = match fee.fresh() {
            Some(fee) => format!("base fee {}", Gwei(*fee)),
            None => format!(
                "the base fee is not known ({})",
                fee.defect().unwrap_or_default()
            ),
        };
        let by_deadline = self
            .deadline
            .filter(|deadline| deadline.minus(MARGIN) < self.ready.plus(self.window.within));
        match by_deadline {
            Some(deadline) => format!("{fee}; its deadline, {deadline}, is near"),
            None => format!("{fee}; its gas window closed at {}", self.closes()),
        }
    }

    fn wait(&self, longest: Duration, reason: &str) -> Look {
        let closes = self.closes();
        let until = self.now.plus(longest).min(closes);
        Look::Wait {
            until,
            reason: format!("{reason}; next look {until}, at the latest {closes}"),
        }
    }
}

fn go(reason: &str) -> Look {
    Look::Go {
        reason: reason.to_owned(),
    }
}
