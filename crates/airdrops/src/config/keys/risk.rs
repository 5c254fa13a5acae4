//! What is believed of prices, and what the market does to limits.

use airdrops_risk::{AdaptiveBounds, VolatilityActions};

use super::{Kind, Table, duration, optional, percent, table};

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
    "What a wild market does to limits, and to what may be done.",
    &[
        optional(
            "reference",
            Kind::List(&Kind::Name),
            "The assets whose volatility counts. Default: all without a peg.",
        ),
        optional(
            "low",
            percent(VolatilityActions::SCALE),
            "What is left of limits while volatility is low. Default 100%.",
        ),
        optional(
            "medium",
            percent(VolatilityActions::SCALE),
            "What is left of limits while it is medium. Default 100%.",
        ),
        optional(
            "high",
            percent(VolatilityActions::SCALE),
            "What is left of limits while it is high. Default 75%.",
        ),
        optional(
            "extreme",
            percent(VolatilityActions::SCALE),
            "What is left of limits while it is extreme. Default 50%.",
        ),
        optional(
            "medium_state",
            STATE,
            "What may still be done while it is medium. Default active.",
        ),
        optional(
            "high_state",
            STATE,
            "What may still be done while it is high. Default active.",
        ),
        optional(
            "extreme_state",
            STATE,
            "What may still be done while it is extreme. Default cautious.",
        ),
    ],
);

/// No market locks anything.
const STATE: Kind = Kind::Choice(&["active", "cautious", "reducing", "halted"]);

/// The keys of `[limits.adaptive]`.
pub const ADAPTIVE: Table = table(
    "[limits.adaptive]",
    "How limits follow volatility and health: down at once, and back slowly.",
    &[
        optional(
            "floor",
            percent(AdaptiveBounds::FLOOR),
            "The least that is left of a limit. Default 25%.",
        ),
        optional(
            "loosening",
            percent(AdaptiveBounds::LOOSENING),
            "Most of a limit that comes back in an hour. Default 10%.",
        ),
        optional(
            "longest_pause",
            duration(AdaptiveBounds::GAP),
            "Most time between two looks that counts towards that. Default 1h.",
        ),
    ],
);
