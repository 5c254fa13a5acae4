//! Permits from a real gate, and a manager over a scripted node.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use airdrops_chain::{ChainLane, Keyring, TransactionManager};
use airdrops_risk::{AllowedCall, Gate, GateState, Permit, Policy};
use airdrops_types::{
    Address, AssetId, B256, BlockRef, Bps, Bytes, Call, ChainView, Checkpoint, Holding, Intent,
    IntentId, Origin, ProtocolId, Purpose, Reading, Simulation, Snapshot, TaskId, Timestamp, Token,
    U256, Usd, no_checkpoint,
};

use crate::memory_log::MemoryLog;
use crate::node::{BASE_FEE, CHAIN, FAUCET, GAS, Node, TOKEN};

pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000);
pub(crate) const TTL: Duration = Duration::from_secs(30);
pub(crate) const REBROADCAST: Duration = Duration::from_secs(60);
pub(crate) const TIP: u128 = 100_000_000;
pub(crate) const CONFIRMATIONS: u64 = 2;
const SEED: &[u8] = b"test";
const SELECTOR: [u8; 4] = [1, 2, 3, 4];

pub(crate) fn later(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

pub(crate) fn wallet() -> Address {
    Keyring::new().add_ephemeral(SEED)
}

pub(crate) fn native() -> Token {
    Token {
        chain: CHAIN,
        contract: None,
        asset: AssetId::new("ETH"),
        decimals: 18,
    }
}

pub(crate) fn token() -> Token {
    Token {
        contract: Some(TOKEN),
        asset: AssetId::new("PTS"),
        decimals: 0,
        ..native()
    }
}

pub(crate) fn intent(step: u32, now: Timestamp) -> Intent {
    let task = TaskId::new("c/t#1");
    Intent {
        id: IntentId::derive(&task, step),
        task,
        step,
        origin: Origin::Scheduler,
        purpose: Purpose::Operation {
            verb: "claim".to_owned(),
        },
        chain: CHAIN,
        wallet: wallet(),
        protocol: ProtocolId::new("faucet"),
        call: Call {
            to: FAUCET,
            value: U256::ZERO,
            data: Bytes::from(SELECTOR),
        },
        spend: Vec::new(),
        receive: Vec::new(),
        allowances: Vec::new(),
        positions: Vec::new(),
        summary: "claim".to_owned(),
        simulation: Some(Simulation {
            block: block(),
            at: now,
            failure: None,
            gas_used: GAS,
            data_fee: None,
            deltas: Vec::new(),
            unknown_outflows: Vec::new(),
            allowances: Vec::new(),
            used_allowances: Vec::new(),
            unknown_allowances: Vec::new(),
        }),
    }
}

pub(crate) fn cancellation(original: &Intent) -> Intent {
    Intent {
        id: IntentId::cancellation_of(original.id),
        purpose: Purpose::Cancel {
            original: original.id,
        },
        call: Call {
            to: original.wallet,
            value: U256::ZERO,
            data: Bytes::new(),
        },
        simulation: None,
        ..original.clone()
    }
}

fn block() -> BlockRef {
    BlockRef {
        number: 3,
        hash: B256::ZERO,
        time: NOW,
    }
}

/// A permit of the real gate, with `tip` and at `base_fee`: the fee is twice the base fee plus the
/// tip.
pub(crate) fn permit_at(intent: &Intent, base_fee: u128, tip: u128, now: Timestamp) -> Permit {
    let protocol = intent.protocol.clone();
    let policy = Policy {
        protocol_limit: Bps(2000),
        protocol_limits: BTreeMap::new(),
        transaction_limit: Bps(500),
        asset_limit: Bps(3000),
        asset_limits: BTreeMap::new(),
        gas_ceilings: BTreeMap::from([(CHAIN, 1000 * BASE_FEE)]),
        fee_limit: Usd::dollars(1000),
        rolling_loss_limit: Bps(1000),
        max_simulation_age: Duration::from_secs(60),
        permit_ttl: TTL,
        wallets: vec![intent.wallet],
        tokens: vec![native(), token()],
        calls: vec![AllowedCall {
            chain: CHAIN,
            to: FAUCET,
            selector: SELECTOR,
            protocol: protocol.clone(),
        }],
        families: BTreeMap::from([(protocol, "faucet".to_owned())]),
        ..Policy::with_default_limits()
    };
    let fresh = |amount| Reading::Fresh {
        value: amount,
        at: now,
    };
    let snapshot = Snapshot {
        at: now,
        chains: BTreeMap::from([(
            CHAIN,
            ChainView {
                head: Reading::Fresh {
                    value: block(),
                    at: now,
                },
                base_fee: Reading::Fresh {
                    value: base_fee,
                    at: now,
                },
                gas_asset: AssetId::new("ETH"),
            },
        )]),
        prices: BTreeMap::new(),
        holdings: vec![Holding {
            wallet: intent.wallet,
            token: native(),
            amount: fresh(U256::from(10_000_000_000_000_000_000u128)),
        }],
        positions: Vec::new(),
        ..Snapshot::default()
    };
    let mut gate = Gate::new(policy, GateState::default());
    gate.decide(&gate.mark(&snapshot), intent, tip, now)
        .expect("the gate permits it")
}

pub(crate) fn permit(intent: &Intent, now: Timestamp) -> Permit {
    permit_at(intent, BASE_FEE, TIP, now)
}

pub(crate) fn keyring() -> Keyring {
    let mut keyring = Keyring::new();
    keyring.add_ephemeral(SEED);
    keyring
}

pub(crate) fn manager_with(
    node: &Node,
    log: &Arc<MemoryLog>,
    checkpoint: Checkpoint,
) -> TransactionManager {
    let lane = ChainLane {
        client: node.client(),
        confirmations: CONFIRMATIONS,
        rebroadcast_after: REBROADCAST,
    };
    TransactionManager::new(
        log.clone(),
        keyring(),
        BTreeMap::from([(CHAIN, lane)]),
        checkpoint,
    )
}

/// A node, a log and a manager.
pub(crate) struct Bench {
    pub(crate) node: Node,
    pub(crate) log: Arc<MemoryLog>,
    pub(crate) manager: TransactionManager,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let node = Node::new(wallet());
        let log = Arc::new(MemoryLog::default());
        let manager = manager_with(&node, &log, no_checkpoint);
        Self { node, log, manager }
    }

    /// Forgets the manager, as a crash does.
    pub(crate) fn restart(&mut self) {
        self.manager = manager_with(&self.node, &self.log, no_checkpoint);
    }
}
