//! Drops of the past, as a table.

use csv::{ReaderBuilder, StringRecord};
use serde::Serialize;
use thiserror::Error;

/// The table that comes with the program; `data/README.md` beside it says how it was compiled.
pub const BUILT_IN: &str = include_str!("../../data/airdrops_history.csv");

/// What has to be kept in mind with every figure that comes from such a table.
pub const CAVEAT: &str = "Only drops that took place and were large are in the history: amounts are \
                          too high for a protocol drawn at random, and how likely a drop is cannot \
                          be told from it.";

/// One drop. What is unknown is `None`; all amounts are positive.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PastDrop {
    /// The token's name.
    pub token: String,
    /// When it could be claimed first, as in the table.
    pub claim_date: String,
    /// Tokens that were dropped.
    pub tokens: Option<f64>,
    /// As a share of all tokens.
    pub share: Option<f64>,
    /// Tokens of the mean eligible wallet.
    pub mean_tokens: Option<f64>,
    /// The lowest price on the first day, in dollars.
    pub low: Option<f64>,
    /// The last price on pre-markets, in dollars.
    pub premarket: Option<f64>,
    /// Eligible wallets among all addresses that used the protocol: the range of what sources say.
    pub eligible: Option<(f64, f64)>,
}

/// A table of drops.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct History {
    /// In the order of the table.
    pub drops: Vec<PastDrop>,
}

/// Why a table cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HistoryError {
    /// A field, or a row.
    #[error("line {line}{}: {what}", .column.as_ref().map(|column| format!(", column {column}")).unwrap_or_default())]
    Row {
        /// Counted from 1.
        line: u64,
        /// The column's name; `None` if the whole row is meant.
        column: Option<String>,
        /// What is wrong, and what to give instead.
        what: String,
    },
    /// The table as a whole.
    #[error("{0}")]
    Whole(String),
}

/// Longer tables are no history of airdrops.
const MAX_ROWS: usize = 100_000;

/// Where the columns are.
struct Columns {
    token: usize,
    claim_date: Option<usize>,
    tokens: usize,
    share: usize,
    mean_tokens: usize,
    low: usize,
    premarket: usize,
    eligible: Option<(usize, usize)>,
}

impl History {
    /// Reads a table in CSV. The first line names the columns; needed are `token`,
    /// `tokens_airdropped`, `share_of_supply`, `mean_tokens`, `price_claim_low_usd` and
    /// `premarket_price_usd`; known besides are `claim_date`, `eligible_share_low` and
    /// `eligible_share_high`. Others are ignored; empty fields are unknown.
    ///
    /// # Errors
    /// [`HistoryError`], by line and column.
    pub fn parse(text: &str) -> Result<Self, HistoryError> {
        let mut reader = ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let header = reader.headers().map_err(|error| unreadable(&error))?;
        let columns = Columns::of(header)?;
        let header = header.clone();
        let mut drops = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| unreadable(&error))?;
            if drops.len() == MAX_ROWS {
                let what = format!("has more than {MAX_ROWS} rows: give at most so many");
                return Err(HistoryError::Whole(what));
            }
            drops.push(Row::new(&header, &record).drop(&columns)?);
        }
        Ok(Self { drops })
    }

    /// Values of the mean wallet's drop at the lowest price of the first day, in dollars.
    #[must_use]
    pub fn wallet_values(&self) -> Vec<f64> {
        let value = |drop: &PastDrop| Some(drop.mean_tokens? * drop.low?);
        self.drops.iter().filter_map(value).collect()
    }

    /// Fully diluted values at the lowest price of the first day, in dollars.
    #[must_use]
    pub fn diluted_values(&self) -> Vec<f64> {
        let value = |drop: &PastDrop| Some(drop.low? * drop.tokens? / drop.share?);
        self.drops.iter().filter_map(value).collect()
    }

    /// Lowest prices of the first day by the last price on pre-markets.
    #[must_use]
    pub fn realised_by_premarket(&self) -> Vec<f64> {
        let ratio = |drop: &PastDrop| Some(drop.low? / drop.premarket?);
        self.drops.iter().filter_map(ratio).collect()
    }

    /// Ranges of the share of addresses that were eligible.
    #[must_use]
    pub fn eligible_shares(&self) -> Vec<(f64, f64)> {
        self.drops.iter().filter_map(|drop| drop.eligible).collect()
    }
}

impl Columns {
    fn of(header: &StringRecord) -> Result<Self, HistoryError> {
        let find = |name: &str| header.iter().position(|column| column == name);
        let need = |name: &str| {
            find(name).ok_or_else(|| HistoryError::Row {
                line: 1,
                column: None,
                what: format!(
                    "there is no column `{name}`: name the columns in the first line; token, \
                     tokens_airdropped, share_of_supply, mean_tokens, price_claim_low_usd and \
                     premarket_price_usd are needed"
                ),
            })
        };
        Ok(Self {
            token: need("token")?,
            claim_date: find("claim_date"),
            tokens: need("tokens_airdropped")?,
            share: need("share_of_supply")?,
            mean_tokens: need("mean_tokens")?,
            low: need("price_claim_low_usd")?,
            premarket: need("premarket_price_usd")?,
            eligible: find("eligible_share_low").zip(find("eligible_share_high")),
        })
    }
}

/// One line with its number.
struct Row<'a> {
    line: u64,
    header: &'a StringRecord,
    fields: &'a StringRecord,
}

impl<'a> Row<'a> {
    fn new(header: &'a StringRecord, fields: &'a StringRecord) -> Self {
        Self {
            line: fields.position().map_or(0, csv::Position::line),
            header,
            fields,
        }
    }

    fn wrong(&self, column: usize, what: String) -> HistoryError {
        HistoryError::Row {
            line: self.line,
            column: self.header.get(column).map(str::to_owned),
            what,
        }
    }

    fn text(&self, column: usize) -> &'a str {
        self.fields.get(column).unwrap_or_default()
    }

    /// A positive number up to `most`; `None` if the field is empty.
    fn number(&self, column: usize, most: f64) -> Result<Option<f64>, HistoryError> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(None);
        }
        let number = text.parse().ok();
        let usable = number.filter(|number: &f64| *number > 0.0 && *number <= most);
        match usable {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(
                column,
                format!(
                    "`{text}` is not above 0 and at most {most:e}: write a plain number, or nothing \
                     if it is unknown"
                ),
            )),
        }
    }

    fn drop(&self, columns: &Columns) -> Result<PastDrop, HistoryError> {
        const AMOUNT: f64 = 1e18;
        let token = self.text(columns.token);
        if token.is_empty() {
            return Err(self.wrong(columns.token, "is empty: name the token".to_owned()));
        }
        let eligible = match columns.eligible {
            None => None,
            Some((low, high)) => match (self.number(low, 1.0)?, self.number(high, 1.0)?) {
                (None, None) => None,
                (Some(least), Some(most)) if least <= most => Some((least, most)),
                (Some(least), Some(most)) => {
                    let what = format!("{most} is below the low end, {least}: swap them");
                    return Err(self.wrong(high, what));
                }
                (Some(_), None) | (None, Some(_)) => {
                    let what = "one end of the range is missing: give both, or none".to_owned();
                    return Err(self.wrong(high, what));
                }
            },
        };
        Ok(PastDrop {
            token: token.to_owned(),
            claim_date: columns
                .claim_date
                .map_or_else(String::new, |column| self.text(column).to_owned()),
            tokens: self.number(columns.tokens, AMOUNT)?,
            share: self.number(columns.share, 1.0)?,
            mean_tokens: self.number(columns.mean_tokens, AMOUNT)?,
            low: self.number(columns.low, AMOUNT)?,
            premarket: self.number(columns.premarket, AMOUNT)?,
            eligible,
        })
    }
}

fn unreadable(error: &csv::Error) -> HistoryError {
    match error.position() {
        Some(position) => HistoryError::Row {
            line: position.line(),
            column: None,
            what: format!("{error}. Every line needs as many fields as the first"),
        },
        None => HistoryError::Whole(error.to_string()),
    }
}
