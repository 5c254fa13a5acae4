//! Answers that need not be asked for again yet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use airdrops_types::Timestamp;

use super::{Answer, Request};

/// The most answers that are kept.
const MOST: usize = 32;

/// Successful answers by request, for a time.
#[derive(Debug)]
pub(crate) struct Cache {
    life: Duration,
    answers: BTreeMap<Request, Arc<Answer>>,
}

impl Cache {
    pub(crate) fn new(life: Duration) -> Self {
        Self {
            life,
            answers: BTreeMap::new(),
        }
    }

    /// The answer to `request`, if it is young enough. Forgets those that are not.
    pub(crate) fn find(&mut self, request: &Request, now: Timestamp) -> Option<Arc<Answer>> {
        let life = self.life;
        // A receipt in the future means that the clock was set back: not young enough either.
        self.answers
            .retain(|_, answer| now >= answer.received && now.since(answer.received) < life);
        self.answers.get(request).cloned()
    }

    pub(crate) fn keep(&mut self, request: Request, answer: &Arc<Answer>) {
        if self.life.is_zero() {
            return;
        }
        if self.answers.len() >= MOST && !self.answers.contains_key(&request) {
            let oldest = self
                .answers
                .iter()
                .min_by_key(|(_, answer)| answer.received)
                .map(|(request, _)| request.clone());
            if let Some(oldest) = oldest {
                self.answers.remove(&oldest);
            }
        }
        self.answers.insert(request, Arc::clone(answer));
    }
}
