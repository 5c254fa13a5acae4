//! The tick: wires the rooms into the flow `observe → assess → allocate → schedule → permit →
//! execute → settle`, and owns clocks.

mod advance;
pub mod amounts;
mod assess;
mod checkpoint;
pub mod clock;
pub mod engine;
pub mod error;
mod hold;
mod in_force;
pub mod learning;
pub mod ledger;
mod leftovers;
pub mod market;
mod observe;
mod orders;
mod permit;
pub mod planning;
pub mod replay;
mod restore;
mod restraint;
pub mod settings;
mod tick;
mod unstick;
pub mod unwind;
mod watch;
pub mod withdrawals;

pub use checkpoint::CHECKPOINTS;
pub use clock::{Clock, SimulatedClock, SystemClock};
pub use engine::{Engine, Listener, Parts, TickReport};
pub use error::RunError;
pub use in_force::{IN_FORCE, InForce, policy_changes};
pub use market::{Market, NoMarket};
pub use planning::Planning;
pub use settings::{ChainSettings, FeedSettings, Mode, Settings, Watched};
pub use watch::RISK_REPORT;
