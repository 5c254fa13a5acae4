//! What is done, and when.

use airdrops_protocols::catalogue::ACTIONS;

use super::trigger::{CALENDAR, EVENT, PART};
use super::{DAY, Kind, Table, optional, required, table};

/// The keys of a campaign, in the configuration file and in a file of its own.
pub const CAMPAIGN: Table = table(
    "[[campaign]]",
    "Tasks that run together. At most one trigger; none runs it once, at once.",
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
        optional(
            "calendar",
            Kind::Table(&CALENDAR),
            "Every so many days, weeks, months or years, at a time of day.",
        ),
        optional("at", Kind::Instant, "The instant of a single run."),
        optional(
            "all",
            Kind::Tables(&PART),
            "Fires at the instants at which all of these fire together.",
        ),
        optional(
            "any",
            Kind::Tables(&PART),
            "Fires whenever any of these fires.",
        ),
        optional("on", Kind::Table(&EVENT), "Fires when something happens."),
        optional(
            "manual",
            Kind::Flag,
            "Runs only when an operator says so. Default false.",
        ),
        optional("start", Kind::Instant, "No run before."),
        optional("end", Kind::Instant, "No run after."),
        optional(
            "jitter",
            Kind::Duration(1, 7 * DAY),
            "Each run begins up to this much later. Default: at its instant.",
        ),
        optional(
            "misfire_grace",
            Kind::Duration(1, 366 * DAY),
            "A run that is seen later than this is skipped. Default: never too late.",
        ),
        optional(
            "catch_up",
            Kind::Choice(&["skip", "one", "all"]),
            "What becomes of runs that were missed. Default one.",
        ),
        optional(
            "max_instances",
            Kind::Integer(1, 1000),
            "How many runs may be open at once. Default 1.",
        ),
        required("task", Kind::Tables(&TASK), "What it does."),
    ],
);

/// A file that holds nothing but campaigns.
pub const CAMPAIGN_FILE: Table = table(
    "the campaign file",
    "Campaigns in a file of their own.",
    &[required(
        "campaign",
        Kind::Tables(&CAMPAIGN),
        "The campaigns.",
    )],
);

const TASK: Table = table(
    "[[campaign.task]]",
    "One step of a campaign.",
    &[
        required("name", Kind::Name, "Its name within the campaign."),
        optional(
            "wallet",
            Kind::Name,
            "Which wallet acts. Needed unless `for_each` has wallets.",
        ),
        optional(
            "protocol",
            Kind::Name,
            "At which protocol instance. Needed unless `for_each` has protocols or assets.",
        ),
        optional(
            "action",
            Kind::Choice(WORK),
            "What it does; \"nothing\" is a place to join, wait or approve.",
        ),
        optional(
            "campaign",
            Kind::Name,
            "One run of this campaign, in place of an action.",
        ),
        optional(
            "amount",
            Kind::Amount,
            "How much. Not needed for exit and claim.",
        ),
        optional("from", Kind::Name, "What a swap gives."),
        optional("to", Kind::Name, "What a swap wants."),
        optional(
            "for_each",
            Kind::Table(&FOR_EACH),
            "Makes one task per wallet, protocol or asset.",
        ),
        optional(
            "after",
            Kind::NamesOr(&AFTER),
            "Tasks that must end first; by its name alone: complete.",
        ),
        optional(
            "join",
            Kind::Choice(&["all", "any"]),
            "How many of them it needs. Default all.",
        ),
        optional(
            "delay",
            Kind::Duration(1, 366 * DAY),
            "It waits this long after they ended. Default: not at all.",
        ),
        optional(
            "approval",
            Kind::Flag,
            "It waits until an operator approves. Default false.",
        ),
        optional(
            "critical",
            Kind::Flag,
            "Goes before other tasks, and waits for no better moment. Default false.",
        ),
        optional(
            "priority",
            Kind::Signed(-1000, 1000),
            "Higher goes first; what waits rises with time. Default 0.",
        ),
        optional(
            "deadline",
            Kind::Duration(1, 366 * DAY),
            "Skipped if it has not started so long after its due instant.",
        ),
        optional(
            "sla",
            Kind::Duration(1, 366 * DAY),
            "Somebody is told if it has not ended so long after its due instant.",
        ),
        optional(
            "timeout",
            Kind::Duration(1, DAY),
            "An attempt without a transaction for so long counts as failed. Default 10m.",
        ),
        optional(
            "gas",
            Kind::Table(&GAS_WINDOW),
            "It waits for cheap gas. Default: it does not.",
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
        optional(
            "retry_limits",
            Kind::Table(&RETRY_LIMITS),
            "Failed attempts of one class until it is given up.",
        ),
        optional(
            "keys",
            Kind::List(&Kind::Resource),
            "What it uses beside chain, endpoint, protocol and wallet.",
        ),
        optional(
            "compensate",
            Kind::Flag,
            "Cancelling it after a step took effect runs the opposite action. Default false.",
        ),
    ],
);

const AFTER: Table = table(
    "[[campaign.task.after]]",
    "A task that must end first, and how.",
    &[
        required("task", Kind::Name, "The task before."),
        optional(
            "on",
            Kind::List(&Kind::Choice(&["success", "failure", "completion", "skip"])),
            "How it must end. Default success.",
        ),
    ],
);

const FOR_EACH: Table = table(
    "[campaign.task.for_each]",
    "One task per element; with several lists, one per combination.",
    &[
        optional("wallet", Kind::List(&Kind::Name), "Wallets."),
        optional("protocol", Kind::List(&Kind::Name), "Protocol instances."),
        optional(
            "asset",
            Kind::List(&Kind::Name),
            "Assets: the side of a swap that is left out, or the one instance that takes it.",
        ),
    ],
);

const GAS_WINDOW: Table = table(
    "[campaign.task.gas]",
    "When gas is cheap enough for a task that can wait.",
    &[
        required(
            "quantile",
            Kind::Percent(1, 10_000),
            "The base fee is at most this quantile of what was seen lately.",
        ),
        required(
            "within",
            Kind::Duration(1, 30 * DAY),
            "It waits no longer than this.",
        ),
    ],
);

const RETRY_LIMITS: Table = table(
    "[campaign.task.retry_limits]",
    "Failed attempts of one class until the task is given up.",
    &[
        optional(
            "transient",
            Kind::Integer(1, 100),
            "An endpoint, a time-out.",
        ),
        optional("out_of_gas", Kind::Integer(1, 100), "It ran out of gas."),
        optional(
            "underpriced",
            Kind::Integer(1, 100),
            "It paid too little to be mined.",
        ),
        optional("reverted", Kind::Integer(1, 100), "It reverted."),
        optional("refused", Kind::Integer(1, 100), "The gate refused."),
        optional("lost", Kind::Integer(1, 100), "It disappeared."),
    ],
);

/// [`ACTIONS`], and nothing.
const WORK: &[&str] = &{
    let mut work = ["nothing"; ACTIONS.len() + 1];
    let mut index = 0;
    while index < ACTIONS.len() {
        work[index] = ACTIONS[index];
        index += 1;
    }
    work
};
