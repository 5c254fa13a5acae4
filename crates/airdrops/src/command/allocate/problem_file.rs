//! The problem file: its fields, and the problem that they tell.

use std::collections::BTreeMap;
use std::path::Path;

use airdrops_allocation::problem::{
    Certainty, Costs, Drawdown, Estimator, Fault, Group, Limits, Moments, Parameters, Problem,
    Returns, Scenarios, Views,
};
use airdrops_allocation::strategies::Needs;
use airdrops_types::Usd;
use nalgebra::{DMatrix, DVector};
use serde_json::{Map, Value};

use super::history;
use super::reader::Reader;
use crate::command::risk::recording;

/// Fields of the file.
pub(super) const ROOT: &[&str] = &[
    "assets",
    "strategy",
    "mu",
    "cov",
    "returns",
    "covariance",
    "scenarios",
    "bounds",
    "groups",
    "cash",
    "turnover",
    "min_position",
    "max_positions",
    "current",
    "costs",
    "capital",
    "cap_per_transaction",
    "weights",
    "risk_budgets",
    "risk_aversion",
    "target_return",
    "target_risk",
    "views",
    "alpha",
    "kelly_fraction",
    "drawdown",
    "rf",
    "periods_per_year",
];
/// Fields of `scenarios`.
pub(super) const SCENARIOS: &[&str] = &["returns", "probabilities"];
/// Fields of an entry of `groups`.
pub(super) const GROUP: &[&str] = &["name", "assets", "min", "max"];
/// Fields of `costs`.
pub(super) const COSTS: &[&str] = &["proportional", "fixed"];
/// Fields of `views`.
pub(super) const VIEWS: &[&str] = &[
    "P",
    "q",
    "omega",
    "confidence",
    "market_weights",
    "delta",
    "tau",
];
/// Fields of `drawdown`.
pub(super) const DRAWDOWN: &[&str] = &["alpha", "beta"];
/// Fields of `covariance`, if it is an object.
pub(super) const COVARIANCE: &[&str] = &["exponential"];

/// Micro-dollars of the capital where the file gives none: whole parts are micro-dollars then.
const DEFAULT_CAPITAL: Usd = Usd::dollars(1_000_000);

/// What a file tells.
pub(super) struct ProblemFile {
    /// The problem.
    pub(super) problem: Problem,
    /// The strategy that it names.
    pub(super) strategy: Option<String>,
    /// How much of the returns it tells.
    pub(super) known: Needs,
    /// Whether it gives the capital in dollars.
    pub(super) capital: bool,
    /// Whether it says how many periods a year has.
    pub(super) annual: bool,
}

/// Reads the fields of a document; `folder` is where it lies.
///
/// # Errors
/// Every fault.
pub(super) fn read(document: &Value, folder: &Path) -> Result<ProblemFile, Vec<Fault>> {
    let mut reader = Reader::default();
    let file = reader
        .object("", document, ROOT)
        .and_then(|map| Fields { map, folder }.file(&mut reader));
    match file {
        Some(file) if reader.faults.is_empty() => Ok(file),
        _ => Err(reader.faults),
    }
}

struct Fields<'a> {
    map: &'a Map<String, Value>,
    folder: &'a Path,
}

impl Fields<'_> {
    /// A field that is there and not null.
    fn get(&self, key: &str) -> Option<&Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    fn number(&self, key: &str, reader: &mut Reader) -> Option<f64> {
        self.get(key).and_then(|value| reader.number(key, value))
    }

    fn file(&self, reader: &mut Reader) -> Option<ProblemFile> {
        let assets = self.assets(reader)?;
        let n = assets.len();
        let (returns, known) = self.returns(&assets, reader);
        let capital = self.number("capital", reader);
        let current = self.by_asset("current", &assets, reader);
        let costs = self.costs(&assets, capital, reader);
        let limits = self.limits(&assets, reader);
        let parameters = self.parameters(&assets, reader);
        let periods = self.number("periods_per_year", reader);
        let strategy = self
            .get("strategy")
            .and_then(|value| reader.text("strategy", value));
        Some(ProblemFile {
            strategy: strategy.map(str::to_owned),
            known,
            capital: capital.is_some(),
            annual: periods.is_some(),
            problem: Problem {
                estimator: self.estimator(reader),
                risk_free: self.number("rf", reader).unwrap_or(0.0),
                periods_per_year: periods.unwrap_or(1.0),
                capital: capital.map_or(DEFAULT_CAPITAL, micro_dollars),
                current: current.unwrap_or_else(|| DVector::zeros(n)),
                assets,
                returns,
                limits,
                costs,
                parameters,
            },
        })
    }

    fn assets(&self, reader: &mut Reader) -> Option<Vec<String>> {
        let Some(value) = self.get("assets") else {
            reader.fault("assets", "is missing", "give a list of names");
            return None;
        };
        let list = reader.list("assets", value)?;
        let names = list.iter().enumerate().map(|(index, value)| {
            let name = reader.text(&format!("assets[{index}]"), value);
            name.unwrap_or_default().to_owned()
        });
        Some(names.collect())
    }

    fn by_asset(&self, key: &str, assets: &[String], reader: &mut Reader) -> Option<DVector<f64>> {
        self.get(key)
            .and_then(|value| reader.by_asset(key, value, assets, false))
    }

    fn returns(&self, assets: &[String], reader: &mut Reader) -> (Returns, Needs) {
        let n = assets.len();
        let unknown = || {
            Returns::Moments(Moments {
                mean: DVector::zeros(n),
                covariance: DMatrix::zeros(n, n),
            })
        };
        let (cov, history, scenarios) =
            (self.get("cov"), self.get("returns"), self.get("scenarios"));
        if [cov.is_some(), history.is_some(), scenarios.is_some()]
            .into_iter()
            .filter(|given| *given)
            .count()
            > 1
        {
            reader.fault(
                "returns",
                "returns are given in more than one way",
                "give one of: mu with cov, returns, scenarios",
            );
        }
        let mean = self.by_asset("mu", assets, reader);
        if self.get("mu").is_some() && cov.is_none() {
            reader.fault(
                "mu",
                "stands alone",
                "give cov beside it, and neither of them with returns or scenarios",
            );
        }
        if let Some(value) = cov {
            let known = if mean.is_some() {
                Needs::Mean
            } else {
                Needs::Covariance
            };
            let returns = reader.rows("cov", value).map(|covariance| {
                let mean = mean.unwrap_or_else(|| DVector::zeros(n));
                Returns::Moments(Moments { mean, covariance })
            });
            return (returns.unwrap_or_else(unknown), known);
        }
        if let Some(value) = history {
            let matrix = match value.as_str() {
                Some(path) => self.history(path, assets, reader),
                None => reader.rows("returns", value),
            };
            return (matrix.map_or_else(unknown, Returns::History), Needs::Mean);
        }
        if let Some(value) = scenarios {
            let scenarios = self.scenarios(value, reader);
            return (
                scenarios.map_or_else(unknown, Returns::Scenarios),
                Needs::Mean,
            );
        }
        (unknown(), Needs::Nothing)
    }

    fn history(&self, path: &str, assets: &[String], reader: &mut Reader) -> Option<DMatrix<f64>> {
        let path = self.folder.join(path);
        let text = match recording::read(&path) {
            Ok(text) => text,
            Err(failure) => {
                let remedy = "give a path relative to the problem file";
                reader.fault("returns", failure.message, remedy);
                return None;
            }
        };
        match history::read(&text, assets) {
            Ok(matrix) => Some(matrix),
            Err(wrong) => {
                let file = path.display();
                let place = match wrong.line {
                    Some(line) => format!("{file}:{line}"),
                    None => file.to_string(),
                };
                reader.fault(place, wrong.problem, wrong.remedy);
                None
            }
        }
    }

    fn scenarios(&self, value: &Value, reader: &mut Reader) -> Option<Scenarios> {
        let map = reader.object("scenarios", value, SCENARIOS)?;
        let Some(rows) = map.get("returns") else {
            reader.fault(
                "scenarios.returns",
                "is missing",
                "give rows of gross returns",
            );
            return None;
        };
        let gross = reader.rows("scenarios.returns", rows)?;
        let probabilities = match map.get("probabilities").filter(|value| !value.is_null()) {
            Some(value) => reader.numbers("scenarios.probabilities", value)?,
            #[expect(clippy::cast_precision_loss, reason = "far below 2⁵³ rows")]
            None => DVector::repeat(gross.nrows(), 1.0 / gross.nrows() as f64),
        };
        Some(Scenarios {
            gross,
            probabilities,
        })
    }

    fn estimator(&self, reader: &mut Reader) -> Estimator {
        let Some(value) = self.get("covariance") else {
            return Estimator::Sample;
        };
        let known = "give \"sample\", \"ledoit-wolf\", \"oas\" or {\"exponential\": half-life}";
        match value.as_str() {
            Some("sample") => return Estimator::Sample,
            Some("ledoit-wolf") => return Estimator::LedoitWolf,
            Some("oas") => return Estimator::OracleApproximating,
            Some(name) => reader.fault("covariance", format!("`{name}` is no estimator"), known),
            None => {
                let half_life = reader
                    .object("covariance", value, COVARIANCE)
                    .and_then(|map| map.get("exponential"))
                    .and_then(|value| reader.number("covariance.exponential", value));
                if let Some(half_life) = half_life {
                    return Estimator::Exponential { half_life };
                }
                if reader.faults.is_empty() {
                    reader.fault("covariance", "names no estimator", known);
                }
            }
        }
        Estimator::Sample
    }

    fn limits(&self, assets: &[String], reader: &mut Reader) -> Limits {
        let mut limits = Limits::long_only(assets.len());
        if let Some(true) = self
            .get("cash")
            .and_then(|value| reader.flag("cash", value))
        {
            limits.invested = (0.0, 1.0);
        }
        if let Some(value) = self.get("bounds") {
            match value.as_object() {
                None => reader.fault("bounds", "is no object", "give {asset: [least, greatest]}"),
                Some(map) => {
                    for (name, value) in map {
                        let place = format!("bounds.{name}");
                        let index = reader.asset(&place, name, assets);
                        let range = reader.numbers(&place, value);
                        match (index, range.as_ref().map(DVector::as_slice)) {
                            (Some(index), Some(&[low, high])) => {
                                limits.lower[index] = low;
                                limits.upper[index] = high;
                            }
                            (Some(_), Some(other)) => reader.fault(
                                place,
                                format!("has {} numbers", other.len()),
                                "give [least, greatest]",
                            ),
                            _ => {}
                        }
                    }
                }
            }
        }
        if let Some(list) = self
            .get("groups")
            .and_then(|value| reader.list("groups", value))
        {
            for (index, value) in list.iter().enumerate() {
                let place = format!("groups[{index}]");
                limits.groups.extend(group(&place, value, assets, reader));
            }
        }
        limits.turnover = self.number("turnover", reader);
        limits.min_position = self.number("min_position", reader);
        limits.max_positions = self
            .get("max_positions")
            .and_then(|value| reader.count("max_positions", value));
        limits
    }

    fn costs(&self, assets: &[String], capital: Option<f64>, reader: &mut Reader) -> Costs {
        let mut costs = Costs {
            cap_per_transaction: self.number("cap_per_transaction", reader),
            ..Costs::default()
        };
        if let Some(cap) = costs.cap_per_transaction
            && cap > 1.0
        {
            let remedy = match capital {
                Some(capital) if capital >= cap => {
                    format!("it is a fraction of capital: {} for ${cap}", cap / capital)
                }
                _ => "it is a fraction of capital: 0.05 for 5 %".to_owned(),
            };
            reader.fault("cap_per_transaction", format!("is {cap}"), remedy);
        }
        let Some(map) = self
            .get("costs")
            .and_then(|value| reader.object("costs", value, COSTS))
        else {
            return costs;
        };
        if let Some(value) = map.get("proportional")
            && let Some(numbers) = reader.by_asset("costs.proportional", value, assets, true)
        {
            costs.proportional = numbers.as_slice().to_vec();
        }
        if let Some(value) = map.get("fixed")
            && let Some(numbers) = reader.by_asset("costs.fixed", value, assets, true)
        {
            match capital {
                Some(capital) if capital > 0.0 => {
                    costs.fixed = numbers.iter().map(|dollars| dollars / capital).collect();
                }
                Some(_) => {}
                None => reader.fault(
                    "costs.fixed",
                    "is in dollars, and the file has no capital",
                    "give capital in dollars",
                ),
            }
        }
        costs
    }

    fn parameters(&self, assets: &[String], reader: &mut Reader) -> Parameters {
        let fixed = self
            .get("weights")
            .and_then(|value| match value.as_object() {
                // Only the named ones: what is no asset is told below.
                Some(map) => {
                    reader.by_asset("weights", value, assets, false)?;
                    let weights = map
                        .iter()
                        .filter_map(|(name, value)| Some((name.clone(), value.as_f64()?)));
                    Some(weights.collect::<BTreeMap<_, _>>())
                }
                None => {
                    let weights = reader.by_asset("weights", value, assets, false)?;
                    Some(
                        assets
                            .iter()
                            .cloned()
                            .zip(weights.iter().copied())
                            .collect(),
                    )
                }
            });
        let drawdown = self
            .get("drawdown")
            .and_then(|value| reader.object("drawdown", value, DRAWDOWN))
            .and_then(|map| {
                let mut bound = |key: &str| match map.get(key) {
                    Some(value) => reader.number(&format!("drawdown.{key}"), value),
                    None => {
                        reader.fault(
                            format!("drawdown.{key}"),
                            "is missing",
                            "give alpha and beta",
                        );
                        None
                    }
                };
                let (alpha, beta) = (bound("alpha"), bound("beta"));
                Some(Drawdown {
                    alpha: alpha?,
                    beta: beta?,
                })
            });
        Parameters {
            risk_budgets: self.by_asset("risk_budgets", assets, reader),
            fixed,
            risk_aversion: self.number("risk_aversion", reader),
            target_return: self.number("target_return", reader),
            target_risk: self.number("target_risk", reader),
            views: self
                .get("views")
                .and_then(|value| views(value, assets, reader)),
            drawdown,
            kelly_fraction: self.number("kelly_fraction", reader),
            alpha: self.number("alpha", reader),
        }
    }
}

/// To the nearest micro-dollar; what does not fit is refused when the problem is checked.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
fn micro_dollars(dollars: f64) -> Usd {
    Usd((dollars * 1e6).round() as i128)
}

fn group(place: &str, value: &Value, assets: &[String], reader: &mut Reader) -> Option<Group> {
    let map = reader.object(place, value, GROUP)?;
    let at = |key: &str| format!("{place}.{key}");
    let name = match map.get("name") {
        Some(value) => reader.text(&at("name"), value)?.to_owned(),
        None => {
            reader.fault(at("name"), "is missing", "give the group a name");
            return None;
        }
    };
    let mut terms = Vec::new();
    let members = at("assets");
    match map.get("assets") {
        Some(Value::Object(members_map)) => {
            for (name, value) in members_map {
                let place = format!("{members}.{name}");
                let index = reader.asset(&place, name, assets);
                let coefficient = reader.number(&place, value);
                terms.extend(index.zip(coefficient));
            }
        }
        Some(value) => {
            for (index, value) in reader.list(&members, value)?.iter().enumerate() {
                let place = format!("{members}[{index}]");
                let name = reader.text(&place, value);
                let index = name.and_then(|name| reader.asset(&place, name, assets));
                terms.extend(index.map(|index| (index, 1.0)));
            }
        }
        None => reader.fault(members, "is missing", "give a list of names"),
    }
    terms.sort_by_key(|(index, _)| *index);
    let mut side = |key: &str| {
        let value = map.get(key).filter(|value| !value.is_null());
        value.and_then(|value| reader.number(&at(key), value))
    };
    Some(Group {
        name,
        terms,
        min: side("min"),
        max: side("max"),
    })
}

fn views(value: &Value, assets: &[String], reader: &mut Reader) -> Option<Views> {
    let map = reader.object("views", value, VIEWS)?;
    let get = |key: &str| map.get(key).filter(|value| !value.is_null());
    let mut missing = |key: &str, remedy: &str| {
        if get(key).is_none() {
            reader.fault(format!("views.{key}"), "is missing", remedy);
        }
    };
    missing("P", "give one row per view, with a number per asset");
    missing("q", "give the return of each view");
    missing("market_weights", "give the market's weight of each asset");
    let certainty = match (get("omega"), get("confidence")) {
        (Some(omega), None) => reader.rows("views.omega", omega).map(Certainty::Omega),
        (None, Some(confidence)) => reader
            .numbers("views.confidence", confidence)
            .map(Certainty::Confidence),
        _ => {
            reader.fault(
                "views",
                "says not how sure the views are",
                "give omega or confidence",
            );
            None
        }
    };
    let p = get("P").and_then(|value| reader.rows("views.P", value));
    let q = get("q").and_then(|value| reader.numbers("views.q", value));
    let market = get("market_weights")
        .and_then(|value| reader.by_asset("views.market_weights", value, assets, false));
    let delta = get("delta").map_or(Some(2.5), |value| reader.number("views.delta", value));
    let tau = get("tau").map_or(Some(0.05), |value| reader.number("views.tau", value));
    Some(Views {
        p: p?,
        q: q?,
        certainty: certainty?,
        market_weights: market?,
        delta: delta?,
        tau: tau?,
    })
}
