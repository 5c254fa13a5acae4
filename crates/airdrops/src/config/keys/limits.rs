//! What no transaction may exceed.

use airdrops_risk::breaker::BreakerPolicy;

use super::risk::ADAPTIVE;
use super::{Kind, Table, duration, optional, percent, required, table};

/// The keys of `[limits]`.
pub const LIMITS: Table = table(
    "[limits]",
    "What no transaction may exceed. Shares are of equity.",
    &[
        optional(
            "protocol",
            Kind::Percent(1, 10_000),
            "Most exposure to one protocol family. Default 20%.",
        ),
        optional(
            "transaction",
            Kind::Percent(1, 10_000),
            "Most value that one transaction moves. Default 5%.",
        ),
        optional(
            "asset",
            Kind::Percent(1, 10_000),
            "Most exposure to one asset. Default 30%.",
        ),
        optional(
            "rolling_loss",
            percent(BreakerPolicy::LOSS),
            "Loss within 24 h that halts everything. Default 10%.",
        ),
        optional(
            "drawdown",
            percent(BreakerPolicy::DRAWDOWN),
            "Fall of equity from its highest that halts everything. Default 20%.",
        ),
        optional(
            "drawdown_window",
            duration(BreakerPolicy::DRAWDOWN_WINDOW),
            "Within which time that highest lies. Default 30d.",
        ),
        optional(
            "wrapper",
            Kind::Percent(1, 10_000),
            "Most exposure to one wrapper. Default 40%.",
        ),
        optional(
            "stablecoin",
            Kind::Percent(1, 10_000),
            "Most exposure to one stablecoin's issuer. Default 50%.",
        ),
        optional(
            "bridge",
            Kind::Percent(1, 10_000),
            "Most exposure to one bridge. Default 20%.",
        ),
        optional(
            "oracle",
            Kind::Percent(1, 10_000),
            "Most exposure to one oracle. Default 60%.",
        ),
        optional(
            "chain",
            Kind::Percent(1, 10_000),
            "Most exposure to one chain. Default 100%.",
        ),
        optional(
            "admin",
            Kind::Percent(1, 10_000),
            "Most exposure to one admin key. Default 40%.",
        ),
        optional(
            "nodes",
            Kind::Each(&Kind::Percent(1, 10_000)),
            "Other limits for some of these, by class and name: \"bridge:hop\".",
        ),
        optional(
            "adaptive",
            Kind::Table(&ADAPTIVE),
            "How limits follow volatility and health.",
        ),
        optional(
            "gas",
            Kind::Table(&GAS),
            "The most that gas may cost for what adds exposure.",
        ),
        optional(
            "fee",
            Kind::Dollars,
            "Highest worst-case fee of one transaction. Default $25.",
        ),
        optional(
            "min_change",
            Kind::Dollars,
            "Smallest change of a position worth a transaction. Default $10.",
        ),
        optional(
            "permit_ttl",
            Kind::Duration(1, 600),
            "Life of a permit. Default 60s.",
        ),
        optional(
            "simulation_age",
            Kind::Duration(1, 600),
            "Oldest simulation that a permit may rest on. Default 30s.",
        ),
        optional(
            "assets",
            Kind::Each(&Kind::Percent(1, 10_000)),
            "Other limits for some assets.",
        ),
        optional(
            "protocols",
            Kind::Each(&Kind::Percent(1, 10_000)),
            "Other limits for some protocol families.",
        ),
    ],
);

/// The keys of `[limits.gas]`: the default, and one for each action.
const GAS: Table = table(
    "[limits.gas]",
    "The most that gas may cost for what adds exposure: a share of past hours, gwei or dollars.",
    &[
        required(
            "default",
            Kind::GasBound,
            "For actions that are not listed.",
        ),
        optional("wrap", Kind::GasBound, "For wrap."),
        optional("unwrap", Kind::GasBound, "For unwrap."),
        optional("supply", Kind::GasBound, "For supply."),
        optional("withdraw", Kind::GasBound, "For withdraw."),
        optional("swap", Kind::GasBound, "For swap."),
        optional("add_liquidity", Kind::GasBound, "For add_liquidity."),
        optional("remove_liquidity", Kind::GasBound, "For remove_liquidity."),
        optional("stake", Kind::GasBound, "For stake."),
        optional("exit", Kind::GasBound, "For exit."),
        optional("bridge", Kind::GasBound, "For bridge."),
        optional("claim", Kind::GasBound, "For claim."),
    ],
);
