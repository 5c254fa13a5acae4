//! What is believed of prices, and when the market or a defect stops work.

use super::{DAY, HOUR, Kind, Table, optional, table};

/// The keys of `[prices]`.
pub const PRICES: Table = table(
    "[prices]",
    "What it takes to believe a price.",
    &[
        optional(
            "max_deviation",
            Kind::Percent(1, 2_000),
            "Most that sources which agree may differ. Default 1%.",
        ),
        optional(
            "min_sources",
            Kind::Integer(2, 16),
            "Fewest independent sources that must agree. Default 2.",
        ),
    ],
);

/// The keys of `[volatility]`.
pub const VOLATILITY: Table = table(
    "[volatility]",
    "What a wild market does to limits.",
    &[
        optional(
            "reference",
            Kind::List(&Kind::Name),
            "The assets whose volatility counts. Default: all without a peg.",
        ),
        optional(
            "high",
            Kind::Percent(1, 10_000),
            "What is left of limits while volatility is high. Default 75%.",
        ),
        optional(
            "extreme",
            Kind::Percent(1, 10_000),
            "What is left of limits while it is extreme. Default 50%.",
        ),
        optional(
            "extreme_state",
            Kind::Choice(&["cautious", "reducing", "halted"]),
            "What may still be done while it is extreme. Default cautious.",
        ),
    ],
);

/// The keys of `[breakers]`.
pub const BREAKERS: Table = table(
    "[breakers]",
    "When work stops, and when it goes on.",
    &[
        optional(
            "depeg_warn",
            Kind::Percent(1, 5_000),
            "Distance from the peg for 3 h that calls for caution. Default 0.5%.",
        ),
        optional(
            "depeg_reduce",
            Kind::Percent(1, 5_000),
            "Distance from the peg for 3 h from which an asset is only reduced. Default 1%.",
        ),
        optional(
            "depeg_halt",
            Kind::Percent(1, 5_000),
            "Distance from the peg for 2 h that halts an asset. Default 2%.",
        ),
        optional(
            "gas_share",
            Kind::Percent(1, 10_000),
            "Cost of a transaction, as a share of its expected value, that is too dear. Default 25%.",
        ),
        optional(
            "expected_value",
            Kind::Each(&Kind::Dollars),
            "What a usual transaction should earn, by chain; others are not judged by it.",
        ),
        optional(
            "cool_down",
            Kind::Each(&Kind::Duration(60, 30 * DAY)),
            "How long all must be well until a breaker that ends by itself does so.",
        ),
        optional(
            "data_grace",
            Kind::Duration(60, HOUR),
            "How long data may be gone until there is caution. Default 10m.",
        ),
        optional(
            "contract_period",
            Kind::Duration(60, DAY),
            "Time between two looks at a watched contract. Default 10m.",
        ),
    ],
);
