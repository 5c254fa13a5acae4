//! Our accounts, and how much goes where.

use super::{Kind, Table, optional, required, table};

pub(super) const WALLET: Table = table(
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

pub(super) const ALLOCATION: Table = table(
    "[[allocation]]",
    "The share of equity that one protocol instance should hold.",
    &[
        required("protocol", Kind::Name, "Which instance."),
        required("weight", Kind::Percent(0, 10_000), "Share of equity."),
    ],
);
