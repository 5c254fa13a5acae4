//! `campaign show`.

use airdrops_store::Access;
use serde_json::json;

use super::{describe, known};
use crate::cli::Global;
use crate::exit::Failure;

/// Shows a campaign's definition, graph and next fire times.
pub(super) fn show(global: &Global, name: &str, version: Option<u32>) -> Result<(), Failure> {
    let opened = crate::command::open(global, Access::ReadOnly)?;
    let now = crate::command::now();
    let Some(number) = version else {
        let known = known::one(&opened, name)?;
        let seen = known.first_seen(now);
        let mut text = match known.version {
            Some(version) => format!("Version {version}, by {}", known.by),
            None => format!("By {}, not yet seen by a run", known.by),
        };
        if let Some(reason) = known.paused() {
            text.push_str(&format!(", paused: {reason}"));
        }
        text.push_str("\n\n");
        text.push_str(&describe::text(&known.campaign, now, seen));
        let mut json = known.json();
        json["campaign"] = describe::json(&known.campaign, now, seen);
        crate::command::answer(global, &text, &json);
        return Ok(());
    };
    let all = opened.store.definitions(false)?;
    let of_name = all.iter().filter(|it| it.campaign.as_str() == name);
    let versions: Vec<_> = of_name.collect();
    let Some(version) = versions.iter().find(|it| it.version == number) else {
        return Err(match versions.last() {
            None => known::unknown(name, &known::all(&opened)?),
            Some(last) => Failure::failed(format!(
                "Campaign {name} has versions 1 to {}, not {number}.",
                last.version
            )),
        });
    };
    let campaign = known::definition(version)?;
    let mut text = format!("Version {number}, by {} at {}\n\n", version.by, version.at);
    text.push_str(&describe::text(&campaign, now, version.at));
    if let Some(source) = &version.source {
        text.push_str(&format!("\nAs it was written\n{source}\n"));
    }
    crate::command::answer(
        global,
        &text,
        &json!({ "version": version, "campaign": describe::json(&campaign, now, version.at) }),
    );
    Ok(())
}
