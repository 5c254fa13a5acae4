//! `Retry-After` (RFC 9110, section 10.2.3).

use std::time::Duration;

use airdrops_types::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// The shortest pause, whatever the source says.
const SHORTEST: Duration = Duration::from_secs(1);

/// The longest pause that a source can impose: a lie costs at most this.
pub(crate) const LONGEST: Duration = Duration::from_secs(3600);

/// The pause after an answer that asks for one without saying how long.
const UNSAID: Duration = Duration::from_secs(60);

/// Until when nothing is sent, after an answer with `header` as `Retry-After`: seconds or an HTTP
/// date. What cannot be read counts as not said.
pub(crate) fn until(header: Option<&str>, now: Timestamp) -> Timestamp {
    let pause = header
        .map(str::trim)
        .and_then(|text| match text.parse::<u64>() {
            Ok(seconds) => Some(Duration::from_secs(seconds)),
            Err(_) => date(text).map(|at| at.since(now)),
        })
        .unwrap_or(UNSAID);
    now.plus(pause.clamp(SHORTEST, LONGEST))
}

/// An HTTP date.
pub(crate) fn date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new()
        .relaxed_weekday(true)
        .parse_timestamp(text)
        .ok()
        .map(|at| Timestamp(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // 2023-11-14T22:13:20Z
    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    #[test]
    fn seconds_and_dates_are_honoured_within_bounds() {
        for (header, seconds) in [
            (Some("7"), 7),
            (Some(" 7 "), 7),
            (Some("0"), 1),
            (Some("99999999999"), 3600),
            (Some("Tue, 14 Nov 2023 22:15:20 GMT"), 120),
            (Some("Tue, 14 Nov 2023 22:13:00 GMT"), 1),
            (Some("Tue, 14 Nov 2099 22:13:00 GMT"), 3600),
            (Some("-5"), 60),
            (Some("soon"), 60),
            (Some(""), 60),
            (Some("18446744073709551616"), 60),
            (None, 60),
        ] {
            let expected = NOW.plus(Duration::from_secs(seconds));
            assert_eq!(until(header, NOW), expected, "{header:?}");
        }
    }
}
