//! Every key that the configuration file may have: the one table that the reader accepts by and
//! the JSON Schema is made from.

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Any text that is not empty.
    Text,
    /// A name: letters, digits, `-`, `_` and `.`.
    Name,
    /// A whole number from and to these values.
    Integer(u64, u64),
    /// `true` or `false`.
    Flag,
    /// A duration, from and to these seconds.
    Duration(u64, u64),
    /// A share, from and to these basis points.
    Percent(u32, u32),
    /// An amount of US dollars, greater than zero.
    Dollars,
    /// A price of gas: wei or gwei per gas.
    FeeRate,
    /// A decimal amount of whole tokens.
    Decimal,
    /// How much a task moves: `target`, `all`, a share or a decimal amount.
    Amount,
    /// A 20-byte address.
    Address,
    /// A 32-byte hash.
    Digest,
    /// An instant with its time zone.
    Instant,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A secret: text here, or a reference to an environment variable.
    Endpoint,
    /// A reference to a secret; never the secret itself.
    Passphrase,
    /// A path, relative to the file.
    Path,
    /// A list of values of one kind.
    List(&'static Kind),
    /// A table with free keys and values of one kind.
    Each(&'static Kind),
    /// A table.
    Table(&'static Table),
    /// A list of tables.
    Tables(&'static Table),
}

/// One key.
#[derive(Debug, PartialEq)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it must be.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
    /// One sentence for the schema.
    pub doc: &'static str,
}

/// A table and its keys.
#[derive(Debug, PartialEq)]
pub struct Table {
    /// How it is called in messages: `[engine]`, `[[chain]]`.
    pub name: &'static str,
    /// One sentence for the schema.
    pub doc: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
    /// More keys that depend on the value of one: the key's name, and a table per value.
    pub variants: Option<(&'static str, &'static [(&'static str, &'static Table)])>,
}

const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        required: true,
        doc,
    }
}

const fn optional(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        required: false,
        doc,
    }
}

const fn table(name: &'static str, doc: &'static str, keys: &'static [Key]) -> Table {
    Table {
        name,
        doc,
        keys,
        variants: None,
    }
}

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// The whole file.
pub const ROOT: Table = table(
    "the file",
    "Configuration of airdrops.",
    &[
        optional(
            "mode",
            Kind::Choice(&["paper", "live"]),
            "Where transactions go: to a chain inside the process, or to the endpoints. Default paper.",
        ),
        optional("engine", Kind::Table(&ENGINE), "The program itself."),
        optional(
            "limits",
            Kind::Table(&LIMITS),
            "What no transaction may exceed.",
        ),
        required("chain", Kind::Tables(&CHAIN), "The chains."),
        optional("token", Kind::Tables(&TOKEN), "ERC-20 tokens with a price."),
        optional("price", Kind::Tables(&PRICE), "Price feeds."),
        required("wallet", Kind::Tables(&WALLET), "Our wallets."),
        optional(
            "protocol",
            Kind::Tables(&PROTOCOL),
            "The protocol instances.",
        ),
        optional(
            "allocation",
            Kind::Tables(&ALLOCATION),
            "Target shares of equity.",
        ),
        optional(
            "campaign",
            Kind::Tables(&CAMPAIGN),
            "What is done, and when.",
        ),
    ],
);

/// The keys of `[engine]`.
pub const ENGINE: Table = table(
    "[engine]",
    "The program itself.",
    &[
        optional(
            "tick",
            Kind::Duration(1, HOUR),
            "Time between two looks at the world. Default 15s.",
        ),
        optional(
            "database",
            Kind::Path,
            "The database file. Default airdrops.sqlite.",
        ),
        optional(
            "seed",
            Kind::Integer(0, i64::MAX as u64),
            "Seed of everything random. Default 1.",
        ),
    ],
);

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
            Kind::Percent(1, 5_000),
            "Loss within 24 h that halts everything. Default 10%.",
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

const CHAIN: Table = table(
    "[[chain]]",
    "One EVM chain.",
    &[
        required("name", Kind::Name, "How other tables refer to it."),
        required(
            "id",
            Kind::Integer(1, i64::MAX as u64),
            "EIP-155 chain id; the endpoint must agree.",
        ),
        optional(
            "rpc",
            Kind::Endpoint,
            "The JSON-RPC endpoint. Required in live mode.",
        ),
        optional(
            "native",
            Kind::Name,
            "The asset of its native currency. Default ETH.",
        ),
        optional(
            "confirmations",
            Kind::Integer(0, 10_000),
            "Blocks until an outcome is final. Default 2.",
        ),
        required(
            "gas_ceiling",
            Kind::FeeRate,
            "Highest base fee at which anything is sent.",
        ),
        optional(
            "priority_fee",
            Kind::FeeRate,
            "Tip per gas. Default 0.1 gwei.",
        ),
        optional(
            "max_head_age",
            Kind::Duration(1, DAY),
            "Oldest head that counts as fresh. Default 2m.",
        ),
        optional(
            "rebroadcast_after",
            Kind::Duration(1, DAY),
            "A transaction without receipt is sent again after this. Default 30s.",
        ),
    ],
);

const TOKEN: Table = table(
    "[[token]]",
    "One ERC-20 token that has a price.",
    &[
        required("chain", Kind::Name, "On which chain."),
        required("asset", Kind::Name, "What it is priced as."),
        optional(
            "name",
            Kind::Name,
            "How protocols refer to it. Default: the asset.",
        ),
        required("address", Kind::Address, "The contract."),
        required("decimals", Kind::Integer(0, 36), "Decimal places."),
    ],
);

const PRICE: Table = table(
    "[[price]]",
    "A feed with the AggregatorV3 interface that gives an asset's price in USD.",
    &[
        required("asset", Kind::Name, "What it prices."),
        required("chain", Kind::Name, "Where it is."),
        required("feed", Kind::Address, "The contract."),
        optional(
            "source",
            Kind::Name,
            "Whose feed it is: feeds of one operator have one voice. Default chainlink.",
        ),
        optional(
            "max_age",
            Kind::Duration(1, 7 * DAY),
            "Oldest answer that counts as fresh. Default 75m.",
        ),
    ],
);

const WALLET: Table = table(
    "[[wallet]]",
    "One of our accounts.",
    &[
        required("name", Kind::Name, "How tasks refer to it."),
        optional(
            "keystore",
            Kind::Path,
            "Keystore file (geth V3). Required in live mode.",
        ),
        optional(
            "passphrase",
            Kind::Passphrase,
            "Where the passphrase is. Default: asked at the terminal.",
        ),
        optional(
            "paper_balance",
            Kind::Decimal,
            "Native currency on each chain at the start of paper mode. Default 10.",
        ),
    ],
);

/// The keys of every protocol instance.
pub const PROTOCOL: Table = Table {
    name: "[[protocol]]",
    doc: "One deployment of one protocol on one chain.",
    keys: &[
        required("id", Kind::Name, "How tasks refer to it."),
        optional(
            "family",
            Kind::Name,
            "Instances of one family share one exposure limit. Default: the id.",
        ),
        required(
            "chain",
            Kind::Name,
            "Where it lives; for a bridge, where value leaves from.",
        ),
        required("module", Kind::Choice(MODULES), "How to speak to it."),
    ],
    variants: Some(("module", MODULE_KEYS)),
};

const MODULES: &[&str] = &[
    "wrapped_native",
    "erc4626",
    "uniswap_v2",
    "staking_rewards",
    "bridge",
    "merkle_distributor",
];

const MODULE_KEYS: &[(&str, &Table)] = &[
    ("wrapped_native", &WRAPPED_NATIVE),
    ("erc4626", &ERC4626),
    ("uniswap_v2", &UNISWAP_V2),
    ("staking_rewards", &STAKING_REWARDS),
    ("bridge", &BRIDGE),
    ("merkle_distributor", &MERKLE_DISTRIBUTOR),
];

const WRAPPED_NATIVE: Table = table(
    "module wrapped_native",
    "Wrapped native currency, such as WETH9.",
    &[required(
        "wrapped",
        Kind::Address,
        "The wrapped token's contract.",
    )],
);

const ERC4626: Table = table(
    "module erc4626",
    "An ERC-4626 vault.",
    &[
        required("asset", Kind::Name, "The token that is deposited."),
        required("vault", Kind::Address, "The vault's contract."),
        optional(
            "share_decimals",
            Kind::Integer(0, 36),
            "Decimal places of the shares. Default: those of the asset.",
        ),
    ],
);

const UNISWAP_V2: Table = table(
    "module uniswap_v2",
    "A Uniswap-v2-like pair behind its router.",
    &[
        required("router", Kind::Address, "The Router02-like router."),
        required("pair", Kind::Address, "The pair's contract."),
        required("token_a", Kind::Name, "One side, an ERC-20 token."),
        required("token_b", Kind::Name, "The other side, an ERC-20 token."),
        optional(
            "slippage",
            Kind::Percent(0, 1000),
            "Most that a quote may worsen until execution. Default 0.5%.",
        ),
    ],
);

const STAKING_REWARDS: Table = table(
    "module staking_rewards",
    "A Synthetix-like pool that LP tokens are staked in.",
    &[
        required("pool", Kind::Address, "The pool's contract."),
        required(
            "underlying",
            Kind::Name,
            "The uniswap_v2 instance whose LP token is staked.",
        ),
        required("reward", Kind::Name, "The token that is earned."),
    ],
);

const BRIDGE: Table = table(
    "module bridge",
    "A bridge of one token to another chain.",
    &[
        required("contract", Kind::Address, "The contract on this chain."),
        required("remote_chain", Kind::Name, "The other chain."),
        required("remote_contract", Kind::Address, "The contract there."),
        required(
            "asset",
            Kind::Name,
            "The token that is sent, on both chains.",
        ),
    ],
);

const MERKLE_DISTRIBUTOR: Table = table(
    "module merkle_distributor",
    "An airdrop that is claimed with a Merkle proof.",
    &[
        required("contract", Kind::Address, "The distributor."),
        required("asset", Kind::Name, "The token that is granted."),
        required(
            "index",
            Kind::Integer(0, i64::MAX as u64),
            "Our index in the distribution.",
        ),
        required("amount", Kind::Decimal, "Whole tokens granted to us."),
        required("proof", Kind::List(&Kind::Digest), "The proof."),
    ],
);

const ALLOCATION: Table = table(
    "[[allocation]]",
    "The share of equity that one protocol instance should hold.",
    &[
        required("protocol", Kind::Name, "Which instance."),
        required("weight", Kind::Percent(0, 10_000), "Share of equity."),
    ],
);

const CAMPAIGN: Table = table(
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

const ACTIONS: &[&str] = &[
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

/// What each module can do.
#[must_use]
pub fn actions_of(module: &str) -> &'static [&'static str] {
    match module {
        "wrapped_native" => &["wrap", "unwrap"],
        "erc4626" => &["supply", "withdraw"],
        "uniswap_v2" => &["swap", "add_liquidity", "remove_liquidity"],
        "staking_rewards" => &["stake", "exit"],
        "bridge" => &["bridge"],
        "merkle_distributor" => &["claim"],
        _ => &[],
    }
}
