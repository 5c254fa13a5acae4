//! The plan of a backtest: a small TOML file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use airdrops_allocation::backtest::{History, Purging, WalkForward};
use airdrops_allocation::performance::YEAR_MS;
use airdrops_allocation::problem::{Costs, Estimator, Group, Limits, Parameters, Problem, Returns};
use airdrops_allocation::strategies;
use airdrops_types::Usd;
use nalgebra::{DMatrix, DVector};
use serde::Deserialize;

use crate::config::diagnostic::similar;
use crate::config::unit;

/// The file, in the names of the problem file of `allocate` where both have them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    window: toml::Spanned<String>,
    step: toml::Spanned<String>,
    embargo: Option<toml::Spanned<String>>,
    strategies: Option<Vec<toml::Spanned<String>>>,
    trials: Option<usize>,
    capital: Option<f64>,
    #[serde(default)]
    cash: bool,
    rf: Option<f64>,
    alpha: Option<f64>,
    periods_per_year: Option<f64>,
    covariance: Option<Covariance>,
    #[serde(default)]
    bounds: BTreeMap<String, (f64, f64)>,
    #[serde(default)]
    groups: Vec<GroupOf>,
    turnover: Option<f64>,
    min_position: Option<f64>,
    max_positions: Option<usize>,
    cap_per_transaction: Option<f64>,
    #[serde(default)]
    costs: CostsOf,
    cpcv: Option<Cpcv>,
    risk_aversion: Option<f64>,
    target_return: Option<f64>,
    target_risk: Option<f64>,
    kelly_fraction: Option<f64>,
    fixed: Option<BTreeMap<String, f64>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Covariance {
    Sample,
    LedoitWolf,
    Oas,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupOf {
    name: String,
    assets: Vec<String>,
    min: Option<f64>,
    max: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CostsOf {
    /// Per unit traded.
    proportional: Option<f64>,
    /// Dollars per transaction.
    fixed: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cpcv {
    groups: usize,
    test: usize,
    horizon: Option<toml::Spanned<String>>,
}

/// What is run.
#[derive(Debug)]
pub struct Plan {
    /// The walk.
    pub walk: WalkForward,
    /// The cross-validation, if one is asked for.
    pub purging: Option<Purging>,
    /// Names of strategies, each known.
    pub strategies: Vec<String>,
    /// Configurations that were ever tried on this history, if the file says it.
    pub trials: Option<usize>,
    /// Limits, costs and parameters.
    pub template: Problem,
    /// Confidence of CVaR and CDaR.
    pub alpha: f64,
}

/// Reads the plan for a history. `asked` are the strategies of the command line; those of the file
/// count if there are none.
///
/// # Errors
/// What is wrong, with its place and the remedy.
pub fn parse(text: &str, asked: &[String], history: &History) -> Result<Plan, String> {
    let file: File = toml::from_str(text).map_err(|error| syntax(text, &error))?;
    let span = |name: &str, value: &toml::Spanned<String>| {
        unit::duration(value.get_ref())
            .map_err(|defect| {
                format!(
                    "{}: `{name}` {defect}; write it like 30d or 12h",
                    place(text, value.span())
                )
            })
            .and_then(|span| match span {
                Duration::ZERO if name != "embargo" && name != "horizon" => Err(format!(
                    "{}: `{name}` must be above zero",
                    place(text, value.span())
                )),
                span => Ok(span),
            })
    };
    let embargo = match &file.embargo {
        Some(value) => span("embargo", value)?,
        None => Duration::ZERO,
    };
    let walk = WalkForward {
        window: span("window", &file.window)?,
        step: span("step", &file.step)?,
        embargo,
        least_rows: 2,
    };
    let purging = match &file.cpcv {
        None => None,
        Some(cpcv) => Some(Purging {
            groups: cpcv.groups,
            test: cpcv.test,
            horizon: match &cpcv.horizon {
                Some(value) => span("horizon", value)?,
                None => embargo,
            },
            embargo,
        }),
    };
    let template = template(&file, history)?;
    Ok(Plan {
        walk,
        purging,
        strategies: chosen(&file, asked, text)?,
        trials: file.trials,
        alpha: file.alpha.unwrap_or(0.95),
        template,
    })
}

/// The strategies that are run, each once.
fn chosen(file: &File, asked: &[String], text: &str) -> Result<Vec<String>, String> {
    let named: Vec<(String, Option<Range<usize>>)> = if asked.is_empty() {
        file.strategies
            .iter()
            .flatten()
            .map(|name| (name.get_ref().clone(), Some(name.span())))
            .collect()
    } else {
        asked.iter().map(|name| (name.clone(), None)).collect()
    };
    let mut chosen: Vec<String> = Vec::new();
    for (name, span) in named {
        let at = span.map_or_else(|| "--strategies".to_owned(), |span| place(text, span));
        if strategies::entry(&name).is_none() {
            return Err(format!(
                "{at}: there is no strategy `{name}`{}",
                nearest(&name, strategies::names())
            ));
        }
        if chosen.contains(&name) {
            return Err(format!("{at}: `{name}` is there twice"));
        }
        chosen.push(name);
    }
    if chosen.is_empty() {
        let all: Vec<&str> = strategies::names().collect();
        return Err(format!(
            "no strategy is named: write `strategies = [\"equal-weight\"]`, or --strategies; there are {}",
            all.join(", ")
        ));
    }
    Ok(chosen)
}

fn template(file: &File, history: &History) -> Result<Problem, String> {
    let assets = history.assets().to_vec();
    let n = assets.len();
    let index = |place: String, name: &str| {
        assets
            .iter()
            .position(|asset| asset == name)
            .ok_or_else(|| {
                format!(
                    "{place}: the history has no asset `{name}`{}",
                    nearest(name, assets.iter().map(String::as_str))
                )
            })
    };
    let mut limits = Limits::long_only(n);
    if file.cash {
        limits.invested = (0.0, 1.0);
    }
    for (name, (low, high)) in &file.bounds {
        let asset = index(format!("bounds.{name}"), name)?;
        limits.lower[asset] = *low;
        limits.upper[asset] = *high;
    }
    for group in &file.groups {
        let mut terms = Vec::new();
        for name in &group.assets {
            terms.push((index(format!("groups.{}", group.name), name)?, 1.0));
        }
        terms.sort_by_key(|(asset, _)| *asset);
        limits.groups.push(Group {
            name: group.name.clone(),
            terms,
            min: group.min,
            max: group.max,
        });
    }
    limits.turnover = file.turnover;
    limits.min_position = file.min_position;
    limits.max_positions = file.max_positions;
    let dollars = file.capital.unwrap_or(10_000.0);
    if !(dollars > 0.0 && dollars <= 1e12) {
        return Err(format!(
            "capital: {dollars} is not allowed; write dollars above 0 and at most 1e12"
        ));
    }
    #[allow(clippy::cast_possible_truncation)]
    let capital = Usd((dollars * 1e6) as i128);
    let costs = &file.costs;
    for (name, cost) in [("proportional", costs.proportional), ("fixed", costs.fixed)] {
        if cost.is_some_and(|cost| !cost.is_finite() || cost < 0.0) {
            return Err(format!("costs.{name}: must be finite and not negative"));
        }
    }
    if file.alpha.is_some_and(|alpha| !(0.0..1.0).contains(&alpha)) {
        return Err("alpha: must be at least 0 and below 1".to_owned());
    }
    Ok(Problem {
        returns: Returns::History(DMatrix::zeros(1, n)),
        estimator: match file.covariance.unwrap_or(Covariance::Sample) {
            Covariance::Sample => Estimator::Sample,
            Covariance::LedoitWolf => Estimator::LedoitWolf,
            Covariance::Oas => Estimator::OracleApproximating,
        },
        limits,
        current: DVector::zeros(n),
        costs: Costs {
            proportional: vec![costs.proportional.unwrap_or(0.0); n],
            fixed: vec![costs.fixed.unwrap_or(0.0) / dollars; n],
            cap_per_transaction: file.cap_per_transaction,
        },
        parameters: Parameters {
            fixed: file.fixed.clone(),
            risk_aversion: file.risk_aversion,
            target_return: file.target_return,
            target_risk: file.target_risk,
            kelly_fraction: file.kelly_fraction,
            alpha: file.alpha,
            ..Parameters::default()
        },
        risk_free: file.rf.unwrap_or(0.0),
        periods_per_year: file.periods_per_year.unwrap_or_else(|| usual(history)),
        capital,
        assets,
    })
}

/// Periods per year by the median distance of rows.
fn usual(history: &History) -> f64 {
    let times = history.times();
    let mut gaps: Vec<i64> = times.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    gaps.sort_unstable();
    match gaps.get(gaps.len() / 2) {
        Some(gap) if *gap > 0 => YEAR_MS / *gap as f64,
        _ => 365.0,
    }
}

/// `line 3, column 5`.
fn place(text: &str, span: Range<usize>) -> String {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    format!("line {line}, column {column}")
}

/// The parser's words with their place, and the nearest name for one that it does not know.
fn syntax(text: &str, error: &toml::de::Error) -> String {
    let at = error
        .span()
        .map_or_else(String::new, |span| format!("{}: ", place(text, span)));
    let message = error.message();
    let mut quoted = message.split('`').skip(1).step_by(2);
    let hint = match (message.starts_with("unknown"), quoted.next()) {
        (true, Some(name)) => nearest(name, quoted),
        _ => String::new(),
    };
    format!("{at}{message}{hint}")
}

fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    similar(name, candidates)
        .first()
        .map_or_else(String::new, |nearest| {
            format!("; did you mean `{nearest}`?")
        })
}
