//! One price out of several sources.
//!
//! Quotes whose sources share the text before the first colon have one operator and one voice:
//! the median of the operator's fresh quotes, as old as the oldest of them. The median, and not the
//! freshest, so that one of several feeds cannot speak for the operator by being quick.
//!
//! Voices agree when the highest is above the lowest by no more than the bound. The price is fresh
//! if more than half of all fresh voices, and at least [`ConsensusRule::min_sources`], agree. It is
//! the median of all fresh voices, the mean of the middle two for an even count. An agreeing
//! majority always holds the median, so a voice outside counts by its side only, and never by its
//! value: one liar among three or more cannot move the price out of the range of the others.
//!
//! Quotes that are not fresh have no say. Hence a voice that falls silent can end a dispute, where
//! four or more voices were split; it never does while it would agree with the majority that is
//! left, nor with three voices or fewer. (If stale quotes change nothing, and a split of two against
//! two is not fresh, then a stricter law cannot hold.)

use std::collections::BTreeMap;
use std::fmt;

use airdrops_types::{Bps, Price, Quote, Reading, Timestamp, U256};
use serde::{Deserialize, Serialize};

/// What it takes to believe a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsensusRule {
    /// Fewest operators that must agree. Default 2; less counts as 2.
    pub min_sources: usize,
    /// Most that the highest of those who agree may be above the lowest, as a share of the lowest.
    /// Default 1 %.
    pub max_deviation: Bps,
}

impl Default for ConsensusRule {
    fn default() -> Self {
        Self {
            min_sources: 2,
            max_deviation: Bps(100),
        }
    }
}

/// What became of one source's quote.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceStanding {
    /// Agrees with the majority.
    Used {
        /// What it says.
        price: Price,
    },
    /// Fresh, and contradicts the majority.
    Outlier {
        /// What it says.
        price: Price,
    },
    /// Fresh, but there is no majority: alone, or all contradict each other.
    Undecided {
        /// What it says.
        price: Price,
    },
    /// Not fresh.
    Stale {
        /// The last that it said.
        price: Price,
        /// Why it is not fresh.
        reason: String,
    },
    /// Says nothing.
    Missing {
        /// Why.
        reason: String,
    },
}

/// One source in a [`Consensus`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceReport {
    /// Which: [`Quote::source`].
    pub source: String,
    /// What became of its quote.
    pub standing: SourceStanding,
}

/// A price with what each source had to do with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consensus {
    /// The price: as old as the oldest quote that it rests on.
    pub reading: Reading<Price>,
    /// Every source, by name.
    pub sources: Vec<SourceReport>,
}

/// What one operator says.
struct Voice {
    operator: String,
    price: Price,
    at: Timestamp,
}

/// The price that the sources agree on; see the module for the rule. Where they do not, the last
/// value is the median of the fresh voices, or of the stale ones if none is fresh.
#[must_use]
pub fn consensus(quotes: &[Quote], rule: &ConsensusRule) -> Reading<Price> {
    consensus_report(quotes, rule).reading
}

/// [`consensus`], with the standing of each source.
#[must_use]
pub fn consensus_report(quotes: &[Quote], rule: &ConsensusRule) -> Consensus {
    let fresh = voices(quotes, |quote| matches!(quote, Reading::Fresh { .. }));
    let used = majority(&fresh, rule);
    let reading = match (&used, median(&fresh)) {
        (Some(used), Some(value)) => Reading::Fresh {
            value,
            at: oldest(used.iter().map(|index| fresh[*index].at)),
        },
        (None, Some(value)) => Reading::Stale {
            value,
            at: oldest(fresh.iter().map(|voice| voice.at)),
            reason: why_not(&fresh, rule),
        },
        (_, None) => last_known(quotes),
    };
    let agrees = |operator: &str| {
        used.as_ref()
            .map(|used| used.iter().any(|index| fresh[*index].operator == operator))
    };
    let mut sources: Vec<SourceReport> = quotes
        .iter()
        .map(|quote| SourceReport {
            source: quote.source.clone(),
            standing: standing(quote, agrees(&operator_of(&quote.source))),
        })
        .collect();
    sources.sort();
    Consensus { reading, sources }
}

/// The part of a source's name that sources of one operator share, whatever its case.
fn operator_of(source: &str) -> String {
    let operator = source.split(':').next().unwrap_or(source);
    operator.trim().to_ascii_lowercase()
}

/// One voice per operator out of the usable quotes that `counts`, by price, then by operator. A
/// price of zero is not usable.
fn voices(quotes: &[Quote], counts: impl Fn(&Reading<Price>) -> bool) -> Vec<Voice> {
    let mut by_operator: BTreeMap<String, Vec<(Price, Timestamp)>> = BTreeMap::new();
    for quote in quotes.iter().filter(|quote| counts(&quote.price)) {
        if let Reading::Fresh { value, at } | Reading::Stale { value, at, .. } = &quote.price
            && value.0 > 0
        {
            let operator = by_operator.entry(operator_of(&quote.source)).or_default();
            operator.push((*value, *at));
        }
    }
    let mut voices: Vec<Voice> = by_operator
        .into_iter()
        .filter_map(|(operator, mut said)| {
            said.sort();
            let prices: Vec<Price> = said.iter().map(|(price, _)| *price).collect();
            Some(Voice {
                operator,
                price: middle(&prices)?,
                at: oldest(said.iter().map(|(_, at)| *at)),
            })
        })
        .collect();
    voices.sort_by_key(|voice| voice.price);
    voices
}

/// The voices that belong to an agreeing majority, as indices into `voices`, which are sorted by
/// price; `None` without one. There may be several such majorities; they overlap.
fn majority(voices: &[Voice], rule: &ConsensusRule) -> Option<Vec<usize>> {
    let needed = rule.min_sources.max(2).max(voices.len() / 2 + 1);
    let mut member = vec![false; voices.len()];
    for (first, window) in voices.windows(needed).enumerate() {
        let agree = match window {
            [lowest, .., highest] => within(lowest.price, highest.price, rule.max_deviation),
            _ => false,
        };
        if agree {
            member[first..first + needed].fill(true);
        }
    }
    let used: Vec<usize> = (0..voices.len()).filter(|index| member[*index]).collect();
    (!used.is_empty()).then_some(used)
}

/// Whether `high` is above `low` by at most `bound` of `low`.
fn within(low: Price, high: Price, bound: Bps) -> bool {
    let spread = U256::from(high.0.saturating_sub(low.0)) * U256::from(10_000);
    spread <= U256::from(low.0) * U256::from(bound.0)
}

fn median(voices: &[Voice]) -> Option<Price> {
    let prices: Vec<Price> = voices.iter().map(|voice| voice.price).collect();
    middle(&prices)
}

/// The median of sorted prices: for an even count the mean of the middle two, rounded down.
fn middle(sorted: &[Price]) -> Option<Price> {
    let upper = sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(*upper);
    }
    let lower = sorted.get(sorted.len() / 2 - 1)?;
    Some(Price(lower.0 + (upper.0 - lower.0) / 2))
}

fn oldest(instants: impl Iterator<Item = Timestamp>) -> Timestamp {
    instants.min().unwrap_or_default()
}

fn why_not(fresh: &[Voice], rule: &ConsensusRule) -> String {
    let said: Vec<String> = fresh
        .iter()
        .map(|voice| format!("{} {}", voice.operator, Dollars(voice.price)))
        .collect();
    let said = said.join(", ");
    let needed = rule.min_sources.max(2);
    if fresh.len() < needed {
        format!("{} of at least {needed} fresh sources: {said}", fresh.len())
    } else {
        format!(
            "no majority of sources within {}: {said}",
            rule.max_deviation
        )
    }
}

/// A price to its last digit: `$0.0000123`.
struct Dollars(Price);

impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0.0 / Price::SCALE, self.0.0 % Price::SCALE);
        let digits = format!("{rest:012}");
        let (cents, finer) = digits.split_at(2);
        write!(f, "${whole}.{cents}{}", finer.trim_end_matches('0'))
    }
}

/// Without any fresh voice: what the sources said last.
fn last_known(quotes: &[Quote]) -> Reading<Price> {
    let known = voices(quotes, |_| true);
    match median(&known) {
        Some(value) => Reading::Stale {
            value,
            at: oldest(known.iter().map(|voice| voice.at)),
            reason: "no fresh source".to_owned(),
        },
        None => Reading::missing("no source gives a price"),
    }
}

fn standing(quote: &Quote, agrees: Option<bool>) -> SourceStanding {
    match &quote.price {
        Reading::Fresh { value, .. } | Reading::Stale { value, .. } if value.0 == 0 => {
            SourceStanding::Missing {
                reason: "says zero, which is no price".to_owned(),
            }
        }
        Reading::Fresh { value, .. } => {
            let price = *value;
            match agrees {
                Some(true) => SourceStanding::Used { price },
                Some(false) => SourceStanding::Outlier { price },
                None => SourceStanding::Undecided { price },
            }
        }
        Reading::Stale { value, reason, .. } => SourceStanding::Stale {
            price: *value,
            reason: reason.clone(),
        },
        Reading::Missing { reason } => SourceStanding::Missing {
            reason: reason.clone(),
        },
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
