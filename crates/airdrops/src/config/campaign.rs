//! Campaigns and their tasks.

mod event;
mod fan_out;
mod file;
mod resources;
mod task;
mod trigger;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use airdrops_protocols::ProtocolConfig;
use airdrops_scheduler::campaign::CampaignDefect;
use airdrops_scheduler::trigger::TriggerError;
use airdrops_scheduler::{Campaign, CatchUp, Timing};
use airdrops_types::{Address, ChainId, Work};

pub use file::{CampaignFile, read_file};

use super::diagnostic::suggestion;
use super::reader::{At, Reader};
use super::resolve::Names;
use super::section::Section;
use fan_out::Expanded;

/// What campaigns refer to by name.
pub(super) struct World<'a> {
    /// Our wallets.
    pub(super) wallets: &'a Names<Address>,
    /// The protocol instances.
    pub(super) protocols: &'a Names<ProtocolConfig>,
    /// The chains.
    pub(super) chains: &'a Names<ChainId>,
    /// The assets that have a price.
    pub(super) assets: BTreeSet<String>,
    /// Blocks before an outcome on a chain is final.
    pub(super) confirmations: BTreeMap<ChainId, u64>,
    /// Campaigns that are defined elsewhere, and which others each runs.
    pub(super) campaigns: BTreeMap<String, Vec<String>>,
}

/// A campaign that was read, and where its parts stand.
struct Places {
    section: Range<usize>,
    trigger: Range<usize>,
    zone: Range<usize>,
    /// Each task's name as it is written, and the places of its name and its `after` key.
    tasks: Vec<(String, Range<usize>, Range<usize>)>,
    /// Campaigns that are referred to.
    campaigns: Vec<At<String>>,
}

/// The campaigns of a file.
pub(super) fn read(reader: &Reader<'_>, root: &Section<'_>, world: &World<'_>) -> Vec<Campaign> {
    read_all(reader, root.tables("campaign"), world)
}

/// The campaigns in these tables.
fn read_all(reader: &Reader<'_>, sections: Vec<Section<'_>>, world: &World<'_>) -> Vec<Campaign> {
    let mut campaigns = Vec::new();
    let mut places = Vec::new();
    let mut names = BTreeSet::new();
    for section in sections {
        let Some((name, campaign, place)) = read_one(reader, &section, world) else {
            continue;
        };
        if !names.insert(name.get_ref().clone()) {
            let message = format!("campaign `{}` is defined twice", name.get_ref());
            reader.error(name.span(), message, "rename or remove one of them");
        }
        campaigns.push(campaign);
        places.push(place);
    }
    note_references(reader, &campaigns, &places, world);
    campaigns
}

fn read_one(
    reader: &Reader<'_>,
    section: &Section<'_>,
    world: &World<'_>,
) -> Option<(At<String>, Campaign, Places)> {
    let name = section.name("name");
    let mut places = Places {
        section: section.span.clone(),
        trigger: trigger::place(section),
        zone: section.span_of("zone"),
        tasks: Vec::new(),
        campaigns: Vec::new(),
    };
    let trigger = trigger::read(reader, section, world, &mut places.campaigns);
    let timing = Timing {
        start: section.instant("start").map(At::into_inner),
        end: section.instant("end").map(At::into_inner),
        jitter: section.duration("jitter").unwrap_or_default(),
    };
    if let (Some(start), Some(end)) = (timing.start, timing.end)
        && start > end
    {
        let message = format!("the campaign ends at {end}, before it starts at {start}");
        let help = "raise `end`, or lower `start`";
        reader.error(section.span_of("end"), message, help);
    }
    let misfire_grace = section.duration("misfire_grace");
    let catch_up = match section.choice("catch_up").map(At::into_inner) {
        Some("skip") => CatchUp::Skip,
        Some("all") => CatchUp::All,
        _ => CatchUp::One,
    };
    let max_instances = section.integer("max_instances").map_or(1, At::into_inner);
    let mut expanded = Expanded::default();
    for section in section.tables("task") {
        let draft = task::read(reader, &section, world);
        if let Some(draft) = &draft {
            let name = draft.name.get_ref().clone();
            let place = (name, draft.name.span(), section.span_of("after"));
            places.tasks.push(place);
            places.campaigns.extend(draft.campaign.clone());
        }
        expanded.add(reader, &section, draft, world);
    }
    let all_read = expanded.whole;
    let tasks = expanded.finish(reader);
    let name = name?;
    let campaign = Campaign {
        timing,
        misfire_grace,
        catch_up,
        max_instances: u32::try_from(max_instances).unwrap_or(u32::MAX),
        ..Campaign::new(name.get_ref().clone(), trigger, tasks)
    };
    note_defects(reader, &campaign, &places, all_read);
    Some((name, campaign, places))
}

/// Which campaigns each runs as a part of itself.
pub(super) fn runs(campaign: &Campaign) -> Vec<String> {
    let tasks = campaign.tasks.iter();
    let named = tasks.filter_map(|task| match &task.spec.work {
        Work::Campaign(id) => Some(id.as_str().to_owned()),
        _ => None,
    });
    named.collect()
}

/// Notes campaigns that are referred to and unknown, and those that run each other.
fn note_references(
    reader: &Reader<'_>,
    campaigns: &[Campaign],
    places: &[Places],
    world: &World<'_>,
) {
    let mut graph = world.campaigns.clone();
    for campaign in campaigns {
        graph.insert(campaign.id.as_str().to_owned(), runs(campaign));
    }
    for (campaign, places) in campaigns.iter().zip(places) {
        for reference in &places.campaigns {
            let name = reference.get_ref();
            if !graph.contains_key(name) {
                let known = graph.keys().map(String::as_str);
                let help = suggestion(name, known, "campaign");
                let help = format!("{help}; or define it with `airdrops campaign add`");
                reader.warning(
                    reference.span(),
                    format!("there is no campaign `{name}` here"),
                    help,
                );
            }
        }
        if let Some(path) = circle(&graph, campaign.id.as_str()) {
            reader.error(
                places.section.clone(),
                format!("campaigns run each other: {}", path.join(" → ")),
                "let one of them start by an event (`on = { campaign = … }`) instead",
            );
        }
    }
}

/// The way from a campaign back to itself, if there is one.
fn circle(graph: &BTreeMap<String, Vec<String>>, start: &str) -> Option<Vec<String>> {
    let mut from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = vec![start];
    while let Some(name) = open.pop() {
        for next in graph.get(name).map_or(&[][..], Vec::as_slice) {
            if next == start {
                let mut path = vec![start.to_owned()];
                let mut at = name;
                while at != start {
                    path.push(at.to_owned());
                    at = from.get(at).copied().unwrap_or(start);
                }
                path.push(start.to_owned());
                path.reverse();
                return Some(path);
            }
            if !from.contains_key(next.as_str()) {
                from.insert(next, name);
                open.push(next);
            }
        }
    }
    None
}

/// Notes what the scheduler finds wrong, where it stands in the file.
fn note_defects(reader: &Reader<'_>, campaign: &Campaign, places: &Places, all_read: bool) {
    let Err(errors) = campaign.validate() else {
        return;
    };
    for error in errors {
        // Elements of a task that is fanned out stand where the task does.
        let task = |name: &str| {
            let written = name.split('[').next().unwrap_or(name);
            places.tasks.iter().rfind(|(task, ..)| task == written)
        };
        match &error.defect {
            CampaignDefect::Trigger(trigger) => {
                let (span, help) = match trigger {
                    TriggerError::Zone { .. } => (
                        places.zone.clone(),
                        "use a name such as \"UTC\" or \"Europe/Berlin\"",
                    ),
                    TriggerError::Cron { .. } => (
                        places.trigger.clone(),
                        "minute hour day month weekday, such as \"0 9 * * MON\"",
                    ),
                    _ => (places.trigger.clone(), ""),
                };
                reader.error(span, trigger.to_string(), help);
            }
            CampaignDefect::Cycle { path } => {
                let span = path
                    .first()
                    .and_then(|name| task(name))
                    .map_or_else(|| places.section.clone(), |(_, _, after)| after.clone());
                let message = format!("tasks wait for each other: {}", path.join(" → "));
                reader.error(span, message, "remove one of these names from `after`");
            }
            CampaignDefect::DuplicateTask { task: name } => {
                let span =
                    task(name).map_or_else(|| places.section.clone(), |(_, name, _)| name.clone());
                let message = format!("task `{name}` is defined twice in this campaign");
                reader.error(span, message, "rename or remove one of them");
            }
            // Noted where the name stands, or a consequence of a task that could not be read.
            CampaignDefect::UnknownTask { .. } => {}
            CampaignDefect::NoTasks if !all_read => {}
            CampaignDefect::NoTasks => {
                let help = "add a [[campaign.task]]";
                reader.error(places.section.clone(), "the campaign has no tasks", help);
            }
            other => reader.error(places.section.clone(), other.to_string(), ""),
        }
    }
}
