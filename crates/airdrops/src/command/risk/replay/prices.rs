//! Hourly prices out of CSV.

use std::fmt;

use airdrops_risk::volatility::{BarError, ValidBar};
use airdrops_types::{Bar, Timestamp};
use csv::{ReaderBuilder, StringRecord, Trim};
use thiserror::Error;

/// Names of the time column.
const TIME: [&str; 3] = ["time", "timestamp", "open_time_unix"];
/// The price columns.
const PRICES: [&str; 4] = ["open", "high", "low", "close"];
/// Milliseconds of an hour.
const HOUR: i64 = 3_600_000;
/// In the year 5138; whoever gives more means milliseconds.
const MAX_SECONDS: i64 = 100_000_000_000;

/// Why a text is no price history. Lines are counted from 1, the header included.
#[derive(Debug, PartialEq, Error)]
pub enum PricesError {
    /// A column that is not there.
    #[error("line 1: there is no column `{missing}`; the columns are {found}")]
    Column {
        /// Which.
        missing: &'static str,
        /// What is there.
        found: String,
    },
    /// No header, or no row under it.
    #[error("there is no row of prices")]
    Empty,
    /// Something that is no CSV.
    #[error("{0}")]
    Csv(String),
    /// A cell that cannot be read.
    #[error("line {line}: {column} is `{value}`: {expected}")]
    Cell {
        /// Where.
        line: u64,
        /// In which column.
        column: &'static str,
        /// What it says.
        value: String,
        /// What it should say.
        expected: &'static str,
    },
    /// Prices that contradict each other.
    #[error("line {line}: {error}")]
    Bar {
        /// Where.
        line: u64,
        /// What is wrong.
        error: BarError,
    },
    /// A row that does not follow the one before.
    #[error("line {line}: {at} {relation} the row before, {before}; rows go forward by the hour")]
    Order {
        /// Where.
        line: u64,
        /// The row's time.
        at: Timestamp,
        /// How they relate.
        relation: Relation,
        /// The time of the row before.
        before: Timestamp,
    },
    /// Rows of another length.
    #[error("most rows are more than an hour apart; hourly prices are needed")]
    NotHourly,
}

/// How a row lies to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The same time.
    Repeats,
    /// An earlier time.
    GoesBack,
    /// Less than an hour later.
    TooClose,
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Repeats => "repeats",
            Self::GoesBack => "goes back behind",
            Self::TooClose => "is less than an hour after",
        })
    }
}

/// Where the columns are.
struct Columns {
    time: usize,
    prices: [usize; 4],
}

/// The bars of a CSV text.
///
/// # Errors
/// The first thing that is wrong, with its line.
pub fn parse(text: &str) -> Result<Vec<ValidBar>, PricesError> {
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let broken = |error: csv::Error| PricesError::Csv(error.to_string());
    let header = reader.headers().map_err(broken)?;
    if header.is_empty() {
        return Err(PricesError::Empty);
    }
    let columns = Columns::find(header)?;
    let mut bars: Vec<ValidBar> = Vec::new();
    let mut apart = 0_usize;
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(broken)? {
        let line = line_of(&record, text);
        let bar = columns.bar(&record, line)?;
        if let Some(last) = bars.last() {
            let (at, before) = (bar.start(), last.start());
            let relation = match at.0 - before.0 {
                ..0 => Some(Relation::GoesBack),
                0 => Some(Relation::Repeats),
                1..HOUR => Some(Relation::TooClose),
                HOUR.. => None,
            };
            if let Some(relation) = relation {
                return Err(PricesError::Order {
                    line,
                    at,
                    relation,
                    before,
                });
            }
            apart += usize::from(at.0 - before.0 > HOUR);
        }
        bars.push(bar);
    }
    if bars.is_empty() {
        return Err(PricesError::Empty);
    }
    if apart * 2 > bars.len() {
        return Err(PricesError::NotHourly);
    }
    Ok(bars)
}

/// The line of a record. Its position is where the one before ended: blank lines follow it.
fn line_of(record: &StringRecord, text: &str) -> u64 {
    let Some(position) = record.position() else {
        return 0;
    };
    let rest = usize::try_from(position.byte())
        .ok()
        .and_then(|from| text.as_bytes().get(from..));
    let blank = rest
        .unwrap_or_default()
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .filter(|byte| **byte == b'\n');
    position.line() + blank.map(|_| 1).sum::<u64>()
}

impl Columns {
    fn find(header: &StringRecord) -> Result<Self, PricesError> {
        let place = |name: &str| {
            header
                .iter()
                .position(|cell| cell.eq_ignore_ascii_case(name))
        };
        let needed = |missing| {
            place(missing).ok_or_else(|| PricesError::Column {
                missing,
                found: header.iter().collect::<Vec<_>>().join(", "),
            })
        };
        let time = match TIME.iter().find_map(|name| place(name)) {
            Some(time) => time,
            None => needed(TIME[0])?,
        };
        let [open, high, low, close] = PRICES;
        Ok(Self {
            time,
            prices: [needed(open)?, needed(high)?, needed(low)?, needed(close)?],
        })
    }

    fn bar(&self, record: &StringRecord, line: u64) -> Result<ValidBar, PricesError> {
        let cell = |place: usize| record.get(place).unwrap_or("");
        let start = instant(cell(self.time)).map_err(|expected| PricesError::Cell {
            line,
            column: "the time",
            value: cell(self.time).to_owned(),
            expected,
        })?;
        let mut prices = [0.0; 4];
        for ((price, place), column) in prices.iter_mut().zip(self.prices).zip(PRICES) {
            *price = cell(place).parse().map_err(|_| PricesError::Cell {
                line,
                column,
                value: cell(place).to_owned(),
                expected: "write a price",
            })?;
        }
        let [open, high, low, close] = prices;
        ValidBar::try_from(Bar {
            start,
            open,
            high,
            low,
            close,
        })
        .map_err(|error| PricesError::Bar { line, error })
    }
}

/// Seconds since 1970, or RFC 3339.
fn instant(text: &str) -> Result<Timestamp, &'static str> {
    match text.parse::<i64>() {
        Ok(seconds) if (0..MAX_SECONDS).contains(&seconds) => Ok(Timestamp(seconds * 1000)),
        Ok(MAX_SECONDS..) => Err("those are milliseconds: write seconds since 1970"),
        Ok(_) => Err("that is before 1970"),
        Err(_) => text
            .parse::<jiff::Timestamp>()
            .ok()
            .filter(|instant| instant.as_second() >= 0)
            .map(|instant| Timestamp(instant.as_millisecond()))
            .ok_or("write seconds since 1970, or a time like 2024-01-08T11:00:00Z"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HEADER: &str = "time,open,high,low,close,volume\n";

    fn refused(rows: &str) -> String {
        parse(&format!("{HEADER}{rows}")).unwrap_err().to_string()
    }

    #[test]
    fn columns_are_found_by_name_and_times_are_read_in_both_forms() {
        let unix = "src,close,LOW,high,open,open_time_unix\na,2,1,4,3,7200\nb,2,1,4,3,10800\n";
        let text = "timestamp,open,high,low,close\n1970-01-01T02:00:00Z,3,4,1,2\n\
                    1970-01-01T04:00:00+01:00,3,4,1,2\n";
        let bars = parse(unix).unwrap();
        assert_eq!(bars, parse(text).unwrap());
        assert_eq!(bars[0].start(), Timestamp(7_200_000));
        let bar = bars[0].bar();
        assert_eq!(
            [bar.open, bar.high, bar.low, bar.close],
            [3.0, 4.0, 1.0, 2.0]
        );
    }

    #[test]
    fn a_bad_row_is_named_by_its_line() {
        let good = "0,1,1,1,1,0\n";
        for (row, said) in [
            ("x,1,1,1,1,0", "line 3: the time is `x`: write seconds"),
            (
                "1502942400000,1,1,1,1",
                "line 3: the time is `1502942400000`: those are milli",
            ),
            ("-5,1,1,1,1", "before 1970"),
            ("3600,1,,1,1,0", "line 3: high is ``: write a price"),
            ("3600,1,1", "line 3: low is ``: write a price"),
            ("3600,NaN,1,1,1,0", "line 3: open is NaN; a price lies"),
            ("3600,1,1,0,1,0", "line 3: low is 0; a price lies"),
            (
                "3600,1,2,1,3,0",
                "line 3: close is 3, outside of low 1 to high 2",
            ),
            (
                "0,1,1,1,1,0",
                "line 3: 1970-01-01T00:00:00Z repeats the row before",
            ),
            (
                "1800,1,1,1,1,0",
                "line 3: 1970-01-01T00:30:00Z is less than an hour after",
            ),
        ] {
            let error = refused(&format!("{good}{row}\n"));
            assert!(error.contains(said), "{row}: {error}");
        }
        let back = refused("7200,1,1,1,1,0\n\n3600,1,1,1,1,0\n");
        assert!(
            back.contains("line 4: 1970-01-01T01:00:00Z goes back behind"),
            "{back}"
        );
    }

    #[test]
    fn a_file_without_rows_columns_or_hours_is_refused() {
        assert_eq!(parse(HEADER), Err(PricesError::Empty));
        assert_eq!(parse(""), Err(PricesError::Empty));
        let error = parse("date,open,high,low,close\n").unwrap_err().to_string();
        assert!(
            error.contains("no column `time`; the columns are date, open"),
            "{error}"
        );
        let error = parse("time,open,high,low\n").unwrap_err().to_string();
        assert!(error.contains("no column `close`"), "{error}");
        let daily: String = (0..5)
            .map(|day| format!("{},1,1,1,1,0\n", day * 86_400))
            .collect();
        assert_eq!(refused(&daily), PricesError::NotHourly.to_string());
        // A gap is none of these.
        assert_eq!(
            parse(&format!(
                "{HEADER}0,1,1,1,1\n3600,1,1,1,1\n36000,1,1,1,1\n39600,1,1,1,1\n"
            ))
            .unwrap()
            .len(),
            4
        );
    }
}
