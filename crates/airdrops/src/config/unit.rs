//! Quantities as people write them, with their units: `15s`, `20%`, `$50`, `60 gwei`.

use std::time::Duration;

use airdrops_types::{Bps, Timestamp, U256, Usd};

/// Why a text is not a quantity: the rest of a sentence that starts with the text.
pub type Defect = String;

/// Digits with at most `places` decimals, scaled by `10^places`. Commas and underscores may group
/// the whole digits.
fn scaled(text: &str, places: usize) -> Result<u128, Defect> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: String = whole
        .chars()
        .filter(|digit| !matches!(digit, ',' | '_'))
        .collect();
    let digits = |part: &str| part.chars().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || !digits(&whole) || !digits(fraction) || text.ends_with('.') {
        return Err("is not a number".into());
    }
    if fraction.len() > places {
        return Err(match places {
            0 => "must be a whole number".into(),
            1 => "has more than one decimal".into(),
            places => format!("has more than {places} decimals"),
        });
    }
    format!("{whole}{fraction:0<places$}")
        .parse()
        .map_err(|_| "is too large".into())
}

/// `15s`, `250ms`, `1h30m`, `2 d`: whole numbers with `ms`, `s`, `m`, `h` or `d`.
///
/// # Errors
/// Says what is wrong.
pub fn duration(text: &str) -> Result<Duration, Defect> {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let mut rest = compact.as_str();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return Err("is empty".into());
    }
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(end);
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let number: u64 = number.parse().map_err(|_| "is not a duration".to_owned())?;
        let milliseconds: u64 = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "" => return Err("has no unit".into()),
            other => return Err(format!("has an unknown unit `{other}`")),
        };
        let part = number
            .checked_mul(milliseconds)
            .ok_or_else(|| "is too long".to_owned())?;
        total = total
            .checked_add(Duration::from_millis(part))
            .ok_or_else(|| "is too long".to_owned())?;
        rest = tail;
    }
    Ok(total)
}

/// A duration as [`duration`] reads it: `1h30m`, `250ms`.
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    let mut text = String::new();
    for (unit, size) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ] {
        if rest >= size {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

/// `20%`, `0.5 %`, at most two decimals.
///
/// # Errors
/// Says what is wrong.
pub fn percent(text: &str) -> Result<Bps, Defect> {
    let number = text
        .trim()
        .strip_suffix('%')
        .ok_or_else(|| "has no unit".to_owned())?;
    let scaled = scaled(number.trim(), 2)?;
    u32::try_from(scaled)
        .map(Bps)
        .map_err(|_| "is too large".into())
}

/// `$50`, `$1,000.25`, `50 USD`, at most six decimals.
///
/// # Errors
/// Says what is wrong.
pub fn dollars(text: &str) -> Result<Usd, Defect> {
    let text = text.trim();
    let number = text
        .strip_prefix('$')
        .or_else(|| text.strip_suffix("USD"))
        .ok_or_else(|| "has no unit".to_owned())?;
    let scaled = scaled(number.trim(), 6)?;
    i128::try_from(scaled)
        .map(Usd)
        .map_err(|_| "is too large".into())
}

/// A number with at most `places` decimals, times `10^places`.
///
/// # Errors
/// Says what is wrong.
pub fn decimal(text: &str, places: usize) -> Result<i128, Defect> {
    let scaled = scaled(text.trim(), places)?;
    i128::try_from(scaled).map_err(|_| "is too large".into())
}

/// `60 gwei`, `0.1 gwei`, `1000 wei`, in wei.
///
/// # Errors
/// Says what is wrong.
pub fn fee_rate(text: &str) -> Result<u128, Defect> {
    let text = text.trim();
    if let Some(number) = text.strip_suffix("gwei") {
        scaled(number.trim(), 9)
    } else if let Some(number) = text.strip_suffix("wei") {
        scaled(number.trim(), 0)
    } else {
        Err("has no unit".into())
    }
}

/// A decimal amount of whole tokens in base units.
///
/// # Errors
/// Says what is wrong, too many decimals included.
pub fn tokens(text: &str, decimals: u8) -> Result<U256, Defect> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    // The parts are read one by one, because a large amount of an 18-decimal token passes u128.
    scaled(text, usize::from(decimals))?;
    let whole: String = whole
        .chars()
        .filter(|digit| !matches!(digit, ',' | '_'))
        .collect();
    let digits = format!("{whole}{fraction:0<width$}", width = usize::from(decimals));
    U256::from_str_radix(&digits, 10).map_err(|_| "is too large".into())
}

/// An instant in RFC 3339: `2026-01-31T09:00:00Z`.
///
/// # Errors
/// Says what is wrong.
pub fn instant(text: &str) -> Result<Timestamp, Defect> {
    text.trim()
        .parse::<jiff::Timestamp>()
        .map(|instant| Timestamp(instant.as_millisecond()))
        .map_err(|_| "is not an instant with a time zone".into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn durations_read_and_print_alike() {
        for (text, seconds) in [
            ("15s", 15),
            ("1h30m", 5400),
            ("2d", 172_800),
            ("1m1s", 61),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
            assert_eq!(duration_text(Duration::from_secs(seconds)), text);
        }
        assert_eq!(duration("250 ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("15"), Err("has no unit".into()));
        assert_eq!(
            duration("15 weeks"),
            Err("has an unknown unit `weeks`".into())
        );
        assert_eq!(duration("soon"), Err("is not a duration".into()));
        assert!(duration("99999999999999999999d").is_err());
        assert!(duration("999999999999999d").is_err());
    }

    #[test]
    fn shares_and_money_need_their_unit() {
        assert_eq!(percent("20%"), Ok(Bps(2000)));
        assert_eq!(percent("0.5 %"), Ok(Bps(50)));
        assert_eq!(percent("20"), Err("has no unit".into()));
        assert_eq!(percent("0.125%"), Err("has more than 2 decimals".into()));
        assert_eq!(percent("-1%"), Err("is not a number".into()));
        assert_eq!(dollars("$1,000.25"), Ok(Usd(1_000_250_000)));
        assert_eq!(dollars("50 USD"), Ok(Usd(50_000_000)));
        assert_eq!(dollars("50"), Err("has no unit".into()));
        assert_eq!(fee_rate("60 gwei"), Ok(60_000_000_000));
        assert_eq!(fee_rate("0.1gwei"), Ok(100_000_000));
        assert_eq!(fee_rate("7 wei"), Ok(7));
        assert_eq!(fee_rate("0.5 wei"), Err("must be a whole number".into()));
    }

    #[test]
    fn token_amounts_keep_every_decimal_and_no_more() {
        assert_eq!(tokens("1.25", 6), Ok(U256::from(1_250_000)));
        assert_eq!(tokens("0.000001", 6), Ok(U256::from(1)));
        assert_eq!(
            tokens("0.0000001", 6),
            Err("has more than 6 decimals".into())
        );
        assert!(tokens("1.", 6).is_err());
        assert!(tokens("", 6).is_err());
    }

    #[test]
    fn instants_need_a_zone() {
        assert_eq!(
            instant("2026-01-01T00:00:00Z"),
            Ok(Timestamp(1_767_225_600_000))
        );
        assert_eq!(
            instant("2026-01-01T01:00:00+01:00"),
            Ok(Timestamp(1_767_225_600_000))
        );
        assert!(instant("2026-01-01").is_err());
    }
}
