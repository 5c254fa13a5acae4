//! One task as it is written, before it becomes one task per element.

use std::collections::BTreeMap;

use airdrops_protocols::catalogue;
use airdrops_scheduler::TaskDef;
use airdrops_types::{
    AmountSpec, Conditions, ErrorClass, GasWindow, Join, RetryPolicy, TaskSpec, Work,
};

use super::super::reader::{At, Reader};
use super::super::section::{NameOr, Section};
use super::assignment::Place;
use super::fan_out::{Dimension, Element};
use super::{World, resources};

/// A task as it is written.
pub(super) struct Draft {
    pub(super) name: At<String>,
    /// The campaign that it runs, if that is its work.
    pub(super) campaign: Option<At<String>>,
    /// What it is made for each of.
    pub(super) each: Vec<Dimension>,
    /// What it comes after, and how that must end.
    pub(super) after: Vec<(At<String>, Conditions)>,
    pub(super) verb: Option<At<&'static str>>,
    pub(super) wallet: Option<At<String>>,
    pub(super) protocol: Option<At<String>>,
    pub(super) from: Option<At<String>>,
    pub(super) to: Option<At<String>>,
    pub(super) amount: Option<At<AmountSpec>>,
    timeout: Option<std::time::Duration>,
    /// Everything but the work and the keys that follow from it.
    spec: TaskSpec,
}

/// Reads a task; `None` if it has no name or does not say what it does.
pub(super) fn read(reader: &Reader<'_>, section: &Section<'_>, world: &World<'_>) -> Option<Draft> {
    let name = section.name("name");
    let verb = section.choice("action");
    let campaign = section.name("campaign");
    let each = super::fan_out::read(reader, section, world);
    let draft = Draft {
        campaign,
        each,
        after: after(reader, section),
        verb,
        wallet: section.name("wallet"),
        protocol: section.name("protocol"),
        from: section.name("from"),
        to: section.name("to"),
        amount: section.amount("amount"),
        timeout: section.duration("timeout"),
        spec: spec(reader, section),
        name: name?,
    };
    match (&draft.verb, &draft.campaign) {
        (Some(verb), Some(_)) => {
            let message = "a task has an action or runs a campaign, this has both";
            reader.error(verb.span(), message, "remove `action` or `campaign`");
            return None;
        }
        (None, None) => {
            if !section.has("action") && !section.has("campaign") {
                section.needs("action");
            }
            return None;
        }
        _ => {}
    }
    if draft.acts() {
        Some(draft)
    } else {
        let keys = [
            "wallet",
            "protocol",
            "amount",
            "from",
            "to",
            "for_each",
            "compensate",
        ];
        for key in keys.into_iter().filter(|key| section.has(key)) {
            let what = match &draft.campaign {
                Some(_) => "a task that runs a campaign",
                None => "a task that does nothing",
            };
            let message = format!("`{key}` means nothing for {what}");
            reader.error(section.span_of(key), message, format!("remove `{key}`"));
        }
        Some(draft)
    }
}

fn after(reader: &Reader<'_>, section: &Section<'_>) -> Vec<(At<String>, Conditions)> {
    let mut after: Vec<(At<String>, Conditions)> = Vec::new();
    for item in section.names_or("after") {
        let (name, on) = match item {
            NameOr::Name(name) => (Some(name), Conditions::SUCCESS),
            NameOr::Table(section) => {
                let words = section.choices("on");
                let on = Conditions::parse(words.iter().map(|word| word.get_ref().as_str()));
                if on.is_none() && section.has("on") && words.is_empty() {
                    let help = "write on = [\"success\", \"failure\", \"skip\"] for any ending";
                    reader.error(section.span_of("on"), "`on` names no ending", help);
                }
                (section.name("task"), on.unwrap_or_default())
            }
        };
        let Some(name) = name else { continue };
        if after
            .iter()
            .any(|(known, _)| known.get_ref() == name.get_ref())
        {
            reader.error(
                name.span(),
                format!("task `{}` is named twice in `after`", name.get_ref()),
                "put all its endings into one: { task = \"…\", on = [\"success\", \"skip\"] }",
            );
            continue;
        }
        after.push((name, on));
    }
    after
}

/// All that does not depend on the wallet and the protocol.
fn spec(reader: &Reader<'_>, section: &Section<'_>) -> TaskSpec {
    let default = TaskSpec::of(Work::Nothing);
    let critical = section.flag("critical");
    let gas = section.table("gas").and_then(|gas| {
        let (quantile, within) = (gas.percent("quantile"), gas.duration("within"));
        Some(GasWindow {
            quantile: quantile?.into_inner(),
            within: within?,
        })
    });
    if gas.is_some() && critical == Some(true) {
        reader.warning(
            section.span_of("gas"),
            "a critical task waits for no better moment: `gas` is not heeded",
            "remove `gas`, or `critical`",
        );
    }
    let join = section.choice("join");
    if let Some(join) = join.as_ref().filter(|_| !section.has("after")) {
        let message = "`join` means nothing without `after`";
        reader.error(join.span(), message, "remove `join`");
    }
    TaskSpec {
        critical: critical.unwrap_or(false),
        priority: section
            .signed("priority")
            .map_or(0, |priority| i16::try_from(priority).unwrap_or(0)),
        retry: retry(reader, section),
        join: match join.map(At::into_inner) {
            Some("any") => Join::Any,
            _ => Join::All,
        },
        delay: section.duration("delay").unwrap_or_default(),
        approval: section.flag("approval").unwrap_or(false),
        deadline: section.duration("deadline"),
        sla: section.duration("sla"),
        gas,
        keys: section
            .resources("keys")
            .into_iter()
            .map(At::into_inner)
            .collect(),
        compensate: section.flag("compensate").unwrap_or(false),
        ..default
    }
}

fn retry(reader: &Reader<'_>, section: &Section<'_>) -> RetryPolicy {
    let max_attempts = section.integer("max_attempts");
    let (base, cap) = (
        section.duration("retry_after"),
        section.duration("retry_cap"),
    );
    let count = |number: At<u64>| u32::try_from(number.into_inner()).unwrap_or(u32::MAX);
    let default = RetryPolicy::default();
    let mut limits = BTreeMap::new();
    if let Some(section) = section.table("retry_limits") {
        for class in ErrorClass::ALL {
            if let Some(limit) = section.integer(class.name()) {
                limits.insert(class, count(limit));
            }
        }
    }
    let retry = RetryPolicy {
        max_attempts: max_attempts.map_or(default.max_attempts, count),
        base: base.unwrap_or(default.base),
        cap: cap.unwrap_or(default.cap),
        limits,
    };
    if retry.base > retry.cap {
        let message = "`retry_after` is longer than `retry_cap`";
        reader.error(
            section.span_of("retry_after"),
            message,
            "lower it, or raise `retry_cap`",
        );
    }
    retry
}

impl Draft {
    /// Whether it does something at a protocol.
    fn acts(&self) -> bool {
        self.verb
            .as_ref()
            .is_some_and(|verb| *verb.get_ref() != "nothing")
    }

    /// The task of one element.
    pub(super) fn element(
        &self,
        reader: &Reader<'_>,
        section: &Section<'_>,
        element: &Element,
        world: &World<'_>,
    ) -> Option<TaskDef> {
        let name = element.name(self.name.get_ref());
        let mut spec = self.spec.clone();
        if let Some(campaign) = &self.campaign {
            spec.work = Work::Campaign(campaign.get_ref().as_str().into());
        } else if self.acts() {
            let place = Place {
                reader,
                section,
                draft: self,
                element,
                world,
            };
            let (config, assignment) = place.assignment()?;
            let kind = catalogue::kind(config.module.name(), assignment.action.verb())?;
            if spec.compensate && kind.compensation.is_none() {
                reader.error(
                    section.span_of("compensate"),
                    format!("nothing undoes {}", kind.action),
                    "remove `compensate`",
                );
            }
            spec.critical |= kind.critical;
            let usual = std::time::Duration::from_secs(kind.timeout_seconds);
            spec.timeout = Some(self.timeout.unwrap_or(usual));
            spec.keys = resources::of(config, assignment.wallet, &spec.keys);
            spec.work = Work::Act(assignment);
        } else {
            spec.timeout = self.timeout;
        }
        spec.keys.sort();
        spec.keys.dedup();
        Some(TaskDef {
            name,
            spec: spec.into(),
            after: Vec::new(),
        })
    }
}
