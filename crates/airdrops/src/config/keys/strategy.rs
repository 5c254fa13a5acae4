//! How capital is allocated by what is believed of airdrops.

use super::{DAY, HOUR, Kind, Table, optional, required, table};

/// The keys of `[strategy]`.
pub const STRATEGY: Table = table(
    "[strategy]",
    "How capital is allocated to the [[opportunity]] tables, in place of fixed weights.",
    &[
        optional(
            "name",
            Kind::Choice(&[
                "airdrop-kelly",
                "kelly",
                "equal-weight",
                "inverse-volatility",
                "risk-parity",
                "min-variance",
                "mean-variance",
                "max-sharpe",
                "max-diversification",
                "min-cvar",
                "hrp",
            ]),
            "The strategy. Default airdrop-kelly.",
        ),
        optional(
            "wallet",
            Kind::Name,
            "The wallet that carries plans out by itself. Default: none; campaigns with amount = \"target\" do.",
        ),
        optional(
            "horizon",
            Kind::Duration(7 * DAY, 1095 * DAY),
            "Over which time positions are valued. Default 90d.",
        ),
        optional(
            "scenarios",
            Kind::Integer(200, 20_000),
            "How many futures are drawn. Default 2000.",
        ),
        optional(
            "reserve",
            Kind::Percent(0, 9_000),
            "Share of equity that stays cash. Default 5%.",
        ),
        optional(
            "min_position",
            Kind::Percent(0, 5_000),
            "The least position, or nothing, as a share of equity. Default 1%.",
        ),
        optional(
            "max_positions",
            Kind::Integer(1, 1_000),
            "The most positions. Default: no limit.",
        ),
        optional(
            "kelly_fraction",
            Kind::Percent(1, 10_000),
            "The fraction of the Kelly bet. Default: all of it under limits, half where one position may exceed 50%.",
        ),
        optional(
            "drawdown",
            Kind::Percent(100, 9_900),
            "Kelly strategies: the share of wealth that should not be lost. Default 30%.",
        ),
        optional(
            "drawdown_chance",
            Kind::Percent(1, 9_900),
            "With which probability it may be lost all the same. Default 10%.",
        ),
        optional(
            "exploration",
            Kind::Percent(0, 2_000),
            "Share of equity for small positions for the sake of learning. Default 5%.",
        ),
        optional(
            "risk_aversion",
            Kind::Integer(1, 1_000),
            "Risk aversion of mean-variance, and of what a deviation costs where growth is not maximised. Default 3.",
        ),
        optional(
            "drift",
            Kind::Percent(10, 5_000),
            "Look again when a position is so many points of equity from what is wanted. Default 5%.",
        ),
        optional(
            "every",
            Kind::Duration(HOUR, 365 * DAY),
            "Look again after this at the latest. Default 7d.",
        ),
    ],
);

/// The categories of opportunities.
const CATEGORIES: &[&str] = &[
    "l1",
    "l2",
    "dex",
    "lending",
    "bridge",
    "perps",
    "restaking",
    "stablecoin",
    "wallet",
    "nft",
    "other",
];

pub(super) const OPPORTUNITY: Table = table(
    "[[opportunity]]",
    "What is believed of the airdrop of a protocol in which capital can lie. What is not given comes from past drops.",
    &[
        required("protocol", Kind::Name, "Which instance."),
        optional(
            "category",
            Kind::Choice(CATEGORIES),
            "What it is compared with. Default other.",
        ),
        optional(
            "drop",
            Kind::Percent(1, 9_999),
            "Probability that there is ever a drop. Default: what is learnt.",
        ),
        optional(
            "confidence",
            Kind::Percent(0, 10_000),
            "How much your word on `drop` and `eligible` counts against what is learnt. Default 80%.",
        ),
        optional(
            "expected_in",
            Kind::Duration(DAY, 3650 * DAY),
            "The median time from `since` until it comes, if it comes. Default: what is learnt.",
        ),
        optional(
            "since",
            Kind::Instant,
            "Since when it could have come. Default: from now on.",
        ),
        optional(
            "eligible",
            Kind::Percent(1, 9_999),
            "Probability that our wallet gets some of it. Default: what is learnt.",
        ),
        optional(
            "rule",
            Kind::Choice(&["pro-rata", "square-root", "logarithmic", "flat"]),
            "How points grow with the position. Default square-root.",
        ),
        optional(
            "mean_position",
            Kind::Dollars,
            "The position of the mean eligible wallet: it gets what the mean wallet of past drops got. Default $2000.",
        ),
        optional(
            "fdv",
            Kind::Dollars,
            "The token's fully diluted value at the claim; needs `others`.",
        ),
        optional(
            "share",
            Kind::Percent(1, 10_000),
            "The share of supply that is dropped, if known.",
        ),
        optional(
            "others",
            Kind::Dollars,
            "What others have there: value locked for pro-rata. With `fdv`.",
        ),
        optional(
            "lockup",
            Kind::Duration(0, 3650 * DAY),
            "Time between claim and transferable tokens. Default none.",
        ),
        optional(
            "yield",
            Kind::Percent(0, 100_000),
            "What the position yields per year. Default 0%.",
        ),
        optional(
            "forgone",
            Kind::Percent(0, 100_000),
            "What the capital would yield elsewhere per year. Default 0%.",
        ),
        optional(
            "gas",
            Kind::Dollars,
            "All transactions from entry to claim. Default $10.",
        ),
        optional(
            "slippage",
            Kind::Percent(0, 2_000),
            "Slippage and fees of entry and exit together. Default 0.1%.",
        ),
        optional(
            "hazard",
            Kind::Percent(0, 10_000),
            "Probability per year that what lies there is lost. The measured risk counts where it is worse. Default 2%.",
        ),
    ],
);
