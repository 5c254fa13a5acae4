//! Protocol instances: their own keys, and those of each module.

use super::{Kind, Table, optional, required, table};

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
        optional(
            "depends_on",
            Kind::List(&Kind::Dependency),
            "What the family falls with: \"oracle:chainlink\".",
        ),
        optional(
            "watch",
            Kind::List(&Kind::Address),
            "Contracts whose code, owner and pause switch are watched. Default: all that are called.",
        ),
        optional(
            "tvl",
            Kind::Text,
            "DefiLlama's slug of the family, to watch the value locked in it.",
        ),
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
