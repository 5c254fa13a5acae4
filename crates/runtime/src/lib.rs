//! The tick: wires the rooms into the flow `observe → assess → allocate → schedule → permit →
//! execute → settle`, and owns clocks.

mod advance;
pub mod amounts;
mod checkpoint;
pub mod clock;
pub mod engine;
pub mod error;
pub mod ledger;
mod observe;
pub mod replay;
pub mod settings;
mod tick;

pub use checkpoint::CHECKPOINTS;
pub use clock::{Clock, SimulatedClock, SystemClock};
pub use engine::{Engine, Listener, Parts, TickReport};
pub use error::RunError;
pub use settings::{ChainSettings, FeedSettings, Mode, Settings};
