//! A backtest as one HTML file.

use maud::{Markup, html};

use super::answer::Backtested;
use crate::report::chart::{Chart, Line};
use crate::report::page::document;
use crate::report::performance::table::{percent, ratio};

/// Colours of lines, in turn.
const COLOURS: [&str; 7] = [
    "band-0", "band-1", "band-2", "band-3", "band-4", "band-5", "band-6",
];

/// The file's text.
#[must_use]
pub fn render(of: &Backtested) -> String {
    let body = html! {
        main {
            header {
                h1 { "Backtest" }
                @if let Some((from, to)) = of.span() {
                    p { (from) " to " (to) ": " (of.folds) " decisions over " (of.rows) " rows of " (of.assets.len()) " assets" }
                }
            }
            section {
                h2 { "Equity and drawdown" }
                (equity(of))
                (drawdown(of))
            }
            section {
                h2 { "Strategies" }
                (strategies(of))
                p.empty { "Deflated: the probability that the true Sharpe ratio is above zero, given the best of " (of.trials) " trials. All figures are after costs." }
                @for ((strategy, reason), times) in of.refusals() {
                    p.empty { strong { (strategy) } " had no answer " (times) " times and kept what it held: " (reason) }
                }
            }
            @if !of.paths.is_empty() { section { h2 { "Combinatorial purged cross-validation" } (paths(of)) } }
        }
    };
    document("airdrops backtest", &body)
}

fn window(of: &Backtested) -> (i64, i64) {
    of.span()
        .map_or((0, 1), |(from, to)| (from.0, to.0.max(from.0 + 1)))
}

fn equity(of: &Backtested) -> Markup {
    let lines = of
        .runs
        .iter()
        .zip(COLOURS.iter().cycle())
        .map(|(run, class)| Line {
            name: run.strategy.clone(),
            class,
            points: run
                .equity
                .iter()
                .map(|point| (point.at.0, (point.value - 1.0) * 100.0))
                .collect(),
            filled: false,
        });
    let told: Vec<String> = of
        .comparisons
        .iter()
        .map(|row| format!("{} {}", row.strategy, percent(&row.total)))
        .collect();
    Chart {
        id: "equity".into(),
        title: "Equity".into(),
        description: format!("At the end: {}.", told.join(", ")),
        unit: "% since the first decision, after costs",
        label: |value| format!("{value:.0} %"),
        from_zero: true,
        window: window(of),
        lines: lines.collect(),
        small: false,
    }
    .render()
}

fn drawdown(of: &Backtested) -> Markup {
    let lines =
        of.depths()
            .into_iter()
            .zip(COLOURS.iter().cycle())
            .map(|((name, depths), class)| Line {
                name,
                class,
                points: depths
                    .iter()
                    .map(|(at, depth)| (at.0, -depth * 100.0))
                    .collect(),
                filled: false,
            });
    let told: Vec<String> = of
        .comparisons
        .iter()
        .map(|row| {
            let depth = percent(&row.drawdown.map(|fall| fall.depth));
            format!("{} {depth}", row.strategy)
        })
        .collect();
    Chart {
        id: "drawdown".into(),
        title: "Drawdown".into(),
        description: format!("At the deepest: {}.", told.join(", ")),
        unit: "% below the highest so far",
        label: |value| format!("{value:.0} %"),
        from_zero: true,
        window: window(of),
        lines: lines.collect(),
        small: false,
    }
    .render()
}

fn strategies(of: &Backtested) -> Markup {
    html! {
        div.scroll { table {
            thead { tr {
                th { "Strategy" } th.number { "Per year" } th.number { "Log growth" } th.number { "Volatility" } th.number { "Sharpe" }
                th.number { "P(SR > 0)" } th.number { "Deflated" } th.number { "Drawdown" } th.number { "CVaR" } th.number { "Turnover" } th.number { "Cost, bps" }
            } }
            tbody { @for row in &of.comparisons { tr {
                td { strong { (row.strategy) } }
                td.number { (percent(&row.annual)) }
                td.number { (ratio(&row.log_growth)) }
                td.number { (percent(&row.volatility)) }
                td.number { (ratio(&row.sharpe.map(|sharpe| sharpe.annual))) @if let Ok(sharpe) = row.sharpe { " ± " (ratio(&Ok(sharpe.annual_error))) } }
                td.number { (percent(&row.probabilistic)) }
                td.number { (percent(&row.deflated)) }
                td.number { (percent(&row.drawdown.map(|fall| fall.depth))) }
                td.number { (percent(&row.cvar)) }
                td.number { (percent(&row.turnover)) }
                td.number { (ratio(&Ok(row.cost_bps))) }
            } } }
        } }
    }
}

fn paths(of: &Backtested) -> Markup {
    html! {
        div.scroll { table {
            caption { "Sharpe ratio per year over all paths" }
            thead { tr { th { "Strategy" } th.number { "Paths" } th.number { "Least" } th.number { "Mean" } th.number { "Greatest" } th.number { "Splits refused" } } }
            tbody { @for paths in &of.paths { @let range = paths.range(); tr {
                td { strong { (paths.strategy) } }
                td.number { (paths.sharpes.len()) }
                @for value in [range.map(|range| range.0), range.map(|range| range.1), range.map(|range| range.2)] {
                    td.number { @if let Some(value) = value { (format!("{value:.2}")) } @else { "–" } }
                }
                td.number { (paths.refused) " of " (paths.splits) }
            } } }
        } }
    }
}
