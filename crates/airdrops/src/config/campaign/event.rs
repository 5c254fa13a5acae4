//! What happens, where a campaign runs because something happens.

use airdrops_scheduler::{EventSource, Measure, MeasureCondition};
use airdrops_types::{AssetId, CampaignId, Conditions};

use super::super::diagnostic::suggestion;
use super::super::reader::{At, Reader};
use super::super::section::Section;
use super::super::unit;
use super::World;

/// The keys that each are an event.
const EVENTS: [&str; 8] = [
    "log",
    "price",
    "base_fee",
    "volatility",
    "campaign",
    "opportunity",
    "plan",
    "event",
];

/// Thousandths of a point in a point of the volatility index.
const POINT: usize = 3;

pub(super) fn read(
    reader: &Reader<'_>,
    section: &Section<'_>,
    world: &World<'_>,
    campaigns: &mut Vec<At<String>>,
) -> Option<EventSource> {
    let log = section
        .table("log")
        .and_then(|section| log(reader, &section, world));
    let condition = condition(reader, section, world);
    let campaign = section.name("campaign");
    let task = section.name("task");
    let endings = section.choices("endings");
    let named = section.name("event");
    let (opportunity, plan) = (section.flag("opportunity"), section.flag("plan"));
    let given: Vec<&str> = EVENTS.into_iter().filter(|key| section.has(key)).collect();
    match given.as_slice() {
        [_] => {}
        [] => {
            let help = format!("give it one of {}", EVENTS.join(", "));
            reader.error(section.span.clone(), "`on` says nothing that happens", help);
            return None;
        }
        [_, second, ..] => {
            let message = format!("`on` waits for one thing, this has {}", given.join(" and "));
            let help =
                "remove all but one; for several, write any = [{ on = { … } }, { on = { … } }]";
            reader.error(section.span_of(second), message, help);
            return None;
        }
    }
    for key in ["task", "endings"] {
        if section.has(key) && !section.has("campaign") {
            let message = format!("`{key}` means nothing without `campaign`");
            reader.error(section.span_of(key), message, "add `campaign`");
        }
    }
    for (key, on) in [("opportunity", opportunity), ("plan", plan)] {
        if on == Some(false) {
            let message = format!("`{key} = false` never happens");
            reader.error(section.span_of(key), message, format!("write {key} = true"));
        }
    }
    let on = Conditions::parse(endings.iter().map(|ending| ending.get_ref().as_str()));
    if let Some(campaign) = campaign {
        campaigns.push(campaign.clone());
        return Some(EventSource::Task {
            campaign: CampaignId::new(campaign.into_inner()),
            task: task.map(At::into_inner),
            on: on.unwrap_or_default(),
        });
    }
    log.or(condition)
        .or_else(|| {
            named.map(|name| EventSource::Named {
                name: name.into_inner(),
            })
        })
        .or_else(|| opportunity.map(|_| EventSource::Opportunity))
        .or_else(|| plan.map(|_| EventSource::Plan))
}

fn log(reader: &Reader<'_>, section: &Section<'_>, world: &World<'_>) -> Option<EventSource> {
    let chain = section
        .name("chain")
        .and_then(|chain| world.chains.find(reader, &chain).copied());
    let address = section.address("address");
    let topics = section.topics("topics");
    let confirmations = section.integer("confirmations").map(At::into_inner);
    if let Some(fifth) = topics.get(4) {
        let help = "leave the rest out: a log has at most 4";
        reader.error(fifth.span(), "more than 4 topics", help);
    }
    let chain = chain?;
    let usual = world.confirmations.get(&chain).copied().unwrap_or(1).max(1);
    Some(EventSource::Log {
        chain,
        address: address?.into_inner(),
        topics: topics.into_iter().map(At::into_inner).collect(),
        confirmations: confirmations.unwrap_or(usual),
    })
}

/// In which unit a measure's values are written.
#[derive(Clone, Copy)]
enum Unit {
    Dollars,
    PerGas,
    Points,
}

impl Unit {
    fn parse(self, text: &str) -> Result<i128, String> {
        let value = match self {
            Self::Dollars => unit::dollars(text).map(|value| value.0)?,
            Self::PerGas => {
                i128::try_from(unit::fee_rate(text)?).map_err(|_| "is too large".to_owned())?
            }
            Self::Points => unit::decimal(text, POINT)?,
        };
        if value <= 0 {
            return Err("must be more than zero".into());
        }
        Ok(value)
    }
}

fn condition(reader: &Reader<'_>, section: &Section<'_>, world: &World<'_>) -> Option<EventSource> {
    let price = section.name("price");
    let base_fee = section.name("base_fee");
    let volatility = section.flag("volatility");
    let (unit, measure) = if let Some(asset) = &price {
        let name = asset.get_ref().as_str();
        if !world.assets.contains(name) {
            let known = world.assets.iter().map(String::as_str);
            let help = suggestion(name, known, "asset");
            reader.error(asset.span(), format!("unknown asset `{name}`"), help);
        }
        (Unit::Dollars, Some(Measure::Price(AssetId::from(name))))
    } else if let Some(chain) = &base_fee {
        let chain = world.chains.find(reader, chain).copied();
        (Unit::PerGas, chain.map(Measure::BaseFee))
    } else {
        (Unit::Points, volatility.map(|_| Measure::Volatility))
    };
    let above = section.measured("above", |text| unit.parse(text));
    let below = section.measured("below", |text| unit.parse(text));
    let release = section.measured("release", |text| unit.parse(text));
    let lasting = section.duration("lasting");
    let measured = price.is_some() || base_fee.is_some() || volatility.is_some();
    if !measured {
        for key in ["above", "below", "release", "lasting"] {
            if section.has(key) {
                let message = format!("`{key}` means nothing without something that is measured");
                let help = "add price = \"ETH\", base_fee = \"mainnet\" or volatility = true";
                reader.error(section.span_of(key), message, help);
            }
        }
        return None;
    }
    let (above, threshold) = match (above, below) {
        (Some(threshold), None) => (true, threshold),
        (None, Some(threshold)) => (false, threshold),
        (Some(_), Some(second)) => {
            let help = "remove one; for both, write any = [{ on = { … } }, { on = { … } }]";
            reader.error(second.span(), "a condition is `above` or `below`", help);
            return None;
        }
        (None, None) => {
            if !section.has("above") && !section.has("below") {
                let help = "add above = \"…\" or below = \"…\"";
                let message = "the condition has no threshold";
                reader.error(section.span.clone(), message, help);
            }
            return None;
        }
    };
    let threshold = threshold.into_inner();
    let past = |release: i128| {
        if above {
            release > threshold
        } else {
            release < threshold
        }
    };
    if let Some(release) = release.as_ref().filter(|it| past(*it.get_ref())) {
        let (side, other) = if above {
            ("above", "at or below")
        } else {
            ("below", "at or above")
        };
        reader.error(
            release.span(),
            format!("`release` is {side} the threshold: it would never fire a second time"),
            format!("set it {other} the threshold"),
        );
    }
    Some(EventSource::Condition(MeasureCondition {
        measure: measure?,
        above,
        threshold,
        release: release.map_or(threshold, At::into_inner),
        lasting: lasting.unwrap_or_default(),
    }))
}
