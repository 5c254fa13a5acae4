//! The rows of the report, and its sums.

use airdrops_types::{Bps, Timestamp, Usd};

/// Where the journal was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    /// Nothing was real.
    Demo,
    /// Nothing was real.
    Paper,
    /// Real transactions.
    Live,
    /// The journal does not say.
    Unknown,
}

impl RunMode {
    /// As one word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Demo => "demo",
            Self::Paper => "paper",
            Self::Live => "live",
            Self::Unknown => "unknown",
        }
    }

    /// What it means.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Demo => "Demo: a simulated world. No number here is real money.",
            Self::Paper => {
                "Paper: transactions went to a chain inside the program. No real money moved."
            }
            Self::Live => "Live: these transactions were real.",
            Self::Unknown => "The journal has no start entry: whether this was real is unknown.",
        }
    }
}

/// One quantity against its limit over time, as shares of equity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// `protocol` or `asset`.
    pub kind: &'static str,
    /// The family or the asset.
    pub name: String,
    /// Share of equity at each assessment.
    pub shares: Vec<(Timestamp, Bps)>,
    /// The limit at each assessment; empty if the journal does not tell it.
    pub limits: Vec<(Timestamp, Bps)>,
    /// The last value.
    pub value: Usd,
}

/// Gas fees of one chain and protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GasRow {
    /// The chain's name.
    pub chain: String,
    /// The protocol instance; empty for transactions whose decision the journal does not show.
    pub protocol: String,
    /// Settled transactions.
    pub transactions: u64,
    /// Sum of fees.
    pub fee: Usd,
}

/// The base fee of one chain, in wei.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseFees {
    /// The chain's name.
    pub chain: String,
    /// The base fee at each assessment that knew it.
    pub fees: Vec<(Timestamp, u128)>,
    /// The ceiling at each of them; empty if the journal does not tell it.
    pub ceilings: Vec<(Timestamp, u128)>,
}

/// A refusal, or several in a row of one step for the same reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalRow {
    /// The first.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
    /// How many.
    pub count: u64,
    /// The task run.
    pub task: String,
    /// What it wanted.
    pub summary: String,
    /// Codes of the reasons.
    pub codes: Vec<&'static str>,
    /// The reasons of the last, in words.
    pub reasons: String,
}

/// All refusals for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalGroup {
    /// The reason's code.
    pub code: &'static str,
    /// Refusals with this reason.
    pub count: u64,
    /// The latest, in words.
    pub example: String,
    /// Of which task.
    pub task: String,
}

/// Sums over the whole journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// First equity.
    pub start: Usd,
    /// Last equity.
    pub end: Usd,
    /// Deposits less withdrawals in between.
    pub flows: Usd,
    /// Change of equity without flows.
    pub profit: Usd,
    /// Fees of settled transactions.
    pub fees: Usd,
    /// Signatures for new intents.
    pub signed: u64,
    /// Settled and executed.
    pub succeeded: u64,
    /// Settled and reverted.
    pub reverted: u64,
    /// Settled as cancelled.
    pub cancelled: u64,
    /// Permits.
    pub permitted: u64,
    /// Refusals.
    pub refused: u64,
    /// Deepest drawdown.
    pub max_drawdown: Bps,
    /// Task runs that were made.
    pub tasks: u64,
    /// Of them completed.
    pub completed: u64,
    /// Of them given up.
    pub failed: u64,
    /// Times that a breaker or a person stopped something.
    pub trips: u64,
}
