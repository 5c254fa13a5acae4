//! `campaign check`.

use std::path::Path;

use serde_json::json;

use super::describe;
use crate::cli::Global;
use crate::config::campaign::{CampaignFile, read_file};
use crate::config::{ConfigError, Loaded};
use crate::exit::Failure;

/// Reports every mistake of a campaign file, or what would run.
pub(super) fn check(global: &Global, path: &Path) -> Result<(), Failure> {
    let loaded = crate::command::load(global)?;
    let file = read(global, &loaded, path)?;
    let now = crate::command::now();
    let mut text = format!("{} is valid.\n", file.source.name);
    for campaign in &file.campaigns {
        text.push('\n');
        text.push_str(&describe::text(campaign, now, now));
    }
    let campaigns = file.campaigns.iter();
    let campaigns: Vec<_> = campaigns
        .map(|campaign| describe::json(campaign, now, now))
        .collect();
    crate::command::answer(
        global,
        &text,
        &json!({
            "file": file.source.name,
            "valid": true,
            "campaigns": campaigns,
            "warnings": file.source.located(&file.warnings),
        }),
    );
    Ok(())
}

/// Reads a campaign file against the configuration, and prints its warnings.
pub(super) fn read(global: &Global, loaded: &Loaded, path: &Path) -> Result<CampaignFile, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
        path: path.to_owned(),
        error,
    })?;
    let file = read_file(loaded, &path.display().to_string(), text, &[])?;
    if !global.json && !file.warnings.is_empty() {
        anstream::eprint!("{}", file.source.render(&file.warnings));
    }
    Ok(file)
}
