//! Task runs as rows of a table, and pages of them.

use airdrops_store::{StoreError, TaskFilter};
use airdrops_types::{TaskId, TaskRecord};
use comfy_table::{Table, presets};

use crate::narrate;

/// Runs that are read at once.
const PAGE: usize = 500;

/// A page of runs.
pub(crate) struct Rows {
    /// The runs.
    pub(crate) tasks: Vec<TaskRecord>,
    /// Whether more follow.
    pub(crate) more: bool,
}

/// Reads runs page by page until `limit` of them fit.
pub(crate) fn collect(
    mut filter: TaskFilter,
    limit: usize,
    read: impl Fn(TaskFilter) -> Result<Vec<TaskRecord>, StoreError>,
    fits: impl Fn(&TaskRecord) -> bool,
) -> Result<Rows, StoreError> {
    let mut tasks = Vec::new();
    filter.limit = Some(PAGE);
    loop {
        let page = read(filter.clone())?;
        let whole = page.len() == PAGE;
        filter.after = page.last().map(|task| task.id.clone());
        for task in page {
            if !fits(&task) {
                continue;
            }
            if tasks.len() == limit {
                return Ok(Rows { tasks, more: true });
            }
            tasks.push(task);
        }
        if !whole {
            return Ok(Rows { tasks, more: false });
        }
    }
}

/// The run after which a page begins.
pub(crate) fn after(text: Option<&String>) -> Option<TaskId> {
    text.map(|id| TaskId::from(id.as_str()))
}

impl Rows {
    /// As a table, and how to see more.
    pub(crate) fn text(&self, none: &str) -> String {
        if self.tasks.is_empty() {
            return format!("{none}\n");
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        for task in &self.tasks {
            let when = match task.ended {
                Some(ended) => ended.to_string(),
                None => narrate::next_look(task.state, task.not_before).unwrap_or_default(),
            };
            table.add_row([
                task.id.to_string(),
                task.state.to_string(),
                task.due.to_string(),
                when,
                task.reason.clone().unwrap_or_default(),
            ]);
        }
        let mut text = format!("{table}\n");
        if self.more
            && let Some(last) = self.tasks.last()
        {
            text.push_str(&format!("More: --after '{}'\n", last.id));
        }
        text
    }
}
