//! What came from outside since the last tick: requests of operators, events, definitions of campaigns.
//!
//! Each message is done in the transaction that stores what it led to, or why it was refused: it takes
//! effect exactly once, whatever happens in between.

use std::collections::BTreeMap;

use airdrops_scheduler::Campaign;
use airdrops_store::{Batch, Store};
use airdrops_types::{
    B256, CampaignId, CampaignVersion, Command, Entry, Message, MessageDone, NewDefinition,
    ProtocolId, TaskId, TaskState, Timestamp, Work,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::engine::Engine;
use crate::error::RunError;

/// Who brings the definitions of the configuration file.
pub(crate) const CONFIGURATION: &str = "configuration";

impl Engine {
    /// Does what was asked for, in the order in which it was.
    pub(crate) fn take_messages(&mut self, now: Timestamp) -> Result<(), RunError> {
        if self.dry_run {
            return Ok(());
        }
        for message in self.store.inbox()? {
            self.take(&message, now)?;
        }
        Ok(())
    }

    fn take(&mut self, message: &Message, now: Timestamp) -> Result<(), RunError> {
        let mut batch = Batch::at(now);
        let done = match &message.command {
            Command::Define { campaign } => self.define(campaign, &message.by, now, &mut batch)?,
            command => {
                let open = self.manager.open()?;
                let under_way = |task: &TaskId| open.iter().any(|slot| slot.intent.task == *task);
                let done = self
                    .scheduler
                    .command(command, &message.by, now, &under_way);
                done.map(|(changes, done)| {
                    Self::note_changes(&mut batch, changes);
                    done
                })
                .map_err(|refused| refused.to_string())
            }
        };
        let result = done.unwrap_or_else(|refused| format!("refused: {refused}"));
        batch.entries.push(Entry::Note {
            text: format!("request {} by {}: {result}", message.seq, message.by),
        });
        let ended: Vec<TaskId> = batch
            .tasks
            .iter()
            .filter(|task| task.state.is_final() && task.state != TaskState::Completed)
            .map(|task| task.id.clone())
            .collect();
        for task in ended {
            self.remember_leftovers(&task, &mut batch)?;
        }
        batch.done.push(MessageDone {
            seq: message.seq,
            result,
        });
        self.commit(batch)
    }

    /// Stores another version of a campaign, unless it is the one that is in force.
    fn define(
        &mut self,
        new: &NewDefinition,
        by: &str,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Result<String, String>, RunError> {
        let name = &new.campaign;
        if self.configured(name) {
            return Ok(Err(format!(
                "campaign {name} is defined in the configuration file; change it there"
            )));
        }
        let campaign: Campaign = match serde_json::from_value(new.definition.clone()) {
            Ok(campaign) => campaign,
            Err(error) => return Ok(Err(format!("this is no campaign: {error}"))),
        };
        if campaign.id != *name {
            return Ok(Err(format!("it defines {}, not {name}", campaign.id)));
        }
        if let Some(protocol) = unknown_protocol(&campaign, |id| self.registry.get(id).is_some()) {
            return Ok(Err(format!("protocol {protocol} is not configured")));
        }
        let latest = latest_of(self.store.as_ref())?;
        let digest = digest(&new.definition)?;
        let last = latest.get(name);
        if last.is_some_and(|last| last.digest == digest) {
            return Ok(Ok(format!("campaign {name} is so already")));
        }
        let version = last.map_or(1, |last| last.version.saturating_add(1));
        match self.scheduler.define(campaign, version, now) {
            Ok(changes) => Self::note_changes(batch, changes),
            Err(errors) => {
                let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
                return Ok(Err(errors.join("; ")));
            }
        }
        batch.definitions.push(CampaignVersion {
            campaign: name.clone(),
            version,
            at: now,
            by: by.to_owned(),
            digest,
            definition: new.definition.clone(),
            source: new.source.clone(),
        });
        Ok(Ok(format!("campaign {name} is defined, version {version}")))
    }

    fn configured(&self, campaign: &CampaignId) -> bool {
        let mut campaigns = self.settings.campaigns.iter();
        campaigns.any(|known| known.id == *campaign)
    }
}

/// The campaigns to start with: those of the configuration file, and those that were added and that it
/// does not define; the version of each; and versions that are to be stored because the file changed.
pub(crate) fn definitions(
    configured: &[Campaign],
    store: &dyn Store,
    now: Timestamp,
) -> Result<Definitions, RunError> {
    let latest = latest_of(store)?;
    let mut found = Definitions {
        campaigns: configured.to_vec(),
        ..Definitions::default()
    };
    for campaign in configured {
        let definition = serde_json::to_value(campaign)?;
        let digest = digest(&definition)?;
        let last = latest.get(&campaign.id);
        let version = match last {
            Some(last) if last.digest == digest => last.version,
            _ => {
                let version = last.map_or(1, |last| last.version.saturating_add(1));
                found.new.push(CampaignVersion {
                    campaign: campaign.id.clone(),
                    version,
                    at: now,
                    by: CONFIGURATION.to_owned(),
                    digest,
                    definition,
                    source: None,
                });
                version
            }
        };
        found.versions.insert(campaign.id.clone(), version);
    }
    for (name, last) in latest {
        // One that the file does not define any more is gone.
        if last.by == CONFIGURATION || found.versions.contains_key(&name) {
            continue;
        }
        let campaign: Campaign = serde_json::from_value(last.definition)?;
        found.campaigns.push(campaign);
        found.versions.insert(name, last.version);
    }
    Ok(found)
}

/// What a start finds defined.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    pub(crate) campaigns: Vec<Campaign>,
    pub(crate) versions: BTreeMap<CampaignId, u32>,
    pub(crate) new: Vec<CampaignVersion>,
}

fn latest_of(store: &dyn Store) -> Result<BTreeMap<CampaignId, CampaignVersion>, RunError> {
    let versions = store.definitions(true)?.into_iter();
    Ok(versions
        .map(|version| (version.campaign.clone(), version))
        .collect())
}

fn digest(definition: &Value) -> Result<B256, RunError> {
    let text = serde_json::to_vec(definition)?;
    Ok(B256::from_slice(&Sha256::digest(text)))
}

fn unknown_protocol(
    campaign: &Campaign,
    known: impl Fn(&ProtocolId) -> bool,
) -> Option<ProtocolId> {
    let acts = campaign
        .tasks
        .iter()
        .filter_map(|task| match &task.spec.work {
            Work::Act(acts) => Some(&acts.protocol),
            Work::Campaign(_) | Work::Nothing => None,
        });
    acts.into_iter().find(|id| !known(id)).cloned()
}
