//! The report as one HTML file.

mod bands;
mod gas;
mod performance;
mod plan;

use airdrops_types::{Bps, ControlState, EquityPoint, TaskState, Timestamp, Usd};
use maud::{Markup, html};

use super::chart::{Chart, Line, block, time_labels};
use super::page::{document, tile};
use super::timeline::{Band, Segment};
use super::{BaseFees, Exposure, Report, RunMode};

use bands::{control, gantt};
use gas::gas;
use performance::performance;
use plan::plan;

/// Rows of the Gantt chart that are drawn at most.
const MOST_TASKS: usize = 60;
/// Rows of the refusals table that are shown at most.
const MOST_REFUSALS: usize = 1000;

/// The file's text.
#[must_use]
pub fn render(report: &Report) -> String {
    let title = format!("airdrops report, {} mode", report.mode.word());
    let body = html! {
        (banner(report.mode))
        main {
            (header(report))
            @if report.entries == 0 {
                p.empty { "The journal is empty: there is nothing to report yet. " code { "airdrops run" } " starts the program." }
            } @else {
                (tiles(report))
                (control(report))
                (courses(report))
                (performance(report))
                (plan(report))
                (exposures(report))
                (gantt(report))
                (gas(report))
                (refusals(report))
            }
        }
        (footer(report))
    };
    document(&title, &body)
}

fn banner(mode: RunMode) -> Markup {
    html! {
        div class=(format!("banner {}", mode.word())) role="note" {
            strong { (mode.word().to_uppercase()) }
            span { (mode.meaning()) }
        }
    }
}

fn header(report: &Report) -> Markup {
    html! {
        header {
            h1 { "Farm report" }
            @if let (Some(from), Some(to)) = (report.from, report.to) {
                p { time datetime=(from) { (minute(from)) } " to " time datetime=(to) { (minute(to)) } ", all times in UTC" }
            }
        }
    }
}

fn tiles(report: &Report) -> Markup {
    let totals = &report.totals;
    let tone = |value: Usd| match value.0.signum() {
        1 => "good",
        -1 => "bad",
        _ => "",
    };
    let share = Usd(totals.profit.0.saturating_abs())
        .share_of(totals.start)
        .map_or_else(String::new, |share| {
            let sign = if totals.profit.0 < 0 { "−" } else { "+" };
            format!("{sign}{share} of the start, ")
        });
    let deepest = report
        .drawdown
        .iter()
        .max_by_key(|(at, depth)| (*depth, std::cmp::Reverse(*at)))
        .filter(|(_, depth)| *depth > Bps(0))
        .map_or_else(
            || "never below the start".to_owned(),
            |(at, _)| format!("below the highest so far, at {}", minute(*at)),
        );
    let (state, why) = standing(report);
    html! {
        dl.tiles {
            (tile("State at the end", &state.to_string(), &why, if state == ControlState::Active { "good" } else { "bad" }))
            (tile("Equity", &totals.end.to_string(), &format!("from {}", totals.start), ""))
            (tile("Profit", &totals.profit.to_string(), &format!("{share}net deposits {} left out", totals.flows), tone(totals.profit)))
            (tile("Deepest drawdown", &totals.max_drawdown.to_string(), &deepest, ""))
            (tile("Refused by the gate", &totals.refused.to_string(), &format!("{} permitted", totals.permitted), ""))
            (tile("Transactions", &totals.signed.to_string(),
                &format!("{} succeeded, {} reverted, {} cancelled", totals.succeeded, totals.reverted, totals.cancelled), ""))
            (tile("Task runs", &totals.tasks.to_string(), &format!("{} completed, {} failed", totals.completed, totals.failed), ""))
            (tile("Gas paid", &totals.fees.to_string(), "at the price of the time", ""))
        }
    }
}

/// The worst control state that stands at the end, and where; else how often there was one.
fn standing(report: &Report) -> (ControlState, String) {
    let worst = report
        .control
        .rows
        .iter()
        .filter_map(|(scope, bands)| Some((bands.last()?.state, scope)))
        .max_by_key(|(state, scope)| (*state, std::cmp::Reverse(*scope)));
    match worst {
        Some((state, scope)) if state != ControlState::Active => (state, scope.clone()),
        _ => (
            ControlState::Active,
            match report.totals.trips {
                0 => "never halted".into(),
                1 => "halted or restricted once".into(),
                times => format!("halted or restricted {times} times"),
            },
        ),
    }
}

fn window(report: &Report) -> (i64, i64) {
    let from = report.from.map_or(0, |at| at.0);
    (from, report.to.map_or(from + 1, |at| at.0.max(from + 1)))
}

fn courses(report: &Report) -> Markup {
    if report.equity.is_empty() {
        return html! { section { h2 { "Equity" } p.empty { "Equity was never assessed." } } };
    }
    let totals = &report.totals;
    let course = |value: fn(&EquityPoint, Usd) -> Usd| {
        let start = first_flows(report);
        report
            .equity
            .iter()
            .map(|point| (point.at.0, dollars(value(point, start))))
            .collect()
    };
    let mut lines = vec![Line {
        name: "equity".into(),
        class: "first",
        points: course(|point, _| point.equity),
        filled: false,
    }];
    // Without deposits it would be the same line.
    if report
        .equity
        .iter()
        .any(|point| point.net_flows != first_flows(report))
    {
        let line = Line {
            name: "equity less net deposits".into(),
            class: "second",
            points: course(|point, start| point.equity - (point.net_flows - start)),
            filled: false,
        };
        lines.insert(0, line);
    }
    let equity = Chart {
        id: "equity".into(),
        title: "Equity".into(),
        description: format!("From {} to {}.", totals.start, totals.end),
        unit: "US dollars",
        label: dollars_label,
        from_zero: false,
        window: window(report),
        lines,
        small: false,
    };
    let drawdown = Chart {
        id: "drawdown".into(),
        title: "Drawdown".into(),
        description: format!(
            "At its deepest {} below the highest so far.",
            totals.max_drawdown
        ),
        unit: "% below the highest equity so far, deposits taken out",
        label: percent_label,
        from_zero: true,
        window: window(report),
        lines: vec![Line {
            name: "drawdown".into(),
            class: "loss",
            points: report
                .drawdown
                .iter()
                .map(|(at, depth)| (at.0, -f64::from(depth.0) / 100.0))
                .collect(),
            filled: true,
        }],
        small: false,
    };
    html! {
        section {
            h2 { "Equity and drawdown" }
            (equity.render())
            (drawdown.render())
        }
    }
}

fn first_flows(report: &Report) -> Usd {
    report
        .equity
        .first()
        .map_or(Usd::ZERO, |point| point.net_flows)
}

fn exposures(report: &Report) -> Markup {
    html! {
        section {
            h2 { "Exposure against limits" }
            @if report.exposures.is_empty() {
                p.empty { "Nothing was held." }
            }
            div.grid {
                @for (index, exposure) in report.exposures.iter().enumerate() {
                    (exposure_chart(report, index, exposure).render())
                }
            }
            @if !report.exposures.is_empty() {
                div.scroll { table {
                    caption { "At the end, with shares of equity" }
                    thead { tr { th { "Exposure" } th.number { "Value" } th.number { "Share" } th.number { "Highest" } th.number { "Limit" } } }
                    tbody { @for exposure in &report.exposures { tr {
                        td { (exposure.kind) " " strong { (exposure.name) } }
                        td.number { (exposure.value) }
                        td.number { (share_text(exposure.shares.last())) }
                        td.number { (share_text(exposure.shares.iter().max_by_key(|(_, share)| *share))) }
                        td.number { (share_text(exposure.limits.last())) }
                    } } }
                } }
            }
        }
    }
}

fn share_text(point: Option<&(Timestamp, Bps)>) -> String {
    point.map_or_else(|| "–".into(), |(_, share)| share.to_string())
}

fn exposure_chart(report: &Report, index: usize, exposure: &Exposure) -> Chart {
    let percent = |series: &[(Timestamp, Bps)]| {
        series
            .iter()
            .map(|(at, share)| (at.0, f64::from(share.0) / 100.0))
            .collect()
    };
    let mut lines = vec![Line {
        name: "exposure".into(),
        class: if exposure.kind == "protocol" {
            "first"
        } else {
            "third"
        },
        points: percent(&exposure.shares),
        filled: true,
    }];
    if !exposure.limits.is_empty() {
        lines.push(Line {
            name: "limit".into(),
            class: "limit",
            points: percent(&exposure.limits),
            filled: false,
        });
    }
    Chart {
        id: format!("exposure-{index}"),
        title: format!("{} {}", exposure.kind, exposure.name),
        description: format!(
            "At the end {} of equity, limit {}.",
            share_text(exposure.shares.last()),
            share_text(exposure.limits.last())
        ),
        unit: "% of equity",
        label: percent_label,
        from_zero: true,
        window: window(report),
        lines,
        small: true,
    }
}

fn refusals(report: &Report) -> Markup {
    html! {
        section {
            h2 { "Refusals" }
            @if report.refusals.is_empty() {
                p.empty { "The gate refused nothing." }
            } @else {
                p { "The gate refused " strong { (report.totals.refused) } " times. Repeated refusals of one step for the same reasons share a row." }
                div.scroll { table.stack {
                    caption { "By reason" }
                    thead { tr { th { "Reason" } th.number { "Times" } th { "Latest" } th { "Task" } } }
                    tbody { @for group in &report.refusal_groups { tr {
                        td data-name="Reason" { code { (group.code) } }
                        td.number data-name="Times" { (group.count) }
                        td.words data-name="Latest" { (group.example) }
                        td data-name="Task" { (group.task) }
                    } } }
                } }
                details open[report.refusals.len() <= 50] {
                    summary { "Every refusal" }
                    div.scroll { table.stack {
                        thead { tr { th { "Time" } th.number { "Times" } th { "Task" } th { "Wanted" } th { "Refused because" } } }
                        tbody { @for row in report.refusals.iter().take(MOST_REFUSALS) { tr {
                            td.time data-name="Time" {
                                (minute(row.first))
                                @if row.count > 1 { " " br; "to " (minute(row.last)) }
                            }
                            td.number data-name="Times" { (row.count) }
                            td data-name="Task" { (row.task) }
                            td.words data-name="Wanted" { (row.summary) }
                            td.words data-name="Because" { (row.reasons) }
                        } } }
                    } }
                    @if report.refusals.len() > MOST_REFUSALS {
                        p.empty { "The first " (MOST_REFUSALS) " of " (report.refusals.len()) " rows are shown; the journal has all." }
                    }
                }
            }
        }
    }
}

fn footer(report: &Report) -> Markup {
    html! {
        footer {
            p {
                "Computed from " (report.entries) " journal entries"
                @if !report.version.is_empty() { " of airdrops " (report.version) }
                "."
            }
            @if let Some((seq, hash)) = &report.head {
                p { "Entry " (seq) " has the hash " code { (hash) } "; " code { "airdrops journal verify" } " checks all before it." }
            }
        }
    }
}

/// `2026-01-31 09:00`, UTC.
fn minute(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0)
        .map(|instant| instant.strftime("%Y-%m-%d %H:%M").to_string())
        .unwrap_or_else(|_| at.to_string())
}

#[allow(clippy::cast_precision_loss)]
fn dollars(value: Usd) -> f64 {
    value.0 as f64 / 1e6
}

#[allow(clippy::cast_possible_truncation)]
fn dollars_label(value: f64) -> String {
    let text = Usd((value * 1e6).round() as i128).to_string();
    text.strip_suffix(".00").map(str::to_owned).unwrap_or(text)
}

fn percent_label(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{} %", if text == "-0" { "0" } else { text })
}
