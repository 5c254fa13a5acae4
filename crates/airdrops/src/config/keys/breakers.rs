//! When a defect or the market stops work. The ranges are those of the policy.

use airdrops_risk::MonitorPolicy;
use airdrops_risk::breaker::{
    BreakerPolicy, ClockLimits, DataLimits, DepegLimits, FailureLimits, GasLimit, IncidentLimits,
    PinLimits,
};
use airdrops_risk::monitor::FailureRates;

use super::{DAY, Kind, Table, count, duration, optional, percent, table};

/// The keys of `[breakers]`.
pub const BREAKERS: Table = table(
    "[breakers]",
    "When work stops, and when it goes on.",
    &[
        optional(
            "depeg_warn",
            percent(DepegLimits::DEVIATION),
            "Distance from the peg that calls for caution. Default 0.5%.",
        ),
        optional(
            "depeg_warn_for",
            duration(DepegLimits::LASTING),
            "How long it must last. Default 3h.",
        ),
        optional(
            "depeg_reduce",
            percent(DepegLimits::DEVIATION),
            "Distance from the peg from which an asset is only reduced. Default 1%.",
        ),
        optional(
            "depeg_reduce_for",
            duration(DepegLimits::LASTING),
            "How long it must last. Default 3h.",
        ),
        optional(
            "depeg_halt",
            percent(DepegLimits::DEVIATION),
            "Distance from the peg that halts an asset. Default 2%.",
        ),
        optional(
            "depeg_halt_for",
            duration(DepegLimits::LASTING),
            "How long it must last. Default 2h.",
        ),
        optional(
            "gas_share",
            percent(GasLimit::SHARE),
            "Cost of a transaction, as a share of its expected value, that is too dear. Default 25%.",
        ),
        optional(
            "gas_for",
            duration(GasLimit::LASTING),
            "How long it must be too dear. Default 1h.",
        ),
        optional(
            "expected_value",
            Kind::Each(&Kind::Dollars),
            "What a usual transaction should earn, by chain; others are not judged by it.",
        ),
        optional(
            "standard_gas",
            count(MonitorPolicy::STANDARD_GAS),
            "Gas of a usual transaction. Default 200000.",
        ),
        optional(
            "incident_window",
            duration(IncidentLimits::WINDOW),
            "How old reports and facts may be that agree. Default 24h.",
        ),
        optional(
            "failure_usual",
            percent(FailureRates::USUAL),
            "Share of attempts that usually fails. Default 2%.",
        ),
        optional(
            "failure_alarming",
            percent(FailureRates::ALARMING),
            "Share of failures that must be found soon. Default 20%.",
        ),
        optional(
            "failure_between",
            count(FailureRates::BETWEEN),
            "Attempts between two false alarms. Default 2000.",
        ),
        optional(
            "failure_least",
            count(FailureRates::LEAST),
            "No alarm before so many attempts. Default 5.",
        ),
        optional(
            "failure_successes",
            count(FailureLimits::SUCCESSES),
            "Attempts that must succeed until an alarm is over. Default 5.",
        ),
        optional(
            "failure_persists",
            duration(FailureLimits::PERSISTS),
            "An alarm that is raised again after this reduces. Default 1h.",
        ),
        optional(
            "data_grace",
            duration(DataLimits::GRACE),
            "How long data may be gone until there is caution. Default 10m.",
        ),
        optional(
            "data_reduce_after",
            duration(DataLimits::REDUCE_AFTER),
            "How long until what cannot be judged without it is only reduced. Default 1h.",
        ),
        optional(
            "clock_jump",
            duration(ClockLimits::JUMP[0]),
            "Jump of the clock that calls for caution. Default 2s.",
        ),
        optional(
            "clock_jump_halt",
            duration(ClockLimits::JUMP[1]),
            "Jump of the clock that halts everything. Default 5m.",
        ),
        optional(
            "clock_chain",
            duration(ClockLimits::CHAIN[0]),
            "Difference from the nearest chain's time that calls for caution. Default 2m.",
        ),
        optional(
            "clock_chain_halt",
            duration(ClockLimits::CHAIN[1]),
            "Difference from the nearest chain's time that halts everything. Default 15m.",
        ),
        optional(
            "contract_period",
            Kind::Duration(60, DAY),
            "Time between two looks at a watched contract. Default 10m.",
        ),
        optional(
            "contract_unread",
            duration(PinLimits::UNREAD),
            "How long a watched contract may be unread. Default 15m.",
        ),
        optional(
            "cool_down",
            Kind::Each(&duration(BreakerPolicy::COOL_DOWN)),
            "How long all must be well until a breaker that ends by itself does so.",
        ),
        optional(
            "administrator",
            Kind::List(&Kind::Name),
            "Breakers whose stops only a person ends, beside those for which it is always so.",
        ),
        optional(
            "evidence_gap",
            duration(BreakerPolicy::GAP),
            "Longest pause between two looks that a cool-down goes on over. Default 5m.",
        ),
        optional(
            "observation_gap",
            duration(BreakerPolicy::GAP),
            "Longest pause between two looks that counts towards how long a peg is left or gas is too dear. Default 30m.",
        ),
    ],
);
