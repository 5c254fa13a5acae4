//! The instants at which a campaign would fire.

use airdrops_scheduler::{Campaign, EventSource, Measure, Trigger, next_fire};
use airdrops_types::Timestamp;

use crate::config::unit::duration_text;

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

/// What an event trigger waits for, as the rest of a sentence.
pub(crate) fn event_text(source: &EventSource) -> String {
    match source {
        EventSource::Log {
            chain,
            address,
            topics,
            confirmations,
        } => {
            let narrow = if topics.iter().any(Option::is_some) {
                " of certain topics"
            } else {
                ""
            };
            format!("{address} on chain {chain} logs{narrow}, {confirmations} blocks deep")
        }
        EventSource::Condition(condition) => {
            let (what, unit) = match &condition.measure {
                Measure::Price(asset) => (format!("the price of {asset}"), Unit::Dollars),
                Measure::BaseFee(chain) => (format!("the base fee of chain {chain}"), Unit::Gwei),
                Measure::Volatility => ("the volatility index".into(), Unit::Points),
            };
            let side = if condition.above {
                "at or above"
            } else {
                "at or below"
            };
            let mut text = format!("{what} is {side} {}", unit.text(condition.threshold));
            if !condition.lasting.is_zero() {
                text.push_str(&format!(" for {}", duration_text(condition.lasting)));
            }
            if condition.release != condition.threshold {
                text.push_str(&format!(
                    ", again only after it was back at {}",
                    unit.text(condition.release)
                ));
            }
            text
        }
        EventSource::Task { campaign, task, on } => {
            let what = match task {
                Some(task) => format!("task {task} of {campaign}"),
                None => format!("a run of {campaign}"),
            };
            format!("{what} ends with {}", on.names().join(" or "))
        }
        EventSource::Opportunity => "an opportunity is new".into(),
        EventSource::Plan => "the allocation engine decides to move something".into(),
        EventSource::Named { name } => format!("event {name} comes"),
    }
}

/// In which unit a threshold is shown.
#[derive(Clone, Copy)]
enum Unit {
    Dollars,
    Gwei,
    Points,
}

impl Unit {
    fn text(self, value: i128) -> String {
        let decimal = |places: usize| {
            let scale = 10_i128.pow(u32::try_from(places).unwrap_or(0));
            let fraction = format!("{:0places$}", (value % scale).abs());
            let fraction = fraction.trim_end_matches('0');
            let dot = if fraction.is_empty() { "" } else { "." };
            format!("{}{dot}{fraction}", value / scale)
        };
        match self {
            Self::Dollars => format!("${}", decimal(6)),
            Self::Gwei => format!("{} gwei", decimal(9)),
            Self::Points => format!("{} points", decimal(3)),
        }
    }
}
