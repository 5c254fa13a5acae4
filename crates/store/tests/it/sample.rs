//! Values to store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airdrops_store::{Access, Options, Store, StoreError};
use airdrops_testkit_postgres::Postgres;
use airdrops_types::{
    Action, Address, AmountSpec, Assignment, Attempt, B256, BlockRef, Bytes, Call, CampaignId,
    ChainId, ChainView, ControlState, EquityPoint, Holding, I256, Intent, IntentId, LedgerEntry,
    LedgerKind, NewSignature, Operation, Origin, PermitTerms, Position, PositionLeg, PositionView,
    Price, Purpose, Reading, Reservation, Scope, Snapshot, TaskId, TaskRecord, TaskSpec, TaskState,
    Timestamp, Token, TokenDelta, TriggerState, Trip, TxResult, U256, Usd,
};
use airdrops_types::{AssetId, Conditions, Edge, ErrorClass, Outcome, Work};

pub(crate) const CHAIN: ChainId = ChainId(8453);
pub(crate) const WALLET: Address = Address::repeat_byte(0xAB);

/// The node that opens where nobody says otherwise: the same one after each restart.
pub(crate) const NODE: &str = "here";

/// A database that goes away.
pub(crate) struct Place {
    pub(crate) url: String,
    path: Option<PathBuf>,
    _folder: Option<tempfile::TempDir>,
    _server: Option<Postgres>,
}

/// A new database of each kind that this machine can have.
pub(crate) fn places() -> Vec<Place> {
    std::iter::once(Place::file())
        .chain(Place::server())
        .collect()
}

impl Place {
    /// In a file.
    pub(crate) fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("airdrops.db");
        Self {
            url: format!("sqlite:{}", path.display()),
            path: Some(path),
            _folder: Some(folder),
            _server: None,
        }
    }

    /// On a server, if there is one.
    pub(crate) fn server() -> Option<Self> {
        let server = Postgres::start()?;
        Some(Self {
            url: server.database(),
            path: None,
            _folder: None,
            _server: Some(server),
        })
    }

    pub(crate) fn open(&self, access: Access) -> Arc<dyn Store> {
        self.open_as(NODE, access).unwrap()
    }

    pub(crate) fn open_as(&self, node: &str, access: Access) -> Result<Arc<dyn Store>, StoreError> {
        let options = Options {
            node: node.to_owned(),
            ..Options::default()
        };
        airdrops_store::open(&self.url, access, options)
    }

    /// Of a database in a file.
    pub(crate) fn path(&self) -> &Path {
        self.path.as_deref().unwrap()
    }

    pub(crate) fn is_file(&self) -> bool {
        self.path.is_some()
    }

    pub(crate) fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path().to_owned().into_os_string();
        name.push(ending);
        name.into()
    }

    /// A connection past the store, for those who tamper.
    pub(crate) fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }

    /// The same on a server; the rows of the last answer.
    pub(crate) fn query(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, String> {
        airdrops_testkit_postgres::query(&self.url, sql)
    }
}

pub(crate) fn task_id(run: u64) -> TaskId {
    TaskId::new(format!("farm/supply#{run}"))
}

pub(crate) fn ether() -> Token {
    Token {
        chain: CHAIN,
        contract: None,
        asset: "ETH".into(),
        decimals: 18,
    }
}

pub(crate) fn dollar() -> Token {
    Token {
        chain: CHAIN,
        contract: Some(Address::repeat_byte(0xDC)),
        asset: "USDC".into(),
        decimals: 6,
    }
}

pub(crate) fn task(run: u64, state: TaskState) -> TaskRecord {
    let campaign = CampaignId::new("farm");
    let spec = TaskSpec {
        critical: true,
        ..TaskSpec::of(Work::Act(Assignment {
            wallet: WALLET,
            protocol: "vault".into(),
            action: Action::Swap {
                from: "ETH".into(),
                to: "USDC".into(),
            },
            amount: AmountSpec::Exact("1.25".into()),
        }))
    };
    TaskRecord {
        after: vec![Edge {
            task: task_id(run + 1000),
            on: Conditions::COMPLETION,
        }],
        state,
        reason: Some("gas is 31 gwei, ceiling is 30 gwei".into()),
        not_before: Some(Timestamp(77)),
        attempts: 1,
        failures: vec![(ErrorClass::Transient, 1)],
        plan: Some(vec![
            Operation::Approve {
                token: dollar(),
                spender: Address::repeat_byte(7),
                amount: U256::MAX,
            },
            Operation::Withdraw {
                amount: U256::from(5),
                all: true,
            },
        ]),
        cursor: 1,
        step: 2,
        started: Some(Timestamp(71)),
        ..TaskRecord::new(&campaign, "supply", run, Arc::new(spec), Timestamp(70))
    }
}

pub(crate) fn trigger(runs: u64) -> TriggerState {
    TriggerState {
        campaign: CampaignId::new("farm"),
        next: Some(Timestamp(1_000_000)),
        runs,
        definition: "cron 0 9 * * *".into(),
        first_seen: Timestamp(60),
        paused: None,
    }
}

/// The intent of step 0 of a run.
pub(crate) fn intent(run: u64) -> Intent {
    Intent {
        id: IntentId::derive(&task_id(run), 0),
        task: task_id(run),
        step: 0,
        origin: Origin::Scheduler,
        purpose: Purpose::Operation {
            verb: "supply".into(),
        },
        chain: CHAIN,
        wallet: WALLET,
        protocol: "vault".into(),
        call: Call {
            to: Address::repeat_byte(1),
            value: U256::MAX,
            data: Bytes::from_static(&[1, 2, 3, 4, 5]),
        },
        spend: vec![dollar().amount(U256::from(500_000_000))],
        receive: vec![],
        allowances: vec![],
        positions: vec![],
        summary: format!("supply 500 USDC to vault, run {run}"),
        simulation: None,
    }
}

/// The cancellation of that intent.
pub(crate) fn cancellation(run: u64) -> Intent {
    let original = intent(run).id;
    Intent {
        id: IntentId::cancellation_of(original),
        purpose: Purpose::Cancel { original },
        summary: "cancel".into(),
        ..intent(run)
    }
}

pub(crate) fn reservation(intent: IntentId) -> Reservation {
    Reservation {
        intent,
        chain: CHAIN,
        protocols: vec![("vault".into(), Usd(i128::MAX))],
        assets: vec![("USDC".into(), Usd::dollars(500))],
        nodes: Vec::new(),
        booked_at: None,
    }
}

pub(crate) fn terms(intent: IntentId, control_revision: u64) -> PermitTerms {
    PermitTerms {
        intent,
        granted_at: Timestamp(100),
        expires_at: Timestamp(200),
        gas_limit: 210_000,
        max_fee_per_gas: u128::MAX,
        max_priority_fee_per_gas: 1,
        control_revision,
        reservation: reservation(intent),
    }
}

/// Bytes that nobody else has.
pub(crate) fn attempt(tx: u64) -> Attempt {
    Attempt {
        tx: B256::left_padding_from(&tx.to_be_bytes()),
        raw: Bytes::copy_from_slice(&tx.to_be_bytes()),
        cancels: false,
        max_fee_per_gas: u128::MAX,
        max_priority_fee_per_gas: 2,
        gas_limit: 210_000,
        signed_at: Timestamp(150),
        broadcast_at: None,
        answer: None,
    }
}

/// The first signature of an intent, under control revision 0.
pub(crate) fn signature(run: u64, nonce: u64) -> NewSignature {
    let intent = intent(run);
    NewSignature {
        chain: CHAIN,
        wallet: WALLET,
        nonce,
        terms: terms(intent.id, 0),
        attempt: attempt(run),
        intent,
        replaces: false,
    }
}

pub(crate) fn block(number: u64) -> BlockRef {
    BlockRef {
        number,
        hash: B256::left_padding_from(&number.to_be_bytes()),
        time: Timestamp(9_000),
    }
}

pub(crate) fn outcome(run: u64, nonce: u64, result: TxResult) -> Outcome {
    Outcome {
        intent: intent(run).id,
        chain: CHAIN,
        wallet: WALLET,
        nonce,
        tx: attempt(run).tx,
        block: block(40 + nonce),
        result,
        gas_used: 100_000,
        fee: U256::MAX,
        deltas: vec![TokenDelta {
            token: ether(),
            delta: I256::MIN,
        }],
    }
}

pub(crate) fn booking(at: i64, token: Token, delta: I256) -> LedgerEntry {
    LedgerEntry {
        at: Timestamp(at),
        wallet: WALLET,
        token,
        delta,
        kind: LedgerKind::Transaction {
            intent: intent(1).id,
        },
    }
}

pub(crate) fn number(value: i64) -> I256 {
    I256::try_from(value).unwrap()
}

pub(crate) fn equity(at: i64, micros: i128) -> EquityPoint {
    EquityPoint {
        at: Timestamp(at),
        equity: Usd(micros),
        net_flows: Usd(i128::MIN),
        gas: Usd(3),
    }
}

pub(crate) fn trip(scope: Scope, breaker: &str, state: ControlState) -> Trip {
    Trip {
        scope,
        breaker: breaker.into(),
        state,
        since: Timestamp(300),
        evidence: "loss 3.1 %, limit 3 %".into(),
    }
}

pub(crate) fn snapshot() -> Snapshot {
    let at = Timestamp(400);
    Snapshot {
        at,
        chains: BTreeMap::from([(
            CHAIN,
            ChainView {
                head: Reading::Fresh {
                    value: block(40),
                    at,
                },
                base_fee: Reading::Stale {
                    value: u128::MAX,
                    at,
                    reason: "61 s old".into(),
                },
                gas_asset: "ETH".into(),
            },
        )]),
        prices: BTreeMap::from([(
            AssetId::new("ETH"),
            Reading::Fresh {
                value: Price(u128::MAX),
                at,
            },
        )]),
        holdings: vec![Holding {
            wallet: WALLET,
            token: dollar(),
            amount: Reading::Fresh {
                value: U256::MAX,
                at,
            },
        }],
        positions: vec![PositionView {
            wallet: WALLET,
            protocol: "vault".into(),
            position: Reading::Fresh {
                value: Position {
                    legs: vec![PositionLeg {
                        amount: dollar().amount(U256::from(1)),
                    }],
                    receipts: vec![],
                },
                at,
            },
        }],
        ..Snapshot::default()
    }
}
