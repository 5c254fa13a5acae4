//! What the command prints.

use std::time::Duration;

use airdrops_allocation::certificate::{LimitCheck, Side, Unit};
use airdrops_allocation::parts::{PARTS, fraction};
use airdrops_allocation::solve::{Allocation, Figures};
use airdrops_allocation::strategies::Needs;
use comfy_table::Table;
use serde_json::{Map, Value, json};

use super::problem_file::ProblemFile;
use crate::command::risk::figures::figures;

/// An allocation and what it answers.
pub(super) struct Answer<'a> {
    pub(super) file: &'a ProblemFile,
    pub(super) allocation: &'a Allocation,
    pub(super) time: Duration,
}

impl Answer<'_> {
    /// Figures that the file tells, per year if it says how many periods a year has.
    fn figures(&self) -> Figures {
        let periods = self.file.problem.periods_per_year;
        let figures = &self.allocation.figures;
        let mean = |value: Option<f64>| {
            let value = value.filter(|_| self.file.known == Needs::Mean);
            value.filter(|value| value.is_finite())
        };
        let risk = self.file.known >= Needs::Covariance;
        Figures {
            mean: mean(figures.mean).map(|mean| mean * periods),
            volatility: figures
                .volatility
                .filter(|_| risk)
                .map(|volatility| volatility * periods.sqrt()),
            sharpe: mean(figures.sharpe).map(|sharpe| sharpe * periods.sqrt()),
            risk_contributions: figures.risk_contributions.clone().filter(|_| risk),
            growth: mean(figures.growth).map(|growth| growth * periods),
        }
    }

    fn by_name<T: Into<Value>>(&self, values: impl IntoIterator<Item = T>) -> Value {
        let names = self.file.problem.assets.iter().cloned();
        let entries = names.zip(values.into_iter().map(Into::into));
        Value::Object(entries.collect::<Map<_, _>>())
    }

    /// Parts of capital that are not invested.
    fn cash(&self) -> i128 {
        PARTS - self.allocation.weights.iter().sum::<i128>()
    }

    pub(super) fn json(&self) -> Value {
        let allocation = self.allocation;
        let figures = self.figures();
        let parts = allocation.weights.iter();
        let dollars = self.file.capital.then(|| {
            let targets = allocation.targets.iter();
            self.by_name(targets.map(|target| dollars(target.0)))
        });
        let certificate = &allocation.certificate;
        json!({
            "strategy": allocation.strategy,
            "weights": self.by_name(parts.clone().map(|parts| fraction(*parts))),
            "parts": self.by_name(parts.map(|parts| whole(*parts))),
            "cash": fraction(self.cash()),
            "targets": dollars,
            "objective": allocation.objective,
            "return": figures.mean,
            "volatility": figures.volatility,
            "sharpe": figures.sharpe,
            "risk_contributions": figures.risk_contributions.map(|shares| self.by_name(shares)),
            "growth": figures.growth,
            "annual": self.file.annual,
            "certificate": {
                "holds": certificate.holds(),
                "gap": certificate.gap,
                "limits": certificate.limits.iter().map(limit_json).collect::<Vec<_>>(),
            },
            "solver": allocation.solver,
            "fallbacks": allocation.fallbacks,
            "nodes": allocation.nodes,
            "blended": allocation.blended,
            "time_ms": self.time.as_secs_f64() * 1000.0,
        })
    }

    pub(super) fn text(&self) -> String {
        let allocation = self.allocation;
        let figures = self.figures();
        let mut text = format!(
            "Allocation by {}\n\n{}\n",
            allocation.strategy,
            self.weights()
        );
        let per = if self.file.annual {
            "a year"
        } else {
            "per period"
        };
        for (name, value) in [
            ("return", figures.mean.map(percent)),
            ("volatility", figures.volatility.map(percent)),
            ("growth", figures.growth.map(percent)),
        ] {
            if let Some(value) = value {
                text.push_str(&format!("\n{name:<12}{value} {per}"));
            }
        }
        if let Some(sharpe) = figures.sharpe {
            text.push_str(&format!("\n{:<12}{sharpe:.4} {per}", "Sharpe"));
        }
        if let Some(objective) = allocation.objective {
            text.push_str(&format!(
                "\n{:<12}{objective:.9e} (minimised, per period)",
                "objective"
            ));
        }
        let limits = &allocation.certificate.limits;
        text.push_str(&format!("\n\nAll {} limits hold", limits.len()));
        let shown: Vec<&LimitCheck> = limits.iter().filter(|limit| self.is_shown(limit)).collect();
        if shown.is_empty() {
            text.push('\n');
        } else {
            text.push_str(&format!(
                "; bounds of single assets are shown where they bind\n{}\n",
                checks(&shown)
            ));
        }
        text.push_str(&format!("\n{:<12}{}\n", "solver", allocation.solver));
        for fallback in &allocation.fallbacks {
            let line = format!("{} had no answer: {}", fallback.from, fallback.reason);
            text.push_str(&format!("{:<12}{line}\n", ""));
        }
        if allocation.nodes > 1 {
            text.push_str(&format!("{:<12}{} solved\n", "problems", allocation.nodes));
        }
        let gap = match allocation.certificate.gap {
            Some(gap) => format!("{gap:.1e}: so far from the best at most"),
            None => "not proven".to_owned(),
        };
        if allocation.objective.is_some() {
            text.push_str(&format!("{:<12}{gap}\n", "gap"));
        }
        let time = self.time.as_secs_f64() * 1000.0;
        text.push_str(&format!("{:<12}{time:.2} ms\n", "time"));
        text
    }

    /// All limits but those of single assets that do not bind or are just not held.
    fn is_shown(&self, limit: &LimitCheck) -> bool {
        let single = self.file.problem.assets.contains(&limit.name);
        !single || (limit.binds && limit.value != 0)
    }

    fn weights(&self) -> Table {
        let allocation = self.allocation;
        let shares = self.figures().risk_contributions;
        let mut header = vec!["  asset", "weight"];
        if self.file.capital {
            header.push("target");
        }
        if shares.is_some() {
            header.push("share of risk");
        }
        let names = self.file.problem.assets.iter().enumerate();
        let mut rows: Vec<Vec<String>> = names
            .map(|(index, name)| {
                let mut row = vec![format!("  {name}"), percent_of(allocation.weights[index])];
                if self.file.capital {
                    row.push(allocation.targets[index].to_string());
                }
                if let Some(shares) = &shares {
                    row.push(percent(shares[index]));
                }
                row
            })
            .collect();
        if self.cash() != 0 {
            rows.push(vec!["  not invested".to_owned(), percent_of(self.cash())]);
        }
        figures(&header, rows)
    }
}

fn checks(limits: &[&LimitCheck]) -> Table {
    let rows = limits.iter().map(|limit| {
        let shown = |value: i128| match limit.unit {
            Unit::Parts => percent_of(value),
            Unit::Count => value.to_string(),
        };
        let side = match limit.side {
            Side::AtMost => "at most",
            Side::AtLeast => "at least",
            Side::Exactly => "exactly",
        };
        vec![
            format!("  {}", limit.name),
            shown(limit.value),
            format!("{side} {}", shown(limit.bound)),
            shown(limit.slack),
            if limit.binds {
                "binds".to_owned()
            } else {
                String::new()
            },
        ]
    });
    figures(&["  limit", "value", "bound", "slack", ""], rows)
}

fn limit_json(limit: &LimitCheck) -> Value {
    json!({
        "name": limit.name,
        "unit": limit.unit,
        "side": limit.side,
        "value": whole(limit.value),
        "bound": whole(limit.bound),
        "slack": whole(limit.slack),
        "binds": limit.binds,
    })
}

/// A whole number of parts; weights are at most 1,000 times capital.
fn whole(parts: i128) -> i64 {
    i64::try_from(parts).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "the nearest is what is wanted")]
fn dollars(micro: i128) -> f64 {
    micro as f64 / 1e6
}

fn percent(fraction: f64) -> String {
    format!("{:.4} %", 100.0 * fraction)
}

fn percent_of(parts: i128) -> String {
    percent(fraction(parts))
}
