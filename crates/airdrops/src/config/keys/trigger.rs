//! When a campaign runs: the parts of a trigger.

use super::{DAY, Kind, Table, optional, required, table};

/// One of several triggers.
pub(super) const PART: Table = table(
    "[[campaign.any]]",
    "One part of a trigger: exactly one of cron, every, calendar, at and on.",
    &[
        optional("cron", Kind::Text, "A cron expression of 5 or 6 fields."),
        optional(
            "zone",
            Kind::Text,
            "The time zone of the cron expression. Default UTC.",
        ),
        optional("every", Kind::Duration(1, 366 * DAY), "A period."),
        optional(
            "first",
            Kind::Instant,
            "The first instant of the period. Default: when first seen.",
        ),
        optional("calendar", Kind::Table(&CALENDAR), "A calendar interval."),
        optional("at", Kind::Instant, "One instant."),
        optional(
            "on",
            Kind::Table(&EVENT),
            "When something happens; only in any.",
        ),
    ],
);

/// A calendar interval.
pub(super) const CALENDAR: Table = table(
    "[campaign.calendar]",
    "Dates in steps from the first one, at a time of day.",
    &[
        optional("years", Kind::Integer(1, 1000), "Years in a step."),
        optional("months", Kind::Integer(1, 12_000), "Months in a step."),
        optional("weeks", Kind::Integer(1, 52_000), "Weeks in a step."),
        optional("days", Kind::Integer(1, 365_000), "Days in a step."),
        optional(
            "time",
            Kind::Clock,
            "Time of day on the wall clock. Default 00:00.",
        ),
        optional("zone", Kind::Text, "The time zone. Default UTC."),
        optional(
            "first",
            Kind::Date,
            "The first date. Default: the day on which it is first seen.",
        ),
    ],
);

/// What happens.
pub(super) const EVENT: Table = table(
    "[campaign.on]",
    "What happens: exactly one of log, price, base_fee, volatility, campaign, opportunity, plan and \
     event.",
    &[
        optional("log", Kind::Table(&LOG), "A log of a contract."),
        optional("price", Kind::Name, "The price of this asset, in dollars."),
        optional(
            "base_fee",
            Kind::Name,
            "The base fee of this chain, per gas.",
        ),
        optional("volatility", Kind::Flag, "The volatility index, in points."),
        optional(
            "above",
            Kind::Threshold,
            "Fires when the measure comes to this or above.",
        ),
        optional(
            "below",
            Kind::Threshold,
            "Fires when the measure comes to this or below.",
        ),
        optional(
            "release",
            Kind::Threshold,
            "Fires again only after the measure was back past this. Default: the threshold.",
        ),
        optional(
            "lasting",
            Kind::Duration(1, 30 * DAY),
            "It must hold this long. Default: at once.",
        ),
        optional("campaign", Kind::Name, "A run of this campaign ends."),
        optional("task", Kind::Name, "Of that campaign, this task."),
        optional(
            "endings",
            Kind::List(&Kind::Choice(&["success", "failure", "completion", "skip"])),
            "How it must end. Default success.",
        ),
        optional(
            "opportunity",
            Kind::Flag,
            "An opportunity is there that was not there before.",
        ),
        optional(
            "plan",
            Kind::Flag,
            "The allocation engine decided to move something.",
        ),
        optional(
            "event",
            Kind::Name,
            "An event of this name from outside: a signed webhook, or a person.",
        ),
    ],
);

const LOG: Table = table(
    "[campaign.on.log]",
    "A log of a contract, once it is deep enough in the chain.",
    &[
        required("chain", Kind::Name, "On which chain."),
        required("address", Kind::Address, "Of which contract."),
        optional(
            "topics",
            Kind::List(&Kind::Topic),
            "By position: a signature, an address, a 32-byte hash, or any. Default: any.",
        ),
        optional(
            "confirmations",
            Kind::Integer(1, 10_000),
            "Blocks on top of it before it counts. Default: those of the chain.",
        ),
    ],
);
