//! The report for a terminal.

use airdrops_types::{Bps, EquityPoint};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use airdrops_allocation::performance::Figure;

use super::Report;
use super::performance::{Performance, table};

/// Columns of a table with long texts when nobody says how wide the terminal is.
const WIDTH_WITHOUT_TERMINAL: u16 = 100;

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// At most `width` characters that show the course of the values; empty for none.
#[must_use]
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
pub fn sparkline(values: &[f64], width: usize) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let columns = values.len().min(width);
    (0..columns)
        .map(|column| {
            let from = values.len() * column / columns;
            let to = (values.len() * (column + 1) / columns).max(from + 1);
            let part = &values[from..to.min(values.len())];
            let mean = part.iter().sum::<f64>() / part.len() as f64;
            let level = if high > low {
                ((mean - low) / (high - low) * 7.0).round()
            } else {
                3.0
            };
            BLOCKS[(level as usize).min(7)]
        })
        .collect()
}

/// The whole report as text.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn render(report: &Report) -> String {
    let totals = &report.totals;
    let mut text = format!("{}\n", report.mode.meaning());
    let (Some(from), Some(to)) = (report.from, report.to) else {
        text.push_str("The journal is empty: there is nothing to report yet.\n");
        return text;
    };
    text.push_str(&format!(
        "{from} to {to}, {} journal entries\n\n",
        report.entries
    ));

    let mut table = plain();
    table.add_row(["Equity", &format!("{} → {}", totals.start, totals.end)]);
    table.add_row([
        "Profit",
        &format!(
            "{} (without {} of deposits less withdrawals)",
            totals.profit, totals.flows
        ),
    ]);
    table.add_row(["Gas", &totals.fees.to_string()]);
    table.add_row(["Deepest drawdown", &totals.max_drawdown.to_string()]);
    table.add_row([
        "Transactions",
        &format!(
            "{} signed, {} succeeded, {} reverted, {} cancelled",
            totals.signed, totals.succeeded, totals.reverted, totals.cancelled
        ),
    ]);
    table.add_row([
        "Gate",
        &format!("{} permitted, {} refused", totals.permitted, totals.refused),
    ]);
    table.add_row([
        "Task runs",
        &format!(
            "{} made, {} completed, {} failed",
            totals.tasks, totals.completed, totals.failed
        ),
    ]);
    table.add_row(["Halts and trips", &totals.trips.to_string()]);
    text.push_str(&format!("{table}\n"));

    let equity: Vec<f64> = report.equity.iter().map(dollars).collect();
    if !equity.is_empty() {
        let depths: Vec<f64> = report
            .drawdown
            .iter()
            .map(|(_, depth)| -f64::from(depth.0))
            .collect();
        text.push_str(&format!("\nEquity    {}\n", sparkline(&equity, 60)));
        text.push_str(&format!("Drawdown  {}\n", sparkline(&depths, 60)));
    }
    text.push_str(&performance(&report.performance));
    if !report.exposures.is_empty() {
        let mut table = ruled(&[
            "Exposure", "", "Value", "Share", "Limit", "Highest", "Course",
        ]);
        for exposure in &report.exposures {
            let shares: Vec<f64> = exposure
                .shares
                .iter()
                .map(|(_, share)| f64::from(share.0))
                .collect();
            let highest = exposure.shares.iter().map(|(_, share)| *share).max();
            table.add_row([
                exposure.kind.to_owned(),
                exposure.name.clone(),
                exposure.value.to_string(),
                last(&exposure.shares),
                last(&exposure.limits),
                highest.map_or_else(String::new, |share| share.to_string()),
                sparkline(&shares, 24),
            ]);
        }
        align_right(&mut table, &[2, 3, 4, 5]);
        text.push_str(&format!("\n{table}\n"));
    }
    if !report.gas.is_empty() {
        let mut table = ruled(&["Gas on", "Protocol", "Transactions", "Fee"]);
        for row in &report.gas {
            table.add_row([
                row.chain.clone(),
                row.protocol.clone(),
                row.transactions.to_string(),
                row.fee.to_string(),
            ]);
        }
        align_right(&mut table, &[2, 3]);
        text.push_str(&format!("\n{table}\n"));
    }
    if !report.refusal_groups.is_empty() {
        let mut table = ruled(&["Refused for", "Times", "Latest"]);
        for group in &report.refusal_groups {
            table.add_row([
                group.code.to_owned(),
                group.count.to_string(),
                format!("{}: {}", group.task, group.example),
            ]);
        }
        align_right(&mut table, &[1]);
        let width = table.width().unwrap_or(WIDTH_WITHOUT_TERMINAL);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(width);
        text.push_str(&format!("\n{table}\n"));
    }
    for (scope, bands) in &report.control.rows {
        if let Some(band) = bands.last()
            && !band.why.is_empty()
        {
            text.push_str(&format!(
                "\n{scope} is {} since {}: {}\n",
                band.state, band.from, band.why
            ));
        }
    }
    text
}

/// Returns, ratios and costs: in full of the portfolio, the main ones of every other scope.
fn performance(performance: &Performance) -> String {
    let mut text = String::new();
    let Some(portfolio) = performance.portfolio() else {
        return text;
    };
    let measures = &portfolio.measures;
    let mut missing = Vec::new();
    let mut table = plain();
    for (columns, write) in [
        (table::FRACTIONS, table::percent as fn(&Figure) -> String),
        (table::RATIOS, table::ratio),
    ] {
        let mut cells: Vec<String> = Vec::new();
        for (_, name, figure) in columns {
            let figure = figure(measures);
            match figure {
                Ok(_) => cells.extend([(*name).to_owned(), write(&figure)]),
                Err(reason) => missing.push(format!("{name} ({reason})")),
            }
            if cells.len() == 4 {
                table.add_row(std::mem::take(&mut cells));
            }
        }
        if !cells.is_empty() {
            cells.resize(4, String::new());
            table.add_row(cells);
        }
    }
    align_right(&mut table, &[1, 3]);
    if !table.is_empty() {
        text.push_str(&format!("\nPerformance of the portfolio\n{table}\n"));
    }
    if !missing.is_empty() {
        text.push_str(&format!("Not stated: {}\n", missing.join(", ")));
    }
    if performance.rows.len() > 1 {
        let mut table = ruled(&[
            "Performance",
            "",
            "Profit",
            "Time-w.",
            "Money-w.",
            "Sharpe",
            "Drawdown",
            "At work",
            "Cost bps",
        ]);
        for row in performance.rows.iter().skip(1) {
            let of = &row.measures;
            table.add_row([
                row.scope.word().to_owned(),
                if row.name.is_empty() {
                    "–".to_owned()
                } else {
                    row.name.clone()
                },
                row.profit.to_string(),
                table::percent(&of.time_weighted),
                table::percent(&of.money_weighted.map(|rate| rate.total)),
                table::ratio(&of.sharpe.map(|sharpe| sharpe.annual)),
                table::percent(&of.drawdown.map(|fall| fall.depth)),
                table::percent(&of.utilisation),
                table::ratio(&of.drag.map(|drag| drag.total)),
            ]);
        }
        align_right(&mut table, &[2, 3, 4, 5, 6, 7, 8]);
        text.push_str(&format!("\n{table}\n"));
    }
    if !performance.parts.rows.is_empty() {
        let mut table = ruled(&["Contribution of", "To return", "To risk"]);
        for part in &performance.parts.rows {
            table.add_row([
                part.name.clone(),
                table::percent(&Ok(part.contribution)),
                table::percent(&part.risk),
            ]);
        }
        table.add_row([
            "sum (Carino linking, whole days)".to_owned(),
            table::percent(&performance.parts.total),
            String::new(),
        ]);
        align_right(&mut table, &[1, 2]);
        text.push_str(&format!("\n{table}\n"));
    }
    text
}

#[allow(clippy::cast_precision_loss)]
fn dollars(point: &EquityPoint) -> f64 {
    point.equity.0 as f64 / 1e6
}

fn last(series: &[(airdrops_types::Timestamp, Bps)]) -> String {
    series
        .last()
        .map_or_else(String::new, |(_, share)| share.to_string())
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

fn ruled(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.style_mut().row_separator = presets::NOTHING.row_separator;
    table.set_header(header);
    table
}

fn align_right(table: &mut Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparklines_span_low_to_high_and_fit() {
        assert_eq!(sparkline(&[0.0, 1.0], 10), "▁█");
        assert_eq!(sparkline(&[], 10), "");
        assert_eq!(sparkline(&[5.0, 5.0], 10), "▄▄");
        let many: Vec<f64> = (0..1000).map(f64::from).collect();
        let line: Vec<char> = sparkline(&many, 60).chars().collect();
        assert_eq!(line.len(), 60);
        assert_eq!((line[0], line[59]), ('▁', '█'));
    }
}
