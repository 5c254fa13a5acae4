//! Wall clocks: which instants show a local time, across changes of a zone's offset.

use airdrops_types::Timestamp;
use chrono::{
    DateTime, MappedLocalTime, NaiveDateTime, Offset as _, SecondsFormat, TimeDelta, TimeZone as _,
};
use chrono_tz::{GapInfo, Tz};

use super::TriggerError;

/// When the clocks of a zone show a local time. Instants are seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// At one instant.
    Once(i64),
    /// At two, because clocks were set back; the earlier one first.
    Twice(i64, i64),
    /// Never, because clocks were set forward past it.
    Never {
        /// The instant at which they were set forward.
        end: i64,
        /// What they show from then on.
        wall: NaiveDateTime,
    },
}

/// The zone of an IANA name.
pub(super) fn parse(zone: &str) -> Result<Tz, TriggerError> {
    zone.parse().map_err(|_| TriggerError::Zone {
        zone: zone.to_owned(),
    })
}

/// What clocks show at an instant, in seconds since 1970. `None` outside the calendar.
pub(super) fn wall(zone: Tz, instant: i64) -> Option<NaiveDateTime> {
    let utc = DateTime::from_timestamp(instant, 0)?.naive_utc();
    utc.checked_add_offset(zone.offset_from_utc_datetime(&utc).fix())
}

/// When clocks show `wall`. `None` outside the calendar.
pub(super) fn shown(zone: Tz, wall: NaiveDateTime) -> Option<Shown> {
    match zone.from_local_datetime(&wall) {
        MappedLocalTime::Single(at) => Some(Shown::Once(at.timestamp())),
        MappedLocalTime::Ambiguous(a, b) => {
            let (a, b) = (a.timestamp(), b.timestamp());
            Some(Shown::Twice(a.min(b), a.max(b)))
        }
        MappedLocalTime::None => {
            let end = GapInfo::new(&wall, &zone)?.end?;
            Some(Shown::Never {
                end: end.timestamp(),
                wall: end.naive_local(),
            })
        }
    }
}

/// The first and the last local time of the repeated stretch of `length` seconds around `wall`, which
/// is shown twice.
pub(super) fn repeated(
    zone: Tz,
    wall: NaiveDateTime,
    length: i64,
) -> Option<(NaiveDateTime, NaiveDateTime)> {
    Some((edge(zone, wall, -length)?, edge(zone, wall, length)?))
}

/// The last local time from `inside` towards `inside + distance` that is shown twice; the one at that
/// distance is not.
fn edge(zone: Tz, inside: NaiveDateTime, distance: i64) -> Option<NaiveDateTime> {
    let (mut twice, mut not) = (0, distance.abs());
    let at = |seconds: i64| {
        inside.checked_add_signed(TimeDelta::try_seconds(seconds * distance.signum())?)
    };
    while not - twice > 1 {
        let middle = twice.midpoint(not);
        match shown(zone, at(middle)?)? {
            Shown::Twice(..) => twice = middle,
            _ => not = middle,
        }
    }
    at(twice)
}

/// An instant as RFC 3339 with the offset that its zone has then, `2024-03-31T03:00:00+02:00`; with
/// milliseconds if it has some.
///
/// # Errors
///
/// The zone is unknown.
pub fn local_text(instant: Timestamp, zone: &str) -> Result<String, TriggerError> {
    let zone = parse(zone)?;
    let in_calendar = DateTime::from_timestamp_millis(instant.0)
        .filter(|_| wall(zone, instant.0.div_euclid(1000)).is_some());
    Ok(in_calendar.map_or_else(
        || instant.to_string(),
        |at| {
            let format = match instant.0.rem_euclid(1000) {
                0 => SecondsFormat::Secs,
                _ => SecondsFormat::Millis,
            };
            at.with_timezone(&zone).to_rfc3339_opts(format, false)
        },
    ))
}
