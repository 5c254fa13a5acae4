//! What is done, and when.

use super::{DAY, Kind, Table, optional, required, table};

pub(super) const CAMPAIGN: Table = table(
    "[[campaign]]",
    "Tasks that run together. At most one of cron, every and at; none runs it once, at once.",
    &[
        required("name", Kind::Name, "Its name."),
        optional("cron", Kind::Text, "A cron expression of 5 or 6 fields."),
        optional(
            "zone",
            Kind::Text,
            "The time zone of the cron expression. Default UTC.",
        ),
        optional(
            "every",
            Kind::Duration(1, 366 * DAY),
            "The period of a repeated campaign.",
        ),
        optional(
            "first",
            Kind::Instant,
            "The first run of a repeated campaign. Default: when first seen.",
        ),
        optional("at", Kind::Instant, "The instant of a single run."),
        optional(
            "misfire_grace",
            Kind::Duration(1, 366 * DAY),
            "A run that is seen later than this is skipped. Default: never too late.",
        ),
        required("task", Kind::Tables(&TASK), "What it does."),
    ],
);

const TASK: Table = table(
    "[[campaign.task]]",
    "One step of a campaign.",
    &[
        required("name", Kind::Name, "Its name within the campaign."),
        required("wallet", Kind::Name, "Which wallet acts."),
        required("protocol", Kind::Name, "At which protocol instance."),
        required("action", Kind::Choice(ACTIONS), "What it does."),
        optional(
            "amount",
            Kind::Amount,
            "How much. Not needed for exit and claim.",
        ),
        optional("from", Kind::Name, "What a swap gives."),
        optional("to", Kind::Name, "What a swap wants."),
        optional(
            "after",
            Kind::List(&Kind::Name),
            "Tasks that must complete first.",
        ),
        optional(
            "critical",
            Kind::Flag,
            "Goes before other tasks that are due. Default false.",
        ),
        optional(
            "max_attempts",
            Kind::Integer(1, 100),
            "Failed attempts until it is given up. Default 5.",
        ),
        optional(
            "retry_after",
            Kind::Duration(1, DAY),
            "Longest delay before the second attempt. Default 30s.",
        ),
        optional(
            "retry_cap",
            Kind::Duration(1, 7 * DAY),
            "Longest delay of all. Default 1h.",
        ),
    ],
);

/// What a task may do.
pub const ACTIONS: &[&str] = &[
    "wrap",
    "unwrap",
    "supply",
    "withdraw",
    "swap",
    "add_liquidity",
    "remove_liquidity",
    "stake",
    "exit",
    "bridge",
    "claim",
];
