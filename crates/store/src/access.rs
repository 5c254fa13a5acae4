//! How a database is opened.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use airdrops_types::{Checkpoint, no_checkpoint};

/// What a database is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everything. There is one runner at a time; it makes the database if there is none, and
    /// migrates it.
    Runner,
    /// Reading, control states, an operator's requests and journal entries, also while a runner
    /// runs. Makes the database if there is none, so that a halt may come before the first run.
    Operator,
    /// Reading, also while a runner runs.
    ReadOnly,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Runner => "a runner",
            Self::Operator => "an operator",
            Self::ReadOnly => "reading",
        })
    }
}

/// How a database is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Called with each name of [`crate::CHECKPOINTS`].
    pub checkpoint: Checkpoint,
    /// Name of this node: unique per process. Who opens as a runner under the name of another
    /// one takes its place.
    pub node: String,
    /// How long a runner's lease on a server holds unless it is renewed. A file has its process
    /// lock instead.
    pub lease: Duration,
    /// How long opening as a runner waits while another node holds the lease.
    pub patience: Duration,
}

impl Default for Options {
    /// No checkpoint, a node name that nobody else has, a lease of 3 seconds, no patience.
    fn default() -> Self {
        Self {
            checkpoint: no_checkpoint,
            node: unique_name(),
            lease: Duration::from_secs(3),
            patience: Duration::ZERO,
        }
    }
}

fn unique_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let started = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!(
        "{}-{:x}-{}",
        std::process::id(),
        started.as_micros(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}
