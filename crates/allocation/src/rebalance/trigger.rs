//! What starts an evaluation. A trigger decides nothing: whether anything moves is the net benefit's
//! to say.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use airdrops_types::{Bps, ControlState, ProtocolId, Timestamp, Usd, VolatilityState};
use serde::{Deserialize, Serialize};

/// When to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// When a position's share of equity is so far from its target: points of equity, and not a part
    /// of the target. A small target would be off by a part of itself all the time.
    pub drift: Bps,
    /// A drift that an evaluation has seen, and that has not grown by `drift` again, is looked at
    /// anew only after this.
    pub drift_again: Duration,
    /// After this at the latest.
    pub interval: Duration,
    /// When capital of so much of equity came or went.
    pub capital: Bps,
    /// When a risk score changed by so many points; at least one.
    pub score: u8,
}

impl Default for Policy {
    /// 5 points of drift, seen again after a day; a week; 1 % of capital; 5 points of score.
    fn default() -> Self {
        Self {
            drift: Bps(500),
            drift_again: Duration::from_secs(24 * 3600),
            interval: Duration::from_secs(7 * 24 * 3600),
            capital: Bps(100),
            score: 5,
        }
    }
}

/// What holds back one position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// The worst control state that covers it.
    pub control: ControlState,
    /// What is left of limits on growth.
    pub scale: Bps,
    /// Risk from 0 to 100.
    pub score: u8,
}

impl Default for Risk {
    /// Nothing holds it back.
    fn default() -> Self {
        Self {
            control: ControlState::Active,
            scale: Bps::WHOLE,
            score: 0,
        }
    }
}

/// How things are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Situation {
    /// Cash and all positions.
    pub equity: Usd,
    /// Size and target of each position.
    pub positions: BTreeMap<ProtocolId, (Usd, Usd)>,
    /// The control state of everything.
    pub control: ControlState,
    /// What holds back each position.
    pub risks: BTreeMap<ProtocolId, Risk>,
    /// How rough the market is; `None` if that is not known, which is no event.
    pub volatility: Option<VolatilityState>,
    /// All capital that ever came in less all that went out.
    pub contributed: Usd,
}

/// What the last evaluation saw. Survives a restart; as large as the positions are many.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Baseline {
    /// When it was; `None` if there was none.
    pub at: Option<Timestamp>,
    /// The control state of everything.
    pub control: ControlState,
    /// What held back each position.
    pub risks: BTreeMap<ProtocolId, Risk>,
    /// The last known volatility state.
    pub volatility: Option<VolatilityState>,
    /// Capital that had come in less what had gone out.
    pub contributed: Usd,
    /// How far each position was from its target.
    pub drift: BTreeMap<ProtocolId, Bps>,
}

/// Why an evaluation starts, and by how much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// There was no evaluation yet.
    First,
    /// Another control state covers a position, or everything.
    Control {
        /// Which position; `None` for everything.
        protocol: Option<ProtocolId>,
        /// What held.
        before: ControlState,
        /// What holds.
        now: ControlState,
    },
    /// More or less is left of limits on growth.
    Scale {
        /// Of which position.
        protocol: ProtocolId,
        /// What was left.
        before: Bps,
        /// What is left.
        now: Bps,
    },
    /// Another risk score.
    Score {
        /// Of which position.
        protocol: ProtocolId,
        /// What it was.
        before: u8,
        /// What it is.
        now: u8,
    },
    /// Another volatility state.
    Market {
        /// What it was.
        before: VolatilityState,
        /// What it is.
        now: VolatilityState,
    },
    /// Capital came or went.
    Capital {
        /// How much came; negative if it went.
        flow: Usd,
        /// Its share of equity.
        share: Bps,
    },
    /// A position is far from its target.
    Drift {
        /// Which: the one that is farthest.
        protocol: ProtocolId,
        /// What it is worth.
        size: Usd,
        /// What it should be worth.
        target: Usd,
        /// How far that is apart, in points of equity.
        drift: Bps,
    },
    /// It is time.
    Schedule {
        /// How long ago the last evaluation was.
        since: Duration,
    },
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str("nothing was evaluated before"),
            Self::Control {
                protocol: Some(protocol),
                before,
                now,
            } => write!(f, "`{protocol}` is {now}, it was {before}"),
            Self::Control { before, now, .. } => write!(f, "everything is {now}, it was {before}"),
            Self::Scale {
                protocol,
                before,
                now,
            } => write!(
                f,
                "{now} is left of the limits of `{protocol}`, it was {before}"
            ),
            Self::Score {
                protocol,
                before,
                now,
            } => write!(
                f,
                "the risk score of `{protocol}` is {now}, it was {before}"
            ),
            Self::Market { before, now } => write!(f, "volatility is {now}, it was {before}"),
            Self::Capital { flow, share } => {
                write!(f, "capital changed by {flow}, {share} of equity")
            }
            Self::Drift {
                protocol,
                size,
                target,
                drift,
            } => write!(
                f,
                "`{protocol}` is worth {size}, {drift} of equity from its target of {target}"
            ),
            Self::Schedule { since } => {
                let hours = since.as_secs() / 3600;
                write!(f, "the last evaluation was {hours} h ago")
            }
        }
    }
}

impl Situation {
    /// How far each position is from its target, in points of equity, rounded up.
    fn drift(&self) -> impl Iterator<Item = (&ProtocolId, Usd, Usd, Bps)> {
        self.positions.iter().map(|(protocol, (size, target))| {
            let apart = Usd((*size - *target).0.saturating_abs());
            // Without equity any distance is the farthest.
            let drift = apart.share_of(self.equity).unwrap_or(match apart {
                Usd::ZERO => Bps(0),
                _ => Bps(u32::MAX),
            });
            (protocol, *size, *target, drift)
        })
    }
}

impl Baseline {
    /// What an evaluation at `now` saw.
    #[must_use]
    pub fn of(situation: &Situation, before: &Self, now: Timestamp) -> Self {
        Self {
            at: Some(now),
            control: situation.control,
            risks: situation.risks.clone(),
            volatility: situation.volatility.or(before.volatility),
            contributed: situation.contributed,
            drift: situation
                .drift()
                .map(|(protocol, _, _, drift)| (protocol.clone(), drift))
                .collect(),
        }
    }

    /// Why an evaluation should start now, if it should; the most urgent reason. A changed control
    /// state, scale or score is one at the first look after the change.
    #[must_use]
    pub fn trigger(
        &self,
        policy: &Policy,
        situation: &Situation,
        now: Timestamp,
    ) -> Option<Trigger> {
        let Some(at) = self.at else {
            return Some(Trigger::First);
        };
        self.risk(policy, situation)
            .or_else(|| self.market(situation))
            .or_else(|| self.capital(policy, situation))
            .or_else(|| self.drifted(policy, situation, now.since(at)))
            .or_else(|| {
                let since = now.since(at);
                (since >= policy.interval).then_some(Trigger::Schedule { since })
            })
    }

    fn risk(&self, policy: &Policy, situation: &Situation) -> Option<Trigger> {
        if situation.control != self.control {
            return Some(Trigger::Control {
                protocol: None,
                before: self.control,
                now: situation.control,
            });
        }
        let unrestrained = Risk::default();
        let protocols = self.risks.keys().chain(situation.risks.keys());
        let pairs: Vec<(&ProtocolId, &Risk, &Risk)> = protocols
            .map(|protocol| {
                let before = self.risks.get(protocol).unwrap_or(&unrestrained);
                let now = situation.risks.get(protocol).unwrap_or(&unrestrained);
                (protocol, before, now)
            })
            .collect();
        let controls = pairs
            .iter()
            .filter(|(_, before, now)| before.control != now.control);
        // The worst of what changed.
        if let Some((protocol, before, now)) = controls.max_by_key(|(_, _, now)| now.control) {
            return Some(Trigger::Control {
                protocol: Some((*protocol).clone()),
                before: before.control,
                now: now.control,
            });
        }
        let mut scales = pairs
            .iter()
            .filter(|(_, before, now)| before.scale != now.scale);
        if let Some((protocol, before, now)) = scales.next() {
            return Some(Trigger::Scale {
                protocol: (*protocol).clone(),
                before: before.scale,
                now: now.scale,
            });
        }
        let scores = pairs
            .iter()
            .filter(|(_, before, now)| before.score.abs_diff(now.score) >= policy.score.max(1));
        scores
            .max_by_key(|(_, _, now)| now.score)
            .map(|(protocol, before, now)| Trigger::Score {
                protocol: (*protocol).clone(),
                before: before.score,
                now: now.score,
            })
    }

    fn market(&self, situation: &Situation) -> Option<Trigger> {
        let (before, now) = (self.volatility?, situation.volatility?);
        (before != now).then_some(Trigger::Market { before, now })
    }

    fn capital(&self, policy: &Policy, situation: &Situation) -> Option<Trigger> {
        let flow = situation.contributed - self.contributed;
        let size = Usd(flow.0.saturating_abs());
        let share = size.share_of(situation.equity).unwrap_or(Bps::WHOLE);
        (size > Usd::ZERO && share >= policy.capital).then_some(Trigger::Capital { flow, share })
    }

    fn drifted(&self, policy: &Policy, situation: &Situation, since: Duration) -> Option<Trigger> {
        let far = situation.drift().filter(|(protocol, _, _, drift)| {
            let seen = self.drift.get(*protocol).copied().unwrap_or_default();
            let grown = drift.0 >= seen.0.saturating_add(policy.drift.0);
            let due = since >= policy.drift_again;
            *drift >= policy.drift && *drift > Bps(0) && (grown || due || seen < policy.drift)
        });
        far.max_by_key(|(_, _, _, drift)| *drift)
            .map(|(protocol, size, target, drift)| Trigger::Drift {
                protocol: protocol.clone(),
                size,
                target,
                drift,
            })
    }
}
