//! `campaign backfill`: runs for instants that are over.

use airdrops_store::Access;
use airdrops_types::{Command, Timestamp};
use serde_json::json;

use super::{fires, known};
use crate::cli::Global;
use crate::command::asked;
use crate::exit::{Exit, Failure};

/// Most runs of one back-fill.
const MOST: usize = 10_000;

/// Instants that are shown.
const SHOWN: usize = 20;

/// Makes one run for each instant of the trigger in `span`, both ends included.
pub(super) fn backfill(
    global: &Global,
    name: &str,
    (from, to): (Timestamp, Timestamp),
    dry_run: bool,
) -> Result<(), Failure> {
    if from > to {
        let message = format!("--from {from} is later than --to {to}: swap them");
        return Err(Failure::new(Exit::Usage, message));
    }
    let access = if dry_run {
        Access::ReadOnly
    } else {
        Access::Operator
    };
    let opened = crate::command::open(global, access)?;
    let known = known::one(&opened, name)?;
    if let Some(when) = fires::without_instants(&known.campaign.trigger) {
        return Err(Failure::failed(format!(
            "Campaign {name} fires {when}: it has no instants to make up for. \
             `airdrops campaign run {name}` makes one run."
        )));
    }
    let seen = known.first_seen(crate::command::now());
    let before = Timestamp(from.0.saturating_sub(1));
    let instants = fires::between(&known.campaign, before, to, seen, MOST + 1);
    if instants.len() > MOST {
        return Err(Failure::failed(format!(
            "More than {MOST} instants from {from} to {to}: make it several back-fills."
        )));
    }
    if instants.is_empty() {
        return Err(Failure::failed(format!(
            "Campaign {name} has no instant from {from} to {to}: nothing to make up for."
        )));
    }
    let tasks = instants.len().saturating_mul(known.campaign.tasks.len());
    let mut text = format!(
        "{} of {name} from {from} to {to}, {tasks} tasks\n",
        match instants.len() {
            1 => "1 run".to_owned(),
            runs => format!("{runs} runs"),
        }
    );
    let shown: Vec<String> = instants
        .iter()
        .take(SHOWN)
        .map(ToString::to_string)
        .collect();
    if dry_run {
        text.push_str(&format!("  {}\n", shown.join("\n  ")));
        if instants.len() > SHOWN {
            text.push_str(&format!("  and {} more\n", instants.len() - SHOWN));
        }
    }
    let mut json = json!({
        "campaign": name,
        "runs": instants.len(),
        "tasks": tasks,
        "instants": instants.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    if dry_run {
        crate::command::answer(global, &text, &json);
        return Err(Failure::quiet(Exit::WouldChange));
    }
    let command = Command::Backfill {
        campaign: known.campaign.id.clone(),
        from,
        to,
    };
    let asked = asked::ask(opened.store.as_ref(), &command, None)?;
    text.push_str(&asked.text());
    json["asked"] = asked.json();
    crate::command::answer(global, &text, &json);
    Ok(())
}
