//! `campaign pause` and `campaign resume`.

use airdrops_store::Access;
use airdrops_types::Command;
use serde_json::json;

use super::known;
use crate::cli::Global;
use crate::command::asked;
use crate::exit::Failure;

/// No more fires until it is resumed.
pub(super) fn pause(global: &Global, name: &str, reason: &str) -> Result<(), Failure> {
    let opened = crate::command::open(global, Access::Operator)?;
    let known = known::one(&opened, name)?;
    let command = Command::Pause {
        campaign: known.campaign.id.clone(),
        reason: reason.to_owned(),
    };
    let asked = asked::ask(opened.store.as_ref(), &command, None)?;
    let before = match known.paused() {
        Some(before) => format!(" It is paused already: {before}."),
        None => " Runs that began go on.".into(),
    };
    crate::command::answer(
        global,
        &format!("Pause {name}: {}{before}", asked.text()),
        &json!({ "campaign": name, "paused": reason, "asked": asked.json() }),
    );
    Ok(())
}

/// Fires again.
pub(super) fn resume(global: &Global, name: &str) -> Result<(), Failure> {
    let opened = crate::command::open(global, Access::Operator)?;
    let known = known::one(&opened, name)?;
    let waiting = asked::open(
        opened.store.as_ref(),
        |command| matches!(command, Command::Pause { campaign, .. } if *campaign == known.campaign.id),
    )?;
    if known.paused().is_none() && waiting.is_empty() {
        return Err(Failure::failed(format!("Campaign {name} is not paused.")));
    }
    let command = Command::Resume {
        campaign: known.campaign.id.clone(),
    };
    let asked = asked::ask(opened.store.as_ref(), &command, None)?;
    crate::command::answer(
        global,
        &format!("Resume {name}: {}", asked.text()),
        &json!({ "campaign": name, "asked": asked.json() }),
    );
    Ok(())
}
