//! The chains as one reading sees them.

use std::collections::BTreeMap;

use airdrops_chain::{ChainRead, ReadError};
use airdrops_types::ChainId;

/// At most one pinned view per chain.
#[derive(Clone, Default)]
pub struct Views<'a>(BTreeMap<ChainId, &'a dyn ChainRead>);

impl<'a> Views<'a> {
    /// The view of `chain`.
    ///
    /// # Errors
    /// [`ReadError::Unreachable`] if there is none.
    pub fn get(&self, chain: ChainId) -> Result<&'a dyn ChainRead, ReadError> {
        self.0
            .get(&chain)
            .copied()
            .ok_or_else(|| ReadError::Unreachable(format!("there is no view of chain {chain}")))
    }
}

impl<'a> FromIterator<(ChainId, &'a dyn ChainRead)> for Views<'a> {
    fn from_iter<I: IntoIterator<Item = (ChainId, &'a dyn ChainRead)>>(views: I) -> Self {
        Self(views.into_iter().collect())
    }
}

impl<'a> FromIterator<&'a dyn ChainRead> for Views<'a> {
    fn from_iter<I: IntoIterator<Item = &'a dyn ChainRead>>(views: I) -> Self {
        views.into_iter().map(|view| (view.chain(), view)).collect()
    }
}
