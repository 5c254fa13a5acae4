//! Checks of single values, and how kinds of values are told.

use std::time::Duration;

use airdrops_risk::gas::GasLimit;
use airdrops_risk::look_through::Node;
use airdrops_types::{Address, B256, Bps, Usd};
use toml::de::DeValue;

use super::keys::{Key, Kind};
use super::unit;

pub(super) fn check_name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("is not a name: letters, digits, `-`, `_` and `.`".into())
    }
}

pub(super) fn check_percent(kind: Kind, text: &str) -> Result<Bps, String> {
    let share = unit::percent(text)?;
    match kind {
        Kind::Percent(from, to) if !(from..=to).contains(&share.0) => Err(format!(
            "is out of range: from {} to {}",
            Bps(from),
            Bps(to)
        )),
        _ => Ok(share),
    }
}

pub(super) fn check_address(text: &str) -> Result<Address, String> {
    let parsed: Address = text
        .parse()
        .map_err(|_| "is not an address of 20 bytes in hexadecimal".to_owned())?;
    let digits = text.trim_start_matches("0x");
    let one_case = digits == digits.to_lowercase() || digits == digits.to_uppercase();
    if !one_case && Address::parse_checksummed(text, None).is_err() {
        return Err(format!(
            "has a wrong checksum: check every character, it would be {parsed}"
        ));
    }
    if parsed.is_zero() {
        return Err("is the zero address".into());
    }
    Ok(parsed)
}

pub(super) fn check_duration(kind: Kind, text: &str) -> Result<Duration, String> {
    let duration = unit::duration(text)?;
    match kind {
        Kind::Duration(from, to)
            if !(Duration::from_secs(from)..=Duration::from_secs(to)).contains(&duration) =>
        {
            Err(format!(
                "is out of range: from {} to {}",
                unit::duration_text(Duration::from_secs(from)),
                unit::duration_text(Duration::from_secs(to))
            ))
        }
        _ => Ok(duration),
    }
}

pub(super) fn check_dollars(text: &str) -> Result<Usd, String> {
    match unit::dollars(text)? {
        Usd(0) => Err("must be more than zero".into()),
        amount => Ok(amount),
    }
}

pub(super) fn check_digest(text: &str) -> Result<B256, String> {
    text.parse::<B256>()
        .map_err(|_| "is not a 32-byte hash in hexadecimal".into())
}

pub(super) fn check_url(text: &str) -> Result<String, String> {
    if text.starts_with("https://") || text.starts_with("http://") {
        Ok(text.to_owned())
    } else {
        Err("must begin with https:// or http://".into())
    }
}

/// A share of past hours, a price of gas, or dollars.
pub(super) fn check_gas_bound(text: &str) -> Result<GasLimit, String> {
    let text = text.trim();
    if text.ends_with('%') {
        let share = unit::percent(text)?;
        if share == Bps(0) || share > Bps::WHOLE {
            return Err("is out of range: above 0 % and at most 100 %".into());
        }
        Ok(GasLimit::Quantile(share))
    } else if text.ends_with("wei") {
        match unit::fee_rate(text)? {
            0 => Err("must be more than zero".into()),
            rate => Ok(GasLimit::Gwei(rate)),
        }
    } else {
        match unit::dollars(text)? {
            Usd(0) => Err("must be more than zero".into()),
            amount => Ok(GasLimit::Usd(amount)),
        }
    }
}

/// A node, and after an `@` the share that falls with it.
pub(super) fn check_dependency(text: &str) -> Result<(Node, Bps), String> {
    let (node, weight) = match text.rsplit_once('@') {
        Some((node, weight)) => (
            node,
            unit::percent(weight).map_err(|it| format!("`{weight}` {it}"))?,
        ),
        None => (text, Bps::WHOLE),
    };
    if weight == Bps(0) || weight > Bps::WHOLE {
        return Err(format!(
            "has the weight {weight}: above 0 % and at most 100 %"
        ));
    }
    let node: Node = node
        .parse()
        .map_err(|error: airdrops_risk::look_through::NodeError| error.to_string())?;
    Ok((node, weight))
}

/// Seconds after midnight of `09:00` or `09:00:30`.
pub(super) fn check_clock(text: &str) -> Result<u32, String> {
    let wrong = || "is not a time of day".to_owned();
    let parts: Vec<&str> = text.trim().split(':').collect();
    let (hour, minute, second) = match parts.as_slice() {
        [hour, minute] => (*hour, *minute, "00"),
        [hour, minute, second] => (*hour, *minute, *second),
        _ => return Err(wrong()),
    };
    let number = |text: &str, below: u32| {
        let digits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let number: Option<u32> = digits.then(|| text.parse().ok()).flatten();
        number.filter(|number| *number < below).ok_or_else(wrong)
    };
    Ok(number(hour, 24)? * 3600 + number(minute, 60)? * 60 + number(second, 60)?)
}

/// A date of the calendar, as it is written.
pub(super) fn check_date(text: &str) -> Result<String, String> {
    let text = text.trim();
    let date: jiff::civil::Date = text
        .parse()
        .map_err(|_| "is not a date of the calendar".to_owned())?;
    if date.to_string() != text {
        return Err("is not a date such as 2024-01-31".into());
    }
    Ok(text.to_owned())
}

/// A topic: `None` for any. A signature stands for its Keccak-256 hash, an address for itself, filled
/// up with zeros in front.
pub(super) fn check_topic(text: &str) -> Result<Option<B256>, String> {
    if text == "any" {
        return Ok(None);
    }
    if let Some((name, rest)) = text.split_once('(') {
        let named = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$'));
        let closed = rest.ends_with(')') && !text.contains(char::is_whitespace);
        if !named || !closed || rest.matches('(').count() + 1 != rest.matches(')').count() {
            return Err("is not a signature such as Transfer(address,address,uint256)".into());
        }
        return Ok(Some(alloy::primitives::keccak256(text)));
    }
    if text.len() == 42 {
        return check_address(text).map(|address| Some(address.into_word()));
    }
    let hash = text.parse::<B256>();
    hash.map(Some)
        .map_err(|_| "is no signature, address, 32-byte hash or \"any\"".into())
}

/// What a task uses beside what is known of it.
pub(super) fn check_resource(text: &str) -> Result<String, String> {
    const DERIVED: [&str; 5] = ["chain", "rpc", "protocol", "family", "wallet"];
    let (kind, name) = text.split_once(':').unwrap_or(("", ""));
    let plain = |text: &str| check_name(text).is_ok() && !text.is_empty();
    if !plain(kind) || name.is_empty() || name.contains(char::is_control) {
        return Err("is not a kind and a name with `:` between them".into());
    }
    if DERIVED.contains(&kind) {
        return Err(format!(
            "has the kind {kind}, which every task has by itself"
        ));
    }
    Ok(text.to_owned())
}

pub(super) fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Duration(..) => "a duration in quotes",
        Kind::Percent(..) => "a share in quotes",
        Kind::Dollars => "an amount of dollars in quotes",
        Kind::FeeRate => "a price of gas in quotes",
        Kind::Decimal | Kind::Amount => "an amount in quotes",
        Kind::Address => "an address in quotes",
        Kind::Endpoint => "an address in quotes or a reference",
        Kind::Passphrase | Kind::Secret => "a reference",
        Kind::Url => "an address in quotes",
        Kind::Date => "a date in quotes",
        Kind::Clock => "a time of day in quotes",
        Kind::Threshold => "dollars, a price of gas or points in quotes",
        Kind::GasBound => "a share, a price of gas or dollars in quotes",
        _ => "text in quotes",
    }
}

pub(super) fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A line that the reader would accept, without the defaults of the place.
pub(super) fn example(key: &Key) -> String {
    let name = key.name;
    match key.kind {
        Kind::Text => match name {
            "zone" => r#"zone = "Europe/Berlin""#.into(),
            "tvl" => r#"tvl = "aave-v3""#.into(),
            "name" => r#"name = "rekt""#.into(),
            _ => r#"cron = "0 9 * * MON""#.into(),
        },
        Kind::Name => format!(r#"{name} = "my-{name}""#),
        Kind::Integer(from, _) => format!("{name} = {}", from.max(2)),
        Kind::Signed(..) => format!("{name} = 1"),
        Kind::Date => format!(r#"{name} = "2024-01-31""#),
        Kind::Clock => format!(r#"{name} = "09:00""#),
        Kind::Threshold => format!(r#"{name} = "$3000", "20 gwei" or "45.5""#),
        Kind::Topic => format!(r#"{name} = "Transfer(address,address,uint256)""#),
        Kind::Resource => format!(r#"{name} = "team:x""#),
        Kind::Flag => format!("{name} = true"),
        Kind::Duration(from, _) => format!(
            r#"{name} = "{}""#,
            unit::duration_text(Duration::from_secs(from.max(60)))
        ),
        Kind::Percent(..) => format!(r#"{name} = "5%""#),
        Kind::Dollars => format!(r#"{name} = "$50""#),
        Kind::FeeRate => format!(r#"{name} = "60 gwei""#),
        Kind::Decimal => format!(r#"{name} = "1.25""#),
        Kind::Amount => format!(r#"{name} = "target", "all", "25%" or "1.25""#),
        Kind::Address => format!(r#"{name} = "0x" and 40 hexadecimal digits"#),
        Kind::Digest => format!(r#"{name} = "0x" and 64 hexadecimal digits"#),
        Kind::Instant => format!(r#"{name} = "2026-01-31T09:00:00Z""#),
        Kind::Choice(words) => format!("{name} = \"{}\"", words.join("\" or \"")),
        Kind::Endpoint => format!(r#"{name} = {{ env = "RPC_URL" }}"#),
        Kind::Passphrase => format!(
            r#"{name} = {{ file = "passphrase.txt" }}, or leave it out to be asked at the terminal"#
        ),
        Kind::Secret => format!(r#"{name} = {{ env = "API_KEY" }}"#),
        Kind::Url => format!(r#"{name} = "https://…""#),
        Kind::GasBound => format!(r#"{name} = "80%", "5 gwei" or "$2""#),
        Kind::Dependency => format!(r#"{name} = "oracle:chainlink""#),
        Kind::Path => format!(r#"{name} = "wallet.json""#),
        Kind::List(Kind::Digest) => format!(r#"{name} = ["0x…"]"#),
        Kind::List(Kind::Dependency) => {
            format!(r#"{name} = ["oracle:chainlink", "stablecoin:USDC@40%"]"#)
        }
        Kind::List(Kind::Address) => format!(r#"{name} = ["0x…"], or [] for none"#),
        Kind::List(Kind::Choice(words)) => format!("{name} = [\"{}\"]", words.join("\", \"")),
        Kind::List(Kind::Topic) => {
            format!(r#"{name} = ["Transfer(address,address,uint256)", "any"]"#)
        }
        Kind::List(Kind::Resource) => format!(r#"{name} = ["team:x"]"#),
        Kind::NamesOr(_) => {
            format!(r#"{name} = ["my-task", {{ task = "other", on = ["failure"] }}]"#)
        }
        Kind::List(_) if name == "reference" => format!(r#"{name} = ["ETH"]"#),
        Kind::List(_) => format!(r#"{name} = ["my-task"]"#),
        Kind::Each(Kind::Text) => format!(r#"{name} = {{ ETH = "ethereum" }}"#),
        Kind::Each(Kind::Digest) => format!(r#"{name} = {{ ETH = "0x…" }}"#),
        Kind::Each(Kind::Dollars) => format!(r#"{name} = {{ mainnet = "$20" }}"#),
        Kind::Each(Kind::Integer(..)) => {
            format!(r#"{name} = {{ wallet = 1, "protocol:aerie" = 2 }}"#)
        }
        Kind::Each(Kind::Table(_)) => {
            format!(r#"{name} = {{ "rpc:1" = {{ starts = 10, per = "1m" }} }}"#)
        }
        Kind::Each(Kind::Duration(..)) => format!(r#"{name} = {{ data = "10m" }}"#),
        Kind::Each(_) => format!(r#"{name} = {{ USDC = "100%" }}"#),
        Kind::Table(_) => format!("a table [{name}]"),
        Kind::Tables(table) => format!("a table {}", table.name),
    }
}
