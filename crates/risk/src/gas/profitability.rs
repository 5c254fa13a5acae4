//! Whether gas is worth it: the all-in cost against what the task is expected to bring.

use std::fmt;

use airdrops_types::{Bps, Reading, Usd};
use serde::{Deserialize, Serialize};

/// Why a task is not worth its gas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unprofitable {
    /// Nobody knows what it is worth.
    NoExpectation {
        /// What is wrong with the estimate.
        defect: String,
    },
    /// It is expected to bring nothing, or a loss.
    NothingExpected {
        /// The expected value.
        expected: Usd,
    },
    /// Gas takes too much of what it brings.
    TooDear {
        /// The all-in cost.
        cost: Usd,
        /// The expected value.
        expected: Usd,
        /// Their ratio, rounded up; `None` if it is beyond measure.
        share: Option<Bps>,
        /// The most that is allowed.
        limit: Bps,
    },
}

impl fmt::Display for Unprofitable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoExpectation { defect } => write!(f, "the expected value is {defect}"),
            Self::NothingExpected { expected } => {
                write!(f, "the expected value is {expected}, not above zero")
            }
            Self::TooDear {
                cost,
                expected,
                share,
                limit,
            } => {
                write!(f, "gas costs {cost} of {expected} expected, ")?;
                match share {
                    Some(share) => write!(f, "{share}, limit is {limit}"),
                    None => write!(f, "beyond measure, limit is {limit}"),
                }
            }
        }
    }
}

impl std::error::Error for Unprofitable {}

/// The all-in cost as a share of the expected value, rounded up.
///
/// # Errors
/// If the expected value is not fresh, not above zero, or so small that the share does not fit (as
/// [`Unprofitable::TooDear`] with the whole as limit).
pub fn cost_share(cost: Usd, expected: &Reading<Usd>) -> Result<Bps, Unprofitable> {
    let expected = match (expected.fresh(), expected.defect()) {
        (Some(expected), _) => *expected,
        (None, defect) => {
            let defect = defect.unwrap_or_default();
            return Err(Unprofitable::NoExpectation { defect });
        }
    };
    if expected <= Usd::ZERO {
        return Err(Unprofitable::NothingExpected { expected });
    }
    cost.share_of(expected).ok_or(Unprofitable::TooDear {
        cost,
        expected,
        share: None,
        limit: Bps::WHOLE,
    })
}

/// Whether gas takes at most `limit` of the expected value.
///
/// # Errors
/// Why not, with limit and measured values.
pub fn check_profitability(
    cost: Usd,
    expected: &Reading<Usd>,
    limit: Bps,
) -> Result<(), Unprofitable> {
    let share = match cost_share(cost, expected) {
        Ok(share) if share <= limit => return Ok(()),
        Ok(share) => Some(share),
        Err(Unprofitable::TooDear { .. }) => None,
        Err(other) => return Err(other),
    };
    Err(Unprofitable::TooDear {
        cost,
        expected: expected.fresh().copied().unwrap_or_default(),
        share,
        limit,
    })
}

#[cfg(test)]
mod tests {
    use airdrops_types::Timestamp;

    use super::*;

    fn known(value: Usd) -> Reading<Usd> {
        Reading::Fresh {
            value,
            at: Timestamp(0),
        }
    }

    #[test]
    fn the_share_is_rounded_up() {
        let expected = known(Usd::dollars(3));
        assert_eq!(cost_share(Usd::dollars(1), &expected), Ok(Bps(3334)));
        assert_eq!(cost_share(Usd(1), &expected), Ok(Bps(1)));
        assert_eq!(cost_share(Usd::ZERO, &expected), Ok(Bps(0)));
        assert_eq!(cost_share(Usd::dollars(6), &expected), Ok(Bps(20_000)));
    }

    #[test]
    fn what_brings_nothing_is_never_profitable() {
        for expected in [Usd::ZERO, Usd(-1)] {
            let refused = Err(Unprofitable::NothingExpected { expected });
            let reading = known(expected);
            assert_eq!(
                check_profitability(Usd::ZERO, &reading, Bps(u32::MAX)),
                refused
            );
        }
        assert_eq!(
            check_profitability(Usd::ZERO, &known(Usd(1)), Bps(0)),
            Ok(())
        );
    }

    #[test]
    fn what_is_not_known_is_never_profitable() {
        let stale = Reading::Stale {
            value: Usd::dollars(1000),
            at: Timestamp(0),
            reason: "old".to_owned(),
        };
        let defect = "stale: old".to_owned();
        assert_eq!(
            check_profitability(Usd::ZERO, &stale, Bps::WHOLE),
            Err(Unprofitable::NoExpectation { defect })
        );
        let defect = "missing: never estimated".to_owned();
        assert_eq!(
            check_profitability(Usd::ZERO, &Reading::missing("never estimated"), Bps::WHOLE),
            Err(Unprofitable::NoExpectation { defect })
        );
    }

    #[test]
    fn the_limit_itself_is_allowed_and_more_is_not() {
        let expected = Usd::dollars(100);
        let reading = known(expected);
        let limit = Bps(500);
        assert_eq!(
            check_profitability(Usd::dollars(5), &reading, limit),
            Ok(())
        );
        let cost = Usd(5_000_001);
        let share = Some(Bps(501));
        let refused = Unprofitable::TooDear {
            cost,
            expected,
            share,
            limit,
        };
        assert_eq!(
            refused.to_string(),
            "gas costs $5.00 of $100.00 expected, 5.01 %, limit is 5 %"
        );
        assert_eq!(check_profitability(cost, &reading, limit), Err(refused));
    }

    #[test]
    fn a_share_beyond_measure_is_too_dear() {
        let (cost, expected) = (Usd::dollars(1_000_000_000), Usd(1));
        let refused = |limit| Unprofitable::TooDear {
            cost,
            expected,
            share: None,
            limit,
        };
        let reading = known(expected);
        assert_eq!(cost_share(cost, &reading), Err(refused(Bps::WHOLE)));
        let most = Bps(u32::MAX);
        assert_eq!(
            check_profitability(cost, &reading, most),
            Err(refused(most))
        );
        assert_eq!(
            refused(most).to_string(),
            "gas costs $1,000,000,000.00 of $0.00 expected, beyond measure, limit is 42949672.95 %"
        );
    }

    #[test]
    fn refusals_name_what_was_expected() {
        let none = Unprofitable::NoExpectation {
            defect: "missing: x".to_owned(),
        };
        assert_eq!(none.to_string(), "the expected value is missing: x");
        let loss = Unprofitable::NothingExpected {
            expected: Usd::dollars(-2),
        };
        assert_eq!(
            loss.to_string(),
            "the expected value is -$2.00, not above zero"
        );
    }
}
