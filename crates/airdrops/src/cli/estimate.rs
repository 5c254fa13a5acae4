//! Options of `estimate` and its commands.

use std::path::PathBuf;

use airdrops_types::{Bps, Timestamp, Usd};
use clap::{Args, Subcommand};

/// Options of `estimate`.
#[derive(Debug, Clone, Args)]
pub struct Estimate {
    /// What to show.
    #[command(subcommand)]
    pub command: EstimateCommand,
}

/// What to show.
#[derive(Debug, Clone, Subcommand)]
pub enum EstimateCommand {
    /// Fit what past airdrops say of one that nothing else is known of
    ///
    /// Fits lognormal distributions to the history that comes with the program, or to your own.
    Priors(EstimatePriors),
    /// Say what was seen of a protocol's airdrop: beliefs follow at the next plan
    ///
    /// Works while `run` runs. What was seen of one protocol also counts, for less, for others of its
    /// category, and for all.
    Observe(EstimateObserve),
    /// Show what was forecast, what came of it, and how good the forecasts were
    Calibration,
}

/// Options of `estimate observe`.
#[derive(Debug, Clone, Args)]
#[command(group = clap::ArgGroup::new("fact").required(true).multiple(false))]
pub struct EstimateObserve {
    /// The protocol family
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub family: String,
    /// What it is compared with, such as l2, dex or lending; that of its [[opportunity]] counts
    /// where there is one
    #[arg(long, value_name = "NAME", default_value = "other")]
    pub category: String,
    /// When it became known, RFC 3339 or unix seconds; default: now
    #[arg(long, value_name = "TIME", value_parser = super::risk::instant)]
    pub at: Option<Timestamp>,
    /// The airdrop came, so many days after it could have come first
    #[arg(long, value_name = "DAYS", group = "fact")]
    pub dropped: Option<u32>,
    /// It is certain that there will be none
    #[arg(long, group = "fact")]
    pub never: bool,
    /// Whether our wallet was eligible
    #[arg(long, value_name = "true|false", group = "fact")]
    pub eligible: Option<bool>,
    /// What the mean eligible wallet got at the claim, in dollars: 1250
    #[arg(long, value_name = "USD", group = "fact", value_parser = amount)]
    pub wallet_value: Option<Usd>,
    /// The token's fully diluted value at the claim, in dollars
    #[arg(long, value_name = "USD", group = "fact", value_parser = amount)]
    pub diluted_value: Option<Usd>,
    /// The fully diluted value that a pre-market's price says, in dollars
    #[arg(long, value_name = "USD", group = "fact", value_parser = amount)]
    pub pre_market: Option<Usd>,
    /// The probability in percent that a market gives the token within --days: 35
    #[arg(long, value_name = "PERCENT", group = "fact", requires = "days", value_parser = odds)]
    pub odds: Option<Bps>,
    /// Within how many days, for --odds
    #[arg(long, value_name = "DAYS", requires = "odds", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: Option<u32>,
}

fn amount(text: &str) -> Result<Usd, String> {
    let bare = text.strip_prefix('$').unwrap_or(text);
    let amount = crate::config::unit::dollars(&format!("${bare}"))
        .map_err(|_| "write dollars like 1250 or 1250.50".to_owned())?;
    if amount.0 <= 0 || amount > Usd::dollars(1_000_000_000_000) {
        return Err("give more than $0 and at most $1,000,000,000,000".to_owned());
    }
    Ok(amount)
}

fn odds(text: &str) -> Result<Bps, String> {
    let bare = text.strip_suffix('%').unwrap_or(text).trim_end();
    let odds = crate::config::unit::percent(&format!("{bare}%"))
        .map_err(|_| "write percent like 35 or 35.5".to_owned())?;
    if odds > Bps::WHOLE {
        return Err("a probability is at most 100".to_owned());
    }
    Ok(odds)
}

/// Options of `estimate priors`.
#[derive(Debug, Clone, Args)]
pub struct EstimatePriors {
    /// Your own history as CSV, plain or gzip, instead of the one that comes with the program
    ///
    /// The first line names the columns. Needed are token, tokens_airdropped, share_of_supply,
    /// mean_tokens, price_claim_low_usd and premarket_price_usd; for the share of eligible
    /// addresses also eligible_share_low and eligible_share_high. Empty fields are unknown.
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
}
