//! Triggers in words.

use airdrops_scheduler::{Calendar, EventSource, Measure, Trigger};

use super::super::unit::duration_text;

/// A trigger in words.
#[must_use]
pub fn trigger_text(trigger: &Trigger) -> String {
    let several = |parts: &[Trigger]| {
        let parts: Vec<String> = parts.iter().map(trigger_text).collect();
        parts.join("; ")
    };
    match trigger {
        Trigger::Cron { expression, zone } => format!("at `{expression}` in {zone}"),
        Trigger::Interval { every, first } => match first {
            Some(first) => format!("every {} from {first}", duration_text(*every)),
            None => format!("every {}", duration_text(*every)),
        },
        Trigger::Calendar(calendar) => calendar_text(calendar),
        Trigger::Date { at } => format!("once at {at}"),
        Trigger::Once => "once, as soon as it is seen".into(),
        Trigger::All(parts) => format!("when all of these fire together: {}", several(parts)),
        Trigger::Any(parts) => format!("whenever any of these fires: {}", several(parts)),
        Trigger::Event(source) => format!("when {}", event_text(source)),
        Trigger::Manual => "only when an operator says so".into(),
    }
}

fn calendar_text(calendar: &Calendar) -> String {
    let steps = [
        (calendar.years, "year"),
        (calendar.months, "month"),
        (calendar.weeks, "week"),
        (calendar.days, "day"),
    ];
    let steps: Vec<String> = steps
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| match count {
            1 => format!("1 {unit}"),
            count => format!("{count} {unit}s"),
        })
        .collect();
    let (hour, minute, second) = (
        calendar.time / 3600,
        calendar.time / 60 % 60,
        calendar.time % 60,
    );
    let second = match second {
        0 => String::new(),
        second => format!(":{second:02}"),
    };
    let first = calendar.first.as_ref();
    let first = first.map_or_else(String::new, |first| format!(" from {first}"));
    format!(
        "every {} at {hour:02}:{minute:02}{second} in {}{first}",
        steps.join(" and "),
        calendar.zone
    )
}

/// What an event trigger waits for, as the rest of a sentence.
#[must_use]
pub fn event_text(source: &EventSource) -> String {
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
