//! Campaigns and their tasks.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use airdrops_protocols::{ModuleConfig, ProtocolConfig};
use airdrops_scheduler::campaign::CampaignDefect;
use airdrops_scheduler::trigger::TriggerError;
use airdrops_scheduler::{After, Campaign, TaskDef, Trigger};
use airdrops_types::{
    Action, Address, AmountSpec, AssetId, Assignment, RetryPolicy, TaskSpec, Token, Work,
};

use super::diagnostic::suggestion;
use super::keys;
use super::protocol::{Protocols, module_name};
use super::reader::{At, Reader};
use super::resolve::Names;
use super::section::Section;
use super::unit;

/// A campaign that was read, and where its parts stand.
struct Places {
    section: Range<usize>,
    cron: Range<usize>,
    zone: Range<usize>,
    /// Each task's name and its `after` key.
    tasks: Vec<(String, Range<usize>, Range<usize>)>,
}

pub(super) fn read(
    reader: &Reader<'_>,
    root: &Section<'_>,
    wallets: &Names<Address>,
    protocols: &Protocols,
) -> Vec<Campaign> {
    let mut campaigns = Vec::new();
    let mut names = BTreeSet::new();
    for section in root.tables("campaign") {
        let name = section.name("name");
        let trigger = trigger(reader, &section);
        let misfire_grace = section.duration("misfire_grace");
        let mut tasks = Vec::new();
        let mut places = Places {
            section: section.span.clone(),
            cron: section.span_of("cron"),
            zone: section.span_of("zone"),
            tasks: Vec::new(),
        };
        let mut all_read = true;
        for task in section.tables("task") {
            match read_task(reader, &task, wallets, protocols) {
                Some(definition) => {
                    places.tasks.push((
                        definition.name.clone(),
                        task.span_of("name"),
                        task.span_of("after"),
                    ));
                    tasks.push((definition, task.names("after")));
                }
                None => all_read = false,
            }
        }
        let Some(name) = name else { continue };
        if !names.insert(name.get_ref().clone()) {
            let message = format!("campaign `{}` is defined twice", name.get_ref());
            reader.error(name.span(), message, "rename or remove one of them");
        }
        if all_read {
            note_unknown_predecessors(reader, &tasks);
        }
        let tasks = tasks.into_iter().map(|(task, _)| task).collect();
        let campaign = Campaign {
            misfire_grace,
            ..Campaign::new(name.into_inner(), trigger, tasks)
        };
        note_defects(reader, &campaign, &places, all_read);
        campaigns.push(campaign);
    }
    campaigns
}

fn trigger(reader: &Reader<'_>, section: &Section<'_>) -> Trigger {
    let cron = section.text("cron");
    let zone = section.text("zone");
    let every = section.duration("every");
    let first = section.instant("first");
    let at = section.instant("at");
    let given: Vec<&str> = ["cron", "every", "at"]
        .into_iter()
        .filter(|key| section.has(key))
        .collect();
    if let [_, second, ..] = given.as_slice() {
        reader.error(
            section.span_of(second),
            format!(
                "a campaign has one trigger, this has {}",
                given.join(" and ")
            ),
            "remove all but one; for several triggers, write several campaigns",
        );
    }
    for (key, needs) in [("zone", "cron"), ("first", "every")] {
        if section.has(key) && !section.has(needs) {
            let message = format!("`{key}` means nothing without `{needs}`");
            reader.error(section.span_of(key), message, format!("remove `{key}`"));
        }
    }
    if let Some(cron) = cron {
        Trigger::Cron {
            expression: cron.into_inner(),
            zone: zone.map_or_else(|| "UTC".into(), At::into_inner),
        }
    } else if let Some(every) = every {
        Trigger::Interval {
            every,
            first: first.map(At::into_inner),
        }
    } else if let Some(at) = at {
        Trigger::Date {
            at: at.into_inner(),
        }
    } else {
        Trigger::Once
    }
}

fn read_task(
    reader: &Reader<'_>,
    section: &Section<'_>,
    wallets: &Names<Address>,
    protocols: &Protocols,
) -> Option<TaskDef> {
    let name = section.name("name");
    let wallet = section
        .name("wallet")
        .and_then(|wallet| wallets.find(reader, &wallet).copied());
    let protocol = section
        .name("protocol")
        .and_then(|protocol| protocols.names.find(reader, &protocol));
    let verb = section.choice("action");
    let amount = section.amount("amount");
    let (from, to) = (section.name("from"), section.name("to"));
    let critical = section.flag("critical").unwrap_or(false);
    let max_attempts = section.integer("max_attempts");
    let (base, cap) = (
        section.duration("retry_after"),
        section.duration("retry_cap"),
    );
    let after = section.names("after");

    let default = RetryPolicy::default();
    let retry = RetryPolicy {
        max_attempts: max_attempts.map_or(default.max_attempts, |attempts| {
            u32::try_from(attempts.into_inner()).unwrap_or(u32::MAX)
        }),
        base: base.unwrap_or(default.base),
        cap: cap.unwrap_or(default.cap),
        ..default
    };
    if retry.base > retry.cap {
        let message = "`retry_after` is longer than `retry_cap`";
        reader.error(
            section.span_of("retry_after"),
            message,
            "lower it, or raise `retry_cap`",
        );
    }
    let verb = verb?;
    let protocol = protocol?;
    let possible = keys::actions_of(module_name(&protocol.module));
    if !possible.contains(verb.get_ref()) {
        reader.error(
            verb.span(),
            format!(
                "protocol `{}` cannot {}: its module is {}",
                protocol.id,
                verb.get_ref(),
                module_name(&protocol.module)
            ),
            format!("it can: {}", possible.join(", ")),
        );
        return None;
    }
    let place = TaskPlace {
        reader,
        section,
        protocol,
    };
    let action = place.action(verb.get_ref(), from, to);
    let amount = place.amount(verb.get_ref(), amount);
    let work = Work::Act(Assignment {
        wallet: wallet?,
        protocol: protocol.id.clone(),
        action: action?,
        amount: amount?,
    });
    Some(TaskDef {
        name: name?.into_inner(),
        spec: Arc::new(TaskSpec {
            critical,
            retry,
            ..TaskSpec::of(work)
        }),
        after: after
            .iter()
            .map(|name| After::from(name.get_ref().as_str()))
            .collect(),
    })
}

/// One task while it is read.
struct TaskPlace<'a> {
    reader: &'a Reader<'a>,
    section: &'a Section<'a>,
    protocol: &'a ProtocolConfig,
}

impl TaskPlace<'_> {
    fn action(
        &self,
        verb: &str,
        from: Option<At<String>>,
        to: Option<At<String>>,
    ) -> Option<Action> {
        if verb != "swap" {
            for key in ["from", "to"] {
                if self.section.has(key) {
                    let message = format!("`{key}` means nothing for {verb}");
                    let help = format!("remove `{key}`: only a swap has it");
                    self.reader.error(self.section.span_of(key), message, help);
                }
            }
        }
        Some(match verb {
            "wrap" => Action::Wrap,
            "unwrap" => Action::Unwrap,
            "supply" => Action::Supply,
            "withdraw" => Action::Withdraw,
            "swap" => return self.swap(from, to),
            "add_liquidity" => Action::AddLiquidity,
            "remove_liquidity" => Action::RemoveLiquidity,
            "stake" => Action::Stake,
            "exit" => Action::Exit,
            "bridge" => Action::Bridge,
            _ => Action::Claim,
        })
    }

    fn swap(&self, from: Option<At<String>>, to: Option<At<String>>) -> Option<Action> {
        for (key, value) in [("from", &from), ("to", &to)] {
            if value.is_none() && !self.section.has(key) {
                self.reader.error(
                    self.section.span.clone(),
                    format!("a swap needs `{key}`"),
                    format!("write {key} = \"USDC\""),
                );
            }
        }
        let (from, to) = (self.side(&from?), self.side(&to?));
        let (from, to) = (from?, to?);
        if from == to {
            let span = self.section.span_of("to");
            self.reader.error(span, "`from` and `to` are the same", "");
            return None;
        }
        Some(Action::Swap { from, to })
    }

    /// The asset of one side of the pair.
    fn side(&self, name: &At<String>) -> Option<AssetId> {
        let ModuleConfig::UniswapV2 {
            token_a, token_b, ..
        } = &self.protocol.module
        else {
            return None;
        };
        let sides = [token_a.asset.as_str(), token_b.asset.as_str()];
        if !sides.contains(&name.get_ref().as_str()) {
            self.reader.error(
                name.span(),
                format!(
                    "the pair `{}` has no asset `{}`",
                    self.protocol.id,
                    name.get_ref()
                ),
                suggestion(name.get_ref(), sides, "asset"),
            );
            return None;
        }
        Some(AssetId(name.get_ref().clone()))
    }

    /// The token that an exact amount counts, where the configuration knows it.
    fn counted(&self, verb: &str) -> Option<&Token> {
        match &self.protocol.module {
            ModuleConfig::WrappedNative { native, .. } => Some(native),
            ModuleConfig::Erc4626 { asset, .. } => Some(asset),
            ModuleConfig::UniswapV2 {
                token_a,
                token_b,
                lp,
                ..
            } => match verb {
                "swap" if self.section.is("from", token_b.asset.as_str()) => Some(token_b),
                "remove_liquidity" => Some(lp),
                _ => Some(token_a),
            },
            ModuleConfig::StakingRewards { stake, .. } => Some(stake),
            ModuleConfig::Bridge { token, .. } => Some(token),
            ModuleConfig::MerkleDistributor { .. } => None,
        }
    }

    fn amount(&self, verb: &str, amount: Option<At<AmountSpec>>) -> Option<AmountSpec> {
        let takes_all = matches!(verb, "exit" | "claim");
        let Some(amount) = amount else {
            if takes_all {
                return Some(AmountSpec::All);
            }
            if !self.section.has("amount") {
                self.reader.error(
                    self.section.span.clone(),
                    format!("{verb} needs `amount`"),
                    "write amount = \"target\", \"all\", \"25%\" or \"1.25\"",
                );
            }
            return None;
        };
        let span = amount.span();
        let amount = amount.into_inner();
        match &amount {
            other if takes_all && *other != AmountSpec::All => {
                let message = format!("{verb} always takes all");
                self.reader.error(span, message, "remove `amount`");
                return None;
            }
            AmountSpec::Exact(text) => {
                let token = self.counted(verb)?;
                if let Err(defect) = unit::tokens(text, token.decimals) {
                    let message = format!("`amount`: `{text}` {defect}, as {} has", token.asset);
                    self.reader.error(span, message, "");
                    return None;
                }
            }
            _ => {}
        }
        Some(amount)
    }
}

fn note_unknown_predecessors(reader: &Reader<'_>, tasks: &[(TaskDef, Vec<At<String>>)]) {
    let known: Vec<&str> = tasks.iter().map(|(task, _)| task.name.as_str()).collect();
    for (_, after) in tasks {
        for name in after {
            if !known.contains(&name.get_ref().as_str()) {
                reader.error(
                    name.span(),
                    format!("unknown task `{}` in this campaign", name.get_ref()),
                    suggestion(name.get_ref(), known.iter().copied(), "task"),
                );
            }
        }
    }
}

/// Notes what the scheduler finds wrong, where it stands in the file.
fn note_defects(reader: &Reader<'_>, campaign: &Campaign, places: &Places, all_read: bool) {
    let Err(errors) = campaign.validate() else {
        return;
    };
    for error in errors {
        let task = |name: &str| places.tasks.iter().rfind(|(task, ..)| task == name);
        match &error.defect {
            CampaignDefect::Trigger(trigger) => {
                let (span, help) = match trigger {
                    TriggerError::Zone { .. } => (
                        places.zone.clone(),
                        "use a name such as \"UTC\" or \"Europe/Berlin\"",
                    ),
                    _ => (
                        places.cron.clone(),
                        "minute hour day month weekday, such as \"0 9 * * MON\"",
                    ),
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
