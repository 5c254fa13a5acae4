//! The engine: every room, wired.

mod journal;
mod start;
mod stops;

use std::collections::BTreeMap;
use std::sync::Arc;

use airdrops_chain::{ChainClient, Keyring, TransactionManager};
use airdrops_protocols::Registry;
use airdrops_risk::profit::ProfitEvent;
use airdrops_risk::{Attempt, Gate, Monitor};
use airdrops_scheduler::Scheduler;
use airdrops_store::Store;
use airdrops_types::{
    Address, ChainId, Checkpoint, ControlSignal, ControlState, Entry, IntentId, ProtocolId,
    Restraint, Snapshot, Target, TaskId, Timestamp, Token, TransactionLog, U256, Unwind,
    UnwindRequest, Usd,
};

use crate::clock::Clock;
use crate::events::Seen;
use crate::ledger::{BridgeEnds, Ledger};
use crate::leftovers::Revocation;
use crate::market::Market;
use crate::observe::ReadFacts;
use crate::planning::{Outlook, Standing};
use crate::settings::Settings;
use crate::withdrawals::Withdrawn;

/// Setting that holds what is under way over bridges.
pub(crate) const IN_TRANSIT: &str = "in_transit";
/// Setting that holds how much of the announced withdrawals has left.
pub(crate) const WITHDRAWN: &str = "withdrawn";
/// Setting that holds the value of all fees so far. An equity point says it too, but one follows
/// only at the next assessment.
pub(crate) const GAS_PAID: &str = "gas_paid";
/// Setting that holds what the scheduler knows beside its records.
pub(crate) const SCHEDULER: &str = "scheduler";
/// Setting that holds the allowances that failed tasks left behind.
pub(crate) const REVOCATIONS: &str = "revocations";

/// Told of every journal entry after it was stored.
pub type Listener = Box<dyn FnMut(Timestamp, &Entry) + Send>;

/// Concrete parts for an engine.
pub struct Parts {
    /// Durable state.
    pub store: Arc<dyn Store>,
    /// The same store as the transaction manager's memory.
    pub log: Arc<dyn TransactionLog>,
    /// One client per configured chain.
    pub clients: BTreeMap<ChainId, ChainClient>,
    /// Markets and feeds outside the chains.
    pub market: Arc<dyn Market>,
    /// The keys of all configured wallets.
    pub keyring: Keyring,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Test hook.
    pub checkpoint: Checkpoint,
    /// Told of every journal entry.
    pub listener: Listener,
    /// Decide, and tell the listener, but store, sign and send nothing.
    pub dry_run: bool,
}

/// What a tick left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickReport {
    /// The worst control state of the whole.
    pub state: ControlState,
    /// Transactions without a final outcome.
    pub open_transactions: usize,
    /// Task runs that can go on now.
    pub runnable: usize,
    /// Task runs that are not final.
    pub unfinished: usize,
    /// Chains that could not be read in this tick.
    pub unreadable_chains: usize,
}

/// The whole flow, once per [`Engine::tick`].
pub struct Engine {
    pub(crate) settings: Settings,
    pub(crate) registry: Registry,
    pub(crate) tokens: Vec<Token>,
    pub(crate) bridges: Vec<BridgeEnds>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clients: BTreeMap<ChainId, ChainClient>,
    pub(crate) market: Arc<dyn Market>,
    /// What was seen of watched contracts.
    pub(crate) facts: ReadFacts,
    /// Chains whose witness endpoint does not answer or lags, in the last look.
    pub(crate) rpc_defects: BTreeMap<ChainId, String>,
    pub(crate) manager: TransactionManager,
    pub(crate) gate: Gate,
    pub(crate) scheduler: Scheduler,
    pub(crate) monitor: Monitor,
    /// What holds in each scope, as it was last written down.
    pub(crate) signals: Vec<ControlSignal>,
    /// What moved from outside, and what fees took, since the last assessment.
    pub(crate) profit_events: Vec<ProfitEvent>,
    /// Attempts since the last assessment.
    pub(crate) attempts: Vec<Attempt>,
    /// When the last report was stored.
    pub(crate) reported: Option<Timestamp>,
    /// Tells this process from others.
    pub(crate) process: u64,
    pub(crate) ledger: Ledger,
    pub(crate) revocations: Vec<Revocation>,
    pub(crate) withdrawn: Withdrawn,
    /// What operators asked for, as the store had it at the last look.
    pub(crate) unwind_requests: Vec<UnwindRequest>,
    /// How far the accepted requests are.
    pub(crate) unwinds: Vec<Unwind>,
    pub(crate) net_flows: Usd,
    pub(crate) gas_paid: Usd,
    pub(crate) equity: Option<Usd>,
    pub(crate) targets: Vec<Target>,
    /// How far what campaigns wait for was seen.
    pub(crate) seen: Seen,
    /// The plan that stands.
    pub(crate) standing: Standing,
    /// What the monitor last said that plans rest on.
    pub(crate) outlook: Outlook,
    /// What held back each protocol when the targets were last set.
    pub(crate) restraints: BTreeMap<ProtocolId, Restraint>,
    /// The snapshot that was last written to the journal.
    pub(crate) journalled: Option<Timestamp>,
    /// How often in a row each task was held by a limit or a stop.
    pub(crate) standstills: BTreeMap<TaskId, u32>,
    /// The highest block of each chain that holds a final outcome of ours.
    pub(crate) settled_at: BTreeMap<ChainId, u64>,
    /// Lanes whose balances cannot be told apart since: a transaction was under way.
    pub(crate) unreconciled: BTreeMap<(Address, ChainId), Timestamp>,
    /// When each stuck transaction was last looked after.
    pub(crate) unstuck: BTreeMap<IntentId, Timestamp>,
    /// What was last said about each matter, so that it is said once.
    pub(crate) told: BTreeMap<String, String>,
    /// An error ended the flow in the middle: memory is ahead of the store.
    pub(crate) broken: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) listener: Listener,
    pub(crate) dry_run: bool,
}

impl Engine {
    /// The worst control state of the whole.
    #[must_use]
    pub fn state(&self) -> ControlState {
        self.gate.state().control.overall().0
    }

    /// The task runs, for display.
    pub fn tasks(&self) -> impl Iterator<Item = &airdrops_types::TaskRecord> {
        self.scheduler.tasks()
    }

    /// The earliest instant at which a trigger or a waiting task wants to be looked at.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.scheduler.next_wake(self.clock.now())
    }

    /// Native currency that is kept back for gas: five worst-case transactions of 300,000 gas at
    /// the chain's gas ceiling, but at most what the fee limit would buy three times.
    pub(crate) fn gas_reserve(&self, snapshot: &Snapshot, chain: ChainId) -> U256 {
        let Some(settings) = self
            .settings
            .chains
            .iter()
            .find(|settings| settings.id == chain)
        else {
            return U256::ZERO;
        };
        let ceiling = self
            .settings
            .policy
            .gas_ceilings
            .get(&chain)
            .copied()
            .unwrap_or_default();
        let by_gas = U256::from(ceiling).saturating_mul(U256::from(1_500_000));
        let by_fee = snapshot
            .prices
            .get(&settings.native.asset)
            .and_then(airdrops_types::Reading::fresh)
            .and_then(|price| {
                let three = Usd(self.settings.policy.fee_limit.0.saturating_mul(3));
                price.amount_worth(three, settings.native.decimals)
            });
        by_fee.map_or(by_gas, |by_fee| by_gas.min(by_fee))
    }
}
