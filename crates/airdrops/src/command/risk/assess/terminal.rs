//! What was measured, for people.

use airdrops_risk::Profit;
use airdrops_risk::Term;
use airdrops_risk::gas::{GasDirection, ShortHistory};
use airdrops_risk::monitor::{GasReport, NodeReport, ProtocolReport, TailReport, VolatilityReport};
use airdrops_risk::price::consensus::{SourceReport, SourceStanding};
use airdrops_risk::tail::Coverage;
use airdrops_types::{Alert, AssetId, Gwei, Price, Usd};

use crate::command::risk::measured::{Measured, known, table};
use crate::narrate::{self, ChainNames, chain_name};

/// The levels of value at risk, in the order of reports.
pub(super) const LEVELS: [f64; 2] = [0.99, 0.975];

/// The whole answer.
pub(super) fn render(measured: &Measured, alerts: &[Alert]) -> String {
    let report = &measured.report;
    let parts = [
        measured.head(),
        overall(measured),
        volatility(&report.volatility),
        tail(&report.tail),
        gas(&measured.names, &report.gas),
        protocols(&report.protocols),
        nodes(&report.nodes),
        prices(&report.prices),
        defects(&report.defects),
        measured.trips_text(),
        measured.scales_text(),
        latest(&measured.names, alerts),
    ];
    parts.concat()
}

fn overall(measured: &Measured) -> String {
    let report = &measured.report;
    format!(
        "\nEverything is {}. Risk is {} of 100 (0: none seen)\n{}\nEquity {}, drawdown {}, lost in \
         24 h {}\n{}",
        measured.overall(),
        report.portfolio.score,
        costly(&report.portfolio.terms, "  "),
        known(report.equity),
        known(report.drawdown),
        known(report.loss_24h),
        report.profit.as_ref().map_or_else(String::new, earned),
    )
}

/// Profit and loss in one line.
fn earned(profit: &Profit) -> String {
    format!(
        "Profit {}: realised {}, unrealised {}, income {}, gas {}, fees {}, lost {}; {} came from \
         outside\n",
        profit.total,
        profit.realised,
        profit.unrealised,
        profit.income,
        profit.gas,
        profit.fees,
        profit.lost,
        profit.net_flows,
    )
}

/// The terms that have points, one a line.
fn costly(terms: &[Term], indent: &str) -> String {
    let costly = terms.iter().filter(|term| term.points > 0);
    costly
        .map(|term| {
            format!(
                "{indent}{:>3}  {:<14} {}\n",
                term.points, term.name, term.measured
            )
        })
        .collect()
}

fn volatility(volatility: &VolatilityReport) -> String {
    let thresholds = volatility.thresholds;
    let mut text = match (volatility.index, volatility.state) {
        (Some(index), Some(state)) => format!("\nVolatility is {state}: the index is {index} %\n"),
        (Some(index), None) => format!("\nVolatility has no state yet: the index is {index} %\n"),
        (None, Some(state)) => format!("\nVolatility stays {state}: there is no index now\n"),
        (None, None) => {
            "\nVolatility is unknown: too few hours of prices were seen. It counts as extreme in \
             scores.\n"
                .to_owned()
        }
    };
    text.push_str(&format!(
        "States begin at {} % (medium), {} % (high), {} % (extreme)\n",
        thresholds.medium, thresholds.high, thresholds.extreme
    ));
    let rows = volatility.components.iter().map(|component| {
        let value = component.reading.last_known();
        vec![
            component.asset.to_string(),
            component.source.to_string(),
            value.map_or_else(|| "–".into(), |value| format!("{value} %")),
            component.reading.defect().unwrap_or_else(|| "fresh".into()),
        ]
    });
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        text.push_str(&table(
            &["Asset", "Volatility", "Annualised", ""],
            &[2],
            rows,
        ));
    }
    for (asset, percent) in &volatility.forecasts {
        text.push_str(&format!("Forecast of a day of {asset}: {percent:.2} %\n"));
    }
    text
}

fn tail(tail: &TailReport) -> String {
    let mut text = "\nValue at risk of one day, and whether it held\n".to_owned();
    let levels = [&tail.at_99, &tail.at_975].into_iter().zip(LEVELS);
    if tail.at_99.is_none() && tail.at_975.is_none() {
        text.push_str(&format!(
            "None: too little history ({} days of prices), or an exposure is not known.\n",
            tail.days
        ));
        if tail.coverage.iter().all(|coverage| coverage.days == 0) {
            text.push_str("Tests of Kupiec and of independence: too little history.\n");
            return text;
        }
    }
    let rows = levels.zip(&tail.coverage).map(|((at, level), coverage)| {
        let mut row = vec![
            format!("{} %", level * 100.0),
            at.as_ref()
                .map_or_else(|| "–".into(), |at| at.value_at_risk.to_string()),
            at.as_ref()
                .map_or_else(|| "–".into(), |at| at.expected_shortfall.to_string()),
        ];
        row.extend(held(coverage, 1.0 - level));
        row
    });
    text.push_str(&table(
        &[
            "Level",
            "Value at risk",
            "Shortfall",
            "Days",
            "Exceeded",
            "Kupiec p",
            "Independence p",
        ],
        &[1, 2, 3, 4, 5, 6],
        rows,
    ));
    let part = |parts: Option<&Vec<Usd>>, asset: usize| {
        let part = parts.and_then(|parts| parts.get(asset));
        part.map_or_else(|| "–".into(), ToString::to_string)
    };
    let (strict, loose) = (
        tail.at_99.as_ref().map(|at| &at.components),
        tail.at_975.as_ref().map(|at| &at.components),
    );
    if strict.or(loose).is_some() {
        let assets = tail.assets.iter().enumerate();
        text.push_str(&table(
            &["Shortfall from", "99 %", "97.5 %"],
            &[1, 2],
            assets.map(|(index, asset)| {
                vec![asset.to_string(), part(strict, index), part(loose, index)]
            }),
        ));
    }
    text
}

/// Days, rate and the two tests; in words where there are none.
fn held(coverage: &Coverage, expected: f64) -> [String; 4] {
    let short = || "too little history".to_owned();
    let p = |test: Option<airdrops_risk::tail::TestResult>| {
        test.map_or_else(short, |test| format!("{:.3}", test.p_value))
    };
    [
        coverage.days.to_string(),
        coverage
            .rate()
            .map_or_else(short, |rate| format!("{:.2} %", rate * 100.0)),
        p(coverage.kupiec(expected)),
        p(coverage.independence()),
    ]
}

fn gas(names: &ChainNames, gas: &[GasReport]) -> String {
    let rows = gas.iter().map(|gas| {
        vec![
            chain_name(names, gas.chain),
            known(gas.base_fee.map(Gwei)),
            match &gas.rank {
                Ok(rank) => rank.to_string(),
                Err(short) => seen(*short),
            },
            match &gas.trend {
                Ok(trend) => format!(
                    "{}, {}",
                    match trend.direction() {
                        GasDirection::Falling => "falling",
                        GasDirection::Steady => "steady",
                        GasDirection::Rising => "rising",
                    },
                    trend.ratio
                ),
                Err(short) => seen(*short),
            },
            known(gas.standard),
        ]
    });
    let header = [
        "Chain",
        "Base fee",
        "Hours cheaper",
        "6 h to 7 d",
        "Standard transaction",
    ];
    format!("\nGas\n{}", table(&header, &[1, 2, 4], rows))
}

/// How far a history that is too short has come.
fn seen(short: ShortHistory) -> String {
    format!("seen {} of {} h", short.hours, short.required)
}

fn protocols(protocols: &[ProtocolReport]) -> String {
    if protocols.is_empty() {
        return String::new();
    }
    let rows = protocols.iter().map(|report| {
        vec![
            report.protocol.to_string(),
            report.health.score.to_string(),
            report.risk.score.to_string(),
            report.opportunity.score.to_string(),
        ]
    });
    let header = ["Protocol", "Health", "Risk", "Risk of adding"];
    let mut text = format!(
        "\nProtocols (health: 100 is best; risk: 0 is best)\n{}",
        table(&header, &[1, 2, 3], rows)
    );
    for (what, terms_of) in [
        (
            "health lost",
            (|report| &report.health.terms) as fn(&ProtocolReport) -> &Vec<Term>,
        ),
        ("risk of adding", |report| &report.opportunity.terms),
    ] {
        for (names, lines) in alike(protocols, terms_of) {
            text.push_str(&format!("{}: {what}\n{lines}", names.join(", ")));
        }
    }
    text
}

/// Protocols whose costly terms are the same, together with these.
fn alike(
    protocols: &[ProtocolReport],
    terms_of: fn(&ProtocolReport) -> &Vec<Term>,
) -> Vec<(Vec<&str>, String)> {
    let mut groups: Vec<(Vec<&str>, String)> = Vec::new();
    for report in protocols {
        let lines = costly(terms_of(report), "  ");
        match groups.iter_mut().find(|(_, known)| *known == lines) {
            Some((names, _)) => names.push(report.protocol.as_str()),
            None => groups.push((vec![report.protocol.as_str()], lines)),
        }
    }
    groups.retain(|(_, lines)| !lines.is_empty());
    groups
}

fn nodes(nodes: &[NodeReport]) -> String {
    if nodes.is_empty() {
        return "\nNothing is at stake anywhere, or it is not known.\n".into();
    }
    let rows = nodes.iter().map(|node| {
        vec![
            node.node.to_string(),
            node.exposure.to_string(),
            known(node.share),
            node.limit.to_string(),
            node.headroom.to_string(),
        ]
    });
    let header = ["At stake at", "Value", "Share", "Limit", "Room"];
    format!("\n{}", table(&header, &[1, 2, 3, 4], rows))
}

/// A source's standing in words.
pub(super) struct SourceWords<'a> {
    /// `used`, `outlier`, `undecided`, `stale` or `missing`.
    pub(super) standing: &'static str,
    /// The last that it said.
    pub(super) price: Option<Price>,
    /// Why it is not fresh.
    pub(super) reason: Option<&'a str>,
}

/// A source's standing in words.
pub(super) fn source_words(standing: &SourceStanding) -> SourceWords<'_> {
    let (standing, price, reason) = match standing {
        SourceStanding::Used { price } => ("used", Some(*price), None),
        SourceStanding::Outlier { price } => ("outlier", Some(*price), None),
        SourceStanding::Undecided { price } => ("undecided", Some(*price), None),
        SourceStanding::Stale { price, reason } => ("stale", Some(*price), Some(reason.as_str())),
        SourceStanding::Missing { reason } => ("missing", None, Some(reason.as_str())),
    };
    SourceWords {
        standing,
        price,
        reason,
    }
}

fn prices(prices: &[(AssetId, Vec<SourceReport>)]) -> String {
    let rows: Vec<Vec<String>> = prices
        .iter()
        .flat_map(|(asset, sources)| {
            sources.iter().map(|source| {
                let words = source_words(&source.standing);
                vec![
                    asset.to_string(),
                    source.source.clone(),
                    words
                        .price
                        .map_or_else(|| "–".into(), |price| price.to_string()),
                    words.standing.to_owned(),
                    words.reason.unwrap_or_default().to_owned(),
                ]
            })
        })
        .collect();
    if rows.is_empty() {
        return "\nNo source says a price.\n".into();
    }
    let header = ["Price of", "Source", "Says", "Is", "Because"];
    format!("\n{}", table(&header, &[2], rows))
}

fn defects(defects: &[String]) -> String {
    if defects.is_empty() {
        return "\nAll data is fresh.\n".into();
    }
    let lines: String = defects.iter().map(|line| format!("  {line}\n")).collect();
    format!("\nData that is not fresh\n{lines}")
}

fn latest(names: &ChainNames, alerts: &[Alert]) -> String {
    if alerts.is_empty() {
        return "\nNo recent alerts.\n".into();
    }
    let lines: String = alerts
        .iter()
        .map(|alert| {
            format!(
                "  {}  {:<8}  {}, {}: {}\n",
                alert.at,
                alert.level,
                narrate::scope_text(names, &alert.scope),
                alert.matter,
                narrate::named(names, &alert.evidence)
            )
        })
        .collect();
    format!("\nLatest alerts\n{lines}")
}
