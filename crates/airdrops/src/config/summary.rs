//! What a configuration would do, in words: the answer of `config check`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use airdrops_runtime::Planning;
use airdrops_runtime::settings::Mode;
use airdrops_scheduler::{TaskDef, Trigger};
use airdrops_types::{AmountSpec, AssetId, Bps, Work};
use serde_json::{Value, json};

use super::Loaded;
use super::unit::duration_text;
use crate::breaker_steps;

/// A trigger in words.
#[must_use]
pub fn trigger_text(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Cron { expression, zone } => format!("at `{expression}` in {zone}"),
        Trigger::Interval { every, first } => match first {
            Some(first) => format!("every {} from {first}", duration_text(*every)),
            None => format!("every {}", duration_text(*every)),
        },
        Trigger::Date { at } => format!("once at {at}"),
        Trigger::Once => "once, as soon as it is seen".into(),
        other => other.definition(),
    }
}

/// What a task does, in words.
#[must_use]
pub fn work_text(work: &Work) -> String {
    match work {
        Work::Act(acts) => format!(
            "{} {} at {}",
            acts.action.verb(),
            amount_text(&acts.amount),
            acts.protocol
        ),
        Work::Campaign(campaign) => format!("run campaign {campaign}"),
        Work::Nothing => "nothing".into(),
    }
}

/// An amount in words.
#[must_use]
pub fn amount_text(amount: &AmountSpec) -> String {
    match amount {
        AmountSpec::Target => "up to the target".into(),
        AmountSpec::All => "all".into(),
        AmountSpec::Share(share) => share.to_string(),
        AmountSpec::Exact(amount) => amount.clone(),
    }
}

/// The mode as the file writes it.
#[must_use]
pub fn mode_text(mode: Mode) -> &'static str {
    match mode {
        Mode::Demo => "demo",
        Mode::Paper => "paper",
        Mode::Live => "live",
    }
}

/// What would run, as text.
#[must_use]
pub fn text(loaded: &Loaded) -> String {
    let settings = &loaded.settings;
    let policy = &settings.policy;
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{} is valid: {} mode, a look every {}, database {}",
        loaded.source.name,
        mode_text(settings.mode),
        duration_text(settings.tick),
        loaded.database
    );
    let _ = writeln!(out, "\nChains");
    for chain in &settings.chains {
        let endpoint = if loaded.rpc.contains_key(&chain.id) {
            "endpoint set"
        } else {
            "no endpoint"
        };
        let ceiling = policy.gas_ceilings.get(&chain.id).copied().unwrap_or(0);
        let _ = writeln!(
            out,
            "  {} (id {}): {endpoint}, {} confirmations, nothing above {} base fee",
            chain.name,
            chain.id,
            chain.confirmations,
            gwei(ceiling)
        );
    }
    let _ = writeln!(out, "\nWallets");
    for wallet in &loaded.wallets {
        let key = match &wallet.keystore {
            Some(path) if settings.mode == Mode::Live => {
                format!("{}, passphrase: {}", path.display(), wallet.passphrase)
            }
            _ => "paper account".into(),
        };
        let _ = writeln!(out, "  {} {}: {key}", wallet.name, wallet.address);
    }
    let _ = writeln!(out, "\nLimits, as shares of equity");
    let _ = writeln!(
        out,
        "  protocol {}, asset {}, transaction {}, loss in 24 h {}; fee {}; smallest change {}",
        policy.protocol_limit,
        policy.asset_limit,
        policy.transaction_limit,
        policy.rolling_loss_limit,
        policy.fee_limit,
        settings.min_change
    );
    for (asset, limit) in &policy.asset_limits {
        let _ = writeln!(out, "  asset {asset}: {limit}");
    }
    for (family, limit) in &policy.protocol_limits {
        let _ = writeln!(out, "  protocol {family}: {limit}");
    }
    out.push_str(&watched_text(loaded));
    out.push_str(&breakers_text(loaded));
    if let Some(planning) = &settings.planning {
        out.push_str(&planning_text(planning));
    }
    let allocated: u32 = settings.weights.iter().map(|(_, weight)| weight.0).sum();
    if settings.planning.is_none() {
        let _ = writeln!(out, "\nAllocation: {} of equity", Bps(allocated));
    }
    for (protocol, weight) in &settings.weights {
        let _ = writeln!(out, "  {protocol}: {weight}");
    }
    for campaign in &settings.campaigns {
        let _ = writeln!(
            out,
            "\nCampaign {}: {}",
            campaign.id,
            trigger_text(&campaign.trigger)
        );
        for task in &campaign.tasks {
            let after = if task.after.is_empty() {
                String::new()
            } else {
                let names: Vec<&str> = task.after.iter().map(|edge| edge.task.as_str()).collect();
                format!(", after {}", names.join(", "))
            };
            let _ = writeln!(
                out,
                "  {}: {}{after}",
                task.name,
                work_text(&task.spec.work)
            );
        }
    }
    if settings.campaigns.is_empty() {
        let _ = writeln!(out, "\nNo campaigns: nothing would be done.");
    }
    out
}

/// What is watched, and who is asked.
fn watched_text(loaded: &Loaded) -> String {
    let settings = &loaded.settings;
    let mut out = String::from("\nWatched\n");
    let mut voices: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for feed in &settings.feeds {
        let of_asset = voices.entry(feed.asset.as_str()).or_default();
        of_asset.insert(&feed.source);
    }
    let services = asked(loaded);
    for (name, asked) in &services {
        if name.tells_prices {
            for asset in asked {
                voices.entry(asset).or_default().insert(name.name);
            }
        } else {
            let about = asked
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            let _ = writeln!(out, "  {}: {about}", name.name);
        }
    }
    for (asset, voices) in voices {
        let voices = voices.into_iter().collect::<Vec<_>>().join(", ");
        let _ = writeln!(out, "  price of {asset}: {voices}");
    }
    let depeg = &settings.monitor.breakers.depeg;
    for asset in depeg.pegs.keys() {
        let _ = writeln!(
            out,
            "  peg of {asset}: caution from {} for {}, reduced from {} for {}, halted from {} for {}",
            depeg.warn.deviation,
            duration_text(depeg.warn.lasting),
            depeg.reduce.deviation,
            duration_text(depeg.reduce.lasting),
            depeg.halt.deviation,
            duration_text(depeg.halt.lasting)
        );
    }
    let _ = writeln!(
        out,
        "  {} contracts, every {}",
        settings.watched.len(),
        duration_text(settings.contract_period)
    );
    out
}

/// When work stops, and when it goes on.
fn breakers_text(loaded: &Loaded) -> String {
    let monitor = &loaded.settings.monitor;
    let mut out = String::from("\nBreakers\n");
    for step in breaker_steps::of(monitor) {
        let _ = writeln!(
            out,
            "  {}: {}: {}; ended by {}",
            step.breaker,
            step.when,
            step.state,
            step.ended_by()
        );
    }
    out
}

/// A service.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Service<'a> {
    name: &'a str,
    tells_prices: bool,
}

/// The services, and what each is asked about.
fn asked(loaded: &Loaded) -> BTreeMap<Service<'_>, Vec<String>> {
    let mut found = BTreeMap::new();
    let Some(market) = &loaded.market else {
        return found;
    };
    let mut add = |name, tells_prices, about: Vec<String>| {
        found.insert(Service { name, tells_prices }, about);
    };
    let assets = |assets: Vec<&AssetId>| assets.iter().map(ToString::to_string).collect();
    if let Some(source) = &market.coingecko {
        add("coingecko", true, assets(source.ids.keys().collect()));
    }
    if let Some(source) = &market.pyth {
        add("pyth", true, assets(source.feeds.keys().collect()));
    }
    if let Some(source) = &market.binance {
        add("binance", true, assets(source.symbols.keys().collect()));
    }
    if let Some(source) = &market.llama_prices {
        add("defillama", true, assets(source.keys.keys().collect()));
    }
    if let Some(source) = &market.deribit {
        let currencies = source.currencies.keys();
        let about = currencies.map(|asset| format!("volatility of {asset}"));
        add("deribit", false, about.collect());
    }
    if let Some(source) = &market.llama_protocols {
        let families = source.slugs.keys();
        let about = families.map(|family| format!("value locked in {family}"));
        add("defillama:tvl", false, about.collect());
    }
    if let Some(source) = &market.goplus {
        let tokens: usize = source.tokens.values().map(BTreeSet::len).sum();
        let about = format!("the contracts of {tokens} tokens");
        add("goplus", false, vec![about]);
    }
    for feed in &market.feeds {
        add(&feed.name, false, vec!["incidents".into()]);
    }
    found
}

fn task_json(task: &TaskDef) -> Value {
    let mut value = json!({
        "name": task.name,
        "after": task.after.iter().map(|edge| &edge.task).collect::<Vec<_>>(),
        "critical": task.spec.critical,
    });
    if let Work::Act(acts) = &task.spec.work {
        value["action"] = json!(acts.action.verb());
        value["protocol"] = json!(acts.protocol);
        value["wallet"] = json!(acts.wallet);
        value["amount"] = json!(amount_text(&acts.amount));
    }
    value
}

/// What would run, as JSON. Holds no secret.
#[must_use]
pub fn json(loaded: &Loaded) -> Value {
    let settings = &loaded.settings;
    let campaign = |campaign: &airdrops_scheduler::Campaign| {
        json!({
            "name": campaign.id,
            "trigger": trigger_text(&campaign.trigger),
            "tasks": campaign.tasks.iter().map(task_json).collect::<Vec<_>>(),
        })
    };
    json!({
        "file": loaded.source.name,
        "valid": true,
        "mode": mode_text(settings.mode),
        "tick": duration_text(settings.tick),
        "database": loaded.database.to_string(),
        "chains": settings.chains.iter().map(|chain| json!({
            "name": chain.name,
            "id": chain.id,
            "endpoint": loaded.rpc.contains_key(&chain.id),
        })).collect::<Vec<_>>(),
        "wallets": loaded.wallets.iter().map(|wallet| json!({
            "name": wallet.name,
            "address": wallet.address,
            "keystore": wallet.keystore,
        })).collect::<Vec<_>>(),
        "strategy": settings.planning.as_ref().map(|planning| &planning.mandate.strategy),
        "weights_bps": settings.weights.iter()
            .map(|(protocol, weight)| (protocol.to_string(), json!(weight)))
            .collect::<serde_json::Map<_, _>>(),
        "watched": settings.watched.iter().map(|watched| json!({
            "chain": watched.chain,
            "contract": watched.contract,
            "protocol": watched.protocol,
        })).collect::<Vec<_>>(),
        "sources": asked(loaded).into_iter()
            .map(|(service, about)| (service.name.to_owned(), json!(about)))
            .collect::<serde_json::Map<_, _>>(),
        "breakers": breaker_steps::of(&settings.monitor).into_iter().map(|step| json!({
            "breaker": step.breaker,
            "when": step.when,
            "state": step.state,
            "cleared_by": step.clearing.by,
            "cool_down_seconds": breaker_steps::cool_down_seconds(step.clearing),
        })).collect::<Vec<_>>(),
        "campaigns": settings.campaigns.iter().map(campaign).collect::<Vec<_>>(),
        "warnings": loaded.source.located(&loaded.warnings),
    })
}

fn gwei(wei: u128) -> String {
    let fraction = format!("{:09}", wei % 1_000_000_000);
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    format!("{}{dot}{fraction} gwei", wei / 1_000_000_000)
}

/// The strategy, and what the owner says of each opportunity.
fn planning_text(planning: &Planning) -> String {
    let mandate = &planning.mandate;
    let mut out = format!(
        "\nStrategy {}: {:.1} months, {} cash, positions of at least {}, {} for exploration\n",
        mandate.strategy,
        mandate.horizon,
        mandate.reserve,
        mandate.min_position,
        mandate.exploration
    );
    for stance in &planning.opportunities {
        let said = stance.drop.map_or_else(
            || "as learnt".to_owned(),
            |own| {
                format!(
                    "{:.0} %, {:.0} % sure",
                    own.said * 100.0,
                    own.confidence * 100.0
                )
            },
        );
        let _ = writeln!(out, "  {}: drop {said}", stance.opportunity.id);
    }
    out
}
