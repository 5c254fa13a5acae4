//! The instants at which a campaign would fire.

use airdrops_scheduler::{Campaign, Compiled, Trigger};
use airdrops_types::Timestamp;

use crate::config::summary::event_text;

/// The instants after `after`, up to and including `until`, at most `most`. `first_seen` is when the
/// scheduler first saw the campaign. Runs begin later than that by their jitter.
pub(crate) fn between(
    campaign: &Campaign,
    after: Timestamp,
    until: Timestamp,
    first_seen: Timestamp,
    most: usize,
) -> Vec<Timestamp> {
    // A trigger that cannot be used was refused where it was defined.
    let Ok(trigger) = Compiled::new(&campaign.trigger, &campaign.timing) else {
        return Vec::new();
    };
    let next = |after: Timestamp| trigger.next_after(after, first_seen);
    std::iter::successors(next(after), |last| next(*last))
        .take_while(|next| *next <= until)
        .take(most)
        .collect()
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
