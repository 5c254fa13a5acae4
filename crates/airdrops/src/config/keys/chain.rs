//! Chains, and what is on them: tokens and price feeds.

use super::{DAY, Kind, Table, optional, required, table};

pub(super) const CHAIN: Table = table(
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
            "rpc_witness",
            Kind::Endpoint,
            "A second endpoint, of another operator, that the first must agree with.",
        ),
        optional(
            "data_fee",
            Kind::Choice(&["none", "op-stack", "scroll"]),
            "What it charges for a transaction's bytes beside its gas. Default none.",
        ),
        optional(
            "uptime_feed",
            Kind::Address,
            "The feed that says whether the chain's sequencer is up.",
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

pub(super) const TOKEN: Table = table(
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
        optional(
            "peg",
            Kind::Name,
            "What it promises to be worth: usd, or another asset.",
        ),
        optional(
            "depends_on",
            Kind::List(&Kind::Dependency),
            "What the asset falls with: \"stablecoin:USDC@40%\".",
        ),
    ],
);

pub(super) const PRICE: Table = table(
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
