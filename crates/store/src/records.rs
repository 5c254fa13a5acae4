//! Task runs in portions: a million of them need not be in memory at once.

use std::vec::IntoIter;

use airdrops_types::TaskRecord;

use crate::{Store, StoreError, TaskFilter};

/// So many are read at a time.
const PORTION: usize = 10_000;

/// The runs that fit a filter, in its order. Each portion is read by itself: what is stored meanwhile
/// may be seen or not. After an error there is nothing more.
#[derive(Debug)]
pub struct Records<'s> {
    store: &'s dyn Store,
    /// What is left to read; `None` after the last portion.
    rest: Option<TaskFilter>,
    portion: IntoIter<TaskRecord>,
}

impl<'s> Records<'s> {
    /// Those of `store` that [`Store::tasks`] gives for `filter`.
    #[must_use]
    pub fn new(store: &'s dyn Store, filter: TaskFilter) -> Self {
        Self {
            store,
            rest: Some(filter),
            portion: Vec::new().into_iter(),
        }
    }

    /// Reads the next portion.
    fn read(&mut self) -> Result<(), StoreError> {
        let Some(mut rest) = self.rest.take() else {
            return Ok(());
        };
        let most = rest.limit.unwrap_or(usize::MAX);
        let portion = self.store.tasks(TaskFilter {
            limit: Some(most.min(PORTION)),
            ..rest.clone()
        })?;
        if let Some(last) = portion.last()
            && portion.len() == PORTION
        {
            rest.after = Some(last.id.clone());
            rest.limit = rest.limit.map(|limit| limit - PORTION);
            self.rest = Some(rest);
        }
        self.portion = portion.into_iter();
        Ok(())
    }
}

impl Iterator for Records<'_> {
    type Item = Result<TaskRecord, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.portion.len() == 0
            && let Err(error) = self.read()
        {
            return Some(Err(error));
        }
        self.portion.next().map(Ok)
    }
}
