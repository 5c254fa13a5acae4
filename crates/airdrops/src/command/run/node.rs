//! One node among others: stands by, claims what the others let go, and says that it lives.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use airdrops_store::{Access, Store, StoreError};

use super::{StopSignals, tell, waits};
use crate::cli::Global;
use crate::config::Location;
use crate::exit::Failure;

/// Time between two attempts to take over from another node.
pub(super) const STAND_BY: Duration = Duration::from_millis(500);

/// Opens the store as its runner. On a server that another node runs, stands by until that one lets go
/// or is heard of no more. `reached` says whether the server ever answered: one that did and does not
/// now is waited for, as nobody may be there to start the node again. `None` if it was told to stop
/// meanwhile.
pub(super) async fn claim(
    global: &Global,
    location: &Location,
    reached: &mut bool,
    stop: &mut StopSignals,
) -> Result<Option<Arc<dyn Store>>, Failure> {
    let mut told = String::new();
    loop {
        let why = match location.open(Access::Runner) {
            Ok(store) => {
                *reached = true;
                return Ok(Some(store));
            }
            Err(StoreError::Held { holder, .. }) => {
                *reached = true;
                format!("Node {holder} runs. Standing by.")
            }
            Err(error @ (StoreError::Database(_) | StoreError::Unknown(_)))
                if *reached && matches!(location, Location::Server { .. }) =>
            {
                format!("{error}. Trying again.")
            }
            Err(error) => return Err(error.into()),
        };
        if why != told {
            tell(global, &why);
            told = why;
        }
        if waits(STAND_BY, stop).await {
            return Ok(None);
        }
    }
}

/// Says to a server, from a thread of its own, that this node lives, also during a long tick.
pub(super) struct Heartbeat {
    _ends: mpsc::Sender<()>,
}

impl Heartbeat {
    /// A file needs none: its lock ends with the process.
    pub(super) fn of(location: &Location, store: &Arc<dyn Store>) -> Option<Self> {
        let Location::Server { lease, .. } = location else {
            return None;
        };
        let (ends, ended) = mpsc::channel();
        let (period, store) = (*lease / 3, store.clone());
        std::thread::spawn(move || {
            // Ends with its sender, or once another node has taken over: then every write says so.
            while ended.recv_timeout(period) == Err(mpsc::RecvTimeoutError::Timeout) {
                if matches!(store.renew(), Err(StoreError::LeaseLost)) {
                    break;
                }
            }
        });
        Some(Self { _ends: ends })
    }
}
