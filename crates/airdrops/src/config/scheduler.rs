//! Limits that hold for all campaigns together.

use std::collections::BTreeSet;

use airdrops_scheduler::{Campaign, Quarantine, Rate, SchedulerPolicy};

use super::diagnostic::suggestion;
use super::keys;
use super::reader::{At, Reader};
use super::section::Section;

/// The kinds of keys that every task has by itself.
const KINDS: [&str; 5] = ["chain", "family", "protocol", "rpc", "wallet"];

pub(super) fn read(
    reader: &Reader<'_>,
    root: &Section<'_>,
    campaigns: &[Campaign],
) -> SchedulerPolicy {
    let section = root
        .table("scheduler")
        .unwrap_or_else(|| Section::absent(reader, &keys::SCHEDULER));
    let default = SchedulerPolicy::default();
    let known = Known::of(campaigns);
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let mut concurrency = default.concurrency;
    for (key, limit) in section.counts("concurrency") {
        known.check(reader, &key);
        concurrency.insert(key.into_inner(), small(limit));
    }
    let mut rates = default.rates;
    for (key, rate) in section.each_table("rates") {
        known.check(reader, &key);
        let (starts, per) = (rate.integer("starts"), rate.duration("per"));
        if let (Some(starts), Some(per)) = (starts, per) {
            let starts = small(starts.into_inner());
            rates.insert(key.into_inner(), Rate { starts, per });
        }
    }
    let mut quarantine = default.quarantine;
    if let Some(section) = section.table("quarantine") {
        quarantine = Quarantine {
            failures: section
                .integer("failures")
                .map_or(quarantine.failures, |count| small(count.into_inner())),
            within: section.duration("within").unwrap_or(quarantine.within),
            pause: section.duration("pause").unwrap_or(quarantine.pause),
        };
    }
    SchedulerPolicy {
        concurrency,
        rates,
        aging: section.duration("aging").unwrap_or(default.aging),
        quarantine,
    }
}

/// The keys that tasks have, and their kinds.
struct Known<'a> {
    keys: BTreeSet<&'a str>,
    kinds: BTreeSet<&'a str>,
}

impl<'a> Known<'a> {
    fn of(campaigns: &'a [Campaign]) -> Self {
        let tasks = campaigns.iter().flat_map(|campaign| &campaign.tasks);
        let keys = tasks.flat_map(|task| &task.spec.keys);
        let keys: BTreeSet<&str> = keys.map(String::as_str).collect();
        let own = keys.iter().filter_map(|key| key.split_once(':'));
        let kinds = own.map(|(kind, _)| kind).chain(KINDS).collect();
        Self { keys, kinds }
    }

    /// Warns of a limit of what no task uses.
    fn check(&self, reader: &Reader<'_>, key: &At<String>) {
        let name = key.get_ref().as_str();
        if self.keys.contains(name) || self.kinds.contains(name) {
            return;
        }
        let all = self.keys.iter().chain(&self.kinds).copied();
        let message = format!("no task of this file uses `{name}`");
        reader.warning(key.span(), message, suggestion(name, all, "key"));
    }
}
