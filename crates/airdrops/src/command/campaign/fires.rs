//! The instants at which a campaign would fire.

use airdrops_scheduler::{Campaign, Trigger, next_fire};
use airdrops_types::Timestamp;

use crate::config::summary::event_text;

/// The instants after `after`, up to and including `until`, at most `most`. `first_seen` is when the
/// scheduler first saw the campaign.
pub(crate) fn between(
    campaign: &Campaign,
    after: Timestamp,
    until: Timestamp,
    first_seen: Timestamp,
    most: usize,
) -> Vec<Timestamp> {
    let timing = &campaign.timing;
    let mut at = match timing.start {
        Some(start) if start > after => Timestamp(start.0.saturating_sub(1)),
        _ => after,
    };
    let end = timing.end.map_or(until, |end| end.min(until));
    let mut found = Vec::new();
    while found.len() < most {
        // A trigger that cannot be used was refused where it was defined.
        match next_fire(&campaign.trigger, at, first_seen) {
            Ok(Some(next)) if next <= end && next > at => {
                found.push(next);
                at = next;
            }
            _ => break,
        }
    }
    found
}

/// Why a campaign has no instants of its own, if it has none.
pub(crate) fn without_instants(trigger: &Trigger) -> Option<String> {
    match trigger {
        Trigger::Manual => Some("only when an operator says so".into()),
        Trigger::Event(source) => Some(format!("when {}", event_text(source))),
        Trigger::Any(parts) => {
            let mut none = parts.iter().map(without_instants);
            none.all(|part| part.is_some())
                .then(|| "when one of its events happens".into())
        }
        _ => None,
    }
}
