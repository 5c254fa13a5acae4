//! `campaign versions`.

use airdrops_store::Access;
use comfy_table::{Table, presets};
use serde_json::json;

use super::known;
use crate::cli::Global;
use crate::exit::Failure;

/// Shows the versions of a campaign.
pub(super) fn versions(global: &Global, name: &str) -> Result<(), Failure> {
    let opened = crate::command::open(global, Access::ReadOnly)?;
    let mut versions = opened.store.definitions(false)?;
    versions.retain(|version| version.campaign.as_str() == name);
    if versions.is_empty() {
        known::one(&opened, name)?;
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["version", "since", "by", "tasks", "digest"]);
    for version in &versions {
        let tasks = known::definition(version).map(|campaign| campaign.tasks.len());
        table.add_row([
            version.version.to_string(),
            version.at.to_string(),
            version.by.clone(),
            tasks.map_or_else(|_| "unreadable".into(), |tasks| tasks.to_string()),
            version.digest.to_string(),
        ]);
    }
    let text = if versions.is_empty() {
        format!("No run has seen {name} yet: it has no version.")
    } else {
        table.to_string()
    };
    crate::command::answer(
        global,
        &text,
        &json!({ "campaign": name, "versions": versions }),
    );
    Ok(())
}
