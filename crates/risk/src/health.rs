//! How well a protocol is: 100 less the points of each term, not below 0.
//!
//! The points are chosen, not fitted: there is no history of protocol failures with all inputs to
//! fit them to. Each term's most is its weight; two grave findings, or one and a doubt, bring the
//! score below 50.
//!
//! | term | points lost |
//! |---|---|
//! | `tvl` | fall in 1 h: 5 % 15, 10 % 30, 25 % 50; in 24 h: 10 % 10, 20 % 25, 40 % 45; in 7 d: 20 % 5, 40 % 15, 60 % 30; the greatest of them, and 5 for each span that the history does not reach; at most 50; unknown 50; not watched 10 |
//! | `depeg` | the farthest asset underneath: 0.5 % 10, 1 % 25, 2 % 40; unknown 40 |
//! | `pins` | the worst contract: paused 40, changed 60; unknown 60; nothing pinned 20 |
//! | `incidents` | each critical 50, fading over 90 d; warning 15 over 30 d; info 2 over 7 d; at most 60 |
//! | `failures` | share of our transactions that failed: 5 % 5, 10 % 10, 25 % 20, 50 % 30; none made 5 |
//! | `tokens` | the worst token underneath: one that cannot be sold, or whose balances its owner can change, 60; whether so unknown 10; other dangers 0 |
//! | `data` | each stale input 5, each missing one 10; at most 20 |
//!
//! A stale input counts by its last value and costs points of `data` besides. A missing one costs
//! what the worst that it may hide costs: losing an input never raises the score. Not so a token of
//! which nothing was ever known, as of most receipts: it costs 10, and the caller hands in what was
//! known once as stale.

mod incident;
mod token;
mod tvl;

use airdrops_types::{AssetId, Bps, Incident, Reading, Timestamp, TokenFindings, Usd};
use serde::{Deserialize, Serialize};

use crate::term::{Term, capped_sum};
pub use token::is_grave;
pub use tvl::TvlHistory;

/// What is known about a watched contract, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PinState {
    /// As it was pinned.
    Unchanged,
    /// Says that it is paused.
    Paused,
    /// Code, implementation, admin or owner is not what was pinned.
    Changed,
}

/// Our own transactions at a protocol, over whatever span the caller looks back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FailureRecord {
    /// That failed.
    pub failed: u32,
    /// All.
    pub total: u32,
}

/// What health is measured from.
#[derive(Debug, Clone, Copy)]
pub struct HealthInputs<'a> {
    /// The instant.
    pub now: Timestamp,
    /// Value locked now; `None` if no source is configured for it.
    pub tvl: Option<&'a Reading<Usd>>,
    /// Value locked before.
    pub tvl_history: &'a TvlHistory,
    /// How far each pegged asset underneath is from its peg, either way.
    pub pegs: &'a [(AssetId, Reading<Bps>)],
    /// Each watched contract by name.
    pub pins: &'a [(String, Reading<PinState>)],
    /// Incidents that name the protocol, its assets or its chain.
    pub incidents: &'a [Incident],
    /// Our own transactions there.
    pub failures: FailureRecord,
    /// What the contracts of the tokens underneath can do, by name. What was known once is stale,
    /// not missing.
    pub tokens: &'a [(String, Reading<TokenFindings>)],
    /// Other sources that it depends on, such as incident feeds, by name.
    pub sources: &'a [(String, Reading<()>)],
}

/// A protocol's health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// From 0 (worst) to 100: 100 less the points of the terms.
    pub score: u8,
    /// Every term, also those that cost nothing.
    pub terms: Vec<Term>,
}

impl Health {
    /// Measures it.
    #[must_use]
    pub fn measure(inputs: &HealthInputs<'_>) -> Self {
        let terms = vec![
            match inputs.tvl {
                Some(tvl) => tvl::term(inputs.now, tvl, inputs.tvl_history),
                None => Term::new("tvl", TVL_NOT_WATCHED, "is not watched"),
            },
            depeg(inputs.pegs),
            pins(inputs.pins),
            incident::term(inputs.now, inputs.incidents),
            failures(inputs.failures),
            token::term(inputs.tokens),
            data(inputs),
        ];
        Self {
            score: 100 - capped_sum(&terms),
            terms,
        }
    }
}

const UNKNOWN_PEG: u8 = 40;
const UNKNOWN_PIN: u8 = 60;
const NOTHING_PINNED: u8 = 20;
const NO_RECORD: u8 = 5;
const TVL_NOT_WATCHED: u8 = 10;
const STALE_INPUT: u8 = 5;
const MISSING_INPUT: u8 = 10;
const MOST_DATA: u8 = 20;

/// The points of the highest step that `measured` reaches.
fn step(measured: Bps, steps: &[(u32, u8)]) -> u8 {
    let reached = steps.iter().filter(|(from, _)| measured.0 >= *from);
    reached.map(|(_, points)| *points).max().unwrap_or(0)
}

fn depeg(pegs: &[(AssetId, Reading<Bps>)]) -> Term {
    let each = pegs.iter().map(|(asset, reading)| {
        let points = reading.last_known().map_or(UNKNOWN_PEG, |off| {
            step(*off, &[(50, 10), (100, 25), (200, UNKNOWN_PEG)])
        });
        (
            points,
            told(asset.as_str(), reading, |off| format!("{off} off")),
        )
    });
    worst("depeg", each, (0, "no pegged asset underneath"))
}

fn pins(pins: &[(String, Reading<PinState>)]) -> Term {
    let each = pins.iter().map(|(name, reading)| {
        let points = match reading.last_known() {
            Some(PinState::Unchanged) => 0,
            Some(PinState::Paused) => 40,
            Some(PinState::Changed) | None => UNKNOWN_PIN,
        };
        let text = told(name, reading, |state| {
            match state {
                PinState::Unchanged => "unchanged",
                PinState::Paused => "paused",
                PinState::Changed => "changed",
            }
            .to_owned()
        });
        (points, text)
    });
    worst("pins", each, (NOTHING_PINNED, "no contract is pinned"))
}

fn failures(record: FailureRecord) -> Term {
    let FailureRecord { failed, total } = record;
    let share = Usd(failed.into()).share_of(Usd(total.into()));
    let points = share.map_or(NO_RECORD, |share| {
        step(share, &[(500, 5), (1000, 10), (2500, 20), (5000, 30)])
    });
    let measured = match share {
        Some(share) => format!("{failed} of {total} transactions failed, {share}"),
        None => "no transaction yet".to_owned(),
    };
    Term::new("failures", points, measured)
}

fn data(inputs: &HealthInputs<'_>) -> Term {
    let mut lost = Vec::new();
    let mut points = 0u8;
    let mut look = |name: &str, defect: Option<String>, missing: bool| {
        if let Some(defect) = defect {
            points = points.saturating_add(if missing { MISSING_INPUT } else { STALE_INPUT });
            lost.push(format!("{name} {defect}"));
        }
    };
    if let Some(tvl) = inputs.tvl {
        look("TVL", tvl.defect(), is_missing(tvl));
    }
    for (asset, reading) in inputs.pegs {
        look(asset.as_str(), reading.defect(), is_missing(reading));
    }
    for (name, reading) in inputs.pins {
        look(name, reading.defect(), is_missing(reading));
    }
    for (name, reading) in inputs.tokens {
        // What was never known is a matter of its own term.
        let defect = reading.defect().filter(|_| !is_missing(reading));
        look(&format!("token {name}"), defect, false);
    }
    for (name, reading) in inputs.sources {
        look(name, reading.defect(), is_missing(reading));
    }
    let measured = if lost.is_empty() {
        "all fresh".to_owned()
    } else {
        lost.join("; ")
    };
    Term::new("data", points.min(MOST_DATA), measured)
}

fn is_missing<T>(reading: &Reading<T>) -> bool {
    reading.last_known().is_none()
}

fn told<T>(name: &str, reading: &Reading<T>, text: impl Fn(&T) -> String) -> String {
    let known = reading
        .last_known()
        .map_or_else(|| "unknown".to_owned(), text);
    format!("{name} {known}")
}

/// The term of the worst of `each`; `nothing` if there is none.
fn worst(name: &str, each: impl Iterator<Item = (u8, String)>, nothing: (u8, &str)) -> Term {
    let mut found: Option<(u8, String)> = None;
    for (points, text) in each {
        if found.as_ref().is_none_or(|(most, _)| points > *most) {
            found = Some((points, text));
        }
    }
    match found {
        Some((points, text)) => Term::new(name, points, text),
        None => Term::new(name, nothing.0, nothing.1),
    }
}

#[cfg(test)]
mod tests;
