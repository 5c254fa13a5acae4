//! Under which policies the program runs: stored beside the journal, so that the next start can
//! tell what changed, and others can look it up.

use airdrops_types::Entry;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::settings::{Mode, Settings};

/// Setting that holds the [`InForce`] of the last start.
pub const IN_FORCE: &str = "in_force";

/// Changes that a note lists.
const LISTED: usize = 20;
/// Characters of a value that a change shows.
const SHOWN: usize = 40;

/// The policies of a start, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// The gate's [`Policy`](airdrops_risk::Policy).
    pub policy: Value,
    /// The [`MonitorPolicy`](airdrops_risk::MonitorPolicy).
    pub monitor: Value,
}

impl InForce {
    /// Those of `settings`.
    ///
    /// # Errors
    /// If they have no JSON form.
    pub fn of(settings: &Settings) -> Result<Self, serde_json::Error> {
        Ok(Self {
            policy: serde_json::to_value(&settings.policy)?,
            monitor: serde_json::to_value(&settings.monitor)?,
        })
    }

    /// The entry that says it.
    pub(crate) fn started(&self, settings: &Settings) -> Entry {
        Entry::Started {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            mode: match settings.mode {
                Mode::Demo => "demo",
                Mode::Paper => "paper",
                Mode::Live => "live",
            }
            .to_owned(),
            seed: settings.seed,
            policy: self.policy.clone(),
            monitor: self.monitor.clone(),
        }
    }

    /// What changed since `before`, as a note; `None` if nothing did.
    pub(crate) fn note(&self, before: &Self) -> Option<Entry> {
        let mut changes = policy_changes(&before.policy, &self.policy);
        changes.extend(policy_changes(&before.monitor, &self.monitor));
        if changes.is_empty() {
            return None;
        }
        let more = changes.len().saturating_sub(LISTED);
        changes.truncate(LISTED);
        if more > 0 {
            changes.push(format!("and {more} more"));
        }
        let text = format!(
            "the policy is not that of the last start (shares are in hundredths of a percent): {}",
            changes.join("; ")
        );
        Some(Entry::Note { text })
    }
}

/// Where two policies differ, each as `place: before → after`, in the order of places. Durations
/// are in seconds, and shares in hundredths of a percent, as in JSON.
#[must_use]
pub fn policy_changes(before: &Value, after: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", before, after, &mut found);
    found
}

fn compare(place: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    if before == after {
        return;
    }
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        let place = if place.is_empty() { "all" } else { place };
        found.push(format!("{place}: {} → {}", words(before), words(after)));
        return;
    };
    if seconds(before).is_some() && seconds(after).is_some() {
        found.push(format!("{place}: {} → {}", words(before), words(after)));
        return;
    }
    let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let place = if place.is_empty() {
            key.clone()
        } else {
            format!("{place}.{key}")
        };
        let of = |object: &serde_json::Map<String, Value>| {
            object.get(key).cloned().unwrap_or(Value::Null)
        };
        compare(&place, &of(old), &of(new), found);
    }
}

/// The seconds of a duration's JSON form.
fn seconds(value: &Value) -> Option<f64> {
    let object = value.as_object().filter(|object| object.len() == 2)?;
    let (seconds, nanos) = (
        object.get("secs")?.as_f64()?,
        object.get("nanos")?.as_f64()?,
    );
    Some(seconds + nanos / 1e9)
}

fn words(value: &Value) -> String {
    let text = match (value, seconds(value)) {
        (_, Some(seconds)) => format!("{seconds} s"),
        (Value::Null, _) => "none".to_owned(),
        (Value::String(text), _) => text.clone(),
        (value, _) => value.to_string(),
    };
    if text.chars().count() <= SHOWN {
        return text;
    }
    let start: String = text.chars().take(SHOWN).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use airdrops_risk::{BreakerKind, MonitorPolicy};
    use airdrops_types::Bps;
    use serde_json::json;

    use super::*;

    fn changes(change: impl FnOnce(&mut MonitorPolicy)) -> Vec<String> {
        let before = MonitorPolicy::default();
        let mut after = before.clone();
        change(&mut after);
        let [before, after] = [before, after].map(|it| serde_json::to_value(it).unwrap());
        policy_changes(&before, &after)
    }

    #[test]
    fn changes_are_named_by_place_with_both_values() {
        assert_eq!(changes(|_| {}), [""; 0]);
        let found = changes(|policy| {
            policy.breakers.depeg.warn.deviation = Bps(40);
            policy.breakers.depeg.warn.lasting = Duration::from_secs(60);
            policy.breakers.clearing.insert(
                BreakerKind::Data,
                airdrops_risk::breaker::Clearing::ADMINISTRATOR,
            );
            policy.failures.usual = 0.03;
        });
        assert_eq!(
            found,
            [
                "breakers.clearing.data: none → {\"by\":\"administrator\",\"cool_down\":{\"nano…",
                "breakers.depeg.warn.deviation: 50 → 40",
                "breakers.depeg.warn.lasting: 10800 s → 60 s",
                "failures.usual: 0.02 → 0.03",
            ]
        );
    }

    #[test]
    fn a_policy_survives_its_json_form() {
        let policy = MonitorPolicy::default();
        let value = serde_json::to_value(&policy).unwrap();
        let read: MonitorPolicy = serde_json::from_value(value).unwrap();
        assert_eq!(read, policy);
    }

    #[test]
    fn a_note_is_bounded() {
        let many = |value: u32| {
            let fields = (0..30).map(|index| (format!("k{index:02}"), json!(value)));
            InForce {
                policy: fields.collect(),
                monitor: Value::Null,
            }
        };
        let Some(Entry::Note { text }) = many(2).note(&many(1)) else {
            panic!("no note");
        };
        assert!(text.ends_with("k19: 1 → 2; and 10 more"), "{text}");
        assert_eq!(many(1).note(&many(1)), None);
    }
}
