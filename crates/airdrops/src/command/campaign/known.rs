//! Which campaigns there are: those of the configuration, and those that were added.

use airdrops_scheduler::{Campaign, EventSource, Trigger};
use airdrops_types::{CampaignVersion, Timestamp, TriggerState};
use serde_json::{Value, json};

use crate::command::Opened;
use crate::config::diagnostic::suggestion;
use crate::exit::Failure;

/// Who brings the versions of the configuration file.
pub(crate) const CONFIGURATION: &str = "configuration";

/// A campaign that is known.
pub(crate) struct Known {
    /// What the next run would do.
    pub(crate) campaign: Campaign,
    /// The version that is stored of exactly this definition; `None` if no runner saw it yet.
    pub(crate) version: Option<u32>,
    /// Who brought it: `configuration`, or who added it.
    pub(crate) by: String,
    /// Its trigger, once a runner saw it.
    pub(crate) trigger: Option<TriggerState>,
}

impl Known {
    /// Since when intervals without a first instant count.
    pub(crate) fn first_seen(&self, now: Timestamp) -> Timestamp {
        self.trigger.as_ref().map_or(now, |state| state.first_seen)
    }

    /// Why it does not fire, if somebody paused it.
    pub(crate) fn paused(&self) -> Option<&str> {
        self.trigger.as_ref()?.paused.as_deref()
    }

    /// Whether a named event fires it.
    pub(crate) fn waits_for(&self, event: &str) -> bool {
        fn waits(trigger: &Trigger, event: &str) -> bool {
            match trigger {
                Trigger::Event(EventSource::Named { name }) => name == event,
                Trigger::Any(parts) => parts.iter().any(|part| waits(part, event)),
                _ => false,
            }
        }
        waits(&self.campaign.trigger, event)
    }

    /// The instants from now on, and what is known of the trigger, for programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "name": self.campaign.id,
            "version": self.version,
            "by": self.by,
            "paused": self.paused(),
            "runs": self.trigger.as_ref().map_or(0, |state| state.runs),
            "next": self.trigger.as_ref().and_then(|state| state.next),
        })
    }
}

/// Every campaign, by name. What the configuration says of a name goes before what was added.
pub(crate) fn all(opened: &Opened) -> Result<Vec<Known>, Failure> {
    let stored = opened.store.definitions(true)?;
    let triggers = opened.store.triggers()?;
    let mut known = Vec::new();
    let own = opened
        .loaded
        .as_ref()
        .map(|loaded| &loaded.settings.campaigns);
    for campaign in own.into_iter().flatten() {
        let definition = serde_json::to_value(campaign)?;
        let same = stored
            .iter()
            .find(|version| version.campaign == campaign.id && version.definition == definition);
        known.push(Known {
            campaign: campaign.clone(),
            version: same.map(|version| version.version),
            by: CONFIGURATION.to_owned(),
            trigger: None,
        });
    }
    for version in stored {
        let named = known.iter().any(|it| it.campaign.id == version.campaign);
        // With a configuration at hand, what it no longer has is gone.
        let gone = version.by == CONFIGURATION && own.is_some();
        if !named && !gone {
            known.push(Known {
                campaign: definition(&version)?,
                version: Some(version.version),
                by: version.by,
                trigger: None,
            });
        }
    }
    for known in &mut known {
        let mut triggers = triggers.iter();
        known.trigger = triggers
            .find(|state| state.campaign == known.campaign.id)
            .cloned();
    }
    known.sort_by(|a, b| a.campaign.id.cmp(&b.campaign.id));
    Ok(known)
}

/// The campaign of this name.
pub(crate) fn one(opened: &Opened, name: &str) -> Result<Known, Failure> {
    let mut known = all(opened)?;
    match known.iter().position(|it| it.campaign.id.as_str() == name) {
        Some(index) => Ok(known.swap_remove(index)),
        None => Err(unknown(name, &known)),
    }
}

/// There is no campaign of this name.
pub(crate) fn unknown(name: &str, known: &[Known]) -> Failure {
    let names = known.iter().map(|it| it.campaign.id.as_str());
    let help = match known {
        [] => {
            "There are no campaigns: write a [[campaign]], or `airdrops campaign add FILE`.".into()
        }
        _ => suggestion(name, names, "campaign"),
    };
    Failure::failed(format!("There is no campaign `{name}`: {help}"))
}

/// The campaign of a stored version.
pub(crate) fn definition(version: &CampaignVersion) -> Result<Campaign, Failure> {
    serde_json::from_value(version.definition.clone()).map_err(|error| {
        Failure::failed(format!(
            "Version {} of campaign {} cannot be read by this version of the program: {error}",
            version.version, version.campaign
        ))
    })
}
