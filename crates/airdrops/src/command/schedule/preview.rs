//! `schedule preview`: what would fire, with an estimate of its gas.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use airdrops_protocols::catalogue::{self, APPROVAL_GAS};
use airdrops_scheduler::Campaign;
use airdrops_store::Access;
use airdrops_types::{ChainId, Timestamp, Work};
use serde_json::{Value, json};

use crate::cli::{Global, SchedulePreview};
use crate::command::Opened;
use crate::command::campaign::{fires, known};
use crate::exit::Failure;

/// Instants of one campaign that are looked at.
const MOST: usize = 100_000;

/// Shows what would fire in the next days.
///
/// # Errors
/// If the database cannot be read, or there is no such campaign.
pub(super) fn preview(global: &Global, options: &SchedulePreview) -> Result<(), Failure> {
    let opened = crate::command::open(global, Access::ReadOnly)?;
    let now = crate::command::now();
    let until = now.plus(Duration::from_secs(u64::from(options.days) * 86_400));
    let mut all = known::all(&opened)?;
    if let Some(name) = &options.campaign {
        if !all.iter().any(|it| it.campaign.id.as_str() == name) {
            return Err(known::unknown(name, &all));
        }
        all.retain(|it| it.campaign.id.as_str() == name);
    }
    let mut prices = Prices::new(&opened);
    let mut estimates = Vec::new();
    let mut queue = BinaryHeap::new();
    let mut quiet = Vec::new();
    for (index, it) in all.iter().enumerate() {
        estimates.push(prices.of(&it.campaign)?);
        if let Some(reason) = it.paused() {
            quiet.push(format!("{} is paused: {reason}", it.campaign.id));
            continue;
        }
        if let Some(when) = fires::without_instants(&it.campaign.trigger) {
            quiet.push(format!("{} fires {when}", it.campaign.id));
            continue;
        }
        let seen = it.first_seen(now);
        let after = Timestamp(now.0.saturating_sub(1));
        for at in fires::between(&it.campaign, after, until, seen, MOST) {
            queue.push(Reverse((at, index)));
        }
    }
    let count = queue.len();
    let limit = usize::try_from(options.limit).unwrap_or(usize::MAX);
    let mut total = Total::default();
    let mut text = String::new();
    let mut rows = Vec::new();
    while let Some(Reverse((at, index))) = queue.pop() {
        let (campaign, estimate) = (&all[index].campaign, &estimates[index]);
        total.add(estimate);
        if rows.len() >= limit {
            continue;
        }
        let tasks: Vec<&str> = campaign
            .tasks
            .iter()
            .map(|task| task.name.as_str())
            .collect();
        let named = match tasks.as_slice() {
            [.., _] if tasks.len() > 6 => {
                format!("{} and {} more", tasks[..5].join(", "), tasks.len() - 5)
            }
            _ => tasks.join(", "),
        };
        text.push_str(&format!(
            "{at}  {}: {named}; gas {}\n",
            campaign.id,
            estimate.text()
        ));
        rows.push(json!({
            "at": at.to_string(),
            "campaign": campaign.id,
            "tasks": tasks,
            "gas": estimate.json(),
        }));
    }
    if count > rows.len() {
        text.push_str(&format!(
            "and {} more: --limit {count}\n",
            count - rows.len()
        ));
    }
    if count == 0 {
        text.push_str(&format!("Nothing fires until {until}.\n"));
    } else {
        let runs = if count == 1 { "run" } else { "runs" };
        text.push_str(&format!(
            "\n{count} {runs} until {until}; gas {}\n",
            total.text()
        ));
    }
    for line in &quiet {
        text.push_str(&format!("{line}\n"));
    }
    crate::command::answer(
        global,
        &text,
        &json!({
            "from": now.to_string(),
            "until": until.to_string(),
            "count": count,
            "fires": rows,
            "total": { "gas": total.units, "usd": total.usd, "not_known": total.unknown },
            "without_instants": quiet,
        }),
    );
    Ok(())
}

/// What one run of a campaign costs.
struct Estimate {
    /// Units of the tasks whose gas is known.
    units: u64,
    /// Tasks at a protocol whose gas is not known.
    unknown: usize,
    /// Dollars at the last base fees and prices; `None` if any of them is not known.
    usd: Option<f64>,
}

impl Estimate {
    fn text(&self) -> String {
        let unknown = match self.unknown {
            0 => String::new(),
            1 => ", 1 task not known".into(),
            count => format!(", {count} tasks not known"),
        };
        match (self.units, self.usd) {
            (0, _) if self.unknown > 0 => "not known".into(),
            (units, Some(usd)) => format!("{units}, ${usd:.2}{unknown}"),
            (units, None) => format!("{units}, price not known{unknown}"),
        }
    }

    fn json(&self) -> Value {
        json!({ "units": self.units, "usd": self.usd, "tasks_not_known": self.unknown })
    }
}

/// The sum over all runs.
struct Total {
    units: u64,
    usd: Option<f64>,
    unknown: usize,
}

impl Default for Total {
    fn default() -> Self {
        Self {
            units: 0,
            usd: Some(0.0),
            unknown: 0,
        }
    }
}

impl Total {
    fn add(&mut self, estimate: &Estimate) {
        self.units = self.units.saturating_add(estimate.units);
        self.unknown = self.unknown.saturating_add(estimate.unknown);
        self.usd = self.usd.zip(estimate.usd).map(|(sum, more)| sum + more);
    }

    fn text(&self) -> String {
        let Self {
            units,
            usd,
            unknown,
        } = *self;
        Estimate {
            units,
            usd,
            unknown,
        }
        .text()
    }
}

/// What gas costs on each chain, as it was last seen.
struct Prices<'a> {
    opened: &'a Opened,
    /// Dollars per unit of gas; `None` if the base fee or the price is not known.
    per_unit: BTreeMap<ChainId, Option<f64>>,
}

impl<'a> Prices<'a> {
    fn new(opened: &'a Opened) -> Self {
        Self {
            opened,
            per_unit: BTreeMap::new(),
        }
    }

    fn of(&mut self, campaign: &Campaign) -> Result<Estimate, Failure> {
        let mut estimate = Estimate {
            units: 0,
            unknown: 0,
            usd: Some(0.0),
        };
        let protocols = self.opened.loaded.as_ref();
        let protocols = protocols.map(|loaded| loaded.settings.protocols.as_slice());
        for task in &campaign.tasks {
            let Work::Act(acts) = &task.spec.work else {
                continue;
            };
            let config = protocols
                .unwrap_or_default()
                .iter()
                .find(|config| config.id == acts.protocol);
            let kind =
                config.and_then(|config| catalogue::kind(config.module.name(), acts.action.verb()));
            let (Some(config), Some(gas)) = (config, kind.and_then(|kind| kind.gas)) else {
                estimate.unknown += 1;
                continue;
            };
            let allowance = kind
                .filter(|kind| kind.approves)
                .and(APPROVAL_GAS)
                .map_or(0, |gas| gas.units);
            let units = gas.units.saturating_add(allowance);
            estimate.units = estimate.units.saturating_add(units);
            let per_unit = self.per_unit(config.chain)?;
            #[allow(clippy::cast_precision_loss)] // Shown with two decimals.
            let cost = per_unit.map(|price| price * units as f64);
            estimate.usd = estimate.usd.zip(cost).map(|(sum, cost)| sum + cost);
        }
        Ok(estimate)
    }

    fn per_unit(&mut self, chain: ChainId) -> Result<Option<f64>, Failure> {
        if let Some(known) = self.per_unit.get(&chain) {
            return Ok(*known);
        }
        let last = |series: &str| -> Result<Option<Value>, Failure> {
            let mut samples = self.opened.store.samples(series, Timestamp(0))?;
            Ok(samples.pop().map(|sample| sample.data))
        };
        let loaded = self.opened.loaded.as_ref();
        let native = loaded.and_then(|loaded| {
            let mut chains = loaded.settings.chains.iter();
            chains.find(|it| it.id == chain).map(|it| &it.native.asset)
        });
        let mut per_unit = None;
        if let Some(native) = native {
            let fee = last(&format!("base-fee:{chain}"))?;
            let fee = fee.and_then(|data| data.pointer("/base_fee/wei").and_then(number));
            let bar = last(&format!("bar:{native}"))?;
            let price = bar.and_then(|data| data.pointer("/bar/bar/close").and_then(number));
            per_unit = fee.zip(price).map(|(fee, price)| fee * 1e-18 * price);
        }
        self.per_unit.insert(chain, per_unit);
        Ok(per_unit)
    }
}

/// A number, also where it is written as text.
fn number(value: &Value) -> Option<f64> {
    value
        .as_f64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}
