//! Every key that the configuration file may have: the one table that the reader accepts by and
//! the JSON Schema is made from.

mod breakers;
mod campaign;
mod chain;
mod limits;
mod protocol;
mod risk;
mod scheduler;
mod source;
mod strategy;
mod trigger;
mod wallet;

pub use airdrops_protocols::catalogue::ACTIONS;
pub use breakers::BREAKERS;
pub use campaign::{CAMPAIGN, CAMPAIGN_FILE};
pub use limits::LIMITS;
pub use protocol::PROTOCOL;
pub use risk::{ADAPTIVE, PRICES, VOLATILITY};
pub use scheduler::SCHEDULER;
pub use strategy::STRATEGY;

use airdrops_risk::breaker::{Counts, Durations, Shares};
use chain::{CHAIN, PRICE, TOKEN};
use source::SOURCE;
use strategy::OPPORTUNITY;
use wallet::{ALLOCATION, WALLET};

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
    /// A whole number that may be below zero, from and to these values.
    Signed(i64, i64),
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
    /// A date: `2024-01-31`.
    Date,
    /// A time of day: `09:00`, or with seconds.
    Clock,
    /// A value that a measure passes: dollars, a price of gas, or points.
    Threshold,
    /// A topic of a log: a signature, an address, a 32-byte hash, or `any`.
    Topic,
    /// What a task uses, as `kind:name`.
    Resource,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A secret: text here, or a reference to an environment variable.
    Endpoint,
    /// A reference to a secret; never the secret itself.
    Passphrase,
    /// A reference to a key of a service; never the key itself.
    Secret,
    /// The address of a service, without secrets.
    Url,
    /// The most that gas may cost: a share of past hours, a price of gas or dollars.
    GasBound,
    /// What something depends on, with how much of its value.
    Dependency,
    /// A path, relative to the file.
    Path,
    /// A list of values of one kind.
    List(&'static Kind),
    /// A table with free keys and values of one kind.
    Each(&'static Kind),
    /// A table.
    Table(&'static Table),
    /// A list of names, or of tables in place of them.
    NamesOr(&'static Table),
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

/// A duration within what a policy takes.
const fn duration(within: Durations) -> Kind {
    Kind::Duration(within.shortest.as_secs(), within.longest.as_secs())
}

/// A share within what a policy takes.
const fn percent(within: Shares) -> Kind {
    Kind::Percent(within.least.0, within.most.0)
}

/// A whole number within what a policy takes.
const fn count(within: Counts) -> Kind {
    Kind::Integer(within.least, within.most)
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
            "server",
            Kind::Table(&SERVER),
            "Where webhooks come in.",
        ),
        optional(
            "webhook",
            Kind::Tables(&WEBHOOK),
            "Who may say over HTTP that something happened.",
        ),
        optional(
            "store",
            Kind::Table(&STORE),
            "A PostgreSQL server that several nodes share, in place of a file.",
        ),
        optional(
            "limits",
            Kind::Table(&LIMITS),
            "What no transaction may exceed.",
        ),
        optional(
            "prices",
            Kind::Table(&PRICES),
            "What it takes to believe a price.",
        ),
        optional(
            "volatility",
            Kind::Table(&VOLATILITY),
            "What a wild market does to limits.",
        ),
        optional("breakers", Kind::Table(&BREAKERS), "When work stops."),
        required("chain", Kind::Tables(&CHAIN), "The chains."),
        optional("token", Kind::Tables(&TOKEN), "ERC-20 tokens with a price."),
        optional("price", Kind::Tables(&PRICE), "Price feeds."),
        optional(
            "source",
            Kind::Tables(&SOURCE),
            "Services that tell prices and news.",
        ),
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
            "strategy",
            Kind::Table(&STRATEGY),
            "How capital is allocated to opportunities.",
        ),
        optional(
            "opportunity",
            Kind::Tables(&OPPORTUNITY),
            "What is believed of a protocol's airdrop.",
        ),
        optional(
            "scheduler",
            Kind::Table(&SCHEDULER),
            "Limits that hold for all campaigns together.",
        ),
        optional(
            "campaign",
            Kind::Tables(&CAMPAIGN),
            "What is done, and when.",
        ),
    ],
);

/// The keys of `[server]`.
pub const SERVER: Table = table(
    "[server]",
    "Where webhooks come in.",
    &[optional(
        "listen",
        Kind::Text,
        "A loopback address with a port. Default 127.0.0.1:8787.",
    )],
);

/// The keys of `[[webhook]]`.
pub const WEBHOOK: Table = table(
    "[[webhook]]",
    "Who may say over HTTP that something happened: POST /events/NAME.",
    &[
        required(
            "name",
            Kind::Name,
            "The event's name, as on = { event = \"NAME\" } of a campaign has it.",
        ),
        required(
            "secret",
            Kind::Secret,
            "Signs deliveries; at least 32 bytes.",
        ),
    ],
);

/// The keys of `[store]`.
pub const STORE: Table = table(
    "[store]",
    "A PostgreSQL server that several nodes share, in place of a file.",
    &[
        required(
            "url",
            Kind::Endpoint,
            "postgres://user:password@host/database. A secret: better a reference.",
        ),
        optional(
            "node",
            Kind::Name,
            "This node's name. Default: a new one for each process. Two processes of one name take each other's place.",
        ),
        optional(
            "lease",
            Kind::Duration(1, 60),
            "A node that does not answer for so long is replaced. Default 3s.",
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
