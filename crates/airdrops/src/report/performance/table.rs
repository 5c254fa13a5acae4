//! The performance in words and numbers: for the terminal, JSON and CSV.

use std::path::Path;

use airdrops_allocation::performance::{Figure, Measures};
use serde_json::{Map, Value, json};

use super::{Performance, Row};

/// A column: its key in JSON and CSV, its name for people, and its figure.
type Column = (&'static str, &'static str, fn(&Measures) -> Figure);

/// Figures that are fractions.
pub const FRACTIONS: &[Column] = &[
    ("time_weighted", "Time-weighted", |of| of.time_weighted),
    ("time_weighted_annual", "Time-w. per year", |of| {
        of.time_weighted_annual
    }),
    ("money_weighted", "Money-weighted", |of| {
        of.money_weighted.map(|rate| rate.total)
    }),
    ("money_weighted_annual", "XIRR per year", |of| {
        of.money_weighted.and_then(|rate| rate.annual)
    }),
    ("volatility", "Volatility per year", |of| of.volatility),
    ("max_drawdown", "Deepest drawdown", |of| {
        of.drawdown.map(|fall| fall.depth)
    }),
    ("ulcer", "Ulcer index", |of| of.ulcer),
    ("cdar_95", "CDaR 95 %", |of| of.cdar),
    ("cvar_95", "CVaR 95 % of a day", |of| of.cvar),
    ("utilisation", "Capital at work", |of| of.utilisation),
    ("probabilistic_sharpe", "P(Sharpe > 0)", |of| {
        of.probabilistic
    }),
];

/// Figures that are ratios, rates or basis points.
pub const RATIOS: &[Column] = &[
    ("sharpe", "Sharpe per year", |of| {
        of.sharpe.map(|sharpe| sharpe.annual)
    }),
    ("sharpe_error", "Error of Sharpe", |of| {
        of.sharpe.map(|sharpe| sharpe.annual_error)
    }),
    ("sortino", "Sortino per year", |of| of.sortino),
    ("log_growth", "Log growth per year", |of| of.log_growth),
    ("gas_bps", "Gas, bps", |of| of.drag.map(|drag| drag.gas)),
    ("failed_bps", "Failed, bps", |of| {
        of.drag.map(|drag| drag.failed)
    }),
    ("slippage_bps", "Slippage, bps", |of| {
        of.drag.map(|drag| drag.slippage)
    }),
    ("cost_bps", "Cost drag, bps", |of| {
        of.drag.map(|drag| drag.total)
    }),
];

/// A fraction as a percentage.
#[must_use]
pub fn percent(figure: &Figure) -> String {
    match figure {
        Ok(value) if value.abs() >= 100.0 => format!("{:.0} %", value * 100.0),
        Ok(value) => format!("{:.2} %", value * 100.0).replace("-0.00 %", "0.00 %"),
        Err(_) => "–".to_owned(),
    }
}

/// A ratio with two decimals.
#[must_use]
pub fn ratio(figure: &Figure) -> String {
    match figure {
        Ok(value) => format!("{value:.2}").replace("-0.00", "0.00"),
        Err(_) => "–".to_owned(),
    }
}

impl Performance {
    /// All figures, `null` beside the reason under `undefined` where there is none.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "scopes": self.rows.iter().map(row).collect::<Vec<_>>(),
            "contributions": {
                "linking": "carino",
                "total": self.parts.total.ok(),
                "undefined": self.parts.total.err().map(|reason| reason.to_string()),
                "parts": self.parts.rows.iter().map(|part| json!({
                    "name": part.name,
                    "contribution": part.contribution,
                    "risk_share": part.risk.ok(),
                })).collect::<Vec<_>>(),
            },
        })
    }

    /// One row per scope.
    ///
    /// # Errors
    /// If the text cannot be written.
    pub fn csv(&self) -> Result<String, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut header = vec![
            "scope",
            "name",
            "from",
            "to",
            "transactions",
            "start_micro_usd",
            "end_micro_usd",
            "flows_micro_usd",
            "profit_micro_usd",
            "income_micro_usd",
            "gas_micro_usd",
            "failed_micro_usd",
            "slippage_micro_usd",
            "periods",
        ];
        header.extend(FRACTIONS.iter().chain(RATIOS).map(|(key, ..)| *key));
        writer.write_record(&header)?;
        for row in &self.rows {
            let measures = &row.measures;
            let (from, to) = measures.span.unzip();
            let text = |at: Option<airdrops_types::Timestamp>| {
                at.map_or_else(String::new, |at| at.to_string())
            };
            let mut fields = vec![
                row.scope.word().to_owned(),
                row.name.clone(),
                text(from),
                text(to),
                row.transactions.to_string(),
                measures.start.0.to_string(),
                measures.end.0.to_string(),
                measures.flows.0.to_string(),
                row.profit.0.to_string(),
                row.income.0.to_string(),
                measures.costs.gas.0.to_string(),
                measures.costs.failed.0.to_string(),
                measures.costs.slippage.0.to_string(),
                measures.periods.to_string(),
            ];
            fields.extend(FRACTIONS.iter().chain(RATIOS).map(|(.., figure)| {
                figure(measures).map_or_else(|_| String::new(), |value| value.to_string())
            }));
            writer.write_record(&fields)?;
        }
        text_of(writer)
    }

    /// The time-weighted index of the portfolio and its drawdown.
    ///
    /// # Errors
    /// If the text cannot be written.
    pub fn index_csv(&self) -> Result<String, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["scope", "name", "time", "index"])?;
        for row in &self.rows {
            for point in &row.measures.index {
                writer.write_record([
                    row.scope.word(),
                    &row.name,
                    &point.at.to_string(),
                    &point.value.to_string(),
                ])?;
            }
        }
        text_of(writer)
    }

    /// Shares of equity over time, one column per protocol.
    ///
    /// # Errors
    /// If the text cannot be written.
    pub fn weights_csv(&self) -> Result<String, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let names = self.weights.bands.iter().map(|(name, _)| name.as_str());
        writer.write_record(std::iter::once("time").chain(names))?;
        for (place, at) in self.weights.times.iter().enumerate() {
            let shares = self.weights.bands.iter().map(|(_, shares)| {
                shares
                    .get(place)
                    .map_or_else(String::new, ToString::to_string)
            });
            writer.write_record(std::iter::once(at.to_string()).chain(shares))?;
        }
        text_of(writer)
    }

    /// What each part contributed.
    ///
    /// # Errors
    /// If the text cannot be written.
    pub fn contributions_csv(&self) -> Result<String, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["part", "contribution", "risk_share"])?;
        for part in &self.parts.rows {
            writer.write_record([
                part.name.clone(),
                part.contribution.to_string(),
                part.risk
                    .map_or_else(|_| String::new(), |value| value.to_string()),
            ])?;
        }
        text_of(writer)
    }

    /// Writes the table of scopes to a file, or, if `path` is a folder or ends with a slash, all
    /// tables into it. Says what was written.
    ///
    /// # Errors
    /// The file, and why it could not be written.
    pub fn write_csv(&self, path: &Path) -> Result<Vec<String>, String> {
        let folder = path.is_dir() || path.as_os_str().to_string_lossy().ends_with('/');
        let tables = if folder {
            std::fs::create_dir_all(path)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            vec![
                (path.join("performance.csv"), self.csv()),
                (path.join("index.csv"), self.index_csv()),
                (path.join("weights.csv"), self.weights_csv()),
                (path.join("contributions.csv"), self.contributions_csv()),
            ]
        } else {
            vec![(path.to_owned(), self.csv())]
        };
        tables
            .into_iter()
            .map(|(path, text)| {
                let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
                let text = text.map_err(|error| failed(&error))?;
                std::fs::write(&path, text).map_err(|error| failed(&error))?;
                Ok(path.display().to_string())
            })
            .collect()
    }
}

fn row(row: &Row) -> Value {
    let measures = &row.measures;
    let mut figures = Map::new();
    let mut undefined = Map::new();
    for (key, _, figure) in FRACTIONS.iter().chain(RATIOS) {
        let figure = figure(measures);
        figures.insert((*key).to_owned(), json!(figure.ok()));
        if let Err(reason) = figure {
            undefined.insert((*key).to_owned(), json!(reason.to_string()));
        }
    }
    let fall = measures.drawdown.ok();
    json!({
        "scope": row.scope.word(),
        "name": row.name,
        "from": measures.span.map(|(from, _)| from.to_string()),
        "to": measures.span.map(|(_, to)| to.to_string()),
        "transactions": row.transactions,
        "start_micro_usd": measures.start,
        "end_micro_usd": measures.end,
        "flows_micro_usd": measures.flows,
        "profit_micro_usd": row.profit,
        "income_micro_usd": row.income,
        "gas_micro_usd": measures.costs.gas,
        "failed_micro_usd": measures.costs.failed,
        "slippage_micro_usd": measures.costs.slippage,
        "periods": measures.periods,
        "drawdown_peak": fall.map(|fall| fall.peak.to_string()),
        "drawdown_trough": fall.map(|fall| fall.trough.to_string()),
        "drawdown_recovered": fall.and_then(|fall| fall.recovered).map(|at| at.to_string()),
        "figures": figures,
        "undefined": undefined,
    })
}

fn text_of(writer: csv::Writer<Vec<u8>>) -> Result<String, csv::Error> {
    let bytes = writer
        .into_inner()
        .map_err(|error| csv::Error::from(std::io::Error::other(error.to_string())))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
