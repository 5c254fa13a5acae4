//! Limits that hold for all campaigns together.

use super::{DAY, HOUR, Kind, Table, optional, required, table};

/// The keys of `[scheduler]`.
pub const SCHEDULER: Table = table(
    "[scheduler]",
    "Limits that hold for all campaigns together.",
    &[
        optional(
            "concurrency",
            Kind::Each(&Kind::Integer(1, 100_000)),
            "Most tasks under way at once, by key (\"protocol:aerie\") or kind of key (protocol).",
        ),
        optional(
            "rates",
            Kind::Each(&Kind::Table(&RATE)),
            "Most tasks that start in a while, by key or kind of key.",
        ),
        optional(
            "aging",
            Kind::Duration(1, 30 * DAY),
            "What waits this long counts as one priority higher. Default 1h.",
        ),
        optional(
            "quarantine",
            Kind::Table(&QUARANTINE),
            "When tasks of one protocol keep failing.",
        ),
    ],
);

const RATE: Table = table(
    "[scheduler.rates]",
    "So many starts in so long.",
    &[
        required("starts", Kind::Integer(1, 1_000_000), "Starts."),
        required("per", Kind::Duration(1, 30 * DAY), "In this long."),
    ],
);

const QUARANTINE: Table = table(
    "[scheduler.quarantine]",
    "A protocol whose tasks keep failing is left alone; critical tasks and those that reduce go on.",
    &[
        optional(
            "failures",
            Kind::Integer(0, 1000),
            "Failed attempts in a row; 0 switches it off. Default 5.",
        ),
        optional(
            "within",
            Kind::Duration(60, 90 * DAY),
            "Within this long. Default 24h.",
        ),
        optional(
            "pause",
            Kind::Duration(HOUR / 60, 90 * DAY),
            "For this long. Default 6h.",
        ),
    ],
);
