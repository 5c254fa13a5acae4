//! Services that tell prices and news.

use super::{DAY, Kind, Table, optional, required, table};

/// The keys of every source.
pub(super) const SOURCE: Table = Table {
    name: "[[source]]",
    doc: "A service that tells prices or news. It is asked in the background.",
    keys: &[
        required("kind", Kind::Choice(KINDS), "Which service."),
        optional("key", Kind::Secret, "Where its key is."),
        optional(
            "every",
            Kind::Duration(1, DAY),
            "How often it is asked. Default: by its kind.",
        ),
        optional(
            "max_age",
            Kind::Duration(1, 7 * DAY),
            "Oldest answer that counts as fresh. Default: by its kind.",
        ),
    ],
    variants: Some(("kind", KIND_KEYS)),
};

const KINDS: &[&str] = &[
    "coingecko",
    "pyth",
    "binance",
    "llama-prices",
    "llama-tvl",
    "deribit",
    "goplus",
    "incidents",
];

const KIND_KEYS: &[(&str, &Table)] = &[
    ("coingecko", &COINGECKO),
    ("pyth", &PYTH),
    ("binance", &BINANCE),
    ("llama-prices", &LLAMA_PRICES),
    ("llama-tvl", &LLAMA_TVL),
    ("deribit", &DERIBIT),
    ("goplus", &GOPLUS),
    ("incidents", &INCIDENTS),
];

const URL: &str = "Another address of the service.";

const COINGECKO: Table = table(
    "source coingecko",
    "CoinGecko: prices averaged over exchanges.",
    &[
        required(
            "ids",
            Kind::Each(&Kind::Text),
            "CoinGecko's id of each asset.",
        ),
        optional(
            "plan",
            Kind::Choice(&["demo", "pro"]),
            "Whose key it is. Default demo.",
        ),
        optional("url", Kind::Url, URL),
    ],
);

const PYTH: Table = table(
    "source pyth",
    "Pyth Hermes: prices with confidence intervals. It needs a key.",
    &[
        required(
            "ids",
            Kind::Each(&Kind::Digest),
            "The price feed's id of each asset.",
        ),
        optional("url", Kind::Url, URL),
    ],
);

const BINANCE: Table = table(
    "source binance",
    "Binance: last prices and hourly bars.",
    &[
        required(
            "ids",
            Kind::Each(&Kind::Text),
            "The symbol of each asset, against a dollar.",
        ),
        optional(
            "hours",
            Kind::Integer(0, 20_000),
            "Hours of bars that are kept; 0 for none. Default 9000.",
        ),
        optional("url", Kind::Url, URL),
    ],
);

const LLAMA_PRICES: Table = table(
    "source llama-prices",
    "DefiLlama: prices from chains and exchanges.",
    &[
        required(
            "ids",
            Kind::Each(&Kind::Text),
            "DefiLlama's key of each asset: `ethereum:0x…`.",
        ),
        optional("url", Kind::Url, URL),
    ],
);

const LLAMA_TVL: Table = table(
    "source llama-tvl",
    "DefiLlama: the value locked in each protocol with a `tvl`.",
    &[optional("url", Kind::Url, URL)],
);

const DERIBIT: Table = table(
    "source deribit",
    "Deribit: implied volatility, published and from the option chain.",
    &[
        required(
            "ids",
            Kind::Each(&Kind::Text),
            "Deribit's currency of each asset: `ETH`.",
        ),
        optional("url", Kind::Url, URL),
    ],
);

const GOPLUS: Table = table(
    "source goplus",
    "GoPlus: what the contracts of all tokens on its chains can do to their holders.",
    &[optional("url", Kind::Url, URL)],
);

const INCIDENTS: Table = table(
    "source incidents",
    "A feed of incidents: RSS, Atom or JSON Feed.",
    &[
        required(
            "name",
            Kind::Text,
            "Who publishes it: lower-case letters, digits and hyphens.",
        ),
        required("url", Kind::Url, "The feed's address."),
    ],
);
