//! The nouns and units that every other crate speaks: chains, assets, money, readings, intents,
//! permits' raw material, outcomes, control states and task records.
//!
//! Nothing here performs I/O, reads a clock or draws a random number. Money is integers: token base
//! units ([`alloy_primitives::U256`]) and micro-dollars ([`Usd`]).

pub mod action;
pub mod airdrop_seen;
pub mod chain_log;
pub mod contract;
pub mod control;
pub mod id;
pub mod intent;
pub mod journal;
pub mod ledger;
pub mod market;
pub mod message;
pub mod money;
pub mod outcome;
pub mod position;
pub mod reading;
pub mod retry;
pub mod signal;
pub mod snapshot;
pub mod task;
pub mod time;
pub mod token;
pub mod token_danger;
pub mod transaction_log;
pub mod unwind;
pub mod verdict;
pub mod volatility;

pub use action::{Action, AmountSpec, Assignment, Operation};
pub use airdrop_seen::{AirdropFact, AirdropSeen};
pub use alloy_primitives::{Address, B256, Bytes, I256, U256};
pub use chain_log::{ChainLog, LogRange};
pub use contract::{AllowanceView, ContractFacts, ContractView};
pub use control::{ControlState, Scope, Trip};
pub use id::{AssetId, CampaignId, ChainId, IntentId, ProtocolId, TaskId};
pub use intent::{
    AllowanceChange, Call, Intent, Origin, PositionDelta, Purpose, Simulation, SimulationFailure,
};
pub use journal::{Entry, JournalEntry};
pub use ledger::{EquityPoint, LedgerEntry, LedgerKind, Withdrawal};
pub use market::{Bar, Incident, MarketView, Quote, Severity};
pub use message::{
    CampaignVersion, Command, LONGEST_EVENT_NAME, Message, MessageDone, NewDefinition,
    is_event_name,
};
pub use money::{Bps, Gwei, Price, Rounding, Usd};
pub use outcome::{BlockRef, Outcome, TokenDelta, TxResult};
pub use position::{Position, PositionLeg};
pub use reading::Reading;
pub use retry::{ErrorClass, RetryPolicy};
pub use signal::{Alert, AlertLevel, ControlSignal, Restraint};
pub use snapshot::{ChainView, Holding, PositionView, Snapshot};
pub use task::{
    Conditions, Edge, Ending, GasWindow, Join, REBALANCE_CAMPAIGN, TaskRecord, TaskSpec, TaskState,
    TriggerState, Work,
};
pub use time::Timestamp;
pub use token::{Token, TokenAmount};
pub use token_danger::{TokenDanger, TokenFindings, TokenView};
pub use transaction_log::{
    Answer, Attempt, Checkpoint, LogError, NewSignature, Slot, TransactionLog, no_checkpoint,
};
pub use unwind::{
    UNWIND_CAMPAIGN, Unwind, UnwindCancelled, UnwindEnd, UnwindOutcome, UnwindRequest,
};
pub use verdict::{PermitTerms, Reason, Reservation, Target, Verdict};
pub use volatility::{VolPoints, VolatilityState};
