//! What waits for the end of a stop, without asking the gate in vain.

use airdrops_types::{Action, ControlState, Restraint, TaskRecord, Timestamp};

use super::{Change, Scheduler};
use crate::transition::{TaskEvent, TransitionError};

/// The mildest control state in which a task waits for its end. `None`: it never does, and the gate
/// alone judges, because an operator asked for it.
///
/// What adds nothing (exits and claims) goes on in `Reducing`. In `Cautious` all goes on.
#[must_use]
pub fn waits_from(action: &Action) -> Option<ControlState> {
    match action {
        Action::Unwind => None,
        Action::Withdraw | Action::RemoveLiquidity | Action::Exit | Action::Claim => {
            Some(ControlState::Halted)
        }
        Action::Wrap
        | Action::Unwrap
        | Action::Supply
        | Action::Swap { .. }
        | Action::AddLiquidity
        | Action::Stake
        | Action::Bridge => Some(ControlState::Reducing),
    }
}

impl Scheduler {
    /// Holds the runs that a stop forbids, and lets those go that none forbids any more; to be
    /// called in each tick, before anything runs. `restraint_of` says what holds back a run; `None`
    /// leaves it as it is, because its transaction is under way.
    ///
    /// A held run is deferred until its stop changes, at no set moment, and counts no attempt. One
    /// that stays held for the same trips does not change.
    ///
    /// # Errors
    ///
    /// Never; the state machine takes a hold of every run that is asked about.
    pub fn restrain(
        &mut self,
        restraint_of: impl Fn(&TaskRecord) -> Option<Restraint>,
        now: Timestamp,
    ) -> Result<Vec<Change>, TransitionError> {
        let ready = self.keys.lanes.iter().flat_map(|lane| &lane.ready);
        let running = self.queue.running.iter();
        let open = ready.chain(running).map(|turn| turn.ix);
        let open = open.chain(self.queue.deferred.iter().copied()).collect();
        let mut changes = Vec::new();
        self.begin();
        for ix in self.by_id(open) {
            let task = self.book.record(ix);
            let Some(restraint) = restraint_of(&task) else {
                continue;
            };
            let acts = task.assignment();
            let stops = acts
                .and_then(|acts| waits_from(&acts.action))
                .map(|from| restraint.stops(from));
            match stops.filter(|stops| !stops.is_empty()) {
                Some(stops) => {
                    let reason = format!("held by a stop: {stops}");
                    if !task.is_held() || task.reason.as_ref() != Some(&reason) {
                        self.take(ix, TaskEvent::Held { reason }, now, &mut changes)?;
                    }
                }
                None if task.is_held() => {
                    let reason = "no stop holds it any more".to_owned();
                    self.make_ready(ix, reason, now, &mut changes);
                }
                None => {}
            }
        }
        self.finish(now, &mut changes);
        Ok(changes)
    }
}
