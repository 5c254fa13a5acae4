//! `risk anomalies`: scores a series as it arrives.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use airdrops_risk::anomaly::{FalseAlarmBudget, Observation, Stream, StreamSettings};
use airdrops_types::Timestamp;
use flate2::bufread::MultiGzDecoder;
use serde_json::json;

use crate::cli::{Anomalies, Global};
use crate::exit::Failure;

/// Prints `timestamp,value,score,alarm` for each row of `timestamp,value`, before it reads the next.
///
/// # Errors
/// If the file cannot be read, or a row has no instant or no finite number: named by its line.
pub fn anomalies(global: &Global, options: &Anomalies) -> Result<(), Failure> {
    let name = options.csv.display().to_string();
    let source = open(&options.csv).map_err(|error| Failure::failed(format!("{name}: {error}")))?;
    let stream = Stream::new(StreamSettings {
        budget: FalseAlarmBudget {
            alarms: options.false_alarms,
            ..FalseAlarmBudget::ONE_PER_QUARTER
        },
        ..StreamSettings::new(name.clone())
    });
    let mut out = io::stdout().lock();
    match score(source, stream, global.json, &mut out) {
        Ok(()) => Ok(()),
        // Whoever reads has seen enough.
        Err(Stop::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(Stop::Output(error)) => Err(error.into()),
        Err(Stop::Input { line, problem }) => Err(Failure::failed(match line {
            Some(line) => format!("{name}: line {line}: {problem}"),
            None => format!("{name}: {problem}"),
        })),
    }
}

/// Why scoring ends before the last row.
enum Stop {
    Output(io::Error),
    Input { line: Option<u64>, problem: String },
}

/// A file, or standard input for `-`; unpacked if it is gzip.
fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    let raw: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path)?)
    };
    let mut buffered = BufReader::new(raw);
    Ok(if buffered.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        Box::new(MultiGzDecoder::new(buffered))
    } else {
        Box::new(buffered)
    })
}

fn score(
    source: impl Read,
    mut stream: Stream,
    as_json: bool,
    out: &mut impl Write,
) -> Result<(), Stop> {
    let mut rows = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(source);
    let headers = rows.headers().map_err(|error| unreadable(&error))?.clone();
    let column = |name: &str| {
        headers
            .iter()
            .position(|header| header.eq_ignore_ascii_case(name))
            .ok_or_else(|| Stop::Input {
                line: Some(1),
                problem: format!("no column `{name}`: the first line must be `timestamp,value`"),
            })
    };
    let (time_column, value_column) = (column("timestamp")?, column("value")?);
    if !as_json {
        writeln!(out, "timestamp,value,score,alarm").map_err(Stop::Output)?;
        out.flush().map_err(Stop::Output)?;
    }
    let mut row = csv::StringRecord::new();
    while rows
        .read_record(&mut row)
        .map_err(|error| unreadable(&error))?
    {
        let line = row.position().map(csv::Position::line);
        let bad = |problem: String| Stop::Input { line, problem };
        let field = |index: usize, name: &str| {
            let text = row.get(index).filter(|text| !text.is_empty());
            text.ok_or_else(|| bad(format!("no {name}")))
        };
        let time = field(time_column, "timestamp")?;
        let text = field(value_column, "value")?;
        let at = instant(time).ok_or_else(|| {
            bad(format!(
                "`{time}` is no instant: write 2014-02-14 14:30:00 (UTC), RFC 3339 or unix seconds"
            ))
        })?;
        let value: f64 = text
            .parse()
            .map_err(|_| bad(format!("`{text}` is no number")))?;
        let seen = stream
            .push(at, value)
            .map_err(|_| bad(format!("`{text}` is not a finite number")))?;
        if as_json {
            write_json(out, time, value, &seen)
        } else {
            write_csv(out, time, text, &seen)
        }
        .and_then(|()| out.flush())
        .map_err(Stop::Output)?;
    }
    Ok(())
}

fn unreadable(error: &csv::Error) -> Stop {
    Stop::Input {
        line: error.position().map(csv::Position::line),
        problem: error.to_string(),
    }
}

fn write_csv(out: &mut impl Write, time: &str, value: &str, seen: &Observation) -> io::Result<()> {
    let alarm = u8::from(seen.alarm);
    writeln!(out, "{time},{value},{:.9},{alarm}", seen.score)
}

fn write_json(out: &mut impl Write, time: &str, value: f64, seen: &Observation) -> io::Result<()> {
    let evidence: Vec<_> = seen
        .evidence
        .surprises
        .iter()
        .filter(|part| part.weight() > 0.0)
        .map(|part| json!({ "signal": part.signal, "side": part.side, "minus_log10_p": part.surprise }))
        .collect();
    let line = json!({
        "timestamp": time,
        "value": value,
        "score": seen.score,
        "alarm": seen.alarm,
        "statistic": seen.evidence.statistic,
        "threshold": seen.evidence.threshold,
        "evidence": evidence,
    });
    writeln!(out, "{line}")
}

/// A civil time in UTC, RFC 3339, or unix seconds.
fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<f64>() {
        let whole = text.parse::<i64>().ok();
        let in_ms = whole.and_then(|seconds| seconds.checked_mul(1000));
        #[expect(clippy::cast_possible_truncation, reason = "bounded on the same line")]
        let fractional = (seconds.abs() < 1e15).then(|| (seconds * 1000.0).round() as i64);
        return in_ms.or(fractional).map(Timestamp);
    }
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp(at.as_millisecond()));
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    let at = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp(at.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_of_an_instant_agree() {
        let expected = Some(Timestamp(1_392_388_200_000));
        for text in [
            "2014-02-14 14:30:00",
            "2014-02-14T14:30:00Z",
            "2014-02-14T15:30:00+01:00",
            "2014-02-14 14:30:00.000000",
            "1392388200",
            "1392388200.0",
        ] {
            assert_eq!(instant(text), expected, "{text}");
        }
        for text in [
            "",
            "yesterday",
            "NaN",
            "inf",
            "1e300",
            "2014-02-30 00:00:00",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }
}
