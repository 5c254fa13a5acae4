//! `campaign add`.

use std::path::Path;

use airdrops_store::Access;
use airdrops_types::{Command, NewDefinition};
use serde_json::json;

use super::known::{self, CONFIGURATION};
use crate::cli::Global;
use crate::command::asked;
use crate::exit::Failure;

/// Defines the campaigns of a file, as new versions.
pub(super) fn add(global: &Global, path: &Path) -> Result<(), Failure> {
    let mut opened = crate::command::open(global, Access::Operator)?;
    // Names in the file are those of the configuration: without one, say why there is none.
    let loaded = match opened.loaded.take() {
        Some(loaded) => loaded,
        None => crate::command::load(global)?,
    };
    let file = super::check::read(global, &loaded, path)?;
    opened.loaded = Some(loaded);
    let known = known::all(&opened)?;
    let latest = opened.store.definitions(true)?;
    for campaign in &file.campaigns {
        let named = known.iter().find(|it| it.campaign.id == campaign.id);
        if named.is_some_and(|it| it.by == CONFIGURATION) {
            return Err(Failure::failed(format!(
                "Campaign {} is in {}: change it there, or rename this one. Nothing was added.",
                campaign.id,
                global.config.display()
            )));
        }
    }
    let mut text = String::new();
    let mut answers = Vec::new();
    for campaign in file.campaigns {
        let definition = serde_json::to_value(&campaign)?;
        let before = latest.iter().find(|it| it.campaign == campaign.id);
        if before.is_some_and(|it| it.definition == definition) {
            text.push_str(&format!("{}: unchanged\n", campaign.id));
            answers.push(json!({ "campaign": campaign.id, "unchanged": true }));
            continue;
        }
        let id = campaign.id.clone();
        let command = Command::Define {
            campaign: Box::new(NewDefinition {
                campaign: campaign.id,
                definition,
                source: Some(file.source.text.clone()),
            }),
        };
        let asked = asked::ask(opened.store.as_ref(), &command, None)?;
        let next = before.map_or(1, |it| it.version.saturating_add(1));
        text.push_str(&format!("{id}: becomes version {next}. {}\n", asked.text()));
        answers.push(json!({ "campaign": id, "version": next, "asked": asked.json() }));
    }
    crate::command::answer(global, &text, &json!({ "added": answers }));
    Ok(())
}
