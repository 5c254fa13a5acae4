//! Batches of several threads, stored in groups: one wait for the disk for all that came during
//! the one before.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use crate::{Batch, Committed, Store, StoreError};

/// A group has so many batches at most, so that the first of them need not wait for too many.
const LARGEST: usize = 1000;

type Answer = Result<Committed, StoreError>;

/// A thread that stores what is submitted, first come, first stored.
pub struct GroupCommit {
    queue: Option<Sender<(Batch, SyncSender<Answer>)>>,
    writer: Option<JoinHandle<()>>,
}

impl fmt::Debug for GroupCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupCommit").finish_non_exhaustive()
    }
}

/// What will come of a batch.
#[derive(Debug)]
pub struct Ticket {
    answer: Receiver<Answer>,
}

impl GroupCommit {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`StoreError::Database`] if the system has no more threads.
    pub fn start(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let (queue, submitted) = channel();
        let writer = std::thread::Builder::new()
            .name("group-commit".to_owned())
            .spawn(move || write(&*store, &submitted))
            .map_err(|error| StoreError::Database(error.to_string()))?;
        Ok(Self {
            queue: Some(queue),
            writer: Some(writer),
        })
    }

    /// Hands a batch over. It is stored after those that were submitted before it.
    #[must_use]
    pub fn submit(&self, batch: Batch) -> Ticket {
        let (reply, answer) = sync_channel(1);
        if let Some(queue) = &self.queue {
            // Without a writer nobody holds `reply`, which the ticket will notice.
            let _ = queue.send((batch, reply));
        }
        Ticket { answer }
    }
}

impl Ticket {
    /// Waits until the batch is durable, or refused.
    ///
    /// # Errors
    /// As [`Store::commit`]; [`StoreError::Unknown`] if the writer ended in between.
    pub fn wait(self) -> Result<Committed, StoreError> {
        self.answer
            .recv()
            .unwrap_or_else(|_| Err(StoreError::Unknown("the writer has ended".to_owned())))
    }
}

fn write(store: &dyn Store, submitted: &Receiver<(Batch, SyncSender<Answer>)>) {
    while let Ok(first) = submitted.recv() {
        let rest = submitted.try_iter().take(LARGEST - 1);
        let (batches, replies): (Vec<_>, Vec<_>) = std::iter::once(first).chain(rest).unzip();
        for (answer, reply) in store.commit_all(&batches).into_iter().zip(replies) {
            // Who does not wait any more is not told.
            let _ = reply.send(answer);
        }
    }
}

impl Drop for GroupCommit {
    /// Stores what was submitted before.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            // Tickets of a writer that panicked say so.
            let _ = writer.join();
        }
    }
}
