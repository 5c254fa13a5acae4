//! Incidents: the graver and the younger, the more points.

use std::time::Duration;

use airdrops_types::{Incident, Severity, Timestamp};

use crate::term::Term;

const MOST: u8 = 60;

const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 60 * 60)
}

/// Points when it happens, and how long until they are gone.
fn weight(severity: Severity) -> (u8, Duration) {
    match severity {
        Severity::Critical => (50, days(90)),
        Severity::Warning => (15, days(30)),
        Severity::Info => (2, days(7)),
    }
}

/// What is left of the points, which fade with age in a straight line; rounded up. An incident of
/// the future is as of now.
fn left(now: Timestamp, incident: &Incident) -> u8 {
    let (points, life) = weight(incident.severity);
    let rest = life.saturating_sub(now.since(incident.at));
    let scaled = (u128::from(points) * rest.as_millis()).div_ceil(life.as_millis());
    u8::try_from(scaled).unwrap_or(points)
}

pub(super) fn term(now: Timestamp, incidents: &[Incident]) -> Term {
    let mut points = 0u8;
    let mut gravest: Option<(u8, &Incident)> = None;
    let mut count = 0;
    for incident in incidents {
        let own = left(now, incident);
        if own == 0 {
            continue;
        }
        count += 1;
        points = points.saturating_add(own);
        if gravest.is_none_or(|(most, _)| own > most) {
            gravest = Some((own, incident));
        }
    }
    let measured = match gravest {
        None => "none".to_owned(),
        Some((_, incident)) => format!(
            "{count}, gravest at {} by {}: {}",
            incident.at, incident.source, incident.title
        ),
    };
    Term::new("incidents", points.min(MOST), measured)
}
