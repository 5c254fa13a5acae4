//! A small world: one wallet, two chains, a vault, a pool, a farm and a wrapper.

use std::collections::BTreeMap;
use std::time::Duration;

use airdrops_risk::{AllowedCall, Policy};
use airdrops_types::{
    Address, AllowanceChange, AssetId, B256, BlockRef, Bps, Bytes, Call, ChainId, ChainView,
    Holding, I256, Intent, IntentId, Origin, Position, PositionDelta, PositionLeg, PositionView,
    Price, ProtocolId, Purpose, Reading, Simulation, Snapshot, TaskId, Timestamp, Token,
    TokenDelta, U256, Usd,
};

pub(crate) const WALLET: Address = Address::repeat_byte(0xaa);
pub(crate) const VAULT: Address = Address::repeat_byte(0x10);
pub(crate) const ROUTER: Address = Address::repeat_byte(0x11);
pub(crate) const WETH: Address = Address::repeat_byte(0x12);
pub(crate) const FARM: Address = Address::repeat_byte(0x13);
pub(crate) const LP: Address = Address::repeat_byte(0x14);
pub(crate) const USDC: Address = Address::repeat_byte(0x15);
pub(crate) const DROP: Address = Address::repeat_byte(0x16);
pub(crate) const HERE: ChainId = ChainId(1);
pub(crate) const THERE: ChainId = ChainId(10);
pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);
pub(crate) const GWEI: u128 = 1_000_000_000;
pub(crate) const CALL: [u8; 4] = [1, 2, 3, 4];

pub(crate) fn token(chain: ChainId, contract: Option<Address>, asset: &str, decimals: u8) -> Token {
    Token {
        chain,
        contract,
        asset: AssetId::new(asset),
        decimals,
    }
}
pub(crate) fn eth() -> Token {
    token(HERE, None, "ETH", 18)
}
pub(crate) fn weth() -> Token {
    token(HERE, Some(WETH), "ETH", 18)
}
pub(crate) fn usdc() -> Token {
    token(HERE, Some(USDC), "USDC", 6)
}
pub(crate) fn share() -> Token {
    token(HERE, Some(VAULT), "vault-share", 6)
}
pub(crate) fn lp() -> Token {
    token(HERE, Some(LP), "pool-lp", 18)
}
pub(crate) fn drop_token() -> Token {
    token(HERE, Some(DROP), "DROP", 18)
}
pub(crate) fn remote_eth() -> Token {
    token(THERE, None, "ETH", 18)
}
pub(crate) fn remote_usdc() -> Token {
    token(THERE, Some(USDC), "USDC", 6)
}

/// Dollars in base units of USDC.
pub(crate) fn usd(dollars: u64) -> U256 {
    U256::from(dollars) * U256::from(1_000_000)
}
/// Dollars in wei at $2,000 an ether.
pub(crate) fn wei(dollars: u64) -> U256 {
    U256::from(dollars) * U256::from(500_000_000_000_000u64)
}
pub(crate) fn plus(amount: U256) -> I256 {
    I256::try_from(amount).unwrap()
}
pub(crate) fn minus(amount: U256) -> I256 {
    -plus(amount)
}
pub(crate) fn fresh<T>(value: T) -> Reading<T> {
    Reading::Fresh { value, at: NOW }
}

/// Dollars held where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wealth {
    pub(crate) eth: u64,
    pub(crate) weth: u64,
    pub(crate) usdc: u64,
    pub(crate) remote: u64,
    pub(crate) vault: u64,
    pub(crate) pool: u64,
}

impl Wealth {
    /// $100,000 in all.
    pub(crate) const PLENTY: Self = Self {
        eth: 5_000,
        weth: 10_000,
        usdc: 60_000,
        remote: 5_000,
        vault: 10_000,
        pool: 10_000,
    };
}

fn block(number: u64) -> BlockRef {
    BlockRef {
        number,
        hash: B256::repeat_byte(7),
        time: NOW,
    }
}

pub(crate) fn snapshot(wealth: Wealth, base_fee: u128) -> Snapshot {
    let chain = |number| ChainView {
        head: fresh(block(number)),
        base_fee: fresh(base_fee),
        gas_asset: AssetId::new("ETH"),
    };
    let holding = |token: Token, amount: U256| Holding {
        wallet: WALLET,
        token,
        amount: fresh(amount),
    };
    let leg = |token: Token, amount: U256| PositionLeg {
        amount: token.amount(amount),
    };
    let view = |protocol: &str, legs, receipts| PositionView {
        wallet: WALLET,
        protocol: ProtocolId::new(protocol),
        position: fresh(Position { legs, receipts }),
    };
    let half = wealth.pool / 2;
    Snapshot {
        at: NOW,
        chains: BTreeMap::from([(HERE, chain(100)), (THERE, chain(900))]),
        prices: BTreeMap::from([
            (AssetId::new("ETH"), fresh(Price(Price::SCALE * 2000))),
            (AssetId::new("USDC"), fresh(Price(Price::SCALE))),
        ]),
        holdings: vec![
            holding(eth(), wei(wealth.eth)),
            holding(weth(), wei(wealth.weth)),
            holding(usdc(), usd(wealth.usdc)),
            holding(share(), usd(wealth.vault)),
            holding(lp(), wei(wealth.pool)),
            holding(drop_token(), U256::from(5)),
            holding(remote_eth(), wei(0)),
            holding(remote_usdc(), usd(wealth.remote)),
        ],
        positions: vec![
            view(
                "vault-1",
                vec![leg(usdc(), usd(wealth.vault))],
                vec![share().amount(usd(wealth.vault))],
            ),
            view(
                "pool-1",
                vec![leg(usdc(), usd(half)), leg(weth(), wei(half))],
                vec![lp().amount(wei(wealth.pool))],
            ),
            view("farm-1", Vec::new(), Vec::new()),
        ],
        allowances: BTreeMap::from([(HERE, fresh(Vec::new()))]),
        ..Snapshot::default()
    }
}

/// The default limits, except that USDC may be everything and ETH 60 %.
pub(crate) fn policy() -> Policy {
    let call = |to, protocol: &str| AllowedCall {
        chain: HERE,
        to,
        selector: CALL,
        protocol: ProtocolId::new(protocol),
    };
    let family = |protocol: &str, family: &str| (ProtocolId::new(protocol), family.to_owned());
    Policy {
        asset_limits: BTreeMap::from([
            (AssetId::new("USDC"), Bps::WHOLE),
            (AssetId::new("ETH"), Bps(6000)),
        ]),
        gas_ceilings: BTreeMap::from([(HERE, 50 * GWEI), (THERE, 50 * GWEI)]),
        fee_limit: Usd::dollars(100),
        max_simulation_age: Duration::from_secs(30),
        wallets: vec![WALLET],
        tokens: vec![
            eth(),
            weth(),
            usdc(),
            share(),
            lp(),
            drop_token(),
            remote_eth(),
            remote_usdc(),
        ],
        calls: vec![
            call(VAULT, "vault-1"),
            call(ROUTER, "pool-1"),
            call(FARM, "farm-1"),
            call(WETH, "wrap-1"),
        ],
        spenders: vec![(HERE, VAULT), (HERE, ROUTER), (HERE, FARM)],
        families: BTreeMap::from([
            family("vault-1", "vault"),
            family("pool-1", "pool"),
            family("farm-1", "farm"),
            family("wrap-1", "wrap"),
        ]),
        ..Policy::with_default_limits()
    }
}

/// The kinds of intent that modules make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Supply,
    Swap,
    Wrap,
    AddLiquidity,
    Stake,
    Approve,
    Withdraw,
    RemoveLiquidity,
    Claim,
    Revoke,
    ApproveReceipt,
    Cancel,
}

impl Kind {
    pub(crate) const ALL: [Self; 12] = [
        Self::Supply,
        Self::Swap,
        Self::Wrap,
        Self::AddLiquidity,
        Self::Stake,
        Self::Approve,
        Self::Withdraw,
        Self::RemoveLiquidity,
        Self::Claim,
        Self::Revoke,
        Self::ApproveReceipt,
        Self::Cancel,
    ];

    /// Whether it must rest on fresh inputs.
    pub(crate) fn increases(self) -> bool {
        matches!(
            self,
            Self::Supply
                | Self::Swap
                | Self::Wrap
                | Self::AddLiquidity
                | Self::Stake
                | Self::Approve
        )
    }
}

pub(crate) fn id(number: u64) -> IntentId {
    IntentId(B256::from(U256::from(number)))
}

/// A well-formed intent of a kind that moves about `dollars`, with a matching simulation.
pub(crate) fn intent(kind: Kind, number: u64, dollars: u64) -> Intent {
    let (cash, half) = (usd(dollars), dollars / 2);
    let mut intent = Intent {
        id: id(number),
        task: TaskId::new("campaign/task#1"),
        step: 0,
        origin: Origin::Scheduler,
        purpose: Purpose::Operation {
            verb: format!("{kind:?}"),
        },
        chain: HERE,
        wallet: WALLET,
        protocol: ProtocolId::new("vault-1"),
        call: Call {
            to: VAULT,
            value: U256::ZERO,
            data: Bytes::copy_from_slice(&CALL),
        },
        spend: Vec::new(),
        receive: Vec::new(),
        allowances: Vec::new(),
        positions: Vec::new(),
        summary: format!("{kind:?} ${dollars}"),
        simulation: None,
    };
    let mut ran = Simulation {
        block: block(100),
        at: NOW,
        failure: None,
        gas_used: 120_000,
        data_fee: None,
        deltas: Vec::new(),
        unknown_outflows: Vec::new(),
        allowances: Vec::new(),
        used_allowances: Vec::new(),
        unknown_allowances: Vec::new(),
    };
    let moved = |token: Token, delta: I256| TokenDelta { token, delta };
    let change = |protocol: &str, token: Token, delta: I256| PositionDelta {
        protocol: ProtocolId::new(protocol),
        token,
        delta,
    };
    let used_up = |token: Token, spender: Address, amount: U256| AllowanceChange {
        token,
        spender,
        amount,
    };
    match kind {
        Kind::Supply => {
            intent.spend = vec![usdc().amount(cash)];
            intent.receive = vec![share().amount(cash)];
            intent.positions = vec![change("vault-1", usdc(), plus(cash))];
            ran.deltas = vec![moved(usdc(), minus(cash)), moved(share(), plus(cash))];
            ran.used_allowances = vec![used_up(usdc(), VAULT, U256::ZERO)];
        }
        Kind::Withdraw => {
            intent.spend = vec![share().amount(cash)];
            intent.receive = vec![usdc().amount(cash)];
            intent.positions = vec![change("vault-1", usdc(), minus(cash))];
            ran.deltas = vec![moved(usdc(), plus(cash)), moved(share(), minus(cash))];
        }
        Kind::Swap => {
            enter(&mut intent, ROUTER, "pool-1");
            let least = wei(dollars) * U256::from(99) / U256::from(100);
            intent.spend = vec![usdc().amount(cash)];
            intent.receive = vec![weth().amount(least)];
            ran.deltas = vec![
                moved(usdc(), minus(cash)),
                moved(weth(), plus(wei(dollars))),
            ];
        }
        Kind::Wrap => {
            enter(&mut intent, WETH, "wrap-1");
            intent.call.value = wei(dollars);
            intent.spend = vec![eth().amount(wei(dollars))];
            intent.receive = vec![weth().amount(wei(dollars))];
            ran.deltas = vec![
                moved(eth(), minus(wei(dollars))),
                moved(weth(), plus(wei(dollars))),
            ];
        }
        Kind::AddLiquidity => {
            enter(&mut intent, ROUTER, "pool-1");
            let taken = wei(half) * U256::from(99) / U256::from(100);
            intent.spend = vec![usdc().amount(usd(half)), weth().amount(wei(half))];
            intent.positions = vec![
                change("pool-1", usdc(), plus(usd(half))),
                change("pool-1", weth(), plus(wei(half))),
            ];
            ran.deltas = vec![
                moved(usdc(), minus(usd(half))),
                moved(weth(), minus(taken)),
                moved(lp(), plus(wei(dollars))),
            ];
            ran.allowances = vec![used_up(weth(), ROUTER, wei(half) - taken)];
        }
        Kind::RemoveLiquidity => {
            enter(&mut intent, ROUTER, "pool-1");
            intent.spend = vec![lp().amount(wei(dollars))];
            intent.receive = vec![usdc().amount(usd(half)), weth().amount(wei(half))];
            intent.positions = vec![
                change("pool-1", usdc(), minus(usd(half))),
                change("pool-1", weth(), minus(wei(half))),
            ];
            ran.deltas = vec![
                moved(usdc(), plus(usd(half))),
                moved(weth(), plus(wei(half))),
                moved(lp(), minus(wei(dollars))),
            ];
        }
        Kind::Stake => {
            enter(&mut intent, FARM, "farm-1");
            intent.spend = vec![lp().amount(wei(dollars))];
            intent.positions = vec![
                change("pool-1", usdc(), minus(usd(half))),
                change("pool-1", weth(), minus(wei(half))),
                change("farm-1", usdc(), plus(usd(half))),
                change("farm-1", weth(), plus(wei(half))),
            ];
            ran.deltas = vec![moved(lp(), minus(wei(dollars)))];
        }
        Kind::Claim => {
            enter(&mut intent, FARM, "farm-1");
            intent.receive = vec![drop_token().amount(U256::from(7))];
            ran.deltas = vec![moved(drop_token(), plus(U256::from(7)))];
        }
        Kind::Approve => approve(&mut intent, &mut ran, usdc(), VAULT, cash),
        Kind::Revoke => approve(&mut intent, &mut ran, usdc(), VAULT, U256::ZERO),
        Kind::ApproveReceipt => approve(&mut intent, &mut ran, lp(), FARM, wei(dollars)),
        Kind::Cancel => {
            intent.purpose = Purpose::Cancel {
                original: id(number + 1_000_000),
            };
            intent.call = Call {
                to: WALLET,
                value: U256::ZERO,
                data: Bytes::new(),
            };
            return intent;
        }
    }
    intent.simulation = Some(ran);
    intent
}

fn enter(intent: &mut Intent, to: Address, protocol: &str) {
    intent.call.to = to;
    intent.protocol = ProtocolId::new(protocol);
}

/// `approve(spender, amount)`.
pub(crate) fn approve_data(spender: Address, amount: U256) -> Bytes {
    let mut data = vec![0x09, 0x5e, 0xa7, 0xb3];
    data.extend_from_slice(spender.into_word().as_slice());
    data.extend_from_slice(&amount.to_be_bytes::<32>());
    data.into()
}

fn approve(
    intent: &mut Intent,
    ran: &mut Simulation,
    token: Token,
    spender: Address,
    amount: U256,
) {
    intent.call.to = token.contract.unwrap();
    intent.call.data = approve_data(spender, amount);
    intent.allowances = vec![AllowanceChange {
        token,
        spender,
        amount,
    }];
    ran.allowances = intent.allowances.clone();
}
