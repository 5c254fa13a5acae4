//! Whether a task waits for cheaper gas.

use airdrops_scheduler::window::{Asking, FeePast, Look};
use airdrops_types::{ChainId, Reading, Snapshot, TaskRecord, Timestamp};

use crate::engine::Engine;
use crate::hold::Hold;

impl Engine {
    /// Holds a task that has a gas window, has not begun, and may find a cheaper moment.
    pub(crate) fn waits_for_gas(
        &self,
        record: &TaskRecord,
        chain: ChainId,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Option<Hold> {
        let window = record.spec.gas?;
        if record.cursor > 0 {
            return None;
        }
        let asking = Asking {
            now,
            ready: record.ready_since.unwrap_or(record.due),
            window,
            deadline: record
                .spec
                .deadline
                .map(|deadline| record.due.plus(deadline)),
            critical: record.spec.critical,
            volatility: self.outlook.volatility.unwrap_or_default(),
        };
        let unknown = Reading::Missing {
            reason: "the chain was not read".to_owned(),
        };
        let fee = snapshot.chains.get(&chain).map(|view| &view.base_fee);
        let past = FeePast::of(self.monitor.base_fees(chain, now), now);
        match asking.look(fee.unwrap_or(&unknown), &past) {
            Look::Go { .. } => None,
            Look::Wait { until, reason } => Some(Hold::Until { until, reason }),
        }
    }
}
