//! A trigger as a text that changes when its instants do.

use std::fmt::Write as _;

use airdrops_types::{Conditions, Ending, Timestamp};

use crate::campaign::{Calendar, EventSource, Measure, MeasureCondition, Timing, Trigger};

impl Trigger {
    /// A text that stays the same across versions of the program as long as the trigger fires at
    /// the same instants. Stored with the trigger's state, to notice a changed trigger.
    #[must_use]
    pub fn definition(&self) -> String {
        match self {
            Self::Cron { expression, zone } => format!("cron {expression} in {zone}"),
            Self::Interval { every, first: None } => format!("every {} ms", every.as_millis()),
            Self::Interval {
                every,
                first: Some(first),
            } => format!("every {} ms from {} ms", every.as_millis(), first.0),
            Self::Calendar(calendar) => calendar_text(calendar),
            Self::Date { at } => format!("at {} ms", at.0),
            Self::Once => "once".to_owned(),
            Self::All(parts) => list("all", parts),
            Self::Any(parts) => list("any", parts),
            Self::Event(source) => format!("on {}", source_text(source)),
            Self::Manual => "manual".to_owned(),
        }
    }
}

/// What stands before the start, and before the end.
const BOUNDS: [&str; 2] = [" not before ", " not after "];

/// What stands behind each.
const UNIT: &str = " ms";

impl Timing {
    /// The bounds, to stand behind [`Trigger::definition`]; empty without bounds. Jitter is not part
    /// of it: it does not move instants.
    #[must_use]
    pub fn definition(&self) -> String {
        let mut text = String::new();
        for (word, bound) in BOUNDS.iter().zip([self.start, self.end]) {
            if let Some(bound) = bound {
                // Writing to a string does not fail.
                let _ = write!(text, "{word}{}{UNIT}", bound.0);
            }
        }
        text
    }

    /// The bounds, without jitter, that [`Timing::definition`] wrote; `None` for any other text.
    pub(crate) fn from_definition(text: &str) -> Option<Self> {
        let mut timing = Self::default();
        let mut rest = text;
        for (word, bound) in BOUNDS.iter().zip([&mut timing.start, &mut timing.end]) {
            if let Some(written) = rest.strip_prefix(word) {
                let (milliseconds, behind) = written.split_once(UNIT)?;
                *bound = Some(Timestamp(milliseconds.parse().ok()?));
                rest = behind;
            }
        }
        rest.is_empty().then_some(timing)
    }
}

fn list(word: &str, parts: &[Trigger]) -> String {
    let parts: Vec<String> = parts
        .iter()
        .map(|part| format!("({})", part.definition()))
        .collect();
    format!("{word} of {}", parts.join(" "))
}

fn calendar_text(calendar: &Calendar) -> String {
    // What makes the same steps has the same text.
    let months = u64::from(calendar.years) * 12 + u64::from(calendar.months);
    let days = u64::from(calendar.weeks) * 7 + u64::from(calendar.days);
    let (time, zone) = (calendar.time, &calendar.zone);
    let first = calendar.first.as_deref().unwrap_or("the day it is seen");
    format!("every {months} months {days} days at {time} s in {zone} from {first}")
}

fn source_text(source: &EventSource) -> String {
    match source {
        EventSource::Log {
            chain,
            address,
            topics,
            confirmations,
        } => {
            let topics: Vec<String> = topics
                .iter()
                .map(|topic| topic.map_or_else(|| "any".to_owned(), |topic| format!("{topic:#x}")))
                .collect();
            format!(
                "log of {address:#x} on {chain}, topics [{}], {confirmations} confirmations",
                topics.join(" ")
            )
        }
        EventSource::Condition(condition) => condition_text(condition),
        EventSource::Task { campaign, task, on } => {
            let what = match task {
                Some(task) => format!("task {}", quoted(task)),
                None => "run".to_owned(),
            };
            let campaign = quoted(campaign.as_str());
            format!("{} of {what} of {campaign}", endings(*on))
        }
        EventSource::Opportunity => "opportunity".to_owned(),
        EventSource::Plan => "plan".to_owned(),
        EventSource::Named { name } => format!("event {}", quoted(name)),
    }
}

fn condition_text(condition: &MeasureCondition) -> String {
    let measure = match &condition.measure {
        Measure::Price(asset) => format!("price of {}", quoted(asset.as_str())),
        Measure::BaseFee(chain) => format!("base fee of {chain}"),
        Measure::Volatility => "volatility".to_owned(),
    };
    let side = if condition.above { "above" } else { "below" };
    format!(
        "{measure} {side} {} until {} for {} ms",
        condition.threshold,
        condition.release,
        condition.lasting.as_millis()
    )
}

fn endings(on: Conditions) -> String {
    let names = [
        (Ending::Success, "success"),
        (Ending::Failure, "failure"),
        (Ending::Skip, "skip"),
    ];
    let held: Vec<&str> = names
        .into_iter()
        .filter_map(|(ending, name)| on.holds(ending).then_some(name))
        .collect();
    held.join(" or ")
}

/// A text between quotes that end where it ends.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
