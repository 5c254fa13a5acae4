//! What an operator asks of a task run.

use airdrops_store::Access;
use airdrops_types::{Command, TaskRecord, TaskState};
use serde_json::json;

use crate::cli::Global;
use crate::command::{asked, explain};
use crate::exit::Failure;

/// Finds the run, checks that the request makes sense for it, and leaves it for the runner. The
/// runner checks again: what it finds may be newer.
fn change(
    global: &Global,
    wanted: &str,
    verb: &str,
    check: impl Fn(&TaskRecord) -> Result<(), String>,
    command: impl Fn(&TaskRecord) -> Command,
) -> Result<(), Failure> {
    let opened = crate::command::open(global, Access::Operator)?;
    let task = explain::find(&opened, wanted)?;
    check(&task).map_err(|why| Failure::failed(format!("Task {} {why}.", task.id)))?;
    let asked = asked::ask(opened.store.as_ref(), &command(&task), None)?;
    crate::command::answer(
        global,
        &format!("{verb} {} ({}): {}", task.id, task.state, asked.text()),
        &json!({ "task": task.id, "state": task.state, "asked": asked.json() }),
    );
    Ok(())
}

fn not_ended(task: &TaskRecord) -> Result<(), String> {
    if task.state.is_final() {
        return Err(format!("has ended: it is {}", task.state));
    }
    Ok(())
}

/// Tries it again now.
pub(super) fn retry(global: &Global, wanted: &str) -> Result<(), Failure> {
    let check = |task: &TaskRecord| match task.state {
        TaskState::Deferred | TaskState::Retrying | TaskState::Failed | TaskState::Dead => Ok(()),
        TaskState::Pending => {
            Err("waits for the tasks before it: `airdrops task explain` says for which".to_owned())
        }
        TaskState::Ready | TaskState::Running | TaskState::Awaiting => {
            Err(format!("is {}: it is under way", task.state))
        }
        TaskState::Completed | TaskState::Cancelled | TaskState::Skipped => Err(format!(
            "is {}: `airdrops task rerun` runs it again with all that comes after it",
            task.state
        )),
    };
    change(global, wanted, "Retry", check, |task| Command::Retry {
        task: task.id.clone(),
    })
}

/// Runs it, and all that comes after it, again.
pub(super) fn rerun(global: &Global, wanted: &str) -> Result<(), Failure> {
    let check = |task: &TaskRecord| {
        if task.state.is_final() {
            Ok(())
        } else {
            Err(format!("is {}: only what has ended runs again", task.state))
        }
    };
    change(global, wanted, "Run again from", check, |task| {
        Command::Rerun {
            task: task.id.clone(),
        }
    })
}

/// Leaves it out.
pub(super) fn skip(global: &Global, wanted: &str, reason: &str) -> Result<(), Failure> {
    change(global, wanted, "Skip", not_ended, |task| Command::Skip {
        task: task.id.clone(),
        reason: reason.to_owned(),
    })
}

/// Ends it.
pub(super) fn cancel(global: &Global, wanted: &str, reason: &str) -> Result<(), Failure> {
    let check = |task: &TaskRecord| {
        // A dead letter waits for somebody to replay or cancel it.
        if task.state == TaskState::Dead {
            return Ok(());
        }
        not_ended(task)
    };
    change(global, wanted, "Cancel", check, |task| Command::Cancel {
        task: task.id.clone(),
        reason: reason.to_owned(),
    })
}

/// Lets it go on.
pub(super) fn approve(global: &Global, wanted: &str) -> Result<(), Failure> {
    let check = |task: &TaskRecord| {
        not_ended(task)?;
        match (&task.approved, task.spec.approval) {
            (Some(by), _) => Err(format!("was approved by {by}")),
            (None, false) => Err("waits for no approval".to_owned()),
            (None, true) => Ok(()),
        }
    };
    change(global, wanted, "Approve", check, |task| Command::Approve {
        task: task.id.clone(),
    })
}
