//! `campaign list`.

use std::collections::BTreeMap;

use airdrops_store::{Access, TaskFilter};
use airdrops_types::Command;
use comfy_table::{Table, presets};
use serde_json::json;

use super::{fires, known};
use crate::cli::{Global, Page};
use crate::command::asked;
use crate::config::summary::trigger_text;
use crate::exit::Failure;

/// Shows every campaign.
pub(super) fn list(global: &Global, page: &Page) -> Result<(), Failure> {
    let opened = crate::command::open(global, Access::ReadOnly)?;
    let now = crate::command::now();
    let mut known = known::all(&opened)?;
    let count = known.len();
    if let Some(after) = &page.after {
        known.retain(|it| it.campaign.id.as_str() > after.as_str());
    }
    let more = known.len() > usize::try_from(page.limit).unwrap_or(usize::MAX);
    known.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
    let mut open_runs: BTreeMap<String, std::collections::BTreeSet<u64>> = BTreeMap::new();
    for task in opened.store.tasks(TaskFilter::open())? {
        let runs = open_runs.entry(task.campaign.as_str().to_owned());
        runs.or_default().insert(task.run);
    }
    let definitions = asked::open(opened.store.as_ref(), |command| {
        matches!(command, Command::Define { .. })
    })?;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["campaign", "version", "runs", "open", "next", "trigger"]);
    let mut rows = Vec::new();
    for it in &known {
        let name = it.campaign.id.as_str();
        let open = open_runs
            .get(name)
            .map_or(0, std::collections::BTreeSet::len);
        let runs = it.trigger.as_ref().map_or(0, |state| state.runs);
        let next = it.trigger.as_ref().and_then(|state| state.next);
        let next = match (it.paused(), next) {
            (Some(reason), _) => format!("paused: {reason}"),
            (None, Some(next)) => next.to_string(),
            (None, None) => match fires::without_instants(&it.campaign.trigger) {
                Some(when) => when,
                None if it.trigger.is_some() => "never again".into(),
                None => {
                    let first = super::describe::next(&it.campaign, now, now);
                    first.first().map_or("never".into(), ToString::to_string)
                }
            },
        };
        table.add_row([
            name.to_owned(),
            it.version
                .map_or("new".into(), |version| version.to_string()),
            runs.to_string(),
            open.to_string(),
            next,
            trigger_text(&it.campaign.trigger),
        ]);
        let mut row = it.json();
        row["open"] = json!(open);
        row["trigger"] = json!(trigger_text(&it.campaign.trigger));
        row["tasks"] = json!(it.campaign.tasks.len());
        rows.push(row);
    }
    let mut text = match count {
        0 => "There are no campaigns: write a [[campaign]], or `airdrops campaign add FILE`.\n"
            .into(),
        _ => format!("{table}\n"),
    };
    if more && let Some(last) = known.last() {
        text.push_str(&format!("More: --after {}\n", last.campaign.id));
    }
    if !definitions.is_empty() {
        let count = definitions.len();
        text.push_str(&format!("{count} new definitions wait for the runner.\n"));
    }
    crate::command::answer(
        global,
        &text,
        &json!({ "campaigns": rows, "more": more, "waiting": definitions.len() }),
    );
    Ok(())
}
