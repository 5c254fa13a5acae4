//! The report: everything it shows is computed from the journal alone, once, into [`Report`]; the
//! terminal and the HTML file only draw it.

pub mod chart;
pub mod html;
pub mod page;
pub mod performance;
pub mod picture;
pub mod plan;
pub mod rows;
pub mod series;
pub mod terminal;
pub mod timeline;

use std::collections::BTreeMap;

use airdrops_types::{
    Bps, ChainId, Entry, EquityPoint, IntentId, JournalEntry, Reason, Timestamp, TxResult, Usd,
    Verdict,
};
use serde_json::{Value, json};

use crate::narrate::{self, ChainNames};
use performance::Performance;
use plan::LastPlan;
use timeline::{Bands, Gantt};

pub use rows::{BaseFees, Exposure, GasRow, RefusalGroup, RefusalRow, RunMode, Totals};

/// Everything that the report shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Where the journal was written.
    pub mode: RunMode,
    /// Version of the program that wrote the latest part.
    pub version: String,
    /// Instant of the first entry.
    pub from: Option<Timestamp>,
    /// Instant of the last entry.
    pub to: Option<Timestamp>,
    /// Journal entries.
    pub entries: usize,
    /// Number and hash of the last entry.
    pub head: Option<(u64, String)>,
    /// Equity at each assessment.
    pub equity: Vec<EquityPoint>,
    /// How far below its peak the flow-adjusted equity was.
    pub drawdown: Vec<(Timestamp, Bps)>,
    /// Protocols, then assets, each by falling last value.
    pub exposures: Vec<Exposure>,
    /// Gas by falling fee.
    pub gas: Vec<GasRow>,
    /// Base fees by chain.
    pub base_fees: Vec<BaseFees>,
    /// Refusals, oldest first.
    pub refusals: Vec<RefusalRow>,
    /// Refusals per reason, most first.
    pub refusal_groups: Vec<RefusalGroup>,
    /// Control states over time.
    pub control: Bands,
    /// Tasks over time.
    pub gantt: Gantt,
    /// Sums.
    pub totals: Totals,
    /// Returns, ratios, costs and contributions.
    pub performance: Performance,
    /// The last plan; `None` if there is none.
    pub plan: Option<LastPlan>,
    /// Forecasts by what was said, with what came; they are not in the journal, but beside it.
    pub forecasts: Vec<picture::calibration::Bin>,
}

/// A refusal before rows are made: the step that it is about, and its codes.
type RefusalKey = (String, u32, Vec<&'static str>);

#[derive(Default)]
struct Builder {
    names: ChainNames,
    policy: Value,
    exposures: BTreeMap<(&'static str, String), Exposure>,
    protocols_of: BTreeMap<IntentId, String>,
    gas: BTreeMap<(String, String), (u64, Usd)>,
    base_fees: BTreeMap<ChainId, BaseFees>,
    /// The row that each step's latest refusal went to.
    open_refusals: BTreeMap<RefusalKey, usize>,
    refusals: Vec<RefusalRow>,
    groups: BTreeMap<&'static str, RefusalGroup>,
}

impl Report {
    /// Computes the report of a journal, oldest entry first; `names` are the chains' names.
    #[must_use]
    pub fn from_journal(entries: &[JournalEntry], names: ChainNames) -> Self {
        let mut builder = Builder {
            names,
            ..Builder::default()
        };
        let mut report = Self {
            mode: RunMode::Unknown,
            version: String::new(),
            from: entries.first().map(|entry| entry.at),
            to: entries.last().map(|entry| entry.at),
            entries: entries.len(),
            head: entries
                .last()
                .map(|entry| (entry.seq, entry.hash.to_string())),
            equity: Vec::new(),
            drawdown: Vec::new(),
            exposures: Vec::new(),
            gas: Vec::new(),
            base_fees: Vec::new(),
            refusals: Vec::new(),
            refusal_groups: Vec::new(),
            control: Bands::from_journal(entries, &builder.names),
            gantt: Gantt::from_journal(entries),
            totals: Totals::default(),
            performance: Performance::default(),
            plan: LastPlan::from_journal(entries),
            forecasts: Vec::new(),
        };
        for entry in entries {
            report.take(entry, &mut builder);
        }
        report.finish(builder);
        report.performance = Performance::from_journal(entries, &report.equity);
        report
    }

    fn take(&mut self, entry: &JournalEntry, builder: &mut Builder) {
        match &entry.entry {
            Entry::Started {
                version,
                mode,
                policy,
                ..
            } => {
                self.mode = match mode.as_str() {
                    "demo" => RunMode::Demo,
                    "paper" => RunMode::Paper,
                    "live" => RunMode::Live,
                    _ => RunMode::Unknown,
                };
                self.version.clone_from(version);
                builder.policy = policy.clone();
            }
            Entry::Assessed {
                point,
                protocols,
                assets,
                base_fees,
            } => {
                self.equity.push(*point);
                for (chain, wei) in base_fees {
                    builder.base_fee(entry.at, *chain, *wei);
                }
                builder.expose("protocol", point, protocols);
                builder.expose("asset", point, assets);
            }
            Entry::Tripped { .. } => self.totals.trips += 1,
            Entry::Decided {
                intent, verdict, ..
            } => {
                builder
                    .protocols_of
                    .insert(intent.id, intent.protocol.to_string());
                match verdict {
                    Verdict::Permitted { .. } => self.totals.permitted += 1,
                    Verdict::Refused { reasons } => {
                        self.totals.refused += 1;
                        builder.refuse(entry.at, intent, reasons);
                    }
                }
            }
            Entry::Signed { .. } => self.totals.signed += 1,
            Entry::Settled { outcome, fee, .. } => {
                match outcome.result {
                    TxResult::Succeeded => self.totals.succeeded += 1,
                    TxResult::Reverted { .. } => self.totals.reverted += 1,
                    TxResult::Cancelled => self.totals.cancelled += 1,
                }
                self.totals.fees += *fee;
                builder.pay(outcome.chain, outcome.intent, *fee);
            }
            _ => {}
        }
    }

    fn finish(&mut self, builder: Builder) {
        self.drawdown = series::drawdown(&self.equity);
        if let (Some(first), Some(last)) = (self.equity.first(), self.equity.last()) {
            self.totals.start = first.equity;
            self.totals.end = last.equity;
            self.totals.flows = last.net_flows - first.net_flows;
            self.totals.profit = last.equity - first.equity - self.totals.flows;
        }
        self.totals.max_drawdown = self
            .drawdown
            .iter()
            .map(|(_, depth)| *depth)
            .max()
            .unwrap_or_default();
        self.totals.tasks = self.gantt.made;
        self.totals.completed = self.gantt.completed;
        self.totals.failed = self.gantt.failed;
        self.exposures = builder.exposures.into_values().collect();
        self.exposures.sort_by(|a, b| {
            b.kind
                .cmp(a.kind)
                .then(b.value.cmp(&a.value))
                .then(a.name.cmp(&b.name))
        });
        self.gas = builder
            .gas
            .into_iter()
            .map(|((chain, protocol), (transactions, fee))| GasRow {
                chain,
                protocol,
                transactions,
                fee,
            })
            .collect();
        self.base_fees = builder.base_fees.into_values().collect();
        self.gas.sort_by_key(|row| std::cmp::Reverse(row.fee));
        self.refusals = builder.refusals;
        self.refusal_groups = builder.groups.into_values().collect();
        self.refusal_groups
            .sort_by_key(|group| std::cmp::Reverse(group.count));
    }

    /// The numbers as JSON, without the series.
    #[must_use]
    pub fn json(&self) -> Value {
        let totals = &self.totals;
        json!({
            "mode": self.mode.word(),
            "version": self.version,
            "from": self.from.map(|at| at.to_string()),
            "to": self.to.map(|at| at.to_string()),
            "entries": self.entries,
            "head": self.head.as_ref().map(|(seq, hash)| json!({ "seq": seq, "hash": hash })),
            "totals": {
                "equity_start_micro_usd": totals.start,
                "equity_end_micro_usd": totals.end,
                "net_flows_micro_usd": totals.flows,
                "profit_micro_usd": totals.profit,
                "fees_micro_usd": totals.fees,
                "max_drawdown_bps": totals.max_drawdown,
                "signed": totals.signed,
                "succeeded": totals.succeeded,
                "reverted": totals.reverted,
                "cancelled": totals.cancelled,
                "permitted": totals.permitted,
                "refused": totals.refused,
                "tasks": totals.tasks,
                "completed": totals.completed,
                "failed": totals.failed,
                "trips": totals.trips,
            },
            "performance": self.performance.json(),
            "exposures": self.exposures.iter().map(|exposure| json!({
                "kind": exposure.kind,
                "name": exposure.name,
                "value_micro_usd": exposure.value,
                "share_bps": exposure.shares.last().map(|(_, share)| share),
                "limit_bps": exposure.limits.last().map(|(_, limit)| limit),
            })).collect::<Vec<_>>(),
            "gas": self.gas.iter().map(|row| json!({
                "chain": row.chain,
                "protocol": row.protocol,
                "transactions": row.transactions,
                "fee_micro_usd": row.fee,
            })).collect::<Vec<_>>(),
            "refusals": self.refusal_groups.iter().map(|group| json!({
                "code": group.code,
                "count": group.count,
                "example": group.example,
                "task": group.task,
            })).collect::<Vec<_>>(),
        })
    }
}

impl Builder {
    /// The limit of the policy that was in force.
    fn limit(&self, kind: &str, name: &str) -> Option<Bps> {
        let (own, common) = match kind {
            "protocol" => ("protocol_limits", "protocol_limit"),
            _ => ("asset_limits", "asset_limit"),
        };
        let limit = self
            .policy
            .get(own)
            .and_then(|limits| limits.get(name))
            .or_else(|| self.policy.get(common))?;
        u32::try_from(limit.as_u64()?).ok().map(Bps)
    }

    fn base_fee(&mut self, at: Timestamp, chain: ChainId, wei: u128) {
        let ceiling = self
            .policy
            .get("gas_ceilings")
            .and_then(|ceilings| ceilings.get(chain.to_string()))
            .and_then(Value::as_u64);
        let name = narrate::chain_name(&self.names, chain);
        let series = self.base_fees.entry(chain).or_insert_with(|| BaseFees {
            chain: name,
            fees: Vec::new(),
            ceilings: Vec::new(),
        });
        series.fees.push((at, wei));
        series
            .ceilings
            .extend(ceiling.map(|wei| (at, u128::from(wei))));
    }

    fn expose(&mut self, kind: &'static str, point: &EquityPoint, values: &[(String, Usd)]) {
        // What is not listed any more has gone to zero.
        for ((of, name), exposure) in &mut self.exposures {
            if *of == kind && !values.iter().any(|(listed, _)| listed == name) {
                exposure.shares.push((point.at, Bps(0)));
                exposure.value = Usd::ZERO;
            }
        }
        for (name, value) in values {
            let limit = self.limit(kind, name);
            let exposure = self
                .exposures
                .entry((kind, name.clone()))
                .or_insert_with(|| Exposure {
                    kind,
                    name: name.clone(),
                    shares: Vec::new(),
                    limits: Vec::new(),
                    value: Usd::ZERO,
                });
            let share = value.share_of(point.equity).unwrap_or_default();
            exposure.shares.push((point.at, share));
            exposure.limits.extend(limit.map(|limit| (point.at, limit)));
            exposure.value = *value;
        }
    }

    fn refuse(&mut self, at: Timestamp, intent: &airdrops_types::Intent, reasons: &[Reason]) {
        let codes: Vec<&'static str> = reasons.iter().map(Reason::code).collect();
        for reason in reasons {
            let group = self
                .groups
                .entry(reason.code())
                .or_insert_with(|| RefusalGroup {
                    code: reason.code(),
                    count: 0,
                    example: String::new(),
                    task: String::new(),
                });
            group.count += 1;
            group.example = narrate::named(&self.names, &reason.to_string());
            group.task = intent.task.to_string();
        }
        let key = (intent.task.to_string(), intent.step, codes.clone());
        let words = narrate::named(&self.names, &narrate::reasons_text(reasons));
        if let Some(row) = self
            .open_refusals
            .get(&key)
            .and_then(|index| self.refusals.get_mut(*index))
        {
            row.last = at;
            row.count += 1;
            row.reasons = words;
            return;
        }
        // Another reason for the same step ends the earlier row.
        self.open_refusals
            .retain(|(task, step, _), _| *task != key.0 || *step != key.1);
        self.open_refusals.insert(key, self.refusals.len());
        self.refusals.push(RefusalRow {
            first: at,
            last: at,
            count: 1,
            task: intent.task.to_string(),
            summary: narrate::named(&self.names, &intent.summary),
            codes,
            reasons: words,
        });
    }

    fn pay(&mut self, chain: ChainId, intent: IntentId, fee: Usd) {
        let chain = narrate::chain_name(&self.names, chain);
        let protocol = self.protocols_of.get(&intent).cloned().unwrap_or_default();
        let row = self.gas.entry((chain, protocol)).or_default();
        row.0 += 1;
        row.1 += fee;
    }
}
