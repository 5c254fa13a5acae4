//! A seeded portfolio on 50 chains, with the policy that governs it.

use std::collections::BTreeMap;

use airdrops_risk::look_through::{Dependencies, NodeLimits};
use airdrops_risk::{AllowedCall, Gate, GateState, Policy};
use airdrops_types::{
    Address, AllowanceChange, AssetId, B256, BlockRef, Bps, Bytes, Call, ChainId, ChainView,
    ControlState, Holding, I256, Intent, IntentId, Origin, Position, PositionDelta, PositionLeg,
    PositionView, Price, ProtocolId, Purpose, Quote, Reading, Reservation, Scope, Simulation,
    Snapshot, TaskId, Timestamp, Token, TokenDelta, Trip, U256, Usd,
};

pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);
const WALLET: Address = Address::repeat_byte(0xaa);
const SELECTOR: [u8; 4] = [1, 2, 3, 4];

/// How many of each there are.
pub(crate) struct Size {
    pub(crate) protocols: usize,
    pub(crate) assets: usize,
    pub(crate) chains: usize,
    pub(crate) positions: usize,
}

pub(crate) struct Portfolio {
    pub(crate) gate: Gate,
    pub(crate) snapshot: Snapshot,
    /// Deposits.
    pub(crate) intents: Vec<Intent>,
}

fn fresh<T>(value: T) -> Reading<T> {
    Reading::Fresh { value, at: NOW }
}

fn address(kind: u8, id: usize) -> Address {
    let mut bytes = [kind; 20];
    bytes[..8].copy_from_slice(&(id as u64).to_be_bytes());
    Address::from(bytes)
}

fn whole(units: u64) -> U256 {
    U256::from(units) * U256::from(1_000_000_000_000_000_000u64)
}

impl Size {
    fn chain(&self, id: usize) -> ChainId {
        ChainId((id % self.chains) as u64 + 1)
    }

    fn token(&self, asset: usize) -> Token {
        Token {
            chain: self.chain(asset),
            contract: Some(address(1, asset)),
            asset: AssetId::new(format!("asset-{asset}")),
            decimals: 18,
        }
    }

    fn native(&self, chain: usize) -> Token {
        Token {
            contract: None,
            asset: AssetId::new("asset-0"),
            ..self.token(chain)
        }
    }

    fn share(&self, protocol: usize) -> Token {
        Token {
            chain: self.chain(protocol),
            contract: Some(address(2, protocol)),
            asset: AssetId::new(format!("share-{protocol}")),
            decimals: 18,
        }
    }

    fn policy(&self, dependencies: Dependencies, node_limits: NodeLimits) -> Policy {
        let id = |protocol| ProtocolId::new(format!("at-{protocol}"));
        let natives = (0..self.chains).map(|chain| self.native(chain));
        let tokens = (0..self.assets).map(|asset| self.token(asset));
        let shares = (0..self.protocols).map(|protocol| self.share(protocol));
        let calls = (0..self.protocols).flat_map(|protocol| {
            [SELECTOR, [5, 6, 7, 8]].map(|selector| AllowedCall {
                chain: self.chain(protocol),
                to: address(2, protocol),
                selector,
                protocol: id(protocol),
            })
        });
        let spenders = (0..self.protocols).map(|p| (self.chain(p), address(2, p)));
        let families = (0..self.protocols).map(|p| (id(p), format!("protocol-{p}")));
        Policy {
            gas_ceilings: (0..self.chains)
                .map(|chain| (self.chain(chain), 100_000_000_000))
                .collect(),
            fee_limit: Usd::dollars(100),
            dependencies,
            node_limits,
            wallets: vec![WALLET],
            tokens: natives.chain(tokens).chain(shares).collect(),
            calls: calls.collect(),
            spenders: spenders.collect(),
            families: families.collect(),
            ..Policy::with_default_limits()
        }
    }

    fn snapshot(&self, policy: &Policy) -> Snapshot {
        let chain = |chain| {
            let block = BlockRef {
                number: 100,
                hash: B256::repeat_byte(7),
                time: NOW,
            };
            let view = ChainView {
                head: fresh(block),
                base_fee: fresh(1_000_000_000),
                gas_asset: AssetId::new("asset-0"),
            };
            (self.chain(chain), view)
        };
        let asset = |asset| AssetId::new(format!("asset-{asset}"));
        let dollar = Price(Price::SCALE);
        let holdings = policy.tokens.iter().map(|token| Holding {
            wallet: WALLET,
            token: token.clone(),
            amount: fresh(whole(1000)),
        });
        // Each asset of a protocol's chain in turn.
        let position = |number: usize| {
            let protocol = number % self.protocols;
            let place = number / self.protocols;
            let token = (protocol % self.chains + place * self.chains) % self.assets;
            let legs = vec![PositionLeg {
                amount: self.token(token).amount(whole(1000)),
            }];
            PositionView {
                wallet: WALLET,
                protocol: ProtocolId::new(format!("at-{protocol}")),
                position: fresh(Position {
                    legs,
                    receipts: Vec::new(),
                }),
            }
        };
        let mut snapshot = Snapshot {
            at: NOW,
            chains: (0..self.chains).map(chain).collect(),
            prices: (0..self.assets)
                .map(|id| (asset(id), fresh(dollar)))
                .collect(),
            holdings: holdings.collect(),
            positions: (0..self.positions).map(position).collect(),
            allowances: (0..self.chains)
                .map(|chain| (self.chain(chain), fresh(Vec::new())))
                .collect(),
            ..Snapshot::default()
        };
        snapshot.market.quotes = (0..self.assets)
            .map(|id| {
                let quotes = ["north", "south"].map(|source| Quote {
                    source: source.to_owned(),
                    price: fresh(dollar),
                });
                (asset(id), quotes.to_vec())
            })
            .collect::<BTreeMap<_, _>>();
        snapshot
    }

    /// A deposit of $100 of a token of the protocol's chain.
    fn intent(&self, number: usize) -> Intent {
        let protocol = number % self.protocols;
        let token = self.token(protocol % self.chains + self.chains * (number % 7));
        let vault = address(2, protocol);
        let amount = whole(100);
        let signed = I256::try_from(amount).unwrap();
        let id = ProtocolId::new(format!("at-{protocol}"));
        let moved = |token: Token, delta| TokenDelta { token, delta };
        Intent {
            id: IntentId(B256::from(U256::from(number))),
            task: TaskId::new("campaign/task#1"),
            step: 0,
            origin: Origin::Scheduler,
            purpose: Purpose::Operation {
                verb: "supply".to_owned(),
            },
            chain: self.chain(protocol),
            wallet: WALLET,
            protocol: id.clone(),
            call: Call {
                to: vault,
                value: U256::ZERO,
                data: Bytes::copy_from_slice(&SELECTOR),
            },
            spend: vec![token.amount(amount)],
            receive: vec![self.share(protocol).amount(amount)],
            allowances: Vec::new(),
            positions: vec![PositionDelta {
                protocol: id,
                token: token.clone(),
                delta: signed,
            }],
            summary: "supply $100".to_owned(),
            simulation: Some(Simulation {
                block: BlockRef {
                    number: 100,
                    hash: B256::repeat_byte(7),
                    time: NOW,
                },
                at: NOW,
                failure: None,
                gas_used: 120_000,
                data_fee: None,
                deltas: vec![
                    moved(token.clone(), -signed),
                    moved(self.share(protocol), signed),
                ],
                unknown_outflows: Vec::new(),
                allowances: Vec::new(),
                used_allowances: vec![AllowanceChange {
                    token,
                    spender: vault,
                    amount: U256::ZERO,
                }],
                unknown_allowances: Vec::new(),
            }),
        }
    }

    /// Twenty reservations stand, and three stops elsewhere.
    fn state(&self) -> GateState {
        let mut state = GateState::default();
        for number in 0..20 {
            let protocol = self.protocols - 1 - number;
            state.reservations.reserve(Reservation {
                intent: IntentId(B256::from(U256::from(1_000_000 + number))),
                chain: self.chain(protocol),
                protocols: vec![(format!("protocol-{protocol}"), Usd::dollars(100))],
                assets: Vec::new(),
                nodes: vec![
                    (
                        format!("protocol:protocol-{protocol}").into(),
                        Usd::dollars(100),
                    ),
                    (format!("oracle:oracle-{number}").into(), Usd::dollars(50)),
                    (format!("wrapper:wrapper-{number}").into(), Usd::dollars(10)),
                ],
                booked_at: None,
            });
        }
        for protocol in [1, 2, 3] {
            state.control.trip(Trip {
                scope: Scope::Protocol(ProtocolId::new(format!("elsewhere-{protocol}"))),
                state: ControlState::Halted,
                breaker: "incident".to_owned(),
                evidence: "two sources".to_owned(),
                since: NOW,
            });
        }
        state
    }

    /// All of it.
    pub(crate) fn portfolio(
        &self,
        dependencies: Dependencies,
        by_node: BTreeMap<airdrops_risk::look_through::Node, Bps>,
    ) -> Portfolio {
        let node_limits = NodeLimits {
            by_node,
            ..NodeLimits::default()
        };
        let policy = self.policy(dependencies, node_limits);
        Portfolio {
            snapshot: self.snapshot(&policy),
            gate: Gate::new(policy, self.state()),
            intents: (0..self.protocols * 2)
                .map(|number| self.intent(number))
                .collect(),
        }
    }
}
