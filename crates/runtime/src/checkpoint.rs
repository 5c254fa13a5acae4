//! Places where tests may stop the process.

/// The first decision of the tick is about to be stored: balances, equity and breakers.
pub(crate) const ASSESS_BEFORE: &str = "runtime.assess.before";
/// It is stored.
pub(crate) const ASSESS_AFTER: &str = "runtime.assess.after";
/// A task's plan is about to be stored.
pub(crate) const PLAN_BEFORE: &str = "runtime.plan.before";
/// It is stored.
pub(crate) const PLAN_AFTER: &str = "runtime.plan.after";
/// The gate's answer is about to be stored.
pub(crate) const DECIDE_BEFORE: &str = "runtime.decide.before";
/// It is stored, and nothing is signed yet.
pub(crate) const DECIDE_AFTER: &str = "runtime.decide.after";
/// The bookings of an outcome are about to be stored.
pub(crate) const SETTLE_BEFORE: &str = "runtime.settle.before";
/// They are stored.
pub(crate) const SETTLE_AFTER: &str = "runtime.settle.after";
/// What was accepted, made or ended of unwinds is about to be stored.
pub(crate) const UNWIND_BEFORE: &str = "runtime.unwind.before";
/// It is stored.
pub(crate) const UNWIND_AFTER: &str = "runtime.unwind.after";

/// Every checkpoint of this crate. At `….before` the decision was made in memory and nothing of it
/// is stored; at `….after` it is durable and nothing was done about it yet.
pub const CHECKPOINTS: &[&str] = &[
    ASSESS_BEFORE,
    ASSESS_AFTER,
    PLAN_BEFORE,
    PLAN_AFTER,
    DECIDE_BEFORE,
    DECIDE_AFTER,
    SETTLE_BEFORE,
    SETTLE_AFTER,
    UNWIND_BEFORE,
    UNWIND_AFTER,
];
