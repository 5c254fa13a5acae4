//! Files with option quotes: the Cboe layout, and Deribit's book summary as CSV or JSON.

use std::path::Path;

use airdrops_risk::volatility::deribit::{BookSummary, Instrument, NameError};
use airdrops_risk::volatility::{OptionKind, OptionQuote};
use airdrops_types::Timestamp;
use csv::{Reader, ReaderBuilder, StringRecord};
use serde::Deserialize;

use super::recording;
use crate::exit::Failure;

const CBOE_COLUMNS: [&str; 6] = [
    "term", "strike", "call_bid", "call_ask", "put_bid", "put_ask",
];
const DERIBIT_COLUMNS: [&str; 5] = [
    "instrument_name",
    "bid_price",
    "ask_price",
    "mark_price",
    "underlying_price",
];
const DERIBIT_TIME: &str = "creation_timestamp";

/// What a file with option quotes holds.
#[derive(Debug, Clone, PartialEq)]
pub enum OptionFile {
    /// Cboe's two terms, which do not say when they expire.
    Cboe {
        /// Rows with the term `near`.
        near: Vec<OptionQuote>,
        /// Rows with the term `next`.
        next: Vec<OptionQuote>,
    },
    /// Rows of Deribit's book summary.
    Deribit(Vec<BookSummary>),
}

/// Reads a file; its content tells the layout.
///
/// # Errors
/// If it cannot be read, or a row is wrong: by file, line and column, with the remedy.
pub fn read(path: &Path) -> Result<OptionFile, Failure> {
    let file = path.display();
    parse(&recording::read(path)?).map_err(|wrong| {
        Failure::failed(match wrong.line {
            Some(line) => format!("{file}:{line}: {}", wrong.what),
            None => format!("{file}: {}", wrong.what),
        })
    })
}

/// What is wrong with a text, and in which of its lines.
#[derive(Debug, Clone, PartialEq)]
struct Wrong {
    /// Counted from 1.
    line: Option<u64>,
    /// What is wrong there, and what to do.
    what: String,
}

impl Wrong {
    fn whole(what: impl Into<String>) -> Self {
        Self {
            line: None,
            what: what.into(),
        }
    }

    fn at(line: u64, what: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            what: what.into(),
        }
    }
}

fn parse(text: &str) -> Result<OptionFile, Wrong> {
    match text.trim_start().as_bytes().first() {
        None => Err(Wrong::whole("is empty")),
        Some(b'[' | b'{') => json(text),
        Some(_) => csv(text),
    }
}

/// One row of Deribit's JSON.
#[derive(Debug, Deserialize)]
struct JsonRow {
    instrument_name: String,
    bid_price: Option<f64>,
    ask_price: Option<f64>,
    mark_price: Option<f64>,
    underlying_price: Option<f64>,
    creation_timestamp: Option<i64>,
}

/// A JSON-RPC reply.
#[derive(Debug, Deserialize)]
struct JsonReply {
    result: Option<Vec<JsonRow>>,
    error: Option<JsonError>,
}

#[derive(Debug, Deserialize)]
struct JsonError {
    code: i64,
    message: String,
}

fn json(text: &str) -> Result<OptionFile, Wrong> {
    let wrong = |error: serde_json::Error| {
        let line = u64::try_from(error.line()).ok();
        Wrong {
            line: line.filter(|line| *line > 0),
            what: format!(
                "not Deribit's book summary: {error}. Save the reply of \
                 public/get_book_summary_by_currency?kind=option, whole or only its `result`"
            ),
        }
    };
    let rows: Vec<JsonRow> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map_err(wrong)?
    } else {
        let reply: JsonReply = serde_json::from_str(text).map_err(wrong)?;
        match (reply.result, reply.error) {
            (Some(rows), _) => rows,
            (None, Some(JsonError { code, message })) => {
                return Err(Wrong::whole(format!(
                    "is an error reply of Deribit ({code}: {message}): ask again"
                )));
            }
            (None, None) => {
                return Err(Wrong::whole(
                    "has no `result`: save the reply of public/get_book_summary_by_currency, \
                     whole or only its `result`",
                ));
            }
        }
    };
    let rows: Vec<BookSummary> = rows
        .into_iter()
        .zip(1_u64..)
        .map(|(row, number)| {
            check_name(&row.instrument_name)
                .map_err(|what| Wrong::whole(format!("row {number}: instrument_name: {what}")))?;
            Ok(BookSummary {
                instrument_name: row.instrument_name,
                bid: row.bid_price,
                ask: row.ask_price,
                mark: row.mark_price,
                underlying: row.underlying_price,
                created: row.creation_timestamp.map(Timestamp),
            })
        })
        .collect::<Result<_, _>>()?;
    not_empty(rows.len())?;
    Ok(OptionFile::Deribit(rows))
}

fn not_empty(rows: usize) -> Result<(), Wrong> {
    if rows == 0 {
        return Err(Wrong::whole(
            "has no rows: there is nothing to compute from",
        ));
    }
    Ok(())
}

/// Other instruments than options are left out later; a broken name may be a broken file.
fn check_name(name: &str) -> Result<(), String> {
    match Instrument::parse(name) {
        Ok(_) | Err(NameError::NotAnOption) => Ok(()),
        Err(error) => Err(format!(
            "`{name}`: {error}. Options look like ETH-26JAN24-2400-C"
        )),
    }
}

fn csv(text: &str) -> Result<OptionFile, Wrong> {
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let header = reader
        .headers()
        .map_err(|error| Wrong::whole(error.to_string()))?
        .clone();
    if header.iter().any(|name| name == DERIBIT_COLUMNS[0]) {
        return deribit(&mut reader, &header);
    }
    let known = header.iter().filter(|name| CBOE_COLUMNS.contains(name));
    if known.count() >= 2 {
        return cboe(&mut reader, &header);
    }
    Err(Wrong::at(
        1,
        format!(
            "is no header of option quotes: the Cboe layout has the columns {}, Deribit's book \
             summary {} and {DERIBIT_TIME}",
            CBOE_COLUMNS.join(","),
            DERIBIT_COLUMNS.join(",")
        ),
    ))
}

/// Where the named columns are.
fn positions<const N: usize>(header: &StringRecord, names: [&str; N]) -> Result<[usize; N], Wrong> {
    let mut positions = [0; N];
    for (position, name) in positions.iter_mut().zip(names) {
        let mut found = header.iter().enumerate().filter(|(_, at)| *at == name);
        let first = found.next().ok_or_else(|| {
            Wrong::at(
                1,
                format!(
                    "the column {name} is missing: the header needs {}",
                    names.join(",")
                ),
            )
        })?;
        if found.next().is_some() {
            return Err(Wrong::at(
                1,
                format!("the column {name} is there twice: leave one"),
            ));
        }
        *position = first.0;
    }
    Ok(positions)
}

/// One line after the header.
struct Line<'a> {
    number: u64,
    record: &'a StringRecord,
    header: &'a StringRecord,
}

impl Line<'_> {
    fn wrong(&self, column: usize, what: &str) -> Wrong {
        let name = self.header.get(column).unwrap_or_default();
        let found = self.text(column);
        Wrong::at(self.number, format!("column {name}: `{found}` {what}"))
    }

    fn text(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or_default()
    }

    /// Not negative, finite.
    fn number(&self, column: usize, remedy: &str) -> Result<f64, Wrong> {
        self.text(column)
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite() && *number >= 0.0)
            .ok_or_else(|| self.wrong(column, remedy))
    }

    /// Empty is `None`.
    fn optional(&self, column: usize) -> Result<Option<f64>, Wrong> {
        if self.text(column).is_empty() {
            return Ok(None);
        }
        self.number(
            column,
            "is no price: write a number that is not negative, or leave it empty",
        )
        .map(Some)
    }
}

/// Calls `take` for each line after the header.
fn for_each_line(
    reader: &mut Reader<&[u8]>,
    header: &StringRecord,
    mut take: impl FnMut(&Line<'_>) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    let mut rows = 0;
    let mut record = StringRecord::new();
    loop {
        let more = reader
            .read_record(&mut record)
            .map_err(|error| Wrong::whole(error.to_string()))?;
        if !more {
            return not_empty(rows);
        }
        rows += 1;
        let number = record.position().map_or(0, csv::Position::line);
        if record.len() != header.len() {
            return Err(Wrong::at(
                number,
                format!(
                    "{} fields where the header has {}: is the line complete, and are decimals \
                     written with a point?",
                    record.len(),
                    header.len()
                ),
            ));
        }
        take(&Line {
            number,
            record: &record,
            header,
        })?;
    }
}

fn cboe(reader: &mut Reader<&[u8]>, header: &StringRecord) -> Result<OptionFile, Wrong> {
    let [term, strike, call_bid, call_ask, put_bid, put_ask] = positions(header, CBOE_COLUMNS)?;
    let (mut near, mut next) = (Vec::new(), Vec::new());
    for_each_line(reader, header, |line| {
        let quotes = match line.text(term) {
            "near" => &mut near,
            "next" => &mut next,
            _ => return Err(line.wrong(term, "is no term: write near or next")),
        };
        let price = |column| {
            line.number(
                column,
                "is no price: write a number that is not negative, and 0 where nobody bids",
            )
        };
        let at = line.number(strike, "is no strike: write a positive number")?;
        if at <= 0.0 {
            return Err(line.wrong(strike, "is no strike: write a positive number"));
        }
        for (kind, bid, ask) in [
            (OptionKind::Call, call_bid, call_ask),
            (OptionKind::Put, put_bid, put_ask),
        ] {
            quotes.push(OptionQuote {
                strike: at,
                kind,
                bid: Some(price(bid)?),
                ask: Some(price(ask)?),
                mark: None,
            });
        }
        Ok(())
    })?;
    for (name, quotes) in [("near", &near), ("next", &next)] {
        if quotes.is_empty() {
            return Err(Wrong::whole(format!(
                "has no row with the term {name}: the index lies between a near and a next term"
            )));
        }
    }
    Ok(OptionFile::Cboe { near, next })
}

fn deribit(reader: &mut Reader<&[u8]>, header: &StringRecord) -> Result<OptionFile, Wrong> {
    let [name, bid, ask, mark, underlying] = positions(header, DERIBIT_COLUMNS)?;
    let created = header.iter().position(|name| name == DERIBIT_TIME);
    let mut rows = Vec::new();
    for_each_line(reader, header, |line| {
        let instrument_name = line.text(name).to_owned();
        check_name(&instrument_name).map_err(|what| {
            Wrong::at(
                line.number,
                format!("column {}: {what}", DERIBIT_COLUMNS[0]),
            )
        })?;
        rows.push(BookSummary {
            instrument_name,
            bid: line.optional(bid)?,
            ask: line.optional(ask)?,
            mark: line.optional(mark)?,
            underlying: line.optional(underlying)?,
            created: created
                .map(|column| milliseconds(line, column))
                .transpose()?
                .flatten(),
        });
        Ok(())
    })?;
    Ok(OptionFile::Deribit(rows))
}

/// Empty is `None`.
fn milliseconds(line: &Line<'_>, column: usize) -> Result<Option<Timestamp>, Wrong> {
    let text = line.text(column);
    if text.is_empty() {
        return Ok(None);
    }
    // Programs that keep numbers as floats write `1704712781429.0`.
    let parsed = text.strip_suffix(".0").unwrap_or(text).parse();
    parsed.map(|ms| Some(Timestamp(ms))).map_err(|_| {
        line.wrong(
            column,
            "is no instant: write milliseconds since 1970, or leave it empty",
        )
    })
}

#[cfg(test)]
mod tests;
