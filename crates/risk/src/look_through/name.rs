//! Nodes in words.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::FxHasher;

/// A node in words, class and name with a colon between, with the hash of that: a decision looks
/// up many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeName {
    hash: u64,
    text: Arc<str>,
}

impl NodeName {
    pub(crate) fn new(text: Arc<str>) -> Self {
        let mut hasher = FxHasher::default();
        text.hash(&mut hasher);
        Self {
            hash: hasher.finish(),
            text,
        }
    }

    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }
}

impl Hash for NodeName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}
