//! Which campaigns there are: at the start, and while it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use airdrops_types::{CampaignId, Timestamp, TriggerState, Work};

use super::fire::{first_fire, upcoming};
use super::listen::sources;
use super::run::Compiled;
use super::{Change, Scheduler};
use crate::campaign::{Campaign, CampaignDefect, CampaignError, EventSource};
use crate::trigger::TriggerError;

/// The campaigns that tasks of a campaign run, each with the first task that does.
fn runs(campaign: &Campaign) -> BTreeMap<&CampaignId, &str> {
    let mut runs = BTreeMap::new();
    for task in &campaign.tasks {
        if let Work::Campaign(of) = &task.spec.work {
            runs.entry(of).or_insert(task.name.as_str());
        }
    }
    runs
}

/// The path from `from` back to itself along `runs`, if there is one: depth first, without recursion.
pub(super) fn way_back<'a>(
    from: &'a CampaignId,
    runs: impl Fn(&CampaignId) -> Vec<&'a CampaignId>,
) -> Option<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut path = vec![(from, runs(from))];
    while let Some((_, next)) = path.last_mut() {
        match next.pop() {
            None => {
                path.pop();
            }
            Some(next) if next == from => {
                let names = path.iter().map(|(name, _)| *name);
                return Some(names.chain([from]).map(|name| name.0.clone()).collect());
            }
            Some(next) if seen.insert(next) => path.push((next, runs(next))),
            Some(_) => {}
        }
    }
    None
}

/// What is wrong between campaigns.
fn relations(
    of: &BTreeMap<&CampaignId, BTreeMap<&CampaignId, &str>>,
    checked: &CampaignId,
) -> Vec<CampaignDefect> {
    let mut defects = Vec::new();
    for (runs, task) in of.get(checked).into_iter().flatten() {
        if !of.contains_key(runs) {
            defects.push(CampaignDefect::UnknownCampaign {
                task: (*task).to_owned(),
                runs: (*runs).clone(),
            });
        }
    }
    let runs = |id: &CampaignId| {
        let runs = of.get(id).into_iter().flat_map(BTreeMap::keys);
        runs.rev().copied().collect()
    };
    if let Some((checked, _)) = of.get_key_value(checked)
        && let Some(path) = way_back(checked, runs)
    {
        defects.push(CampaignDefect::Contains { path });
    }
    defects
}

/// The next instant of a trigger that stays the same, in case its bounds do not.
fn rebound(
    campaign: &Campaign,
    state: &TriggerState,
    now: Timestamp,
) -> Result<Option<Timestamp>, TriggerError> {
    let timing = &campaign.timing;
    match state.next {
        Some(next) => {
            let early = timing.start.is_some_and(|start| next < start);
            let over = timing.end.is_some_and(|end| next > end);
            match (early, over) {
                (false, false) => Ok(Some(next)),
                (_, true) => Ok(None),
                (true, false) => upcoming(campaign, next, state.first_seen),
            }
        }
        // What fires only once has fired.
        None if campaign.trigger.is_one_shot() => Ok(None),
        None => upcoming(
            campaign,
            Timestamp(now.0.saturating_sub(1)),
            state.first_seen,
        ),
    }
}

impl Scheduler {
    /// Takes the campaigns and the stored triggers.
    pub(super) fn configure(
        &mut self,
        campaigns: Vec<Campaign>,
        triggers: Vec<TriggerState>,
        now: Timestamp,
    ) -> Result<(), Vec<CampaignError>> {
        let mut errors = Vec::new();
        let mut names = BTreeSet::new();
        let of: BTreeMap<_, _> = campaigns.iter().map(|c| (&c.id, runs(c))).collect();
        for campaign in &campaigns {
            let error = |defect| CampaignError {
                campaign: campaign.id.clone(),
                defect,
            };
            errors.extend(campaign.validate().err().into_iter().flatten());
            if !names.insert(&campaign.id) {
                errors.push(error(CampaignDefect::DuplicateCampaign));
            }
            errors.extend(relations(&of, &campaign.id).into_iter().map(error));
        }
        let valid = errors.is_empty();
        for state in triggers {
            let (_, known) = self.known(&state.campaign.clone());
            known.last_run = known.last_run.max(state.runs);
            known.trigger = Some(state);
        }
        for campaign in campaigns {
            let id = campaign.id.clone();
            match self.adopt(campaign, now) {
                // Otherwise it was reported by the validation.
                Err(error) if valid => errors.push(CampaignError {
                    campaign: id,
                    defect: error.into(),
                }),
                _ => {}
            }
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    /// Uses a definition from now on. Its trigger goes on, or starts anew if it is another one.
    fn adopt(&mut self, campaign: Campaign, now: Timestamp) -> Result<(), TriggerError> {
        let id = campaign.id.clone();
        let definition = campaign.trigger.definition();
        let (place, known) = self.known(&id);
        let stored = known.trigger.as_ref();
        if stored.is_none_or(|state| state.definition != definition) {
            let next = first_fire(&campaign, now)?;
            known.trigger = Some(TriggerState {
                campaign: id.clone(),
                next,
                runs: stored.map_or(0, |state| state.runs),
                definition,
                first_seen: now,
                paused: stored.and_then(|state| state.paused.clone()),
            });
            self.unsaved.insert(place);
        } else if let Some(state) = &mut known.trigger {
            let next = rebound(&campaign, state, now)?;
            if next != state.next {
                state.next = next;
                self.unsaved.insert(place);
            }
        }
        let sources = sources(&campaign);
        if sources.is_empty() {
            self.listeners.remove(&id);
        } else {
            self.listeners.insert(id, place);
        }
        for source in sources {
            if let EventSource::Task { campaign, .. } = source {
                let (watched, _) = self.known(campaign);
                self.watched.insert(watched);
            }
        }
        if let Some(known) = self.campaigns.get_mut(place as usize) {
            known.definition = Some(Arc::new(Compiled::of(campaign)));
        }
        self.plan_look(place);
        Ok(())
    }

    /// The versions of the campaigns' definitions, as they are stored: new records bear them.
    #[must_use]
    pub fn with_versions(mut self, versions: BTreeMap<CampaignId, u32>) -> Self {
        for (campaign, version) in versions {
            self.known(&campaign).1.version = version;
        }
        self
    }

    /// Uses another definition of a campaign, or a new campaign, from its next run on; runs that began
    /// go on as they were made.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it; then nothing has changed.
    pub fn define(
        &mut self,
        campaign: Campaign,
        version: u32,
        now: Timestamp,
    ) -> Result<Vec<Change>, Vec<CampaignError>> {
        let id = campaign.id.clone();
        let error = |defect| CampaignError {
            campaign: id.clone(),
            defect,
        };
        let mut errors = campaign.validate().err().unwrap_or_default();
        let definitions = self.campaigns.iter();
        let definitions = definitions.filter_map(|known| known.definition.as_deref());
        let mut of: BTreeMap<_, _> = definitions
            .map(|definition| (&definition.campaign.id, runs(&definition.campaign)))
            .collect();
        of.insert(&campaign.id, runs(&campaign));
        errors.extend(relations(&of, &campaign.id).into_iter().map(error));
        if errors.is_empty()
            && let Err(unusable) = first_fire(&campaign, now)
        {
            errors.push(error(unusable.into()));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut changes = Vec::new();
        self.begin();
        // Its first fire was found just now.
        let _ = self.adopt(campaign, now);
        self.known(&id).1.version = version;
        self.finish(now, &mut changes);
        Ok(changes)
    }

    /// Forgets a definition: no more runs of it; those that began go on. Its count of runs is kept.
    /// `false` if there is none, or if a task of another campaign runs it.
    pub fn undefine(&mut self, campaign: &CampaignId) -> bool {
        let needed = self.campaigns.iter().any(|known| {
            let definition = known.definition.as_deref();
            definition.is_some_and(|definition| {
                definition.campaign.id != *campaign
                    && runs(&definition.campaign).contains_key(campaign)
            })
        });
        let Some(place) = self.book.find_campaign(campaign).filter(|_| !needed) else {
            return false;
        };
        let known = self.campaigns.get_mut(place as usize);
        let had = known.is_some_and(|known| known.definition.take().is_some());
        self.listeners.remove(campaign);
        self.plan_look(place);
        had
    }

    /// The definitions in use.
    pub fn definitions(&self) -> impl Iterator<Item = &Campaign> {
        let definitions = self.campaigns.iter();
        definitions.filter_map(|known| Some(&known.definition.as_ref()?.campaign))
    }

    /// The definition of a campaign, and its version.
    #[must_use]
    pub fn definition(&self, campaign: &CampaignId) -> Option<(&Campaign, u32)> {
        let (_, known) = self.find(campaign)?;
        Some((&known.definition.as_ref()?.campaign, known.version))
    }
}
