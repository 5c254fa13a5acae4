//! Gas: what it costs now, against its own history, a limit, and what the task is worth.

pub mod cost;
pub mod history;
pub mod limit;
pub mod profitability;

pub use cost::{Charge, CostBreakdown, CostError, GasUse, all_in};
pub use history::{BaseFeeHistory, GasDirection, GasTrend, ShortHistory};
pub use limit::{GasDenial, GasLimit, GasLimits, GasMeasure};
pub use profitability::{Unprofitable, check_profitability, cost_share};
