//! `task`: task runs, and what becomes of them.

mod change;
mod kinds;
pub(super) mod list;
pub(super) mod rows;
mod show;

use crate::cli::{Global, TaskCommand};
use crate::exit::Failure;

/// Lists, tells or changes task runs.
///
/// # Errors
/// If the database cannot be used, there is no such task, or it is in no state for that.
pub fn task(global: &Global, command: &TaskCommand) -> Result<(), Failure> {
    match command {
        TaskCommand::List(options) => list::list(global, options),
        TaskCommand::Show(task) => show::show(global, &task.task),
        TaskCommand::Explain(options) => super::explain::explain(global, options),
        TaskCommand::Retry(task) => change::retry(global, &task.task),
        TaskCommand::Rerun(task) => change::rerun(global, &task.task),
        TaskCommand::Skip(task) => change::skip(global, &task.task, &task.reason),
        TaskCommand::Cancel(task) => change::cancel(global, &task.task, &task.reason),
        TaskCommand::Approve(task) => change::approve(global, &task.task),
        TaskCommand::Dead(page) => list::dead(global, page),
        TaskCommand::Kinds => kinds::kinds(global),
    }
}
