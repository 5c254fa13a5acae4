//! Learn: what was seen of airdrops changes what is believed of those to come, and what was said is
//! compared with what happened.

use std::collections::BTreeSet;

use airdrops_allocation::estimate::evidence::{premarket, token_by};
use airdrops_allocation::estimate::forecast::{Forecast, ForecastLog, Outcome, Resolution, Said};
use airdrops_allocation::estimate::learn::{Learning, Learnt, Observation};
use airdrops_allocation::estimate::{
    Beta, Invalid, NormalInverseGamma, Opportunity, Priors, Worth, opinion,
};
use airdrops_types::{AirdropFact, AirdropSeen, Timestamp, Usd};
use serde::{Deserialize, Serialize};

use crate::planning::months;

/// Setting that holds what was forecast, and what came of it.
pub const FORECASTS: &str = "forecasts";

/// A quote counts as so many protocols.
const WEIGHT_OF_ODDS: f64 = 4.0;

/// What is left of the chance of a drop after it came, or was called off: a second season.
const AFTERWARDS: Beta = Beta { a: 0.02, b: 9.98 };

/// The owner's own word on one opportunity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Opinion {
    /// A probability.
    pub said: f64,
    /// How sure, in [0, 1].
    pub confidence: f64,
}

/// What the configuration says of one opportunity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stance {
    /// The opportunity, with beliefs from the start on.
    pub opportunity: Opportunity,
    /// Since when a drop could have come; from now on if none.
    pub since: Option<Timestamp>,
    /// On whether there is ever a drop.
    pub drop: Option<Opinion>,
    /// On whether our wallet is eligible.
    pub eligible: Option<Opinion>,
    /// Whether the time to the drop is the owner's, and not that of past drops.
    pub own_timing: bool,
}

/// What is believed at `now`: past drops, what was seen since, and the owner's word. Facts after
/// `now` count for nothing.
///
/// # Errors
/// [`Invalid`], which names what cannot be.
pub(crate) fn beliefs(
    stances: &[Stance],
    seen: &[AirdropSeen],
    now: Timestamp,
) -> Result<Vec<Opportunity>, Invalid> {
    let priors =
        Priors::built_in().map_err(|error| Invalid::new("the priors", error.to_string()))?;
    let known: Vec<&AirdropSeen> = seen.iter().filter(|seen| seen.at <= now).collect();
    let over: BTreeSet<&str> = known
        .iter()
        .filter(|seen| matches!(seen.what, AirdropFact::Dropped { .. } | AirdropFact::Never))
        .map(|seen| seen.family.as_str())
        .collect();
    let mut learnt = Learnt::new(Learning::from_priors(&priors))?;
    for stance in stances {
        let Opportunity {
            family, category, ..
        } = &stance.opportunity;
        if let Some(since) = stance.since.filter(|_| !over.contains(family.as_str())) {
            let waiting = Observation::Waiting {
                months: months(now.since(since)),
            };
            learnt.observe(family, category, now, &waiting)?;
        }
    }
    for seen in &known {
        if let Some(observation) = observation(&seen.what) {
            let category = category_of(stances, seen);
            learnt.observe(&seen.family, category, seen.at, &observation)?;
        }
    }
    let believed = stances
        .iter()
        .map(|stance| believe(stance, &learnt, &known, &over, &priors, now));
    believed.collect()
}

/// The category that the configuration gives a family counts, so that a word of an operator that
/// differs does no harm.
fn category_of<'a>(stances: &'a [Stance], seen: &'a AirdropSeen) -> &'a str {
    let configured = stances.iter().map(|stance| &stance.opportunity);
    let mut configured = configured.filter(|opportunity| opportunity.family == seen.family);
    let category = configured.next().map(|opportunity| &opportunity.category);
    category.unwrap_or(&seen.category)
}

fn observation(fact: &AirdropFact) -> Option<Observation> {
    Some(match fact {
        AirdropFact::Dropped { days } => Observation::Dropped {
            months: in_months(*days).max(1e-3),
        },
        AirdropFact::Never => Observation::Never,
        AirdropFact::Eligible(eligible) => Observation::Eligible(*eligible),
        AirdropFact::WalletValue(value) => Observation::Wallet(dollars(*value)),
        AirdropFact::DilutedValue(value) => Observation::Fdv(dollars(*value)),
        AirdropFact::TokenBy { .. } | AirdropFact::PreMarket(_) => return None,
    })
}

fn believe(
    stance: &Stance,
    learnt: &Learnt,
    known: &[&AirdropSeen],
    over: &BTreeSet<&str>,
    priors: &Priors,
    now: Timestamp,
) -> Result<Opportunity, Invalid> {
    let mut believed = stance.opportunity.clone();
    let (family, category) = (believed.family.clone(), believed.category.clone());
    let of = |belief: Beta, own: Option<Opinion>| match own {
        Some(own) => opinion::probability(&belief, own.said, own.confidence),
        None => Ok(belief),
    };
    believed.drop = of(learnt.drop(&family, &category, now), stance.drop)?;
    believed.eligibility = of(learnt.eligibility(&family, &category, now), stance.eligible)?;
    if !stance.own_timing {
        believed.when = learnt.when(&family, &category, now);
    }
    let since = stance.since.filter(|since| *since <= now);
    believed.waited = since.map_or(0.0, |since| months(now.since(since)));
    let quotes = || known.iter().rev().filter(|seen| seen.family == family);
    match &mut believed.worth {
        Worth::Wallet { value, .. } => *value = learnt.wallet(&family, &category, now),
        Worth::Pool { fdv, .. } => {
            let quoted = quotes().find_map(|seen| match seen.what {
                AirdropFact::PreMarket(value) => Some(dollars(value)),
                _ => None,
            });
            if let Some(quoted) = quoted {
                *fdv = premarket(fdv, quoted, &priors.realised_by_premarket)?;
            }
        }
    }
    if over.contains(family.as_str()) {
        believed.drop = AFTERWARDS;
        believed.waited = 0.0;
        return Ok(believed);
    }
    // The newest odds that still look ahead.
    let odds = quotes().find_map(|seen| match seen.what {
        AirdropFact::TokenBy { odds, days } => {
            let left = in_months(days) - months(now.since(seen.at));
            (left > 0.05).then_some((f64::from(odds.0) / 10_000.0, left))
        }
        _ => None,
    });
    match odds {
        Some((odds, left)) => token_by(&believed, left, odds, WEIGHT_OF_ODDS),
        None => Ok(believed),
    }
}

/// Resolves what is due, and forecasts once a month and family whether the drop comes within the
/// horizon, and what it is worth to the mean wallet. Whether anything changed.
pub(crate) fn forecast(
    log: &mut ForecastLog,
    beliefs: &[Opportunity],
    seen: &[AirdropSeen],
    horizon: f64,
    now: Timestamp,
) -> bool {
    let before = log.clone();
    resolve(log, seen, now);
    let month = now.to_string();
    let month = month.get(..7).unwrap_or_default();
    let mut families = BTreeSet::new();
    for belief in beliefs {
        let family = &belief.family;
        let over = seen.iter().any(|seen| {
            seen.family == *family
                && matches!(seen.what, AirdropFact::Dropped { .. } | AirdropFact::Never)
        });
        if over || !families.insert(family) {
            continue;
        }
        let resolves = now.plus(std::time::Duration::from_secs_f64(horizon * MONTH_SECONDS));
        // One that is there already is not made again: the first word counts.
        let _ = log.add(Forecast {
            id: format!("{family}/{month}/drop"),
            made: now,
            about: format!("the airdrop of {family} comes by {resolves}"),
            said: Said::Probability(belief.drop_within(horizon)),
            resolves,
        });
        let _ = log.add(Forecast {
            id: format!("{family}/{month}/value"),
            made: now,
            about: format!("ln of what the airdrop of {family} is worth to the mean wallet, in $"),
            said: Said::Quantiles(quantiles(belief)),
            resolves: now.plus(std::time::Duration::from_secs_f64(120.0 * MONTH_SECONDS)),
        });
    }
    *log != before
}

const MONTH_SECONDS: f64 = 365.25 / 12.0 * 86_400.0;

/// Quantiles of the logarithm of the mean wallet's drop.
fn quantiles(belief: &Opportunity) -> Vec<(f64, f64)> {
    let amount: &NormalInverseGamma = belief.worth.amount();
    let deviation = amount.predictive_variance().max(1e-12).sqrt();
    let levels = [0.05, 0.25, 0.5, 0.75, 0.95];
    let normal = airdrops_allocation::estimate::normal::quantile;
    levels
        .iter()
        .map(|level| (*level, amount.location + deviation * normal(*level)))
        .collect()
}

fn resolve(log: &mut ForecastLog, seen: &[AirdropSeen], now: Timestamp) {
    let open: Vec<Forecast> = log.open().cloned().collect();
    for forecast in open {
        let Some(family) = forecast.id.split('/').next() else {
            continue;
        };
        let facts = seen.iter();
        let facts =
            facts.filter(|seen| seen.family == family && seen.at > forecast.made && seen.at <= now);
        let mut facts = facts.filter_map(|seen| Some((seen.at, outcome(&forecast.said, seen)?)));
        let resolution = match facts.next() {
            Some((at, outcome)) => {
                // A drop that came too late did not come in time.
                let late = at > forecast.resolves;
                let outcome = match outcome {
                    Outcome::Happened(true) if late => Outcome::Happened(false),
                    outcome => outcome,
                };
                Some(Resolution { at, outcome })
            }
            None => match forecast.said {
                Said::Probability(_) if forecast.resolves <= now => Some(Resolution {
                    at: forecast.resolves,
                    outcome: Outcome::Happened(false),
                }),
                _ => None,
            },
        };
        if let Some(resolution) = resolution {
            // Refused only if it is not of the forecast's kind, which it is.
            let _ = log.resolve(&forecast.id, resolution);
        }
    }
}

fn outcome(said: &Said, seen: &AirdropSeen) -> Option<Outcome> {
    match (said, &seen.what) {
        (Said::Probability(_), AirdropFact::Dropped { .. }) => Some(Outcome::Happened(true)),
        (Said::Probability(_), AirdropFact::Never) => Some(Outcome::Happened(false)),
        (Said::Quantiles(_), AirdropFact::WalletValue(value)) if *value > Usd::ZERO => {
            Some(Outcome::Amount(dollars(*value).ln()))
        }
        _ => None,
    }
}

fn in_months(days: u32) -> f64 {
    f64::from(days) * 86_400.0 / MONTH_SECONDS
}

#[allow(clippy::cast_precision_loss)]
fn dollars(amount: Usd) -> f64 {
    amount.0 as f64 / 1e6
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use airdrops_allocation::estimate::{Haircut, Hazard, Holders, Rule, Timing, hazard::Loss};
    use airdrops_types::{Bps, ChainId, ProtocolId};

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn days_before(days: u64) -> Timestamp {
        NOW.minus(std::time::Duration::from_secs(days * 86_400))
    }

    fn stance(family: &str) -> Stance {
        Stance {
            opportunity: Opportunity {
                id: ProtocolId::from(family),
                family: family.to_owned(),
                category: "dex".to_owned(),
                chain: ChainId(1),
                drop: Beta::from_mean(0.3, 4.0).unwrap(),
                when: Timing::from_median(12.0, 1.0, 4.0).unwrap(),
                waited: 0.0,
                eligibility: Beta::from_mean(0.5, 4.0).unwrap(),
                rule: Rule::SquareRoot,
                presence: 1.0,
                worth: Worth::Wallet {
                    value: NormalInverseGamma::from_median(1_000.0, 1.5, 19.0).unwrap(),
                    mean_points: 45.0,
                },
                dispersion: 0.8,
                haircut: Haircut {
                    lockup_days: 0.0,
                    holders: Holders::BroadSmall,
                    selling: 0.0,
                },
                base_yield: 0.0,
                forgone_yield: 0.0,
                gas: Usd::dollars(5),
                slippage: Bps(10),
                hazard: Hazard {
                    own: 0.01,
                    shared: Vec::new(),
                    loss: Loss::Total,
                },
            },
            since: None,
            drop: None,
            eligible: None,
            own_timing: false,
        }
    }

    fn seen(family: &str, at: Timestamp, what: AirdropFact) -> AirdropSeen {
        AirdropSeen {
            family: family.to_owned(),
            category: "dex".to_owned(),
            at,
            what,
        }
    }

    fn drop_of(stances: &[Stance], seen: &[AirdropSeen]) -> f64 {
        beliefs(stances, seen, NOW).unwrap()[0].drop.mean()
    }

    #[test]
    fn drops_of_others_raise_the_chance_and_refusals_lower_it() {
        let stances = [stance("ours")];
        let plain = drop_of(&stances, &[]);
        let came = seen(
            "theirs",
            days_before(10),
            AirdropFact::Dropped { days: 200 },
        );
        assert!(drop_of(&stances, &[came]) > plain);
        let never = seen("theirs", days_before(10), AirdropFact::Never);
        assert!(drop_of(&stances, &[never]) < plain);
        // What is not yet known counts for nothing.
        let later = NOW.plus(std::time::Duration::from_secs(1));
        let later = seen("theirs", later, AirdropFact::Never);
        assert!((drop_of(&stances, &[later]) - plain).abs() < 1e-12);
    }

    #[test]
    fn the_owners_word_counts_as_much_as_it_is_sure() {
        let mut stances = [stance("ours")];
        let learnt = drop_of(&stances, &[]);
        let mut last = learnt;
        for confidence in [0.3, 0.7, 1.0] {
            let said = 0.9;
            stances[0].drop = Some(Opinion { said, confidence });
            let believed = drop_of(&stances, &[]);
            assert!(believed > last, "{confidence}: {believed} after {last}");
            last = believed;
        }
        assert!((last - 0.9).abs() < 1e-9, "{last}");
    }

    #[test]
    fn a_wait_lowers_the_chance_of_a_drop_soon_and_odds_raise_it() {
        let mut stances = [stance("ours")];
        let soon = |stances: &[Stance], seen: &[AirdropSeen]| {
            beliefs(stances, seen, NOW).unwrap()[0].drop_within(3.0)
        };
        let fresh = soon(&stances, &[]);
        stances[0].since = Some(days_before(700));
        let waited = soon(&stances, &[]);
        assert!(waited < fresh, "{waited} {fresh}");
        let odds = AirdropFact::TokenBy {
            odds: Bps(9_000),
            days: 90,
        };
        let quoted = soon(&stances, &[seen("ours", days_before(1), odds.clone())]);
        assert!(quoted > waited, "{quoted} {waited}");
        // Odds whose day has passed say nothing.
        let old = soon(&stances, &[seen("ours", days_before(120), odds)]);
        assert!((old - waited).abs() < 1e-12, "{old} {waited}");
    }

    #[test]
    fn forecasts_are_made_once_a_month_and_resolved_by_what_was_seen() {
        let believed = beliefs(&[stance("ours"), stance("other")], &[], days_before(30)).unwrap();
        let mut log = ForecastLog::default();
        assert!(forecast(&mut log, &believed, &[], 1.5, days_before(30)));
        assert!(!forecast(&mut log, &believed, &[], 1.5, days_before(30)));
        assert_eq!(log.open().count(), 4);
        let facts = [
            seen("ours", days_before(5), AirdropFact::Dropped { days: 100 }),
            seen(
                "ours",
                days_before(4),
                AirdropFact::WalletValue(Usd::dollars(900)),
            ),
        ];
        assert!(forecast(&mut log, &believed, &facts, 1.5, NOW));
        let outcomes: Vec<Outcome> = log
            .resolved()
            .map(|resolved| resolved.resolution.outcome)
            .collect();
        assert_eq!(
            outcomes,
            [Outcome::Happened(true), Outcome::Amount(900.0_f64.ln())]
        );
        assert!(log.resolved().all(|resolved| resolved.score().is_some()));
        // The time of the other one passes without a drop.
        let later = NOW.plus(std::time::Duration::from_secs(60 * 86_400));
        forecast(&mut log, &believed, &facts, 1.5, later);
        let missed = log.resolved().filter(|resolved| {
            resolved.forecast.id.starts_with("other/")
                && resolved.resolution.outcome == Outcome::Happened(false)
        });
        assert!(missed.count() >= 1);
    }
}
