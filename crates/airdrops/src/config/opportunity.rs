//! How capital is allocated by what is believed of airdrops.

use std::collections::BTreeSet;
use std::time::Duration;

use airdrops_allocation::estimate::hazard::Loss;
use airdrops_allocation::estimate::{
    Beta, Haircut, Hazard, Holders, Invalid, NormalInverseGamma, Opportunity, Priors, Rule, Share,
    Timing, Worth,
};
use airdrops_allocation::plan::Mandate;
use airdrops_allocation::rebalance::Policy as Triggers;
use airdrops_protocols::ProtocolConfig;
use airdrops_runtime::learning::{Opinion, Stance};
use airdrops_runtime::planning::{Planning, takes_capital};
use airdrops_types::{Address, Bps, Usd};

use super::keys;
use super::protocol::Protocols;
use super::reader::{At, Reader};
use super::resolve::Names;
use super::section::Section;

const DAY: f64 = 86_400.0;
const MONTH: f64 = 365.25 / 12.0 * DAY;

/// Wallets that had a median drop differ from what their points say by about so much: between what
/// was measured within `LayerZero`'s drop (0.67) and Uniswap's (0.89).
const DISPERSION: f64 = 0.8;

/// A belief of the owner is worth so many observations.
const OBSERVATIONS: f64 = 4.0;

/// The strategy and the opportunities of a file; `None` if there are none.
pub(super) fn read(
    reader: &Reader<'_>,
    root: &Section<'_>,
    wallets: &Names<Address>,
    protocols: &Protocols,
) -> Option<Planning> {
    let strategy = root.table("strategy");
    let sections = root.tables("opportunity");
    if sections.is_empty() {
        if let Some(strategy) = &strategy {
            reader.error(
                strategy.span.clone(),
                "there is no [[opportunity]] to allocate to",
                "add one per protocol in which capital may lie, or remove [strategy]",
            );
        }
        return None;
    }
    if root.has("allocation") {
        reader.error(
            root.span_of("allocation"),
            "[[allocation]] has fixed weights, and [[opportunity]] lets the strategy decide",
            "keep one of the two",
        );
    }
    let absent = Section::absent(reader, &keys::STRATEGY);
    let strategy = strategy.as_ref().unwrap_or(&absent);
    let mandate = mandate(strategy);
    let priors = match Priors::built_in() {
        Ok(priors) => priors,
        Err(error) => {
            let message = format!("the priors cannot be fitted: {error}");
            reader.error(strategy.span.clone(), message, "");
            return None;
        }
    };
    let mut opportunities: Vec<Stance> = Vec::new();
    let mut seen = BTreeSet::new();
    for section in sections {
        let Some(config) = section
            .name("protocol")
            .and_then(|reference| Some((protocols.names.find(reader, &reference)?, reference)))
        else {
            continue;
        };
        let (config, reference): (&ProtocolConfig, At<String>) = config;
        if !takes_capital(config) {
            let message = format!("capital cannot lie in `{}` by itself", config.id);
            let help = "name a vault or a pool; what is staked or claimed follows from it";
            reader.error(reference.span(), message, help);
            continue;
        }
        if !seen.insert(config.id.clone()) {
            let message = format!("protocol `{}` has two opportunities", config.id);
            reader.error(reference.span(), message, "remove one of them");
            continue;
        }
        let read = Place {
            section: &section,
            config,
            priors: &priors,
        };
        let opportunity = match read.opportunity() {
            Ok(opportunity) => opportunity,
            Err(error) => {
                reader.error(section.span.clone(), error.to_string(), "");
                continue;
            }
        };
        let mut together: Vec<Opportunity> = opportunities
            .iter()
            .map(|stance| stance.opportunity.clone())
            .collect();
        together.push(opportunity.clone());
        if let Err(error) = Opportunity::check_all(&together, &mandate.world) {
            reader.error(section.span.clone(), error.to_string(), "");
            continue;
        }
        let stance = read.stance(opportunity);
        let word = |stance: &Stance| (stance.since, stance.drop, stance.own_timing);
        let sibling = opportunities
            .iter()
            .find(|other| other.opportunity.family == stance.opportunity.family);
        if let Some(sibling) = sibling.filter(|sibling| word(sibling) != word(&stance)) {
            let message = format!(
                "`{}` and `{}` are of one family and have one token, but `drop`, `confidence`, `since` \
                 or `expected_in` differ",
                sibling.opportunity.id, stance.opportunity.id
            );
            reader.error(section.span.clone(), message, "give both the same");
            continue;
        }
        opportunities.push(stance);
    }
    let default = Triggers::default();
    let triggers = Triggers {
        drift: share(strategy, "drift").unwrap_or(default.drift),
        interval: strategy.duration("every").unwrap_or(default.interval),
        ..default
    };
    Some(Planning {
        mandate,
        triggers,
        opportunities,
        wallet: strategy
            .name("wallet")
            .and_then(|wallet| wallets.find(reader, &wallet).copied()),
    })
}

fn share(section: &Section<'_>, name: &'static str) -> Option<Bps> {
    section.percent(name).map(At::into_inner)
}

fn mandate(section: &Section<'_>) -> Mandate {
    let default = Mandate::default();
    let whole = |name| section.integer(name).map(At::into_inner);
    let count = |name| whole(name).and_then(|count| usize::try_from(count).ok());
    let drawdown = (
        share(section, "drawdown"),
        share(section, "drawdown_chance"),
    );
    Mandate {
        strategy: section
            .choice("name")
            .map_or(default.strategy, |name| name.into_inner().to_owned()),
        horizon: section.duration("horizon").map_or(default.horizon, months),
        scenarios: count("scenarios").unwrap_or(default.scenarios),
        reserve: share(section, "reserve").unwrap_or(default.reserve),
        min_position: share(section, "min_position").unwrap_or(default.min_position),
        max_positions: count("max_positions"),
        fraction: share(section, "kelly_fraction"),
        drawdown: match drawdown {
            (None, None) => default.drawdown,
            (most, chance) => {
                let most = most.unwrap_or(Bps(3_000));
                Some((Bps(Bps::WHOLE.0 - most.0), chance.unwrap_or(Bps(1_000))))
            }
        },
        exploration: share(section, "exploration").unwrap_or(default.exploration),
        #[allow(clippy::cast_precision_loss)]
        risk_aversion: whole("risk_aversion").map_or(default.risk_aversion, |of| of as f64),
        ..default
    }
}

fn months(duration: Duration) -> f64 {
    duration.as_secs_f64() / MONTH
}

fn fraction(bps: Bps) -> f64 {
    f64::from(bps.0) / 10_000.0
}

#[allow(clippy::cast_precision_loss)]
fn dollars(amount: Usd) -> f64 {
    amount.0 as f64 / 1e6
}

/// One `[[opportunity]]`.
struct Place<'a> {
    section: &'a Section<'a>,
    config: &'a ProtocolConfig,
    priors: &'a Priors,
}

impl Place<'_> {
    fn stance(&self, opportunity: Opportunity) -> Stance {
        let section = self.section;
        let confidence = share(section, "confidence").map_or(0.8, fraction);
        let opinion = |name| {
            let said = share(section, name).map(fraction)?;
            Some(Opinion { said, confidence })
        };
        Stance {
            since: section.instant("since").map(At::into_inner),
            drop: opinion("drop"),
            eligible: opinion("eligible"),
            own_timing: section.has("expected_in"),
            opportunity,
        }
    }

    fn opportunity(&self) -> Result<Opportunity, Invalid> {
        let section = self.section;
        let part = |name, default| share(section, name).map_or(default, fraction);
        let expected = section.duration("expected_in").map_or(12.0, months);
        let rule = self.rule();
        Ok(Opportunity {
            id: self.config.id.clone(),
            family: self.config.family.clone(),
            category: section
                .choice("category")
                .map_or("other", At::into_inner)
                .to_owned(),
            chain: self.config.chain,
            drop: Beta::from_mean(part("drop", 0.3), OBSERVATIONS)?,
            when: Timing::from_median(expected, 1.0, OBSERVATIONS)?,
            waited: 0.0,
            eligibility: Beta::from_mean(part("eligible", 0.5), OBSERVATIONS)?,
            worth: self.worth(&rule)?,
            rule,
            presence: 1.0,
            dispersion: DISPERSION,
            haircut: Haircut {
                lockup_days: section
                    .duration("lockup")
                    .map_or(0.0, |lockup| lockup.as_secs_f64() / DAY),
                holders: Holders::BroadSmall,
                selling: 0.02,
            },
            base_yield: part("yield", 0.0),
            forgone_yield: part("forgone", 0.0),
            gas: section.dollars("gas").unwrap_or(Usd::dollars(10)),
            slippage: share(section, "slippage").unwrap_or(Bps(10)),
            hazard: Hazard {
                own: part("hazard", 0.02),
                shared: Vec::new(),
                loss: Loss::Total,
            },
        })
    }

    fn rule(&self) -> Rule {
        let unit = self.mean_position();
        match self.section.choice("rule").map(At::into_inner) {
            Some("pro-rata") => Rule::ProRata,
            Some("logarithmic") => Rule::Logarithmic { unit },
            Some("flat") => Rule::Flat {
                minimum: Usd(unit.0 / 10),
            },
            _ => Rule::SquareRoot,
        }
    }

    fn mean_position(&self) -> Usd {
        let given = self.section.dollars("mean_position");
        given.unwrap_or(Usd::dollars(2_000))
    }

    fn worth(&self, rule: &Rule) -> Result<Worth, Invalid> {
        let fdv = self.section.dollars("fdv");
        let others = self.section.dollars("others");
        match (fdv, others) {
            (Some(fdv), Some(others)) => Ok(Worth::Pool {
                // As uncertain as fully diluted values at the claim were.
                fdv: NormalInverseGamma::from_median(
                    dollars(fdv),
                    self.priors.fdv.log_deviation,
                    4.0,
                )?,
                share: share(self.section, "share")
                    .map_or(Share::HISTORICAL, |share| Share::Known(fraction(share))),
                dilution: 0.0,
                others: dollars(others),
            }),
            (None, None) => {
                if self.section.has("share") {
                    return Err(Invalid::new("share", "needs `fdv` and `others` beside it"));
                }
                let points = rule.points(dollars(self.mean_position()));
                Ok(self.priors.wallet(points.max(1e-6)))
            }
            (Some(_), None) => Err(Invalid::new(
                "fdv",
                "needs `others`: what others have there",
            )),
            (None, Some(_)) => Err(Invalid::new(
                "others",
                "needs `fdv`: what the token is worth",
            )),
        }
    }
}
