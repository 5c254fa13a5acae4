//! Options of `risk` and its commands.

use std::path::PathBuf;

use airdrops_types::Timestamp;
use clap::{Args, Subcommand};

/// Options of `risk`.
#[derive(Debug, Clone, Args)]
pub struct Risk {
    /// What to show or measure.
    #[command(subcommand)]
    pub command: RiskCommand,
}

/// What to show or measure.
#[derive(Debug, Clone, Subcommand)]
pub enum RiskCommand {
    /// Compute the 30-day volatility index of an option chain
    ///
    /// Reads the Cboe layout (term,strike,call_bid,call_ask,put_bid,put_ask, where term is near or
    /// next) or Deribit's book summary (CSV or JSON), plain or gzip; which one it is, the content
    /// tells.
    VolIndex(VolIndex),
    /// Replay price history through the volatility states, the loss breaker and value at risk
    ///
    /// Reads hourly prices as CSV, plain or gzip, with the columns time, open, high, low and close;
    /// time is in unix seconds or RFC 3339, and may be called timestamp or open_time_unix. Other
    /// columns are ignored.
    Replay(RiskReplay),
    /// Score a series as it arrives: how unusual each value is by what came before it
    Anomalies(Anomalies),
    /// Show what is measured, and what follows from it
    ///
    /// Reads the last report in the database, beside a runner or without one. Halts and trips are
    /// those of now.
    Assess,
    /// Show every limit in force: how much of it holds, is used and is left, and who clears each
    /// breaker
    Limits,
}

/// Options of `risk vol-index`.
#[derive(Debug, Clone, Args)]
pub struct VolIndex {
    /// The option quotes
    #[arg(long, value_name = "FILE")]
    pub options: PathBuf,
    /// Deribit: as of when, RFC 3339 or unix seconds; default: the newest `creation_timestamp`
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub at: Option<Timestamp>,
    /// Interest rate of both terms per year as decimal fraction: 0.0305 is 3.05 %; Deribit's
    /// default is 0
    #[arg(long, value_name = "R", value_parser = rate, allow_negative_numbers = true)]
    pub rate: Option<f64>,
    /// Cboe: minutes until the near term expires
    #[arg(long, value_name = "M", value_parser = minutes, allow_negative_numbers = true)]
    pub minutes_near: Option<f64>,
    /// Cboe: minutes until the next term expires
    #[arg(long, value_name = "M", value_parser = minutes, allow_negative_numbers = true)]
    pub minutes_next: Option<f64>,
    /// Cboe: interest rate until the near term expires
    #[arg(long, value_name = "R", value_parser = rate, allow_negative_numbers = true)]
    pub rate_near: Option<f64>,
    /// Cboe: interest rate until the next term expires
    #[arg(long, value_name = "R", value_parser = rate, allow_negative_numbers = true)]
    pub rate_next: Option<f64>,
}

/// Options of `risk replay`.
#[derive(Debug, Clone, Args)]
pub struct RiskReplay {
    /// Hourly prices, one asset per file. The asset's name is what the file's name begins with, up
    /// to the first character that is no letter and without a quote currency at its end
    /// (ETHUSDT_1h.csv.gz is ETH), or is given: ETH=prices.csv
    #[arg(long, required = true, num_args = 1.., value_name = "[NAME=]FILE")]
    pub prices: Vec<String>,
    /// Shares of the portfolio, 1 in all; USD is cash: ETH=0.6,USD=0.4. Assets that are not named
    /// count for the index only. Default: equal shares
    #[arg(long, value_name = "NAME=SHARE,…")]
    pub weights: Option<String>,
    /// Write one self-contained HTML file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Options of `risk anomalies`.
#[derive(Debug, Clone, Args)]
pub struct Anomalies {
    /// Rows of `timestamp,value`, gzip or not; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub csv: PathBuf,
    /// False alarms per quarter of a year that the `alarm` column may raise
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = positive)]
    pub false_alarms: f64,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err("a number above 0 is needed".to_owned()),
    }
}

/// RFC 3339, or seconds since 1970.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    /// In the year 5138; whoever gives more means milliseconds.
    const MAX_SECONDS: u64 = 100_000_000_000;
    match text.parse::<u64>() {
        Ok(seconds) if seconds < MAX_SECONDS => Ok(Timestamp::from_unix_seconds(seconds)),
        Ok(_) => Err("those are milliseconds: write seconds since 1970".into()),
        Err(_) => crate::config::unit::instant(text)
            .map_err(|_| "write it like 2024-01-08T11:19:41Z, or as seconds since 1970".into()),
    }
}

/// A decimal fraction.
fn rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate: &f64| rate.abs() < 1.0)
        .ok_or_else(|| "write a decimal fraction: 0.0305 is 3.05 %".into())
}

/// A time to expiry.
fn minutes(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|minutes: &f64| minutes.is_finite() && *minutes > 0.0)
        .ok_or_else(|| "write a positive number of minutes: 30 days are 43200".into())
}
