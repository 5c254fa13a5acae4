//! What a configuration would do, in words: the answer of `config check`.

use std::fmt::Write as _;

use airdrops_runtime::settings::Mode;
use airdrops_scheduler::Trigger;
use airdrops_types::{AmountSpec, Bps};
use serde_json::{Value, json};

use super::Loaded;
use super::unit::duration_text;

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
        loaded.database.display()
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
    let allocated: u32 = settings.weights.iter().map(|(_, weight)| weight.0).sum();
    let _ = writeln!(out, "\nAllocation: {} of equity", Bps(allocated));
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
                format!(", after {}", task.after.join(", "))
            };
            let _ = writeln!(
                out,
                "  {}: {} {} at {}{after}",
                task.name,
                task.assignment.action.verb(),
                amount_text(&task.assignment.amount),
                task.assignment.protocol
            );
        }
    }
    if settings.campaigns.is_empty() {
        let _ = writeln!(out, "\nNo campaigns: nothing would be done.");
    }
    out
}

/// What would run, as JSON. Holds no secret.
#[must_use]
pub fn json(loaded: &Loaded) -> Value {
    let settings = &loaded.settings;
    let campaign = |campaign: &airdrops_scheduler::Campaign| {
        json!({
            "name": campaign.id,
            "trigger": trigger_text(&campaign.trigger),
            "tasks": campaign.tasks.iter().map(|task| json!({
                "name": task.name,
                "action": task.assignment.action.verb(),
                "protocol": task.assignment.protocol,
                "wallet": task.assignment.wallet,
                "amount": amount_text(&task.assignment.amount),
                "after": task.after,
                "critical": task.critical,
            })).collect::<Vec<_>>(),
        })
    };
    json!({
        "file": loaded.source.name,
        "valid": true,
        "mode": mode_text(settings.mode),
        "tick": duration_text(settings.tick),
        "database": loaded.database.display().to_string(),
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
        "weights_bps": settings.weights.iter()
            .map(|(protocol, weight)| (protocol.to_string(), json!(weight)))
            .collect::<serde_json::Map<_, _>>(),
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
