//! When a campaign runs.

use std::ops::Range;

use airdrops_scheduler::{Calendar, Trigger};

use super::super::reader::{At, Reader};
use super::super::section::Section;
use super::{World, event};

/// The keys that each are a trigger.
const TRIGGERS: [&str; 8] = [
    "cron", "every", "calendar", "at", "all", "any", "on", "manual",
];

/// Where the trigger stands.
pub(super) fn place(section: &Section<'_>) -> Range<usize> {
    let given = TRIGGERS.into_iter().find(|key| section.has(key));
    given.map_or_else(|| section.span.clone(), |key| section.span_of(key))
}

/// The trigger of a campaign; without any, it runs once.
pub(super) fn read(
    reader: &Reader<'_>,
    section: &Section<'_>,
    world: &World<'_>,
    campaigns: &mut Vec<At<String>>,
) -> Trigger {
    let single = single(reader, section, world, campaigns);
    let mut several = |key: &'static str| -> Option<Vec<Trigger>> {
        let parts = section.tables(key);
        if !section.has(key) {
            return None;
        }
        let read = parts.iter();
        let read: Vec<Trigger> = read
            .filter_map(|part| part_of(reader, part, world, campaigns))
            .collect();
        if parts.is_empty() {
            let message = format!("`{key}` has no triggers");
            let help = format!("write {key} = [{{ cron = \"0 9 * * *\" }}, {{ every = \"6h\" }}]");
            reader.error(section.span_of(key), message, help);
        }
        Some(read)
    };
    let all = several("all");
    let any = several("any");
    let manual = section.flag("manual").unwrap_or(false);
    note_several(reader, section, "a campaign", &TRIGGERS);
    if let Some(parts) = &all
        && parts.iter().any(|part| matches!(part, Trigger::Event(_)))
    {
        reader.error(
            section.span_of("all"),
            "an event has no instants that others could fire at",
            "use `any`, or put the events into a campaign of their own",
        );
    }
    if let Some(parts) = all {
        Trigger::All(parts)
    } else if let Some(parts) = any {
        Trigger::Any(parts)
    } else if manual {
        Trigger::Manual
    } else {
        single.unwrap_or(Trigger::Once)
    }
}

/// One of several triggers.
fn part_of(
    reader: &Reader<'_>,
    section: &Section<'_>,
    world: &World<'_>,
    campaigns: &mut Vec<At<String>>,
) -> Option<Trigger> {
    const PARTS: [&str; 5] = ["cron", "every", "calendar", "at", "on"];
    let part = single(reader, section, world, campaigns);
    note_several(reader, section, "a part of a trigger", &PARTS);
    if !PARTS.into_iter().any(|key| section.has(key)) {
        reader.error(
            section.span.clone(),
            "this part of a trigger never fires",
            format!("give it one of {}", PARTS.join(", ")),
        );
    }
    part
}

fn note_several(reader: &Reader<'_>, section: &Section<'_>, what: &str, keys: &[&'static str]) {
    let given: Vec<&str> = keys
        .iter()
        .copied()
        .filter(|key| section.has(key))
        .collect();
    if let [_, second, ..] = given.as_slice() {
        reader.error(
            section.span_of(second),
            format!("{what} has one trigger, this has {}", given.join(" and ")),
            "remove all but one; for several, write any = [{ … }, { … }]",
        );
    }
}

/// A trigger that stands for itself.
fn single(
    reader: &Reader<'_>,
    section: &Section<'_>,
    world: &World<'_>,
    campaigns: &mut Vec<At<String>>,
) -> Option<Trigger> {
    let cron = section.text("cron");
    let zone = section.text("zone");
    let every = section.duration("every");
    let first = section.instant("first");
    let at = section.instant("at");
    let calendar = section
        .table("calendar")
        .and_then(|section| calendar(reader, &section));
    let on = section
        .table("on")
        .and_then(|section| event::read(reader, &section, world, campaigns));
    for (key, needs) in [("zone", "cron"), ("first", "every")] {
        if section.has(key) && !section.has(needs) {
            let message = format!("`{key}` means nothing without `{needs}`");
            reader.error(section.span_of(key), message, format!("remove `{key}`"));
        }
    }
    if let Some(cron) = cron {
        Some(Trigger::Cron {
            expression: cron.into_inner(),
            zone: zone.map_or_else(|| "UTC".into(), At::into_inner),
        })
    } else if let Some(every) = every {
        Some(Trigger::Interval {
            every,
            first: first.map(At::into_inner),
        })
    } else if let Some(at) = at {
        Some(Trigger::Date {
            at: at.into_inner(),
        })
    } else {
        calendar
            .map(Trigger::Calendar)
            .or_else(|| on.map(Trigger::Event))
    }
}

fn calendar(reader: &Reader<'_>, section: &Section<'_>) -> Option<Calendar> {
    const STEPS: [&str; 4] = ["years", "months", "weeks", "days"];
    let step = |key| {
        let number = section.integer(key).map(At::into_inner);
        number.map_or(0, |number| u32::try_from(number).unwrap_or(u32::MAX))
    };
    let [years, months, weeks, days] = STEPS.map(step);
    let time = section.clock("time");
    let zone = section.text("zone");
    let first = section.date("first");
    if !STEPS.into_iter().any(|key| section.has(key)) {
        reader.error(
            section.span.clone(),
            "the calendar interval has no step",
            "write months = 1, or years, weeks or days",
        );
        return None;
    }
    let zone = zone.map(|zone| {
        if jiff::tz::TimeZone::get(zone.get_ref()).is_err() {
            reader.error(
                zone.span(),
                format!("unknown time zone `{}`", zone.get_ref()),
                "use a name such as \"UTC\" or \"Europe/Berlin\"",
            );
        }
        zone.into_inner()
    });
    Some(Calendar {
        years,
        months,
        weeks,
        days,
        time: time.unwrap_or(0),
        zone: zone.unwrap_or_else(|| "UTC".into()),
        first,
    })
}
