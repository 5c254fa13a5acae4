//! `event`: somebody says that something happened.

use airdrops_store::Access;
use airdrops_types::Command;
use serde_json::{Value, json};

use super::asked;
use crate::cli::{Event, Global};
use crate::exit::Failure;

/// Leaves a named event for the runner.
///
/// # Errors
/// If the database cannot be written, or the payload is too long.
pub fn event(global: &Global, options: &Event) -> Result<(), Failure> {
    let opened = super::open(global, Access::Operator)?;
    let command = Command::Event {
        name: options.name.clone(),
        payload: options.payload.clone().unwrap_or(Value::Null),
    };
    let asked = asked::ask(opened.store.as_ref(), &command, options.id.as_deref())?;
    let known = super::campaign::known::all(&opened)?;
    let waiting: Vec<&str> = known
        .iter()
        .filter(|known| known.waits_for(&options.name))
        .map(|known| known.campaign.id.as_str())
        .collect();
    let fires = if waiting.is_empty() {
        format!(
            "No campaign that is known here waits for `{}`.",
            options.name
        )
    } else {
        format!("It fires {}.", waiting.join(", "))
    };
    super::answer(
        global,
        &format!("{}\n{fires}", asked.text()),
        &json!({ "event": options.name, "asked": asked.json(), "fires": waiting }),
    );
    Ok(())
}
