//! `dag`: the graph of a campaign or of one run, as text or as a picture.

mod layout;
mod svg;
mod text;

use std::collections::BTreeMap;

use airdrops_scheduler::Campaign;
use airdrops_store::{Access, TaskFilter};
use airdrops_types::{CampaignId, Conditions, Join, TaskRecord, TaskSpec, TaskState};
use serde_json::json;

use super::Opened;
use super::campaign::known;
use crate::cli::{Dag, Global};
use crate::config::summary::work_text;
use crate::exit::Failure;

/// A task in the picture.
pub(super) struct Node {
    pub(super) name: String,
    /// What it does.
    pub(super) does: String,
    /// What it waits for beside its edges, and how many of them it needs.
    pub(super) waits: Vec<&'static str>,
    /// Where it stands, in a run.
    pub(super) state: Option<TaskState>,
}

/// A task comes after another, if that ended so.
pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) on: Conditions,
}

/// A graph to be shown.
pub(super) struct Graph {
    pub(super) title: String,
    pub(super) nodes: Vec<Node>,
    pub(super) arrows: Vec<Arrow>,
}

/// Shows the graph of a campaign, or of a run.
///
/// # Errors
/// If there is no such campaign or run, or the file cannot be written.
pub fn dag(global: &Global, options: &Dag) -> Result<(), Failure> {
    let opened = super::open(global, Access::ReadOnly)?;
    let graph = find(&opened, &options.what)?;
    let layout = layout::Layout::of(&graph);
    let mut shown = text::render(&graph, &layout);
    if let Some(path) = &options.svg {
        std::fs::write(path, svg::render(&graph, &layout))
            .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
        shown = format!(
            "Written: {} with {} tasks and {} edges",
            path.display(),
            graph.nodes.len(),
            graph.arrows.len()
        );
    }
    let nodes = graph.nodes.iter().enumerate().map(|(index, node)| {
        json!({
            "name": node.name,
            "does": node.does,
            "state": node.state,
            "layer": layout.layer(index),
        })
    });
    let arrows = graph.arrows.iter().map(|arrow| {
        json!({
            "from": graph.nodes[arrow.from].name,
            "to": graph.nodes[arrow.to].name,
            "on": arrow.on,
        })
    });
    super::answer(
        global,
        &shown,
        &json!({
            "graph": graph.title,
            "tasks": nodes.collect::<Vec<_>>(),
            "edges": arrows.collect::<Vec<_>>(),
            "svg": options.svg.as_ref().map(|path| path.display().to_string()),
        }),
    );
    Ok(())
}

fn find(opened: &Opened, what: &str) -> Result<Graph, Failure> {
    let Some((name, run)) = what.rsplit_once('#') else {
        let known = known::one(opened, what)?;
        return Ok(of_campaign(&known.campaign));
    };
    let number: u64 = run.parse().map_err(|_| {
        Failure::failed(format!(
            "`{what}`: a run is a campaign, `#` and its number: farm#12"
        ))
    })?;
    let tasks = opened.store.tasks(TaskFilter {
        campaign: Some(CampaignId::from(name)),
        run: Some(number),
        ..TaskFilter::default()
    })?;
    if tasks.is_empty() {
        let last = opened.store.last_runs()?;
        let last = last.iter().find(|(campaign, _)| campaign.as_str() == name);
        return Err(Failure::failed(match last {
            Some((_, last)) => format!("Campaign {name} has no run {number}; its last is #{last}."),
            None => {
                format!("Campaign {name} has no runs yet: `airdrops dag {name}` shows its graph.")
            }
        }));
    }
    Ok(of_run(what, &tasks))
}

fn waits(spec: &TaskSpec, before: usize) -> Vec<&'static str> {
    let mut waits = Vec::new();
    if spec.join == Join::Any && before > 1 {
        waits.push("first of");
    }
    if !spec.delay.is_zero() {
        waits.push("delay");
    }
    if spec.approval {
        waits.push("approval");
    }
    if spec.gas.is_some() {
        waits.push("cheap gas");
    }
    waits
}

fn of_campaign(campaign: &Campaign) -> Graph {
    let index: BTreeMap<&str, usize> = campaign
        .tasks
        .iter()
        .enumerate()
        .map(|(index, task)| (task.name.as_str(), index))
        .collect();
    let nodes = campaign.tasks.iter().map(|task| Node {
        name: task.name.clone(),
        does: work_text(&task.spec.work),
        waits: waits(&task.spec, task.after.len()),
        state: None,
    });
    let arrows = campaign.tasks.iter().enumerate().flat_map(|(to, task)| {
        let index = &index;
        task.after.iter().filter_map(move |edge| {
            let from = *index.get(edge.task.as_str())?;
            Some(Arrow {
                from,
                to,
                on: edge.on,
            })
        })
    });
    Graph {
        title: format!("Campaign {}", campaign.id),
        arrows: arrows.collect(),
        nodes: nodes.collect(),
    }
}

fn of_run(title: &str, tasks: &[TaskRecord]) -> Graph {
    let index: BTreeMap<&str, usize> = tasks
        .iter()
        .enumerate()
        .map(|(index, task)| (task.id.as_str(), index))
        .collect();
    let nodes = tasks.iter().map(|task| Node {
        name: task.name.clone(),
        does: work_text(&task.spec.work),
        waits: waits(&task.spec, task.after.len()),
        state: Some(task.state),
    });
    let arrows = tasks.iter().enumerate().flat_map(|(to, task)| {
        let index = &index;
        task.after.iter().filter_map(move |edge| {
            let from = *index.get(edge.task.as_str())?;
            Some(Arrow {
                from,
                to,
                on: edge.on,
            })
        })
    });
    Graph {
        title: format!("Run {title}"),
        arrows: arrows.collect(),
        nodes: nodes.collect(),
    }
}
