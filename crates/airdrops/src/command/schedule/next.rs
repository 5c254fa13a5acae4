//! `schedule next`: when a trigger fires next.

use airdrops_scheduler::trigger::local_text;
use airdrops_scheduler::{Calendar, Compiled, Timing, Trigger, TriggerError};
use airdrops_types::Timestamp;
use serde_json::json;

use crate::cli::{Global, ScheduleNext};
use crate::command::now;
use crate::config::unit;
use crate::exit::{Exit, Failure};

/// Prints the fires after an instant, strictly.
pub(super) fn next(global: &Global, options: &ScheduleNext) -> Result<(), Failure> {
    let zone = &options.tz;
    let from = match &options.from {
        Some(text) => unit::instant(text).map_err(|defect| {
            refused(
                "--from",
                &format!(
                    "{text:?} {defect}; write it with its offset from UTC, as 2024-03-31T02:30:00Z \
                     or 2024-03-31T02:30:00+01:00"
                ),
            )
        })?,
        // What counts from now counts from a whole second.
        None => Timestamp(now().0.div_euclid(1000) * 1000),
    };
    // Whatever the trigger is, its fires are printed in this zone.
    let start = local_text(from, zone).map_err(|error| refused("--tz", &error.to_string()))?;
    let (option, trigger) = trigger(options)?;
    let refuse = |error: &TriggerError| refused(option, &error.to_string());
    let trigger = Compiled::new(&trigger, &Timing::default()).map_err(|error| refuse(&error))?;
    let fires = std::iter::successors(trigger.next_after(from, from), |&last| {
        trigger.next_after(last, from)
    });
    let count = usize::try_from(options.count).unwrap_or(usize::MAX);
    let texts = fires
        .take(count)
        .map(|fire| local_text(fire, zone))
        .collect::<Result<Vec<String>, TriggerError>>()
        .map_err(|error| refuse(&error))?;
    if global.json || !texts.is_empty() {
        crate::command::answer(global, &texts.join("\n"), &json!(texts));
    }
    if texts.len() < count {
        let last = texts.last().unwrap_or(&start);
        anstream::eprintln!("there are no more fires after {last}");
    }
    Ok(())
}

/// The trigger, and the option that it comes from.
fn trigger(options: &ScheduleNext) -> Result<(&'static str, Trigger), Failure> {
    let zone = options.tz.clone();
    match options {
        ScheduleNext {
            cron: Some(expression),
            ..
        } => {
            let expression = expression.clone();
            Ok(("--cron", Trigger::Cron { expression, zone }))
        }
        ScheduleNext {
            interval: Some(text),
            ..
        } => {
            let every = unit::duration(text).map_err(|defect| {
                let what = format!("{text:?} {defect}; write it as 90s, 15m, 1h30m or 2d");
                refused("--interval", &what)
            })?;
            Ok(("--interval", Trigger::Interval { every, first: None }))
        }
        ScheduleNext {
            calendar: Some(spec),
            ..
        } => {
            let calendar = Calendar::parse(spec, &zone)
                .map_err(|error| refused("--calendar", &error.to_string()))?;
            Ok(("--calendar", Trigger::Calendar(calendar)))
        }
        _ => Err(Failure::new(
            Exit::Usage,
            "give one of --cron, --interval and --calendar",
        )),
    }
}

fn refused(option: &str, what: &str) -> Failure {
    Failure::new(Exit::Config, format!("{option}: {what}"))
}
