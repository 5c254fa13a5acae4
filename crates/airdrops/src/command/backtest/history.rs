//! Recorded history out of CSV: a column of times, then one per asset.

use std::collections::BTreeSet;

use airdrops_allocation::backtest::{History, HistoryError};
use airdrops_types::Timestamp;
use csv::{ReaderBuilder, StringRecord, Trim};
use nalgebra::DMatrix;
use thiserror::Error;

/// In the year 5138; whoever gives more means milliseconds.
const MAX_SECONDS: i64 = 100_000_000_000;

/// What the cells are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cells {
    /// Prices, above zero.
    Prices,
    /// Net simple returns, at least −1.
    Returns,
}

/// Why a text is no history. Lines count from 1, the header included.
#[derive(Debug, PartialEq, Error)]
pub enum CsvError {
    /// The header names no asset.
    #[error(
        "line 1: a column of times and at least one column per asset are needed, as in `time,ETH,BTC`"
    )]
    Header,
    /// A column without a name, or with that of another.
    #[error("line 1, column {column}: {what}")]
    Name {
        /// Which, from 1.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// Something that is no CSV.
    #[error("{0}")]
    Csv(String),
    /// A row with another number of cells.
    #[error("line {line}: {found} cells, the header has {expected}")]
    Length {
        /// Where.
        line: u64,
        /// Cells in the row.
        found: usize,
        /// Cells in the header.
        expected: usize,
    },
    /// A cell that cannot be read.
    #[error("line {line}, column `{column}`: `{value}`: {expected}")]
    Cell {
        /// Where.
        line: u64,
        /// The column's name.
        column: String,
        /// What it says.
        value: String,
        /// What it should say.
        expected: &'static str,
    },
    /// A time that does not follow the one before.
    #[error("line {line}, column `{column}`: {at} is not after the row before; rows go forward")]
    Order {
        /// Where.
        line: u64,
        /// The column's name.
        column: String,
        /// The time.
        at: Timestamp,
    },
    /// Too few rows.
    #[error("at least two rows are needed")]
    Short,
    /// What the history itself refuses.
    #[error("{0}")]
    History(HistoryError),
}

/// Reads a history.
///
/// # Errors
/// The first thing that is wrong, with its line and column.
pub fn parse(text: &str, cells: Cells) -> Result<History, CsvError> {
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let broken = |error: csv::Error| CsvError::Csv(error.to_string());
    let header = reader.headers().map_err(broken)?.clone();
    if header.len() < 2 {
        return Err(CsvError::Header);
    }
    let mut seen = BTreeSet::new();
    for (index, name) in header.iter().enumerate().skip(1) {
        let what = if name.is_empty() {
            "the column has no name".to_owned()
        } else if !seen.insert(name) {
            format!("`{name}` is there twice")
        } else {
            continue;
        };
        return Err(CsvError::Name {
            column: index + 1,
            what,
        });
    }
    let (mut times, mut values): (Vec<Timestamp>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(broken)? {
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != header.len() {
            return Err(CsvError::Length {
                line,
                found: record.len(),
                expected: header.len(),
            });
        }
        for ((index, cell), name) in record.iter().enumerate().zip(&header) {
            let bad = |expected| CsvError::Cell {
                line,
                column: name.to_owned(),
                value: cell.to_owned(),
                expected,
            };
            if index > 0 {
                values.push(number(cell, cells).map_err(bad)?);
                continue;
            }
            let at = instant(cell).map_err(bad)?;
            if times.last().is_some_and(|before| *before >= at) {
                return Err(CsvError::Order {
                    line,
                    column: name.to_owned(),
                    at,
                });
            }
            times.push(at);
        }
    }
    if times.len() < 2 {
        return Err(CsvError::Short);
    }
    let assets: Vec<String> = header.iter().skip(1).map(str::to_owned).collect();
    let table = DMatrix::from_row_slice(times.len(), assets.len(), &values);
    match cells {
        Cells::Prices => History::from_prices(&times, assets, &table),
        Cells::Returns => History::new(times, assets, table),
    }
    .map_err(CsvError::History)
}

fn number(cell: &str, cells: Cells) -> Result<f64, &'static str> {
    let value: f64 = cell.parse().map_err(|_| "a number is needed")?;
    match cells {
        Cells::Prices if !(value.is_finite() && value > 0.0) => {
            Err("a price must be finite and above 0")
        }
        Cells::Returns if !(value.is_finite() && value >= -1.0) => {
            Err("a return must be finite and at least -1: 0.01 is 1 %")
        }
        _ => Ok(value),
    }
}

fn instant(cell: &str) -> Result<Timestamp, &'static str> {
    if let Ok(seconds) = cell.parse::<i64>() {
        return if (0..MAX_SECONDS).contains(&seconds) {
            Ok(Timestamp(seconds * 1000))
        } else {
            Err("seconds since 1970 are needed")
        };
    }
    // A date alone is its midnight in UTC.
    let text = if cell.len() == 10 {
        format!("{cell}T00:00:00Z")
    } else {
        cell.to_owned()
    };
    crate::config::unit::instant(&text)
        .map_err(|_| "write it like 2024-01-08T11:19:41Z or 2024-01-08, or as seconds since 1970")
}
