//! `campaign run`: one run now, or what it would do.

use std::collections::BTreeSet;

use airdrops_store::{Access, TaskFilter};
use airdrops_types::{Command, Scope, TaskSpec, Trip};
use serde_json::json;

use super::{describe, known};
use crate::cli::Global;
use crate::command::{Opened, asked};
use crate::exit::{Exit, Failure};
use crate::narrate;

/// Makes one run now; with `dry_run` says what it would do and what is in its way.
pub(super) fn run(global: &Global, name: &str, dry_run: bool) -> Result<(), Failure> {
    let access = if dry_run {
        Access::ReadOnly
    } else {
        Access::Operator
    };
    let opened = crate::command::open(global, access)?;
    let known = known::one(&opened, name)?;
    if dry_run {
        return would_run(global, &opened, &known);
    }
    let command = Command::Run {
        campaign: known.campaign.id.clone(),
    };
    let asked = asked::ask(opened.store.as_ref(), &command, None)?;
    let paused = match known.paused() {
        Some(reason) => format!(" It is paused ({reason}); this one run is made all the same."),
        None => String::new(),
    };
    crate::command::answer(
        global,
        &format!("Run {name}: {}{paused}", asked.text()),
        &json!({ "campaign": name, "asked": asked.json() }),
    );
    Ok(())
}

fn would_run(global: &Global, opened: &Opened, known: &known::Known) -> Result<(), Failure> {
    let campaign = &known.campaign;
    let (trips, _) = opened.store.control()?;
    let names = opened.chain_names();
    let filter = TaskFilter {
        campaign: Some(campaign.id.clone()),
        ..TaskFilter::open()
    };
    let open: BTreeSet<u64> = opened
        .store
        .tasks(filter)?
        .iter()
        .map(|it| it.run)
        .collect();
    let most = usize::try_from(campaign.max_instances).unwrap_or(usize::MAX);
    let mut text = format!("One run of {} would have:\n", campaign.id);
    let mut tasks = Vec::new();
    for task in &campaign.tasks {
        let holds = holds(opened, &task.spec, &trips, &names);
        text.push_str(&format!("  {}: {}\n", task.name, describe::task_text(task)));
        for hold in &holds {
            text.push_str(&format!("    held: {hold}\n"));
        }
        tasks.push(json!({ "name": task.name, "does": describe::task_text(task), "held": holds }));
    }
    let mut waits: Vec<String> = Vec::new();
    if open.len() >= most {
        let runs: Vec<String> = open.iter().map(|run| format!("#{run}")).collect();
        waits.push(format!(
            "{} of at most {most} runs are open: {}",
            open.len(),
            runs.join(", ")
        ));
    }
    for wait in &waits {
        text.push_str(&format!("In its way: {wait}\n"));
    }
    text.push_str(
        "Amounts are fixed when a task may start; limits, prices and gas are asked then: \
         `airdrops once --dry-run` asks them now for what is due.\n",
    );
    crate::command::answer(
        global,
        &text,
        &json!({ "campaign": campaign.id, "tasks": tasks, "in_its_way": waits }),
    );
    Err(Failure::quiet(Exit::WouldChange))
}

/// The stops that cover a task.
fn holds(
    opened: &Opened,
    spec: &TaskSpec,
    trips: &[Trip],
    names: &narrate::ChainNames,
) -> Vec<String> {
    let has = |kind: &str, name: &str| {
        let key = format!("{kind}:{name}");
        spec.keys.iter().any(|it| it.eq_ignore_ascii_case(&key))
    };
    let assets = |asset: &str| -> bool {
        let settings = opened.loaded.as_ref().map(|loaded| &loaded.settings);
        let under = settings.map(|settings| &settings.monitor.assets_of);
        under.is_some_and(|under| {
            under.iter().any(|(protocol, assets)| {
                has("protocol", protocol.as_str()) && assets.iter().any(|it| it.as_str() == asset)
            })
        })
    };
    let covering = trips.iter().filter(|trip| match &trip.scope {
        Scope::Everything => true,
        Scope::Chain(chain) => has("chain", &chain.to_string()),
        Scope::Protocol(protocol) => has("protocol", protocol.as_str()),
        Scope::Wallet(wallet) => has("wallet", &wallet.to_string()),
        Scope::Asset(asset) => assets(asset.as_str()),
    });
    covering
        .map(|trip| {
            format!(
                "{} is {} by {}: {}",
                narrate::scope_text(names, &trip.scope),
                trip.state,
                trip.breaker,
                trip.evidence
            )
        })
        .collect()
}
