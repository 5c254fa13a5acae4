//! A backtest for the terminal.

use comfy_table::{CellAlignment, Table, presets};

use super::answer::Backtested;
use crate::report::performance::table::{percent, ratio};

/// The whole answer as text.
#[must_use]
pub fn render(of: &Backtested) -> String {
    let mut text = String::new();
    if let Some((from, to)) = of.span() {
        text.push_str(&format!(
            "{from} to {to}: {} decisions over {} rows of {} assets\n\n",
            of.folds,
            of.rows,
            of.assets.len()
        ));
    }
    let mut table = ruled(&[
        "Strategy", "Per year", "Growth", "Vol.", "Sharpe", "±", "Deflated", "Drawdown", "CVaR",
        "Turnover", "Cost bps",
    ]);
    for row in &of.comparisons {
        table.add_row([
            row.strategy.clone(),
            percent(&row.annual),
            ratio(&row.log_growth),
            percent(&row.volatility),
            ratio(&row.sharpe.map(|sharpe| sharpe.annual)),
            ratio(&row.sharpe.map(|sharpe| sharpe.annual_error)),
            percent(&row.deflated),
            percent(&row.drawdown.map(|fall| fall.depth)),
            percent(&row.cvar),
            percent(&row.turnover),
            ratio(&Ok(row.cost_bps)),
        ]);
    }
    text.push_str(&format!("{table}\n"));
    text.push_str(&format!(
        "Deflated: the probability that the true Sharpe ratio is above zero, given the best of {} trials.\n",
        of.trials
    ));
    if !of.paths.is_empty() {
        let mut table = ruled(&[
            "Cross-validated",
            "Paths",
            "Least Sharpe",
            "Mean",
            "Greatest",
            "Splits refused",
        ]);
        for paths in &of.paths {
            let range = paths.range();
            let cell = |value: Option<f64>| {
                value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"))
            };
            table.add_row([
                paths.strategy.clone(),
                paths.sharpes.len().to_string(),
                cell(range.map(|range| range.0)),
                cell(range.map(|range| range.1)),
                cell(range.map(|range| range.2)),
                format!("{} of {}", paths.refused, paths.splits),
            ]);
        }
        text.push_str(&format!("\n{table}\n"));
    }
    for ((strategy, reason), times) in of.refusals() {
        text.push_str(&format!(
            "\n{strategy} had no answer {times} times and kept what it held: {reason}\n"
        ));
    }
    text
}

fn ruled(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.style_mut().row_separator = presets::NOTHING.row_separator;
    table.set_header(header);
    for column in 1..header.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
