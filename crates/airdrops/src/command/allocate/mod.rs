//! `allocate`: weights for a problem in a file, without configuration, database or chain.

mod answer;
mod document;
mod history;
mod problem_file;
mod reader;
mod schema;

use std::path::Path;
use std::time::Instant;

use airdrops_allocation::problem::Fault;
use airdrops_allocation::solve::{SolveError, solve};
use airdrops_allocation::strategies::{self, Entry, Needs};
use serde_json::json;

use crate::cli::{Allocate, Global};
use crate::command::risk::recording;
use crate::config::diagnostic::suggestion;
use crate::exit::{Exit, Failure};
use document::Document;
use problem_file::ProblemFile;

/// Solves the problem and prints the weights, or prints the schema of the file.
///
/// # Errors
/// If the file cannot be read or has faults, if the limits conflict, or if the strategy has no
/// answer.
pub fn allocate(global: &Global, options: &Allocate) -> Result<(), Failure> {
    if options.schema {
        anstream::println!("{:#}", schema::schema()?);
        return Ok(());
    }
    // The command line is not accepted without one of the two.
    let path = options.problem.as_deref().unwrap_or(Path::new(""));
    let file = read(path)?;
    let asked = options.strategy.as_deref().or(file.strategy.as_deref());
    let asked = asked.unwrap_or_else(|| strategies::default_for(&file.problem));
    let place = match options.strategy {
        Some(_) => "--strategy".to_owned(),
        None => format!("{}: strategy", path.display()),
    };
    let Some(entry) = strategies::entry(asked) else {
        let remedy = suggestion(asked, strategies::names(), "strategy");
        let exit = match options.strategy {
            Some(_) => Exit::Usage,
            None => Exit::Failed,
        };
        let message = format!("{place}: `{asked}` is no strategy; {remedy}");
        return Err(Failure::new(exit, message));
    };
    known(path, &file, entry)?;
    let Some(strategy) = strategies::by_name(entry.name) else {
        return Err(Failure::failed(format!("`{asked}` is no strategy")));
    };
    let started = Instant::now();
    let solved = solve(&file.problem, strategy.as_ref());
    let time = started.elapsed();
    let allocation = solved.map_err(|error| refused(path, error))?;
    let answer = answer::Answer {
        file: &file,
        allocation: &allocation,
        time,
    };
    crate::command::answer(global, &answer.text(), &answer.json());
    Ok(())
}

fn read(path: &Path) -> Result<ProblemFile, Failure> {
    let text = recording::read(path)?;
    let Document(document) = serde_json::from_str(&text).map_err(|error| {
        Failure::failed(format!(
            "{}:{}: {error}; `airdrops allocate --schema` tells what the file holds",
            path.display(),
            error.line()
        ))
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let file = problem_file::read(&document, folder).map_err(|faults| faulty(path, &faults))?;
    file.problem
        .check()
        .map_err(|faults| faulty(path, &faults))?;
    Ok(file)
}

/// Whether the file tells what the strategy needs.
fn known(path: &Path, file: &ProblemFile, entry: &Entry) -> Result<(), Failure> {
    if file.known >= entry.needs {
        return Ok(());
    }
    let (place, what) = match entry.needs {
        Needs::Mean if file.known == Needs::Covariance => {
            ("mu", "mean returns: give mu beside cov")
        }
        Needs::Mean => (
            "returns",
            "what is known of returns: give mu and cov, returns, or scenarios",
        ),
        _ => ("cov", "a covariance: give cov, returns, or scenarios"),
    };
    let file = path.display();
    let strategy = entry.name;
    Err(Failure::failed(format!(
        "{file}: {place}: {strategy} needs {what}"
    )))
}

fn faulty(path: &Path, faults: &[Fault]) -> Failure {
    let file = path.display();
    let lines = faults.iter().map(|fault| {
        // A line of a CSV file stands for itself.
        if fault.place.contains(".csv") || fault.place.starts_with('/') {
            format!("{fault}\n")
        } else {
            format!("{file}: {fault}\n")
        }
    });
    let details = faults.iter().map(
        |fault| json!({ "place": fault.place, "problem": fault.problem, "remedy": fault.remedy }),
    );
    Failure {
        of_the_store: false,
        exit: Exit::Failed,
        message: lines.collect(),
        json: Some(json!({ "faults": details.collect::<Vec<_>>() })),
    }
}

fn refused(path: &Path, error: SolveError) -> Failure {
    let file = path.display();
    let (message, json) = match error {
        SolveError::Faults(faults) => return faulty(path, &faults),
        SolveError::Infeasible(conflict) => {
            let lines: String = conflict
                .words
                .iter()
                .map(|word| format!("  {word}\n"))
                .collect();
            (
                format!(
                    "{file}: no weights keep all limits. These cannot hold together:\n{lines}Loosen \
                     one of them"
                ),
                json!({ "conflict": conflict.words }),
            )
        }
        SolveError::Rounding(broken) => {
            let names: Vec<&str> = broken.iter().map(|limit| limit.name.as_str()).collect();
            let json = json!({ "broken": names });
            (format!("{file}: {}", SolveError::Rounding(broken)), json)
        }
        error => (format!("{file}: {error}"), json!(null)),
    };
    Failure {
        of_the_store: false,
        exit: Exit::Failed,
        message,
        json: Some(json).filter(|json| !json.is_null()),
    }
}
