//! Central Scheduler: when campaigns run, and what each of their tasks may do next.
//!
//! Sans-I/O: instants and events come in, records to be stored come out. Nothing here reads a
//! clock, draws a random number, or waits.
//!
//! - [`admission`]: whether a signature may be stored.
//! - [`campaign`]: what an operator defines, and what is wrong with it.
//! - [`engine`]: what keeps it all, as a trait; [`lease`]: who may move what.
//! - [`event`]: what happens: logs and conditions, each told once.
//! - [`trigger`]: the instants of a trigger, across daylight saving time.
//! - [`transition`]: the state machine of one task run.
//! - [`machine`]: all runs and triggers together.
//! - [`retry`]: how long to wait after a failure.
//! - [`window`]: when gas is cheap enough for a task that can wait.

pub mod admission;
pub mod campaign;
pub mod engine;
pub mod event;
pub mod lease;
pub mod machine;
pub mod policy;
pub mod retry;
pub mod transition;
pub mod trigger;
pub mod window;

pub use campaign::{
    After, Calendar, Campaign, CampaignDefect, CampaignError, CatchUp, EventSource, Measure,
    MeasureCondition, TaskDef, Timing, Trigger,
};
pub use engine::{Engine, EngineError, Restored, Transitions};
pub use event::{
    ConditionState, Event, EventDefect, Happening, LogCursor, LogDefect, LogQuery, LogTrigger,
    Taken,
};
pub use lease::{Claim, Fenced, Held, Lane, Lease, NodeId};
pub use machine::{
    Change, Growth, GrowthError, Memory, Refused, Scheduler, Why, task_id, waits_from,
};
pub use policy::{Quarantine, Rate, SchedulerPolicy};
pub use retry::backoff;
pub use transition::{TaskEvent, TransitionError};
pub use trigger::{Compiled, Lookback, Missed, TriggerError, missed, next_fire};
pub use window::{Asking, FeePast, Look};
