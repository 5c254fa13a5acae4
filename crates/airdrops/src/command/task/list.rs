//! `task list` and `task dead`.

use airdrops_store::{Access, TaskFilter};
use airdrops_types::{Address, CampaignId, TaskRecord, TaskState};
use serde_json::json;

use super::rows::{after, collect};
use crate::cli::{Global, Page, States, TaskList};
use crate::command::Opened;
use crate::config::diagnostic::suggestion;
use crate::exit::{Exit, Failure};

/// Lists task runs.
pub(super) fn list(global: &Global, options: &TaskList) -> Result<(), Failure> {
    let opened = crate::command::open(global, Access::ReadOnly)?;
    let wallet = match &options.wallet {
        Some(name) => Some(wallet(&opened, name)?),
        None => None,
    };
    let fits = |task: &TaskRecord| {
        let acts = task.assignment();
        let here = |protocol: &String| acts.is_some_and(|it| it.protocol.as_str() == protocol);
        wallet.is_none_or(|wallet| acts.is_some_and(|it| it.wallet == wallet))
            && options.protocol.as_ref().is_none_or(here)
    };
    let filter = TaskFilter {
        campaign: options.campaign.as_deref().map(CampaignId::from),
        states: states_of(&options.state),
        after: after(options.page.after.as_ref()),
        ..TaskFilter::default()
    };
    show(
        global,
        &opened,
        filter,
        &options.page,
        fits,
        "No task run fits.",
    )
}

/// Lists the dead letters.
pub(super) fn dead(global: &Global, page: &Page) -> Result<(), Failure> {
    let opened = crate::command::open(global, Access::ReadOnly)?;
    let filter = TaskFilter {
        states: vec![TaskState::Dead],
        after: after(page.after.as_ref()),
        ..TaskFilter::default()
    };
    let none = "No dead letters. A task run whose attempts are used up comes here, until \
                `airdrops task retry` replays it or `airdrops task cancel` ends it.";
    show(global, &opened, filter, page, |_| true, none)
}

fn show(
    global: &Global,
    opened: &Opened,
    filter: TaskFilter,
    page: &Page,
    fits: impl Fn(&TaskRecord) -> bool,
    none: &str,
) -> Result<(), Failure> {
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let rows = collect(filter, limit, |filter| opened.store.tasks(filter), fits)?;
    crate::command::answer(
        global,
        &rows.text(none),
        &json!({
            "tasks": rows.tasks,
            "more": rows.more,
            "after": rows.tasks.last().map(|task| &task.id),
        }),
    );
    Ok(())
}

/// The states that these words name; none is all.
pub(crate) fn states_of(words: &[States]) -> Vec<TaskState> {
    let mut states = Vec::new();
    for word in words {
        match word {
            States::Open => {
                states.extend(TaskState::ALL.into_iter().filter(|state| !state.is_final()));
            }
            States::One(state) => states.push(*state),
        }
    }
    states.sort();
    states.dedup();
    states
}

fn wallet(opened: &Opened, name: &str) -> Result<Address, Failure> {
    let wallets = opened
        .loaded
        .as_ref()
        .map(|loaded| loaded.wallets.as_slice());
    let wallets = wallets.unwrap_or_default();
    let named = wallets.iter().find(|wallet| wallet.name == name);
    let address = named
        .map(|wallet| wallet.address)
        .or_else(|| name.parse().ok());
    address.ok_or_else(|| {
        let known = wallets.iter().map(|wallet| wallet.name.as_str());
        let help = suggestion(name, known, "wallet");
        Failure::new(Exit::Usage, format!("unknown wallet `{name}`: {help}"))
    })
}
