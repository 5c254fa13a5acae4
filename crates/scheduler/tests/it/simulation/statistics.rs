//! What happened, so that one sees that something did.

use std::fmt;
use std::ops::AddAssign;

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
    fires,
    tasks,
    completed,
    failed,
    skipped,
    cancelled,
    open,
    settled,
    effects,
);
