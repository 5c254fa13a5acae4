//! Webhooks become messages in the store.

use std::sync::Arc;

use airdrops_server::{Inbox, InboxError, Running};
use airdrops_store::Store;
use airdrops_types::Command;
use serde_json::Value;

use super::tell;
use crate::cli::Global;
use crate::command::now;
use crate::config::Intake;
use crate::exit::Failure;

/// Takes webhooks in from now on.
pub(super) async fn listen(
    global: &Global,
    intake: Intake,
    store: Arc<dyn Store>,
) -> Result<Running, Failure> {
    let clock: airdrops_server::Clock = Arc::new(now);
    let inbox = Arc::new(StoreInbox(store));
    let running = airdrops_server::serve(intake.address, intake.webhooks, inbox, clock).await;
    let running = running.map_err(|error| Failure::failed(error.to_string()))?;
    tell(
        global,
        &format!(
            "Webhooks come in at http://{}/events/NAME.",
            running.address()
        ),
    );
    Ok(running)
}

/// Deliveries of webhooks become messages in the store.
struct StoreInbox(Arc<dyn Store>);

impl Inbox for StoreInbox {
    fn post(&self, id: &str, name: &str, payload: Value) -> Result<bool, InboxError> {
        let command = Command::Event {
            name: name.to_owned(),
            payload,
        };
        let posted = self.0.post(now(), id, &command, &format!("webhook {name}"));
        let posted = posted.map_err(|error| InboxError(error.to_string()))?;
        Ok(posted.new)
    }
}
