//! Options of `estimate` and its commands.

use std::path::PathBuf;

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
