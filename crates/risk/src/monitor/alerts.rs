//! What an administrator is told, once per change.

use std::collections::BTreeMap;

use airdrops_types::{Alert, AlertLevel, ControlState, Scope, Timestamp};
use serde::{Deserialize, Serialize};

use crate::breaker::{Pin, PinChange};
use crate::control::Change;

/// What was last said about each matter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Told {
    /// By scope and matter; only what is not over.
    standing: Vec<(Scope, String, AlertLevel)>,
}

/// How urgent a control state is.
pub(super) fn level(state: ControlState) -> AlertLevel {
    match state {
        ControlState::Active => AlertLevel::Info,
        ControlState::Cautious | ControlState::Reducing => AlertLevel::Warning,
        ControlState::Halted | ControlState::Locked => AlertLevel::Critical,
    }
}

/// What the control board changed, in alerts.
pub(super) fn of_changes(changes: &[Change], now: Timestamp) -> Vec<Alert> {
    changes
        .iter()
        .map(|change| match change {
            Change::Tripped { trip } => Alert {
                at: now,
                level: level(trip.state),
                scope: trip.scope.clone(),
                matter: trip.breaker.clone(),
                evidence: format!("{}: {}", trip.state, trip.evidence),
            },
            Change::Eased { from, trip } => Alert {
                at: now,
                level: AlertLevel::Info,
                scope: trip.scope.clone(),
                matter: trip.breaker.clone(),
                evidence: format!("eased from {from} to {}: {}", trip.state, trip.evidence),
            },
            Change::Cleared { trip, evidence } => Alert {
                at: now,
                level: AlertLevel::Info,
                scope: trip.scope.clone(),
                matter: trip.breaker.clone(),
                evidence: format!("over after {}: {evidence}", trip.state),
            },
        })
        .collect()
}

/// Contracts that were trusted on first sight in this assessment.
pub(super) fn of_trusted(pins: &PinChange, now: Timestamp) -> Vec<Alert> {
    // What a clock that was ahead has dated later was told then.
    let trusted = pins.trusted_at(now);
    let alert = |pin: &Pin| Alert {
        at: now,
        level: AlertLevel::Info,
        scope: Scope::Protocol(pin.protocol.clone()),
        matter: "pin".to_owned(),
        evidence: format!(
            "contract {} on chain {} is trusted as it is now: compare it with what the \
             protocol publishes",
            pin.contract, pin.chain
        ),
    };
    trusted.map(alert).collect()
}

/// A condition that holds or does not: told when it begins, gets worse, and ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) scope: Scope,
    pub(super) matter: String,
    pub(super) level: AlertLevel,
    pub(super) evidence: String,
}

impl Told {
    /// Alerts for the conditions that begin, change their level, or are over.
    pub(super) fn update(&mut self, conditions: Vec<Condition>, now: Timestamp) -> Vec<Alert> {
        let mut worst: BTreeMap<(Scope, String), Condition> = BTreeMap::new();
        for condition in conditions {
            let key = (condition.scope.clone(), condition.matter.clone());
            match worst.get(&key) {
                Some(known) if known.level >= condition.level => {}
                _ => {
                    worst.insert(key, condition);
                }
            }
        }
        let mut alerts = Vec::new();
        self.standing.retain(|(scope, matter, _)| {
            let stands = worst.contains_key(&(scope.clone(), matter.clone()));
            if !stands {
                alerts.push(Alert {
                    at: now,
                    level: AlertLevel::Info,
                    scope: scope.clone(),
                    matter: matter.clone(),
                    evidence: "is over".to_owned(),
                });
            }
            stands
        });
        for ((scope, matter), condition) in worst {
            let known = self
                .standing
                .iter_mut()
                .find(|(known, about, _)| (known, about) == (&scope, &matter));
            match known {
                Some((_, _, level)) if *level == condition.level => continue,
                Some((_, _, level)) => *level = condition.level,
                None => self
                    .standing
                    .push((scope.clone(), matter.clone(), condition.level)),
            }
            alerts.push(Alert {
                at: now,
                level: condition.level,
                scope,
                matter,
                evidence: condition.evidence,
            });
        }
        alerts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(matter: &str, level: AlertLevel) -> Condition {
        Condition {
            scope: Scope::Everything,
            matter: matter.to_owned(),
            level,
            evidence: format!("{matter} is {level}"),
        }
    }

    #[test]
    fn a_condition_is_told_when_it_begins_gets_worse_and_ends() {
        let mut told = Told::default();
        let mut say = |conditions: &[(&str, AlertLevel)]| -> Vec<(String, AlertLevel)> {
            let conditions = conditions
                .iter()
                .map(|(matter, level)| condition(matter, *level));
            told.update(conditions.collect(), Timestamp(0))
                .into_iter()
                .map(|alert| (alert.matter, alert.level))
                .collect()
        };
        let (warning, critical) = (AlertLevel::Warning, AlertLevel::Critical);
        assert_eq!(say(&[("a", warning)]), [("a".to_owned(), warning)]);
        assert_eq!(say(&[("a", warning)]), []);
        let worse = say(&[("a", warning), ("a", critical), ("b", warning)]);
        assert_eq!(
            worse,
            [("a".to_owned(), critical), ("b".to_owned(), warning)]
        );
        assert_eq!(say(&[("b", warning)]), [("a".to_owned(), AlertLevel::Info)]);
        assert_eq!(say(&[]), [("b".to_owned(), AlertLevel::Info)]);
        assert_eq!(say(&[]), []);
    }
}
