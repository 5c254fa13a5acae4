//! How well it went, per scope, and the pictures of it.

use airdrops_allocation::performance::Figure;

use super::*;
use crate::report::performance::{Row, table};
use crate::report::picture::{self, bars, drawn, stack, waterfall};

pub(super) fn performance(report: &Report) -> Markup {
    let performance = &report.performance;
    html! {
        section {
            h2 { "Performance" }
            @if let Some(portfolio) = performance.portfolio() {
                (figures(portfolio))
                (drawn("Equity against equal weight", against_equal_weight(report)))
                @let weights = &performance.weights;
                (drawn("Weights over time", stack::weights(&weights.times, &weights.bands)))
                (drawn("Headroom per limit", bars::headroom(&headroom(report))))
                (drawn("Risk contributions", risk(report)))
                (drawn("Cost waterfall", costs(portfolio)))
            }
            (scopes(report))
            (contributions(report))
        }
    }
}

/// Every figure of the portfolio, and why some are missing.
fn figures(row: &Row) -> Markup {
    let all = |columns: &'static [_], write: fn(&Figure) -> String| {
        columns.iter().map(
            move |(_, name, figure): &(&str, &'static str, fn(&_) -> Figure)| {
                (*name, figure(&row.measures), write)
            },
        )
    };
    let figures: Vec<_> = all(table::FRACTIONS, table::percent)
        .chain(all(table::RATIOS, table::ratio))
        .collect();
    let fall = row.measures.drawdown.ok().filter(|fall| fall.depth > 0.0);
    html! {
        dl.figures {
            @for (name, figure, write) in &figures {
                @if figure.is_ok() { div { dt { (name) } dd { (write(figure)) } } }
            }
        }
        p.empty {
            "Ratios rest on " (row.measures.periods) " whole days. "
            @if let Some(fall) = fall {
                "The deepest drawdown began " (minute(fall.peak)) ", was deepest " (minute(fall.trough)) " and "
                @if let Some(at) = fall.recovered { "ended " (minute(at)) ". " } @else { "has not ended. " }
            }
            "Where payoffs are rare and large, read growth and CVaR beside the Sharpe ratio."
        }
        @for (name, figure, _) in &figures {
            @if let Err(reason) = figure { p.empty { (name) " is not stated: " (reason) "." } }
        }
    }
}

fn against_equal_weight(report: &Report) -> Result<Markup, picture::Missing> {
    let performance = &report.performance;
    let own = performance
        .portfolio()
        .map(|row| row.measures.index.as_slice())
        .unwrap_or_default();
    let other = &performance.equal_weight;
    if own.len() < 2 || other.len() < 2 {
        return Err("the journal has fewer than two snapshots with prices.".to_owned());
    }
    let line = |index: &[airdrops_allocation::performance::IndexPoint]| {
        index
            .iter()
            .map(|point| (point.at.0, (point.value - 1.0) * 100.0))
            .collect::<Vec<_>>()
    };
    let end = |index: &[airdrops_allocation::performance::IndexPoint]| {
        picture::percent(index.last().map_or(0.0, |point| point.value - 1.0))
    };
    let chart = Chart {
        id: "equal-weight".into(),
        title: "Equity against equal weight".into(),
        description: format!(
            "The portfolio returned {}, equal parts of all priced assets {}.",
            end(own),
            end(other)
        ),
        unit: "% time-weighted; equal parts of all priced assets, rebalanced daily, without costs",
        label: percent_label,
        from_zero: true,
        window: window(report),
        lines: vec![
            Line {
                name: "equal weight".into(),
                class: "second",
                points: line(other),
                filled: false,
            },
            Line {
                name: "portfolio".into(),
                class: "first",
                points: line(own),
                filled: false,
            },
        ],
        small: false,
    };
    Ok(chart.render())
}

fn headroom(report: &Report) -> Vec<bars::Headroom> {
    let share = |series: &[(Timestamp, Bps)]| Some(f64::from(series.last()?.1.0) / 10_000.0);
    report
        .exposures
        .iter()
        .filter_map(|exposure| {
            Some(bars::Headroom {
                name: format!("{} {}", exposure.kind, exposure.name),
                value: share(&exposure.shares)?,
                limit: share(&exposure.limits)?,
            })
        })
        .collect()
}

fn risk(report: &Report) -> Result<Markup, picture::Missing> {
    let rows: Result<Vec<(String, f64)>, _> = report
        .performance
        .parts
        .rows
        .iter()
        .map(|part| Ok((part.name.clone(), part.risk?)))
        .collect();
    let rows =
        rows.map_err(|reason: airdrops_allocation::performance::Undefined| format!("{reason}."))?;
    bars::risk(&rows)
}

fn costs(row: &Row) -> Result<Markup, picture::Missing> {
    let costs = &row.measures.costs;
    let gross = row.profit + costs.total();
    let steps = [
        ("Gas", costs.gas),
        ("Failed transactions", costs.failed),
        ("Slippage", costs.slippage),
    ];
    waterfall::costs(
        dollars(gross),
        &steps.map(|(name, amount)| (name.to_owned(), -dollars(amount))),
        dollars_label,
    )
}

fn scopes(report: &Report) -> Markup {
    html! {
        h3 { "Per strategy, protocol and task" }
        @if report.performance.rows.len() < 2 {
            p.empty { "No transaction was settled and no position held." }
        } @else {
            div.scroll { table {
                thead { tr {
                    th { "Scope" } th { "Name" } th.number { "Profit" } th.number { "Time-weighted" } th.number { "Money-weighted" }
                    th.number { "Sharpe" } th.number { "Drawdown" } th.number { "At work" } th.number { "Cost, bps" }
                } }
                tbody { @for row in report.performance.rows.iter().skip(1) { @let of = &row.measures; tr {
                    td { (row.scope.word()) }
                    td { strong { @if row.name.is_empty() { "none" } @else { (row.name) } } }
                    td.number { (row.profit) }
                    (cell(of.time_weighted, table::percent))
                    (cell(of.money_weighted.map(|rate| rate.total), table::percent))
                    (cell(of.sharpe.map(|sharpe| sharpe.annual), table::ratio))
                    (cell(of.drawdown.map(|fall| fall.depth), table::percent))
                    (cell(of.utilisation, table::percent))
                    (cell(of.drag.map(|drag| drag.total), table::ratio))
                } } }
            } }
            p.empty { "Returns are of positions, after gas, failed transactions and slippage. A task that holds none has a profit and no return." }
        }
    }
}

fn contributions(report: &Report) -> Markup {
    let parts = &report.performance.parts;
    html! {
        h3 { "Contributions" }
        @match parts.total {
            Err(reason) => p.empty { "Contributions are not stated: " (reason) "." },
            Ok(total) => div.scroll { table {
                caption { "To the time-weighted return over whole days, linked after Carino" }
                thead { tr { th { "Part" } th.number { "Return" } th.number { "Risk" } } }
                tbody { @for part in &parts.rows { tr {
                    td { (part.name) }
                    td.number { (table::percent(&Ok(part.contribution))) }
                    (cell(part.risk, table::percent))
                } } }
                tfoot { tr { th { "Sum" } td.number { (table::percent(&Ok(total))) } td {} } }
            } },
        }
    }
}

fn cell(figure: Figure, write: fn(&Figure) -> String) -> Markup {
    html! {
        @match &figure {
            Ok(_) => td.number { (write(&figure)) },
            Err(reason) => td.number title=(reason) { "–" },
        }
    }
}
