//! Which breakers there are, and how what each of them stopped goes on again.

use std::fmt;
use std::time::Duration;

use airdrops_types::ControlState;
use serde::{Deserialize, Serialize};

/// A breaker. Its name is stable: it stands in the journal and in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerKind {
    /// A person's own stop.
    Manual,
    /// The loss of equity within a rolling day.
    RollingLoss,
    /// The fall of equity from its highest within weeks.
    Drawdown,
    /// Gas that costs too much of what it is spent for.
    UnprofitableGas,
    /// Reports of an exploit, an outage or a loss of funds.
    Incident,
    /// A contract that is not what it was.
    PinChange,
    /// An asset away from its peg.
    Depeg,
    /// Transactions or calls that fail too often.
    FailureRate,
    /// Data that is old, missing or disputed.
    Data,
    /// A clock that cannot be right.
    Clock,
    /// A nonce of ours that somebody else used.
    ForeignNonce,
    /// A wild market.
    Volatility,
}

/// Who lifts a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClearedBy {
    /// It ends by itself, once healthy evidence lasted for the cool-down.
    Itself,
    /// Only a person ends it, with a reason.
    Administrator,
}

/// How a stop ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clearing {
    /// Who lifts it.
    pub by: ClearedBy,
    /// For how long there must be healthy evidence without a break before it ends by itself. Not
    /// used where an administrator lifts it.
    pub cool_down: Duration,
}

impl Clearing {
    /// Only a person ends it.
    pub const ADMINISTRATOR: Self = Self {
        by: ClearedBy::Administrator,
        cool_down: Duration::ZERO,
    };

    /// It ends by itself after `minutes` of healthy evidence.
    const fn after_minutes(minutes: u64) -> Self {
        Self {
            by: ClearedBy::Itself,
            cool_down: Duration::from_secs(minutes * 60),
        }
    }
}

impl BreakerKind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Manual,
        Self::RollingLoss,
        Self::Drawdown,
        Self::UnprofitableGas,
        Self::Incident,
        Self::PinChange,
        Self::Depeg,
        Self::FailureRate,
        Self::Data,
        Self::Clock,
        Self::ForeignNonce,
        Self::Volatility,
    ];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::RollingLoss => "rolling-loss",
            Self::Drawdown => "drawdown",
            Self::UnprofitableGas => "unprofitable-gas",
            Self::Incident => "incident",
            Self::PinChange => "pin-change",
            Self::Depeg => "depeg",
            Self::FailureRate => "failure-rate",
            Self::Data => "data",
            Self::Clock => "clock",
            Self::ForeignNonce => "foreign-nonce",
            Self::Volatility => "volatility",
        }
    }

    /// The breaker of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The worst state of this breaker that can end by itself; `Active` if none can. Never
    /// `Halted` or `Locked`: an administrator lifts these, whatever the breaker. No configuration
    /// raises it.
    #[must_use]
    pub const fn clears_itself_up_to(self) -> ControlState {
        match self {
            Self::Manual
            | Self::RollingLoss
            | Self::Drawdown
            | Self::PinChange
            | Self::ForeignNonce => ControlState::Active,
            Self::Incident | Self::Clock | Self::UnprofitableGas | Self::Volatility => {
                ControlState::Cautious
            }
            Self::Depeg | Self::FailureRate | Self::Data => ControlState::Reducing,
        }
    }

    /// How its states up to [`BreakerKind::clears_itself_up_to`] end by default; worse ones always
    /// end by an administrator.
    #[must_use]
    pub const fn clearing(self) -> Clearing {
        match self {
            Self::Manual
            | Self::RollingLoss
            | Self::Drawdown
            | Self::PinChange
            | Self::ForeignNonce => Clearing::ADMINISTRATOR,
            Self::Data => Clearing::after_minutes(10),
            Self::Clock => Clearing::after_minutes(30),
            Self::UnprofitableGas | Self::FailureRate | Self::Incident | Self::Volatility => {
                Clearing::after_minutes(60)
            }
            Self::Depeg => Clearing::after_minutes(360),
        }
    }
}

impl fmt::Display for BreakerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_stable_unique_and_those_of_the_serialised_form() {
        let names: Vec<&str> = BreakerKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(
            names,
            [
                "manual",
                "rolling-loss",
                "drawdown",
                "unprofitable-gas",
                "incident",
                "pin-change",
                "depeg",
                "failure-rate",
                "data",
                "clock",
                "foreign-nonce",
                "volatility",
            ]
        );
        for kind in BreakerKind::ALL {
            assert_eq!(BreakerKind::from_name(kind.name()), Some(kind));
            assert_eq!(kind.to_string(), kind.name());
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        assert_eq!(BreakerKind::from_name("Manual"), None);
    }

    #[test]
    fn losses_and_security_end_by_an_administrator_and_the_rest_after_its_cool_down() {
        let table = BreakerKind::ALL.map(|kind| {
            let clearing = kind.clearing();
            let itself = clearing.by == ClearedBy::Itself;
            assert_eq!(itself, kind.clears_itself_up_to() > ControlState::Active);
            assert_eq!(itself, !clearing.cool_down.is_zero());
            (
                kind.clears_itself_up_to(),
                clearing.cool_down.as_secs() / 60,
            )
        });
        use ControlState::{Active, Cautious, Reducing};
        assert_eq!(
            table,
            [
                (Active, 0),
                (Active, 0),
                (Active, 0),
                (Cautious, 60),
                (Cautious, 60),
                (Active, 0),
                (Reducing, 360),
                (Reducing, 60),
                (Reducing, 10),
                (Cautious, 30),
                (Active, 0),
                (Cautious, 60),
            ]
        );
    }
}
