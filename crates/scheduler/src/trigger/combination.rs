//! Combinations: instants at which all, or any, of several triggers fire.

use airdrops_types::Timestamp;

use super::compiled::{EARLIEST, Instants};

/// How many times the search for an instant of [`Trigger::All`](crate::Trigger::All) moves on to the
/// latest of its parts' next instants before it gives up and says that there is none.
pub const MAX_SEARCH_STEPS: u32 = 10_000;

/// The earliest of the parts' next instants.
pub(super) fn any_after(
    parts: &[Instants],
    after: Timestamp,
    first_seen: Timestamp,
    until: Timestamp,
) -> Option<Timestamp> {
    parts
        .iter()
        .filter_map(|part| part.next_after(after, first_seen, until))
        .min()
}

/// The first instant after `after` and not later than `until` at which all parts fire within one
/// second: the latest of their first instants in that second.
pub(super) fn all_after(
    parts: &[Instants],
    after: Timestamp,
    first_seen: Timestamp,
    until: Timestamp,
) -> Option<Timestamp> {
    let second_of = |instant: Timestamp| instant.0.div_euclid(1000);
    let mut second = second_of(after.max(EARLIEST));
    for _ in 0..MAX_SEARCH_STEPS {
        let before = Timestamp(second.checked_mul(1000)?.checked_sub(1)?);
        let (mut earliest, mut latest) = (Timestamp(i64::MAX), Timestamp(i64::MIN));
        for part in parts {
            let next = part.next_after(before, first_seen, until)?;
            earliest = earliest.min(next);
            latest = latest.max(next);
        }
        if latest > until {
            return None;
        }
        second = second_of(latest);
        if second_of(earliest) == second {
            if latest > after {
                return Some(latest);
            }
            second = second.checked_add(1)?;
        }
    }
    None
}
