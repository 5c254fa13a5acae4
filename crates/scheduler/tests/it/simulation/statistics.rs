//! What happened, so that one sees that something did.

use std::fmt;
use std::ops::AddAssign;

use airdrops_types::{Command, Join, TaskState};

use super::durable::Tables;
use super::inbox::Request;

macro_rules! statistics {
    ($($name:ident),+ $(,)?) => {
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub(super) struct Statistics {
            $(pub $name: u64,)+
        }

        impl AddAssign for Statistics {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)+
            }
        }

        impl fmt::Display for Statistics {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $(writeln!(f, "{:>9} {}", self.$name, stringify!($name).replace('_', " "))?;)+
                Ok(())
            }
        }
    };
}

statistics!(
    seeds,
    ticks,
    commands,
    commits,
    crashes,
    pauses,
    takeovers,
    zombies,
    lost_writes,
    lost_answers,
    timeouts,
    lost_broadcasts,
    rebroadcasts,
    unanswered,
    duplicates,
    reorgs,
    forgotten,
    stops,
    stopped,
    operated,
    refused,
    approved,
    paused,
    backfilled,
    retried,
    rerun,
    events,
    ends,
    fires,
    skipped_fires,
    caught_up,
    tasks,
    completed,
    failed,
    skipped,
    cancelled,
    open,
    delayed,
    joined,
    limited,
    late,
    too_late,
    stuck,
    quarantines,
    parts,
    undone,
    grown,
    settled,
    effects,
);

impl Statistics {
    /// Counts what is stored at the end.
    pub(super) fn count(&mut self, tables: &Tables) {
        for fire in tables.fires.values().flatten() {
            self.fires += 1;
            self.skipped_fires += u64::from(fire.tasks.is_empty());
            self.caught_up +=
                u64::from(fire.at.since(fire.due).as_secs() > 60 && !fire.is_asked_for());
        }
        self.ends += tables.happened.values().sum::<u64>();
        self.quarantines += tables.quarantines;
        self.stuck += tables.stuck.len() as u64;
        self.late += tables.late.len() as u64;
        let done = tables
            .inbox
            .iter()
            .filter(|letter| letter.done == Some(true));
        for letter in done {
            let count = match &letter.request {
                Request::Command(Command::Pause { .. }) => &mut self.paused,
                Request::Command(Command::Backfill { .. }) => &mut self.backfilled,
                Request::Command(Command::Retry { .. }) => &mut self.retried,
                Request::Command(Command::Rerun { .. }) => &mut self.rerun,
                Request::Command(Command::Event { .. }) => &mut self.events,
                Request::Command(Command::Approve { .. }) => &mut self.approved,
                Request::Grow(_) => &mut self.grown,
                _ => continue,
            };
            *count += 1;
        }
        for task in tables.tasks.values() {
            self.tasks += 1;
            let reason = task.reason.as_deref().unwrap_or_default();
            self.too_late += u64::from(reason.starts_with("too late: "));
            self.delayed += u64::from(!task.spec.delay.is_zero() && task.started.is_some());
            self.joined += u64::from(task.spec.join == Join::Any && task.started.is_some());
            self.parts += u64::from(task.parent.is_some());
            self.undone += u64::from(task.name.starts_with("undo-"));
            let count = match task.state {
                TaskState::Completed => &mut self.completed,
                TaskState::Failed | TaskState::Dead => &mut self.failed,
                TaskState::Cancelled => &mut self.cancelled,
                TaskState::Skipped => &mut self.skipped,
                _ => &mut self.open,
            };
            *count += 1;
        }
    }
}
