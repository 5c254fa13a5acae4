//! `backtest`: strategies side by side over recorded history, with the code of production.

pub mod answer;
pub mod history;
pub mod page;
pub mod plan;
pub mod terminal;

use airdrops_allocation::backtest::{Simulation, compare};
use airdrops_allocation::performance::sharpe::sharpe;
use airdrops_allocation::problem::Problem;
use airdrops_allocation::solve::{SolveError, solve};
use airdrops_allocation::strategies;
use serde_json::json;

use crate::cli::{self, Global};
use crate::exit::{Exit, Failure};
use answer::{Backtested, Paths};
use history::Cells;

/// Runs the backtest and shows it.
///
/// # Errors
/// If a file cannot be read, is not what it should be, or the history is too short for the plan.
pub fn backtest(global: &Global, options: &cli::Backtest) -> Result<(), Failure> {
    let cells = if options.returns {
        Cells::Returns
    } else {
        Cells::Prices
    };
    let recorded = super::risk::recording::read(&options.history)?;
    let history = history::parse(&recorded, cells)
        .map_err(|error| Failure::failed(format!("{}: {error}", options.history.display())))?;
    let in_plan =
        |what: String| Failure::new(Exit::Config, format!("{}: {what}", global.config.display()));
    let text = std::fs::read_to_string(&global.config).map_err(|error| {
        in_plan(format!(
            "cannot be read: {error}; name the plan of the backtest with --config FILE"
        ))
    })?;
    let plan = plan::parse(&text, &options.strategies, &history).map_err(in_plan)?;
    let backtested = run(&history, &plan).map_err(in_plan)?;
    let mut text = terminal::render(&backtested);
    let mut answer = backtested.json();
    if let Some(path) = &options.html {
        std::fs::write(path, page::render(&backtested))
            .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
        text.push_str(&format!("\nWritten: {}\n", path.display()));
        answer["html"] = json!(path.display().to_string());
    }
    super::answer(global, &text, &answer);
    Ok(())
}

/// Runs every strategy of the plan.
///
/// # Errors
/// If the history is too short, or cannot be cut as the plan says.
pub fn run(
    history: &airdrops_allocation::backtest::History,
    plan: &plan::Plan,
) -> Result<Backtested, String> {
    let folds = plan.walk.folds(history.times());
    if folds.is_empty() {
        return Err(format!(
            "`window` and `embargo` leave no decision in {} rows: shorten them, or give a longer history",
            history.times().len()
        ));
    }
    let template = &plan.template;
    let simulation = Simulation { history, template };
    let mut runs = Vec::new();
    let mut paths = Vec::new();
    // What is decided from cash for a test of its own has nothing to turn over.
    let mut fresh = template.clone();
    fresh.limits.turnover = None;
    let crossed = Simulation {
        history,
        template: &fresh,
    };
    let combinations = match &plan.purging {
        Some(purging) => Some(
            purging
                .combinations(history.times())
                .map_err(|error| format!("cpcv: {error}"))?,
        ),
        None => None,
    };
    for name in &plan.strategies {
        let strategy = strategies::by_name(name).ok_or(format!("no strategy `{name}`"))?;
        let mut decide = |problem: &Problem| {
            solve(problem, &*strategy)
                .map(|allocation| allocation.fractions().as_slice().to_vec())
                .map_err(|error| words(&error))
        };
        runs.push(simulation.walk(name, &folds, &mut decide));
        if let Some(combinations) = &combinations {
            let (returns, refusals) = crossed.cross_validate(combinations, &mut decide);
            paths.push(Paths {
                strategy: name.clone(),
                sharpes: returns
                    .iter()
                    .map(|path| {
                        sharpe(path, template.risk_free, template.periods_per_year)
                            .map(|sharpe| sharpe.annual)
                    })
                    .collect(),
                splits: combinations.splits.len(),
                refused: refusals.len(),
            });
        }
    }
    let trials = plan.trials.unwrap_or(runs.len()).max(runs.len());
    Ok(Backtested {
        comparisons: compare(
            &runs,
            trials,
            template.risk_free,
            template.periods_per_year,
            plan.alpha,
        ),
        assets: history.assets().to_vec(),
        rows: history.times().len(),
        folds: folds.len(),
        trials,
        alpha: plan.alpha,
        runs,
        paths,
    })
}

/// The error, and its parts where it only counts them.
fn words(error: &SolveError) -> String {
    match error {
        SolveError::Faults(faults) => faults
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; "),
        error => error.to_string(),
    }
}
